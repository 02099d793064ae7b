"""The tenant and its accounts as they would be, if what somebody wants to assume (``jobs/wishes.py``) were so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checks.exclusion import ExclusionGroup, best_first, exclusion_group
from checks.phrases import joined, quoted
from checks.policy import DISABLED, ENABLED
from checks.simulate import (
    CannotSimulate,
    Unsure,
    groups_above,
    waiting_policies,
    with_account_excluded,
    with_membership,
    with_policy_added,
    with_policy_enabled,
    with_security_defaults,
    with_state,
)
from jobs.wishes import Pair, Wishes
from reports.words import PER_USER_MFA, count, say
from tenant.lookups import LookedUp, Lookups
from tenant.model import Account, Gap, GroupDetails, Policy, Registration, Tenant
from tenant.reader import Reading
from tenant.references import is_object_id

_NEW = "new policy "
"""Begins the ids of policies that have none."""
_FEW = 5
"""Names that a sentence lists."""

Found = Mapping[str, GroupDetails | None | Gap]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The tenant and the accounts as they would be, and what is to be said about that."""

    reading: Reading
    """As everything is today, with what the policies name."""
    users: Mapping[str, bool | Gap]
    """Whether the users that the policies name exist, by id."""
    tenant: Tenant
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """The accounts that would be different, by id."""
    unsure: Mapping[str, Unsure] = field(default_factory=dict)
    """What is missing of accounts that may be in further groups, by id."""
    simulated: tuple[Policy, ...] = ()
    """Policies that are switched on or added."""
    phrases: tuple[str, ...] = ()
    about: tuple[Policy, ...] = ()
    """The policies that it is about."""
    notes: tuple[str, ...] = ()
    """What else is to be known, a sentence each."""
    cautions: tuple[str, ...] = ()
    """What somebody should know before believing the result, a sentence each."""
    exclusions: tuple[tuple[str, Policy, ExclusionGroup, bool], ...] = ()
    """Account, policy, a group that the policy excludes, and whether the account is assumed to be in it."""

    @property
    def title(self) -> str:
        """All that is assumed, as the beginning of a sentence."""
        return f"If {joined(self.phrases)}"

    @property
    def policy_id(self) -> str | None:
        """The id of the policy that it is about, where it is about one."""
        ids = {public_id(one): None for one in self.about}
        return next(iter(ids)) if len(ids) == 1 else None

    def account(self, account: Account) -> Account:
        """The account as it would be."""
        return self.accounts.get(account.id, account)

    def and_also(self, phrase: str, tenant: Tenant, policy: Policy) -> "Assumptions":
        """With one policy changed as well."""
        return replace(self, tenant=tenant, phrases=(*self.phrases, phrase), about=(*self.about, policy))

    def saying(self, *notes: str, caution: str = "") -> "Assumptions":
        """With more to be said."""
        cautions = (*self.cautions, caution) if caution else self.cautions
        return replace(self, notes=(*self.notes, *notes), cautions=cautions)


async def assume(reading: Reading, wishes: Wishes, lookups: Lookups) -> Assumptions:
    """The tenant and its accounts as the wishes want them. Raises ``CannotSimulate`` where a wish doesn't fit."""
    if wishes.waiting:
        _readable(reading.tenant)
    wishes = replace(wishes, added=tuple(_with_id(number, one) for number, one in enumerate(wishes.added, start=1)))
    enabled = [policy_of(reading.tenant, name) for name in wishes.enable]
    waiting = waiting_policies(reading.tenant) if wishes.waiting else ()
    named = [one for one in (*enabled, *waiting, *wishes.added) if not one.workload_identities]
    assumed = _with_policies(_start(await lookups.named_by(reading, named)), enabled, wishes)
    simulated = tuple(replace(one, state=ENABLED, deleted=False) for one in (*enabled, *wishes.added))
    assumed = replace(assumed, simulated=simulated)
    if wishes.security_defaults is not None:
        assumed = _with_security_defaults(assumed, on=wishes.security_defaults)
    assumed = await _with_states(assumed, wishes.states, lookups)
    return await _with_groups(assumed, wishes, lookups)


