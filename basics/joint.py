"""What several ask for at the same moment, done in one go."""

from asyncio import Lock
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from basics.loops import PerLoop

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Work = Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]


class Joint(Generic[Item, Answer]):
    """Somebody's asking is worked on at once, and those of all who come meanwhile together, when that is done.

    So no answer is older than the question.
    """

    def __init__(self) -> None:
        self._queues = PerLoop(WeakValueDictionary[Hashable, _Queue[Item, Answer]])
        """By what is asked about, as long as somebody waits."""

    async def ask(self, about: Hashable, item: Item, work: Work[Item, Answer]) -> Answer:
        """The answer to ``item``, of those that ``work`` gives for some of them, in their order.

        It is the ``work`` of one of those who ask about the same. What it raises is raised for all whose items it had; where who began with it
        is gone, another one begins anew.
        """
        queue = self._queues.get().setdefault(about, _Queue())
        mine = _Asked[Item, Answer](item)
        queue.waiting.append(mine)
        try:
            async with queue.lock:
                if not mine.is_done:
                    await queue.serve(work)
            return mine.result()
        finally:
            queue.waiting.remove(mine)


@dataclass(eq=False)
class _Queue(Generic[Item, Answer]):
    lock: Lock = field(default_factory=Lock)
    waiting: list["_Asked[Item, Answer]"] = field(default_factory=list)

    async def serve(self, work: Work[Item, Answer]) -> None:
        served = [one for one in self.waiting if not one.is_done]
        try:
            answers = await work([one.item for one in served])
        except Exception as error:  # noqa: BLE001 - each of them raises it
            for one in served:
                one.error = error
        else:
            for one, answer in zip(served, answers, strict=True):
                one.answers = (answer,)


@dataclass(eq=False)
class _Asked(Generic[Item, Answer]):
    item: Item
    answers: tuple[Answer, ...] = ()
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.answers or self.error)

    def result(self) -> Answer:
        if self.error is not None:
            raise self.error
        return self.answers[0]
