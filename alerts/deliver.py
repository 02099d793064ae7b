"""Delivery of one alert to every configured channel, each on its own.

A channel that fails doesn't keep the others from being served, and a retry doesn't serve those again. What failed stays in
the ledger until it is delivered, or too old to matter.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.channel import Channel, ChannelError
from alerts.ledger import SETTLED, ChannelState, DeliveryStatus, Ledger
from alerts.model import Alert

SEND_SECONDS = 30
"""How long a channel may take. Shorter than a claim (``ledger.CLAIM``), or two senders could overlap."""
GIVE_UP_AFTER = timedelta(days=30)
"""After that an alert is old news: what it says stands in the report, and digests remind of what is still open."""


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """What became of an alert in one channel."""

    channel: str
    status: DeliveryStatus
    sentence: str
    """What the receiver answered, or what failed and what to do; without secrets."""
    permanent: bool = False
    """Whether somebody has to change something before it can work."""
    retry_at: datetime | None = None
    """The receiver asked not to be tried before."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of an alert."""

    alert_id: str
    results: tuple[ChannelResult, ...]
    """One per configured channel, in their order."""

    @property
    def done(self) -> bool:
        """Whether nothing is left to deliver: its changes are told."""
        return all(result.status in SETTLED for result in self.results)

    @property
    def retry(self) -> bool:
        """Whether the queue message should be tried again soon.

        False where only permanent failures are left: those wait for somebody to act and for the next scan.
        """
        return any(result.status not in SETTLED and not result.permanent for result in self.results)

    @property
    def retry_at(self) -> datetime | None:
        """When to try again at the earliest, where a receiver said so."""
        times = [result.retry_at for result in self.results if result.retry_at and result.status not in SETTLED]
        return max(times, default=None)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each channel that didn't deliver."""
        return tuple(
            f"{result.channel}: {result.sentence}"
            for result in self.results
            if result.status is not DeliveryStatus.DELIVERED
        )


class DeliveryFailed(Exception):
    """An alert is not delivered everywhere yet; raise it to have the queue try again. ``result`` says where."""

    def __init__(self, result: DeliveryResult) -> None:
        super().__init__(f"Alert {result.alert_id} is not delivered everywhere yet. {' '.join(result.problems)}")
        self.result = result


async def deliver(alert: Alert, channels: Iterable[Channel], ledger: Ledger, now: datetime) -> DeliveryResult:
    """Send the alert through every channel that hasn't delivered it.

    Args:
        alert: What to say.
        channels: The configured channels. With none there is nobody to tell, and the alert is done.
        ledger: Where deliveries are recorded.
        now: The time.

    Returns:
        What became of it. Call it again where ``retry`` is true; where ``done`` is true, its changes are told.

    Raises:
        Exception: Table Storage can't be used, or a channel failed in a way that is a fault of this product. The other
            channels were served all the same.
    """
    channels = tuple(channels)
    await ledger.keep(alert)
    states = await ledger.states(alert.id)
    outcomes = await asyncio.gather(
        *(
            _serve(alert, channel, states.get(channel.name, ChannelState(alert.id, channel.name)), ledger, now)
            for channel in channels
        ),
        return_exceptions=True,
    )
    faults = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if faults:
        raise faults[0]
    result = DeliveryResult(alert.id, tuple(outcome for outcome in outcomes if isinstance(outcome, ChannelResult)))
    if result.done:
        given_up = any(one.status is DeliveryStatus.GIVEN_UP for one in result.results)
        await ledger.finish(alert.id, told=not given_up)
    return result


async def send_test(alert: Alert, channels: Iterable[Channel], now: datetime) -> tuple[ChannelResult, ...]:
    """Send a test message through every channel, and say what each answered. Nothing is recorded."""
    return tuple(await asyncio.gather(*(_send(alert, channel, now) for channel in channels)))


async def _serve(alert: Alert, channel: Channel, state: ChannelState, ledger: Ledger, now: datetime) -> ChannelResult:
    """Claim the channel, send, and record what happened."""
    skipped = _skipped(state, now)
    if skipped:
        return skipped
    if state.attempts and now - alert.created > GIVE_UP_AFTER:
        given_up = replace(state, status=DeliveryStatus.GIVEN_UP)
        await ledger.settle(given_up)
        return ChannelResult(
            channel.name,
            DeliveryStatus.GIVEN_UP,
            f"Given up after {GIVE_UP_AFTER.days} days and {state.attempts} attempts. The last one: {state.last_error}",
        )
    claimed = await ledger.claim(state, now)
    if claimed is None:
        return _taken(channel.name)
    try:
        result = await _send(alert, channel, now)
    except BaseException as error:
        # Not a failure of the channel but of this product, or the end of the process: the claim must not outlive it.
        sentence = f"Sending stopped with {type(error).__name__}."
        await asyncio.shield(ledger.settle(replace(claimed, status=DeliveryStatus.FAILED, last_error=sentence)))
        raise
    await ledger.settle(_after(claimed, result, now))
    return result


def _skipped(state: ChannelState, now: datetime) -> ChannelResult | None:
    """The result for a channel that isn't tried now."""
    if state.status is DeliveryStatus.DELIVERED:
        return ChannelResult(state.channel, state.status, "Delivered before.")
    if state.status is DeliveryStatus.GIVEN_UP:
        return ChannelResult(state.channel, state.status, f"Given up before. The last attempt: {state.last_error}")
    if state.busy(now):
        return _taken(state.channel)
    if state.waiting(now):
        return ChannelResult(
            state.channel, state.status, state.last_error or "It asked to wait.", retry_at=state.retry_at
        )
    return None


def _taken(channel: str) -> ChannelResult:
    return ChannelResult(channel, DeliveryStatus.SENDING, "Another message about the same alert is being handled.")


def _after(claimed: ChannelState, result: ChannelResult, now: datetime) -> ChannelState:
    if result.status is DeliveryStatus.DELIVERED:
        return replace(claimed, status=result.status, delivered_at=now, last_error=None, permanent=False)
    return replace(
        claimed,
        status=result.status,
        last_error=result.sentence,
        permanent=result.permanent,
        retry_at=result.retry_at,
    )


async def _send(alert: Alert, channel: Channel, now: datetime) -> ChannelResult:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            sentence = await channel.send(alert, now=now)
    except ChannelError as error:
        retry_at = now + error.retry_after if error.retry_after else None
        return ChannelResult(channel.name, DeliveryStatus.FAILED, str(error), error.permanent, retry_at)
    except TimeoutError:
        return ChannelResult(
            channel.name, DeliveryStatus.FAILED, f"No answer within {SEND_SECONDS} seconds; it is tried again."
        )
    return ChannelResult(channel.name, DeliveryStatus.DELIVERED, sentence)
