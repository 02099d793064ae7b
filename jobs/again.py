"""When to look again at what a scan couldn't read because Microsoft Graph failed: what changed meanwhile would wait for the next day. Pure.

The first time half an hour later, then each time after twice as long: an hour that Graph was down costs a few scans, and what never
can be read costs none after two days. A scan of some accounts that met it counts until the next one of everything.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from findings.run_record import RunRecord
from jobs.remembered import Remembered

FIRST = timedelta(minutes=30)
"""How long after the first scan that met it."""
_DOUBLED = 8
"""Times that the wait is doubled at most: it is five days then, and scans are daily."""


async def next_try(newest_first: AsyncIterator[RunRecord]) -> datetime | None:
    """When to look again; None where the newest scans read everything that can be read.

    Takes the scans that were done, the newest one first; those before the last one that met no hiccup aren't asked for.
    """
    newest: datetime | None = None
    failed = 0
    async for run in newest_first:
        hiccup = Remembered.of(run.remembered).hiccup
        if not run.partial and not hiccup:
            break
        if hiccup:
            newest = newest or run.started
            failed += not run.partial
    return newest and newest + FIRST * 2 ** min(max(failed - 1, 0), _DOUBLED)
