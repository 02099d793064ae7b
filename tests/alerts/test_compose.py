from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.compose import failure_id
from alerts.groups import Group, account_names, dated, grouped, grouped_gaps, remark, statement
from alerts.model import AlertGap, AlertItem, AlertReason, Kind, Purpose, Severity, Totals
from tests.alerts import samples
from tests.alerts.samples import NOW, alert, item, reason


def resolved(number: int, check_id: str = "APW-001", *, came_back: bool = False) -> AlertItem:
    gone = "The last scan found the account without this problem."
    return item(number, Kind.RESOLVED, check_id, resolution=gone, came_back=came_back)


def ended(number: int) -> AlertItem:
    """A finding of an account that is gone."""
    return replace(item(number, Kind.RESOLVED, resolution="The account no longer exists."), closing=True)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([item(1)], "svc-001@contoso.com is newly affected: MFA hides the app-password option"),
        ([item(1, lost=True)], "svc-001@contoso.com lost the app-password option"),
        ([item(1, newly=False)], "svc-001@contoso.com is missing the app-password option"),
        ([item(n, lost=True) for n in range(3)], "3 of 18 service accounts lost the app-password option"),
        (
            [item(1, lost=True), item(2), item(3)],
            "svc-001@contoso.com lost the app-password option, and 2 more are newly affected",
        ),
        (
            [item(1, lost=True), item(2), item(3, newly=False)],
            "svc-001@contoso.com lost the app-password option, and 1 more is newly affected; 1 other change",
        ),
        (
            [item(1), item(2, check_id="APW-003"), item(3, check_id="APW-007")],
            "2 of 18 service accounts are newly affected: the app-password option is missing; 1 other change",
        ),
        ([item(1, check_id="APW-003", lost=True)], "svc-001@contoso.com lost the app-password option"),
        ([item(1, check_id="APW-006")], "svc-001@contoso.com is about to have the app-password option hidden"),
        ([item(1, Kind.REOPENED, lost=True)], "svc-001@contoso.com lost the app-password option again"),
        ([item(1, Kind.REOPENED, check_id="APW-009")], "svc-001@contoso.com had per-user MFA switched off again"),
        ([item(1, Kind.STILL_OPEN)], "svc-001@contoso.com is still missing the app-password option"),
        ([item(1), item(2), item(3)], "3 of 18 service accounts are newly affected: MFA hides the app-password option"),
        (
            [item(1), item(1, check_id="APW-007")],
            "svc-001@contoso.com is newly affected: MFA hides the app-password option; 1 other change",
        ),
        (
            [item(1), item(2, reasons=(reason("Other", number=2),)), item(3, Kind.RESOLVED)],
            "2 of 18 service accounts are newly affected: MFA hides the app-password option; 1 resolved",
        ),
        (
            [item(n) for n in range(10)],
            'Policy "Require MFA for all users" now hides the app-password option for 10 of 18 service accounts',
        ),
        (
            [item(n, newly=False) for n in range(10)],
            'Policy "Require MFA for all users" hides the app-password option for 10 of 18 service accounts',
        ),
        ([item(n) for n in range(9)], "9 of 18 service accounts are newly affected: MFA hides the app-password option"),
        (
            [item(n, check_id="APW-002") for n in range(18)],
            "All 18 service accounts are newly affected: MFA hides the app-password option",
        ),
        ([item(1, Kind.REOPENED)], "svc-001@contoso.com is affected again: MFA hides the app-password option"),
        ([item(1, check_id="APW-003")], "svc-001@contoso.com is newly affected: the app-password option is missing"),
        (
            [item(1, Kind.CHANGED)],
            "svc-001@contoso.com is still missing the app-password option; what causes it changed",
        ),
        (
            [
                item(1, Kind.CHANGED, previous_severity=Severity.LOW),
                item(2, Kind.CHANGED, previous_severity=Severity.LOW),
            ],
            "2 of 18 service accounts are still missing the app-password option; this is now rated high, it was low",
        ),
        (
            [item(1, Kind.CHANGED, previous_severity=Severity.LOW), item(2, Kind.CHANGED, reasons=())],
            "svc-001@contoso.com is still missing the app-password option; this is now rated high, it was low; 1 other change",
        ),
        (
            [item(1, Kind.CHANGED, settled=True), item(2, Kind.CHANGED, reasons=())],
            "svc-001@contoso.com is still missing the app-password option, after it came and went; 1 other change",
        ),
        (
            [
                item(1, check_id="APW-010", title="The protocol this account uses has been retired", reasons=()),
                item(2, check_id="APW-010", title="The protocol this account uses is being retired", reasons=()),
            ],
            "svc-001@contoso.com uses a protocol that has been retired; 1 other change",
        ),
        (
            [item(1), item(2, Kind.RESOLVED), ended(3), ended(4)],
            "svc-001@contoso.com is newly affected: MFA hides the app-password option; 1 resolved, 2 ended with the account",
        ),
        (
            [item(1, Kind.CHANGED, settled=True)],
            "svc-001@contoso.com is still missing the app-password option, after it came and went",
        ),
        (
            [item(1, Kind.FLAPPING)],
            "svc-001@contoso.com keeps changing: App password option hidden by Conditional Access",
        ),
        ([item(1, check_id="NEW-1", title="A new thing")], "svc-001@contoso.com fails a check: A new thing"),
        ([resolved(1)], "A problem with svc-001@contoso.com is resolved"),
        ([resolved(1, came_back=True)], "Good news: a problem with svc-001@contoso.com is resolved"),
        ([resolved(1), resolved(2)], "2 problems with 2 service accounts are resolved"),
        ([resolved(1, came_back=True), resolved(2)], "Good news: 2 problems with 2 service accounts are resolved"),
        (
            [resolved(1), resolved(1, "APW-007")],
            "2 problems with 1 service account are resolved",
        ),
        ([], "Nothing has changed"),
    ],
)
def test_headline_says_the_worst_thing_and_how_much_else(items: list[AlertItem], expected: str) -> None:
    assert alert(*items).headline == expected


