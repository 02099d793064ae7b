"""The tenant's objects as Graph shows them: property by property, so that a page costs only what was selected."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from localgraph.ids import make_id
from localgraph.schema import Json, Schema
from localgraph.tenant import ABSENT, SAME, LocalGroup, LocalRole, LocalTenant, LocalUser

MISSING = object()
"""What an answer leaves out."""


class View(Protocol):
    """How items of one kind are shown."""

    def read(self, item: Any, name: str) -> Any:
        """One property, or ``MISSING``."""
        ...

    def names(self, item: Any, select: tuple[str, ...]) -> Iterable[str]:
        """The properties that an answer holds; ``select`` is empty when none were asked for."""
        ...

    def annotations(self, item: Any) -> Json:
        """``@odata`` members that come with every item."""
        ...


def show(view: View, item: Any, select: tuple[str, ...]) -> Json:
    """An item as JSON."""
    shown = view.annotations(item)
    for name in view.names(item, select):
        value = view.read(item, name)
        if value is not MISSING:
            shown[name] = value
    return shown


class RawView:
    """Items that are Graph's JSON already. ``type_name`` fills in null where a declared property is selected."""

    def __init__(self, schema: Schema, type_name: str, *, declared_only: bool = False) -> None:
        self._declared = schema.properties(type_name) if schema.knows(type_name) else {}
        self._declared_only = declared_only

    def read(self, item: Mapping[str, Any], name: str) -> Any:
        """See ``View``."""
        if name in item:
            return item[name]
        if name not in self._declared:
            return MISSING
        return [] if self._declared[name].collection else None

    def names(self, item: Mapping[str, Any], select: tuple[str, ...]) -> Iterable[str]:
        """See ``View``."""
        if select and "*" not in select:
            return select
        if self._declared_only:
            return [name for name in item if name in self._declared or "@" in name]
        return [name for name in item if not name.startswith("@odata.")]

    def annotations(self, item: Mapping[str, Any]) -> Json:
        """See ``View``."""
        return {name: value for name, value in item.items() if name == "@odata.type"}


