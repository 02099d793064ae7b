"""Answers for which several ask at the same time, or one again and again: made once, and given again as long as they are true."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from basics.loops import PerLoop

MOST = 8
"""Answers that are remembered in one process: of a page of a thousand findings each takes a megabyte."""


@dataclass
class _Known:
    answers: OrderedDict[Hashable, str] = field(default_factory=OrderedDict)
    making: dict[Hashable, asyncio.Task[str]] = field(default_factory=dict)


_known = PerLoop(_Known)


async def shared(about: Hashable, make: Callable[[], Awaitable[str]], still: Callable[[], Awaitable[Hashable]]) -> str:
    """What ``make`` makes, or made before of the same.

    ``about`` says everything that the answer hangs on, a stamp of what is kept included; ``still`` says it anew once the answer is made, which is
    remembered only where nothing has changed meanwhile. Who asks while it is being made waits for it; where making it fails, all of those
    are told, and who comes later has it made anew. Raises what ``make`` and ``still`` raise.
    """
    known = _known.get()
    if about in known.answers:
        known.answers.move_to_end(about)
        return known.answers[about]
    making = known.making.get(about)
    if making is None:
        making = known.making[about] = asyncio.create_task(_made(known, about, make, still))
        making.add_done_callback(_noticed)
    return await asyncio.shield(making)  # that one of those who wait is gone is nothing to the others


async def _made(
    known: _Known, about: Hashable, make: Callable[[], Awaitable[str]], still: Callable[[], Awaitable[Hashable]]
) -> str:
    try:
        answer = await make()
        if await still() == about:
            known.answers[about] = answer
            while len(known.answers) > MOST:
                known.answers.popitem(last=False)
        return answer
    finally:
        del known.making[about]


def _noticed(done: asyncio.Task[str]) -> None:
    """That nobody may be left who waits for an error is no fault."""
    if not done.cancelled():
        done.exception()
