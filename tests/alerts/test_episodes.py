"""What is said about a channel that doesn't work: once when it begins, weekly, once when it is over, and nothing stale."""

from dataclasses import replace
from datetime import timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from alerts.book import ChannelBook
from alerts.episodes import (
    AGAIN,
    PATIENCE,
    Cause,
    ChannelRecord,
    Word,
    due,
    failed,
    gave_up,
    holds,
    notice_id,
    noticed,
    worked,
)
from alerts.ledger import Ledger
from alerts.model import Purpose
from alerts.notices import compose_channel_notice
from alerts.table import TABLE, AlertTable
from tests.alerts.samples import NOW

DAY = timedelta(days=1)
SINCE = NOW.replace(microsecond=0)
WORKING = ChannelRecord("teams", known=True)
REFUSING = failed(WORKING, Cause.REFUSING, "It answered 404.", NOW)


def told(record: ChannelRecord, word: Word = Word.BROKEN, after: timedelta = timedelta()) -> ChannelRecord:
    return noticed(record, record.about(record.notices + 1), word, NOW + after)


@pytest.mark.parametrize(
    ("cause", "at_once"), [(Cause.REFUSING, True), (Cause.MISSET, True), (Cause.UNSET, True), (Cause.FAILING, False)]
)
def test_a_channel_that_somebody_has_to_mend_is_told_at_once_and_one_that_may_recover_after_an_hour(
    cause: Cause, at_once: bool
) -> None:
    record = failed(WORKING, cause, "why", NOW)
    assert due(WORKING, NOW) is None
    assert due(record, NOW) == (Word.BROKEN if at_once else None)
    assert due(failed(record, cause, "why", NOW + PATIENCE), NOW + PATIENCE) is Word.BROKEN


def test_while_it_lasts_it_is_told_weekly_and_not_more() -> None:
    record = told(REFUSING)
    days = []
    for day in range(1, 30):
        record = failed(record, Cause.REFUSING, f"error {day}", NOW + day * DAY)
        if due(record, NOW + day * DAY):
            days.append(day)
            record = told(record, Word.STILL_BROKEN, day * DAY)
    assert days == [7, 14, 21, 28]
    assert (record.since, record.error) == (SINCE, "error 29")


def test_a_channel_that_was_taken_away_is_told_once() -> None:
    record = told(failed(WORKING, Cause.UNSET, "It is gone.", NOW))
    assert due(record, NOW + 5 * AGAIN) is None
    assert due(gave_up(record, Cause.UNSET, "It is gone.", NOW + AGAIN), NOW + 5 * AGAIN) is Word.GIVEN_UP


def test_that_alerts_are_given_up_is_told_once() -> None:
    record = gave_up(told(REFUSING), Cause.REFUSING, "why", NOW)
    assert due(record, NOW) is Word.GIVEN_UP
    record = gave_up(told(record, Word.GIVEN_UP), Cause.REFUSING, "why", NOW)
    assert (due(record, NOW), record.given_up) == (None, 2)


def test_an_alert_that_is_given_up_is_told_also_where_nothing_was_said_before() -> None:
    record = gave_up(WORKING, Cause.FAILING, "why", NOW)
    assert due(record, NOW) is Word.BROKEN
    assert due(told(record), NOW) is None


def test_two_processes_make_the_same_notice_and_count_it_once() -> None:
    about = REFUSING.about(1)
    assert notice_id(about) == notice_id(REFUSING.about(1)) != notice_id(REFUSING.about(2))
    once = noticed(REFUSING, about, Word.BROKEN, NOW)
    assert noticed(once, about, Word.BROKEN, NOW + DAY) == once
    assert once.notices == 1


def test_a_notice_holds_until_it_is_over_or_another_says_more() -> None:
    begun, about = told(REFUSING), REFUSING.about(1)
    assert holds(about, REFUSING)  # kept, and the process died before it was counted
    assert holds(about, begun)
    assert not holds(about, told(begun, Word.STILL_BROKEN))
    over = worked(begun)
    assert not holds(about, over)
    assert holds(begun.about(2), over)
    again = failed(over, Cause.REFUSING, "again", NOW + DAY)
    assert not holds(begun.about(2), again)
    assert not holds(about, again)
    assert not holds(begun.about(2), worked(again))


def test_another_time_is_told_anew() -> None:
    again = failed(worked(told(REFUSING)), Cause.REFUSING, "again", NOW + DAY)
    assert (again.since, again.notices, again.given_up) == (SINCE + DAY, 0, 0)
    assert due(again, NOW + DAY) is Word.BROKEN
    assert notice_id(again.about(1)) != notice_id(REFUSING.about(1))


