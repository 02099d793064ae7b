"""The connection to Table Storage, against a real Azurite."""

import time

import pytest
from pydantic import SecretStr

from devtools.azurite import Azurite
from settings import Settings
from storage import StorageUnavailable, ensure_tables, tables


def settings_for(connection_string: str) -> Settings:
    return Settings(storage_connection_string=SecretStr(connection_string))


async def test_tables_are_created_once_and_kept(storage: str) -> None:
    async with tables(settings_for(storage)) as client:
        await ensure_tables(client, ["findings", "runs"])
        await client.get_table_client("findings").create_entity({"PartitionKey": "a", "RowKey": "b"})
        await ensure_tables(client, ["findings", "runs", "history"])
        names = sorted([table.name async for table in client.list_tables()])
        kept = [entity async for entity in client.get_table_client("findings").list_entities()]
    assert names == ["findings", "history", "runs"]
    assert [(entity["PartitionKey"], entity["RowKey"]) for entity in kept] == [("a", "b")]


async def test_every_test_has_an_empty_account(azurite: Azurite, storage: str) -> None:
    async with tables(settings_for(storage)) as client:
        assert [table.name async for table in client.list_tables()] == []
        await ensure_tables(client, ["findings"])
    async with tables(settings_for(azurite.new_account())) as client:
        assert [table.name async for table in client.list_tables()] == []


async def test_unreachable_storage_is_one_clear_error_within_seconds(storage: str) -> None:
    unreachable = storage.replace("http://127.0.0.1:", "http://127.0.0.1:1/")
    started = time.monotonic()
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        async with tables(settings_for(unreachable)) as client:
            await ensure_tables(client, ["findings"])
    assert time.monotonic() - started < 15


async def test_a_wrong_key_is_told_without_the_key(storage: str) -> None:
    key = "d3Jvbmcga2V5"
    wrong = ";".join(part if not part.startswith("AccountKey=") else f"AccountKey={key}" for part in storage.split(";"))
    with pytest.raises(StorageUnavailable, match="refused") as told:
        async with tables(settings_for(wrong)) as client:
            await ensure_tables(client, ["findings"])
    assert key not in str(told.value)
