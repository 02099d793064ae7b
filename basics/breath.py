"""Going through many things without keeping others from their turn."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
BREATH = 0.01
"""Seconds after which others on the event loop get their turn: the renewal of a lease, an answer over HTTP."""


async def breathing(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, in their order; between some of them others on the event loop get their turn."""
    until = time.monotonic() + BREATH
    for item in items:
        yield item
        if time.monotonic() >= until:
            await asyncio.sleep(0)
            until = time.monotonic() + BREATH
