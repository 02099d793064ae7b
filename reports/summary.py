"""A scan in one sentence, and what is worth saying after it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.catalog import MISSING, UNTROUBLED
from checks.phrases import joined
from checks.reasons import INPUTS
from reports import times
from reports.extras import Json, ReportExtras
from reports.standing import Groups, groups
from reports.words import INPUT, SWITCHED_OFF, count, option_of, say

_MISSING_CHECKS = frozenset({"APW-001", "APW-002", "APW-003"})
"""Checks that say that the option isn't there."""
_USELESS_CHECK = "APW-007"
"""The check that says that the option is there, and that an app password doesn't let the account in."""
_HAVING = frozenset({"visible", "pending"})
_BLOCKED = frozenset({"blocked_by_policy", "blocked_by_security_defaults"})
SELECTION = "selection"
"""The input that says which accounts are judged."""
_INPUTS = 3
"""How many unreadable inputs are named."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report says first."""

    headline: str
    """One sentence that says it all."""
    unknown: str | None
    """What can't be said, and why; None where everything can."""
    asides: tuple[str, ...]
    """Further sentences, most important first."""
    groups: Groups
    """How many accounts are broken now, will break, and so on: the numbers of every channel."""
    since: str | None
    """The scan before this one in words, e.g. ``yesterday``; None for a first scan."""


def summarize(document: Json, extras: ReportExtras) -> Summary:
    """The summary of a scan document."""
    run, accounts = document["run"], document["accounts"]
    previous = extras.previous_run(run)
    since = times.since(previous, times.parse(run["finished"])) if previous else None
    unknown = [one for one in accounts if "unknown" in (one["visibility"], one["usability"])]
    headline, *others = _headlines(document, extras, since)
    return Summary(
        headline=headline,
        unknown=_and_unseen(_unknown(unknown, run["gaps"]), run["gaps"]) if accounts else _unread(run["gaps"]),
        asides=(*_of_the_switch(run, headline), *others, *_asides(accounts)),
        groups=groups(accounts),
        since=since,
    )


def affected(document: Json, extras: ReportExtras) -> tuple[set[str], set[str], set[str]]:
    """Ids of accounts that lost the option since the scan before, of others that are newly affected, and of those of which it is
    known since then that they are missing it.
    """
    missing = {account["id"] for account in document["accounts"] if account["visibility"] in MISSING}
    news = {
        change["account"]: change.get("previous_visibility")
        for change in extras.changes_of(document["run"])
        if change["kind"] in ("opened", "reopened")
        and change["check_id"] in _MISSING_CHECKS
        and not change.get("silence")  # of what is accepted or comes and goes, alerts say nothing either
    }
    lost = {account for account, before in news.items() if before == "visible"} & missing
    newly = {account for account, before in news.items() if before in UNTROUBLED} & missing
    return lost, newly - lost, (news.keys() & missing) - lost - newly


_OFF = "App passwords are switched off for the whole tenant"


def _headlines(document: Json, extras: ReportExtras, since: str | None) -> list[str]:
    """The sentence at the top, and what would stand there if the tenant hadn't switched app passwords off for everybody."""
    accounts = document["accounts"]
    said = _headline(document, extras, since)
    if not any(option_of(account) == SWITCHED_OFF for account in accounts):
        return [said]
    total = count(len(accounts), "service account", "service accounts")
    nobody = f"{_OFF}: " + (
        f"none of {total} is offered one." if len(accounts) > 1 else "the service account isn't offered one."
    )
    return [nobody, *([said] if any(map(_is_missing, accounts)) else [])]


def _of_the_switch(run: Json, headline: str) -> list[str]:
    """What else is to be known of the tenant's switch: that it is off, where the headline doesn't say so, and contradictions."""
    switch = run.get("app_passwords") or {}
    said = [f"{_OFF}, so nobody is offered one."] if switch.get("allowed") is False and _OFF not in headline else []
    return [*said, switch["contradiction"]] if switch.get("contradiction") else said


def _is_missing(account: Json) -> bool:
    """Whether the account is without the option, by this scan or, where it can't tell, by the one that could: a failed read makes
    nothing better.
    """
    return account["visibility"] in MISSING or _was_missing(account)


def _was_missing(account: Json) -> bool:
    return account["visibility"] == "unknown" and _is_open(account, _MISSING_CHECKS)


def _is_open(account: Json, checks: Collection[str]) -> bool:
    return any(one["check_id"] in checks and one["status"] == "open" for one in account["findings"])


def _headline(document: Json, extras: ReportExtras, since: str | None) -> str:
    accounts = document["accounts"]
    total = count(len(accounts), "service account", "service accounts")
    if not accounts:
        return "No service accounts were judged: none is selected, or none could be read."
    lost, newly, found = affected(document, extras) if since else (set(), set(), set())
    are = "is" if len(newly) == 1 else "are"
    if lost:
        others = f", and {len(newly):,} more {are} newly affected" if newly else ""
        return f"{len(lost):,} of {total} lost the app-password option since {since}{others}."
    if newly:
        return f"{len(newly):,} of {total} {are} newly affected since {since}: the app-password option is missing."
    missing, before = sum(map(_is_missing, accounts)), sum(map(_was_missing, accounts))
    if missing:
        verb = "is" if missing == 1 else "are"
        news = f", none of them new since {since}" if since and missing > 1 else ""
        if found:
            news = (
                f"; of {len(found):,} of them it is known since {since}"
                if missing > 1
                else f", as is known since {since}"
            )
        earlier = f" ({_of(before, missing)} by an earlier scan: this one couldn't tell)" if before else ""
        return f"{missing:,} of {total} {verb} missing the app-password option{earlier}{news}."
    unknown = sum("unknown" in (account["visibility"], account["usability"]) for account in accounts)
    if unknown:
        return f"For {unknown:,} of {total} it can't be told whether an app password is possible."
    sometimes = sum(account["visibility"] == "conditional" for account in accounts)
    if sometimes:
        return f"MFA hides the app-password option from {sometimes:,} of {total} in some circumstances, or may do so."
    if document["run"]["complete"] and not any(
        one["status"] == "open" for each in accounts for one in each["findings"]
    ):
        return f"Nothing is open for {total}."
    return f"MFA hides the app-password option from none of {total}."


