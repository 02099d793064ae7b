"""The connection to Table Storage, against a real Azurite."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from connections.storage import CLIENT_OPTIONS, StorageUnavailable, ahead_at_least, ensure_tables, tables
from devtools.azurite import Azurite
from settings import Settings

LIMIT_SECONDS = 15


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def settings_for(connection_string: str) -> Settings:
    return Settings(storage_connection_string=SecretStr(connection_string))


def replaced(connection_string: str, name: str, value: str) -> str:
    """The connection string with another ``value`` for ``name``."""
    return ";".join(f"{name}={value}" if part.startswith(f"{name}=") else part for part in connection_string.split(";"))


async def table_names(connection_string: str) -> list[str]:
    async with tables(settings_for(connection_string)) as client:
        return sorted([table.name async for table in client.list_tables()])


async def test_tables_are_created_once_and_kept(storage: str) -> None:
    async with tables(settings_for(storage)) as client:
        await ensure_tables(client, ["findings", "runs"])
        await client.get_table_client("findings").create_entity({"PartitionKey": "a", "RowKey": "b"})
        await ensure_tables(client, ["findings", "runs", "history"])
        kept = [entity async for entity in client.get_table_client("findings").list_entities()]
    assert await table_names(storage) == ["findings", "history", "runs"]
    assert [(entity["PartitionKey"], entity["RowKey"]) for entity in kept] == [("a", "b")]


async def test_a_proxy_that_the_environment_names_is_used(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with tables(settings_for(storage)) as client:
        with pytest.raises(StorageUnavailable):
            await ensure_tables(client, ("findings",))


async def test_where_there_is_no_proxy_none_is_looked_for_at_each_request(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    looked: list[object] = []
    monkeypatch.setattr("aiohttp.client.get_env_proxy_for_url", looked.append)
    async with tables(settings_for(storage)) as client:
        await ensure_tables(client, ("findings",))
    assert looked == []


async def test_every_test_has_an_empty_account(azurite: Azurite, storage: str) -> None:
    assert await table_names(storage) == []
    async with tables(settings_for(storage)) as client:
        await ensure_tables(client, ["findings"])
    assert await table_names(azurite.new_account()) == []


async def test_storage_that_refuses_connections_is_one_clear_error_within_seconds(storage: str) -> None:
    started = time.monotonic()
    with pytest.raises(StorageUnavailable, match=r"^Table Storage at http://127\.0\.0\.1:1/x can't be reached: check "):
        async with tables(settings_for(replaced(storage, "TableEndpoint", "http://127.0.0.1:1/x"))) as client:
            await ensure_tables(client, ["findings"])
    assert time.monotonic() - started < LIMIT_SECONDS


async def test_storage_that_never_answers_is_one_clear_error_after_two_attempts(
    storage: str, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 2
    assert attempts * CLIENT_OPTIONS["read_timeout"] < LIMIT_SECONDS
    monkeypatch.setitem(CLIENT_OPTIONS, "read_timeout", 0.5)
    started = time.monotonic()
    with pytest.raises(StorageUnavailable, match="can't be reached"):
        async with tables(settings_for(replaced(storage, "TableEndpoint", f"{silent_server}/x"))) as client:
            await ensure_tables(client, ["findings"])
    assert attempts * 0.5 <= time.monotonic() - started < (attempts + 1) * 0.5 + 1


async def test_a_host_name_that_does_not_exist_is_one_clear_error(storage: str) -> None:
    with pytest.raises(StorageUnavailable, match="can't be reached"):
        async with tables(settings_for(replaced(storage, "TableEndpoint", "https://nowhere.invalid/x"))) as client:
            await ensure_tables(client, ["findings"])


async def test_a_wrong_key_is_told_without_the_key(storage: str) -> None:
    key = "d3Jvbmcga2V5"
    with pytest.raises(StorageUnavailable, match=r"refuses access \(403 .*\): check the key") as told:
        async with tables(settings_for(replaced(storage, "AccountKey", key))) as client:
            await ensure_tables(client, ["findings"])
    assert key not in str(told.value)


async def test_a_shared_access_signature_is_not_told() -> None:
    connection_string = "TableEndpoint=https://nowhere.invalid;SharedAccessSignature=sv=2024-01-01&sig=c2VjcmV0"
    with pytest.raises(StorageUnavailable) as told:
        async with tables(settings_for(connection_string)) as client:
            await ensure_tables(client, ["findings"])
    assert "c2VjcmV0" not in str(told.value)


async def test_without_storage_the_error_names_the_setting() -> None:
    with pytest.raises(StorageUnavailable, match="AzureWebJobsStorage"):
        async with tables(Settings()):
            pytest.fail("a client without an account")


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "answered", "ahead"),
    [(0, 0.1, 0), (0.9, 1.0, 0), (-5, 5, 0), (35, 36, 34), (35, 45, 34), (-36, -35, -35), (-45, -35, -35)],
)
def test_a_clock_is_only_wrong_by_what_the_time_of_the_answer_does_not_explain(
    asked: float, answered: float, ahead: float
) -> None:
    here = [NOON + timedelta(seconds=seconds) for seconds in (asked, answered)]
    assert ahead_at_least(here[0], here[1], NOON) == timedelta(seconds=ahead)
