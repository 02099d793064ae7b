"""What several ask for at the same moment, done in one go."""

import asyncio
from collections.abc import Sequence

import pytest

from basics.joint import Joint


class Work:
    """Doubles numbers, slowly, and remembers which it was given together."""

    def __init__(self, *fails: int) -> None:
        self.done: list[list[int]] = []
        self.fails = list(fails)

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.done.append(list(items))
        await asyncio.sleep(0.01)
        if len(self.done) in self.fails:
            raise LookupError(str(len(self.done)))
        return [2 * item for item in items]


async def test_those_who_come_meanwhile_are_served_together_and_never_by_what_began_before_they_came() -> None:
    joint, work = Joint[int, int](), Work()
    assert await asyncio.gather(*(joint.ask("x", item, work) for item in range(5))) == [0, 2, 4, 6, 8]
    assert work.done == [[0], [1, 2, 3, 4]]
    assert await joint.ask("x", 5, work) == 10, "what was answered is remembered by nobody"


async def test_what_is_asked_about_something_else_waits_for_nobody() -> None:
    joint, work = Joint[int, int](), Work()
    assert await asyncio.gather(*(joint.ask(item, item, work) for item in range(3))) == [0, 2, 4]
    assert work.done == [[0], [1], [2]]


async def test_an_error_is_told_to_all_whose_items_were_worked_on_and_to_nobody_else() -> None:
    joint, work = Joint[int, int](), Work(2)
    got = await asyncio.gather(*(joint.ask("x", item, work) for item in range(3)), return_exceptions=True)
    assert got[0] == 0
    assert [str(one) for one in got[1:]] == ["2", "2"]
    assert await joint.ask("x", 3, work) == 6


@pytest.mark.parametrize("gone", [0, 1, 3])
async def test_where_one_is_gone_the_others_are_served_all_the_same(gone: int) -> None:
    joint, work = Joint[int, int](), Work()
    tasks = [asyncio.create_task(joint.ask("x", item, work)) for item in range(4)]
    await asyncio.sleep(0)
    tasks[gone].cancel()
    got = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(got[gone], asyncio.CancelledError)
    assert [one for number, one in enumerate(got) if number != gone] == [2 * n for n in range(4) if n != gone]


def test_another_event_loop_has_a_queue_of_its_own() -> None:
    joint, work = Joint[int, int](), Work()
    assert [asyncio.run(joint.ask("x", item, work)) for item in (1, 2)] == [2, 4]
