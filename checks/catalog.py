"""The checks: which verdict becomes which finding. An id never changes its meaning; a new check gets a new id.

What each check means to a person stands in ``checks/texts/<id>.md``.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from checks.model import Effect, Finding, JudgedAccount, Severity, Usability, Verdict, Visibility
from checks.phrases import joined

BLOCKED = (Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS)
"""Nothing lets an app password in."""
HAS_OPTION = (Visibility.VISIBLE, Visibility.STUCK, Visibility.PENDING)
"""The account has the option, or will have it."""
MISSING = (Visibility.HIDDEN, Visibility.STUCK)
"""The account is without the option: what every count of such accounts counts."""
UNTROUBLED = (
    Visibility.VISIBLE,
    Visibility.NOT_OFFERED,
    Visibility.CONDITIONAL,
    Visibility.PREDICTED,
    Visibility.PENDING,
)
"""Whoever misses the option after one of these is newly affected. One that was hidden, stuck, disabled or unknown may have
missed it all along."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its public id and title, when an account fails it and how badly, and which reasons decide it."""

    id: str
    title: str
    severity: Callable[[Verdict], Severity | None]
    """The severity of the finding, or None where the account passes."""
    decided_by: tuple[Effect, ...] = ()


def _by_security_defaults(verdict: Verdict) -> bool:
    return any(reason.effect is Effect.DEMANDS_MFA and reason.policy_id is None for reason in verdict.reasons)


def _hidden_by_policy(verdict: Verdict) -> Severity | None:
    return Severity.HIGH if verdict.visibility is Visibility.HIDDEN and not _by_security_defaults(verdict) else None


def _hidden_by_security_defaults(verdict: Verdict) -> Severity | None:
    return Severity.HIGH if verdict.visibility is Visibility.HIDDEN and _by_security_defaults(verdict) else None


def _is(visibility: Visibility, severity: Severity) -> Callable[[Verdict], Severity | None]:
    return lambda verdict: severity if verdict.visibility is visibility else None


def _about_to_be_hidden(verdict: Verdict) -> Severity | None:
    beside_conditional = verdict.visibility is Visibility.CONDITIONAL and verdict.predicted is Visibility.HIDDEN
    if verdict.visibility is Visibility.PREDICTED or beside_conditional:
        return Severity.HIGH if verdict.predicted_by_microsoft else Severity.MEDIUM
    return None


def _unusable(verdict: Verdict) -> Severity | None:
    has_option = verdict.has_option or verdict.visibility in HAS_OPTION
    return Severity.HIGH if has_option and verdict.usability in BLOCKED else None


def _cannot_tell(verdict: Verdict) -> Severity | None:
    unknown = verdict.visibility is Visibility.UNKNOWN or verdict.usability is Usability.UNKNOWN
    return Severity.MEDIUM if unknown else None


def _holds_a_role(verdict: Verdict) -> Severity | None:
    return Severity.MEDIUM if verdict.roles else None


def _about_to_be_blocked(verdict: Verdict) -> Severity | None:
    if verdict.usability is not Usability.USABLE or not verdict.would_be_blocked:
        return None
    return Severity.HIGH if verdict.would_be_blocked_by_microsoft else Severity.MEDIUM


def _off_for_the_tenant(verdict: Verdict) -> Severity | None:
    off = any(reason.effect is Effect.TENANT_SWITCH_OFF for reason in verdict.reasons)
    return Severity.HIGH if off else None


SWITCHED_OFF = "APW-009"
OPTION_CHECKS = frozenset({*(f"APW-00{number}" for number in range(1, 7)), SWITCHED_OFF})
"""The checks of whether the option is there."""
BLOCKED_CHECKS = frozenset({"APW-007"})
"""The checks of whether an app password works, for accounts that may have one."""
CANNOT_TELL = "APW-008"
OFF_FOR_THE_TENANT = "APW-014"
REFUSED = "APW-015"
BY_USE = frozenset({"APW-010", "APW-012", REFUSED})
"""The checks of how an account is used, which rest on the sign-in log: ``checks/usage.py`` and ``checks/refused.py``."""
METHODS_END, RECOMMENDED_AWAY = "APW-016", "APW-017"
AHEAD = frozenset({METHODS_END, RECOMMENDED_AWAY})
"""The checks of what is coming for accounts with per-user MFA: ``checks/ahead.py``."""
_DEMANDS = (Effect.DEMANDS_MFA, Effect.EVIDENCE)
CHECKS: tuple[Check, ...] = (
    Check("APW-001", "App password option hidden by Conditional Access", _hidden_by_policy, _DEMANDS),
    Check("APW-002", "App password option hidden by Security Defaults", _hidden_by_security_defaults, _DEMANDS),
    Check(
        "APW-003",
        "Per-user MFA is Enabled but the option is still missing",
        _is(Visibility.STUCK, Severity.HIGH),
        (Effect.PER_USER_STATE,),
    ),
    Check("APW-004", "MFA registration pending", _is(Visibility.PENDING, Severity.MEDIUM), (Effect.PER_USER_STATE,)),
    Check(
        "APW-005",
        "App password option hidden in some circumstances",
        _is(Visibility.CONDITIONAL, Severity.LOW),
        _DEMANDS,
    ),
    Check("APW-006", "App password option about to be hidden", _about_to_be_hidden, (Effect.WOULD_DEMAND_MFA,)),
    Check(
        "APW-007",
        "App password can't be used: legacy authentication is blocked",
        _unusable,
        (Effect.BLOCKS_LEGACY,),
    ),
    Check(CANNOT_TELL, "Cannot tell: something is unreadable", _cannot_tell, (Effect.UNREADABLE,)),
    Check("APW-011", "A service account holds a directory role", _holds_a_role),
    Check("APW-013", "App password about to be blocked", _about_to_be_blocked, (Effect.WOULD_BLOCK_LEGACY,)),
    Check(
        OFF_FOR_THE_TENANT,
        "App passwords are switched off for the whole tenant",
        _off_for_the_tenant,
        (Effect.TENANT_SWITCH_OFF,),
    ),
)


