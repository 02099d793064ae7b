"""Which checks are decided although something is missing: a finding is only over where that is certain. Pure."""

from checks.catalog import BLOCKED, HAS_OPTION, SWITCHED_OFF, known_checks
from checks.model import JudgedAccount, Usability, Verdict, Visibility
from checks.usage import RETIRED, SHARED
from checks.visibility import per_user_state

UNREADABLE = "APW-008"
CONFIRMED = frozenset({UNREADABLE})
"""The checks that two scans in a row must see before they are told: what one alone couldn't read is a hiccup."""
_FROM_EVIDENCE = "APW-005"
_OF_VISIBILITY = frozenset({"APW-001", "APW-002", "APW-003", "APW-004", "APW-005", "APW-006"})
_CANNOT_BE_USED, _ABOUT_TO_BE_BLOCKED = "APW-007", "APW-013"


def undecided(one: JudgedAccount, *, log_read: bool, on_evidence: bool) -> frozenset[str]:
    """The ids of the checks of which it isn't certain whether the account fails them.

    Takes the account as it was judged, whether every day of its sign-ins is known, and whether the verdict before this one
    rested on its sign-ins.
    """
    if one.account.properties is not None:
        return known_checks() - CONFIRMED
    if one.verdict.visibility is Visibility.NOT_APPLICABLE:
        return frozenset()
    found = set(one.verdict.undecided) | _open_answers(one.verdict)
    if per_user_state(one.account) is None:
        found.add(SWITCHED_OFF)
    if not log_read:
        found |= {RETIRED, SHARED}
        if on_evidence:
            found.add(_FROM_EVIDENCE)
    return frozenset(found)


def _open_answers(verdict: Verdict) -> set[str]:
    """The checks that an answer decides which is open."""
    found: set[str] = set()
    if verdict.visibility is Visibility.UNKNOWN:
        found |= _OF_VISIBILITY
    if verdict.usability is Usability.UNKNOWN:
        found.add(_ABOUT_TO_BE_BLOCKED)
    # An app password that can't be used: there must be one to use, and something that blocks it.
    may_have_option = verdict.visibility is Visibility.UNKNOWN or verdict.visibility in HAS_OPTION
    may_be_blocked = verdict.usability is Usability.UNKNOWN or verdict.usability in BLOCKED
    if (
        may_have_option
        and may_be_blocked
        and (verdict.visibility is Visibility.UNKNOWN or verdict.usability is Usability.UNKNOWN)
    ):
        found.add(_CANNOT_BE_USED)
    return found
