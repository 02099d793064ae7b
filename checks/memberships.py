"""What the audit log says about memberships: who came into, or out of, which group or role, and when. Pure."""

from collections.abc import Iterable

from tenant.model import Account, AuditEvent, AuditTrail, Tenant


class Moves:
    """The newest move of each member into or out of each group and role."""

    def __init__(self, tenant: Tenant, trail: AuditTrail | None) -> None:
        """Takes the tenant (for nested groups) and what is known of its audit log (None: nothing)."""
        self._tenant = tenant
        self._groups = tenant.groups.keys() | frozenset[str]().union(*tenant.nesting.values())
        self._newest: dict[str, dict[str, AuditEvent]] = {}
        self._among: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}
        for event in trail.events if trail else ():
            if event.container_id:
                self._newest.setdefault(event.container_id, {}).setdefault(event.target_id, event)

    def among(self, groups: frozenset[str], roles: frozenset[str] = frozenset()) -> frozenset[str]:
        """Those of the groups, of all that are nested in them, and of the roles that anybody moved into or out of."""
        key = groups, roles
        if key not in self._among:  # most have no events, and then no account needs a second look at them
            self._among[key] = frozenset((self._tenant.with_nested(groups) | roles) & self._newest.keys())
        return self._among[key]

    def newest(self, container: str, account: Account) -> AuditEvent | None:
        """The newest event that brought the account, or a group that it is in, into or out of a group or role."""
        moves = self._newest.get(container, {})
        found = [moves[id] for id in moves.keys() & {account.id, *account.known_groups}]
        return latest(found)

    def possible(self, container: str, account: Account) -> list[AuditEvent]:
        """The events of which one may be the newest for an account whose groups aren't all known."""
        moves = self._newest.get(container, {})
        return [event for id, event in moves.items() if id == account.id or id in self._groups]

    def out_of(self, containers: Iterable[str], account: Account) -> list[AuditEvent]:
        """For each group or role that the account isn't in any more: the newest event that took it out."""
        moves = [(container, self.newest(container, account)) for container in containers]
        return [
            event
            for container, event in moves
            if event and event.kind.endswith("_removed") and container not in account.known_groups
        ]


def latest(events: Iterable[AuditEvent]) -> AuditEvent | None:
    """The newest of some events."""
    return max(events, key=lambda event: event.time, default=None)