def test_a_clock_that_was_ahead_silences_nobody() -> None:
    ahead = failed(WORKING, Cause.FAILING, "why", NOW + 60 * DAY)
    assert failed(ahead, Cause.FAILING, "why", NOW).since == SINCE
    assert due(replace(told(REFUSING), noticed_at=NOW + 60 * DAY), NOW) is Word.STILL_BROKEN
    assert not replace(WORKING, quiet_until=NOW + 60 * DAY).quiet(NOW)
    assert replace(WORKING, quiet_until=NOW + timedelta(minutes=15)).quiet(NOW)


@pytest.mark.parametrize(
    ("word", "record", "headline", "says"),
    [
        (Word.BROKEN, REFUSING, "Alerts no longer get through to Teams", "The last attempt: It answered 404."),
        (Word.STILL_BROKEN, told(REFUSING), "Alerts still don't get through to Teams", "3 alerts wait for it"),
        (
            Word.GIVEN_UP,
            gave_up(told(REFUSING), Cause.REFUSING, "x", NOW),
            "An alert for Teams was given up",
            "1 alert was given up; the report shows what they said.",
        ),
        (Word.WORKS, told(REFUSING), "Alerts get through to Teams again", "They hadn't since 22 Nov 2026, 06:00 UTC."),
        (
            Word.BROKEN,
            failed(WORKING, Cause.UNSET, "x", NOW),
            "The alert channel Teams is no longer set",
            "The function app has not had TEAMS_WEBHOOK_URL since 22 Nov 2026, 06:00 UTC: if that isn't meant, set it again; "
            "a secret that was deleted has to be recovered first (docs/deploy.md, step 6).",
        ),
        (
            Word.BROKEN,
            failed(replace(WORKING, name="email"), Cause.UNSET, "x", NOW),
            "The alert channel mail is no longer set",
            "The function app has not had ALERT_EMAIL_FROM and ALERT_EMAIL_TO since 22 Nov 2026, 06:00 UTC: if that isn't meant, "
            "set it again. If",
        ),
    ],
)
def test_notices_say_what_is_wrong_since_when_and_what_to_do(
    word: Word, record: ChannelRecord, headline: str, says: str
) -> None:
    about = record.about(record.notices + 1)
    made = compose_channel_notice(word, record, about, waiting=3, now=NOW)
    assert made.headline == headline
    assert says in " ".join(made.notes)
    assert (made.id, made.about) == (notice_id(about), about)
    assert made.purpose is (Purpose.RECOVERED if word is Word.WORKS else Purpose.FAILURE)
    assert made.good_news is (word is Word.WORKS)


async def test_the_book_knows_which_channels_the_app_has_and_since_when_one_is_gone(ledger: Ledger) -> None:
    book = ledger.book
    assert await ledger.known_channels() is None
    await book.note(("teams", "webhook"), NOW)
    assert await ledger.known_channels() == ("teams", "webhook")
    records = await book.note(("webhook",), NOW + DAY)
    assert await ledger.known_channels() == ("webhook",)
    assert (records["teams"].cause, records["teams"].since) == (Cause.UNSET, SINCE + DAY)
    assert records["teams"].error == "The function app no longer has TEAMS_WEBHOOK_URL."
    assert (await book.note(("webhook",), NOW + 2 * DAY))["teams"].since == SINCE + DAY
    await book.note((), NOW)
    assert await ledger.known_channels() == ()


async def test_records_are_kept_as_they_are(ledger: Ledger) -> None:
    record = replace(
        gave_up(told(REFUSING), Cause.REFUSING, "why", NOW), before=NOW - DAY, quiet_until=NOW, given_up_told=True
    )
    await ledger.book.change("teams", lambda one: replace(record, etag=one.etag))
    kept = (await ledger.book.records())["teams"]
    assert replace(kept, etag=None) == record


async def test_changes_of_two_processes_both_count(storage: str) -> None:
    async with TableServiceClient.from_connection_string(storage) as service:
        one, other = (ChannelBook(AlertTable(service)) for _ in range(2))
        interfered: list[str] = []
        put = AlertTable.put

        async def slow(self: AlertTable, row: dict[str, object], etag: str | None) -> str:
            if not interfered:
                interfered.append("now")
                await other.change("teams", lambda record: replace(record, given_up=record.given_up + 1))
            return await put(self, row, etag)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AlertTable, "put", slow)
            made = await one.change("teams", lambda record: replace(record, given_up=record.given_up + 1))
        assert made.given_up == 2
        rows = [row async for row in service.get_table_client(TABLE).list_entities()]
        assert [row["given_up"] for row in rows] == [2]
