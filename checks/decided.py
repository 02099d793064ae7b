"""Which checks are decided although something is missing: a finding is only over where that is certain. Pure.

An answer was worked out at both extremes of what is missing, so it stands whatever that is. Beside the answers, findings
rest on single policies (their causes, and what report-only ones would do) and on roles.
"""

from checks.catalog import BLOCKED, BY_USE, HAS_OPTION, SWITCHED_OFF, known_checks
from checks.landscape import Landscape, Situation
from checks.model import JudgedAccount, Usability, Verdict, Visibility
from checks.visibility import per_user_state
from tenant.model import Gap

UNREADABLE = "APW-008"
CONFIRMED = frozenset({UNREADABLE})
"""The checks that two scans in a row must see before they are told: what one alone couldn't read is a hiccup."""
_HIDDEN_BY_POLICY, _HIDDEN_BY_SECURITY_DEFAULTS, _HIDDEN_SOMETIMES = "APW-001", "APW-002", "APW-005"
_ABOUT_TO_BE_HIDDEN, _CANNOT_BE_USED, _HOLDS_A_ROLE, _ABOUT_TO_BE_BLOCKED = "APW-006", "APW-007", "APW-011", "APW-013"
_HIDDEN = frozenset({_HIDDEN_BY_POLICY, _HIDDEN_BY_SECURITY_DEFAULTS, _HIDDEN_SOMETIMES})
_OF_VISIBILITY = frozenset({"APW-003", "APW-004", _ABOUT_TO_BE_HIDDEN}) | _HIDDEN


def undecided(one: JudgedAccount, *, log_read: bool, on_evidence: bool) -> frozenset[str]:
    """The ids of the checks of which it isn't certain whether the account fails them.

    Takes the account as it was judged, whether every day of its sign-ins is known, and whether the verdict before this one
    rested on its sign-ins.
    """
    if one.account.properties is not None:
        return known_checks() - CONFIRMED
    if one.verdict.visibility is Visibility.NOT_APPLICABLE:
        return frozenset()
    found = set(one.verdict.undecided)
    if per_user_state(one.account) is None:
        found.add(SWITCHED_OFF)
    if not log_read:
        found |= BY_USE
        if on_evidence:
            found.add(_HIDDEN_SOMETIMES)
    return frozenset(found)


def left_open(land: Landscape, situation: Situation, verdict: Verdict) -> tuple[frozenset[str], frozenset[str]]:
    """What is missing leaves open: the checks that an account with this verdict may fail, and those whose causes may be
    more, or worse, than could be read.
    """
    reach, masks = situation.reach, land.masks
    unsure = reach.most & ~reach.least
    unsure_once_eligible = reach.eligible_most & ~reach.eligible_least
    unread = bool(land.tenant_gaps())
    inexact: set[str] = set()
    if unread or (unsure | (reach.most & masks.unread)) & masks.enforced & masks.mfa_most:
        inexact |= _HIDDEN
    reached = reach.most | reach.eligible_most
    if unread or (unsure | unsure_once_eligible | (reached & masks.unread)) & masks.mfa_most:
        inexact.add(_ABOUT_TO_BE_HIDDEN)
    if unread or unsure & masks.enforced & masks.legacy:
        inexact.add(_CANNOT_BE_USED)
    if unread or unsure & ~masks.enforced & masks.legacy_always:
        inexact.add(_ABOUT_TO_BE_BLOCKED)
    if land.scopes.roles_are_open(situation.account):
        inexact.add(_HOLDS_A_ROLE)
    return frozenset(_undecided(land, verdict, inexact)), frozenset(inexact)


def _undecided(land: Landscape, verdict: Verdict, inexact: set[str]) -> set[str]:
    """The checks that an open answer decides, or what isn't read beside a certain one."""
    visibility, usability = verdict.visibility, verdict.usability
    found = inexact & {_HOLDS_A_ROLE}
    if visibility is Visibility.UNKNOWN:
        found |= _OF_VISIBILITY
    if visibility is Visibility.HIDDEN and isinstance(land.tenant.security_defaults, Gap):
        found |= {_HIDDEN_BY_POLICY, _HIDDEN_BY_SECURITY_DEFAULTS}
    if visibility is Visibility.CONDITIONAL:
        found |= inexact & {_ABOUT_TO_BE_HIDDEN}
    if usability is Usability.UNKNOWN:
        found.add(_ABOUT_TO_BE_BLOCKED)
    if usability is Usability.USABLE:
        found |= inexact & {_ABOUT_TO_BE_BLOCKED}
    # An app password that can't be used: there must be one to use, and something that keeps it out.
    either_open = visibility is Visibility.UNKNOWN or usability is Usability.UNKNOWN
    may_have_option = visibility is Visibility.UNKNOWN or visibility in HAS_OPTION
    if either_open and may_have_option and (usability is Usability.UNKNOWN or usability in BLOCKED):
        found.add(_CANNOT_BE_USED)
    return found
