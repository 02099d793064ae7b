"""Going through many things without keeping others from their turn."""

import asyncio
from collections.abc import Iterable
from itertools import count
from unittest.mock import patch

import pytest

from basics.breath import BREATH, breathing


@pytest.mark.parametrize("items", ["abc", ""])
async def test_all_come_in_their_order(items: Iterable[str]) -> None:
    assert "".join([item async for item in breathing(items)]) == items


@pytest.mark.parametrize(("takes", "turns_for_others"), [(BREATH, 10), (BREATH / 4, 2), (0.0, 0)])
async def test_others_get_their_turn_as_often_as_the_items_take_long(takes: float, turns_for_others: int) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    clock = (tick * takes for tick in count())
    task = asyncio.create_task(others())
    with patch("basics.breath.time.monotonic", lambda: next(clock)):
        async for _ in breathing(range(10)):
            pass
    task.cancel()
    assert turns == turns_for_others
