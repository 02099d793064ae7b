"""What belongs to one event loop, such as a lock: a process has one loop, and tests have many."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

Value = TypeVar("Value")


class PerLoop(Generic[Value]):
    """A value for each event loop, made by ``make`` when it is first asked for, and gone with its loop."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[AbstractEventLoop, Value] = WeakKeyDictionary()

    def get(self) -> Value:
        """The value of the loop that runs. Raises ``RuntimeError`` where none does."""
        loop = get_running_loop()
        if loop not in self._values:
            self._values[loop] = self._make()
        return self._values[loop]
