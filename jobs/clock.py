"""The time, so that tests can set it, and so that a machine whose clock is wrong doesn't spoil what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
TOLERANCE = timedelta(minutes=5)
"""Clocks that differ by less are right."""


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


def corrected(clock: Clock, ahead: timedelta | None) -> Clock:
    """The clock without its error: ``ahead`` is how far the machine's clock is ahead of one that can be trusted."""
    if ahead is None or abs(ahead) <= TOLERANCE:
        return clock
    return lambda: clock() - ahead
