"""Who tells: finds what is kept, delivers it, and marks it as told. How the channels do: ``jobs/channel_watch.py``.

The function app speaks for the installation. A terminal beside it delivers what it can, and leaves to the app what depends on
all channels: times for retries, giving up, notices about channels. A terminal without an app does it all.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from alerts.channel import BrokenChannel, Channel
from alerts.compose import late_id
from alerts.deliver import Deliverer, DeliveryResult, Later, LostContent, nothing_later
from alerts.ledger import DeliveryStatus, Kept, Ledger
from alerts.model import Alert, Purpose
from connections.channels import open_channels
from connections.queues import put_later
from connections.storage import TABLES, StorageUnavailable, ensure_tables, tables
from connections.telemetry import sending, telemetry
from findings.model import Change
from findings.runs import RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.alert_content import changes_alert, sight_alert
from jobs.channel_watch import ChannelWatch, channels_to_tell
from jobs.clock import Clock, TrustedClock
from jobs.messages import ALERTS, AlertMessage
from jobs.overlooked import newest_event
from settings import Settings

log = logging.getLogger(__name__)


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
        ahead = await ensure_tables(service, TABLES)
        # A claim, a retry or a signature from the future would keep the others from sending, or be refused.
        trusted = TrustedClock(clock)
        trusted.trust(ahead, "the storage account's")
        app_exists = by_app or await Ledger(service).known_channels() is not None
        async with open_channels(settings) as channels:
            yield Teller(settings, service, channels, by_app=by_app, app_exists=app_exists, clock=trusted)


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
        later = self._queue() if app_exists else nothing_later
        usable = {one.name: one for one in channels if self._decides or not isinstance(one, BrokenChannel)}
        self._deliverer = Deliverer(self.ledger, usable, clock, later=later, decides=self._decides, eager=not by_app)
        self.watch = ChannelWatch(settings, self.ledger, clock, later, self.deliver, self.tenant, by_app, self._decides)
        """How the channels do."""

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
                if self._by_app:  # at a terminal the command says it
                    log.error("%s", lost)
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
            await self.watch.note(kept, result.results)
        return result

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
            to = kept.channels or await channels_to_tell(self._settings, self.ledger)
            return replace(kept, channels=to) if to else None
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
        if not channels:
            return None  # it waits for a channel: told to nobody, it would count as told
        return await self.ledger.keep(await self._compose(own_id, changes), channels, group=alert_id)

    async def _find_news(self, alert_id: str) -> Kept | None:
        """What waits to be told of what can't be seen, kept as an alert."""
        news, channels = await self._sight.news_of(alert_id)
        channels = channels or await channels_to_tell(self._settings, self.ledger)
        if not news or not channels:
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
        """Nothing is left to deliver: exactly what the alert says is told; or, where nobody has it and no channel is left, waits for one."""
        if kept.purpose in (Purpose.SIGHT, Purpose.RECOVERED):
            await self._sight.mark_told(kept.id)
        if self._decides:
            await self.watch.note_given_up(kept, result.results)
        alert = await self.ledger.content(kept) if kept.purpose is Purpose.CHANGES else None
        if alert is not None:
            told = {item.id for item in alert.items}
            version = await self._findings.version_of(kept.group)
            changes = await self._findings.changes_of(kept.group)
            delivered = [change for change in changes if change.id in told]
            if await self._nobody_is_left(result):
                await self._findings.leave_to_nobody(delivered)
                await self.ledger.finish(kept, told=False)
                return
            await self._findings.mark_told(delivered)
            if len(delivered) == len(changes):
                await self._findings.note_told(kept.group, version)
            began = newest_event(delivered)
            telemetry().told(self._since(kept.created), self._since(began) if began else None)
        await self.ledger.finish(kept, told=result.told)

    async def _nobody_is_left(self, result: DeliveryResult) -> bool:
        """Whether every channel was given up, and none is set any more."""
        heard = any(one.status is DeliveryStatus.DELIVERED for one in result.results)
        return not heard and not await channels_to_tell(self._settings, self.ledger)

    def _since(self, time: datetime) -> float:
        """Seconds since then."""
        return (self._clock() - time).total_seconds()

    # The queue

    def _queue(self) -> Later:
        async def put(alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
            # A second more: the queue counts whole seconds, and a message that comes too early goes back.
            wait = when - self._clock()
            delay = wait + timedelta(seconds=1) if wait > timedelta() else timedelta()
            with suppress(*(() if self._by_app else (StorageUnavailable,))):  # a terminal may reach the tables only
                await put_later(self._settings, ALERTS, AlertMessage(alert_id, channel, retry_at).text, delay)

        return put
