"""Delivery of one alert to every channel that it is for, each on its own.

A channel that fails doesn't keep the others from being served, and a retry doesn't serve those again. What failed stays in
the ledger until it is delivered, or too old to matter, and is tried again when its row says (``retry_at``): a message is put
on the queue for then, before the row is written, so that a process that dies in between leaves one message too many and never
one too few. The message carries the time: one that isn't the row's is from a chain of retries that was overtaken, and ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts import episodes
from alerts.channel import SETTINGS, Channel, ChannelError, Send, send_whole
from alerts.episodes import ChannelRecord
from alerts.ledger import CLAIM, SETTLED, ChannelState, DeliveryStatus, Kept, Ledger
from alerts.model import Alert
from alerts.parts import parts_of
from alerts.retries import GIVE_UP_AFTER, STEPS, next_try
from alerts.wording import count

SEND_SECONDS = 34
"""How long a channel may take for a message. Shorter than a claim (``ledger.CLAIM``), or two senders could overlap."""

Clock = Callable[[], datetime]
Later = Callable[[str, str, datetime, datetime | None], Awaitable[None]]
"""Has an alert tried again: its id, the channel, when, and the ``retry_at`` that the row has then, if it has one."""


class LostContent(Exception):
    """What an alert says is gone although it isn't delivered."""


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """What became of an alert in one channel."""

    channel: str
    status: DeliveryStatus
    sentence: str
    """What the receiver answered, or what failed and what to do; without secrets."""
    tried: bool = False
    """Whether this was found out just now, and not before."""
    permanent: bool = False
    """Whether somebody has to change something before it can work."""
    retry_at: datetime | None = None
    """When it is tried again."""
    asked: timedelta | None = None
    """The receiver asked to be left alone for so long."""
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of an alert."""

    alert_id: str
    results: tuple[ChannelResult, ...]
    """One for each channel that it is for."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to deliver: its changes are told. Without any channel nobody is told, and it isn't done."""
        return bool(self.results) and all(result.status in SETTLED for result in self.results)

    @property
    def told(self) -> bool:
        """Whether nothing is left to deliver, and no channel was given up."""
        return self.done and all(result.status is not DeliveryStatus.GIVEN_UP for result in self.results)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each channel that doesn't have it."""
        fine = (DeliveryStatus.DELIVERED, DeliveryStatus.WITHDRAWN)
        return tuple(f"{one.channel}: {one.sentence}" for one in self.results if one.status not in fine)


