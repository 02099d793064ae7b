"""What the sign-in log proves about MFA demands that no readable policy explains.

Some demands have no policy object that Graph shows (the Identity Protection registration policy, partner rules), and a
demand may come from something that this product misread. The log says which mechanism asked (``requirementProvider``).

Evidence outlives the remedy by up to 30 days: a demand that was made before a policy was changed or deleted, or before the
account was excluded from it, says nothing about today. So each version of a policy, as it is or as the audit log shows that it was,
explains what is older than some moment: where it reaches the account, anything until it ended; otherwise what came before the
account was taken out of its scope. A version that nobody saw may have reached anybody: it explains what came before it ended. What
was never changed had no other version.

What only the audit log tells is lost with it: that an exclusion is older than the demand, or what a policy was before its last change.
A loss explains nothing. So it is said as well whether the log was needed to tell that nothing explains a demand, and whether what
explains one is known for certain.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from checks.memberships import Moves, latest
from checks.past import APART
from checks.policy import REPORT_ONLY, can_reach_users, demands_mfa_somewhere, effect_of
from checks.scope import Reach, Roles, Scopes, proves_nothing
from tenant.model import Account, AuditTrail, Gap, MfaDemand, Policy, Tenant

_LOG_AGE = timedelta(days=30)
"""Older evidence says nothing about today (verdicts.md section 1, ``conditional``)."""

# requirementProvider values (Graph beta) that are no demand of the organization on the account: the per-user MFA state, which
# is read by itself; what the application or the client asked for; what an administrator started.
_NO_DEMAND = frozenset({"user", "request", "serviceprincipal", "proofupcoderequest", ""})
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


@dataclass(frozen=True, slots=True)
class _Version:
    """A policy as it is, or as the audit log shows that it was."""

    policy: Policy
    ended: datetime
    """When it was changed or deleted; never, of a policy as it is."""
    unseen: datetime | None
    """When the version before it ended that nobody saw; never, where there is none; None where that isn't known."""


