"""Applications: service principals, delegated consents, app role assignments."""

from localgraph.answers import Collection, collection, single
from localgraph.errors import not_found
from localgraph.messages import Answer
from localgraph.routes.users import user_of
from localgraph.service import Call, Route
from localgraph.views import RawView

_PRINCIPALS = Collection(
    "servicePrincipals",
    "servicePrincipal",
    "servicePrincipals",
    filters={
        "id": "eq in | ne",
        "appId": "eq in | ne",
        "displayName": "eq in startswith | ne",
        "servicePrincipalType": "eq in | ne",
        "accountEnabled": "eq in | ne",
        "appOwnerOrganizationId": "| eq ne in",
        "tags": "eq | ne",
    },
    order=("displayName",),
    directory=True,
)
_GRANTS = Collection(
    "oauth2PermissionGrants",
    "oAuth2PermissionGrant",
    "oauth2PermissionGrants",
    filters={"id": "eq", "clientId": "eq", "consentType": "eq", "principalId": "eq", "resourceId": "eq"},
    directory=True,
)
_APPLICATIONS = ("Application.Read.All", "Directory.Read.All")


def list_service_principals(call: Call) -> Answer:
    """GET /servicePrincipals."""
    items = list(call.tenant.service_principals.values())
    return collection(call, _PRINCIPALS, items, RawView(call.schema, _PRINCIPALS.type))


def get_service_principal(call: Call) -> Answer:
    """GET /servicePrincipals/{id}."""
    found = call.tenant.service_principals.get(call.keys["id"].lower())
    if found is None:
        raise not_found(call.keys["id"])
    return single(call, _PRINCIPALS.type, found, RawView(call.schema, _PRINCIPALS.type), _PRINCIPALS.context)


def list_grants(call: Call) -> Answer:
    """GET /oauth2PermissionGrants."""
    return collection(call, _GRANTS, call.tenant.permission_grants, RawView(call.schema, _GRANTS.type))


def list_app_role_assignments(call: Call) -> Answer:
    """GET /users/{id}/appRoleAssignments."""
    user = user_of(call)
    items = [item for item in call.tenant.app_role_assignments if item["principalId"] == user.id]
    what = Collection(
        "appRoleAssignments",
        "appRoleAssignment",
        f"users('{user.id}')/appRoleAssignments",
        filters={"resourceId": "eq"},
        directory=True,
    )
    return collection(call, what, items, RawView(call.schema, what.type))


def list_assigned(call: Call) -> Answer:
    """GET /servicePrincipals/{id}/appRoleAssignedTo."""
    id = call.keys["id"].lower()
    if id not in call.tenant.service_principals:
        raise not_found(call.keys["id"])
    items = [item for item in call.tenant.app_role_assignments if item["resourceId"] == id]
    what = Collection(
        "appRoleAssignedTo", "appRoleAssignment", f"servicePrincipals('{id}')/appRoleAssignedTo", directory=True
    )
    return collection(call, what, items, RawView(call.schema, what.type))


ROUTES = (
    Route("GET", "/servicePrincipals", list_service_principals, _APPLICATIONS),
    Route("GET", "/servicePrincipals/{id}", get_service_principal, _APPLICATIONS),
    Route("GET", "/servicePrincipals/{id}/appRoleAssignedTo", list_assigned, _APPLICATIONS),
    Route("GET", "/oauth2PermissionGrants", list_grants, ("DelegatedPermissionGrant.Read.All", "Directory.Read.All")),
    Route(
        "GET",
        "/users/{id}/appRoleAssignments",
        list_app_role_assignments,
        ("AppRoleAssignment.ReadWrite.All", "Directory.Read.All"),
    ),
)
