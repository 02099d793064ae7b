"""Work that holds much doesn't have all of it searched for garbage again and again."""

import gc
from collections.abc import Iterator

import pytest

from basics.garbage import holding_much
from jobs.scan import ScanRequest, scan
from tests.evidence.company import NOW, Company, settings


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    """Such that a search of everything comes often; as they were, afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(100, 2, 2)
    yield
    assert gc.get_threshold() == (100, 2, 2)
    gc.set_threshold(*before)


def whole_searches() -> int:
    """How often everything is searched while much is made that stays."""
    gc.collect()
    before = int(gc.get_stats()[2]["collections"])
    held = [[number] for number in range(300_000)]
    assert held
    return int(gc.get_stats()[2]["collections"]) - before


def found_among_what_is_new() -> int:
    """How much garbage was found so far without a search of everything."""
    return sum(int(generation["collected"]) for generation in gc.get_stats()[:2])


def test_everything_is_searched_again_and_again_otherwise() -> None:
    assert whole_searches() > 0


def test_not_everything_is_searched_while_much_is_held_and_again_afterwards() -> None:
    with holding_much():
        assert whole_searches() == 0
    assert whole_searches() > 0


def test_what_is_new_and_holds_only_itself_is_found_meanwhile() -> None:
    with holding_much():
        before = found_among_what_is_new()
        for _ in range(10_000):
            one: list[object] = []
            one.append(one)
        assert found_among_what_is_new() - before > 9_000


def test_it_lasts_until_the_last_of_several_is_done_whichever_that_is() -> None:
    first, second = holding_much(), holding_much()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert whole_searches() == 0
    second.__exit__(None, None, None)
    assert whole_searches() > 0


def test_work_that_fails_has_everything_searched_again() -> None:
    with pytest.raises(ValueError, match="no"), holding_much():
        raise ValueError("no")
    assert whole_searches() > 0


async def test_a_scan_holds_much_as_long_as_it_lasts() -> None:
    before, meanwhile = gc.get_threshold(), set[int]()

    def look(_: str) -> None:
        meanwhile.add(gc.get_threshold()[2])

    company = Company()
    async with company.graph:
        await scan(settings(company), ScanRequest("r", "test", store=False), clock=lambda: NOW, progress=look)
    assert meanwhile
    assert min(meanwhile) > 1_000_000
    assert gc.get_threshold() == before
