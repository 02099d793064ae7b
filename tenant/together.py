"""Reads that don't depend on one another, at the same time."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

Answer = TypeVar("Answer")


class Together:
    """Reads that are going on beside others, as an async context manager.

    What isn't finished at its end, or after an error, is cancelled. Unlike those of a task group, errors come as they are, and
    where a result is awaited.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """Begin with a read; its result is there for whoever awaits it."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
