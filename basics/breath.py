"""Going through many things without keeping others from their turn."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
BREATH = 0.01
"""Seconds after which others on the event loop get their turn: the renewal of a lease, an answer over HTTP."""


class Breath:
    """Of somebody who goes through many things: taken after each of them, it lets others have their turn after some."""

    def __init__(self) -> None:
        self._until = time.monotonic() + BREATH

    async def take(self) -> None:
        """Let others have their turn, if it is time."""
        if time.monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + BREATH


async def breathing(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, in their order; between some of them others on the event loop get their turn."""
    breath = Breath()
    for item in items:
        yield item
        await breath.take()
