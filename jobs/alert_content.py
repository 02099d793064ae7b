"""What an alert says, put together from what is kept: changes, runs and findings become the items of cards and mails. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from alerts.compose import compose, compose_sight
from alerts.links import entra_policy_url, entra_user_url
from alerts.model import Alert, AlertGap, AlertItem, AlertReason, AlertStep, Kind, NextStep, Severity, Totals
from alerts.wording import count
from basics.text import capital
from basics.times import day, moment
from checks.catalog import (
    BLOCKED_CHECKS,
    MISSING,
    OPTION_CHECKS,
    REFUSED,
    UNTROUBLED,
    causing_effects,
    deciding_effects,
)
from checks.model import Effect, Usability, Visibility
from checks.phrases import agreeing
from checks.plan import WayOut
from checks.reasons import INPUTS
from checks.urgency import Standing, Urgency
from findings.model import Change, ChangeKind, FindingState, Flap
from findings.run_record import RunRecord
from findings.sight import NewsKind, SightNews
from reports.plan import cause_of, next_step_of, refused_since, step_sentence
from reports.standing import Groups, standing
from reports.words import groups_in_words
from settings import Settings
from tenant.shapes import parse_time

FRESH = 90
"""Up to so many minutes after a change it is said how soon it was found."""
_OFFERED = Visibility.VISIBLE.value
_SINCE = re.compile(r"(?:[A-Z][a-z ]*)?[Ss]ince (\d.+?)\.(?: Not hidden any more since .*)?", re.DOTALL)
"""The cause of a reason as ``checks/causes.py`` words it: what comes after "since", without what ended before."""


def changes_alert(
    settings: Settings, alert_id: str, changes: Sequence[Change], run: RunRecord | None, *, first: bool
) -> Alert:
    """What happened, as an alert. ``first``: nothing was scanned before, so that everything is news."""
    return compose(
        alert_id=alert_id,
        tenant_id=run.tenant_id if run else "",
        tenant_name=run.tenant_name if run else "",
        created=max(change.at for change in changes),
        items=[_item(change, settings.graph_cloud) for change in changes],
        run_id=changes[0].run_id,
        gaps=gaps_of(run),
        totals=totals(run),
        report_url=settings.report_url,
        baseline=first,
        steps=steps_of(run),
    )


def everything_open_alert(
    settings: Settings, alert_id: str, items: Sequence[AlertItem], run_id: str, whole: RunRecord, now: datetime
) -> Alert:
    """Everything that is open, for those who couldn't be told before. ``whole``: the last scan of everything.

    Where a scan of some accounts has come after that one, its numbers may be over: then only how many accounts there are is known.
    """
    counted = whole.id == run_id
    return compose(
        alert_id=alert_id,
        tenant_id=whole.tenant_id,
        tenant_name=whole.tenant_name,
        created=now,
        items=items,
        run_id=run_id,
        gaps=gaps_of(whole),
        totals=totals(whole) if counted else Totals(accounts=totals(whole).accounts),
        report_url=settings.report_url,
        baseline=True,
        late=True,
        steps=steps_of(whole) if counted else (),
    )


def sight_alert(
    settings: Settings, alert_id: str, news: Sequence[SightNews], tenant_id: str, tenant_name: str
) -> Alert:
    """What can't be seen any more, or is seen again, as an alert."""
    first, others = _headline(news[0]), len(news) - 1
    more = f"; {count(others, 'other thing')} to know" if others else ""
    return compose_sight(
        alert_id=alert_id,
        tenant_id=tenant_id,
        tenant_name=tenant_name,
        created=max(one.at for one in news),
        headline=f"{first}{more}",
        notes=[_note(one) for one in news],
        ended=all(one.kind is NewsKind.ENDED for one in news),
        report_url=settings.report_url,
    )


def _headline(news: SightNews) -> str:
    """The news in a line; what has no name of its own says it with its first sentence."""
    if news.kind is NewsKind.ENDED:
        return f"{news.unseen.ended.rstrip('.')}{_which(news, ': ')}"
    if news.kind is NewsKind.UNASKED:
        return f"Scans no longer look at {news.unseen.label}{_which(news, ': ')}"
    again = news.kind is NewsKind.LASTS
    if news.unseen.label:
        return f"{'Still ' if again else ''}{'can' if again else 'Can'}'t see {news.unseen.label}"
    said = news.unseen.text.partition(". ")[0].rstrip(".")
    return f"Reminder: {said}" if again else said


