"""What the page has where the app serves it, and that a file has none of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from findings.run_record import RunRecord, RunStatus
from reports.html import content_security_policy, render_html, security_headers
from reports.plain import plain_headers, render_plain
from reports.served import Message, Served, checked_again
from tests.reports import samples
from tests.reports.markup import read

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e'\""


def run(status: RunStatus, hours: float = 0.1, **changes: Any) -> dict[str, Any]:
    return {**RunRecord("r", status, NOW - timedelta(hours=hours), **changes).public()}


def account(**changes: Any) -> dict[str, Any]:
    known = {"id": "a", "user_principal_name": "svc@contoso.com", "visibility": "hidden", "usability": "usable"}
    return {**known, "reasons": [], **changes}


QUIET: dict[str, Any] = {"gaps": [], "notes": []}


def test_a_file_has_nothing_to_press() -> None:
    html = render_html(samples.contoso(), samples.contoso_extras())
    assert 'method="post"' not in html
    assert "<template" not in html
    assert "fetch(" not in html
    assert "connect-src" not in content_security_policy()
    assert "form-action 'none'" in content_security_policy()


def test_a_reader_is_shown_the_scans_and_no_more_than_a_file_can_do() -> None:
    served = Served(NOW, runs=[run(RunStatus.RUNNING)])
    html = render_html(samples.contoso(), samples.contoso_extras(), served)
    assert "The last scans" in html
    assert 'method="post"' not in html
    assert "connect-src" not in html
    assert "fetch(" not in html


def test_an_operators_page_sends_forms_to_the_app_alone_and_says_whose_they_are() -> None:
    page = read(render_html(samples.contoso(), samples.contoso_extras(), Served(NOW, may_act=True)))
    policy = content_security_policy(acting=True)
    assert "form-action 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "'unsafe" not in policy
    headers = security_headers(acting=True)
    assert headers["Referrer-Policy"] == plain_headers()["Referrer-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"].startswith(policy)
    assert len(page.raw["script"]) == 3


def test_names_and_messages_are_text() -> None:
    served = Served(
        NOW, may_act=True, message=Message(HOSTILE), runs=[run(RunStatus.FAILED, error=HOSTILE, trigger=HOSTILE)]
    )
    for html in (
        render_html(samples.contoso(), samples.contoso_extras(), served),
        render_plain(
            HOSTILE, HOSTILE, served=served, lines=[{"topic": HOSTILE, "level": "x", "text": HOSTILE, "fix": ""}]
        ),
    ):
        assert "<img src=x" not in html
        assert "\u202e" not in html


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], None),
        ([run(RunStatus.QUEUED)], "A scan is about to begin."),
        ([run(RunStatus.RUNNING)], "A scan goes on: it reads the tenant."),
        ([run(RunStatus.RUNNING, accounts_done=1200, accounts_total=5000)], "A scan goes on: 1,200 of 5,000 accounts."),
        ([run(RunStatus.RUNNING, partial=True)], None),
        ([run(RunStatus.RUNNING, hours=4)], None),
        ([run(RunStatus.COMPLETE)], None),
        ([run(RunStatus.COMPLETE), run(RunStatus.QUEUED)], "A scan is about to begin."),
    ],
)
def test_the_scan_that_goes_on(runs: list[dict[str, Any]], expected: str | None) -> None:
    going_on = Served(NOW, runs=runs).going_on
    assert (going_on and going_on["text"]) == expected


def test_a_scan_in_words_begins_with_the_worst() -> None:
    done = run(RunStatus.COMPLETE, severities={"low": 1, "high": 2, "odd": 3}, changes={"resolved": 1, "opened": 2})
    (last,) = Served(NOW, runs=[{**done, "trigger": "by hand"}]).last
    assert (last["found"], last["changes"], last["trigger"]) == ("2 high, 1 low, 3 odd", "2 new, 1 resolved", "By hand")


@pytest.mark.parametrize(
    ("before", "after", "changes", "about", "expected"),
    [
        (account(), account(), [], QUIET, "Nothing changed."),
        (account(), account(visibility="visible"), [], QUIET, "App password option: Hidden → Offered."),
        (None, account(), [], QUIET, "App password option: Hidden. App password works: Not blocked."),
        (
            account(),
            account(),
            [{"kind": "resolved", "title": "Hidden", "check_id": "APW-001"}],
            QUIET,
            "Resolved: Hidden (APW-001).",
        ),
        (
            account(),
            account(visibility="unknown"),
            [],
            {"gaps": [{"input": "groups", "error": "403", "permission": None, "account": None}], "notes": ["Late."]},
            "App password option: Hidden → Cannot tell. Could not be read: A group that a policy names: 403. Late.",
        ),
    ],
)
def test_what_came_of_checking_an_account_again(
    before: dict[str, Any] | None, after: dict[str, Any], changes: list[Any], about: dict[str, Any], expected: str
) -> None:
    message = checked_again(before, after, changes, about)
    assert message == Message(f"svc@contoso.com was checked again. {expected}", "a")


def test_an_exception_ends_within_a_year() -> None:
    assert Served(NOW).until == {"min": "2026-11-26", "max": "2027-11-26", "value": "2027-02-24"}
