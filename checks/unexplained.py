"""What the sign-in log proves about MFA demands that no readable policy explains.

Some demands have no policy object that Graph shows (the Identity Protection registration policy, partner rules), and a
demand may come from something that this product misread. The log says which mechanism asked (``requirementProvider``).

Evidence outlives the remedy by up to 30 days: a demand that was made before a policy was changed or deleted, or before the
account was excluded from it, says nothing about today. So each policy explains what is older than some moment: anything, where
it reaches the account; what came before its last change; what came before the account was taken out of its scope.
"""

from collections.abc import Hashable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from checks.memberships import Moves, latest
from checks.policy import REPORT_ONLY, can_reach_users, demands_mfa_somewhere, effect_of
from checks.scope import Reach, Roles, Scopes, proves_nothing
from tenant.model import Account, AuditTrail, Gap, MfaDemand, Policy, Tenant

_LOG_AGE = timedelta(days=30)
"""Older evidence says nothing about today (verdicts.md section 1, ``conditional``)."""

# requirementProvider values (Graph beta) that are no demand of the organization on the account: the per-user MFA state, which
# is read by itself; what the application or the client asked for; what an administrator started.
_NO_DEMAND = frozenset({"user", "request", "serviceprincipal", "proofupcoderequest", "unknownfuturevalue", ""})
# Security Defaults and their ancestor, which had the same switch: on, they hide the option, whatever the log says; off, they
# explain a demand of theirs, which is then of the past.
_SECURITY_DEFAULTS = frozenset(
    {
        "securitydefaults",
        "mfaregistrationrequiredbysecuritydefaults",
        "baselineprotection",
        "mfaregistrationrequiredbybaselineprotection",
    }
)
# Demands that no policy in Graph ever explains.
_NEVER_EXPLAINED = frozenset(
    {"mfaregistrationrequiredbyidentityprotectionpolicy", "enforcedforcspadmins", "crosstenantoutboundrule"}
)
# Everything else comes from Conditional Access, or from something new: a policy that reaches the account explains it.


