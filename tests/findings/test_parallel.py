"""Many small requests, some of them at a time."""

import asyncio
from itertools import pairwise

import pytest

from findings.parallel import for_each


async def test_everything_is_done_and_never_more_at_a_time_than_may_be() -> None:
    done, now, most = [], 0, 0

    async def work(item: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        done.append(item)

    await for_each(range(20), work, at_a_time=3)
    assert sorted(done) == list(range(20))
    assert most == 3


async def test_work_that_needs_no_request_leaves_others_their_turn() -> None:
    turns = []

    async def others() -> None:
        while True:
            turns.append(len(done))
            await asyncio.sleep(0)

    done: list[int] = []

    async def work(item: int) -> None:
        done.append(item)

    task = asyncio.create_task(others())
    await for_each(range(100), work, at_a_time=4)
    task.cancel()
    gaps = [after - before for before, after in pairwise(turns)]
    assert len(done) == 100
    assert max(gaps) <= 4, "whoever renews the lease is let in between"


async def test_the_first_error_ends_the_rest_and_is_raised_as_it_is() -> None:
    done: list[int] = []

    async def work(item: int) -> None:
        if item == 2:
            raise LookupError("two")
        await asyncio.sleep(0.01)
        done.append(item)

    with pytest.raises(LookupError, match="two"):
        await for_each(range(100), work, at_a_time=4)
    assert len(done) < 4
