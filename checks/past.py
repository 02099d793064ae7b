"""How a policy and an account's memberships were before, as far as the audit log shows it. Pure.

What holds of an account today began with the newest event before which it didn't hold, and ended with the newest before which it did. To
find it, one event after the other is undone, each on what the later ones left: that somebody came into a second group of the same
policy began nothing, nor did a policy that was changed while the account was excluded.

Where what the log shows doesn't lead to what was read, something is missing: a change that the log shows minutes late, or never. Then
nothing older can be what made it so, and none is named.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.memberships import Edge, Moves, groups_through
from tenant.model import Account, AuditEvent, AuditTrail, Gap, Policy, RoleAssignment, Tenant

APART = timedelta(minutes=1)
"""Between a policy's own time of its last change and the time of its entry in the audit log, at most."""
_UNSEEN = "policy_unseen"
"""The kind of a change of a policy that its own date tells of, and the log doesn't."""


@dataclass(frozen=True, slots=True)
class Then:
    """A policy, and who was in what, at one moment."""

    policy: Policy | None
    """None: there was none."""
    version: Hashable
    """Equal for the same version of the same policy."""
    edges: frozenset[Edge] = frozenset()
    """As far as they matter to the policy and may have been others."""


Holds = Callable[[Then], bool]
"""Whether what is asked about held of the account then."""


@dataclass(frozen=True, slots=True)
class History:
    """What may have changed what a policy does to an account."""

    policy_id: str
    account: Account
    now: Then
    events: tuple[AuditEvent, ...] = ()
    """Newest first."""
    groups: frozenset[str] = frozenset()
    """Those of which the edges say who is in them; whoever is in any other stays there."""

    def account_at(self, then: Then) -> Account:
        """The account with the groups that it was in."""
        if then.edges == self.now.edges:
            return self.account
        return replace(self.account, groups=groups_through(then.edges, self.account, self.groups))

    def roles_moved(self, then: Then) -> tuple[frozenset[Edge], frozenset[Edge]]:
        """Who holds a role today and didn't then, and who did then and doesn't today."""
        here, there = (
            frozenset(edge for edge in edges if edge[1] not in self.groups) for edges in (self.now.edges, then.edges)
        )
        return here - there, there - here

    def made_so(self, holds: Holds) -> list[AuditEvent]:
        """The event that made it hold, and the one of the other kind, of policy and memberships, that it took before that."""
        found = self._turned(self.events, self.now, holds, today=True)
        if found is None:
            return []
        first, after = found
        others = [one for one in self.events if one.time <= first.time and _of_policy(one) != _of_policy(first)]
        before = self._turned(others, after, holds, today=True)
        return [first, *([before[0]] if before else [])]

    def ended(self, holds: Holds, since: datetime | None) -> AuditEvent | None:
        """The event that ended it; one of that time or before isn't looked for."""
        events = self.events if since is None else (event for event in self.events if event.time > since)
        found = self._turned(events, self.now, holds, today=False)
        return found[0] if found else None

    def _turned(
        self, events: Iterable[AuditEvent], then: Then, holds: Holds, *, today: bool
    ) -> tuple[AuditEvent, Then] | None:
        """The newest event that turned it to what it is today, with what was so right after it; None where none is known to have."""
        for event in events:
            after = self._after(event, then)
            if after is not then and holds(after) is not today:
                return None
            before = _before(event, after)
            if before is None:  # the last change counts, where the log doesn't say what was before
                return (event, after) if today and event.kind != _UNSEEN else None
            if before is not after and holds(before) is not today:
                return (event, after) if event.kind != _UNSEEN else None
            then = before
        return None

    def _after(self, event: AuditEvent, then: Then) -> Then:
        """What was so right after an event, as it says; ``then``: as the later ones leave it."""
        if not _of_policy(event):
            return _with_edge(then, event, there=event.kind.endswith("_added"))
        if event.kind == "policy_deleted":
            return replace(then, policy=None, version=(event.target_id, None))
        if event.after is None or event.after == then.policy or self._was_last(event):
            return then
        return Then(event.after, (event.target_id, event.time, "after"), then.edges)

    def _was_last(self, event: AuditEvent) -> bool:
        """Whether by the policy's own date nothing changed it later: then it is what was read."""
        policy = self.now.policy
        return policy is not None and policy.modified is not None and event.time >= policy.modified - APART


def _before(event: AuditEvent, after: Then) -> Then | None:
    """What was so before an event; None where the log doesn't say it."""
    if not _of_policy(event):
        return _with_edge(after, event, there=event.kind.endswith("_removed"))
    if event.kind == "policy_added":
        return replace(after, policy=None, version=(event.target_id, None))
    if event.before is None:
        return None
    return Then(event.before, (event.target_id, event.time, "before"), after.edges)


