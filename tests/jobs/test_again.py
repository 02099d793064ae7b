"""When what a scan couldn't read, because Microsoft Graph failed, is looked at again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from findings.run_record import RunRecord, RunStatus
from jobs.again import AnotherTry

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def run(minutes: float, *, partial: bool = False, run_id: str = "") -> RunRecord:
    at = NOW + timedelta(minutes=minutes)
    return RunRecord(run_id or f"run at {minutes}", RunStatus.RUNNING, at, partial=partial)


@pytest.mark.parametrize(
    ("scans", "due"),
    [
        ("", None),
        ("0 well", None),
        ("0 fails", 30),
        ("0 fails, 30 fails", 30 + 60),
        ("0 fails, 30 fails, 90 fails", 90 + 120),
        ("0 fails, 30 well", None),
        ("0 fails, 30 fails, 90 well, 100 fails", 100 + 30),
        ("0 some fail", 30),
        ("0 some fail, 10 some fail, 20 some fail", 30),  # puts nothing off
        ("0 some fail, 10 some well", 30),  # others of them were read
        ("0 some fail, 30 well", None),
        ("0 some fail, 30 fails", 30 + 30),
        ("0 fails, 10 some fail, 20 some well", 30),
        ("0 fails, 30 fails, 80 some fail", 30 + 60),
    ],
)
def test_it_is_looked_at_again_after_a_wait_that_doubles(scans: str, due: int | None) -> None:
    state = AnotherTry()
    for one in filter(None, scans.split(", ")):
        minutes, *words = one.split()
        state = state.after(run(int(minutes), partial="some" in words), hiccup=words[-1].startswith("fail"))
    assert state.due == (None if due is None else NOW + timedelta(minutes=due))


def test_a_scan_that_the_queue_repeats_counts_once() -> None:
    once = AnotherTry().after(run(0, run_id="run"), hiccup=True)
    assert once.after(run(3, run_id="run"), hiccup=True) == once
    assert once.after(run(3, run_id="run"), hiccup=False) == AnotherTry()


@pytest.mark.parametrize("days", [[1] * 40, [1, 1, 1, 1, 3] * 8, [2] * 20, [7] * 6], ids=str)
def test_what_never_can_be_read_costs_few_scans_whatever_the_schedule(days: list[int]) -> None:
    state, now, between = AnotherTry(), NOW, 0
    for wait in days:
        state = state.after(run((now - NOW) / timedelta(minutes=1)), hiccup=True)
        end = now + wait * DAY
        while state.due and state.due < end:
            now = state.due
            state, between = state.after(run((now - NOW) / timedelta(minutes=1)), hiccup=True), between + 1
        now = end
    assert 5 <= between <= 9


@pytest.mark.parametrize("kept", [{}, {"due": 5}, {"due": "x"}, {"due": None, "failed": "x"}, {"failed": [1]}])
def test_what_cannot_be_read_of_it_is_due_at_the_next_scan_that_meets_it(kept: dict[str, Any]) -> None:
    assert AnotherTry.of(kept) == AnotherTry()
    assert AnotherTry.of(kept).after(run(0), hiccup=True).due == NOW + HOUR / 2


def test_it_is_kept_whole() -> None:
    state = AnotherTry().after(run(0), hiccup=True)
    assert AnotherTry.of(state.kept) == state
