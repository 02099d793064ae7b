"""How often something may be done, whoever asks at once."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.errors import StorageError
from findings.rate import PARTITION, Rate
from findings.runs import RUNS
from findings.tables import Table
from tests.findings.build import NOW

MINUTE = timedelta(minutes=1)
_get, _put = Table.get, Table.put


async def test_of_many_at_once_exactly_so_many_get_through(service: TableServiceClient) -> None:
    tries = [Rate(service, "x", 10, MINUTE).take(NOW) for _ in range(15)]
    assert sum(await asyncio.gather(*tries)) == 10


async def test_refused_tries_count(service: TableServiceClient) -> None:
    rate = Rate(service, "x", 2, MINUTE)
    got = [await rate.take(NOW + timedelta(seconds=second)) for second in (0, 1, 50, 70, 100, 161)]
    assert got == [True, True, False, True, False, True]
    assert await Rate(service, "y", 2, MINUTE).take(NOW)


async def test_a_clock_that_was_ahead_locks_nobody_out(service: TableServiceClient) -> None:
    rate = Rate(service, "x", 1, MINUTE)
    assert await rate.take(NOW + timedelta(days=400))
    assert await rate.take(NOW)


@pytest.mark.parametrize("times", ["", "[", "7", "[7]", '["soon"]', None, 7])
async def test_a_damaged_row_counts_as_none(service: TableServiceClient, times: object) -> None:
    assert await Rate(service, "x", 1, MINUTE).take(NOW)
    row = {"PartitionKey": PARTITION, "RowKey": "x", "times": times}
    await service.get_table_client(RUNS).upsert_entity({name: one for name, one in row.items() if one is not None})
    await Rate(service, "x", 1, MINUTE).take(NOW)


async def test_those_who_ask_at_the_same_moment_are_counted_together(service: TableServiceClient) -> None:
    rate = Rate(service, "x", 10, MINUTE)
    await rate.take(NOW)
    writes = 0

    async def put(table: Table, *arguments: Any) -> None:
        nonlocal writes
        writes += 1
        await _put(table, *arguments)

    with patch.object(Table, "put", put):
        got = await asyncio.gather(*(rate.take(NOW) for _ in range(20)))
    assert got == [True] * 9 + [False] * 11
    assert writes == 2, "the first, and all who came while it was counted"


async def test_somebody_who_goes_while_many_are_counted_leaves_nobody_uncounted(service: TableServiceClient) -> None:
    rate = Rate(service, "x", 3, MINUTE)
    tries = [asyncio.create_task(rate.take(NOW)) for _ in range(6)]
    await asyncio.sleep(0)
    tries[0].cancel()
    got = await asyncio.gather(*tries, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert sorted(bool(one) for one in got[1:]) == [False, False, True, True, True]
    assert not await rate.take(NOW)


async def test_where_storage_fails_for_one_the_others_are_counted_all_the_same(service: TableServiceClient) -> None:
    rate, failed = Rate(service, "x", 10, MINUTE), False

    async def get(table: Table, *arguments: str) -> Any:
        nonlocal failed
        if not failed:
            failed = True
            raise StorageError("down")
        return await _get(table, *arguments)

    with patch.object(Table, "get", get):
        got = await asyncio.gather(*(rate.take(NOW) for _ in range(4)), return_exceptions=True)
    assert [isinstance(one, StorageError) for one in got] == [True, False, False, False]
    assert got[1:] == [True] * 3
