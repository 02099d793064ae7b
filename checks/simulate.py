"""What would happen if: the same accounts judged in a tenant with one thing changed. Pure; nothing is read or written."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from types import MappingProxyType

from checks.judge import Judge
from checks.model import JudgedAccount, Usability, Visibility
from checks.policy import ENABLED, REPORT_ONLY, Effects
from checks.scope import Scopes
from tenant.model import Account, AuditTrail, Gap, Group, GroupDetails, Policy, Tenant
from tenant.references import groups_named_by


class CannotSimulate(ValueError):
    """The change doesn't fit the tenant; the text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """What is missing of an account that may be in further groups."""

    gap: Gap
    groups: frozenset[str] | None = None
    """Ids of those that come into question; None where any does."""

    def and_also(self, other: "Unsure") -> "Unsure":
        """The doubt of both."""
        both = None if self.groups is None or other.groups is None else self.groups | other.groups
        return Unsure(self.gap, both)


@dataclass(frozen=True, slots=True)
class Shift:
    """An account before and after the change."""

    before: JudgedAccount
    after: JudgedAccount

    @property
    def differs(self) -> bool:
        """Whether one of its two answers would change."""
        return _answers(self.before) != _answers(self.after)

    @property
    def undecided(self) -> bool:
        """Whether one of its two answers would be unknown."""
        return Visibility.UNKNOWN in _answers(self.after) or Usability.UNKNOWN in _answers(self.after)


def with_policy_enabled(tenant: Tenant, policy_id: str) -> Tenant:
    """The tenant with one of its policies switched on.

    Raises :class:`CannotSimulate` when the policies are unreadable or none has that id.
    """
    policy = _policy(tenant, policy_id)
    return _replacing(tenant, policy, replace(policy, state=ENABLED))


def with_policy_added(tenant: Tenant, policy: Policy) -> Tenant:
    """The tenant with one more policy, switched on; a policy of the same id is replaced."""
    policies = _readable(tenant)
    others = tuple(one for one in policies if not policy.id or one.id != policy.id)
    return replace(tenant, policies=(*others, replace(policy, state=ENABLED, deleted=False)))


def with_account_excluded(tenant: Tenant, account: Account, policy_id: str) -> Tenant:
    """The tenant in which the policy excludes the account by name."""
    policy = _policy(tenant, policy_id)
    return _replacing(tenant, policy, replace(policy, exclude_users=policy.exclude_users | {account.id}))


def with_security_defaults(tenant: Tenant, *, on: bool) -> Tenant:
    """The tenant with Security Defaults on or off."""
    return replace(tenant, security_defaults=on)


def with_state(account: Account, state: str) -> Account:
    """The account with another per-user MFA state (``disabled``, ``enabled`` or ``enforced``)."""
    return replace(account, per_user_mfa=state, per_user_mfa_bulk=None)


def with_membership(tenant: Tenant, account: Account, group: GroupDetails) -> tuple[Tenant, Account]:
    """The account as a member of the group and of all groups that it is in, and the tenant that knows those groups.

    Raises :class:`CannotSimulate` where the account's own memberships are unread: a further one would show nothing.
    """
    if isinstance(account.groups, Gap):
        raise CannotSimulate(
            f"The groups that {account.user_principal_name} is in can't be read ({account.groups.error}), "
            f'so nobody can tell what "{group.display_name}" would add.'
        )
    names = {group.id: group.display_name, **group.containers}
    known = {id: tenant.groups.get(id) or Group(id, name) for id, name in names.items()}
    nested = {id: tenant.nesting.get(id, frozenset()) | {group.id} for id in group.containers}
    changed = replace(tenant, groups={**tenant.groups, **known}, nesting={**tenant.nesting, **nested})
    return changed, replace(account, groups=account.groups.union(names))


def judged_both(
    before: Tenant,
    after: Tenant,
    accounts: Iterable[Account],
    *,
    assumed: Mapping[str, Account] = MappingProxyType({}),
    unsure: Mapping[str, Unsure] = MappingProxyType({}),
    app_passwords_allowed: str,
    now: datetime,
    trail: AuditTrail | None = None,
) -> list[Shift]:
    """Every account before and after, whether or not its answers differ between the two tenants.

    Takes both tenants; the accounts as they are; by id those that are ``assumed`` to be different, as they would be; by id
    what is missing of those that may be in further groups. Other arguments as in ``checks.judge``. What the sign-in log shows
    happened in the tenant that is: a change that is only supposed explains nothing of it.
    """
    judge_of = partial(Judge, app_passwords_allowed=app_passwords_allowed, now=now, trail=trail, past=before)
    old, new = judge_of(before), judge_of(after)
    found = []
    for account in accounts:
        other = assumed.get(account.id, account)
        doubt = unsure.get(account.id)
        judging = judge_of(_with_unread_groups(after, other, doubt)) if doubt else new
        found.append(Shift(old.judge(account), judging.judge(other)))
    return found


