"""What a scan couldn't see, in words that an administrator can act on. Pure; when it is told: ``findings/sight.py``."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from basics.text import capital
from basics.times import moment
from checks.reasons import INPUTS, opening
from findings.sight import Unseen
from tenant.gaps import Gaps
from tenant.graph import GraphError
from tenant.model import Gap

_NOBODY_ASKED = frozenset({"recommendations"})
"""Optional inputs that no setting asks for: that they can't be read stands in the report and in what the doctor says, and is no news."""
SCANS = "scans"
"""The key of scans that fail; every other key is about what a scan that was done couldn't see."""
RENAMED = "renamed "
"""How the keys begin of accounts that the settings select by an old name; their ids follow."""
MISSING = "missing "
"""How the keys begin of accounts that the settings name and that don't exist; the names follow."""
INPUT = "input "
"""How the keys begin of what couldn't be read; the names of the inputs follow."""
NOTHING_SELECTED = "selection empty"
"""The key of a selection that matches no account."""
AUDIT_LOG = f"{INPUT}audit_log"
"""The key of the audit log, whoever can't read it."""
PLANS = f"{INPUT}policy_plans"
"""The key of the policy plans."""
_MOST_REMEMBERED = 1000
"""Objects of an input that are remembered one by one; where more are unread, all of it is."""
_LOGS = {
    "sign_ins": "the sign-in log",
    "consents": "the consents to applications",
    "applications": "the applications",
    "mfa_service": "the tenant's switch for app passwords",
    "mfa_methods": "the MFA methods of accounts that are Enforced",
}


def unseen_inputs(
    gaps: Iterable[Gap], kept: Collection[str], names: Mapping[str, str] = MappingProxyType({})
) -> list[Unseen]:
    """What the gaps of a whole scan mean for its sight, one by one where an input is read so.

    Takes the ids of the accounts that are ``kept``: what can't be read of one of them is a finding of its own (APW-008),
    unless a permission is missing, which concerns all. One that could never be read has no finding: that is blindness.
    ``names``: what accounts and groups are called, by id.
    """
    found: dict[tuple[str, str], Unseen] = {}
    for gap in gaps:
        objects = [about for about in gap.about if not _is_a_finding(gap, about, kept)]
        one = _unseen(gap) if objects else None
        if one is not None:
            for about in objects if gap.objects and len(objects) <= _MOST_REMEMBERED else ("",):
                found.setdefault((one.key, about), replace(one, object=about, name=names.get(about, about)))
    return list(found.values())


def _is_a_finding(gap: Gap, about: str, kept: Collection[str]) -> bool:
    """Whether what can't be read is the own trouble of one account."""
    anybodys = gap.not_found or gap.tenant_wide or gap.optional or gap.permission or gap.account_id is None
    return not anybodys and about in kept


def _unseen(gap: Gap) -> Unseen | None:
    if gap.not_found:
        return Unseen(
            f"{MISSING}{gap.account_id}",
            f"SERVICE_ACCOUNTS names {gap.account_id}, which doesn't exist in the tenant: correct its spelling, or remove it.",
            ended=f"SERVICE_ACCOUNTS no longer names {gap.account_id} in vain.",
            reminded=False,
        )
    if gap.input in _NOBODY_ASKED:
        return None
    of_proposed = gap.input == "group_memberships" and gap.optional
    label = INPUTS.get(gap.input) or _LOGS.get(gap.input) or gap.input.replace("_", " ")
    label = label.replace("the account's", "the accounts'")  # it is about all that a scan looks at
    label = "the group memberships of accounts that may be proposed" if of_proposed else label
    beginning = capital(label)
    remedy = f" {opening(gap.permission, gap.for_a_person)}" if gap.permission else ""
    if gap.optional:
        text = f"{beginning} can't be read: {gap.error.rstrip('.')}.{remedy} Verdicts don't depend on it."
    else:
        text = f"{beginning} can't be read ({gap.error}).{remedy} {_CONSEQUENCE.get(gap.input, _STAYS)}"
    return Unseen(
        f"{INPUT}{gap.input}{' of others' if of_proposed else ''}",
        text,
        label=label,
        ended=f"{beginning} can be read again.",
        reminded=not gap.optional,
    )


_STAYS = "Findings that depend on it stay as they were until it can be read again."
_CONSEQUENCE = {
    "selection": "The accounts that are known already are watched on; new ones aren't seen until it can be read again.",
}


def nothing_selected() -> Unseen:
    """For a scan that watches no account at all."""
    return Unseen(
        NOTHING_SELECTED,
        "The settings select no account at all, so nothing is watched: check SERVICE_ACCOUNTS, SERVICE_ACCOUNT_GROUPS, "
        "SERVICE_ACCOUNT_PATTERNS and SERVICE_ACCOUNT_ATTRIBUTE for a mistyped name, then scan again.",
        label="any service account",
        ended="The settings select service accounts again.",
        at_once=True,  # everything was read: there is nothing to wait for
        reminded=False,  # health says it until it is mended
    )


def audit_log_unseen(error: GraphError, since: datetime) -> Unseen:
    """For the audit log that can't be read between scans."""
    one = _unseen(Gaps().add_audit_log(error))
    if one is None:
        raise AssertionError("the audit log is an input")
    text = f"{one.text} Since {moment(since)} changes are noticed by the scheduled scans only."
    return replace(one, text=text, at_once=True)


def _rest(findings: int) -> str:
    return "One open finding rests" if findings == 1 else f"{findings} open findings rest"


def log_not_looked_at(findings: int) -> Unseen:
    """For findings that came from the sign-in log, where it is no longer looked at."""
    return Unseen(
        "sign-in log off",
        f"{_rest(findings)} on the sign-in log, which isn't looked at any more: SERVICE_ACCOUNT_DISCOVERY doesn't name signins. They "
        "stay open as they were last seen, until it is looked at again or somebody accepts them.",
        label="the sign-in log",
        ended="The sign-in log is looked at again, or no open finding rests on it.",
        at_once=True,
        reminded=False,
    )


def audit_log_not_looked_at(findings: int) -> Unseen:
    """For findings that only the audit log told from what a policy explains, where it is no longer read.

    Not at once: what an earlier version kept doesn't say which findings these are, and the first scan of this one notes it.
    """
    return Unseen(
        "audit log off",
        f"{_rest(findings)} on the audit log, which isn't read any more: AUDIT_LOG isn't on. What it said last counts until it is read "
        "again, a policy is changed, or the sign-ins that it is about are 30 days old.",
        label="the audit log",
        ended="The audit log is read again, or no open finding rests on it.",
        reminded=False,
    )


def scans_fail(error: str, *, certain: bool = False) -> Unseen:
    """For a scan that failed. ``certain``: it was tried again and again, so that no second one needs to fail as well."""
    return Unseen(
        SCANS,
        f"The scan of the service accounts fails: {error.rstrip('.')}. No finding was closed, and nothing that waits is lost; "
        "but what has changed since isn't seen.",
        label="anything: the scans fail",
        ended="The scans succeed again.",
        at_once=certain,
    )