def _with_edge(then: Then, event: AuditEvent, *, there: bool) -> Then:
    edge = event.target_id, event.container_id
    if (edge in then.edges) is there:
        return then
    return replace(then, edges=then.edges | {edge} if there else then.edges - {edge})


def _of_policy(event: AuditEvent) -> bool:
    return event.kind.startswith("policy_")


class Past:
    """What the audit log of a tenant says of its policies, and of who was in what they name."""

    def __init__(self, tenant: Tenant, trail: AuditTrail | None) -> None:
        """Takes the tenant and what is known of its audit log (None: nothing)."""
        self._tenant = tenant
        self._moves = Moves(tenant, trail)
        self._changes: dict[str, list[AuditEvent]] = {}
        self._told: dict[tuple[str, bool], tuple[AuditEvent, ...]] = {}
        self._named: dict[tuple[str, bool], frozenset[str]] = {}
        for event in trail.events if trail else ():
            if _of_policy(event):
                self._changes.setdefault(event.target_id, []).append(event)

    def history(
        self,
        policy_id: str,
        policy: Policy | None,
        account: Account,
        *,
        exclusions: bool = False,
        deletions: bool = False,
    ) -> History:
        """What may have changed what a policy (None: it is gone) does to an account.

        ``exclusions``: of memberships only those of what it excludes. ``deletions``: also that it was deleted; one that is there was
        restored, and the log doesn't say when.
        """
        changes = self._changes_of(policy_id, policy, deletions=deletions)
        now, named = Then(policy, (policy_id,)), self._named_by(policy_id, policy, exclusions=exclusions)
        moves = [] if isinstance(account.groups, Gap) else self._moves.concerning(named, account)
        if not moves:
            return History(policy_id, account, now, changes)
        roles = frozenset(one.container_id for one in moves if one.kind.startswith("role_"))
        edges = self._moves.edges(named - roles, account) | self._held(roles)
        events = sorted((*changes, *moves), key=lambda event: event.time, reverse=True)
        return History(policy_id, account, replace(now, edges=edges), tuple(events), named - roles)

    def has_moves(self, policy: Policy) -> bool:
        """Whether anybody moved into or out of what a policy names, or named."""
        return bool(self._named_by(policy.id, policy, exclusions=False))

    def tenant_at(self, then: Then, history: History) -> Tenant:
        """The tenant with that policy alone, and with who held which role."""
        policies = (replace(then.policy, id=history.policy_id),) if then.policy else ()
        return replace(self._tenant, policies=policies, role_assignments=self._assignments(then, history))

    def _held(self, roles: frozenset[str]) -> frozenset[Edge]:
        held = self._tenant.role_assignments
        every = () if isinstance(held, Gap) else held
        return frozenset((one.principal_id, one.template_id) for one in every if one.template_id in roles)

    def _assignments(self, then: Then, history: History) -> tuple[RoleAssignment, ...] | Gap:
        held = self._tenant.role_assignments
        given, taken = history.roles_moved(then)
        if isinstance(held, Gap) or not given | taken:
            return held
        kept = (one for one in held if (one.principal_id, one.template_id) not in given)
        return (*kept, *(RoleAssignment(who, role, role) for who, role in sorted(taken)))

    def _changes_of(self, policy_id: str, policy: Policy | None, *, deletions: bool) -> tuple[AuditEvent, ...]:
        """The changes of a policy, newest first; with its last one where only the policy's own date tells of that."""
        key = policy_id, deletions
        if key not in self._told:
            changes = self._changes.get(policy_id, [])
            last = (policy.modified or policy.created) if policy else None
            newest = changes[0] if changes else None
            if last is not None and (newest is None or newest.time < last - APART):
                unseen = AuditEvent(last, _UNSEEN, None, policy_id, "", before=newest.after if newest else None)
                changes = [unseen, *changes]
            self._told[key] = tuple(one for one in changes if deletions or one.kind != "policy_deleted")
        return self._told[key]

    def _named_by(self, policy_id: str, policy: Policy | None, *, exclusions: bool) -> frozenset[str]:
        """The groups and roles that any version of a policy names, and all that are, or were, nested in them; none where nobody moved."""
        key = policy_id, exclusions
        if key not in self._named:
            changes = self._changes.get(policy_id, ())
            versions = [policy, *(one for event in changes for one in (event.before, event.after))]
            named = frozenset[str]().union(*(_names(one, exclusions=exclusions) for one in versions if one))
            self._named[key] = self._moves.with_once_nested(named)
        return self._named[key]


def _names(policy: Policy, *, exclusions: bool) -> frozenset[str]:
    excluded = policy.exclude_groups | policy.exclude_roles
    return excluded if exclusions else excluded | policy.include_groups | policy.include_roles
