"""What becomes of a scan that can't be done now, and of one that failed for good: every run comes to an end, and a true one."""

from dataclasses import replace
from datetime import datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import Ledger
from findings.errors import ScanAlreadyRunning
from findings.lease import LeaseTimes, scan_lease
from findings.run_record import OVER, RunRecord, RunStatus
from findings.runs import ABANDONED, RunStore
from findings.sight_store import SightStore
from jobs.channel_watch import channels_to_tell
from jobs.messages import LOG, ScanMessage
from jobs.unseen import note_failure
from jobs.views import opened
from settings import Settings

MOST_WAITS = 70
"""How often a scan waits for others: with the minute on the queue and the time before the lease, some two hours."""
SETTLED = timedelta(minutes=2)
"""How long before a scan a change must have been for the scan to have seen it: directories copy it from place to place."""
UNSTARTED = "It never started."


async def stand_back(
    settings: Settings, asked: ScanMessage, other: ScanAlreadyRunning, now: datetime
) -> RunRecord | None:
    """Record what becomes of a scan that found another one going on: see :func:`stood_back`. Returns its run.

    Raises what storage raises.
    """
    async with opened(settings) as service:
        runs = RunStore(service)
        going_on = await runs.load(other.owner)
        began = going_on.started if going_on else None
        return await runs.change(asked.run_id, lambda known: stood_back(known, asked, other, now, began))


async def is_needless(settings: Settings, asked: ScanMessage, now: datetime) -> bool:
    """Whether a scan of everything that was done since does the work of this one, which the audit log asked for: then its run is
    recorded as skipped. Raises what storage raises.
    """
    if asked.asked is None:
        return False
    async with opened(settings) as service:
        runs = RunStore(service)
        last = await runs.last_whole(asked.asked)
        if last is None or not _is_late_enough(last.started, asked):
            return False
        why = f"A scan of everything began since it was asked for: {last.id}; it did the same work."
        run = await runs.change(asked.run_id, lambda known: _skipped(known, asked, why, now))
        return run is not None and run.status is RunStatus.SKIPPED


def _skipped(known: RunRecord | None, asked: ScanMessage, why: str, now: datetime) -> RunRecord | None:
    run = known or _queued(asked, now)
    if run.status in OVER or run.status is RunStatus.RUNNING:
        return None
    return replace(run, status=RunStatus.SKIPPED, finished=now, error=why)


def _is_late_enough(began: datetime | None, asked: ScanMessage) -> bool:
    """Whether a scan that began then has seen what the audit log asked for another one for."""
    return began is not None and asked.asked is not None and began - asked.asked >= SETTLED


def stood_back(
    known: RunRecord | None,
    asked: ScanMessage,
    other: ScanAlreadyRunning,
    now: datetime,
    began: datetime | None = None,
) -> RunRecord | None:
    """The run of a scan that found another one going on, or None where it stays as it is.

    Behind a scan of everything it is skipped, behind one of some accounts it waits, and in the end fails. One that the audit log
    asked for waits behind any that began before, or hardly later: the other may have read what has changed before it did.
    ``began``: when the other one did, where that is known.
    """
    if other.owner == asked.run_id or (known is not None and known.status in OVER):
        return None  # its message came twice: the other one is the run itself, or it is over
    run = known or _queued(asked, now)
    if other.whole and (asked.trigger != LOG or _is_late_enough(began, asked)):
        why = f"Another scan of everything was going on: {other.owner}; it does the same work."
        return replace(run, status=RunStatus.SKIPPED, finished=now, error=why)
    if asked.waits >= MOST_WAITS:
        why = (
            f"Other scans were going on whenever this one was to start, {MOST_WAITS} times; the last was {other.owner}."
        )
        return replace(run, status=RunStatus.FAILED, finished=now, error=why)
    waiting = replace(run, status=RunStatus.QUEUED, finished=None, error=None)
    return waiting if waiting != known else None


def _queued(asked: ScanMessage, now: datetime) -> RunRecord:
    return RunRecord(asked.run_id, RunStatus.QUEUED, now, trigger=asked.trigger, partial=bool(asked.accounts))


async def tell_failure(settings: Settings, run_id: str, why: str, now: datetime, *, certain: bool = True) -> None:
    """Remember that a scan of everything failed for good, so that it is told; if that isn't ``certain``, when the next one
    fails as well. Raises what storage raises.
    """
    async with opened(settings) as service:
        channels = await channels_to_tell(settings, Ledger(service))
        await note_failure(SightStore(service), run_id, why, channels, now, certain=certain)


async def end_for_good(
    settings: Settings, asked: ScanMessage, now: datetime, poll: float = LeaseTimes().poll
) -> RunRecord:
    """End the run of a scan that nobody tries again, unless it is over, has failed, or is going on. Returns it as it is then.

    Raises what storage raises.
    """
    async with opened(settings) as service:
        runs = RunStore(service)
        known = await runs.load(asked.run_id)
        running = known is not None and known.status is RunStatus.RUNNING
        dead = running and not await _going_on(service, asked.run_id, poll)
        ended = await runs.change(asked.run_id, lambda known: ended_for_good(known, asked, now, dead=dead))
        if ended is None:
            raise AssertionError("a run that didn't exist was made")
        return ended


def ended_for_good(known: RunRecord | None, asked: ScanMessage, now: datetime, *, dead: bool) -> RunRecord | None:
    """The run as failed, or None where it stays as it is. ``dead``: nobody does it, although it says that it is running."""
    run = known or _queued(asked, now)
    if run.status is RunStatus.QUEUED:
        return replace(run, status=RunStatus.FAILED, finished=now, error=UNSTARTED)
    if run.status is RunStatus.RUNNING and dead:
        return replace(run, status=RunStatus.FAILED, finished=now, error=ABANDONED)
    return None


async def _going_on(service: TableServiceClient, run_id: str, poll: float) -> bool:
    """Whether a process does this run: then it holds the lease and is seen to renew it."""
    try:
        async with scan_lease(service, f"the end of {run_id}", times=LeaseTimes(wait=0, poll=poll)):
            return False
    except ScanAlreadyRunning as other:
        return other.owner == run_id
