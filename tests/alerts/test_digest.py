from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.digest import compose_digest, reminder_due
from alerts.model import Alert, AlertGap, AlertItem, Kind, Purpose, Totals
from tests.alerts import samples
from tests.alerts.samples import NOW, item

DAY = timedelta(days=1)


def digest(*items: AlertItem, days: int = 1, all_clear: bool = False) -> Alert | None:
    return compose_digest(
        tenant_id="t",
        tenant_name="Contoso",
        items=items,
        since=NOW - days * DAY,
        now=NOW,
        totals=Totals(18, len(items), 0, 0),
        all_clear=all_clear,
    )


def test_daily_reminders_come_at_growing_distances() -> None:
    opened = NOW
    due = [day for day in range(1, 125) if reminder_due(opened, opened + (day - 1) * DAY, opened + day * DAY)]
    assert due == [1, 3, 7, 14, 30, 60, 90, 120]


def test_weekly_reminders_miss_none_and_name_the_latest() -> None:
    opened = NOW
    weeks = [reminder_due(opened, opened + (week - 1) * 7 * DAY, opened + week * 7 * DAY) for week in range(1, 10)]
    assert weeks == [7, 14, None, None, 30, None, None, None, 60]


@pytest.mark.parametrize("hours", [0, 1, 23])
def test_nothing_is_due_within_the_first_day(hours: int) -> None:
    assert reminder_due(NOW, NOW - DAY, NOW + timedelta(hours=hours)) is None


def test_a_late_timer_neither_repeats_nor_skips_a_reminder() -> None:
    first = NOW + DAY + timedelta(minutes=5)
    assert reminder_due(NOW, NOW, first) == 1
    assert reminder_due(NOW, first, first + DAY) is None


def test_digest_tells_all_that_is_open_when_a_reminder_is_due() -> None:
    made = samples.digest()
    assert made.purpose is Purpose.DIGEST
    assert len(made.items) == 4
    assert made.headline == (
        "Reminder: 3 of 18 service accounts are still missing the app-password option; 1 other finding is open"
    )
    assert made.notes[0].startswith("4 findings are open, the oldest was found 40 days ago.")


def test_digest_is_silent_when_no_reminder_is_due() -> None:
    assert digest(item(1, Kind.STILL_OPEN, first_seen=NOW - 5 * DAY)) is None


def test_digest_says_all_clear_only_when_asked() -> None:
    assert digest() is None
    clear = digest(all_clear=True)
    assert clear is not None
    assert clear.headline == "All clear: nothing is open for 18 service accounts"
    assert clear.good_news


def nothing_open(**more: Any) -> Alert:
    given: dict[str, Any] = {"totals": Totals(18, 0, 0, 0), **more}
    made = compose_digest(
        tenant_id="t", tenant_name="Contoso", items=(), since=NOW - DAY, now=NOW, all_clear=True, **given
    )
    assert made is not None
    return made


def test_what_could_not_be_read_is_never_all_clear() -> None:
    gap = AlertGap("conditional_access_policies", "the Conditional Access policies", "403 Forbidden", "Policy.Read.All")
    made = nothing_open(complete=False, gaps=[gap])
    assert made.headline == (
        "Nothing is known to be open for 18 service accounts, but the last scan could not read everything"
    )
    assert made.gaps == (gap,)
    assert not made.good_news
    assert "well" not in str(made.notes)


def test_a_log_that_no_verdict_depends_on_is_told_beside_the_all_clear() -> None:
    gap = AlertGap("sign_ins", "the sign-in log", "403 Forbidden", "AuditLog.Read.All")
    made = nothing_open(gaps=[gap])
    assert made.headline == "All clear: nothing is open for 18 service accounts"
    assert made.gaps == (gap,)
    assert not made.good_news


@pytest.mark.parametrize("accounts", [0, None])
def test_where_no_account_was_looked_at_nothing_is_all_clear(accounts: int | None) -> None:
    made = nothing_open(totals=Totals(accounts, 0, 0, 0))
    assert made.headline == "Nothing is watched: the last scan found no service account"
    assert not made.good_news


def test_what_somebody_accepted_is_not_said_to_be_closed() -> None:
    made = nothing_open(totals=Totals(18, 2, 1, 0))
    assert made.headline == "All clear: nothing is open for 18 service accounts, but what somebody accepted"


def test_open_findings_without_a_due_reminder_are_no_all_clear() -> None:
    assert digest(item(1, Kind.STILL_OPEN, first_seen=NOW - 5 * DAY), all_clear=True) is None


def test_second_digest_of_a_day_has_the_same_id() -> None:
    one, other = samples.digest(), samples.digest()
    assert one.id == other.id


def test_changes_do_not_belong_into_a_digest() -> None:
    with pytest.raises(ValueError, match="still open"):
        digest(item(1))


def test_the_headline_counts_all_that_the_worst_check_found_whatever_policy_did_it() -> None:
    blocked = [item(n, Kind.STILL_OPEN, "APW-007", first_seen=NOW - 3 * DAY) for n in range(8)]
    unread = [item(n, Kind.STILL_OPEN, "APW-007", reasons=(), first_seen=NOW - 3 * DAY) for n in range(8, 12)]
    made = digest(*blocked, *unread)
    assert made is not None
    assert made.headline.startswith("Reminder: 12 ")
    assert "other" not in made.headline


def test_what_nobody_could_read_is_not_said_to_get_in() -> None:
    retired = item(
        1, Kind.STILL_OPEN, "APW-010", title="The protocol has been retired", reasons=(), first_seen=NOW - 3 * DAY
    )
    made = digest(replace(retired, urgency="later"))
    assert made is not None
    assert "gets in" not in made.headline
    assert "uses a protocol that has been retired" in made.headline.replace("still uses", "uses")


def test_a_protocol_that_has_ended_for_one_account_is_not_said_to_have_ended_for_others() -> None:
    """Both have the same day ahead: one still gets in with what has ended, and uses what ends then as well."""
    titles = ("The protocol this account uses has been retired", "The protocol this account uses is being retired")
    found = [
        item(n, Kind.STILL_OPEN, "APW-010", title=title, reasons=(), first_seen=NOW - 3 * DAY)
        for n, title in enumerate(titles)
    ]
    made = digest(*(replace(one, urgency="later") for one in found))
    assert made is not None
    assert made.headline.startswith("Reminder: svc-000@contoso.com still uses a protocol that has been retired")
    assert made.headline.endswith("1 other finding is open")
