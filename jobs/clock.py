"""The time, so that tests can set it, and so that a machine whose clock is wrong doesn't spoil what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
TOLERANCE = timedelta(minutes=5)
"""By how much clocks differ that nobody sets."""


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


class TrustedClock:
    """A machine's clock without its error, as far as that is known. Call it for the time."""

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        """What the machine's clock shows."""
        self.ahead = timedelta()
        """How far the machine's clock is ahead of one that can be trusted."""
        self.note: str | None = None
        """Where the machine's clock is wrong: a sentence about it."""

    def __call__(self) -> datetime:
        """The time."""
        return self.true(self.machine())

    def true(self, shown: datetime) -> datetime:
        """The time when the machine's clock showed this, as far as its error is known by now."""
        return shown - self.ahead

    def trust(self, ahead: timedelta, whose: str) -> None:
        """Go by a clock that can be trusted; ``ahead`` is how far the machine's is ahead of it.

        Seconds count: of two scans the one that read later wins, whichever machines did them.
        """
        self.ahead = ahead
        if abs(ahead) > TOLERANCE:
            side = "ahead of" if ahead > timedelta() else "behind"
            self.note = (
                f"The clock of the machine that scanned is {_span(abs(ahead))} {side} {whose}, and the scan went by the "
                "latter: set the machine's clock."
            )

    def trust_more(self, ahead: timedelta | None, whose: str) -> None:
        """Go by another clock from now on where it differs from the one so far by more than ``TOLERANCE``; None: it isn't known.

        Where they differ by hardly more, only in part: two clocks that drift across the limit between two scans would otherwise turn
        back time by all of it, and the later one's judgements would be taken for the older ones.
        """
        if ahead is None or abs(apart := ahead - self.ahead) <= TOLERANCE:
            return
        self.trust(ahead, whose)
        left = max(2 * TOLERANCE - abs(apart), timedelta())
        self.ahead -= left if apart > timedelta() else -left


def _span(time: timedelta) -> str:
    """A stretch of time in words, roughly."""
    hours, minutes = time.total_seconds() / 3600, time.total_seconds() / 60
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} hours" if hours >= 2 else f"{minutes:.0f} minutes"
