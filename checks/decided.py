"""Which checks are decided although something is missing: a finding is only over where that is certain. Pure."""

from datetime import datetime

from checks.catalog import BY_USE, OFF_FOR_THE_TENANT, SWITCHED_OFF, known_checks
from checks.model import JudgedAccount, Verdict, Visibility
from checks.visibility import per_user_state

UNREADABLE = "APW-008"
CONFIRMED = frozenset({UNREADABLE})
"""The checks that two scans in a row must see before they are told: what one alone couldn't read is a hiccup. What rests on a malformed
policy is the same for one account: ``Verdict.on_malformed``."""
FROM_EVIDENCE = "APW-005"
"""The check that an account fails by what its sign-ins show."""


def undecided(
    one: JudgedAccount, *, log_read: bool, on_evidence: bool, log_said: datetime | None = None
) -> frozenset[str]:
    """The ids of the checks of which it isn't certain whether the account fails them.

    Takes the account as it was judged, whether every day of its sign-ins is known, whether the verdict before this one
    rested on its sign-ins, and when that one was, where it took the audit log to tell that nothing explains them.
    """
    if one.account.properties is not None:
        return known_checks() - CONFIRMED
    if one.verdict.visibility is Visibility.NOT_APPLICABLE:
        return frozenset()
    found = set(one.verdict.undecided)
    if per_user_state(one.account) is None:
        found.add(SWITCHED_OFF)
    if _may_be_off_for_the_tenant(one):
        found.add(OFF_FOR_THE_TENANT)
    if not log_read:
        found |= BY_USE
        if on_evidence:
            found.add(FROM_EVIDENCE)
    if log_said and _may_be_unexplained(one.verdict, log_said):
        found.add(FROM_EVIDENCE)
    return frozenset(found)


def _may_be_unexplained(verdict: Verdict, log_said: datetime) -> bool:
    """Whether what the audit log showed of the account's evidence may be so still, and only isn't known any more: nothing explains
    the evidence for certain, and no policy was changed since.
    """
    return verdict.explained_unseen is not None and verdict.explained_unseen <= log_said


def _may_be_off_for_the_tenant(one: JudgedAccount) -> bool:
    """Whether the account may fail the check unseen: nobody knows the tenant's switch, or whether the account has the option."""
    seen = any(finding.check_id == OFF_FOR_THE_TENANT for finding in one.findings)
    has_none = per_user_state(one.account) == "disabled"
    return not (seen or has_none or one.verdict.app_passwords_allowed is True)