def _note(news: SightNews) -> str:
    if news.kind is NewsKind.ENDED:
        concerned = _which(news, " It concerns ", ".")
        return f"{news.unseen.ended}{concerned} It was otherwise from {moment(news.since)} until {moment(news.at)}."
    if news.kind is NewsKind.UNASKED:
        which = _which(news, ": ")
        return f"Scans no longer look at {news.unseen.label}, which couldn't be read since {moment(news.since)}{which}."
    named = all(name in news.unseen.text for name in news.names)
    text = news.unseen.text if named else f"{news.unseen.text}{_which(news, ' It concerns ', '.')}"
    return text if news.since == news.at else f"{text} Noticed first on {moment(news.since)}."


def _which(news: SightNews, before: str, after: str = "") -> str:
    """Which objects it is about, between two texts; nothing where it is all of an input."""
    shown = ", ".join(news.names)
    more = f" and {news.more} more" if news.more else ""
    return f"{before}{shown}{more}{after}" if shown else ""


def totals(run: RunRecord | None) -> Totals:
    """Accounts and open findings as a run left them; empty where it isn't done, or looked at some accounts only: it says nothing of how
    many there are besides.
    """
    if run is None or run.finished is None or run.partial:
        return Totals()
    open_findings = run.severities
    return Totals(
        accounts=run.accounts_total,
        high=open_findings.get("high", 0),
        medium=open_findings.get("medium", 0),
        low=open_findings.get("low", 0),
        missing=None
        if run.app_passwords.get("allowed") is False
        else sum(run.visibility.get(one, 0) for one in MISSING),
        standing=groups_in_words(Groups(run.urgency, run.next_break)),
        groups=dict(run.urgency),
        next_break=run.next_break,
    )


def steps_of(run: RunRecord | None) -> tuple[AlertStep, ...]:
    """What to do first, as the report of the run says it."""
    return tuple(
        AlertStep(
            str(one["title"]),
            step_sentence(one),
            int(one["count"]),
            int(one["findings"]),
            int(one["broken_now"]),
            one.get("minutes"),
        )
        for one in (run.steps if run and not run.partial else ())
    )


def gaps_of(run: RunRecord | None) -> tuple[AlertGap, ...]:
    """What a run could not read."""
    return tuple(map(_gap, run.gaps)) if run else ()


def _gap(gap: Mapping[str, Any]) -> AlertGap:
    return AlertGap(
        input=gap["input"],
        label=INPUTS.get(gap["input"], gap["input"]),
        error=str(gap.get("error") or ""),
        permission=gap.get("permission"),
        account=gap.get("account"),
        user_principal_name=gap.get("user_principal_name"),
    )


def _item(change: Change, cloud: str) -> AlertItem:
    # The account as another version may have kept it: what it doesn't say is not told, and stops nothing.
    account = change.detail
    known = _objects(account, "reasons")
    told = _told(_kind(change), change, account, cloud, found=change.at)
    return replace(
        told,
        id=change.id,
        next_step=None if change.kind is ChangeKind.RESOLVED else told.next_step,
        resolution=change.resolution,
        closing=change.closing,
        newly=change.previous_visibility in UNTROUBLED,
        lost=_OFFERED == change.previous_visibility != account.get("visibility"),
        came_back=_came_back(change.check_id, account, known),
        previous_severity=Severity(change.previous_severity) if change.previous_severity else None,
        settled=change.flapping is Flap.SETTLED,
        accepted_until=change.exception.until if change.exception else None,
        accepted_by=change.exception.owner if change.exception else None,
    )


def reminder(state: FindingState, account: Mapping[str, Any], cloud: str) -> AlertItem:
    """A finding that is still open, for the digest. ``account``: the document kept of its account; empty where there is none."""
    item = _told(Kind.STILL_OPEN, state, account, cloud)
    if not deciding_effects(state.check_id) or (item.reasons and item.reasons[0].text == state.summary):
        return item
    # The last scan couldn't say all of why: what was known before still holds, and the finding is open because of it.
    how = _after_since(state.cause)
    return replace(item, reasons=(), since=None, actor=None, how=how, next_step=None, doubt=None, policy_url=None)


def _told(
    kind: Kind, finding: Change | FindingState, account: Mapping[str, Any], cloud: str, found: datetime | None = None
) -> AlertItem:
    """A finding as an alert says it. ``found``: when it was found, where that is news."""
    check_id = finding.check_id
    known = _objects(account, "reasons")
    deciding, causing = deciding_effects(check_id), causing_effects(check_id)
    reasons = tuple(_reason(reason) for reason in known if reason.get("effect") in deciding)
    decisive = next((reason for reason in known if reason.get("effect") in causing), None)
    where = standing({"check_id": check_id, "severity": finding.severity}, account)
    return AlertItem(
        kind=kind,
        account_id=finding.account_id,
        user_principal_name=finding.user_principal_name,
        display_name=finding.display_name,
        check_id=check_id,
        title=finding.title,
        severity=Severity(finding.severity),
        summary=finding.summary,
        first_seen=finding.first_seen,
        since=refused_since(account) if check_id == REFUSED else _since(decisive),
        actor=decisive.get("actor") if decisive else None,
        how=_how(decisive, found),
        reasons=reasons,
        next_step=_next_step(next_step_of(check_id, account)),
        doubt=_doubt(account) if any(reason.policy_id for reason in reasons) else None,
        urgency=where.urgency.value,
        breaks_on=where.on,
        shared=_shared(check_id, account, where),
        entra_url=entra_user_url(finding.account_id, cloud),
        policy_url=entra_policy_url(_policy_of(check_id, account, reasons), cloud),
        products=_products(account),
    )


