"""Work that holds much doesn't have all of it searched for garbage again and again."""

import gc
from collections.abc import Iterator

import pytest

from basics.garbage import holding_much


class Holder:
    """Something that garbage is searched among."""

    def __init__(self) -> None:
        self.me: Holder | None = None


@pytest.fixture(autouse=True)
def nothing_set_aside() -> Iterator[None]:
    assert gc.get_freeze_count() == 0
    gc.disable()  # a search happens when a test says so
    yield
    gc.enable()
    assert gc.get_freeze_count() == 0


def searched(held: list[Holder]) -> int:
    """How many of them the widest search would go through; of what was set aside none."""
    among = {id(one) for one in gc.get_objects()}
    return sum(id(one) in among for one in held)


def test_what_is_held_is_not_searched_again_until_the_work_is_done() -> None:
    with holding_much():
        held = [Holder() for _ in range(1000)]
        assert searched(held) == 1000
        gc.collect(1)
        assert searched(held) == 0
    assert searched(held) == 1000


def test_what_holds_itself_is_freed_when_the_work_is_done() -> None:
    with holding_much():
        one = Holder()
        one.me = one
        gc.collect(1)
        del one
    assert gc.collect() > 0
    assert not any(isinstance(one, Holder) for one in gc.get_objects())


def test_it_lasts_until_the_last_of_several_is_done() -> None:
    with holding_much():
        held = [Holder()]
        with holding_much():
            gc.collect(1)
        assert searched(held) == 0
        held.append(Holder())
        gc.collect(1)
        assert searched(held) == 0


def test_work_that_fails_leaves_nothing_set_aside() -> None:
    with pytest.raises(ValueError, match="no"), holding_much():
        gc.collect(1)
        assert gc.get_freeze_count() > 0
        raise ValueError("no")
