"""How long others on the event loop wait for their turn, while something else goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_BEAT = 0.005


@asynccontextmanager
async def watching() -> AsyncIterator[list[float]]:
    """Seconds by which a task that sleeps a moment, again and again, was woken too late."""
    late: list[float] = []

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_BEAT)
            late.append(time.perf_counter() - began - _BEAT)

    task = asyncio.create_task(beat())
    try:
        yield late
    finally:
        task.cancel()
