"""The same scan is counted the same way by the report, the card, the mail and the webhook."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.card import card_message
from alerts.mime_message import mail_message, subject_of
from alerts.webhook import webhook_body
from checks.model import Visibility
from commands.drawn.scan import render_table
from findings.compare import compare
from findings.model import AcceptedException, Change
from findings.run_record import RunRecord, RunStatus
from jobs.alert_content import changes_alert
from reports.extras import ReportExtras
from reports.html import render_html
from reports.standing import groups
from reports.summary import summarize
from reports.words import URGENCY, groups_in_words
from settings import Settings
from tests.findings.build import DAY, NOW, account, seen
from tests.reports import samples

CHECKS = {
    Visibility.HIDDEN: ("APW-001", "APW-002"),
    Visibility.STUCK: ("APW-003",),
    Visibility.CONDITIONAL: ("APW-005",),
}
"""What an account fails, by its verdict."""
VERDICTS = st.sampled_from(list(Visibility))
ACCOUNT = st.tuples(st.none() | VERDICTS, VERDICTS, st.integers(0, 1), st.booleans())
"""What was known before, what is so now, which of its checks it fails, and whether somebody accepted that."""


def exception(id: str) -> AcceptedException:
    """Everything about an account is accepted."""
    return AcceptedException("e", id, id, None, "why", "who", (NOW + 9 * DAY).date(), NOW - DAY, "who")


def changes_of(id: str, before: Visibility | None, now: Visibility, which: int, *, accepted: bool) -> list[Change]:
    """What a scan finds of an account."""
    record = replace(account(id, document={"visibility": now.value}), visibility=now.value)
    known = replace(record, visibility=before.value, judged_at=NOW - DAY) if before else None
    failed = [seen(checks[which % len(checks)])] if (checks := CHECKS.get(now)) else []
    earlier = [seen(checks[which % len(checks)])] if before and (checks := CHECKS.get(before)) else []
    states = compare(known, [], earlier, alert_id="a").states if known else ()
    accepting = [exception(id)] if accepted else []
    return list(compare(record, states, failed, alert_id="b", known=known, exceptions=accepting).changes)


def counted(sentence: str) -> dict[str, int]:
    """The numbers of a headline by what they count. One account may be named in the place of the number."""
    said = re.sub(r"^(First scan: )?svc-\S+ (is|lost)", "1 of 9 service accounts \\2", sentence)
    found: dict[str, int] = {}
    for pattern, what in (
        (r"(All )?(\d+)( of \d+)? service accounts? lost", "lost"),
        (r"(All )?(\d+)( of \d+)? service accounts? (?:is|are) (?:newly affected|affected)", "newly"),
        (r"(and )(\d+) more()", "newly"),
        (r"(All )?(\d+)( of \d+)? service accounts? (?:is|are) missing", "missing"),
    ):
        if match := re.search(pattern, said):
            found[what] = int(match[2])
    return found


@example([(None, Visibility.HIDDEN, 0, False), (Visibility.VISIBLE, Visibility.STUCK, 0, False)], False)
@given(st.lists(ACCOUNT, min_size=1, max_size=9), st.booleans())
def test_every_channel_counts_the_same_accounts(
    tenant: list[tuple[Visibility | None, Visibility, int, bool]], first: bool
) -> None:
    changes: list[Change] = []
    for place, (before, now, which, accepted) in enumerate(tenant):
        known = None if first else before
        changes += changes_of(f"a{place}", known, now, which, accepted=accepted and not first)
    told = [change for change in changes if change.silence is None]
    visibilities = [now.value for _, now, _, _ in tenant]
    run = RunRecord(
        samples.RUN,
        RunStatus.COMPLETE,
        NOW,
        finished=NOW,
        accounts_total=len(tenant),
        visibility=Counter(visibilities),
    )
    shown = [samples.account(f"a{place}", "", one, "usable") for place, one in enumerate(visibilities)]
    shown = [{**one, "id": f"a{place}"} for place, one in enumerate(shown)]
    yesterday = [{"id": "before", "status": "complete", "finished": samples.iso(samples.NOW - timedelta(days=1))}]
    history = [{**change.public(), "run_id": samples.RUN} for change in changes]
    extras = ReportExtras(history=history, runs=[] if first else yesterday)
    report = counted(summarize(samples.document(shown), extras).headline)
    if not told:
        assert report.keys() <= {"missing"}
        return
    alert = changes_alert(Settings(), "b", told, run, first=first)
    alarmed = counted(alert.headline)
    if first and "missing" in report:
        assert alarmed == report
    else:
        news = {name: report[name] for name in ("lost", "newly") if name in report}
        assert {name: number for name, number in alarmed.items() if name in ("lost", "newly")} == news
    for shown_by in (str(card_message(alert)), subject_of(alert), webhook_body(alert)):
        assert alert.headline[:60] in shown_by


ACCEPTED = {"reason": "why", "owner": "who", "until": "2026-12-24"}
FINDING = st.tuples(
    st.sampled_from(["APW-001", "APW-005", "APW-008", "APW-010", "APW-011", "APW-015"]),
    st.sampled_from(["low", "medium", "high"]),
    st.booleans(),
)
"""A check, how bad it is, and whether somebody accepted it."""


@given(st.lists(st.lists(FINDING, max_size=3), min_size=1, max_size=8))
def test_every_channel_says_alike_how_many_accounts_are_broken_now_and_will_break(
    tenant: list[list[tuple[str, str, bool]]],
) -> None:
    shown = []
    for place, findings in enumerate(tenant):
        made = [
            samples.finding(id, "", samples.NOW, severity=severity, exception=ACCEPTED if accepted else None)
            for id, severity, accepted in findings
        ]
        ends = [{"check_id": "APW-010", "what": "SMTP AUTH", "date": "2026-12-31", "ended": False}]
        one = samples.account(f"a{place}", "", "hidden", "usable", findings=made)
        shown.append({**one, "deadlines": ends})
    document = samples.document(shown)
    where = groups(shown)
    summary = summarize(document, ReportExtras())
    assert summary.groups == where
    assert sum(where.accounts.values()) == sum(any(not accepted for *_, accepted in one) for one in tenant)
    run = RunRecord(
        samples.RUN,
        RunStatus.COMPLETE,
        NOW,
        finished=NOW,
        accounts_total=len(tenant),
        visibility={"hidden": len(tenant)},
        urgency=where.accounts,
        next_break=where.next,
    )
    said, page = groups_in_words(where), render_html(document)
    for name, number in where.accounts.items():
        assert f"{URGENCY[name].label}: {number}</strong>" in page
    alert = changes_alert(
        Settings(), "b", changes_of("a0", None, Visibility.HIDDEN, 0, accepted=False), run, first=True
    )
    assert alert.totals.standing == said
    assert json.loads(webhook_body(alert))["data"]["totals"]["urgency"] == where.accounts
    if said:
        mail = mail_message(alert, "a@contoso.com", ["b@contoso.com"]).get_body(("plain",))
        assert mail is not None
        for text in (str(card_message(alert)), mail.get_content(), render_table(document, 200)):
            assert f"{said}." in text