async def nothing_later(alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
    """For whoever has no queue: what waits is found by the next scan."""


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers alerts."""

    ledger: Ledger
    channels: Mapping[str, Channel]
    """The channels that can be used here, by name."""
    clock: Clock
    later: Later = nothing_later
    decides: bool = True
    """Whether this process speaks for the installation. One that doesn't (a terminal beside the function app) sets no times
    for retries and gives nothing up: what fails here may work there."""
    eager: bool = False
    """Whether somebody waits for it: then only what a receiver asked for is waited for, and not our own timetable."""

    async def deliver(self, kept: Kept, *, only: str | None = None, retry_at: datetime | None = None) -> DeliveryResult:
        """Send an alert through every channel that it is for and that doesn't have it.

        Args:
            kept: The alert. Without any channel there is nobody to tell, and it waits.
            only: The channel to try; None for all.
            retry_at: The time that the row of this channel had when the message was made; None for a message without.

        Returns:
            What became of it. Where ``done`` is true, its changes are told, and it is to be finished.

        Raises:
            Exception: Table Storage or the queue can't be used, or a channel failed in a way that is a fault of this
                product. The other channels were served all the same.
        """
        states = await self.ledger.states(kept.id)
        names = tuple(self.channels) if kept.channels is None else kept.channels
        standing = {name: states.get(name, ChannelState(kept.id, name)) for name in names}
        records = await self.ledger.book.records()
        results: dict[str, ChannelResult] = {}
        for name, state in standing.items():
            if only not in (None, name):
                results[name] = _as_it_stands(state)
            elif found := await self._not_now(kept, state, records.get(name), retry_at):
                results[name] = found
        due = [state for name, state in standing.items() if name not in results]
        results |= await self._send_all(kept, due, records) if due else {}
        return DeliveryResult(kept.id, tuple(results[name] for name in names))

    async def _not_now(
        self, kept: Kept, state: ChannelState, record: ChannelRecord | None, retry_at: datetime | None
    ) -> ChannelResult | None:
        """The result for a channel that isn't tried now, with a message for when it is; None where it is tried."""
        now = self.clock()
        if state.status in SETTLED:
            return _as_it_stands(state)
        if state.busy(now) and state.claimed_until:
            await self.later(kept.id, state.channel, state.claimed_until, None)
            return _taken(state.channel)
        if self.decides and now - kept.created > GIVE_UP_AFTER and (state.attempts or not self._has(state)):
            return await self._give_up(state)
        if not self._has(state):
            if not self.decides:  # the function app may have it
                await self.later(kept.id, state.channel, now, None)
            return _not_set(state.channel)
        if record is not None and record.quiet_until and record.quiet(now):
            await self.later(kept.id, state.channel, record.quiet_until, None)
            return replace(_as_it_stands(state), sentence="It asked to be left alone.", retry_at=record.quiet_until)
        if state.retry_at and state.waiting(now) and not self.eager:
            if retry_at in (None, state.retry_at):
                await self.later(kept.id, state.channel, state.retry_at, state.retry_at)
            return _as_it_stands(state)
        return None

    def _has(self, state: ChannelState) -> bool:
        return state.channel in self.channels

    async def _give_up(self, state: ChannelState) -> ChannelResult:
        why = state.last_error or _not_set(state.channel).sentence
        tries = f" and {count(state.attempts, 'attempt')}. The last one" if state.attempts else ""
        sentence = f"Given up after {GIVE_UP_AFTER.days} days{tries}: {why}"
        given_up = replace(state, status=DeliveryStatus.GIVEN_UP, last_error=why)
        if await self.ledger.settle(given_up) is None:
            return _taken(state.channel)
        return ChannelResult(state.channel, DeliveryStatus.GIVEN_UP, sentence, tried=True)

    async def _send_all(
        self, kept: Kept, due: Sequence[ChannelState], records: Mapping[str, ChannelRecord]
    ) -> dict[str, ChannelResult]:
        alert = await self.ledger.content(kept)
        if alert is None:
            states = await self.ledger.states(kept.id)
            now = {state.channel: _as_it_stands(states.get(state.channel, state)) for state in due}
            if all(one.status in SETTLED for one in now.values()):  # another process was faster
                return now
            raise LostContent(f"What the alert {kept.id} says can't be read in table alerts, so it can't be delivered.")
        serve = self._serve if await self._holds(alert, records) else self._withdraw
        outcomes = await asyncio.gather(*(serve(alert, state) for state in due), return_exceptions=True)
        for fault in outcomes:
            if isinstance(fault, BaseException):
                raise fault
        return {one.channel: one for one in outcomes if isinstance(one, ChannelResult)}

    async def _holds(self, alert: Alert, records: Mapping[str, ChannelRecord]) -> bool:
        """Whether what a notice says is still true."""
        about = alert.about
        if about is None:
            return True
        if about.alert_id:
            late = await self.ledger.find(about.alert_id)
            return late is None or not late.done
        return episodes.holds(about, records.get(about.channel or ""))

    async def _withdraw(self, alert: Alert, state: ChannelState) -> ChannelResult:
        if await self.ledger.settle(replace(state, status=DeliveryStatus.WITHDRAWN)) is None:
            return _taken(state.channel)
        return ChannelResult(state.channel, DeliveryStatus.WITHDRAWN, "It is no longer so, and wasn't sent.")

    async def _serve(self, alert: Alert, state: ChannelState) -> ChannelResult:
        """Claim the channel, send message after message, and record what happened."""
        channel, claimed = self.channels[state.channel], None
        result = ChannelResult(state.channel, DeliveryStatus.DELIVERED, "It had every part before.", tried=True)
        try:
            cut = state.cut or channel.cut(alert)
            sends = (channel.message(alert, part) for part in parts_of(alert, cut)[state.accepted :])
            # Making a message takes time. It is done before the claim, and before each renewal of it, so that nothing but the
            # request comes after them.
            send = next(sends, None)
            claimed = await self.ledger.claim(replace(state, cut=cut), self.clock())
            while send and claimed and (claimed := await self._confirmed(claimed)):
                result = await self._send(claimed, send)
                if result.status is not DeliveryStatus.DELIVERED:
                    break
                claimed = replace(claimed, accepted=claimed.accepted + 1, failures=0)
                send = next(sends, None)
        except BaseException as error:
            # Not a failure of the channel but of this product, or the end of the process: the claim must not outlive it.
            sentence = f"Sending stopped with {type(error).__name__}."
            stopped = claimed or replace(state, attempts=state.attempts + 1)
            await asyncio.shield(
                self.ledger.settle(replace(stopped, status=DeliveryStatus.FAILED, last_error=sentence))
            )
            raise
        if claimed is None:
            await self.later(alert.id, state.channel, self.clock() + CLAIM, None)
            return _taken(state.channel)
        return await self._settle(claimed, result)

    async def _confirmed(self, claimed: ChannelState) -> ChannelState | None:
        """The claim, renewed for one request; None where this process was paused for so long that another has taken over."""
        while True:
            renewed = await self.ledger.renew(claimed, self.clock())
            if renewed is None or renewed.claimed_until is None:
                return None
            if self.clock() + timedelta(seconds=SEND_SECONDS) <= renewed.claimed_until:
                return renewed
            claimed = renewed  # paused while it was renewed: what the answer says may be old

    async def _send(self, claimed: ChannelState, send: Send) -> ChannelResult:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                sentence = await send(self.clock())
        except ChannelError as error:
            return self._failure(claimed, str(error), permanent=error.permanent, asked=error.retry_after)
        except TimeoutError:
            return self._failure(claimed, f"No answer within {SEND_SECONDS} seconds; it is tried again.")
        return ChannelResult(claimed.channel, DeliveryStatus.DELIVERED, sentence, tried=True)

    def _failure(
        self, claimed: ChannelState, sentence: str, *, permanent: bool = False, asked: timedelta | None = None
    ) -> ChannelResult:
        retry_at = None
        if self.decides:
            retry_at = next_try(self.clock(), claimed.failures + 1, permanent=permanent, asked=asked)
        return ChannelResult(
            claimed.channel,
            DeliveryStatus.FAILED,
            sentence,
            tried=True,
            permanent=permanent,
            retry_at=retry_at,
            asked=asked,
        )

    async def _settle(self, claimed: ChannelState, result: ChannelResult) -> ChannelResult:
        if result.status is DeliveryStatus.DELIVERED:
            delivered = replace(claimed, status=result.status, delivered_at=self.clock())
            await self.ledger.settle(replace(delivered, last_error=None, permanent=False))
            return replace(result, delivered_at=delivered.delivered_at)
        failed = replace(
            claimed,
            status=result.status,
            failures=claimed.failures + 1,
            last_error=result.sentence,
            permanent=result.permanent,
            retry_at=result.retry_at,
        )
        when = result.retry_at or self.clock() + STEPS[0]
        try:
            await self.later(claimed.alert_id, claimed.channel, when, result.retry_at)
        finally:
            await self.ledger.settle(failed)
        return result


async def send_test(alert: Alert, channels: Iterable[Channel], clock: Clock) -> tuple[ChannelResult, ...]:
    """Send a test message through every channel, and say what each answered. Nothing is recorded."""

    async def send(channel: Channel) -> ChannelResult:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                answer = await send_whole(channel, alert, clock())
        except ChannelError as error:
            return ChannelResult(channel.name, DeliveryStatus.FAILED, str(error), permanent=error.permanent)
        except TimeoutError:
            return ChannelResult(channel.name, DeliveryStatus.FAILED, f"No answer within {SEND_SECONDS} seconds.")
        except Exception as fault:  # noqa: BLE001  the other channels are still told of
            # Without its text: it may hold the address.
            return ChannelResult(
                channel.name, DeliveryStatus.FAILED, f"A fault of this product: {type(fault).__name__}."
            )
        return ChannelResult(channel.name, DeliveryStatus.DELIVERED, answer)

    return tuple(await asyncio.gather(*map(send, channels)))


def _as_it_stands(state: ChannelState) -> ChannelResult:
    """The result for a channel that isn't tried now."""
    said = {
        DeliveryStatus.PENDING: "It was not tried yet.",
        DeliveryStatus.SENDING: "Another message about the same alert is being handled.",
        DeliveryStatus.DELIVERED: "Delivered before.",
        DeliveryStatus.FAILED: state.last_error or "It failed.",
        DeliveryStatus.GIVEN_UP: f"Given up before. The last attempt: {state.last_error}",
        DeliveryStatus.WITHDRAWN: "It was no longer so, and wasn't sent.",
    }
    return ChannelResult(
        state.channel,
        state.status,
        said[state.status],
        permanent=state.permanent,
        retry_at=state.retry_at,
        delivered_at=state.delivered_at,
    )


def _taken(channel: str) -> ChannelResult:
    return ChannelResult(channel, DeliveryStatus.SENDING, "Another message about the same alert is being handled.")


def _not_set(channel: str) -> ChannelResult:
    what = SETTINGS.get(channel, "its settings")
    return ChannelResult(channel, DeliveryStatus.PENDING, f"It isn't set here ({what}); the alert waits for it.")