def test_headline_without_a_known_total_counts_only_the_accounts() -> None:
    assert (
        alert(item(1), item(2), totals=Totals()).headline
        == "2 service accounts are newly affected: MFA hides the app-password option"
    )


def test_first_scan_claims_no_change() -> None:
    assert alert(item(1), item(2), baseline=True).headline == (
        "First scan: 2 of 18 service accounts are missing the app-password option"
    )
    big = alert(*(item(n) for n in range(12)), item(1, check_id="APW-011"), baseline=True)
    assert big.headline == (
        'First scan: Policy "Require MFA for all users" hides the app-password option for 12 of 18 service accounts; '
        "1 other finding"
    )


def test_first_scan_counts_all_that_miss_the_option_whatever_the_causes() -> None:
    totals = Totals(18, 4, 2, 1, missing=3)
    found = [item(1), item(2, check_id="APW-002"), item(3, check_id="APW-003"), item(1, check_id="APW-007")]
    assert alert(*found, totals=totals, baseline=True).headline == (
        "First scan: 3 of 18 service accounts are missing the app-password option; 1 other finding"
    )


def test_headline_of_gaps_alone_names_what_could_not_be_read() -> None:
    assert samples.gaps_only().headline == (
        "The scan could not read the Conditional Access policies and the per-user MFA state"
    )


@pytest.mark.parametrize(
    ("kind", "severity", "good"),
    [(Kind.OPENED, Severity.HIGH, False), (Kind.RESOLVED, None, True), (Kind.STILL_OPEN, Severity.HIGH, False)],
)
def test_severity_is_that_of_what_is_open(kind: Kind, severity: Severity | None, good: bool) -> None:
    made = alert(item(1, kind))
    assert (made.severity, made.good_news) == (severity, good)


def test_unreadable_input_is_no_good_news() -> None:
    assert not alert(item(1, Kind.RESOLVED), gaps=[AlertGap("x", "the x", "403")]).good_news


def test_worst_comes_first_and_resolved_last() -> None:
    made = alert(
        resolved(1),
        item(2, check_id="APW-005", severity=Severity.LOW),
        item(3, Kind.CHANGED, "APW-007"),
        item(4, check_id="APW-004", severity=Severity.MEDIUM),
        item(5, check_id="APW-001"),
    )
    assert [(one.severity, one.kind) for one in made.items] == [
        (Severity.HIGH, Kind.OPENED),
        (Severity.HIGH, Kind.CHANGED),
        (Severity.MEDIUM, Kind.OPENED),
        (Severity.LOW, Kind.OPENED),
        (Severity.HIGH, Kind.RESOLVED),
    ]
    assert made.counts == {"opened": 3, "changed": 1, "resolved": 1}


def test_the_option_itself_comes_before_how_the_account_is_used() -> None:
    used = [item(number, check_id="APW-010", reasons=()) for number in (1, 2, 3)]
    made = alert(*used, item(4, check_id="APW-003", reasons=()))
    assert [group.first.check_id for group in grouped(made.items)] == ["APW-003", "APW-010"]


@given(st.permutations(list(samples.typical().items)))
def test_same_changes_in_any_order_make_the_same_alert(items: list[AlertItem]) -> None:
    assert alert(*items) == alert(*samples.typical().items)


def test_a_thousand_changes_with_one_cause_are_one_thing_to_say() -> None:
    (group,) = grouped(item(n) for n in range(1000))
    assert statement(group, total=5000) == (
        'Policy "Require MFA for all users" now hides the app-password option for 1,000 of 5,000 service accounts'
    )
    assert account_names(group, 2) == "svc-000@contoso.com, svc-001@contoso.com and 998 more"


@pytest.mark.parametrize(
    "other",
    [
        item(2, Kind.REOPENED),
        item(2, check_id="APW-005"),
        item(2, severity=Severity.LOW),
        item(2, reasons=(reason("Other", number=2),)),
        item(2, reasons=()),
        item(2, settled=True),
    ],
)
def test_different_things_are_told_apart(other: AlertItem) -> None:
    assert len(grouped([item(1), other])) == 2


def test_renamed_policy_is_still_the_same_cause() -> None:
    assert len(grouped([item(1), item(2, reasons=(reason("Renamed"),))])) == 1


