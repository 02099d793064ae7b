"""What a verdict leaves open: which checks are undecided, and of which the causes aren't all known. Pure.

Each input that is missing is taken at its least and at its most harmful. A check that is seen to fail fails either way; one that
could fail at the most and isn't seen to is undecided; any other is passed, whatever else is missing. A policy that Graph answered
malformed makes an answer conditional for the time being; what it really does is as open as with one that couldn't be read.
"""

from dataclasses import dataclass

from checks.between import one_reaches
from checks.landscape import Landscape, Situation
from checks.visibility import per_user_state, registered_for
from tenant.model import Gap

_HIDDEN, _HIDDEN_BY_DEFAULTS, _STUCK, _PENDING, _CONDITIONAL, _PREDICTED = (f"APW-00{number}" for number in range(1, 7))
_UNUSABLE, _UNREADABLE, _HOLDS_ROLE, _ABOUT_TO_BE_BLOCKED = "APW-007", "APW-008", "APW-011", "APW-013"
_BY_DEMANDS = frozenset({_HIDDEN, _HIDDEN_BY_DEFAULTS, _CONDITIONAL})


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is left open about one account."""

    possible: frozenset[str]
    """The checks that the account may fail."""
    inexact: frozenset[str]
    """The checks whose causes may lack something, for those that it is seen to fail."""
    on_malformed: frozenset[str]
    """The checks that it is seen to fail, or to fail so badly, by malformed policies alone."""


def doubt_about(land: Landscape, situation: Situation) -> Doubt:
    """What is left open about an account, its sign-ins and its history aside."""
    reach, masks, tenant = situation.reach, land.masks, land.tenant
    unread = bool(land.policy_gaps())
    malformed = land.malformed(situation)
    defaults = None if isinstance(tenant.security_defaults, Gap) else tenant.security_defaults
    demanding, may_demand = (
        reach.least & masks.enforced & masks.mfa_least,
        reach.most & masks.enforced & masks.mfa_most,
    )
    predicting = _not_yet(reach.least, reach.least, reach.eligible_least, masks.enforced) & masks.mfa_least
    may_predict = _not_yet(reach.most, reach.least, reach.eligible_most, masks.enforced) & masks.mfa_most
    blocking, may_block = (
        reach.least & masks.enforced & masks.legacy,
        reach.most & masks.enforced & masks.legacy,
    )
    unread_demand, unread_prediction = unread or may_demand & malformed, unread or malformed & masks.mfa_most
    unread_block, unread_block_to_come = unread or may_block & malformed, unread or malformed & masks.legacy
    would_block = reach.least & ~masks.enforced & masks.legacy_always
    may_be_about_to_block = reach.most & ~masks.enforced & masks.legacy_always

    possible = _of_state(situation)
    if per_user_state(situation.account) in ("disabled", None):
        surely = bool(demanding & masks.mfa_least_always)
        if defaults is not False:
            possible.add(_HIDDEN_BY_DEFAULTS)
        if defaults is not True and (unread_demand or may_demand & masks.mfa_most_always):
            possible.add(_HIDDEN)
        unsure_evidence = bool(situation.account.mfa_demands)
        sometimes = may_demand & ~masks.mfa_least_always
        if defaults is not True and not surely and (unread_demand or unsure_evidence or sometimes):
            possible.add(_CONDITIONAL)
        if defaults is not True and not surely and (unread_prediction or may_predict):
            possible.add(_PREDICTED)
    if per_user_state(situation.account) != "disabled" and (
        defaults is not False or unread_block or may_block & masks.legacy_always
    ):
        possible.add(_UNUSABLE)
    surely_blocking = blocking & ~masks.malformed
    if defaults is not True and not surely_blocking and (unread_block_to_come or may_be_about_to_block):
        possible.add(_ABOUT_TO_BE_BLOCKED)
    if malformed and land.may_be_unknown(situation):
        possible.add(_UNREADABLE)
    possible |= {_HOLDS_ROLE} if land.scopes.may_hold_roles(situation.account) else set()

    inexact: set[str] = set()
    if unread_demand or may_demand != demanding:
        inexact |= _BY_DEMANDS
    if unread_prediction or may_predict != predicting:
        inexact.add(_PREDICTED)
    if unread_block or may_block != blocking:
        inexact.add(_UNUSABLE)
    if unread_block_to_come or may_be_about_to_block != would_block:
        inexact.add(_ABOUT_TO_BE_BLOCKED)
    if defaults is None:
        inexact |= {_HIDDEN, _UNUSABLE}
    if land.scopes.may_hold_roles(situation.account) or land.scopes.holds_unnamed_roles(situation.account):
        inexact.add(_HOLDS_ROLE)
    # A malformed policy applies in some circumstances at the most, so no other check is failed because of it.
    on_malformed: set[str] = set()
    sound = ~masks.malformed
    conditional = one_reaches(situation, masks.enforced & masks.mfa_least & sound)
    if may_demand & malformed and not conditional:
        on_malformed.add(_CONDITIONAL)
    # Whoever is under a circumstance already is told of what would hide the option for certain, and of nothing else.
    told_by_others = conditional and predicting & sound & masks.mfa_least_always
    may_decide = 0 if told_by_others else may_predict & malformed
    if may_decide and _decides(land, may_decide, beside=predicting & sound):
        on_malformed.add(_PREDICTED)
    return Doubt(frozenset(possible), frozenset(inexact), frozenset(on_malformed))


def _decides(land: Landscape, predicting: int, *, beside: int) -> bool:
    """Whether a prediction, or how severe it is, depends on some policies beside others."""
    return not beside or (_by_microsoft(land, predicting) and not _by_microsoft(land, beside))


def _by_microsoft(land: Landscape, policies: int) -> bool:
    return any(effect.managed_by_microsoft for effect in land.those(policies))


def _of_state(situation: Situation) -> set[str]:
    """What the per-user MFA state and the registration leave open."""
    state = per_user_state(situation.account)
    if state not in ("enabled", None):
        return set()
    registered = registered_for(situation.account.registration)
    return ({_STUCK} if registered.most else set()) | ({_PENDING} if not registered.least else set())


def _not_yet(reached: int, surely_reached: int, eligible: int, enforced: int) -> int:
    return (reached & ~enforced) | (eligible & ~surely_reached)
