"""Why a finding is gone: what a scan found in its place, in a sentence."""

from collections.abc import Mapping
from enum import StrEnum

from checks.catalog import HAS_OPTION, METHODS_END, OFF_FOR_THE_TENANT, RECOMMENDED_AWAY, REFUSED, SWITCHED_OFF
from checks.model import Effect, Usability, Verdict, Visibility
from checks.usage import RETIRED, SHARED

_OPTION = {
    Visibility.VISIBLE: "with the app-password option available",
    Visibility.NOT_OFFERED: "without any demand for MFA on mail (the option isn't offered then either)",
    Visibility.HIDDEN: "with the app-password option hidden for another reason",
    Visibility.CONDITIONAL: "with the app-password option hidden only in some circumstances",
    Visibility.PREDICTED: "with the app-password option not hidden at present",
    Visibility.STUCK: "with per-user MFA Enabled and a method registered",
    Visibility.PENDING: "with per-user MFA Enabled and its registration pending",
    Visibility.UNKNOWN: "without this problem",
    Visibility.NOT_APPLICABLE: "no longer in question",
}
"""What is true instead where the option decides."""
_CAME_TRUE = {
    Visibility.HIDDEN: "with the app-password option hidden, as it was predicted",
    Visibility.CONDITIONAL: "with the app-password option hidden in some circumstances already",
}
"""What is true instead of a prediction."""
_USE = {
    Usability.USABLE: "with nothing that blocks an app password",
    Usability.CONDITIONAL: "with app passwords blocked only in some circumstances",
}
"""What is true instead where it matters whether an app password works."""
_OTHERS = {
    "APW-008": "with everything readable that decides",
    "APW-011": "without an active directory role",
    RETIRED: "no longer signing in with a protocol that is being retired",
    REFUSED: "without a client whose sign-ins were refused lately",
    SHARED: "no longer used by people in a browser",
    SWITCHED_OFF: "with per-user MFA no longer Disabled",
}
_WITH_PER_USER_MFA = {
    METHODS_END: (HAS_OPTION, "with an MFA method registered that stays, or with none"),
    RECOMMENDED_AWAY: (
        (Visibility.VISIBLE,),
        "without an active recommendation of Microsoft's to switch off per-user MFA",
    ),
}
"""For which answers, and what is true instead."""
_OF_OPTION = frozenset({"APW-001", "APW-002", "APW-003", "APW-004", "APW-005", "APW-006"})
_SWITCHED_OFF_TOO = "with app passwords switched off for the whole tenant"
_SWITCHED_ON = "with app passwords no longer switched off for the tenant"
_LAST_SCAN = "The last scan "
"""What the sentences begin with that a scan gave after it had looked; findings/compare.py has one, too."""
_FOUND = f"{_LAST_SCAN}found the account "
_GOOD = frozenset(
    {
        *(_OPTION[Visibility.VISIBLE], _OPTION[Visibility.NOT_OFFERED], _USE[Usability.USABLE], _SWITCHED_ON),
        *_OTHERS.values(),
        *(instead for _, instead in _WITH_PER_USER_MFA.values()),
    }
)
"""What is true instead where the account passes the check, and not only fails another one."""
_GOOD_OF: Mapping[str, frozenset[str]] = {OFF_FOR_THE_TENANT: frozenset({_SWITCHED_ON})}
"""The same for a check of the tenant, of which nothing that is true of the account says that it passes."""
_BLOCKED = frozenset({Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS})


def why_resolved(check_id: str, verdict: Verdict) -> str:
    """Why an account with this verdict fails a check no longer, and who made it so, where the audit log says that."""
    found = f"{_FOUND}{_instead(check_id, verdict)}."
    cause = _cause(verdict) if check_id in _OF_OPTION else None
    return f"{found} {cause}" if cause else found


class Ending(StrEnum):
    """How a finding ended."""

    PASSES = "passes"
    """A scan looked, and the account passes the check."""
    SUPERSEDED = "superseded"
    """A scan looked, and something else is true instead that is no better, or that another check tells: what was predicted came
    true, the option is hidden for another reason."""
    NOT_FOUND = "not found"
    """A scan looked, and nobody noted what it found."""
    UNWATCHED = "unwatched"
    """Nobody looks any more: the account is gone, disabled or no longer selected."""


def ending_of(check_id: str, resolution: str | None) -> Ending:
    """How a finding of a check ended, by the sentence that says why: one of :func:`why_resolved`, or another."""
    said = resolution or ""
    if said.startswith(tuple(f"{_FOUND}{one}." for one in _GOOD_OF.get(check_id, _GOOD))):
        return Ending.PASSES
    if said.startswith(_FOUND):
        return Ending.SUPERSEDED
    return Ending.NOT_FOUND if said.startswith(_LAST_SCAN) else Ending.UNWATCHED


def _cause(verdict: Verdict) -> str | None:
    """What brought the option to the account, or ended what hid it."""
    if verdict.visibility is not Visibility.VISIBLE:
        return verdict.ended
    return next((one.cause for one in verdict.reasons if one.effect is Effect.PER_USER_STATE), None)


def _instead(check_id: str, verdict: Verdict) -> str:
    option = _OPTION[verdict.visibility]
    if verdict.visibility is Visibility.NOT_APPLICABLE:
        return option
    if check_id == OFF_FOR_THE_TENANT and verdict.app_passwords_allowed:
        return _SWITCHED_ON
    if verdict.app_passwords_allowed is False and verdict.visibility in HAS_OPTION:
        option = _SWITCHED_OFF_TOO  # nothing calls the option available that nobody is offered
    answers, instead = _WITH_PER_USER_MFA.get(check_id, ((), ""))
    if verdict.visibility in answers:
        return instead
    if check_id == "APW-006" and verdict.visibility in _CAME_TRUE:
        return _CAME_TRUE[verdict.visibility]
    if check_id == "APW-013" and verdict.usability in _BLOCKED:
        return "with app passwords blocked already"
    if check_id in ("APW-007", "APW-013"):
        return _USE.get(verdict.usability, option)  # still blocked, but without the option it isn't the point any more
    return _OTHERS.get(check_id, option)
