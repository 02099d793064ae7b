"""What a scan knows of what earlier scans couldn't see, and it didn't miss: that doesn't mean that it can be seen again. Pure.

It may have had no reason to look, or it couldn't see whether it is over.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from checks.cross_check import worth_asking
from checks.visibility import per_user_state
from findings.sight import Fate, Unseen
from jobs.look import Seen, selection_of
from jobs.sight_words import AUDIT_LOG, INPUT, MISSING, NOTHING_SELECTED, RENAMED
from jobs.watch import DELETED
from settings import Settings
from tenant.model import Account, Gap, Registration
from tenant.policy_reader import need_locations, need_strengths
from tenant.reader import Reading, groups_named_by
from tenant.search import criteria_of

_BY_CONSENTS = frozenset({"applications", "consents", "assigned_accounts", "app_role_assignments"})
_OF_OTHERS = "group_memberships of others"
_DISCOVERY = _BY_CONSENTS | {"candidates", "mailbox_purpose", _OF_OTHERS}
"""The inputs of discovery. Most are asked for only where others found something."""
_DISCOVERED_FROM = _DISCOVERY | {"group_memberships", "sign_ins"}
"""Inputs without which nobody knows what discovery would ask for; memberships of others are a gap under the name of all."""
_POLICIES = frozenset({"conditional_access_policies", "conditional_access_preview_policies", "policy_plans"})
_HANGS_ON: Mapping[str, frozenset[str]] = {
    "role_definitions": frozenset({"role_assignments", "role_eligibilities"}),
    "conditional_access_preview_policies": frozenset({"conditional_access_policies"}),
    "policy_plans": frozenset({"conditional_access_policies"}),
}
"""Input -> those without which it isn't asked for, so that nobody can say that it can be read again."""
_NAMED_BY_POLICIES = frozenset({"groups", "authentication_strengths", "named_locations"})
"""Inputs that are asked for where a policy names something of them."""


@dataclass(frozen=True, slots=True)
class _Objects:
    """What became of the objects of an input that is read one by one."""

    read: frozenset[str]
    unread: frozenset[str]
    """Those that weren't read, though they may be no gap: nothing depends on them today, or they are an account's own trouble."""
    unsure: bool = False
    """Whether others may have been left out because it couldn't be seen that they are needed."""

    def fate(self, about: str) -> Fate:
        """Of an object; of all that there are where ``about`` is empty."""
        about = about.lower()
        if about in self.unread or (not about and self.unread):
            return Fate.UNSURE
        if about in self.read or (not about and self.read):
            return Fate.SEEN
        return Fate.UNSURE if self.unsure else Fate.UNASKED


def fate_after(seen: Seen, settings: Settings) -> Callable[[Unseen], Fate]:
    """What a scan of everything knows of something that it didn't miss."""
    one_by_one = _one_by_one(seen.reading, settings)
    unasked = _unasked(seen, settings)
    unsure = _unsure(seen) | (_unanswered(seen) - unasked)

    def of_input(name: str, one: Unseen) -> Fate:
        if name in one_by_one:
            # An earlier version took what is unread of proposed accounts, on which nothing depends, for the same thing.
            of_proposed = name == "group_memberships" and not one.object and not one.reminded
            return Fate.MOOT if of_proposed else one_by_one[name].fate(one.object)
        if name == "policy_plans" and seen.reading.tenant.plans_unread is not None:
            return Fate.MOOT  # refused, which means that there are none: not that they can be read
        return Fate.UNSURE if name in unsure else Fate.UNASKED if name in unasked else Fate.SEEN

    def fate(one: Unseen) -> Fate:
        if one.key.startswith(INPUT):
            return of_input(one.key.removeprefix(INPUT), one)
        return _of_accounts(one.key, seen)

    return fate


def but_not_the_log(fate: Callable[[Unseen], Fate]) -> Callable[[Unseen], Fate]:
    """The same, but for the audit log: who looks at it between scans couldn't read it, and asks for more than a scan does."""
    return lambda one: Fate.UNSURE if one.key == AUDIT_LOG else fate(one)


def _of_accounts(key: str, seen: Seen) -> Fate:
    """Of an account that doesn't exist, or that has another name than the settings say; anything else is seen to be over."""
    unreadable = [account for account in seen.reading.accounts if account.properties is not None]
    if key in {f"{MISSING}{name}" for one in unreadable for name in (one.id, one.user_principal_name)}:
        return Fate.UNSURE
    if key == NOTHING_SELECTED and not seen.watch.watched and selection_unread(seen.reading):
        return Fate.UNSURE
    if not key.startswith(RENAMED):
        return Fate.SEEN
    id, _, _ = key.removeprefix(RENAMED).partition(" ")
    if id in {one.id for one in unreadable}:
        return Fate.UNSURE
    there = {*seen.watch.watched, *(one for one, why in seen.watch.closing.items() if why != DELETED)}
    return Fate.SEEN if id in there else Fate.MOOT


def _unsure(seen: Seen) -> set[str]:
    """The inputs that may not have been asked for because others are unread."""
    missing = {gap.input for gap in seen.reading.gaps}
    found = {name for name, others in _HANGS_ON.items() if others & missing}
    if _may_be_named_unseen(seen.reading):
        found |= _NAMED_BY_POLICIES
    return found


