"""How much readers can have the app do: what is made of everything that is kept costs more the more there is.

At once, in one process: so a scan that it does meanwhile still gets its turn, and one caller leaves room for another. A minute, for
each caller and all instances together.
"""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from basics.loops import PerLoop
from findings.rate import Rate
from functions.requests import BadRequest

AT_ONCE = 4
AT_ONCE_FOR_ONE = 3
READS_A_MINUTE = 60
_going_on: list[str] = []
_moments = PerLoop(lambda: Semaphore(AT_ONCE))


@asynccontextmanager
async def turn(service: TableServiceClient, caller: str) -> AsyncIterator[None]:
    """Around the making of an answer about everything, which may take minutes.

    Raises :class:`BadRequest` (429) where there are too many, and what storage raises.
    """
    if len(_going_on) >= AT_ONCE or _going_on.count(caller) >= AT_ONCE_FOR_ONE:
        raise BadRequest("Many are reading right now: ask again in a few seconds.", 429)
    _going_on.append(caller)
    try:
        await count_read(service, caller)
        yield
    finally:
        _going_on.remove(caller)


@asynccontextmanager
async def moment() -> AsyncIterator[None]:
    """Around the making of an answer that takes a moment, such as a page of a list: who comes meanwhile waits."""
    async with _moments.get():
        yield


async def count_read(service: TableServiceClient, caller: str) -> None:
    """Raises :class:`BadRequest` (429) after too many reports and lists in a minute, and what storage raises."""
    if not await Rate(service, f"reads {caller}", READS_A_MINUTE, timedelta(minutes=1)).take(datetime.now(UTC)):
        raise BadRequest(f"More than {READS_A_MINUTE} reports or lists in a minute: wait a minute and ask again.", 429)
