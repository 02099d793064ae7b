"""Times that a wrong clock wrote: taken for just now, and nothing else is touched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from findings.clocks import LONG_AGO, TOLERANCE, is_ahead, not_after, run_not_after
from findings.compare import compare
from findings.model import Snapshot, Status
from findings.run_record import RunRecord, RunStatus
from tests.findings.build import DAY, HOUR, NOW, account, seen

AHEAD = NOW + 90 * DAY
BARELY = NOW + TOLERANCE
AT = NOW - HOUR
(OPEN,) = compare(account(), [], [seen()], alert_id="a").states
EARLIER = replace(OPEN, first_ever=NOW - DAY, first_seen=NOW - DAY, last_seen=NOW - DAY, changed_at=NOW - DAY)
RESOLVED = replace(EARLIER, status=Status.RESOLVED, resolved_at=NOW - DAY, flapping_since=NOW - DAY)


@pytest.mark.parametrize(
    ("time", "ahead"),
    [(None, False), (NOW - DAY, False), (NOW, False), (BARELY, False), (BARELY + TOLERANCE / 300, True), (AHEAD, True)],
)
def test_a_time_is_ahead_where_it_is_more_than_some_minutes_away(time: datetime | None, ahead: bool) -> None:
    assert is_ahead(time, NOW) is ahead


def test_machines_may_differ_by_five_minutes() -> None:
    assert timedelta(minutes=5) == TOLERANCE


def test_what_stands_for_a_time_that_cannot_be_read_is_the_same_in_every_version() -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) == LONG_AGO


@pytest.mark.parametrize(
    "name", ["first_ever", "first_seen", "last_seen", "changed_at", "resolved_at", "flapping_since"]
)
def test_each_time_of_a_finding_that_is_ahead_is_taken_for_just_now_and_the_others_stay(name: str) -> None:
    wrong: Any = {name: AHEAD}
    right: Any = {name: AT}
    snapshot = Snapshot("a1", None, (EARLIER, replace(RESOLVED, **wrong)))
    assert not_after(snapshot, NOW, AT).findings == (EARLIER, replace(RESOLVED, **right))


def test_a_finding_without_an_end_gets_none() -> None:
    (state,) = not_after(Snapshot("a1", None, (replace(EARLIER, last_seen=AHEAD),)), NOW, AT).findings
    assert (state.last_seen, state.resolved_at, state.flapping_since) == (AT, None, None)


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ((NOW - DAY, AHEAD), (NOW - DAY,)),
        ((AHEAD, AHEAD + DAY), ()),
        ((NOW - DAY, NOW), (NOW - DAY, NOW)),
    ],
)
def test_events_that_cannot_have_been_yet_do_not_count_for_flapping(
    times: Sequence[datetime], kept: Sequence[datetime]
) -> None:
    (state,) = not_after(Snapshot("a1", None, (replace(EARLIER, transitions=tuple(times)),)), NOW, AT).findings
    assert state == replace(EARLIER, transitions=tuple(kept))


@pytest.mark.parametrize("name", ["judged_at", "lost_since"])
def test_each_time_of_an_account_that_is_ahead_is_taken_for_just_now(name: str) -> None:
    wrong: Any = {name: AHEAD}
    right: Any = {name: AT}
    record = replace(account(at=NOW - DAY), lost_since=NOW - DAY)
    found = not_after(Snapshot("a1", replace(record, **wrong), (EARLIER,), "etag"), NOW, AT)
    assert found == Snapshot("a1", replace(record, **right), (EARLIER,), "etag")


@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot("a1", None),
        Snapshot("a1", account(at=BARELY), (replace(EARLIER, last_seen=BARELY),)),
        Snapshot("a1", account(at=NOW - DAY), (RESOLVED,)),
    ],
)
def test_what_is_in_order_is_the_same_object(snapshot: Snapshot) -> None:
    assert not_after(snapshot, NOW, AT) is snapshot


@pytest.mark.parametrize(
    ("started", "finished", "then"),
    [
        (NOW - HOUR, NOW, (NOW - HOUR, NOW)),
        (NOW - HOUR, None, (NOW - HOUR, None)),
        (BARELY, BARELY, (BARELY, BARELY)),
        (AHEAD, AHEAD + HOUR, (NOW, NOW)),
        (AHEAD, None, (NOW, None)),
        (NOW - HOUR, AHEAD, (NOW - HOUR, NOW)),
        (AHEAD, NOW - HOUR, (NOW, NOW - HOUR)),
    ],
)
def test_a_run_has_no_times_that_cannot_have_been_yet(
    started: datetime, finished: datetime | None, then: tuple[datetime, datetime | None]
) -> None:
    run = run_not_after(RunRecord("r", RunStatus.COMPLETE, started, finished, trigger="schedule"), NOW)
    assert (run.started, run.finished, run.trigger) == (*then, "schedule")
