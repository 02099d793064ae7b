"""Answers for which several ask at the same time, or one again and again: made once, and given again as long as they are true."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from weakref import WeakKeyDictionary

MOST = 8
"""Answers that are remembered in one process: of a page of a thousand findings each takes a megabyte."""
_Answers = OrderedDict[Hashable, asyncio.Task[tuple[str, bool]]]
_known: WeakKeyDictionary[asyncio.AbstractEventLoop, _Answers] = WeakKeyDictionary()


async def shared(about: Hashable, make: Callable[[], Awaitable[str]], still: Callable[[], Awaitable[Hashable]]) -> str:
    """What ``make`` makes, or made before of the same.

    ``about`` says everything that the answer hangs on, a stamp of what is kept included; ``still`` says it anew once the answer is made, which is
    remembered only where nothing has changed meanwhile. Who asks while it is being made waits for it; where making it fails, all of those
    are told, and who comes later has it made anew. Raises what ``make`` and ``still`` raise.
    """
    answers = _known.setdefault(asyncio.get_running_loop(), OrderedDict())
    making = answers.get(about)
    if making is None:
        making = answers[about] = asyncio.create_task(_made(about, make, still))
        making.add_done_callback(lambda done: _forget_untrue(answers, about, done))
        while len(answers) > MOST:
            answers.popitem(last=False)
    answers.move_to_end(about)
    answer, _ = await asyncio.shield(making)  # that one of those who wait is gone is nothing to the others
    return answer


async def _made(
    about: Hashable, make: Callable[[], Awaitable[str]], still: Callable[[], Awaitable[Hashable]]
) -> tuple[str, bool]:
    answer = await make()
    return answer, await still() == about


def _forget_untrue(answers: _Answers, about: Hashable, done: asyncio.Task[tuple[str, bool]]) -> None:
    if (done.cancelled() or done.exception() or not done.result()[1]) and answers.get(about) is done:
        del answers[about]
