"""Names of what a tenant under construction holds, and the ids that they stand for."""

import copy
from collections.abc import Mapping
from uuid import UUID

from localgraph.ids import APPS, make_id
from localgraph.policy_json import Lookup
from localgraph.schema import Json
from localgraph.tenant import LocalGroup, LocalTenant

_TOKENS = {"all", "none", "guestsorexternalusers"}


class NameBook:
    """Resolves names, without case; ids stand for themselves. Raises ``KeyError`` for a name that nothing has."""

    def __init__(self, tenant: LocalTenant, key: str) -> None:
        """``key`` tells the ids of one tenant from those of another."""
        self._tenant = tenant
        self._key = key
        self.users: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.locations: dict[str, str] = {}
        self.service_principals: dict[str, str] = {}

    def lookup(self) -> Lookup:
        """What a policy needs."""
        return Lookup(self._scope_user, self._scope_group, self.role, _app, self._location, self._strength)

    def group(self, name: str, id: str | None = None) -> str:
        """The id of a group, which comes into being when it isn't there yet."""
        if name in self._tenant.groups:
            return name
        made = self.groups.get(name.casefold())
        if made is None:
            made = (id or make_id(self._key, "group", name)).lower()
            self.groups[name.casefold()] = made
            self._tenant.groups[made] = LocalGroup(made, name)
        return made

    def principal(self, name: str) -> str:
        """The id of a user, group or service principal; a name that nothing has becomes a group."""
        if is_id(name):
            return name.lower()
        key = name.casefold()
        for known in (self.users, self.groups, self.service_principals):
            if key in known:
                return known[key]
        if "@" in name:
            raise KeyError(f"No user {name!r} was defined.")
        return self.group(name)

    def user(self, name: str) -> str:
        """The id of a user."""
        return _find(self.users, name, "user")

    def service_principal(self, name: str) -> str:
        """The id of a service principal."""
        return _find(self.service_principals, name, "service principal")

    def role(self, name: str) -> str:
        """The id of a role definition."""
        roles = {role.name.casefold(): role.id for role in self._tenant.roles.values()}
        return name if is_id(name) else _find(roles, name, "role")

    def _scope_user(self, name: str) -> str:
        return name if name.casefold() in _TOKENS or is_id(name) else self.user(name)

    def _scope_group(self, name: str) -> str:
        return name if is_id(name) else _find(self.groups, name, "group")

    def _location(self, name: str) -> str:
        return name if name in {"All", "AllTrusted"} or is_id(name) else _find(self.locations, name, "location")

    def _strength(self, name: str) -> Json:
        for strength in self._tenant.strengths:
            if name in {strength["displayName"], strength["id"]}:
                return copy.deepcopy(strength)
        raise KeyError(f"No authentication strength {name!r} was defined.")


def is_id(text: str) -> bool:
    """Whether a text is an object id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _app(name: str) -> str:
    return APPS.get(name, name)


def _find(known: Mapping[str, str], name: str, kind: str) -> str:
    if name.casefold() not in known:
        raise KeyError(f"No {kind} {name!r} was defined.")
    return known[name.casefold()]