def _unanswered(seen: Seen) -> set[str]:
    """The inputs that didn't say anything today, so that what they last said, or that they couldn't be read, holds on.

    The tenant's switch may be refused without a gap: then there is none where nothing is remembered of it.
    """
    switch = seen.reading.tenant.mfa_service
    answered = {
        "what_if": _what_if_answered(seen),
        "sign_ins": seen.sign_ins_asked,
        "mfa_service": switch is not None and switch.remembered is None,
    }
    silent = {name for name, is_answered in answered.items() if not is_answered}
    return silent | _undiscovered(seen) if _discovery_is_unread(seen) else silent


def _what_if_answered(seen: Seen) -> bool:
    """Whether What If answered today: what it said some days ago holds on, so that nobody may have asked it now."""
    return any(one.cross_check and one.cross_check.date >= seen.read_at.date() for one in seen.judged)


def _may_be_named_unseen(reading: Reading) -> bool:
    """Whether policies that nobody can read may name more than those that were read."""
    return any(gap.input in _POLICIES for gap in reading.gaps) or any(
        policy.malformed for policy in reading.tenant.known_policies
    )


def _unasked(seen: Seen, settings: Settings) -> set[str]:
    """The inputs that nothing needs, by what the scan saw and by the settings."""
    tenant, discovery = seen.reading.tenant, settings.service_account_discovery
    policies = tenant.known_policies
    looks = {
        "authentication_strengths": need_strengths(policies),
        "named_locations": need_locations(policies),
        "subscribed_skus": isinstance(tenant.policies, Gap) or not policies,
        "role_definitions": bool(tenant.role_assignments or tenant.role_eligibilities),
        "audit_log": settings.audit_log == "on",
        "sign_ins": "signins" in discovery,
        "what_if": bool(settings.what_if_budget)
        and tenant.security_defaults is not True
        and any(map(worth_asking, seen.judged)),
    }
    unasked = {name for name, looked in looks.items() if not looked}
    if not discovery:
        return unasked | _DISCOVERY
    if "consents" not in discovery:
        unasked |= _BY_CONSENTS
    return unasked if _discovery_is_unread(seen) else unasked | _undiscovered(seen)


def _undiscovered(seen: Seen) -> frozenset[str]:
    """The inputs of discovery that said nothing: mostly because nothing that was found led to them."""
    of_others = {_OF_OTHERS} if "group_memberships" in seen.discovered else set()
    return _DISCOVERY - seen.discovered - of_others


def _discovery_is_unread(seen: Seen) -> bool:
    """Whether something couldn't be read that might have led discovery further."""
    return any(gap.input in _DISCOVERED_FROM for gap in seen.reading.gaps)


def selection_unread(reading: Reading) -> bool:
    """Whether something that the settings select by can't be read, so that accounts may be missing."""
    return any(gap.input == "selection" for gap in reading.gaps)


def _one_by_one(reading: Reading, settings: Settings) -> dict[str, _Objects]:
    """Input -> its objects, of everything that is read one by one."""
    unread = selection_unread(reading)
    return {
        "groups": _groups(reading),
        "selection": _Objects(frozenset(one.lower() for one in criteria_of(selection_of(settings))), frozenset()),
        **{name: _accounts(reading.accounts, is_read, unread) for name, is_read in _OF_ACCOUNTS.items()},
    }


def _groups(reading: Reading) -> _Objects:
    known = reading.tenant.groups
    named = [known[id] for id in groups_named_by(reading.tenant.policies) if id in known]
    unread = {group.id for group in named if group.gap is not None or group.hidden_membership}
    read = {group.id for group in named if not group.deleted} - unread
    return _Objects(frozenset(read), frozenset(unread), _may_be_named_unseen(reading))


def _accounts(accounts: Iterable[Account], is_read: Callable[[Account], bool | None], unsure: bool) -> _Objects:
    answers = [(account, False if account.properties is not None else is_read(account)) for account in accounts]

    def those(wanted: bool) -> frozenset[str]:
        # By its name, too: one that could never be read has no other id.
        names = (name for one, answer in answers if answer is wanted for name in (one.id, one.user_principal_name))
        return frozenset(name.lower() for name in names)

    return _Objects(those(wanted=True), those(wanted=False), unsure)


def _registration_is_read(account: Account) -> bool | None:
    """Of an account for which it matters; None of any other."""
    state = per_user_state(account)
    if state is not None and state != "enabled":
        return None
    return _methods_are_read(account) or False


def _registered_methods_are_read(account: Account) -> bool | None:
    """The same of one that is Enforced: they matter to nothing but how they are told."""
    state = per_user_state(account)
    return False if state is None else _methods_are_read(account) if state == "enforced" else None


def _methods_are_read(account: Account) -> bool | None:
    registration = account.registration
    if registration == Registration():
        return None
    return any(isinstance(names, tuple) for names in (registration.own, registration.report))


_OF_ACCOUNTS: Mapping[str, Callable[[Account], bool | None]] = {
    "account_properties": lambda account: True,
    "per_user_mfa": lambda account: per_user_state(account) is not None,
    "group_memberships": lambda account: not isinstance(account.groups, Gap),
    "mfa_registration": _registration_is_read,
    "mfa_methods": _registered_methods_are_read,
}
"""Input -> whether it was read of an account whose properties were; None where nobody had a reason to."""
