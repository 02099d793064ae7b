"""What the audit log says about memberships: who came into, or out of, which group or role, and when. Pure."""

from collections.abc import Collection, Iterable

from tenant.model import Account, AuditEvent, AuditTrail, Tenant

Edge = tuple[str, str]
"""A member, and the group or role that it is in itself: their ids."""


class Moves:
    """The moves of each member into or out of each group and role."""

    def __init__(self, tenant: Tenant, trail: AuditTrail | None) -> None:
        """Takes the tenant (for nested groups) and what is known of its audit log (None: nothing)."""
        self._tenant = tenant
        self._groups = tenant.groups.keys() | frozenset[str]().union(*tenant.nesting.values())
        self._moves: dict[str, dict[str, list[AuditEvent]]] = {}
        """Group or role -> member -> its moves, the newest first."""
        self._among: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}
        for event in trail.events if trail else ():
            if event.container_id:
                self._moves.setdefault(event.container_id, {}).setdefault(event.target_id, []).append(event)

    def among(self, groups: frozenset[str], roles: frozenset[str] = frozenset()) -> frozenset[str]:
        """Those of the groups, of all that are nested in them, and of the roles that anybody moved into or out of."""
        key = groups, roles
        if key not in self._among:  # most have no events, and then no account needs a second look at them
            self._among[key] = frozenset((self._tenant.with_nested(groups) | roles) & self._moves.keys())
        return self._among[key]

    def newest(self, container: str, account: Account) -> AuditEvent | None:
        """The newest event that brought the account, or a group that it is in, into or out of a group or role."""
        moves = self._moves.get(container, {})
        found = [moves[id][0] for id in moves.keys() & {account.id, *account.known_groups}]
        return latest(found)

    def with_once_nested(self, containers: frozenset[str]) -> frozenset[str]:
        """The groups and roles, and all groups that are or were nested in them; none where nobody moved into or out of any."""
        found, more = frozenset[str](), containers
        while more:
            found |= self._tenant.with_nested(more)
            movers = (id for one in found & self._moves.keys() for id in self._moves[one])
            more = frozenset(movers) & (self._groups | self._moves.keys()) - found
        return found if found & self._moves.keys() else frozenset()

    def concerning(self, containers: frozenset[str], account: Account) -> list[AuditEvent]:
        """What came into those groups and roles, or left them, where it may have brought the account along."""
        who = {account.id, *account.known_groups}
        moved = sorted(containers & self._moves.keys())
        if not any(self._moves[one].keys() & who for one in moved):
            return []
        who |= containers
        return [event for one in moved for id in self._moves[one].keys() & who for event in self._moves[one][id]]

    def edges(self, groups: frozenset[str], account: Account) -> frozenset[Edge]:
        """Who is in which of the groups today, as far as it matters to the account.

        What the log says counts only where it fits what was read. Where nothing else explains why the account is in a group, it is in it
        itself.
        """
        mine, here = account.known_groups, {account.id, *account.known_groups}
        moved = ((group, self._moves[group]) for group in groups & self._moves.keys())
        found = {
            (id, group)
            for group, moves in moved
            for id in moves.keys() & (here | groups)
            if moves[id][0].kind.endswith("_added") and (group in mine or id not in here)
        }
        found |= {(inside, group) for group in groups for inside in self._tenant.nesting.get(group, ())}
        explained = {group for id, group in found if id in mine}
        found |= {(account.id, group) for group in groups & mine - explained}
        unreached = groups & mine - groups_through(found, account, groups)  # groups that are in each other
        return frozenset(found | {(account.id, group) for group in unreached})

    def possible(self, container: str, account: Account) -> list[AuditEvent]:
        """The events of which one may be the newest for an account whose groups aren't all known."""
        moves = self._moves.get(container, {})
        return [newest for id, (newest, *_) in moves.items() if id == account.id or id in self._groups]

    def out_of(self, containers: Iterable[str], account: Account) -> list[AuditEvent]:
        """For each group or role that the account isn't in any more: the newest event that took it out."""
        moves = [(container, self.newest(container, account)) for container in containers]
        return [
            event
            for container, event in moves
            if event and event.kind.endswith("_removed") and container not in account.known_groups
        ]


def groups_through(edges: Collection[Edge], account: Account, groups: frozenset[str]) -> frozenset[str]:
    """The groups that the account is in where the edges say who is in those ``groups``; in others it is as it was read."""
    found = {account.id, *(account.known_groups - groups)}
    while more := {group for id, group in edges if id in found and group in groups} - found:
        found |= more
    return frozenset(found - {account.id})


def latest(events: Iterable[AuditEvent]) -> AuditEvent | None:
    """The newest of some events."""
    return max(events, key=lambda event: event.time, default=None)
