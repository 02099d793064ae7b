"""Times that can't be true, because the clock of an earlier scan was ahead: pure.

Machines differ by seconds; what is further in the future than ``TOLERANCE`` was written by a wrong clock. It is taken for
having happened just now: when it really happened nobody knows, and left as it is it would keep everything later from being kept.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from findings.model import FindingState, Snapshot
from findings.run_record import RunRecord

TOLERANCE = timedelta(minutes=5)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""In place of a time that can't be read."""


def is_ahead(time: datetime | None, now: datetime) -> bool:
    """Whether a time can't have been yet."""
    return time is not None and time - now > TOLERANCE


def not_after(snapshot: Snapshot, now: datetime, at: datetime) -> Snapshot:
    """What is known of an account, with ``at`` for times that are ahead of ``now``, and for those of its findings that nobody knows.

    The same object where there are none.
    """
    record = snapshot.record
    if record is not None and is_ahead(record.judged_at, now):
        record = replace(record, judged_at=at)
    if record is not None and is_ahead(record.lost_since, now):
        record = replace(record, lost_since=at)
    findings = tuple(_finding(state, now, at) for state in snapshot.findings)
    if record is snapshot.record and findings == snapshot.findings:
        return snapshot
    return replace(snapshot, record=record, findings=findings)


def run_not_after(run: RunRecord, now: datetime) -> RunRecord:
    """A run without times that can't have been yet."""
    if not is_ahead(run.started, now) and not is_ahead(run.finished, now):
        return run
    return replace(run, started=min(run.started, now), finished=min(run.finished, now) if run.finished else None)


def _finding(state: FindingState, now: datetime, at: datetime) -> FindingState:
    times = (state.first_ever, state.first_seen, state.last_seen, state.changed_at, state.resolved_at)

    def wrong(time: datetime | None) -> bool:
        return is_ahead(time, now) or time == LONG_AGO

    if not any(wrong(time) for time in (*times, state.flapping_since, *state.transitions)):
        return state

    def true(time: datetime) -> datetime:
        return at if wrong(time) else time

    return replace(
        state,
        first_ever=true(state.first_ever),
        first_seen=true(state.first_seen),
        last_seen=true(state.last_seen),
        changed_at=true(state.changed_at),
        resolved_at=true(state.resolved_at) if state.resolved_at else None,
        flapping_since=true(state.flapping_since) if state.flapping_since else None,
        transitions=tuple(time for time in state.transitions if not is_ahead(time, now)),
    )
