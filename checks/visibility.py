"""Visibility: is "App password" offered on the account's Security info page? The contract is docs/verdicts.md.

The rows of its table stand here in its order and its words, but for ``not_applicable`` (checks/judge.py). ``unknown`` is
what comes out where a row is open.
"""

from dataclasses import dataclass
from datetime import datetime

from checks import reasons as say
from checks.between import NO, OPEN, YES, Between, Rows, first_that_holds, one_reaches, reached, why
from checks.landscape import Landscape, Situation, unreadable
from checks.model import Effect, Reason, Visibility
from checks.phrases import quoted
from checks.policy import PolicyEffect
from checks.scope import Reach, World
from checks.unexplained import Explaining
from tenant.methods import has_mfa_method, unknown_methods
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
    missing: tuple[Gap, ...] = ()
    """For ``unknown``: every input that is missing."""


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
    return _when_unknown(land, explaining, situation, now)


def per_user_state(account: Account) -> str | None:
    """``disabled``, ``enabled`` or ``enforced``; None where it is absent, unreadable or a value nobody knows."""
    state = account.per_user_mfa
    known = state.lower() if isinstance(state, str) else None
    return known if known in ("disabled", "enabled", "enforced") else None


def _when_unknown(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> VisibilityAnswer:
    """Without the state: named is also what would be missing if the state were known, whichever it is."""
    account = situation.account
    state = account.per_user_mfa
    unread = state if isinstance(state, Gap) else _odd("per_user_mfa", say.odd_state(state))
    registered = registered_for(account.registration)
    if_enabled = _unread_registration(account) if registered.most and not registered.least else []
    rows = _disabled_rows(land, explaining, situation, now)
    if_disabled = _missing(land, explaining, situation) if first_that_holds(rows) is None else []
    reasons = [
        say.unreadable_state(account),
        *unreadable(if_enabled, "it decides what the state means if it is Enabled"),
        *unreadable(if_disabled, "it could change whether the option is hidden"),
    ]
    missing = tuple(dict.fromkeys([unread, *if_enabled, *if_disabled]))
    return VisibilityAnswer(Visibility.UNKNOWN, reasons, missing=missing)


def _odd(input_name: str, text: str) -> Gap:
    """An answer about an account that nobody here understands: no permission opens it. Accounts that are alike share it."""
    return Gap(input_name, text, tenant_wide=False)


def _unread_registration(account: Account) -> list[Gap]:
    """What leaves open whether an MFA method is registered; empty where nobody asked."""
    registration = account.registration
    gaps = [value for value in (registration.own, registration.report) if isinstance(value, Gap)][:1]
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    if unknown := unknown_methods(name for names in read for name in names):
        names = ", ".join(quoted(unknown))
        text = f"registered methods that this version doesn't know: {names}"
        gaps.append(_odd("mfa_registration", text))
    return gaps


def _when_enabled(land: Landscape, account: Account) -> VisibilityAnswer:
    rows = (
        # An MFA method is registered.
        (Visibility.STUCK, registered_for(account.registration)),
        # Nothing is registered yet.
        (Visibility.PENDING, YES),
    )
    visibility = first_that_holds(rows)
    if visibility is None:
        missing = tuple(_unread_registration(account)) or (_odd("mfa_registration", "no registration was read"),)
        unread = [say.unreadable_registration(gap) for gap in missing]
        stated = say.per_user_state(account, "enabled", switched_off=land.switched_off)
        return VisibilityAnswer(Visibility.UNKNOWN, [*unread, stated], has_option=True, missing=missing)
    registered = visibility is Visibility.STUCK
    return VisibilityAnswer(visibility, [say.per_user_enabled(account, registered, switched_off=land.switched_off)])


def _when_disabled(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> VisibilityAnswer:
    rows = _disabled_rows(land, explaining, situation, now)
    visibility = first_that_holds(rows)
    state = say.per_user_state(situation.account, "disabled", switched_off=land.switched_off)
    because = [*why(rows, visibility), state]
    if visibility is None:
        missing = tuple(dict.fromkeys(_missing(land, explaining, situation)))
        unread = unreadable(missing, "it could change whether the option is hidden")
        return VisibilityAnswer(Visibility.UNKNOWN, [*unread, *because], missing=missing)
    predicting = _predicting(land, situation, visibility)
    if not predicting:
        return VisibilityAnswer(visibility, because)
    hiding = predicting & land.masks.mfa_least_always
    predicted = Visibility.HIDDEN if hiding else Visibility.CONDITIONAL
    if hiding and visibility is Visibility.CONDITIONAL:
        predicting = hiding  # another circumstance changes nothing for whoever is under one already
    return VisibilityAnswer(visibility, because, predicted, tuple(land.those(predicting)))


def _disabled_rows(
    land: Landscape, explaining: Explaining | None, situation: Situation, now: datetime
) -> Rows[Visibility]:
    return (
        # Security Defaults or an enabled policy demand MFA for Exchange Online.
        (Visibility.HIDDEN, _security_defaults(land) | _unread_policies(land) | _demanded(land, situation)),
        # MFA is demanded only in some circumstances, or sign-in evidence names a demand that no readable policy explains.
        (
            Visibility.CONDITIONAL,
            _unread_plans(land) | _sometimes_demanded(land, situation) | _evidence(land, explaining, situation, now),
        ),
        # Nothing demands MFA today, but a report-only policy, or a role that the account may activate, would.
        (Visibility.PREDICTED, _would_be_demanded(land, situation)),
        # Nothing demands MFA for mail.
        (Visibility.NOT_OFFERED, YES),
    )


def _security_defaults(land: Landscape) -> Between:
    on = land.tenant.security_defaults
    if isinstance(on, Gap):
        return OPEN
    return Between(True, True, (say.security_defaults_hide(), *land.contradiction)) if on else NO


def _unread_policies(land: Landscape) -> Between:
    return OPEN if land.has_unread_policies else NO


def _unread_plans(land: Landscape) -> Between:
    return OPEN if land.has_unread_plans else NO


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


def _missing(land: Landscape, explaining: Explaining | None, situation: Situation) -> list[Gap]:
    reach, masks = situation.reach, land.masks
    gaps = land.tenant_gaps()
    gaps += [effect.gap for effect in land.those((reach.most | reach.eligible_most) & masks.mfa_most) if effect.gap]
    unsure, unsure_once_eligible = reach.most & ~reach.least, reach.eligible_most & ~reach.eligible_least
    gaps += land.scope_gaps((unsure | unsure_once_eligible) & masks.mfa_most, situation)
    if explaining:
        gaps += explaining.gaps(situation.account)
    for effect in land.those(unsure_once_eligible & masks.mfa_most):
        gaps += land.scopes.gaps_behind_eligibility(situation.account, situation.roles, effect)
    return [*gaps, *land.gaps_of_unread_policies(situation.account)]


def registered_for(registration: Registration) -> Between:
    """Whether an MFA method is registered, from the report and the account's own methods."""
    read = [names for names in (registration.report, registration.own) if isinstance(names, tuple)]
    answers = [has_mfa_method(names) for names in read]
    if True in answers:
        return YES
    return OPEN if not answers or None in answers else NO
