"""Reading a table leaves others their turns."""

import asyncio

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.tables import Table


async def test_others_get_their_turn_between_the_entities_of_one_page(
    service: TableServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("basics.breath.BREATH", 0)
    table, turns = Table(service, "findings"), 0
    for number in range(60):
        await table.upsert({"PartitionKey": "p", "RowKey": f"{number:03}"})

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    seen = [turns async for _ in table.query("PartitionKey eq @p", {"p": "p"})]
    task.cancel()
    assert len(seen) == 60
    assert seen[-1] - seen[0] == 59
