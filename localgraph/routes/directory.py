"""What memberships have in common: mixed collections of users, groups and roles, and their OData casts."""

from collections.abc import Iterable
from typing import Any

from localgraph.answers import Collection, collection
from localgraph.errors import bad_request
from localgraph.messages import Answer
from localgraph.service import Call
from localgraph.tenant import LocalGroup, LocalRole, LocalTenant, LocalUser
from localgraph.views import DirectoryView

DIRECTORY_OBJECTS = Collection(
    "members",
    "directoryObject",
    "directoryObjects",
    filters={"id": "eq in | ne"},
    directory=True,
)
_CASTS: dict[str, type] = {
    "user": LocalUser,
    "group": LocalGroup,
    "directoryRole": LocalRole,
    "servicePrincipal": dict,
    "device": type(None),
    "administrativeUnit": type(None),
    "orgContact": type(None),
}
_CONTEXTS = {
    "user": "users",
    "group": "groups",
    "directoryRole": "directoryRoles",
    "servicePrincipal": "servicePrincipals",
}
_CAST_FILTERS = {
    "user": {"id": "eq in | ne", "displayName": "| eq in startswith", "userPrincipalName": "| eq in startswith"},
    "group": {
        "id": "eq in | ne",
        "displayName": "| eq in startswith",
        "securityEnabled": "| eq",
        "isAssignableToRole": "| eq",
    },
}


def containers(call: Call, ids: Iterable[str]) -> Answer:
    """Groups and roles by id, as a collection; groups with hidden membership only for those who may see it."""
    visible = [
        item for item in objects(call.tenant, ids) if call.tenant.hidden_members_readable or not _is_hidden(item)
    ]
    return _collection(call, visible)


def members(call: Call, ids: Iterable[str]) -> Answer:
    """Members by id, as a collection."""
    return _collection(call, objects(call.tenant, ids))


def objects(tenant: LocalTenant, ids: Iterable[str]) -> list[Any]:
    """The directory objects with the ids; an id that nothing has is left out."""
    found = []
    for id in ids:
        item = (
            tenant.users.get(id) or tenant.groups.get(id) or tenant.roles.get(id) or tenant.service_principals.get(id)
        )
        if item is not None:
            found.append(item)
    return found


def _collection(call: Call, items: list[Any]) -> Answer:
    cast = call.cast
    if cast is None:
        return collection(call, DIRECTORY_OBJECTS, items, DirectoryView(call.schema, call.tenant))
    if cast not in _CASTS:
        raise bad_request(f"Type cast segment 'microsoft.graph.{cast}' is not allowed here.")
    wanted = [item for item in items if isinstance(item, _CASTS[cast])]
    known = cast if call.schema.knows(cast) else "directoryObject"
    filters = _CAST_FILTERS.get(cast, {"id": "eq in | ne"})
    what = Collection(
        "members",
        known,
        _CONTEXTS.get(cast, "directoryObjects"),
        filters=filters,
        order=("displayName",),
        directory=True,
    )
    return collection(call, what, wanted, DirectoryView(call.schema, call.tenant, cast=cast))


def _is_hidden(item: Any) -> bool:
    return isinstance(item, LocalGroup) and item.hidden
