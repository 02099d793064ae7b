"""Who tells: delivers what is kept, and says through the other channels when one doesn't work.

The function app speaks for the installation. A terminal beside it delivers what it can, and leaves to the app what depends on
all channels: times for retries, giving up, notices about channels. A terminal without an app does it all.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from alerts.channel import BrokenChannel, Channel
from alerts.compose import late_id
from alerts.deliver import ChannelResult, Deliverer, DeliveryResult, Later, LostContent, nothing_later
from alerts.episodes import Cause, ChannelRecord, Word, due, failed, gave_up, notice_id, noticed, worked
from alerts.ledger import ChannelState, DeliveryStatus, Kept, Ledger
from alerts.model import Alert, Purpose
from alerts.notices import compose_channel_notice
from alerts.retries import LONGEST
from connections.channels import configured, open_channels
from connections.queues import put_later
from connections.storage import TABLES, StorageUnavailable, clock_ahead, ensure_tables, tables
from connections.telemetry import sending, telemetry
from findings.model import Change, iso
from findings.runs import RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.alert_content import changes_alert, sight_alert
from jobs.clock import Clock, TrustedClock
from settings import Settings

log = logging.getLogger(__name__)

QUEUE = "alerts"
NEWS = frozenset({Purpose.CHANGES, Purpose.DIGEST, Purpose.SIGHT})
"""Alerts about the tenant, which people wait for; the others are about the app itself."""


@asynccontextmanager
async def telling(settings: Settings, *, by_app: bool, clock: Clock) -> AsyncIterator["Teller"]:
    """Somebody who tells, with the channels ready to send.

    Args:
        settings: Where storage is, and the channels.
        by_app: Whether this is the function app.
        clock: The time.

    Raises:
        StorageUnavailable: Nothing can be told without storage.
    """
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        # A claim, a retry or a signature from the future would keep the others from sending, or be refused.
        trusted = TrustedClock(clock)
        trusted.trust(await clock_ahead(service) or timedelta(), "the storage account's")
        app_exists = by_app or await Ledger(service).known_channels() is not None
        async with open_channels(settings) as channels:
            yield Teller(settings, service, channels, by_app=by_app, app_exists=app_exists, clock=trusted)


async def channels_to_tell(settings: Settings, ledger: Ledger) -> tuple[str, ...]:
    """What a new alert is for: the channels that are set here, and those that the function app has."""
    return tuple(dict.fromkeys((*configured(settings), *(await ledger.known_channels() or ()))))


def retry_message(alert_id: str, channel: str, retry_at: datetime | None) -> str:
    """A message for the queue ``alerts``: one channel of an alert is to be tried (again)."""
    stamp = {"retry_at": retry_at.isoformat()} if retry_at else {}
    return json.dumps({"alert_id": alert_id, "channel": channel, **stamp})


class Teller:
    """Tells what is kept."""

    def __init__(
        self,
        settings: Settings,
        service: TableServiceClient,
        channels: Sequence[Channel],
        *,
        by_app: bool,
        app_exists: bool,
        clock: Clock,
    ) -> None:
        self.ledger = Ledger(service)
        self._settings, self._clock, self._by_app = settings, clock, by_app
        self._findings, self._runs, self._sight = FindingStore(service), RunStore(service), SightStore(service)
        self._decides = by_app or not app_exists
        self._later = self._queue() if app_exists else nothing_later
        usable = {one.name: one for one in channels if self._decides or not isinstance(one, BrokenChannel)}
        self._deliverer = Deliverer(
            self.ledger, usable, clock, later=self._later, decides=self._decides, eager=not by_app
        )

    async def tell(
        self, alert_id: str, *, only: str | None = None, retry_at: datetime | None = None
    ) -> DeliveryResult | None:
        """Deliver an alert; see ``Deliverer.deliver``. None where there is nothing (any more) to tell."""
        kept = await self._find(alert_id, whole=only is None)
        if kept is None:
            return None
        try:
            return await self.deliver(kept, only=only, retry_at=retry_at)
        except LostContent as lost:
            changes = await self._findings.changes_of(kept.group)
            if not changes:
                self._log(logging.ERROR, str(lost))
                return None
            renewed = await self.ledger.replace_content(kept, await self._compose(kept.id, changes))
            return await self.deliver(renewed, only=only, retry_at=retry_at)

    async def deliver(self, kept: Kept, *, only: str | None = None, retry_at: datetime | None = None) -> DeliveryResult:
        """Deliver what is kept, note how the channels did, and say so where others have to know."""
        async with sending():
            with telemetry().span("tell", run_id=kept.run_id, changes=kept.items) as span:
                result = await self._deliverer.deliver(kept, only=only, retry_at=retry_at)
                span.set_attribute("done", result.done)
            if result.done:
                await self._finish(kept, result)
        if self._decides:
            await self._note(kept, result.results)
        return result

    async def review(self) -> None:
        """Note which channels the function app has, and say through the others which is gone, or can't be used."""
        names, broken, now = configured(self._settings), self._settings.broken_channels, self._clock()
        records = await self.ledger.book.note(names, now)
        for name, why in broken.items():
            records[name] = await self.ledger.book.change(name, _failing(Cause.MISSET, why, now))
        for name, record in list(records.items()):
            if record.cause not in (Cause.MISSET, Cause.UNSET):
                continue
            if name in names and name not in broken:
                await self._works(records.pop(name))
            else:
                self._log(logging.ERROR, f"Alerts don't get through to {name}: {record.error}")
        await self._announce(records.values())

    async def mended(self, names: Iterable[str]) -> None:
        """A test got through to these channels: what waits for them needn't wait any longer."""
        records = await self.ledger.book.records()
        for name in names:
            if name in records and records[name].since:
                await self._try_now(name)

    async def tenant(self) -> tuple[str, str]:
        """Id and name of the tenant as a scan last read them; empty where none did lately."""
        runs = await self._runs.newest(limit=20, since=self._clock() - timedelta(days=30))
        run = next((run for run in runs if run.tenant_id), None)
        return (run.tenant_id, run.tenant_name) if run else ("", "")

    # What is to be told

    async def _find(self, alert_id: str, *, whole: bool) -> Kept | None:
        """The alert as it is kept; put together and kept now where it wasn't, unless only one channel is asked for."""
        kept = await self.ledger.find(alert_id)
        if kept is not None and not kept.done:
            to = kept.channels if kept.channels is not None else await channels_to_tell(self._settings, self.ledger)
            return replace(kept, channels=to)
        changes = await self._findings.changes_of(alert_id) if whole else ()
        if not changes:
            return await self._find_news(alert_id) if whole and kept is None else None
        own_id = alert_id
        if kept is not None:  # told, and these were found when it had been: by a scan that was frozen and went on
            own_id = late_id(alert_id, (change.id for change in changes))
            late = await self.ledger.find(own_id)
            if late is not None:
                return None if late.done else late
        channels = await self._channels_of(changes)
        if not channels and not self._by_app:
            return None  # the function app may have some
        return await self.ledger.keep(await self._compose(own_id, changes), channels, group=alert_id)

    async def _find_news(self, alert_id: str) -> Kept | None:
        """What waits to be told of what can't be seen, kept as an alert."""
        news, channels = await self._sight.news_of(alert_id)
        channels = channels or await channels_to_tell(self._settings, self.ledger)
        if not news or not (channels or self._by_app):
            return None
        return await self.ledger.keep(sight_alert(self._settings, alert_id, news, *await self.tenant()), channels)

    async def _channels_of(self, changes: Iterable[Change]) -> tuple[str, ...]:
        """The channels that changes are for, fixed when they were found."""
        fixed: list[tuple[str, ...]] = [change.channels for change in changes]
        unknown = () if all(fixed) else await channels_to_tell(self._settings, self.ledger)
        return tuple(dict.fromkeys((*(name for names in fixed for name in names), *unknown)))

    async def _compose(self, alert_id: str, changes: Sequence[Change]) -> Alert:
        run = await self._runs.load(changes[0].run_id)
        first = run is not None and await self._runs.is_first(run)
        return changes_alert(self._settings, alert_id, changes, run, first=first)

    async def _finish(self, kept: Kept, result: DeliveryResult) -> None:
        """Nothing is left to deliver: exactly what the alert says is told."""
        if kept.purpose in (Purpose.SIGHT, Purpose.RECOVERED):
            await self._sight.mark_told(kept.id)
        if self._decides:
            await self._note_given_up(kept, result.results)
        alert = await self.ledger.content(kept) if kept.purpose is Purpose.CHANGES else None
        if alert is not None:
            told = {item.id for item in alert.items}
            changes = await self._findings.changes_of(kept.group)
            await self._findings.mark_told([change for change in changes if change.id in told])
            telemetry().told((self._clock() - kept.created).total_seconds())
        await self.ledger.finish(kept, told=result.told)

    # How the channels do

    async def _note(self, kept: Kept, results: Sequence[ChannelResult]) -> None:
        """Note how the channels did; also what a process before this one found out and then didn't live to note."""
        records, now = await self.ledger.book.records(), self._clock()
        for one in results:
            name = one.channel
            record = records.get(name, ChannelRecord(name))
            if record.since and one.delivered_at and one.delivered_at >= record.since:
                await self._works(record)
                records.pop(name)
            elif one.status is DeliveryStatus.FAILED and (one.tried or (one.retry_at and not record.since)):
                self._log(logging.WARNING, f"Alert {kept.id}: {name}: {one.sentence}{_when(one.retry_at)}")
                change = _failing(self._cause(one), one.sentence, now, one.asked)
                records[name] = await self.ledger.book.change(name, change)
        await self._announce(records.values())

    async def _note_given_up(self, kept: Kept, results: Sequence[ChannelResult]) -> None:
        for one in results:
            if one.status is DeliveryStatus.GIVEN_UP:
                self._log(logging.ERROR, f"Alert {kept.id}: {one.channel}: {one.sentence}")
                change = _giving_up(self._cause(one), one.sentence, self._clock())
                await self.ledger.book.change(one.channel, change)

    def _cause(self, result: ChannelResult) -> Cause:
        if result.channel not in configured(self._settings):
            return Cause.UNSET
        if result.channel in self._settings.broken_channels:
            return Cause.MISSET
        return Cause.REFUSING if result.permanent else Cause.FAILING

    async def _works(self, record: ChannelRecord) -> None:
        """A channel works again: what waits for it is tried now, and when nothing is left, those who heard of it are told."""
        waiting = await self._try_now(record.name)
        if any(state.status is DeliveryStatus.FAILED and kept.purpose in NEWS for kept, state in waiting):
            return
        notice = await self._keep_notice(record, Word.WORKS, await self._who_heard_of(record))
        await self.ledger.book.change(record.name, worked)
        await self._deliver_here(notice)

    async def _try_now(self, name: str) -> list[tuple[Kept, ChannelState]]:
        """Have everything tried at once that waits for a channel. Returns it, as it stood."""
        waiting = await self.ledger.waiting(name)
        for kept, state in waiting:
            if state.status is DeliveryStatus.PENDING or (state.retry_at and await self.ledger.free(state)):
                await self._later(kept.id, name, self._clock(), None)
        return waiting

    async def _who_heard_of(self, record: ChannelRecord) -> list[str]:
        """The channels that have a notice about the time that is over."""
        heard: dict[str, None] = {}
        for number in range(1, record.notices + 1):
            states = await self.ledger.states(notice_id(record.about(number)))
            heard |= {name: None for name, state in states.items() if state.status is DeliveryStatus.DELIVERED}
        return list(heard)

    async def _announce(self, records: Iterable[ChannelRecord]) -> None:
        """Say through the other channels what is to be said about one."""
        for record in records:
            word = due(record, self._clock())
            if word is None:
                continue
            others = [name for name in await channels_to_tell(self._settings, self.ledger) if name != record.name]
            notice = await self._keep_notice(record, word, others)
            # After it is kept: dying in between leaves a notice that is sent, and made again to no effect.
            await self.ledger.book.change(record.name, _noticed(record, word, self._clock()))
            self._log(logging.ERROR, f"Alerts haven't got through to {record.name} since {iso(record.since)}.")
            await self._deliver_here(notice)

    async def _keep_notice(self, record: ChannelRecord, word: Word, channels: Sequence[str]) -> Kept | None:
        """Keep a notice for these channels, and have the queue deliver it."""
        if not channels:
            return None
        tenant_id, tenant_name = await self.tenant()
        waiting = [kept for kept, _ in await self.ledger.waiting(record.name) if kept.purpose in NEWS]
        notice = compose_channel_notice(
            word,
            record,
            record.about(record.notices + 1),
            waiting=len(waiting),
            now=self._clock(),
            tenant_id=tenant_id,
            tenant_name=tenant_name,
            report_url=self._settings.report_url,
        )
        kept = await self.ledger.keep(notice, channels)
        for name in channels if self._by_app else ():
            await self._later(kept.id, name, self._clock(), None)
        return kept

    async def _deliver_here(self, notice: Kept | None) -> None:
        """Deliver a notice where no queue does it."""
        if notice and not self._by_app:
            await self.deliver(notice)

    # The queue

    def _queue(self) -> Later:
        async def put(alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
            # A second more: the queue counts whole seconds, and a message that comes too early goes back.
            wait = when - self._clock()
            delay = wait + timedelta(seconds=1) if wait > timedelta() else timedelta()
            with suppress(*(() if self._by_app else (StorageUnavailable,))):  # a terminal may reach the tables only
                await put_later(self._settings, QUEUE, retry_message(alert_id, channel, retry_at), delay)

        return put

    def _log(self, level: int, text: str) -> None:
        """For the app's log; at a terminal the command says it."""
        if self._by_app:
            log.log(level, "%s", text)


def _failing(
    cause: Cause, error: str, now: datetime, asked: timedelta | None = None
) -> Callable[[ChannelRecord], ChannelRecord]:
    def change(record: ChannelRecord) -> ChannelRecord:
        until = now + min(asked, LONGEST) if asked else record.quiet_until
        return replace(failed(record, cause, error, now), quiet_until=until)

    return change


def _giving_up(cause: Cause, error: str, now: datetime) -> Callable[[ChannelRecord], ChannelRecord]:
    return lambda record: gave_up(record, cause, error, now)


def _noticed(known: ChannelRecord, word: Word, now: datetime) -> Callable[[ChannelRecord], ChannelRecord]:
    return lambda record: noticed(record, known.about(known.notices + 1), word, now)


def _when(retry_at: datetime | None) -> str:
    return f" Next attempt: {iso(retry_at)}." if retry_at else ""
