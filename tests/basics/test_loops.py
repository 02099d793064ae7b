"""What belongs to one event loop is the same in it, another in the next, and gone with it."""

import asyncio
import gc
import weakref

import pytest

from basics.loops import PerLoop


class Value:
    """Something that can be referred to weakly."""


async def twice(values: PerLoop[Value]) -> Value:
    assert values.get() is values.get()
    return values.get()


def test_each_loop_has_its_own() -> None:
    values = PerLoop(Value)
    first, second = asyncio.run(twice(values)), asyncio.run(twice(values))
    assert first is not second


def test_it_goes_with_its_loop() -> None:
    values = PerLoop(Value)
    gone = weakref.ref(asyncio.run(twice(values)))
    gc.collect()
    assert gone() is None


def test_without_a_loop_there_is_none() -> None:
    with pytest.raises(RuntimeError):
        PerLoop(Value).get()