USER_DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""What /users returns when nothing is selected (Microsoft Graph reference, user resource type)."""

_USER: dict[str, Callable[[LocalUser], Any]] = {
    "id": lambda user: user.id,
    "userPrincipalName": lambda user: user.upn,
    "displayName": lambda user: user.name,
    "accountEnabled": lambda user: user.enabled,
    "userType": lambda user: user.user_type,
    "mail": lambda user: user.upn if user.mailbox and "#EXT#" not in user.upn else None,
    "mailNickname": lambda user: user.upn.split("@")[0],
}


class UserView:
    """Users."""

    def __init__(self, schema: Schema, tenant: LocalTenant, *, typed: bool = False) -> None:
        self._declared = schema.properties("user")
        self._bulk = tenant.bulk_mfa_state == "present"
        self._typed = typed

    def read(self, item: LocalUser, name: str) -> Any:
        """See ``View``."""
        if item.extra is not None and name in item.extra:
            return MISSING if item.extra[name] == ABSENT else item.extra[name]
        if name in _USER:
            return _USER[name](item)
        if name == "perUserMfaState":
            return self._bulk_state(item)
        if name not in self._declared:
            return MISSING
        return [] if self._declared[name].collection else None

    def _bulk_state(self, user: LocalUser) -> Any:
        state = user.mfa if user.mfa_bulk == SAME else user.mfa_bulk
        return state if self._bulk and state != ABSENT else MISSING

    def names(self, item: LocalUser, select: tuple[str, ...]) -> Iterable[str]:
        """See ``View``."""
        return USER_DEFAULT if not select or "*" in select else select

    def annotations(self, item: LocalUser) -> Json:
        """See ``View``."""
        return {"@odata.type": "#microsoft.graph.user"} if self._typed else {}


class GroupView:
    """Groups."""

    def __init__(self, schema: Schema, *, typed: bool = False) -> None:
        self._declared = schema.properties("group")
        self._typed = typed

    def read(self, item: LocalGroup, name: str) -> Any:
        """See ``View``."""
        if item.extra is not None and name in item.extra:
            return item.extra[name]
        if name in _GROUP:
            return _GROUP[name](item)
        if name not in self._declared:
            return MISSING
        return [] if self._declared[name].collection else None

    def names(self, item: LocalGroup, select: tuple[str, ...]) -> Iterable[str]:
        """See ``View``."""
        return _GROUP_DEFAULT if not select or "*" in select else select

    def annotations(self, item: LocalGroup) -> Json:
        """See ``View``."""
        return {"@odata.type": "#microsoft.graph.group"} if self._typed else {}


_GROUP: dict[str, Callable[[LocalGroup], Any]] = {
    "id": lambda group: group.id,
    "displayName": lambda group: group.name,
    "groupTypes": lambda group: (["Unified"] if group.hidden else []) + (["DynamicMembership"] if group.rule else []),
    "membershipRule": lambda group: group.rule,
    "membershipRuleProcessingState": lambda group: "On" if group.rule else None,
    "isAssignableToRole": lambda group: True if group.role_assignable else None,
    "securityEnabled": lambda group: True,
    "mailEnabled": lambda group: group.hidden,
    "mailNickname": lambda group: group.id[:8],
    # Only Microsoft 365 groups can hide their membership.
    "visibility": lambda group: "HiddenMembership" if group.hidden else None,
}
_GROUP_DEFAULT = (
    "id",
    "deletedDateTime",
    "classification",
    "createdDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "renewedDateTime",
    "securityEnabled",
    "securityIdentifier",
    "theme",
    "visibility",
)


class RoleObjectView:
    """Directory roles as objects that people are members of: not to be confused with role definitions."""

    def __init__(self, tenant: LocalTenant) -> None:
        self._tenant = tenant

    def read(self, item: LocalRole, name: str) -> Any:
        """See ``View``."""
        return {
            "id": role_object_id(self._tenant, item),
            "deletedDateTime": None,
            "description": f"Members of the role {item.name}.",
            "displayName": item.name,
            "roleTemplateId": item.template_id or item.id,
        }.get(name, MISSING)

    def names(self, item: LocalRole, select: tuple[str, ...]) -> Iterable[str]:
        """See ``View``."""
        default = ("id", "deletedDateTime", "description", "displayName", "roleTemplateId")
        return default if not select or "*" in select else select

    def annotations(self, item: LocalRole) -> Json:
        """See ``View``."""
        return {"@odata.type": "#microsoft.graph.directoryRole"}


class DirectoryView:
    """Users, groups, directory roles and service principals in one collection, each with its type."""

    def __init__(self, schema: Schema, tenant: LocalTenant, *, cast: str | None = None) -> None:
        typed = cast is None
        self._views: dict[type, View] = {
            LocalUser: UserView(schema, tenant, typed=typed),
            LocalGroup: GroupView(schema, typed=typed),
            LocalRole: RoleObjectView(tenant),
            dict: RawView(schema, "servicePrincipal"),
        }
        self._typed = typed

    def read(self, item: Any, name: str) -> Any:
        """See ``View``."""
        return self._views[type(item)].read(item, name)

    def names(self, item: Any, select: tuple[str, ...]) -> Iterable[str]:
        """See ``View``."""
        return self._views[type(item)].names(item, select)

    def annotations(self, item: Any) -> Json:
        """See ``View``."""
        if not self._typed:
            return {}
        if isinstance(item, dict):
            return {"@odata.type": "#microsoft.graph.servicePrincipal"}
        return self._views[type(item)].annotations(item)


def role_object_id(tenant: LocalTenant, role: LocalRole) -> str:
    """The id of the directoryRole object: not the template's id, and different in every tenant."""
    return make_id(tenant.id, "directoryRole", role.id)
