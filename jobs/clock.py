"""The time, so that tests can set it, and so that a machine whose clock is wrong doesn't spoil what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
TOLERANCE = timedelta(minutes=5)
"""By how much clocks differ that nobody sets."""


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


def corrected(clock: Clock, ahead: timedelta) -> Clock:
    """The clock without its error: ``ahead`` is how far the machine's clock is ahead of one that can be trusted."""
    return lambda: clock() - ahead
