"""Visibility: is "App password" offered on the account's Security info page? The contract is docs/verdicts.md.

The rows of its table stand here in its order and its words, but for ``not_applicable`` (checks/judge.py). ``unknown`` is
what comes out where a row is open.
"""

from dataclasses import dataclass
from datetime import datetime

from checks import reasons as say
from checks.between import NO, OPEN, YES, Between, first_that_holds, one_reaches, reached, why
from checks.landscape import Landscape, Situation, unreadable
from checks.model import Effect, Reason, Visibility
from checks.policy import PolicyEffect
from checks.scope import Reach, World
from checks.unexplained import Explaining
from tenant.methods import has_mfa_method
from tenant.model import Account, Gap, Registration


@dataclass(frozen=True, slots=True)
class VisibilityAnswer:
    """The answer, and what led to it."""

    visibility: Visibility
    reasons: list[Reason]
    predicted: Visibility | None = None
    """What it would be if the ``predicting`` policies were in force."""
    predicting: tuple[PolicyEffect, ...] = ()
    has_option: bool = False
    """Whether the account has the option or will have it, although it can't be told which."""


def visibility_of(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> VisibilityAnswer:
    """Whether the option is offered to the account. ``explaining``: None where the sign-in log shows no demand for MFA."""
    account = situation.account
    state = per_user_state(account)
    if state == "enforced":
        return VisibilityAnswer(
            Visibility.VISIBLE, [say.per_user_state(account, state, switched_off=land.switched_off)]
        )
    if state == "enabled":
        return _when_enabled(land, account)
    if state == "disabled":
        return _when_disabled(land, explaining, situation, now)
    return VisibilityAnswer(Visibility.UNKNOWN, [say.unreadable_state(account)])


def per_user_state(account: Account) -> str | None:
    """``disabled``, ``enabled`` or ``enforced``; None where it is absent, unreadable or a value nobody knows."""
    state = account.per_user_mfa
    known = state.lower() if isinstance(state, str) else None
    return known if known in ("disabled", "enabled", "enforced") else None


def _when_enabled(land: Landscape, account: Account) -> VisibilityAnswer:
    rows = (
        # An MFA method is registered.
        (Visibility.STUCK, registered_for(account.registration)),
        # Nothing is registered yet.
        (Visibility.PENDING, YES),
    )
    visibility = first_that_holds(rows)
    if visibility is None:
        unread = say.unreadable_registration(account.registration)
        stated = say.per_user_state(account, "enabled")
        return VisibilityAnswer(Visibility.UNKNOWN, [unread, stated], has_option=True)
    registered = visibility is Visibility.STUCK
    return VisibilityAnswer(visibility, [say.per_user_enabled(account, registered, switched_off=land.switched_off)])


def _when_disabled(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> VisibilityAnswer:
    rows = (
        # Security Defaults or an enabled policy demand MFA for Exchange Online.
        (Visibility.HIDDEN, _security_defaults(land) | _unread_policies(land) | _demanded(land, situation)),
        # MFA is demanded only in some circumstances, or sign-in evidence names a demand that no readable policy explains.
        (Visibility.CONDITIONAL, _sometimes_demanded(land, situation) | _evidence(land, explaining, situation, now)),
        # Nothing demands MFA today, but a report-only policy, or a role that the account may activate, would.
        (Visibility.PREDICTED, _would_be_demanded(land, situation)),
        # Nothing demands MFA for mail.
        (Visibility.NOT_OFFERED, YES),
    )
    visibility = first_that_holds(rows)
    because = [*why(rows, visibility), say.per_user_state(situation.account, "disabled")]
    if visibility is None:
        return VisibilityAnswer(Visibility.UNKNOWN, [*_missing(land, explaining, situation), *because])
    predicting = _predicting(land, situation, visibility)
    if not predicting:
        return VisibilityAnswer(visibility, because)
    predicted = Visibility.HIDDEN if predicting & land.masks.mfa_least_always else Visibility.CONDITIONAL
    return VisibilityAnswer(visibility, because, predicted, tuple(land.those(predicting)))


def _security_defaults(land: Landscape) -> Between:
    on = land.tenant.security_defaults
    if isinstance(on, Gap):
        return OPEN
    return Between(True, True, (say.security_defaults_hide(), *land.contradiction)) if on else NO


def _unread_policies(land: Landscape) -> Between:
    return OPEN if isinstance(land.tenant.policies, Gap) else NO


def _demanded(land: Landscape, situation: Situation) -> Between:
    masks = land.masks
    certain, possible = masks.enforced & masks.mfa_least_always, masks.enforced & masks.mfa_most_always
    return reached(land, situation, Effect.DEMANDS_MFA, certain, possible)


def _sometimes_demanded(land: Landscape, situation: Situation) -> Between:
    masks = land.masks
    sometimes = masks.enforced & ~masks.mfa_least_always
    return reached(land, situation, Effect.DEMANDS_MFA, sometimes & masks.mfa_least, sometimes & masks.mfa_most)


def _evidence(land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime) -> Between:
    if explaining is None:
        return NO
    demanding = land.masks.enforced & land.masks.mfa_least
    if land.tenant.security_defaults is True or one_reaches(situation, demanding):
        return NO  # the log adds nothing to what is certain
    surely, perhaps = explaining.unexplained(situation.account, now)
    if surely is None:
        return NO if perhaps is None else OPEN
    return Between(True, True, (say.evidence(surely),))


def _would_be_demanded(land: Landscape, situation: Situation) -> Between:
    reach, masks = situation.reach, land.masks

    def worded(policies: int) -> list[Reason]:
        return land.worded(Effect.WOULD_DEMAND_MFA, policies, masks.mfa_least_always, situation)

    if policies := _not_in_force(land, reach):
        return Between(True, True, worded(policies))
    if not (possible := _not_in_force_at_most(land, reach)):
        return NO
    if all(_not_in_force(land, world) for world in reach.worlds):
        return Between(True, True, one_of=worded(possible & masks.mfa_least))
    return OPEN


def _predicting(land: Landscape, situation: Situation, visibility: Visibility) -> int:
    """The policies behind the prediction; where it rests on one of several, all of these."""
    certain = _not_in_force(land, situation.reach)
    if certain or visibility is not Visibility.PREDICTED:
        return certain
    return _not_in_force_at_most(land, situation.reach) & land.masks.mfa_least


def _not_in_force(land: Landscape, where: Reach | World) -> int:
    """The policies that would demand MFA: report-only ones, and any behind a role that isn't activated."""
    in_force = where.least & land.masks.enforced
    return (where.least | where.eligible_least) & ~in_force & land.masks.mfa_least


def _not_in_force_at_most(land: Landscape, reach: Reach) -> int:
    """The same at the most; one behind a role that is already activated makes no difference, as the rows above have it."""
    return ((reach.most & ~land.masks.enforced) | reach.eligible_most) & land.masks.mfa_most


def _missing(land: Landscape, explaining: Explaining | None, situation: Situation) -> list[Reason]:
    reach, masks = situation.reach, land.masks
    gaps = land.tenant_gaps()
    gaps += [effect.gap for effect in land.those((reach.most | reach.eligible_most) & masks.mfa_most) if effect.gap]
    unsure, unsure_once_eligible = reach.most & ~reach.least, reach.eligible_most & ~reach.eligible_least
    gaps += land.scope_gaps((unsure | unsure_once_eligible) & masks.mfa_most, situation)
    if explaining:
        gaps += explaining.gaps(situation.account)
    for effect in land.those(unsure_once_eligible & masks.mfa_most):
        gaps += land.scopes.gaps_behind_eligibility(situation.account, situation.roles, effect)
    return unreadable(gaps, "it could change whether the option is hidden")


def registered_for(registration: Registration) -> Between:
    """Whether an MFA method is registered, from the report and the account's own methods."""
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    answers = [has_mfa_method(names) for names in read]
    if True in answers:
        return YES
    return OPEN if not answers or None in answers else NO
