"""Findings from how an account is used: protocols that go away, and accounts that people use as well."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from checks.judge import judge
from checks.model import Finding, Severity
from checks.usage import browser_days, usage_findings
from tenant.model import Account, SignInUse
from tests.checks.kit import NOW, SERVICE, make_tenant

TODAY = NOW.date()


def used(*clients: str, way: str = "background", days: int = 3) -> Account:
    uses = tuple(
        SignInUse("svc", client, "x", "Exchange", "", way, 9, days, NOW - timedelta(days=9), NOW - timedelta(days=1))
        for client in clients
    )
    return replace(SERVICE, sign_ins=uses)


def only(account: Account, today: date = TODAY) -> Finding:
    (found,) = usage_findings(account, today)
    return found


@pytest.mark.parametrize(
    ("client", "today", "severity"),
    [
        ("Authenticated SMTP", date(2026, 11, 22), Severity.HIGH),
        ("authenticated smtp", date(2026, 11, 1), Severity.HIGH),
        ("SMTP", date(2026, 10, 31), Severity.MEDIUM),
        ("Exchange Web Services", date(2026, 11, 22), Severity.MEDIUM),
        ("Exchange Web Services", date(2027, 1, 31), Severity.HIGH),
        ("IMAP4", date(2026, 11, 22), Severity.HIGH),
        ("POP", date(2026, 11, 22), Severity.HIGH),
        ("Exchange ActiveSync", date(2026, 11, 22), Severity.HIGH),
    ],
)
def test_protocol_with_an_end_is_a_finding_and_urgent_within_60_days(
    client: str, today: date, severity: Severity
) -> None:
    found = only(used(client), today)
    assert (found.check_id, found.severity) == ("APW-010", severity)
    assert client in found.summary
    assert "21 Nov 2026" in found.summary


@pytest.mark.parametrize("client", ["Mobile Apps and Desktop clients", "Reporting Web Services", "Other clients", ""])
def test_client_without_an_announced_end_is_no_finding(client: str) -> None:
    assert usage_findings(used(client), TODAY) == ()


def test_of_several_protocols_the_first_to_go_is_told() -> None:
    found = only(used("Exchange Web Services", "Authenticated SMTP"))
    assert found.severity is Severity.HIGH
    assert "Authenticated SMTP" in found.summary


def test_finding_changes_with_the_protocol_and_the_urgency_and_not_with_counts() -> None:
    one = used("Exchange Web Services")
    again = replace(one, sign_ins=tuple(replace(use, count=900, last_seen=NOW) for use in one.sign_ins))
    assert only(one).fingerprint == only(again).fingerprint
    assert only(one).fingerprint != only(one, date(2027, 2, 1)).fingerprint
    assert only(one).fingerprint != only(used("Exchange Web Services", "SMTP")).fingerprint


def test_browser_on_several_days_means_people() -> None:
    found = only(used("Browser", way="browser", days=2))
    assert (found.check_id, found.severity) == ("APW-012", Severity.LOW)
    assert "9 times on 2 days" in found.summary


@pytest.mark.parametrize("account", [used("Browser", way="browser", days=1), used("Browser", days=20)])
def test_setting_up_once_and_headless_browsers_mean_nobody(account: Account) -> None:
    assert usage_findings(account, TODAY) == ()


def test_findings_stand_among_the_others_by_id() -> None:
    account = replace(used("SMTP"), sign_ins=(*used("SMTP").sign_ins, *used("Browser", way="browser").sign_ins))
    (judged,) = judge(make_tenant(security_defaults=True), [account], now=NOW)
    assert [finding.check_id for finding in judged.findings] == ["APW-002", "APW-010", "APW-012"]


def test_account_that_cannot_sign_in_has_no_findings_of_its_past() -> None:
    (judged,) = judge(make_tenant(), [replace(used("SMTP"), enabled=False)], now=NOW)
    assert judged.findings == ()


def test_evidence_changes_no_verdict() -> None:
    (without,) = judge(make_tenant(), [SERVICE], now=NOW)
    (with_it,) = judge(make_tenant(), [used("SMTP", "Browser")], now=NOW)
    assert with_it.verdict == without.verdict


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Outlook",), "9 times on 2 days, last on 21 Nov 2026, to Outlook."),
        (("B", "A"), "18 times on at least 2 days, last on 21 Nov 2026, to A, B."),
        (("C", "B", "A"), "27 times on at least 2 days, last on 21 Nov 2026, to A, B, C."),
        (("D", "C", "B", "A"), "36 times on at least 2 days, last on 21 Nov 2026, to A, B, C and 1 more."),
        (("E", "D", "C", "B", "A"), "45 times on at least 2 days, last on 21 Nov 2026, to A, B, C and 2 more."),
        (("",), "9 times on 2 days, last on 21 Nov 2026, to x."),
    ],
)
def test_three_applications_that_people_open_are_named_and_the_others_counted(
    names: tuple[str, ...], shown: str
) -> None:
    (use,) = used("Browser", way="browser", days=2).sign_ins
    found = only(replace(SERVICE, sign_ins=tuple(replace(use, app_name=name) for name in names)))
    assert found.summary == f"People sign in with it in a browser: {shown}"


def test_the_newest_sign_in_with_a_protocol_is_told() -> None:
    old, new = used("SMTP", "Authenticated SMTP").sign_ins
    old = replace(old, last_seen=NOW - timedelta(days=5))
    for uses in ((old, new), (new, old)):
        found = only(replace(SERVICE, sign_ins=uses))
        assert found.summary.startswith("It signs in with Authenticated SMTP, last on 21 Nov 2026. ")


def test_only_browsers_count_as_browsers() -> None:
    account = replace(
        SERVICE,
        sign_ins=(*used("X", days=20).sign_ins, *used("Browser", way="browser", days=1).sign_ins),
    )
    assert (browser_days(account), browser_days(SERVICE)) == (1, 0)