def known_checks() -> frozenset[str]:
    """The ids of all checks of this version."""
    return frozenset({SWITCHED_OFF, *BY_USE, *AHEAD, *(check.id for check in CHECKS)})


def deciding_effects(check_id: str) -> frozenset[str]:
    """The effects of the reasons that decide a check; empty for a check that no reason decides, or that is unknown."""
    return frozenset(effect.value for check in CHECKS if check.id == check_id for effect in check.decided_by)


def causing_effects(check_id: str) -> frozenset[str]:
    """The effects of the reasons that say since when a check is true."""
    return frozenset({Effect.PER_USER_STATE.value}) if check_id == SWITCHED_OFF else deciding_effects(check_id)


def findings_of(verdict: Verdict) -> tuple[Finding, ...]:
    """The findings of an account, in the order of their ids."""
    return tuple(
        _finding(check, severity, verdict) for check in CHECKS if (severity := check.severity(verdict)) is not None
    )


def state_before(known: str | None, last: str | None, state: str | None) -> str | None:
    """The per-user MFA state that an account had before it was switched off; None where it wasn't, or is on again.

    Takes what was remembered of that, the state that was last read, and today's; None is one that can't be read.
    """
    if state is None:
        return known
    if state != "disabled":
        return None
    return known or (last if last in ("enabled", "enforced") else None)


def switched_off(judged: JudgedAccount, before: str | None) -> Finding | None:
    """APW-009, which only time shows: per-user MFA went from Enforced or Enabled to Disabled.

    Takes the account as it is judged now, and the state that it had before (:func:`state_before`). The finding stays open as
    long as the state stays Disabled, and comes back with an account that was disabled in between.
    """
    state = judged.account.per_user_mfa
    if before is None or judged.verdict.visibility is Visibility.NOT_APPLICABLE:
        return None
    if not isinstance(state, str) or state.lower() != "disabled":
        return None
    gone = (
        "The app-password option goes away with it, and existing app passwords may be lost"
        if before == "enforced"
        else "Without it the account isn't offered app passwords, and existing ones may be lost"
    )
    summary = f"Per-user MFA of the account was set to Disabled. {gone}: check the product that uses the account."
    severity = Severity.HIGH
    return Finding(
        SWITCHED_OFF,
        "Per-user MFA was switched off since the last scan",
        severity,
        fingerprint(SWITCHED_OFF, severity, []),
        summary,
    )


def _finding(check: Check, severity: Severity, verdict: Verdict) -> Finding:
    deciding = [reason for reason in verdict.reasons if reason.effect in check.decided_by]
    causes = [
        f"{reason.effect}|{reason.policy_id}|{reason.permission}|{bool(reason.circumstances)}" for reason in deciding
    ]
    summary = deciding[0].text if deciding else check.title
    if check.decided_by == (Effect.UNREADABLE,):
        causes = []  # which input is missing is no news of the account: what can't be seen is told by itself
    if check.decided_by == ():
        causes = list(verdict.roles)
        summary = f"The account holds {_roles(verdict.roles)}. An app password doesn't work for administration."
    return Finding(check.id, check.title, severity, fingerprint(check.id, severity, causes), summary)


def fingerprint(check_id: str, severity: Severity, causes: list[str]) -> str:
    """A hash over the causes: which policies, and whether in circumstances only. A renamed policy doesn't change it."""
    text = "\n".join([check_id, severity, *sorted(set(causes))])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]  # a role may have any name


def _roles(names: tuple[str, ...]) -> str:
    return f"the directory role{'' if len(names) == 1 else 's'} {joined(names)}"