def _products(account: Mapping[str, Any]) -> tuple[str, ...]:
    """What uses the account, as far as it is recognised."""
    return tuple(str(one["name"]) for one in _objects(account, "products") if one.get("name"))


def _policy_of(check_id: str, account: Mapping[str, Any], reasons: Sequence[AlertReason]) -> str | None:
    """The policy behind it: of the first reason, or the one that the sign-in log names."""
    if reasons:
        return reasons[0].policy_id
    return cause_of(check_id, account).policy_id if check_id == REFUSED else None


def _shared(check_id: str, account: Mapping[str, Any], where: Standing) -> str:
    """What findings have in common that no reason decides, in a sentence; empty where each is told by itself."""
    if check_id == REFUSED:
        name = cause_of(check_id, account).policy_name
        return f'The sign-in log names the policy "{name}".' if name else ""
    ends = next((one for one in _objects(account, "deadlines") if one.get("check_id") == check_id), None)
    if ends is None or not ends.get("what"):
        return ""
    what = capital(str(ends["what"]))
    has = agreeing(what, "has", "have")
    if where.urgency is Urgency.NOW:
        return f"{what} {has} ended."
    if where.on is None:
        return f"{what} {has} been retired, and sign-ins still get in."
    return f"{what} {agreeing(what, 'ends', 'end')} on {day(where.on)}."


def _came_back(check_id: str, account: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the account has now what a finding of this check says that it is missing."""
    if check_id in BLOCKED_CHECKS:
        return account.get("usability") == Usability.USABLE
    switched_off = any(reason.get("effect") == Effect.TENANT_SWITCH_OFF for reason in reasons)
    return check_id in OPTION_CHECKS and account.get("visibility") == _OFFERED and not switched_off


def _doubt(account: Mapping[str, Any]) -> str | None:
    """What Microsoft's What If, or else the sign-in log, said, where it disagrees with the verdict."""
    for name in ("cross_check", "sign_in_check"):
        checked = account.get(name)
        if isinstance(checked, Mapping) and checked.get("result") == "disagrees":
            return checked.get("text")
    return None


def _since(reason: Mapping[str, Any] | None) -> datetime | None:
    """Since when it has been so; None where only the policy's own date is known, which channels tell as such, or the newest sign-in."""
    if not reason or reason.get("since_is_policy_date") or reason.get("effect") == Effect.EVIDENCE:
        return None
    return parse_time(reason.get("since"))


def _how(reason: Mapping[str, Any] | None, found: datetime | None) -> str:
    """What the cause of a reason says after "since": when, how long before it was ``found``, what happened, and through whom."""
    since = _since(reason)
    told = _after_since(reason.get("cause")) if reason else ""
    if since is None or not told or found is None:
        return told if since else ""
    began, minutes = moment(since), round((found - since).total_seconds() / 60)
    if not 0 < minutes <= FRESH or not told.startswith(began):
        return told
    return f"{began}, {count(minutes, 'minute')} before it was found{told.removeprefix(began)}"


def _after_since(cause: object) -> str:
    told = _SINCE.fullmatch(cause) if isinstance(cause, str) else None
    return told[1] if told else ""


def _kind(change: Change) -> Kind:
    if change.flapping is Flap.STARTED:
        return Kind.FLAPPING
    if change.kind is ChangeKind.EXCEPTION_EXPIRED:
        return Kind.EXCEPTION_EXPIRED
    return Kind(change.kind.value)


def _reason(reason: Mapping[str, Any]) -> AlertReason:
    return AlertReason(
        text=str(reason.get("text") or ""),
        policy_id=reason.get("policy_id"),
        policy_name=reason.get("policy_name"),
        scope=reason.get("scope"),
        since=parse_time(reason.get("since")),
        effect=reason.get("effect"),
    )


def _objects(account: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = account.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def _next_step(way: WayOut | None) -> NextStep | None:
    return NextStep(way.title, way.steps, way.url or None) if way else None
