"""What is told of changes, whatever version kept the account that goes with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.groups import dated, grouped, grouped_gaps
from alerts.model import AlertItem, Totals
from basics.times import day, moment
from findings.compare import compare
from findings.run_record import RunRecord, RunStatus
from jobs.alert_content import changes_alert, reminder, totals
from settings import Settings
from tests.findings.build import DAY, NOW, account, seen


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"reasons": None, "remediation": 7, "cross_check": "x"},
        {"reasons": [None, {}, {"effect": "demands_mfa"}], "remediation": [{}], "cross_check": {}},
        {"reasons": [{"effect": "demands_mfa", "since": 7}], "remediation": [{"title": None, "steps": None}]},
    ],
)
def test_a_change_is_told_although_the_account_as_it_was_cannot_be_read(detail: dict[str, Any]) -> None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    alert = changes_alert(Settings(), "alert-1", [replace(change, detail=detail)], None, first=False)
    (item,) = alert.items
    assert (item.check_id, item.user_principal_name) == ("APW-001", "svc-a1@contoso.example")


@pytest.mark.parametrize(
    ("products", "told"),
    [
        ([{"name": "Veeam Backup", "vendor": "Veeam"}, {"name": "Duplicati"}], ("Veeam Backup", "Duplicati")),
        ([None, {}, {"name": None}, {"name": ""}, "x"], ()),
        (7, ()),
    ],
)
def test_what_uses_an_account_is_told_with_it(products: Any, told: tuple[str, ...]) -> None:
    (change,) = compare(account(document={"products": products}), [], [seen()], alert_id="alert-1").changes
    (item,) = changes_alert(Settings(), "alert-1", [change], None, first=False).items
    assert item.products == told


@pytest.mark.parametrize(
    ("check_id", "step"),
    [
        ("APW-001", "Move the product to app-only sign-in"),
        ("APW-003", "Set the account's per-user MFA to Enforced"),
        ("APW-008", "Look up what could not be read"),
        ("APW-011", "Take the directory role from the account"),
        ("APW-999", "Move the product to app-only sign-in"),
    ],
)
def test_the_next_step_is_the_one_that_the_plan_has_for_the_finding(check_id: str, step: str) -> None:
    ways = [
        {
            "way": "app_only",
            "title": "Move the product to app-only sign-in",
            "steps": ["Ask."],
            "url": "https://a.example",
        },
        {"way": "enforce", "title": "Set the account's per-user MFA to Enforced", "steps": []},
    ]
    (change,) = compare(account(document={"remediation": ways}), [], [seen(check_id)], alert_id="alert-1").changes
    (item,) = changes_alert(Settings(), "alert-1", [change], None, first=False).items
    assert item.next_step
    assert item.next_step.title == step


def test_what_is_resolved_has_no_next_step() -> None:
    ways = [{"way": "app_only", "title": "Move the product to app-only sign-in", "steps": ["Ask."]}]
    opened = compare(account(at=NOW - DAY), [], [seen("APW-011")], alert_id="alert-0").states
    (change,) = compare(account(document={"remediation": ways}), opened, [], alert_id="alert-1").changes
    (item,) = changes_alert(Settings(), "alert-1", [change], None, first=False).items
    assert item.next_step is None


def test_refused_sign_ins_are_told_since_the_first_client_that_still_is_refused() -> None:
    def client(since: str | None, refused: str, got_in: str | None) -> dict[str, Any]:
        return {"client": "SMTP", "refused_since": since, "last_refused": refused, "last_got_in": got_in}

    late, early = "2026-11-20T02:00:00Z", "2026-11-18T02:00:00Z"
    clients = [
        client(late, late, early),
        client("2026-11-19T02:00:00Z", late, None),
        client(early, early, late),
        client(None, late, None),
    ]
    (change,) = compare(account(document={"sign_ins": clients}), [], [seen("APW-015")], alert_id="alert-1").changes
    (item,) = changes_alert(Settings(), "alert-1", [change], None, first=False).items
    assert item.since == datetime(2026, 11, 19, 2, tzinfo=UTC)


AFFECTED = "svc-a1@contoso.example is newly affected: MFA hides the app-password option"
MISSING = "svc-a1@contoso.example is missing the app-password option"
LOST = "svc-a1@contoso.example lost the app-password option"


@pytest.mark.parametrize(
    ("known", "headline"),
    [
        (None, MISSING),
        ({"visibility": "visible", "per_user_mfa": "enforced"}, LOST),
        ({"visibility": "not_offered"}, AFFECTED),
        ({"visibility": "pending", "per_user_mfa": "enabled"}, AFFECTED),
        # It may have been without the option all along.
        *(({"visibility": before}, MISSING) for before in ("unknown", "hidden", "stuck", "not_applicable")),
        # It couldn't be told last time, but when it last could, the account had it.
        ({"visibility": "unknown", "per_user_mfa": "enforced"}, LOST),
        # Nobody watched it in between.
        ({"visibility": "visible", "selected": False}, MISSING),
    ],
)
def test_what_was_known_before_decides_whether_an_option_is_lost(known: dict[str, Any] | None, headline: str) -> None:
    now = account(document={"visibility": "hidden", "usability": "usable"})
    before = replace(account(at=NOW - DAY), **known) if known else None
    (change,) = compare(now, [], [seen()], alert_id="alert-1", known=before).changes
    assert changes_alert(Settings(), "alert-1", [change], None, first=False).headline == headline


@pytest.mark.parametrize(
    ("check_id", "verdict", "good"),
    [
        ("APW-001", {"visibility": "visible"}, True),
        ("APW-001", {"visibility": "visible", "reasons": [{"effect": "tenant_switch_off"}]}, False),
        ("APW-001", {"visibility": "not_offered"}, False),
        ("APW-004", {"visibility": "visible"}, True),
        ("APW-006", {"visibility": "not_offered"}, False),
        ("APW-007", {"visibility": "visible", "usability": "usable"}, True),
        ("APW-007", {"visibility": "not_offered", "usability": "blocked_by_policy"}, False),
        ("APW-011", {"visibility": "visible"}, False),
    ],
)
def test_news_is_good_only_where_something_came_back(check_id: str, verdict: dict[str, Any], good: bool) -> None:
    opened = compare(account(at=NOW - DAY), [], [seen(check_id)], alert_id="alert-0").states
    (change,) = compare(account(document=verdict), opened, [], alert_id="alert-1").changes
    headline = changes_alert(Settings(), "alert-1", [change], None, first=False).headline
    assert headline.startswith("Good news: a problem") is good
    assert headline.endswith("problem with svc-a1@contoso.example is resolved")


def test_an_account_that_could_not_be_read_in_full_is_called_by_its_name() -> None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    gap = {"input": "per_user_mfa", "error": "403", "permission": None, "account": "a1"}
    run = RunRecord(
        "run-1",
        RunStatus.INCOMPLETE,
        NOW,
        gaps=(gap, {**gap, "account": "a2", "user_principal_name": "svc-b@x.example"}),
    )
    alert = changes_alert(Settings(), "alert-1", [change], run, first=False)
    assert [(one.account, one.user_principal_name) for one in alert.gaps] == [("a1", None), ("a2", "svc-b@x.example")]
    (named,) = grouped_gaps(alert.gaps[1:])
    assert named.what.endswith("of svc-b@x.example")


def test_a_scan_of_some_accounts_says_nothing_of_how_many_there_are_or_are_broken() -> None:
    run = RunRecord("r", RunStatus.COMPLETE, NOW, finished=NOW, accounts_total=1, urgency={"now": 1})
    assert totals(run).standing == "Broken now: 1 account"
    assert totals(replace(run, partial=True, severities={"high": 1}, visibility={"hidden": 1})) == Totals()


WHEN = "20 Nov 2026, 02:12 UTC"


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        (
            f'Hidden since {WHEN}, when the policy "A. B" was created, by ada@x.example.',
            f'{WHEN}, when the policy "A. B" was created, by ada@x.example',
        ),
        (f"Hidden in some circumstances since {WHEN}, when it was.", f"{WHEN}, when it was"),
        (
            f"Since {WHEN}, when per-user MFA was switched off. Not hidden any more since {WHEN}, when x.",
            f"{WHEN}, when per-user MFA was switched off",
        ),
        ("The policy was last changed on 20 Nov 2026.", ""),
        ("Perhaps since long ago.", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_what_happened_goes_on_from_since(cause: object, how: str) -> None:
    reason = {
        "effect": "demands_mfa",
        "text": "t",
        "since": "2026-11-20T02:12:00Z",
        "actor": "ada@x.example",
        "cause": cause,
    }
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    told = replace(change, detail={"reasons": [reason]})
    (item,) = changes_alert(Settings(), "alert-1", [told], None, first=False).items
    assert item.how == how
    (item,) = changes_alert(
        Settings(),
        "alert-1",
        [replace(change, detail={"reasons": [{**reason, "since_is_policy_date": True}]})],
        None,
        first=False,
    ).items
    assert item.how == "", "the policy's own date says nothing of how"


@pytest.mark.parametrize(
    ("minutes", "how"),
    [
        (6, "22 Nov 2026, 06:54 UTC, 6 minutes before it was found, when the policy was switched on"),
        (1, "22 Nov 2026, 06:59 UTC, 1 minute before it was found, when the policy was switched on"),
        (0, "22 Nov 2026, 07:00 UTC, when the policy was switched on"),
        (600, "21 Nov 2026, 21:00 UTC, when the policy was switched on"),
        (-3, "22 Nov 2026, 07:03 UTC, when the policy was switched on"),
    ],
)
def test_what_was_found_within_minutes_says_how_many(minutes: int, how: str) -> None:
    since = NOW - timedelta(minutes=minutes)
    cause = f"Hidden since {moment(since)}, when the policy was switched on."
    reason = {"effect": "demands_mfa", "text": "t", "since": since.isoformat(), "cause": cause}
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    told = replace(change, detail={"reasons": [reason]})
    (item,) = changes_alert(Settings(), "alert-1", [told], None, first=False).items
    assert item.how == how


KNOWN = f"Hidden since {WHEN}, when A was switched on, by ada@x.example."


def open_since(document: dict[str, Any]) -> AlertItem:
    """The reminder of a finding that policy A made, with what was kept of its account by a later scan."""
    (state,) = compare(account(), [], [replace(seen(), summary="A hides it.", cause=KNOWN)], alert_id="alert-1").states
    return reminder(state, document, "global")


def reason(text: str, policy: str, cause: str) -> dict[str, Any]:
    since = "2026-11-20T02:12:00Z"
    return {
        "effect": "demands_mfa",
        "text": text,
        "policy_id": policy,
        "policy_name": policy,
        "since": since,
        "cause": cause,
    }


def test_a_reminder_says_what_the_last_scan_said() -> None:
    told = open_since(
        {"reasons": [reason("A hides it.", "A", KNOWN), reason("B hides it.", "B", "Since 3 Nov, when B was made.")]}
    )
    assert (told.how, [one.policy_name for one in told.reasons]) == (
        f"{WHEN}, when A was switched on, by ada@x.example",
        ["A", "B"],
    )


@pytest.mark.parametrize("reasons", [[], [reason("B hides it for some.", "B", "Hidden since 3 Nov, when B was made.")]])
def test_a_reminder_of_what_the_last_scan_could_not_read_says_what_was_known_before(
    reasons: list[dict[str, Any]],
) -> None:
    """The finding is still open because of A, about which the last scan couldn't tell."""
    told = open_since({"reasons": reasons})
    assert told.how == f"{WHEN}, when A was switched on, by ada@x.example"
    assert (told.summary, told.reasons, told.policy_url, told.since, told.actor) == (
        "A hides it.",
        (),
        None,
        None,
        None,
    )


def test_the_newest_sign_in_is_not_when_it_began() -> None:
    evidence = {"effect": "evidence", "text": "A hides it.", "since": "2026-12-22T04:00:00Z", "policy_name": "A"}
    (state,) = compare(account(), [], [replace(seen("APW-005"), summary="A hides it.")], alert_id="alert-1").states
    told = reminder(state, {"reasons": [evidence]}, "global")
    assert told.since is None
    (group,) = grouped([told])
    assert dated(group) == ("Found", f"on {day(state.first_seen.date())}")
