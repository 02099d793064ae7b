"""The job between two scans: look at the audit log, and have those looked at again whom it concerns.

A scan reads the truth, and may do so once a day; the log says minutes after a change that there was one. So nothing is judged here: what
the log shows only starts a scan, of some accounts or of all. What it doesn't show is found by the next scheduled scan; what a scan
couldn't read because Microsoft Graph failed is looked at again before that.

Up to when the log was read, and which events of the time before that are done with, is kept after the scan was asked for: whoever dies
in between has it asked for twice, which does no harm.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import Ledger
from connections.graph import graph_for
from connections.storage import TABLES, ensure_tables, tables
from connections.telemetry import sending, telemetry
from evidence.audit_log import ids_asked_about
from evidence.store import StoredEvidence
from findings.clocks import LONG_AGO, is_ahead
from findings.run_record import DONE, RunRecord, RunStatus
from findings.runs import LOST, RunStore, new_run_id
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.again import another_try
from jobs.channel_watch import channels_to_tell
from jobs.clock import Clock, TrustedClock, now_utc
from jobs.endings import SETTLED
from jobs.errors import sentence
from jobs.log_bookmark import IDLE, LATE, NAME, REACHES, Bookmark
from jobs.look import selection_of
from jobs.messages import AGAIN, LOG, MOST_ACCOUNTS, ScanMessage
from jobs.relevance import NOBODY, Reach, Scope, reach_of
from jobs.remembered import Remembered
from jobs.unseen import note_log
from reports.words import count
from settings import Settings
from tenant.graph import GraphError
from tenant.log_events import LogEvent, TooManyEvents, events_of, read_lately

QUIET = SETTLED
"""For so long nothing more is to happen before a scan starts: who changes one policy often changes a second one."""
MOST_LATE = timedelta(minutes=15)
"""How late an event turns up that isn't looked for among more than one look takes."""
GIVEN_UP = timedelta(hours=1)
"""So long after it failed nobody tries a scan again any more: the queue does so for some minutes."""
_LONGEST = timedelta(hours=2)
"""Nothing that is going on began longer ago: the host ends a scan after an hour."""
BLIND = timedelta(hours=1)
"""From when on it is news that the log can't be read."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the log came to."""

    reach: Reach = NOBODY
    """Whom it concerns."""
    why_everybody: str = ""
    """Why everybody is looked at where it isn't because of an event."""
    scan: ScanMessage | None = None
    """The scan that was asked for."""
    error: str = ""
    """Why the log couldn't be read."""
    alert_ids: tuple[str, ...] = ()
    """The alerts that are to be sent now."""
    requests: int = 0
    """Requests to Microsoft Graph."""

    @property
    def whom(self) -> str:
        """Of whom a scan was asked for."""
        some = self.scan.accounts if self.scan else ()
        return count(len(some), "account", "accounts") if some else "all accounts"


Start = Callable[[ScanMessage, timedelta, Looked], Awaitable[object]]
"""Has a scan done, after some time; the rest says why."""


async def watch_log(settings: Settings, start: Start, *, clock: Clock = now_utc) -> Looked:
    """Look at the log once, and ``start`` the scan that it calls for.

    Raises what storage raises; that the log can't be read is remembered, and told after an hour.
    """
    async with sending():
        with telemetry().span("watch the audit log"):
            async with tables(settings) as service:
                trusted = TrustedClock(clock)
                trusted.trust(await ensure_tables(service, TABLES), "the storage account's")
                return await _Look(settings, service, trusted, start).once()


