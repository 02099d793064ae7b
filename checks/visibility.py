"""Visibility: is "App password" offered on the account's Security info page? The contract is docs/verdicts.md."""

from dataclasses import dataclass
from datetime import datetime

from checks import reasons as say
from checks.evidence import Explaining
from checks.landscape import ALWAYS, CONDITIONAL, NEVER, Landscape, Situation, rank, unreadable
from checks.model import Effect, Reason, Visibility
from checks.policy import PolicyEffect
from checks.scope import World
from tenant.methods import has_mfa_method
from tenant.model import Account, Gap, Registration

PREDICTED = 1
_SCALE = {
    NEVER: Visibility.NOT_OFFERED,
    PREDICTED: Visibility.PREDICTED,
    CONDITIONAL: Visibility.CONDITIONAL,
    ALWAYS: Visibility.HIDDEN,
}
"""What can be said of an account whose per-user MFA is disabled, from least to most hiding."""


@dataclass(frozen=True, slots=True)
class VisibilityAnswer:
    """The answer, and what led to it."""

    visibility: Visibility
    reasons: list[Reason]
    predicted: Visibility | None = None
    """What it would be if the ``predicting`` policies were in force."""
    predicting: tuple[PolicyEffect, ...] = ()


def visibility_of(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> VisibilityAnswer:
    """Whether the option is offered to the account. ``explaining``: None where the sign-in log shows no demand for MFA."""
    account = situation.account
    state = per_user_state(account)
    if state is None:
        return VisibilityAnswer(Visibility.UNKNOWN, [say.unreadable_state(account)])
    stated = say.per_user_state(account, state)
    if state == "enforced":
        return VisibilityAnswer(Visibility.VISIBLE, [stated])
    if state == "enabled":
        registered = registered_for(account.registration)
        if registered is None:
            reasons = [say.unreadable_registration(account.registration), stated]
            return VisibilityAnswer(Visibility.UNKNOWN, reasons)
        visibility = Visibility.STUCK if registered else Visibility.PENDING
        return VisibilityAnswer(visibility, [say.per_user_enabled(account, registered)])
    return _when_disabled(land, explaining, situation, now, stated)


def per_user_state(account: Account) -> str | None:
    """``disabled``, ``enabled`` or ``enforced``; None where it is absent, unreadable or a value nobody knows."""
    state = account.per_user_mfa
    known = state.lower() if isinstance(state, str) else None
    return known if known in ("disabled", "enabled", "enforced") else None


def _when_disabled(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime, stated: Reason
) -> VisibilityAnswer:
    reach, masks, defaults = situation.reach, land.masks, land.tenant.security_defaults
    demanding = reach.least & masks.enforced & masks.mfa_least
    demanding_at_most = reach.most & masks.enforced & masks.mfa_most
    least = min(_hides_at_least(land, world) for world in reach.worlds)
    most = rank(demanding_at_most, masks.mfa_most_always)
    if defaults is True:
        least = most = ALWAYS
    if isinstance(defaults, Gap) or isinstance(land.tenant.policies, Gap):
        most = ALWAYS
    evidence, possible_evidence = (
        explaining.unexplained(situation.account, now) if explaining and least < CONDITIONAL else (None, None)
    )
    if evidence is not None:
        least = CONDITIONAL
    if possible_evidence is not None:
        most = max(most, CONDITIONAL)
    # What isn't in force yet: report-only policies, and any policy behind a role that isn't activated.
    predicting = _not_yet(reach.least, reach.eligible_least, masks.enforced) & masks.mfa_least
    predicting_at_most = _not_yet(reach.most, reach.eligible_most, masks.enforced) & masks.mfa_most
    if predicting_at_most:
        most = max(most, PREDICTED)
    if least == most and rank(demanding, masks.mfa_least_always) < least and evidence is None:
        # No single policy is certain, but whichever way the unread inputs are, one of several reaches the account.
        if least > PREDICTED and defaults is not True:
            demanding |= demanding_at_most & (masks.mfa_least_always if least == ALWAYS else masks.mfa_least)
        elif least == PREDICTED and not predicting:
            predicting = predicting_at_most & masks.mfa_least
    because = [say.security_defaults_hide(), *land.contradiction] if defaults is True else []
    because += land.worded(Effect.DEMANDS_MFA, demanding, masks.mfa_least_always, situation)
    because += [say.evidence(evidence)] if evidence is not None else []
    because += land.worded(Effect.WOULD_DEMAND_MFA, predicting, masks.mfa_least_always, situation)
    if least != most:
        return VisibilityAnswer(Visibility.UNKNOWN, [*_missing(land, explaining, situation), *because, stated])
    predicted = _SCALE[rank(predicting, masks.mfa_least_always)] if predicting else None
    return VisibilityAnswer(_SCALE[least], [*because, stated], predicted, tuple(land.those(predicting)))


def _hides_at_least(land: Landscape, world: World) -> int:
    masks = land.masks
    surely = rank(world.least & masks.enforced & masks.mfa_least, masks.mfa_least_always)
    not_yet = _not_yet(world.least, world.eligible_least, masks.enforced) & masks.mfa_least
    return max(surely, PREDICTED) if not_yet else surely


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


def _not_yet(reached: int, eligible: int, enforced: int) -> int:
    return (reached & ~enforced) | (eligible & ~reached)


def registered_for(registration: Registration) -> bool | None:
    """Whether an MFA method is registered, from the report and the account's own methods; None where that is open."""
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    answers = [has_mfa_method(names) for names in read]
    if True in answers:
        return True
    return None if not answers or None in answers else False
