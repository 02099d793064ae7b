"""What becomes of a run that can't be done now, or failed for good: the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from findings.errors import ScanAlreadyRunning
from findings.run_record import OVER, RunRecord, RunStatus
from findings.runs import ABANDONED
from jobs.endings import MOST_WAITS, UNSTARTED, ended_for_good, stood_back
from jobs.messages import LOG, ScanMessage

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
ASKED = ScanMessage("run-2", "schedule")
PARTIAL = ScanAlreadyRunning("Another scan is going on.", owner="run-1", whole=False)
WHOLE = ScanAlreadyRunning("Another scan is going on.", owner="run-1", whole=True)
ITSELF = ScanAlreadyRunning("Another scan is going on.", owner="run-2", whole=True)
QUEUED = RunRecord("run-2", RunStatus.QUEUED, NOW - timedelta(hours=1), trigger="request")


def test_a_scan_behind_one_of_some_accounts_waits() -> None:
    run = stood_back(None, ASKED, PARTIAL, NOW)
    assert run == RunRecord("run-2", RunStatus.QUEUED, NOW, trigger="schedule")
    assert stood_back(run, ASKED.later, PARTIAL, NOW) is None


def test_one_that_failed_before_and_is_tried_again_waits_too() -> None:
    failed = replace(QUEUED, status=RunStatus.FAILED, finished=NOW, error="Its process ended.")
    assert stood_back(failed, ASKED, PARTIAL, NOW) == QUEUED


def test_waiting_has_an_end_that_names_who_was_in_the_way() -> None:
    last = replace(ASKED, waits=MOST_WAITS)
    assert stood_back(QUEUED, replace(ASKED, waits=MOST_WAITS - 1), PARTIAL, NOW) is None
    run = stood_back(QUEUED, last, PARTIAL, NOW)
    assert run
    assert (run.status, run.started, run.finished) == (RunStatus.FAILED, QUEUED.started, NOW)
    assert run.error == "Other scans were going on whenever this one was to start, 70 times; the last was run-1."


@pytest.mark.parametrize("waits", [0, 3, MOST_WAITS])
@pytest.mark.parametrize("known", [None, QUEUED], ids=["scheduled", "asked for"])
def test_a_scan_behind_one_of_everything_is_skipped(known: RunRecord | None, waits: int) -> None:
    run = stood_back(known, replace(ASKED, waits=waits), WHOLE, NOW)
    assert run
    assert (run.status, run.finished) == (RunStatus.SKIPPED, NOW)
    assert run.started == (known.started if known else NOW)
    assert run.error == "Another scan of everything was going on: run-1; it does the same work."


BY_LOG = ScanMessage("run-2", LOG, asked=NOW - timedelta(minutes=10))


@pytest.mark.parametrize(
    ("began", "waits"),
    [
        (None, True),
        (NOW - timedelta(minutes=20), True),
        (NOW - timedelta(minutes=9), True),
        (NOW - timedelta(minutes=8), False),
    ],
)
@pytest.mark.parametrize("accounts", [(), ("a",)], ids=["all", "one"])
def test_one_that_the_log_asked_for_waits_for_a_scan_that_may_have_read_too_early(
    began: datetime | None, waits: bool, accounts: tuple[str, ...]
) -> None:
    run = stood_back(None, replace(BY_LOG, accounts=accounts), WHOLE, NOW, began)
    assert run
    assert run.status is (RunStatus.QUEUED if waits else RunStatus.SKIPPED)


def test_one_that_the_log_asked_for_waits_for_one_of_some_accounts_whenever_that_began() -> None:
    run = stood_back(None, BY_LOG, PARTIAL, NOW, NOW)
    assert run
    assert run.status is RunStatus.QUEUED


@pytest.mark.parametrize("waits", [0, MOST_WAITS])
@pytest.mark.parametrize("status", [None, *RunStatus])
def test_a_scan_that_finds_itself_going_on_is_left_alone(status: RunStatus | None, waits: int) -> None:
    known = RunRecord("run-2", status, NOW) if status else None
    assert stood_back(known, replace(ASKED, waits=waits), ITSELF, NOW) is None


@pytest.mark.parametrize("other", [PARTIAL, WHOLE], ids=["some", "everything"])
@pytest.mark.parametrize("status", sorted(OVER))
def test_a_run_that_is_over_is_left_alone(status: RunStatus, other: ScanAlreadyRunning) -> None:
    assert stood_back(RunRecord("run-2", status, NOW), replace(ASKED, waits=MOST_WAITS), other, NOW) is None


@pytest.mark.parametrize(
    ("status", "dead", "error"),
    [
        (None, False, UNSTARTED),
        (RunStatus.QUEUED, False, UNSTARTED),
        (RunStatus.RUNNING, True, ABANDONED),
        (RunStatus.RUNNING, False, None),
        (RunStatus.FAILED, False, None),
        (RunStatus.COMPLETE, False, None),
        (RunStatus.INCOMPLETE, False, None),
        (RunStatus.SKIPPED, False, None),
    ],
)
def test_what_fails_for_good_ends_and_what_has_ended_stays(
    status: RunStatus | None, dead: bool, error: str | None
) -> None:
    known = RunRecord("run-2", status, NOW - timedelta(hours=1)) if status else None
    run = ended_for_good(known, ASKED, NOW, dead=dead)
    if error is None:
        assert run is None
    else:
        assert run
        assert (run.status, run.finished, run.error) == (RunStatus.FAILED, NOW, error)