def policy_of(tenant: Tenant, name: str) -> Policy:
    """A policy that is given by id or by display name. Raises ``CannotSimulate``."""
    policies, wanted = _readable(tenant), name.strip().casefold()
    named = [policy for policy in policies if policy.display_name.casefold() == wanted]
    if len(named) > 1:
        raise CannotSimulate(f'{len(named)} policies are named "{name}": give the id of one.')
    found = named or [policy for policy in policies if policy.id == wanted]
    if not found:
        raise CannotSimulate(f'There is no Conditional Access policy with the id or name "{name.strip()}".')
    return found[0]


def public_id(policy: Policy) -> str | None:
    """The id of a policy as other programs may see it: None for one whose file gives it none."""
    return None if not policy.id or policy.id.startswith(_NEW) else policy.id


def _with_id(number: int, policy: Policy) -> Policy:
    """A policy that can be told from all others."""
    return policy if policy.id else replace(policy, id=f"{_NEW}{number}")


def _readable(tenant: Tenant) -> tuple[Policy, ...]:
    if isinstance(tenant.policies, Gap):
        raise CannotSimulate(f"The Conditional Access policies can't be read ({tenant.policies.error}).")
    return tenant.policies


def _start(looked_up: LookedUp) -> Assumptions:
    nobody = "" if looked_up.reading.accounts else "No service account was found, so there is none that could change."
    return Assumptions(looked_up.reading, looked_up.users, looked_up.reading.tenant).saying(caution=nobody)


def _with_policies(assumed: Assumptions, enabled: Sequence[Policy], wishes: Wishes) -> Assumptions:
    for policy in enabled:
        phrase = f'"{policy.display_name}" is switched on'
        assumed = assumed.and_also(phrase, with_policy_enabled(assumed.tenant, policy.id), policy)
        if policy.state == ENABLED:
            assumed = assumed.saying(f'"{policy.display_name}" is on already.')
    if not wishes.added:
        return assumed
    known = {policy.id: policy for policy in assumed.tenant.known_policies}
    tenant = assumed.tenant
    for policy in wishes.added:
        tenant = with_policy_added(tenant, policy)
    one = wishes.added[0] if len(wishes.added) == 1 else None
    phrase = (
        f'"{one.display_name}" is added' if one else f"the {len(wishes.added):,} policies of {wishes.source} are added"
    )
    assumed = replace(assumed, tenant=tenant, phrases=(*assumed.phrases, phrase), about=(*assumed.about, *wishes.added))
    if off := [policy for policy in wishes.added if policy.state != ENABLED]:
        assumed = assumed.saying(
            f"In the file {_names(off)} {'is' if len(off) == 1 else 'are'} not on; here all policies are."
        )
    replaced = [known[policy.id] for policy in wishes.added if policy.id in known]
    if replaced:
        assumed = assumed.saying(f"{_names(replaced)} of this tenant {_is(replaced)} replaced: the id is the same.")
    return assumed


def _with_security_defaults(assumed: Assumptions, *, on: bool) -> Assumptions:
    phrase = f"Security Defaults are switched {'on' if on else 'off'}"
    today = assumed.tenant.security_defaults
    assumed = replace(assumed, tenant=with_security_defaults(assumed.tenant, on=on), phrases=(*assumed.phrases, phrase))
    if today is on:
        return assumed.saying(f"Security Defaults are {'on' if on else 'off'} already.")
    if not on:
        return assumed.saying(
            caution="When Security Defaults are switched off, Microsoft may create Conditional Access policies by itself (block "
            "legacy authentication; MFA for Azure management, for administrators and for all users). They are not part of this."
        )
    enabled = [one for one in assumed.tenant.known_policies if one.state == ENABLED and not one.deleted]
    if enabled:
        which = count(len(enabled), "is", "are")
        return assumed.saying(
            caution=f"Security Defaults can't be switched on while Conditional Access policies are on, and {which}."
        )
    return assumed


