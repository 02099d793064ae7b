"""One timeline of what happened to an account, from what is kept and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from commands.drawn.history import render_history as render_text
from reports.history import Known, history_document, timeline
from reports.history_page import MOST, render_history
from reports.plain import plain_policy
from tests.reports import hostile, samples
from tests.reports.markup import read

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT: dict[str, Any] = {"id": "a-1", "user_principal_name": "svc@contoso.com", "display_name": "Backup"}


def iso(time: datetime) -> str:
    return samples.iso(time)


def change(kind: str = "opened", days: float = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}-{days}", "alert_id": f"alert-{days}", "kind": kind, "status": "resolved" if kind == "resolved" else "open",
        "account": "a-1", "user_principal_name": "svc@contoso.com", "display_name": "", "check_id": "APW-001",
        "title": "Hidden by Conditional Access", "severity": "high", "previous_severity": None, "previous_visibility": None,
        "summary": "A policy hides it.", "cause": None, "at": iso(NOW - days * DAY), "first_seen": iso(NOW - days * DAY),
        "run_id": "r", "resolution": None, "flapping": None, "silence": None, "closing": False, "exception": None, **changes,
    }  # fmt: skip


def exception(**changes: Any) -> dict[str, Any]:
    return {
        "id": "e", "account": "a-1", "user_principal_name": "svc@contoso.com", "check_id": "APW-001", "reason": "replaced in March",
        "owner": "Ada", "until": "2027-03-31", "created_at": iso(NOW - 2 * DAY), "created_by": "grace", "ended_at": None,
        "ended_by": None, **changes,
    }  # fmt: skip


def delivery(channel: str, status: str, at: datetime | None = None, error: str | None = None) -> dict[str, Any]:
    return {"channel": channel, "status": status, "at": iso(at) if at else None, "error": error, "attempts": 1}


def said(known: Known) -> list[tuple[str, str]]:
    """Label and text of each event."""
    return [(one.label, one.text) for one in timeline(known, NOW)]


@pytest.mark.parametrize(
    ("happened", "label", "text", "notes"),
    [
        (change(cause="Since Monday, by ada."), "New", "A policy hides it.", ("Since Monday, by ada.",)),
        (change("reopened"), "Back again", "A policy hides it.", ()),
        (change("changed"), "Cause changed", "A policy hides it.", ()),
        (
            change("changed", previous_severity="medium", cause="By ada."),
            "Severity changed",
            "A policy hides it.",
            ("It is now rated High; it was Medium.", "By ada."),
        ),
        (
            change(first_seen=iso(NOW - 2 * DAY)),
            "Confirmed",
            "A policy hides it.",
            ("Seen first on 24 Nov 2026, 12:00 UTC, and told now that another scan sees it.",),
        ),
        (change("resolved", resolution="The policy is gone."), "Resolved", "The policy is gone.", ()),
        (change("resolved", resolution=None), "Resolved", "No scan finds it any more.", ()),
        (
            change("changed", flapping="started"),
            "Comes and goes",
            "It changed several times within a week. Further changes are recorded, not told, until it settles.",
            ("A policy hides it.",),
        ),
        (
            change("resolved", flapping="settled", resolution="The policy is gone."),
            "Settled",
            "It kept changing, has been still for some days, and this is how it stayed.",
            ("The policy is gone.",),
        ),
        (
            change(silence="exception"),
            "New",
            "A policy hides it.",
            ("No alert told of it, because it was accepted.",),
        ),
        (
            change(silence="hiccup"),
            "New",
            "A policy hides it.",
            ("No alert told of it then, because one scan alone had seen it.",),
        ),
        (
            change("resolved", resolution="Gone.", silence="flapping"),
            "Resolved",
            "Gone.",
            ("No alert told of it, because it kept coming and going.",),
        ),
        (change("exception_expired"), "Exception ended", "It is still open, and told again from now on.", ()),
        (change("a_new_kind"), "A new kind", "A policy hides it.", ()),
    ],
)
def test_each_change_is_told_in_words(happened: dict[str, Any], label: str, text: str, notes: tuple[str, ...]) -> None:
    (event,) = timeline(Known(ACCOUNT, changes=[happened]), NOW)
    assert (event.label, event.text, event.notes) == (label, text, notes)
    assert (event.check_id, event.severity, event.at) == ("APW-001", "high", NOW - DAY)


def test_the_newest_stands_first() -> None:
    known = Known(ACCOUNT, changes=[change(days=3), change("resolved", 1), change("changed", 2)])
    assert [one.kind for one in timeline(known, NOW)] == ["resolved", "changed", "opened"]


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (exception(), []),
        (exception(check_id=None, ended_at=iso(NOW - DAY), ended_by="ada"), ["that was ended before by ada."]),
        (exception(until="2026-11-25"), ["until 25 Nov 2026, by Ada."]),
        (exception(until="2026-11-26"), []),  # it holds to the end of its day
    ],
)
def test_who_accepted_what_until_when_and_that_it_is_over(accepted: dict[str, Any], expected: list[str]) -> None:
    *over, begun = timeline(Known(ACCOUNT, exceptions=[accepted]), NOW)
    what = accepted["check_id"] or "Every finding"
    assert begun.text.startswith(f"{what} is accepted until ")
    assert begun.text.endswith(", by Ada: replaced in March")
    assert begun.notes == ("Entered by grace.",)
    assert [one.label for one in over] == ["Exception ended"] * len(expected)
    assert all(one.text.endswith(end) for one, end in zip(over, expected, strict=True))


def test_an_exception_ends_when_its_last_day_is_over() -> None:
    over, _ = timeline(Known(ACCOUNT, exceptions=[exception(until="2026-11-24")]), NOW)
    assert over.at == datetime(2026, 11, 25, tzinfo=UTC)


def test_through_which_channel_an_alert_was_told_and_where_it_failed() -> None:
    deliveries = {
        "alert-1": [
            delivery("email", "failed", error="The mailbox doesn't exist."),
            delivery("pager", "delivered", NOW - DAY + timedelta(minutes=9)),
            delivery("teams", "delivered", NOW - DAY + timedelta(minutes=1)),
            delivery("webhook", "delivered", NOW - DAY + timedelta(minutes=1, seconds=9)),
            delivery("fax", "given_up", error="404"),
        ],
        "alert-2": [delivery("teams", "sending")],
        "another": [delivery("teams", "delivered", NOW)],
    }
    known = Known(ACCOUNT, changes=[change(), change(days=2), change(days=3)], deliveries=deliveries)
    events = [one for one in timeline(known, NOW) if one.kind.startswith("alert")]
    alert = "The alert of the scan of 25 Nov 2026, 12:00 UTC"
    assert [(one.label, one.text) for one in events] == [
        ("Alert sent", f"{alert} went to pager."),
        ("Alert sent", f"{alert} went to Teams and the webhook."),
        ("Alert not delivered", f"{alert} was given up: fax."),
        ("Alert not delivered", f"{alert} could not be delivered so far: mail."),
        ("Alert on its way", "The alert of the scan of 24 Nov 2026, 12:00 UTC is being sent: Teams."),
    ]
    assert events[3].notes == ("The mailbox doesn't exist.",)


def test_what_nobody_was_told_has_no_alert_though_others_of_the_scan_were() -> None:
    deliveries = {"alert-1": [delivery("teams", "delivered", NOW)]}
    known = Known(ACCOUNT, changes=[change(silence="hiccup")], deliveries=deliveries)
    assert [one.kind for one in timeline(known, NOW)] == ["opened"]


def test_one_alert_of_several_changes_is_told_once() -> None:
    deliveries = {"alert-1": [delivery("teams", "delivered", NOW)]}
    known = Known(ACCOUNT, changes=[change(), change(check_id="APW-007")], deliveries=deliveries)
    assert [one.kind for one in timeline(known, NOW)].count("alert") == 1


def test_causes_policies_and_app_passwords_come_from_the_last_judgement() -> None:
    reasons = [
        {"since": iso(NOW - 3 * DAY), "cause": "Hidden since Monday, by ada.", "policy_name": "MFA"},
        {
            "since": iso(NOW - 4 * DAY),
            "cause": None,
            "policy_name": "Block",
            "since_is_policy_date": True,
            "actor": None,
        },
        {"since": None, "cause": None, "policy_name": "Other"},
    ]
    passwords = [{"kind": "created", "time": iso(NOW - 5 * DAY), "actor": "svc@contoso.com"}]
    assert said(Known({**ACCOUNT, "reasons": reasons, "app_password_events": passwords})) == [
        ("What changed", "Hidden since Monday, by ada."),
        ("Policy changed", 'The policy "Block" was last changed.'),
        ("App password", "An app password was created by svc@contoso.com, as the audit log says."),
    ]


def test_refused_sign_ins_say_why_by_what_and_from_where() -> None:
    client = {
        "client": "Authenticated SMTP", "legacy": True, "got_in": 12, "last_got_in": iso(NOW - 2 * DAY), "refused": 3,
        "last_refused": iso(NOW - DAY), "refused_since": iso(NOW - 2 * DAY),
        "endings": [
            {"kind": "refused", "code": 53003, "meaning": "Blocked by Conditional Access", "policies": [{"id": "p", "name": "Block"}], "places": ["203.0.113.7 (GB)"]},
            {"kind": "let_in", "code": 0, "meaning": "", "policies": None, "places": []},
        ],
    }  # fmt: skip
    last, before = timeline(Known({**ACCOUNT, "sign_ins": [client]}), NOW)
    assert last.text == (
        "Authenticated SMTP: 3 sign-ins refused since 24 Nov 2026, 12:00 UTC although the password was right; this was the last."
    )
    assert last.notes == ('Blocked by Conditional Access (53003) by "Block", from 203.0.113.7 (GB).',)
    assert (before.label, before.text) == (
        "Signed in",
        "Authenticated SMTP got in for the last time; 12 in 30 days.",
    )


def test_a_new_name_lies_between_the_two_scans_that_saw_the_names() -> None:
    changes = [change(days=9, user_principal_name="old@contoso.com"), change("resolved", 5)]
    (renamed,) = [one for one in timeline(Known(ACCOUNT, judged_at=NOW, changes=changes), NOW) if one.kind == "renamed"]
    assert (renamed.after, renamed.at) == (NOW - 9 * DAY, NOW - 5 * DAY)
    assert renamed.text == "It was called old@contoso.com, and is called svc@contoso.com."
    assert "Between 17 Nov 2026, 12:00 UTC and 21 Nov" in render_text(
        history_document(Known(ACCOUNT, changes=changes), NOW), 120
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Known(ACCOUNT, NOW - DAY), []),
        (Known(ACCOUNT, NOW - DAY, watched=False), ["No longer watched"]),
        (Known(ACCOUNT, NOW - DAY, lost_since=NOW - 3 * DAY), ["No longer selected"]),
        (  # what ended with it says it
            Known(
                ACCOUNT,
                NOW - DAY,
                watched=False,
                changes=[change("resolved", resolution="It is disabled.", closing=True)],
            ),
            ["Resolved"],
        ),
    ],
)
def test_that_nobody_looks_any_more_is_said(known: Known, expected: list[str]) -> None:
    assert [label for label, _ in said(known)] == expected


def test_the_page_and_the_text_say_how_it_stands_and_what_happened() -> None:
    account = {**ACCOUNT, "visibility": "hidden", "usability": "usable"}
    findings = [{"status": "open"}, {"status": "resolved"}]
    document = history_document(Known(account, findings=findings, changes=[change()]), NOW)
    assert document["account"]["open_findings"] == 1
    page = read(render_history(document))
    assert page.problems == []
    for shown in (page.text, render_text(document, 200)):
        assert "App password option: Hidden." in shown
        assert "1 finding is open." in shown
        assert "A policy hides it." in shown
    assert "25 Nov 2026" in page.text
    assert "12:00 UTC" in page.text


def test_an_account_to_which_nothing_happened_says_so() -> None:
    document = history_document(Known(ACCOUNT), NOW)
    assert document["events"] == []
    for shown in (read(render_history(document)).text, render_text(document, 200)):
        assert "Nothing that happened to it is kept." in shown


def test_the_page_runs_nothing_and_asks_nobody() -> None:
    html = render_history(history_document(Known(ACCOUNT, changes=[change()]), NOW))
    assert "<script" not in html
    assert "default-src 'none'" in plain_policy()
    assert "<form" not in html


def test_a_long_history_is_cut_on_the_page_and_says_so() -> None:
    known = Known(ACCOUNT, changes=[change(days=1 + number / 100) for number in range(MOST + 7)])
    document = history_document(known, NOW)
    assert len(document["events"]) == MOST + 7
    page = render_history(document)
    assert page.count("<time ") == MOST
    assert "And 7 earlier" in read(page).text


@given(hostile.names)
@hypothesis_settings(max_examples=40)
def test_a_name_changes_no_markup_and_steers_nothing(name: str) -> None:
    def called(text: str) -> str:
        known = Known(
            {**ACCOUNT, "user_principal_name": text, "display_name": text},
            NOW,
            changes=[change(summary=text, title=text, user_principal_name=text, cause=f"{text}!")],
            exceptions=[exception(reason=text, owner=text, created_by=text)],
            deliveries={"alert-1": [delivery("email", "failed", error=text)]},
        )
        return render_history(history_document(known, NOW))

    usual, odd = read(called("plain")), read(called(name))
    assert odd.problems == []
    assert odd.shape() == usual.shape()
    assert not set("\u202e\x1b\x07\u2028") & set(odd.text)


def test_nothing_is_said_twice() -> None:
    reasons = [{"since": iso(NOW), "cause": "Hidden since Monday."}] * 2
    assert len(said(replace(Known(ACCOUNT), account={**ACCOUNT, "reasons": reasons}))) == 1