def groups_above(accounts: Iterable[Account], group: str) -> frozenset[str] | None:
    """The groups that another one may be in: all its members are in them too. None where no account is known to be in it."""
    members = [one.known_groups for one in accounts if group in one.known_groups]
    return frozenset.intersection(*members) if members else None


def _with_unread_groups(tenant: Tenant, account: Account, doubt: Unsure) -> Tenant:
    """The tenant in which nobody knows whether the account is in the groups in question, as far as a policy names them.

    Groups that hold roles need no such doubt: none of them can have another group in it.
    """
    named = groups_named_by(tenant.known_policies)
    possible = named if doubt.groups is None else named & doubt.groups
    others = possible - account.known_groups
    doubtful = {
        id: replace(tenant.groups.get(id) or Group(id, id), gap=doubt.gap)
        for id in others
        if not (id in tenant.groups and tenant.groups[id].deleted)
    }
    return replace(tenant, groups={**tenant.groups, **doubtful})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report-only policy, how many accounts it would change if it were switched on, and the first of them."""

    policy: Policy
    count: int
    shifts: Sequence[Shift]


def waiting_shifts(
    tenant: Tenant,
    accounts: Sequence[Account],
    *,
    app_passwords_allowed: str,
    now: datetime,
    at_most: int | None = None,
    trail: AuditTrail | None = None,
) -> Iterator[Waiting]:
    """Every report-only policy as if it were switched on, in turn: what :func:`judged_both` finds, at a fraction of the cost.

    Of accounts that neither a rule nor any of these policies can tell apart one is judged for all, and only where the policy
    may reach it: whom a policy doesn't reach, it does nothing to. ``at_most``: how many accounts of each are explained. Other
    arguments as in ``checks.judge``.
    """
    policies = waiting_policies(tenant)
    effects = Effects(tenant, now.date())
    judge_of = partial(
        Judge, app_passwords_allowed=app_passwords_allowed, now=now, trail=trail, past=tenant, effects=effects
    )
    old, scopes = judge_of(tenant), Scopes(tenant, tuple(map(effects.of, policies)))
    groups = _alike(old, scopes, accounts) if policies else []
    wordless = judge_of(tenant, words=False)
    before = [wordless.answers(group[0]) for group in groups]
    reached = [_reached(scopes, group[0]) for group in groups]
    for bit, policy in enumerate(policies):
        after = with_policy_enabled(tenant, policy.id)
        wordless = judge_of(after, words=False)
        changed = {
            account.id
            for group, answers, mask in zip(groups, before, reached, strict=True)
            if mask >> bit & 1 and wordless.answers(group[0]) != answers
            for account in group
        }
        shown = list(islice((one for one in accounts if one.id in changed), at_most))
        new = judge_of(after) if shown else old  # words for nobody cost as much as for all
        yield Waiting(policy, len(changed), [Shift(old.judge(one), new.judge(one)) for one in shown])


def _alike(judge: Judge, scopes: Scopes, accounts: Iterable[Account]) -> list[list[Account]]:
    """The accounts of which policies decide something, in groups that share one verdict and are in the same ``scopes``."""
    found: dict[Hashable, list[Account]] = {}
    for account in accounts:
        if (kind := judge.kind(account)) is not None:
            found.setdefault((kind, scopes.position(account)), []).append(account)
    return list(found.values())


def _reached(scopes: Scopes, account: Account) -> int:
    """The policies that may reach the account, be it once a role is activated."""
    reach = scopes.reach(account, scopes.roles_of(account))
    return reach.most | reach.eligible_most


def waiting_policies(tenant: Tenant) -> tuple[Policy, ...]:
    """The policies that may take effect without anybody editing them much: report-only ones, by name."""
    if isinstance(tenant.policies, Gap):
        return ()
    waiting = (policy for policy in tenant.policies if policy.state == REPORT_ONLY and not policy.deleted)
    return tuple(sorted(waiting, key=lambda policy: (policy.display_name.casefold(), policy.id)))


def _answers(judged: JudgedAccount) -> tuple[str, str]:
    return judged.verdict.visibility, judged.verdict.usability


def _policy(tenant: Tenant, policy_id: str) -> Policy:
    wanted = policy_id.strip().lower()
    found = next((policy for policy in _readable(tenant) if policy.id == wanted), None)
    if found is None:
        raise CannotSimulate(f'There is no Conditional Access policy with the id "{policy_id}" in this tenant.')
    return found


def _readable(tenant: Tenant) -> tuple[Policy, ...]:
    if isinstance(tenant.policies, Gap):
        raise CannotSimulate(f"The Conditional Access policies can't be read ({tenant.policies.error}).")
    return tenant.policies


def _replacing(tenant: Tenant, old: Policy, new: Policy) -> Tenant:
    return replace(tenant, policies=tuple(new if policy.id == old.id else policy for policy in _readable(tenant)))
