"""How often something may be done, whoever asks at once."""

import asyncio
from datetime import timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.rate import PARTITION, Rate
from findings.runs import RUNS
from tests.findings.build import NOW

MINUTE = timedelta(minutes=1)


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
