"""Watches the channels: notes how each does, and says through the others when one doesn't work, and when it works again.

What is said, and when, follows from each channel's record (``alerts/episodes.py``).
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.deliver import ChannelResult, Later
from alerts.episodes import (
    Cause,
    ChannelRecord,
    Word,
    due,
    failed,
    gave_up,
    is_broken,
    is_lost,
    notice_id,
    noticed,
    worked,
)
from alerts.ledger import ChannelState, DeliveryStatus, Kept, Ledger
from alerts.model import Purpose
from alerts.notices import compose_channel_notice
from alerts.retries import LONGEST
from connections.channels import configured
from findings.model import iso
from jobs.clock import Clock
from settings import Settings

log = logging.getLogger(__name__)

NEWS = frozenset({Purpose.CHANGES, Purpose.DIGEST, Purpose.SIGHT, Purpose.PREDICTION})
"""Alerts about the tenant, which people wait for; the others are about the app itself."""


async def channels_to_tell(settings: Settings, ledger: Ledger) -> tuple[str, ...]:
    """What a new alert is for: the channels that are set here, and those that the function app has."""
    return tuple(dict.fromkeys((*configured(settings), *(await ledger.known_channels() or ()))))


@dataclass(frozen=True, slots=True)
class ChannelWatch:
    """Watches the channels of an installation."""

    settings: Settings
    ledger: Ledger
    clock: Clock
    later: Later
    deliver: Callable[[Kept], Awaitable[object]]
    """Delivers a notice where no queue does it."""
    tenant: Callable[[], Awaitable[tuple[str, str]]]
    """Id and name of the tenant."""
    by_app: bool
    """Whether this is the function app."""
    decides: bool
    """Whether this process speaks for the installation."""

    async def review(self, *, by_scan: bool = False) -> None:
        """Note which channels the function app has, and say through the others which is gone, or can't be used.

        ``by_scan``: the log says of each channel that doesn't work that it doesn't, which an alert rule watches for
        (infra/modules/alerts.bicep): where it is the only one, nobody hears of it otherwise.
        """
        names, broken, now = configured(self.settings), self.settings.broken_channels, self.clock()
        records = await self.ledger.book.note(names, now)
        for name, why in broken.items():
            records[name] = await self.ledger.book.change(name, _failing(Cause.MISSET, why, now))
        for name, record in list(records.items()):
            if record.cause in (Cause.MISSET, Cause.UNSET) and name in names and name not in broken:
                await self._works(records.pop(name))
            elif by_scan and (is_broken(record, now) if name in names else is_lost(record, names, now)):
                self._log(logging.ERROR, f"Alerts don't get through to {name}: {record.error}")
        await self._announce(records.values(), logged=by_scan)

    async def mended(self, names: Iterable[str]) -> None:
        """A test got through to these channels: they work again, and what waits for them needn't wait any longer.

        At a terminal beside the app they may have other settings than the app: there the app finds out by trying.
        """
        records = await self.ledger.book.records()
        for record in (records[name] for name in names if name in records):
            if record.since and self.decides:
                await self._works(record)
            elif record.since:
                await self._try_now(record.name)

    async def note(self, kept: Kept, results: Sequence[ChannelResult]) -> None:
        """Note how the channels did; also what a process before this one found out and then didn't live to note."""
        records, now = await self.ledger.book.records(), self.clock()
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

    async def note_given_up(self, kept: Kept, results: Sequence[ChannelResult]) -> None:
        """Note for which channels an alert was given up."""
        for one in results:
            if one.status is DeliveryStatus.GIVEN_UP:
                self._log(logging.ERROR, f"Alert {kept.id}: {one.channel}: {one.sentence}")
                change = _giving_up(self._cause(one), one.sentence, self.clock())
                await self.ledger.book.change(one.channel, change)

    def _cause(self, result: ChannelResult) -> Cause:
        if result.channel not in configured(self.settings):
            return Cause.UNSET
        if result.channel in self.settings.broken_channels:
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
                await self.later(kept.id, name, self.clock(), None)
        return waiting

    async def _who_heard_of(self, record: ChannelRecord) -> list[str]:
        """The channels that have a notice about the time that is over."""
        heard: dict[str, None] = {}
        for number in range(1, record.notices + 1):
            states = await self.ledger.states(notice_id(record.about(number)))
            heard |= {name: None for name, state in states.items() if state.status is DeliveryStatus.DELIVERED}
        return list(heard)

    async def _announce(self, records: Iterable[ChannelRecord], *, logged: bool = False) -> None:
        """Say through the other channels what is to be said about one; ``logged``: the log says it already."""
        for record in records:
            word = due(record, self.clock())
            if word is None:
                continue
            others = [name for name in await channels_to_tell(self.settings, self.ledger) if name != record.name]
            notice = await self._keep_notice(record, word, others)
            # After it is kept: dying in between leaves a notice that is sent, and made again to no effect.
            await self.ledger.book.change(record.name, _noticed(record, word, self.clock()))
            if word is Word.BROKEN and not logged:  # from then on each scan says it
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
            now=self.clock(),
            tenant_id=tenant_id,
            tenant_name=tenant_name,
            report_url=self.settings.report_url,
        )
        kept = await self.ledger.keep(notice, channels)
        for name in channels if self.by_app else ():
            await self.later(kept.id, name, self.clock(), None)
        return kept

    async def _deliver_here(self, notice: Kept | None) -> None:
        """Deliver a notice where no queue does it."""
        if notice and not self.by_app:
            await self.deliver(notice)

    def _log(self, level: int, text: str) -> None:
        """For the app's log; at a terminal the command says it."""
        if self.by_app:
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
