"""Users: properties, memberships, authentication methods, per-user MFA, mailbox."""

from collections.abc import Iterable
from typing import Any

from localgraph.answers import Collection, collection, context, no_options, prefers_all_members, single
from localgraph.errors import GraphRefusal, bad_request, not_found, not_premium
from localgraph.limits import METHODS
from localgraph.messages import Answer
from localgraph.query import parse_options
from localgraph.routes.directory import containers
from localgraph.schema import Json
from localgraph.service import Call, Route
from localgraph.tenant import ABSENT, LocalGroup, LocalUser
from localgraph.views import DirectoryView, RawView, UserView

_EQ = "eq in | ne"
_TEXT = "eq in startswith ge le | ne"
_ADVANCED = "| eq ne in ge le startswith"
USER_FILTERS = {
    "id": _EQ,
    "userPrincipalName": "eq in startswith le | ne endswith",
    "mail": "eq in startswith ge le | ne endswith",
    "accountEnabled": "eq in | ne ge le",
    "userType": _EQ,
    "displayName": "eq in startswith | ne",
    "givenName": _TEXT,
    "surname": _TEXT,
    "jobTitle": "eq in ge le | ne",
    "department": _TEXT,
    "mailNickname": _TEXT,
    "country": _TEXT,
    "city": "eq in startswith ge | ne",
    "usageLocation": _TEXT,
    "createdDateTime": "eq ge le | ne in",
    "creationType": _EQ,
    "externalUserState": _EQ,
    "onPremisesSyncEnabled": "eq in | ne ge le",
    "employeeId": "eq startswith | ne le",
    "companyName": _ADVANCED,
    "employeeType": _ADVANCED,
    "officeLocation": _ADVANCED,
    "passwordPolicies": "| eq ne",
    **{f"onPremisesExtensionAttributes/extensionAttribute{number}": "| eq ne ge le in" for number in range(1, 16)},
}
"""After "Advanced query capabilities on Microsoft Entra ID objects": filters by property of a user."""

_USERS = Collection(
    "users",
    "user",
    "users",
    filters=USER_FILTERS,
    order=("displayName", "userPrincipalName"),
    directory=True,
)
_METHODS = Collection("methods", "authenticationMethod", "users('{id}')/authentication/methods")
_SECURE = ("UserAuthenticationMethod.Read.All",)
_READ_USERS = ("User.Read.All", "Directory.Read.All")
_MEMBERSHIPS = ("GroupMember.Read.All", "Directory.Read.All")


def list_users(call: Call) -> Answer:
    """GET /users."""
    options = parse_options(call.request.query, single=False)
    _check_sign_in_activity(call, options.select)
    return collection(call, _USERS, list(call.tenant.users.values()), UserView(call.schema, call.tenant))


def get_user(call: Call) -> Answer:
    """GET /users/{id or UPN}."""
    _check_sign_in_activity(call, parse_options(call.request.query, single=True).select)
    return single(call, "user", user_of(call), UserView(call.schema, call.tenant), "users")


def list_member_of(call: Call) -> Answer:
    """GET /users/{id}/memberOf."""
    return containers(call, call.tenant.membership.containers(user_of(call).id))


def list_transitive_member_of(call: Call) -> Answer:
    """GET /users/{id}/transitiveMemberOf."""
    return containers(call, call.tenant.membership.transitive_containers(user_of(call).id))


def get_member_groups(call: Call) -> Answer:
    """POST /users/{id}/getMemberGroups."""
    body = _object(call)
    if not isinstance(body.get("securityEnabledOnly"), bool):
        raise bad_request("The parameter 'securityEnabledOnly' must be a boolean.", "Request_BadRequest")
    ids = [group.id for group in _groups(call)]
    return Answer(body={"@odata.context": f"{call.request.root}/$metadata#Collection(Edm.String)", "value": ids})


def check_member_groups(call: Call) -> Answer:
    """POST /users/{id}/checkMemberGroups."""
    asked = _object(call).get("groupIds")
    if not isinstance(asked, list) or not asked or len(asked) > 20:
        raise bad_request("The parameter 'groupIds' must hold 1 to 20 ids.", "Request_BadRequest")
    among = {group.id for group in _groups(call)}
    ids = [id for id in asked if str(id).lower() in among]
    return Answer(body={"@odata.context": f"{call.request.root}/$metadata#Collection(Edm.String)", "value": ids})


