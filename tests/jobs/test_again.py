"""When what a scan couldn't read, because Microsoft Graph failed, is looked at again."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from findings.run_record import RunRecord, RunStatus
from jobs.again import next_try
from jobs.remembered import Remembered

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def run(hours_ago: float, *, hiccup: bool, partial: bool = False) -> RunRecord:
    status = RunStatus.INCOMPLETE if hiccup else RunStatus.COMPLETE
    kept = Remembered(hiccup=hiccup).kept
    return RunRecord(f"{hours_ago}", status, NOW - hours_ago * HOUR, partial=partial, remembered=kept)


WELL, FAILED = False, True


@pytest.mark.parametrize(
    ("runs", "due"),
    [
        pytest.param([], None, id="no scan"),
        pytest.param([run(1, hiccup=WELL)], None, id="all was read"),
        pytest.param([run(1, hiccup=WELL), run(2, hiccup=FAILED)], None, id="read since"),
        pytest.param([run(1, hiccup=FAILED)], -0.5, id="half an hour after the first"),
        pytest.param([run(1, hiccup=FAILED), run(2, hiccup=FAILED)], 0, id="an hour after the second"),
        pytest.param([run(1, hiccup=FAILED), run(2, hiccup=FAILED), run(3, hiccup=FAILED)], 1, id="then two hours"),
        pytest.param([run(1, hiccup=FAILED), run(2, hiccup=WELL), run(3, hiccup=FAILED)], -0.5, id="from the start"),
        pytest.param([run(1, hiccup=FAILED, partial=True), run(2, hiccup=WELL)], -0.5, id="of some accounts"),
        pytest.param([run(1, hiccup=WELL, partial=True), run(2, hiccup=FAILED)], -1.5, id="others were read since"),
        pytest.param(
            [run(1, hiccup=FAILED, partial=True), run(2, hiccup=FAILED), run(3, hiccup=WELL)], -0.5, id="both kinds"
        ),
    ],
)
async def test_it_is_looked_at_again_after_a_wait_that_doubles(runs: Sequence[RunRecord], due: float | None) -> None:
    assert await next_try(each(runs)) == (None if due is None else NOW + due * HOUR)


async def test_what_never_can_be_read_costs_few_scans() -> None:
    """Daily scans, and those between them: after two days only the daily ones are left."""
    done: list[RunRecord] = []
    between: list[int] = []
    for minutes in range(0, 9 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minutes)
        recent = [one for one in done if now - one.started <= timedelta(days=7)]
        due = await next_try(each(recent))
        if minutes % (24 * 60) == 0 or (due and due <= now):
            between += [] if minutes % (24 * 60) == 0 else [minutes // (24 * 60)]
            done.insert(0, RunRecord(f"{minutes}", RunStatus.INCOMPLETE, now, remembered={"hiccup": True}))
    assert between == [0] * 5


async def each(runs: Sequence[RunRecord]) -> AsyncIterator[RunRecord]:
    for one in runs:
        yield one
