"""What several ask for at the same time is made once, and given again only as long as it is true."""

import asyncio
from collections.abc import Hashable

import pytest

from functions.shared import MOST, shared


class Maker:
    """Makes answers, and says what they hang on."""

    def __init__(self) -> None:
        self.made = 0
        self.about: Hashable = "first"
        self.hold = asyncio.Event()
        self.hold.set()
        self.fails = False

    async def ask(self) -> str:
        return await shared(self.about, self._make, self._still)

    async def _make(self) -> str:
        self.made += 1
        number = self.made
        await self.hold.wait()
        if self.fails:
            raise OSError("storage is gone")
        return f"answer {number}"

    async def _still(self) -> Hashable:
        return self.about


async def test_many_at_once_get_one_answer() -> None:
    maker = Maker()
    assert set(await asyncio.gather(*(maker.ask() for _ in range(20)))) == {"answer 1"}
    assert await maker.ask() == "answer 1"


async def test_what_has_changed_is_made_anew() -> None:
    maker = Maker()
    assert await maker.ask() == "answer 1"
    maker.about = "second"
    assert await maker.ask() == "answer 2"


async def test_what_changed_while_it_was_made_is_not_given_again() -> None:
    """It may hold some of both; and what it hangs on may one day be again what it was."""
    maker = Maker()
    maker.hold.clear()
    first = asyncio.create_task(maker.ask())
    await asyncio.sleep(0)
    maker.about = "second"
    maker.hold.set()
    assert await first == "answer 1"
    maker.about = "first"
    assert await maker.ask() == "answer 2"


async def test_one_that_fails_is_told_to_all_who_wait_and_made_anew_for_who_comes_later() -> None:
    maker = Maker()
    maker.fails = True
    found = await asyncio.gather(*(maker.ask() for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in found] == ["storage is gone"] * 3
    assert maker.made == 1
    maker.fails = False
    assert await maker.ask() == "answer 2"


async def test_that_the_first_who_asked_is_gone_is_nothing_to_the_others() -> None:
    maker = Maker()
    maker.hold.clear()
    first, second = asyncio.create_task(maker.ask()), asyncio.create_task(maker.ask())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    maker.hold.set()
    assert await second == "answer 1"


async def test_only_the_last_ones_are_remembered() -> None:
    maker = Maker()
    for number in range(MOST + 1):
        maker.about = number + 1
        await maker.ask()
    maker.about = 2
    assert await maker.ask() == "answer 2"
    maker.about = 1
    assert await maker.ask() == f"answer {MOST + 2}"
