"""Groups and their members."""

from localgraph.answers import Collection, collection, single
from localgraph.errors import denied, not_found
from localgraph.messages import Answer
from localgraph.routes.directory import containers, members
from localgraph.service import Call, Route
from localgraph.tenant import LocalGroup
from localgraph.views import GroupView

_GROUPS = Collection(
    "groups",
    "group",
    "groups",
    filters={
        "id": "eq in | ne",
        "displayName": "eq in startswith | ne",
        "mail": "eq in startswith | ne",
        "mailNickname": "eq in startswith | ne",
        "securityEnabled": "eq in | ne",
        "mailEnabled": "eq in | ne",
        "isAssignableToRole": "eq",
        "groupTypes": "eq",
        "onPremisesSyncEnabled": "eq in | ne",
        "membershipRuleProcessingState": "| eq ne in",
    },
    order=("displayName",),
    directory=True,
)
_READ = ("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All")


def list_groups(call: Call) -> Answer:
    """GET /groups."""
    return collection(call, _GROUPS, list(call.tenant.groups.values()), GroupView(call.schema))


def get_group(call: Call) -> Answer:
    """GET /groups/{id}."""
    return single(call, "group", _group(call), GroupView(call.schema), "groups")


def list_members(call: Call) -> Answer:
    """GET /groups/{id}/members."""
    return members(call, call.tenant.membership.members(_readable(call).id))


def list_transitive_members(call: Call) -> Answer:
    """GET /groups/{id}/transitiveMembers."""
    return members(call, call.tenant.membership.transitive_members(_readable(call).id))


def list_member_of(call: Call) -> Answer:
    """GET /groups/{id}/memberOf."""
    return containers(call, call.tenant.membership.containers(_group(call).id))


def list_transitive_member_of(call: Call) -> Answer:
    """GET /groups/{id}/transitiveMemberOf."""
    return containers(call, call.tenant.membership.transitive_containers(_group(call).id))


def _group(call: Call) -> LocalGroup:
    found = call.tenant.groups.get(call.keys["id"].lower())
    if found is None:
        raise not_found(call.keys["id"])
    return found


def _readable(call: Call) -> LocalGroup:
    found = _group(call)
    if found.hidden and not call.tenant.hidden_members_readable:
        raise denied()
    return found


ROUTES = (
    Route("GET", "/groups", list_groups, _READ),
    Route("GET", "/groups/{id}", get_group, _READ),
    Route("GET", "/groups/{id}/members", list_members, _READ),
    Route("GET", "/groups/{id}/transitiveMembers", list_transitive_members, _READ),
    Route("GET", "/groups/{id}/memberOf", list_member_of, _READ),
    Route("GET", "/groups/{id}/transitiveMemberOf", list_transitive_member_of, _READ),
)