class Explaining:
    """All enforced policies of a tenant, whatever they are about: those that may explain what the log shows."""

    def __init__(self, tenant: Tenant, today: date, trail: AuditTrail | None = None) -> None:
        """Takes the tenant, the day of judging, and what is known of the tenant's audit log (None: nothing)."""
        self._tenant, self._today, self._trail = tenant, today, trail
        self._moves = Moves(tenant, trail)
        versions = list(_versions(tenant.known_policies, trail))
        self._versions = tuple(version for version in versions if _is_enforced(version.policy))
        self._effects = tuple(effect_of(version.policy, tenant, today) for version in self._versions)
        self._scopes = Scopes(tenant, self._effects)
        demands = [demands_mfa_somewhere(version.policy, tenant) for version in self._versions]
        # Those that demand MFA for something, for certain and at most.
        self._least = sum(1 << bit for bit, (least, _) in enumerate(demands) if least)
        self._most = sum(1 << bit for bit, (_, most) in enumerate(demands) if most)
        # What nobody saw is taken to have demanded what came after it does; of what was deleted unseen it is taken for granted.
        unseen = [(version.unseen, demands_mfa_somewhere(version.policy, tenant)) for version in versions]
        unseen += [(when, (True, True)) for when in _deleted_unseen(trail)]
        self._unseen_least = max((when for when, (least, _) in unseen if when and least), default=_NEVER)
        self._unseen_most = max((when for when, (_, most) in unseen if when and most), default=_NEVER)

    def position(self, account: Account) -> Hashable:
        """Equal for accounts whose demands the same policies explain, up to the same moment."""
        until = self._until(account)
        counts = any(demand.seen > until[0] for demand in account.mfa_demands)
        without_log = self._without_log._until(account) if counts else None
        return self._scopes.position(account), until, self._certainly(account), without_log

    def unexplained(self, account: Account, now: datetime) -> tuple[MfaDemand | None, MfaDemand | None]:
        """The MFA demand in the sign-in log that surely, and the one that possibly, no readable policy explains."""
        surely_explained, perhaps_explained, _ = self._until(account)
        return (
            unexplained_demand(account.mfa_demands, perhaps_explained, now),
            unexplained_demand(account.mfa_demands, surely_explained, now),
        )

    def needs_no_log(self, account: Account, now: datetime) -> bool:
        """Whether nothing surely explains a demand of the account even without what only the audit log tells."""
        surely, _ = self._without_log.unexplained(account, now)
        return surely is not None

    def explained_unseen(self, account: Account, now: datetime) -> datetime | None:
        """When a policy was last changed, nobody knows from what, where it isn't known for certain that anything explains the demands.

        A moment long ago where no such change explains all of them; None where what explains them is known, or there are none.
        """
        demand = unexplained_demand(account.mfa_demands, self._certainly(account), now)
        if demand is None:
            return None
        return self._unseen_least if self._unseen_least >= demand.seen else _NEVER

    @cached_property
    def _without_log(self) -> "Explaining":
        return self if self._trail is None else Explaining(self._tenant, self._today)

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
        surely, perhaps, unsure = self._unseen_least, self._unseen_most, 0
        if isinstance(self._tenant.policies, Gap):
            perhaps = _ALWAYS
        for bit, version in enumerate(self._versions):
            if not self._most >> bit & 1:
                continue
            least, most = self._until_of(version, 1 << bit, reach, account, roles)
            least = least if self._least >> bit & 1 else _NEVER
            surely, perhaps = max(surely, least), max(perhaps, most)
            unsure |= (least != most) << bit
        return surely, perhaps, unsure

    def _certainly(self, account: Account) -> datetime:
        """Up to when demands are explained by what is known: by no change that nobody saw, and no exclusion of an unknown time."""
        roles = self._scopes.roles_of(account)
        reach = self._scopes.reach(account, roles)
        found = _NEVER
        for bit, version in enumerate(self._versions):
            if not self._least >> bit & 1:
                continue
            if reach.least >> bit & 1 or self._names_what_nobody_reads(version):
                known = version.ended
            elif not reach.included >> bit & 1:
                known = self._since_left(version.policy, account)
            else:
                surely, _ = self._since_excluded(replace(version, unseen=_NEVER), account, roles)
                known = _NEVER if surely == _ALWAYS else surely
            found = max(found, min(known, version.ended))
        return found

    def _until_of(
        self, version: _Version, bit: int, reach: Reach, account: Account, roles: Roles
    ) -> tuple[datetime, datetime]:
        """Up to when one version explains demands of the account, for certain and perhaps."""
        if reach.least & bit or self._names_what_nobody_reads(version):
            return version.ended, version.ended
        left = self._since_left(version.policy, account)
        surely, perhaps = self._since_excluded(version, account, roles)
        if reach.included & bit:
            # Where it excludes the account, what came before that is explained; where it doesn't, everything is.
            least, most = surely, (perhaps if reach.excluded & bit else _ALWAYS)
        elif reach.included_most & bit:
            least, most = min(left, surely), (max(left, perhaps) if reach.excluded & bit else _ALWAYS)
        else:
            least, most = left, left
        return min(least, version.ended), min(most, version.ended)

    def _names_what_nobody_reads(self, version: _Version) -> bool:
        """Whether a version of the past includes roles, or groups that no policy names today: who is in them isn't read any more."""
        past, policy = version.ended != _ALWAYS, version.policy
        return past and bool(policy.include_roles or policy.include_groups - self._tenant.groups.keys())

    def _since_excluded(self, version: _Version, account: Account, roles: Roles) -> tuple[datetime, datetime]:
        """Since when the policy has excluded the account, the first of several ways; always, where no time is known.

        The earliest moment that it may be, and the latest: that one leaves out the ways that can't be read.
        """
        policy = version.policy
        if version.unseen and {account.id, "all"} & policy.exclude_users:
            return version.unseen, version.unseen
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


def _versions(policies: Iterable[Policy], trail: AuditTrail | None) -> Iterator[_Version]:
    """The policies as they are, and as the log shows that they were before they were changed or deleted."""
    past = [
        (event.target_id, event.time, event.before)
        for event in (trail.events if trail else ())
        if event.kind in ("policy_deleted", "policy_updated") and event.before
    ]
    seen = defaultdict[str, list[datetime]](list)
    for id, time, _ in past:
        seen[id].append(time)

    def unseen(id: str, policy: Policy) -> datetime | None:
        changed, created = policy.modified, policy.created
        if changed is None:
            return _NEVER if created else None
        was_seen = any(abs(changed - time) <= APART for time in seen[id])
        return _NEVER if was_seen or (created and changed <= created) else changed

    for policy in policies:
        yield _Version(policy, _ALWAYS, unseen(policy.id, policy))
    for id, time, before in past:
        yield _Version(before, time, unseen(id, before))


def _deleted_unseen(trail: AuditTrail | None) -> Iterator[datetime]:
    """When policies were deleted of which the log doesn't say what they were."""
    events = trail.events if trail else ()
    return (event.time for event in events if event.kind == "policy_deleted" and not event.before)