def test_sentence_about_one_account_is_not_said_of_others() -> None:
    (group,) = grouped([item(1), item(2, reasons=(reason(scope="member of Backup apps"),))])
    assert "all users)" not in group.cause
    assert group.cause.startswith('The policy "Require MFA for all users" decides')


def test_since_and_actor_are_told_only_where_they_hold_for_all() -> None:
    (same,) = grouped([item(1, actor="Anna"), item(2, actor="Anna")])
    (different,) = grouped([item(1, actor="Anna"), item(2, actor="Ben", since=None)])
    assert dated(same) == ("Since", "20 Nov 2026, 02:12 UTC by Anna")
    assert dated(different) == ("Policy last changed", "on 20 Nov 2026, 06:00 UTC")
    joined = replace(reason(), since=NOW - timedelta(days=2))
    (mixed,) = grouped([item(1, reasons=(joined,)), item(2, since=None)])
    assert dated(mixed) == ("Policy last changed", "on 20 Nov 2026, 06:00 UTC"), (
        "the day on which the first one joined is none"
    )
    assert dated(grouped([item(1, since=None, actor="Anna")])[0]) == ("Done", "by Anna")
    how = '20 Nov 2026, 02:12 UTC, when the policy "MFA" was switched from report-only to on, by Anna'
    (told,) = grouped([item(1, actor="Anna", how=how), item(2, actor="Anna", how=how)])
    assert dated(told) == ("Since", how)
    (others,) = grouped(
        [item(1, actor="Anna", how=how), item(2, actor="Anna", how="20 Nov 2026, 02:12 UTC, when it joined")]
    )
    assert dated(others) == ("Since", "20 Nov 2026, 02:12 UTC by Anna")
    assert dated(grouped([item(1, since=None, reasons=())])[0]) is None


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (item(1), None),
        (item(1, Kind.CHANGED), None),
        (item(1, Kind.CHANGED, previous_severity=Severity.LOW, settled=True), "has been still for some days"),
        (item(1, Kind.FLAPPING), "Further changes are recorded, not told, until it settles."),
        (
            item(1, Kind.EXCEPTION_EXPIRED, accepted_until=date(2026, 11, 21), accepted_by="Ben\n"),
            "The exception (until 21 Nov 2026, owner Ben) has ended",
        ),
        (item(1, Kind.EXCEPTION_EXPIRED), "The exception has ended"),
        (item(1, doubt="Microsoft's What If sees it differently."), "What If sees it differently."),
        (item(1, Kind.RESOLVED, doubt="But."), None),
    ],
)
def test_what_is_special_is_said(one: AlertItem, expected: str | None) -> None:
    said = remark(Group((one,)))
    assert said is None if expected is None else expected in (said or "")


def test_doubts_about_some_of_many_accounts_are_counted() -> None:
    group = Group((item(1, doubt="One."), item(2), item(3, doubt="Three.")))
    assert remark(group) == (
        "Microsoft's What If or the sign-in log has another answer for 2 of these accounts: the report shows both."
    )
    both = Group((item(1, doubt="One."), item(2, doubt="Two.")))
    assert "for each of these accounts" in (remark(both) or "")


def test_same_gap_of_many_accounts_is_one_line() -> None:
    gaps = [AlertGap("per_user_mfa", "the per-user MFA state", "429", "P", f"svc-{n}") for n in range(3)]
    assert [(g.what, g.permission) for g in grouped_gaps(gaps)] == [("The per-user MFA state of 3 accounts", "P")]
    assert grouped_gaps(gaps[:1])[0].what == "The per-user MFA state of svc-0"
    assert grouped_gaps([AlertGap("x", "the x", "403")])[0].what == "The x"


def test_failure_is_told_once_under_a_stable_id() -> None:
    made = samples.failure()
    assert made.about
    assert made.id == failure_id(made.about.alert_id or "") == samples.failure().id
    assert failure_id("1") != failure_id("2")
    assert made.purpose is Purpose.FAILURE
    assert made.headline == "An alert about your service accounts could not be delivered"
    assert "401 InvalidAuthenticationToken" in made.notes[0]


def test_headline_with_an_endless_hostile_name_is_one_short_line() -> None:
    evil = AlertReason("x", "p", "evil\r\n\u202e" * 500)
    made = alert(*(item(n, reasons=(evil,)) for n in range(20)))
    assert len(made.headline) <= 220
    assert made.headline.isprintable()


def test_the_end_of_exceptions_names_what_is_the_same_for_all_of_them() -> None:
    def ended(number: int, owner: str) -> AlertItem:
        last = date(2026, 11, 21)
        return item(number, Kind.EXCEPTION_EXPIRED, accepted_until=last, accepted_by=owner)

    said = "The exception (until 21 Nov 2026, owner Ada) has ended, so this is told again from now on."
    assert remark(Group((ended(1, "Ada"), ended(2, "Ada")))) == said
    differ = remark(Group((ended(1, "Ada"), ended(2, "Ben"))))
    assert differ == "The exceptions have ended, so this is told again from now on: the report shows each."
