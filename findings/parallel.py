"""Many small requests, some of them at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
AT_A_TIME = 8
"""More make nothing faster, where each takes processor time: whoever else wants a turn waits for all that are ready."""


async def for_each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]], at_a_time: int = AT_A_TIME) -> None:
    """Do ``work`` for every item, ``at_a_time`` of them at once.

    The first error ends the rest and is raised as it is, so that callers needn't unpack exception groups.
    """
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)
            # Work that turned out to need no request must keep nobody from their turn, the other workers included.
            await asyncio.sleep(0)

    workers = [asyncio.create_task(worker()) for _ in range(at_a_time)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
