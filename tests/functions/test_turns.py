"""How much readers can have the app do, and lists in pages."""

import asyncio
from collections.abc import AsyncIterator

import azure.functions as func
import pytest
from azure.data.tables.aio import TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from functions.pages import MOST, page_of
from functions.requests import BadRequest
from functions.turns import AT_ONCE, READS_A_MINUTE, count_read, moment, turn


@pytest.fixture
async def service(storage: str) -> AsyncIterator[TableServiceClient]:
    async with TableServiceClient.from_connection_string(storage) as made:
        yield made


async def test_only_so_many_answers_are_made_at_once(service: TableServiceClient) -> None:
    done = asyncio.Event()

    async def read(caller: str) -> str:
        try:
            async with turn(service, caller):
                await done.wait()
        except BadRequest as refused:
            return str(refused.status)
        return "made"

    reads = [asyncio.create_task(read(f"caller {number}")) for number in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    done.set()
    assert sorted(await asyncio.gather(*reads)) == ["429"] * 3 + ["made"] * AT_ONCE
    assert await read("another") == "made"


async def test_one_caller_leaves_room_for_another(service: TableServiceClient) -> None:
    async with turn(service, "ada"), turn(service, "ada"), turn(service, "ada"):
        with pytest.raises(BadRequest, match="right now"):
            async with turn(service, "ada"):
                pass
        async with turn(service, "bob"):
            pass


async def test_what_takes_a_moment_waits_for_its_turn() -> None:
    going_on, most, made = 0, 0, 0

    async def read() -> None:
        nonlocal going_on, most, made
        async with moment():
            going_on += 1
            most = max(most, going_on)
            await asyncio.sleep(0.01)
            going_on, made = going_on - 1, made + 1

    await asyncio.gather(*(read() for _ in range(20)))
    assert (most, made) == (AT_ONCE, 20)


async def test_many_reads_at_once_of_one_caller_count_each(service: TableServiceClient) -> None:
    tries = [count_read(service, "ada") for _ in range(READS_A_MINUTE + 2)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in found].count(BadRequest) == 2


async def test_one_caller_reads_so_often_in_a_minute_and_others_still_may(service: TableServiceClient) -> None:
    for _ in range(READS_A_MINUTE):
        async with turn(service, "ada"):
            pass
    with pytest.raises(BadRequest, match="in a minute"):
        async with turn(service, "ada"):
            pass
    async with turn(service, "bob"):
        pass


def asked(**params: str) -> func.HttpRequest:
    return func.HttpRequest("GET", "http://localhost/api/findings", params=params, body=b"")


@given(st.integers(0, 50), st.integers(1, 20))
def test_pages_hold_everything_once_and_in_order(count: int, limit: int) -> None:
    items, read, after = [f"{number};x" for number in range(count)], [], ""
    while True:
        page, found = page_of(asked(limit=str(limit), after=after), items, str)
        assert len(page) <= limit
        read += page
        if found is None:
            break
        after = found
    assert read == items


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1e3", "٣", "9" * 5000, "00000010099999"])
def test_a_limit_is_a_number(limit: str) -> None:
    with pytest.raises(BadRequest, match=f"from 1 to {MOST}"):
        page_of(asked(limit=limit), ["a"], str)


def test_a_list_that_changed_is_begun_again() -> None:
    with pytest.raises(BadRequest, match="begin again") as refused:
        page_of(asked(after="gone"), ["a"], str)
    assert refused.value.status == 409
