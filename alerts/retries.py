"""When a channel that didn't take an alert is tried again. Pure.

Times that are read back were written by another machine, whose clock may have been wrong: one that lies further ahead than
it can is not believed.
"""

from datetime import datetime, timedelta

STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""The wait after the first attempts, where trying again may help."""
THEN = timedelta(hours=6)
"""The wait after those that follow."""
REFUSED = timedelta(days=1)
"""The wait where somebody has to change something first."""
LONGEST = timedelta(days=1)
"""The longest wait that there is, also where a receiver asks for more."""
GIVE_UP_AFTER = timedelta(days=30)
"""After that an alert is old news: what it says stands in the report, and digests remind of what is still open."""
SKEW = timedelta(minutes=5)
"""How far clocks may be apart."""


def next_try(now: datetime, attempts: int, *, permanent: bool, asked: timedelta | None) -> datetime:
    """When to try again, to the second.

    Args:
        now: When the last attempt failed.
        attempts: How many there were; at least one.
        permanent: Whether somebody has to change something before it can work.
        asked: How long the receiver asked to be left alone, if it did.
    """
    wait = REFUSED if permanent else STEPS[attempts - 1] if attempts <= len(STEPS) else THEN
    return (now + min(max(wait, asked or timedelta()), LONGEST)).replace(microsecond=0)


def ahead(time: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether a time that was read back lies ahead, and can be believed: at most ``longest`` away, give or take ``SKEW``."""
    return time is not None and now < time <= now + longest + SKEW