def _of(some: int, all_of_them: int) -> str:
    return f"{some:,} of them" if some < all_of_them else "all of them" if some > 1 else "it is so"


def _unknown(unknown: Sequence[Json], gaps: Sequence[Json]) -> str | None:
    if not unknown:
        return (
            f"The answer for every account stands, although this could not be read: {_names(gaps)}." if gaps else None
        )
    # The others leave the answer for every account that is judged as it is.
    gaps = [gap for gap in gaps if not gap.get("optional") and gap["input"] != SELECTION]
    causes = Counter(_why_unknown(one, gaps) for one in unknown)
    accounts = f"{count(len(unknown), 'account', 'accounts')} can't be judged completely"
    if set(causes) == {_REASONS_SAY}:
        return f"{accounts}: the reasons say what could not be read."
    said = [f"{number:,} {why[number > 1]}" for why, number in causes.most_common()]
    if len(said) == 1:
        return f"{accounts}: {('it', 'they')[len(unknown) > 1]} {next(iter(causes))[len(unknown) > 1]}."
    return f"{accounts}: {joined(said)}."


def _and_unseen(unknown: str | None, gaps: Sequence[Json]) -> str | None:
    """The same, and that there may be accounts of which nothing is said, where what selects them could not be read."""
    unselected = any(gap["input"] == SELECTION for gap in gaps)
    return (
        f"{unknown} Further accounts may be selected: none of these is judged." if unknown and unselected else unknown
    )


_REASONS_SAY = ("depends on what its reasons name", "depend on what their reasons name")
_WHY_UNKNOWN = {
    "per_user_mfa": ("has no per-user MFA state", "have no per-user MFA state"),
    "account_properties": ("could not be read", "could not be read"),
    "group_memberships": ("hides its group memberships", "hide their group memberships"),
    "mfa_registration": ("has an unknown MFA registration", "have an unknown MFA registration"),
    "groups": ("depends on a hidden group", "depend on a hidden group"),
}
"""Why one account, and why several can't be judged; for other inputs, what they depend on."""


def _why_unknown(account: Json, gaps: Sequence[Json]) -> tuple[str, str]:
    """What is missing for an account: an input of its own, or else of the whole tenant."""
    own = [gap for gap in gaps if gap.get("account") == account["id"]]
    for gap in own or [gap for gap in gaps if gap.get("account") is None]:
        label = INPUTS.get(gap["input"]) or say(INPUT, gap["input"])
        return _WHY_UNKNOWN.get(gap["input"], (f"depends on {label}", f"depend on {label}"))
    return _REASONS_SAY


def _unread(gaps: Sequence[Json]) -> str | None:
    return f"This could not be read: {_names(gaps)}." if gaps else None


def _names(gaps: Sequence[Json]) -> str:
    inputs = list(dict.fromkeys(say(INPUT, gap["input"]) for gap in gaps))
    return ", ".join(inputs[:_INPUTS]) + (f" and {len(inputs) - _INPUTS} more" if len(inputs) > _INPUTS else "")


def _asides(accounts: Sequence[Json]) -> list[str]:
    said = []
    refused = sum(any(_is_refused(finding) for finding in one["findings"]) for one in accounts)
    if refused:
        were, they = ("was", "it") if refused == 1 else ("were", "they")
        said.append(
            f"{count(refused, 'account', 'accounts')} {were} refused when {they} last signed in with the right password."
        )
    doubted = sum((one.get("sign_in_check") or {}).get("result") == "disagrees" for one in accounts)
    if doubted:
        said.append(
            f"For {count(doubted, 'account', 'accounts')} the sign-in log doesn't fit the verdict: their details say how."
        )
    useless = sum(map(_is_useless, accounts))
    if useless:
        have, them = ("has", "it") if useless == 1 else ("have", "them")
        said.append(
            f"{count(useless, 'account', 'accounts')} {have} the option, but an app password doesn't let {them} in."
        )
    soon = sum(any(_warns(finding) for finding in one["findings"]) for one in accounts)
    if soon:
        loses = "is" if soon == 1 else "are"
        said.append(
            f"{count(soon, 'account', 'accounts')} {loses} about to be affected by a policy that isn't in force yet."
        )
    return said


def _is_useless(account: Json) -> bool:
    """Whether the account has the option in vain, by this scan or, where it can't tell, by the one that could."""
    if "unknown" in (account["visibility"], account["usability"]):
        return _is_open(account, {_USELESS_CHECK})
    return option_of(account) in _HAVING and account["usability"] in _BLOCKED


def _is_refused(finding: Json) -> bool:
    """Whether its newest sign-ins were refused; it is less severe once a later one got in."""
    return finding["check_id"] == "APW-015" and finding["severity"] == "high" and not finding.get("exception")


def _warns(finding: Json) -> bool:
    return finding["check_id"] in ("APW-006", "APW-013") and not finding.get("exception")


def finished(document: Json) -> datetime:
    """When the scan ended."""
    return times.parse(document["run"]["finished"])