async def _with_states(assumed: Assumptions, states: Sequence[Pair], lookups: Lookups) -> Assumptions:
    wanted: dict[str, Pair] = {}
    for name, state in states:
        account = _account(assumed.reading, name)
        if wanted.setdefault(account.id, (name, state))[1] != state:
            raise CannotSimulate(f"{account.user_principal_name} is set to two states: give one.")
    accounts = {id: _account(assumed.reading, name) for id, (name, _) in wanted.items()}
    unread = [
        id for id, (_, state) in wanted.items() if state == "enabled" and accounts[id].registration == Registration()
    ]
    registrations = await lookups.registrations(unread) if unread else {}
    for id, (_, state) in wanted.items():
        account = accounts[id]
        changed = with_state(account, state)
        changed = replace(changed, registration=registrations.get(id, changed.registration))
        assumed = replace(
            assumed,
            accounts={**assumed.accounts, id: changed},
            phrases=(*assumed.phrases, f"per-user MFA of {account.user_principal_name} is {say(PER_USER_MFA, state)}"),
        ).saying(_state_today(account, state))
    set_to = {state for _, state in wanted.values()}
    if "enabled" in set_to:
        assumed = assumed.saying(
            "Enabled stays Enabled where the per-user MFA page sets it; set through Microsoft Graph, it becomes Enforced by "
            "itself for an account that has registered a method."
        )
    if "disabled" in set_to:
        assumed = assumed.saying(
            caution="Switching per-user MFA off may delete the app passwords that an account has: see first what uses them."
        )
    return assumed


def _state_today(account: Account, state: str) -> str:
    today = account.per_user_mfa
    name = account.user_principal_name
    if not isinstance(today, str):
        return f"The per-user MFA state that {name} has today could not be read."
    already = " already" if today.lower() == state else " today"
    return f"Per-user MFA of {name} is {say(PER_USER_MFA, today.lower())}{already}."


async def _with_groups(assumed: Assumptions, wishes: Wishes, lookups: Lookups) -> Assumptions:
    """With memberships and exclusions: the groups of both are looked up together."""
    memberships = [(_account(assumed.reading, name), group) for name, group in wishes.memberships]
    exclusions = [
        (_account(assumed.reading, name), policy_of(assumed.tenant, policy)) for name, policy in wishes.exclusions
    ]
    ids = await _group_ids([group for _, group in memberships], lookups)
    excluded = {id for _, policy in exclusions for id in policy.exclude_groups if is_object_id(id)}
    asked = sorted({*ids.values(), *excluded})
    found = await lookups.groups(asked) if asked else {}
    for account, name in memberships:
        assumed = _with_membership(assumed, account, _group(found, ids[name], name))
    for account, policy in exclusions:
        assumed = _with_exclusion(assumed, account, policy, found)
    return assumed


async def _group_ids(names: Iterable[str], lookups: Lookups) -> dict[str, str]:
    """Group as somebody wrote it -> its id. Raises ``CannotSimulate``."""
    wanted = list(dict.fromkeys(names))
    by_name = [name for name in wanted if not is_object_id(name)]
    found = await lookups.ids_of(by_name) if by_name else {}
    ids = {name: name.lower() for name in wanted if name not in found}
    for name, matches in found.items():
        if isinstance(matches, Gap):
            raise CannotSimulate(f'The group "{name}" can\'t be looked up by its name ({matches.error}): give its id.')
        if len(matches) != 1:
            what = f"{len(matches)} groups are named" if matches else "There is no group with the id or name"
            raise CannotSimulate(f'{what} "{name}"{": give the id of one" if matches else ""}.')
        ids[name] = matches[0]
    return ids


def _group(found: Found, id: str, name: str) -> GroupDetails:
    group = found[id]
    if group is None:
        raise CannotSimulate(f'There is no group with the id or name "{name}".')
    if isinstance(group, Gap):
        raise CannotSimulate(f'The group "{name}" can\'t be read ({group.error}).')
    return group


def _with_membership(assumed: Assumptions, account: Account, group: GroupDetails) -> Assumptions:
    name = account.user_principal_name
    phrase = f'{name} is a member of "{group.display_name}"'
    assumed = replace(_put_into(assumed, account, group), phrases=(*assumed.phrases, phrase))
    if group.id in account.known_groups:
        return assumed.saying(f'{name} is in "{group.display_name}" already.')
    return assumed