class _Look:
    """One look."""

    def __init__(self, settings: Settings, service: TableServiceClient, clock: TrustedClock, start: Start) -> None:
        self._settings, self._service, self._clock, self._start = settings, service, clock, start
        self._evidence, self._runs = StoredEvidence(service), RunStore(service)

    async def once(self) -> Looked:
        mark = Bookmark.of(await self._evidence.recall(NAME))
        if mark.until is not None:
            telemetry().looked((self._clock() - mark.until).total_seconds())
        since = await self._since(mark)
        many: TooManyEvents | None = None
        try:
            async with graph_for(self._settings) as graph:
                try:
                    rows = (await read_lately(graph, since)).rows
                except TooManyEvents as more:
                    many, rows = more, more.rows
                finally:
                    telemetry().asked(graph.requests, graph.throttled, graph.resource_units)
                events = events_of(rows, self._clock())
                self._clock.trust_more(graph.clock_ahead, "Microsoft Graph's")
        except GraphError as error:
            return await self._failed(mark, error)
        now = self._clock()
        asked, failed = await self._asked(mark, now)
        why = mark.lost(now) or ("a scan that the audit log called for failed" if failed else "")
        if many and not why and not await self._is_known_before(many.since, mark, now):
            why = "the audit log has more events than one look takes"
        looked, open = await self._answered(events, mark, why, now)
        if not (looked.scan or asked) and await self._is_worth_another_try(now):
            looked = await self._try_again(looked, now)
        alert_ids = await self._can_see_again(mark, now)
        asked |= {looked.scan.run_id: now} if looked.scan else failed
        after = replace(mark.after((event for event in events if event.id not in open), now), asked=asked)
        unchanged = (after.done, asked) == (mark.done, mark.asked)
        if looked.scan or mark.failing or not unchanged or not mark.until or now - mark.until >= IDLE:
            await self._evidence.remember(NAME, after.kept)
        return replace(looked, alert_ids=alert_ids, requests=graph.requests)

    async def _since(self, mark: Bookmark) -> datetime:
        """From when on the log is read: an hour twice, for what turned up late; the first time from what the last scan saw."""
        now = self._clock()
        if mark.until is None:
            last = await self._last(now)
            return min(now, last.started - SETTLED if last else now) - LATE
        if is_ahead(mark.until, now):
            return now - LATE
        return max(mark.until - LATE, now - REACHES)

    async def _last(self, now: datetime) -> RunRecord | None:
        """The scan of everything that was done last."""
        return await self._runs.last_whole(now - REACHES)

    async def _asked(self, mark: Bookmark, now: datetime) -> tuple[dict[str, datetime], dict[str, datetime]]:
        """Which scans that were asked for aren't done yet, and which never will be, although nothing else did their work."""
        waiting: dict[str, datetime] = {}
        failed: dict[str, datetime] = {}
        last = await self._last(now) if mark.asked else None
        for run_id, at in mark.asked.items():
            run = await self._runs.load(run_id)
            at = now if is_ahead(at, now) else at
            if (run and run.status in DONE) or (last and last.started - SETTLED >= at) or now - at > LOST:
                continue
            over = run is not None and run.status in (RunStatus.FAILED, RunStatus.SKIPPED)
            if not (run and over and now - (run.finished or run.started) >= GIVEN_UP):
                waiting[run_id] = at
            elif run.trigger != AGAIN:  # when that is due once more is remembered elsewhere
                failed[run_id] = at
        return waiting, failed

    async def _is_known_before(self, time: datetime | None, mark: Bookmark, now: datetime) -> bool:
        """Whether what happened before that time, and wasn't read now, was read before, or seen by a scan."""
        if time is None:
            return False
        last = await self._last(now)
        return (mark.until is not None and mark.until - MOST_LATE >= time) or (
            last is not None and _seen_until(last, now) >= time
        )

    async def _answered(
        self, events: list[LogEvent], mark: Bookmark, why: str, now: datetime
    ) -> tuple[Looked, frozenset[str]]:
        """Ask for the scan that new events call for. Returns also the ids of those events that are to be judged once more."""
        new = [event for event in events if event.id not in mark.done]
        if not new and not why:
            return Looked(), frozenset()
        last = await self._last(now)
        if last is None:
            # Nothing is known that could have changed; but the first scan may be going on, and have read too early.
            return Looked(), frozenset(event.id for event in new)
        unseen = [event for event in new if event.time > _seen_until(last, now)]
        reach = reach_of(unseen, await self._scope(last)) if unseen else NOBODY
        everybody = bool(why) or reach.everybody or len(reach.accounts) > MOST_ACCOUNTS
        idle = frozenset(event.id for event in unseen) - {event.id for event in reach.events}
        open = idle if idle and not everybody and await self._going_on(now) else frozenset()
        if not (everybody or reach.accounts):
            return Looked(reach), open
        scan = ScanMessage(new_run_id(now), LOG, accounts=() if everybody else tuple(sorted(reach.accounts)), asked=now)
        newest = max((event.time for event in reach.events), default=now - QUIET)
        looked = Looked(reach, why, scan)
        await self._start(scan, min(max(newest + QUIET - now, timedelta()), QUIET), looked)
        return looked, open

    async def _is_worth_another_try(self, now: datetime) -> bool:
        """Whether it is time to look again at what a scan couldn't read."""
        due = (await another_try(self._evidence)).due
        return due is not None and due <= now and not await self._going_on(now)

    async def _try_again(self, looked: Looked, now: datetime) -> Looked:
        why = "Microsoft Graph failed while an earlier scan read, and may answer now"
        scan = ScanMessage(new_run_id(now), AGAIN, asked=now)
        looked = replace(looked, why_everybody=why, scan=scan)
        await self._start(scan, timedelta(), looked)
        return looked

    async def _going_on(self, now: datetime) -> bool:
        """Whether a scan of everything is going on: only when it is over is it known whom an event concerns that it didn't see."""
        lately = await self._runs.newest(since=now - _LONGEST, whole=True)
        return any(run.status is RunStatus.RUNNING for run in lately)

    async def _scope(self, last: RunRecord) -> Scope:
        accounts, remembered = FindingStore(self._service).load_accounts(), Remembered.of(last.remembered)
        return Scope(
            frozenset([one.account_id.lower() async for one in accounts]),
            # Those that earlier scans asked about count as well: what is deleted comes back with its members.
            remembered.groups | await ids_asked_about(self._evidence),
            selection_of(self._settings),
            remembered.selecting,
        )

    async def _failed(self, mark: Bookmark, error: GraphError) -> Looked:
        """Remember that the log can't be read, and after an hour tell it; where the scan can't either, it tells the same."""
        now = self._clock()
        since = now if mark.failing is None or is_ahead(mark.failing, now) else mark.failing
        tell = now - since >= BLIND and not mark.told
        alert_ids = await self._note(error, since, now) if tell else ()
        if mark.failing != since or tell:
            await self._evidence.remember(NAME, replace(mark, failing=since, told=mark.told or tell).kept)
        return Looked(error=sentence(error), alert_ids=alert_ids)

    async def _can_see_again(self, mark: Bookmark, now: datetime) -> tuple[str, ...]:
        return await self._note(None, now, now) if mark.told else ()

    async def _note(self, error: GraphError | None, since: datetime, now: datetime) -> tuple[str, ...]:
        sight, channels = SightStore(self._service), await channels_to_tell(self._settings, Ledger(self._service))
        await note_log(sight, error, since, channels, now)
        return tuple(await sight.untold_alert_ids())


def _seen_until(last: RunRecord, now: datetime) -> datetime:
    """The time before which a scan saw everything, whatever the log showed of it by then: what it carried over may lack it.

    Long ago where a clock that was ahead says that it is yet to come.
    """
    time = Remembered.of(last.remembered).carried_since or last.started
    return LONG_AGO if is_ahead(time, now) else time - SETTLED