def list_methods(call: Call) -> Answer:
    """GET /users/{id}/authentication/methods."""
    user = user_of(call)
    password: Json = {
        "@odata.type": "#microsoft.graph.passwordAuthenticationMethod",
        "id": "28c10230-6103-485e-b985-444c60001490",
        "password": None,
        "createdDateTime": None,
    }
    what = Collection(_METHODS.name, _METHODS.type, _METHODS.context.replace("{id}", user.id))
    return collection(call, what, [password, *user.methods], RawView(call.schema, what.type))


def get_requirements(call: Call) -> Answer:
    """GET /users/{id}/authentication/requirements, beta only."""
    user = user_of(call)
    no_options(call)
    options = parse_options("", single=True)
    body: Json = {
        "@odata.context": context(call, f"users('{user.id}')/authentication/requirements", options),
    }
    if user.mfa != ABSENT:
        body["perUserMfaState"] = user.mfa
    if not prefers_all_members(call):
        body = call.schema.as_old_client("strongAuthenticationRequirements", body)
    return Answer(body=body)


def get_user_purpose(call: Call) -> Answer:
    """GET /users/{id}/mailboxSettings/userPurpose."""
    user = user_of(call)
    no_options(call)
    if user.mailbox is None:
        raise GraphRefusal(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )
    text = f"{call.request.root}/$metadata#users('{user.id}')/mailboxSettings/userPurpose"
    return Answer(body={"@odata.context": text, "value": user.mailbox})


def get_by_ids(call: Call) -> Answer:
    """POST /directoryObjects/getByIds: what is found, in any order; the rest is left out."""
    body = _object(call)
    ids, types = body.get("ids"), body.get("types")
    if not isinstance(ids, list) or not 0 < len(ids) <= 1000:
        raise bad_request("The parameter 'ids' must hold 1 to 1000 ids.", "Request_BadRequest")
    if types is not None and not isinstance(types, list):
        raise bad_request("The parameter 'types' must be a collection.", "Request_BadRequest")
    tenant = call.tenant
    found: list[Any] = []
    for id in dict.fromkeys(str(id).lower() for id in ids):
        for kind, known in (
            ("user", tenant.users),
            ("group", tenant.groups),
            ("servicePrincipal", tenant.service_principals),
        ):
            if id in known and (types is None or kind in types or "directoryObject" in types):
                found.append(known[id])
    what = Collection("getByIds", "directoryObject", "directoryObjects", page=1000, directory=True)
    return collection(call, what, found, DirectoryView(call.schema, tenant))


def user_of(call: Call) -> LocalUser:
    """The user that the path names. Raises ``GraphRefusal`` (404)."""
    found = call.tenant.find_user(call.keys["id"])
    if found is None:
        raise not_found(call.keys["id"])
    return found


def _groups(call: Call) -> Iterable[LocalGroup]:
    for id in call.tenant.membership.transitive_containers(user_of(call).id):
        group = call.tenant.groups.get(id)
        if group is not None and (not group.hidden or call.tenant.hidden_members_readable):
            yield group


def _check_sign_in_activity(call: Call, select: tuple[str, ...]) -> None:
    if "signInActivity" in select and not call.tenant.has_p1:
        raise not_premium()


def _object(call: Call) -> Json:
    if not isinstance(call.request.body, dict):
        raise bad_request("Unable to read JSON request payload.")
    return call.request.body


ROUTES = (
    Route("GET", "/users", list_users, _READ_USERS),
    Route("GET", "/users/{id}", get_user, _READ_USERS),
    Route("GET", "/users/{id}/memberOf", list_member_of, _MEMBERSHIPS),
    Route("GET", "/users/{id}/transitiveMemberOf", list_transitive_member_of, _MEMBERSHIPS),
    Route("POST", "/users/{id}/getMemberGroups", get_member_groups, _MEMBERSHIPS),
    Route("POST", "/users/{id}/checkMemberGroups", check_member_groups, _MEMBERSHIPS),
    Route("GET", "/users/{id}/authentication/methods", list_methods, _SECURE, limit=METHODS),
    # Documented under Policy.Read.All, and only there.
    Route("GET", "/users/{id}/authentication/requirements", get_requirements, ("Policy.Read.All",), ("beta",)),
    Route("GET", "/users/{id}/mailboxSettings/userPurpose", get_user_purpose, ("MailboxSettings.Read",)),
    Route(
        "POST",
        "/directoryObjects/getByIds",
        get_by_ids,
        ("Directory.Read.All", "User.Read.All", "GroupMember.Read.All"),
    ),
)
