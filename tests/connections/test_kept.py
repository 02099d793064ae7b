"""In the function app, clients and credentials stay open from one trigger to the next."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connections.graph import graph_for
from connections.kept import WORKER, close_all, kept
from connections.storage import tables
from settings import Settings, load_settings


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    monkeypatch.setenv(WORKER, "python")
    monkeypatch.setenv("SERVICE_ACCOUNTS", "svc@contoso.com")
    monkeypatch.setenv("AzureWebJobsStorage__tableServiceUri", "https://account.table.core.windows.net")
    monkeypatch.setenv("AzureWebJobsStorage__queueServiceUri", "https://account.queue.core.windows.net")
    yield load_settings()
    await close_all()


async def test_storage_is_signed_in_to_once(worker: Settings) -> None:
    async with tables(worker) as first:
        pass
    async with tables(worker) as second:
        assert second is first


async def test_graph_keeps_its_connections_and_its_limits_and_counts_for_each_client(worker: Settings) -> None:
    async with graph_for(worker) as first, graph_for(worker, background=False) as second:
        assert first is not second
        assert first.limits is second.limits
        asked = [one.headers.get("x-ms-throttle-priority") for one in (first, second)]
        assert asked == ["low", None]
        first.answered("/users", {"x-ms-resource-unit": "2"})
        assert (first.resource_units, second.resource_units) == (2, 0)


async def test_elsewhere_whoever_opens_something_closes_it(worker: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKER)
    async with tables(worker) as first, tables(worker) as second:
        assert first is not second
    async with graph_for(worker) as one, graph_for(worker) as other:
        assert one.limits is not other.limits


async def test_what_could_not_be_opened_is_opened_the_next_time() -> None:
    closed: list[Any] = []

    async def refuse() -> str:
        raise ConnectionError

    async def give() -> str:
        return "open"

    async def close(what: str) -> None:
        closed.append(what)

    with pytest.raises(ConnectionError):
        await kept("a key", refuse, close)
    assert await kept("a key", give, close) == "open"
    assert await kept("a key", refuse, close) == "open"
    await close_all()
    assert closed == ["open"]
