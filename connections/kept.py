"""Clients and credentials that stay open for as long as a process of the function app lives.

A sign-in and a TLS connection take longer than most requests that go over them. In Azure's worker, which has one event loop and lives
for many triggers, they are opened once. Everywhere else (the command line, tests) whoever opens something closes it.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

WORKER = "FUNCTIONS_WORKER_RUNTIME"
"""Set by the Functions host in the environment of its workers."""
Opened = TypeVar("Opened")

_open: dict[
    tuple[int, Hashable], tuple[asyncio.AbstractEventLoop, asyncio.Task[Any], Callable[[Any], Awaitable[Any]]]
] = {}


def stays_open() -> bool:
    """Whether this process keeps open what it opens."""
    return bool(os.environ.get(WORKER))


async def kept(
    key: Hashable, opening: Callable[[], Awaitable[Opened]], closing: Callable[[Opened], Awaitable[Any]]
) -> Opened:
    """What was opened under a key on this event loop, or is opened now. Raises what ``opening`` raises, and keeps nothing then."""
    loop = asyncio.get_running_loop()
    place = (id(loop), key)
    known = _open.get(place)
    if known is None or known[0] is not loop:
        task: asyncio.Task[Any] = asyncio.ensure_future(_opened(opening))
        _open[place] = known = (loop, task, closing)
    try:
        found: Opened = await asyncio.shield(known[1])
    except BaseException:
        if known[1].done() and (known[1].cancelled() or known[1].exception() is not None):
            _open.pop(place, None)
        raise
    return found


async def _opened(opening: Callable[[], Awaitable[Opened]]) -> Opened:
    return await opening()


async def close_all() -> None:
    """Close everything that was opened on this event loop."""
    loop = asyncio.get_running_loop()
    for place, (of, task, closing) in list(_open.items()):
        if of is loop:
            del _open[place]
            with suppress(Exception):
                await closing(await task)