_NEVER, _ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""The moment up to which demands are explained: none of them, and all."""


class Explaining:
    """All enforced policies of a tenant, whatever they are about: those that may explain what the log shows."""

    def __init__(self, tenant: Tenant, today: date, trail: AuditTrail | None = None) -> None:
        """Takes the tenant, the day of judging, and what is known of the tenant's audit log (None: nothing)."""
        self._tenant = tenant
        self._moves = Moves(tenant, trail)
        policies = tenant.known_policies
        enforced = [policy for policy in policies if _is_enforced(policy)]
        self._effects = tuple(effect_of(policy, tenant, today) for policy in enforced)
        self._scopes = Scopes(tenant, self._effects)
        demands = [demands_mfa_somewhere(policy, tenant) for policy in enforced]
        # Those that demand MFA for something, for certain and at most.
        self._least = sum(1 << bit for bit, (least, _) in enumerate(demands) if least)
        self._most = sum(1 << bit for bit, (_, most) in enumerate(demands) if most)
        changes = [*_changes(policies), *_changes_in(trail)]
        self._changed_least = max((when for policy, when in changes if _demanded(policy, tenant)[0]), default=_NEVER)
        self._changed_most = max((when for policy, when in changes if _demanded(policy, tenant)[1]), default=_NEVER)

    def position(self, account: Account) -> Hashable:
        """Equal for accounts whose demands the same policies explain, up to the same moment."""
        return self._scopes.position(account), self._until(account)

    def unexplained(self, account: Account, now: datetime) -> tuple[MfaDemand | None, MfaDemand | None]:
        """The MFA demand in the sign-in log that surely, and the one that possibly, no readable policy explains."""
        surely_explained, perhaps_explained, _ = self._until(account)
        return (
            unexplained_demand(account.mfa_demands, perhaps_explained, now),
            unexplained_demand(account.mfa_demands, surely_explained, now),
        )

    def gaps(self, account: Account) -> list[Gap]:
        """What is missing to tell whether a policy explains a demand."""
        roles = self._scopes.roles_of(account)
        _, _, unsure = self._until(account)
        open_effects = [effect for bit, effect in enumerate(self._effects) if unsure >> bit & 1]
        strengths = [self._tenant.strengths] if isinstance(self._tenant.strengths, Gap) else []
        return strengths + [gap for effect in open_effects for gap in self._scopes.gaps_behind(account, roles, effect)]

    def _until(self, account: Account) -> tuple[datetime, datetime, int]:
        """Up to when demands are explained, for certain and perhaps; and the policies of which that is open."""
        roles = self._scopes.roles_of(account)
        reach = self._scopes.reach(account, roles)
        surely, perhaps, unsure = self._changed_least, self._changed_most, 0
        if isinstance(self._tenant.policies, Gap):
            perhaps = _ALWAYS
        for bit, effect in enumerate(self._effects):
            if not self._most >> bit & 1:
                continue
            least, most = self._until_of(effect.policy, 1 << bit, reach, account, roles)
            least = least if self._least >> bit & 1 else _NEVER
            surely, perhaps = max(surely, least), max(perhaps, most)
            unsure |= (least != most) << bit
        return surely, perhaps, unsure

    def _until_of(
        self, policy: Policy, bit: int, reach: Reach, account: Account, roles: Roles
    ) -> tuple[datetime, datetime]:
        """Up to when one policy explains demands of the account, for certain and perhaps."""
        if reach.least & bit:
            return _ALWAYS, _ALWAYS
        left = self._since_left(policy, account)
        surely, perhaps = self._since_excluded(policy, account, roles)
        if reach.included & bit:
            # Where it excludes the account, what came before that is explained; where it doesn't, everything is.
            return surely, (perhaps if reach.excluded & bit else _ALWAYS)
        if reach.included_most & bit:
            return min(left, surely), (max(left, perhaps) if reach.excluded & bit else _ALWAYS)
        return left, left

    def _since_excluded(self, policy: Policy, account: Account, roles: Roles) -> tuple[datetime, datetime]:
        """Since when the policy has excluded the account, the first of several ways; always, where no time is known.

        The earliest moment that it may be, and the latest: that one leaves out the ways that can't be read.
        """
        changed = policy.modified or policy.created
        if changed and {account.id, "all"} & policy.exclude_users:
            return changed, changed
        groups = account.known_groups
        sure = [
            *(self._moved(group, account) for group in policy.exclude_groups & groups),
            *(self._moved(role, account) for role in policy.exclude_roles & roles.active),
        ]
        unread = {group for group in policy.exclude_groups - groups if self._may_be_in(group, account)}
        unread |= policy.exclude_roles - roles.active if roles.active_gaps else policy.exclude_roles & roles.unsure
        perhaps = [self._moved_at_least(id, account) for id in unread]
        earliest, last_of = [first for first, _ in sure], [last for _, last in sure]
        return min([*earliest, *perhaps], default=_ALWAYS), min(last_of, default=_ALWAYS)

    def _may_be_in(self, group: str, account: Account) -> bool:
        known = self._tenant.groups.get(group)
        return isinstance(account.groups, Gap) or (known is not None and proves_nothing(known))

    def _moved(self, container: str, account: Account) -> tuple[datetime, datetime]:
        """The last change of the membership in a group, through whichever nested groups, or in a role.

        The earliest and the latest that it may be: without the account's groups, a move of any other group may have been it.
        """
        held = account.known_groups | {container}
        containers = self._moves.among(frozenset({container}))
        moves = (self._moves.newest(one, account) for one in containers & held)
        newest = latest(event for event in moves if event)
        known = newest.time if newest else _ALWAYS
        if not isinstance(account.groups, Gap):
            return known, known
        times = [event.time for one in containers for event in self._moves.possible(one, account)]
        return min([known, *times]) if newest is None else known, max([known, *times])

    def _moved_at_least(self, container: str, account: Account) -> datetime:
        """The same where it can't be read through which groups, or whether at all: the earliest that it may be."""
        containers = self._moves.among(frozenset({container}))
        moves = (event for one in containers for event in self._moves.possible(one, account))
        return min((event.time for event in moves), default=_ALWAYS)

    def _since_left(self, policy: Policy, account: Account) -> datetime:
        """Since when the account has been out of what the policy includes, where the log shows that it left it."""
        left = latest(self._moves.out_of(self._moves.among(policy.include_groups, policy.include_roles), account))
        return left.time if left else _NEVER


def unexplained_demand(demands: Iterable[MfaDemand], explained: datetime, now: datetime) -> MfaDemand | None:
    """The newest MFA demand of the last 30 days that nothing readable explains, or None.

    Takes the demands seen for an account, the moment up to which policies explain them, and the time of judging.
    """

    def unexplained(demand: MfaDemand) -> bool:
        provider = demand.provider.lower()
        if provider in _NO_DEMAND | _SECURITY_DEFAULTS:
            return False
        return provider in _NEVER_EXPLAINED or demand.seen > explained

    recent = (demand for demand in demands if now - demand.seen <= _LOG_AGE)
    return max(filter(unexplained, recent), key=lambda demand: demand.seen, default=None)


def _is_enforced(policy: Policy) -> bool:
    return can_reach_users(policy) and policy.state != REPORT_ONLY


def _demanded(policy: Policy | None, tenant: Tenant) -> tuple[bool, bool]:
    """Whether the policy demands MFA for something, at least and at most; of one that is gone unseen it is taken for granted."""
    return demands_mfa_somewhere(policy, tenant) if policy else (True, True)


def _changes(policies: Iterable[Policy]) -> Iterator[tuple[Policy, datetime]]:
    """When policies were last changed: before that they may have reached anybody, whatever their state is today."""
    for policy in policies:
        if changed := policy.modified or policy.created:
            yield policy, changed


def _changes_in(trail: AuditTrail | None) -> Iterator[tuple[Policy | None, datetime]]:
    """Policies as they were before they were changed or deleted, with the moment; None: deleted, and the log doesn't say what.

    One that wasn't in force any more when it was deleted explains what came before its own last change.
    """
    for event in trail.events if trail else ():
        deleted, before = event.kind == "policy_deleted", event.before
        if before is None and deleted:
            yield None, event.time
        elif before and (deleted or event.kind == "policy_updated"):
            if _is_enforced(before):
                yield before, event.time
            elif deleted and before.modified:
                yield before, before.modified