def _put_into(assumed: Assumptions, account: Account, group: GroupDetails) -> Assumptions:
    tenant, changed = with_membership(assumed.tenant, assumed.account(account), group)
    assumed = replace(assumed, tenant=tenant, accounts={**assumed.accounts, account.id: changed})
    if group.containers:
        above = joined(quoted(sorted(group.containers.values(), key=str.casefold)))
        assumed = assumed.saying(f'Who is in "{group.display_name}" is in {above} too.')
    if not group.containers_gap:
        return assumed
    doubt = Unsure(group.containers_gap, groups_above(assumed.reading.accounts, group.id))
    known = assumed.unsure.get(account.id)
    doubt = known.and_also(doubt) if known else doubt
    return replace(assumed, unsure={**assumed.unsure, account.id: doubt}).saying(
        caution=f'In which groups "{group.display_name}" itself is could not be read ({doubt.gap.error}): '
        "where that decides, the answer is unknown."
    )


def _with_exclusion(assumed: Assumptions, account: Account, policy: Policy, found: Found) -> Assumptions:
    """Excluded by a group that the policy already excludes, where there is one; otherwise by name, in the policy itself."""
    name, title = account.user_principal_name, policy.display_name
    assumed = replace(assumed, about=(*assumed.about, policy)).saying(*_no_groups(policy, found))
    details = [one for id in sorted(policy.exclude_groups) if isinstance(one := found.get(id), GroupDetails)]
    groups = best_first(exclusion_group(assumed.tenant, policy, one) for one in details)
    current, phrase = assumed.account(account), f'{name} is excluded from "{title}"'
    if policy.state == DISABLED:
        assumed = assumed.saying(f'"{title}" is off: it reaches nobody today.')
    unread = isinstance(current.groups, Gap)
    used = None if unread else next((one for one in groups if one.can_take), None)
    if _is_excluded(current, policy):
        used = next((one for one in groups if one.group.id in current.known_groups), None)
        assumed = assumed.saying(f'{name} is excluded from "{title}" already.')
    elif used:
        assumed = _put_into(assumed, account, used.group)
        phrase += f' by membership of "{used.group.display_name}"'
    else:
        why = "none of its exclusion groups can take an account" if groups else "it has no exclusion group"
        why = "the groups that the account is in can't be read" if unread else why
        tenant = with_account_excluded(assumed.tenant, account, policy.id)
        assumed = replace(assumed, tenant=tenant).saying(f'{name} is excluded by name in "{title}" itself: {why}.')
    told = tuple((name, policy, one, one is used) for one in groups)
    return replace(assumed, phrases=(*assumed.phrases, phrase), exclusions=(*assumed.exclusions, *told))


def _no_groups(policy: Policy, found: Found) -> list[str]:
    """What is to be said of exclusion groups that are none, or that nobody can read."""
    said = []
    for id in sorted(policy.exclude_groups):
        group = found.get(id)
        if group is None:
            said.append(f'"{policy.display_name}" excludes a group that doesn\'t exist: {id}.')
        elif isinstance(group, Gap):
            said.append(f'"{policy.display_name}" excludes a group that could not be read ({group.error}): {id}.')
    return said


def _is_excluded(account: Account, policy: Policy) -> bool:
    return account.id in policy.exclude_users or bool(account.known_groups & policy.exclude_groups)


def _account(reading: Reading, name: str) -> Account:
    wanted = name.strip().lower()
    for account in reading.accounts:
        if wanted in (account.id, account.user_principal_name.lower()):
            return account
    raise CannotSimulate(f'"{name}" is not among the selected service accounts.')


def _is(some: Sequence[object]) -> str:
    return "is" if len(some) == 1 else "are"


def _names(policies: Sequence[Policy]) -> str:
    names = quoted(policy.display_name for policy in policies[:_FEW])
    more = len(policies) - len(names)
    return joined([*names, f"{more:,} more"] if more else names)
