"""Who follows a long scan sees how far it is, and never anything that is older than its end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.errors import StorageError
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from jobs import how_far
from jobs.how_far import noting_how_far

RUN = RunRecord("run", RunStatus.RUNNING, datetime(2026, 11, 27, tzinfo=UTC), trigger="schedule")


@pytest.fixture
async def runs(storage: str) -> AsyncIterator[RunStore]:
    async with TableServiceClient.from_connection_string(storage, retry_total=0) as service:
        store = RunStore(service)
        await store.save(RUN)
        yield store


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_far, "EVERY", 0.01)


async def shown(runs: RunStore) -> tuple[int, int]:
    found = await runs.load("run")
    assert found is not None
    return found.accounts_done, found.accounts_total


async def until(runs: RunStore, expected: tuple[int, int]) -> None:
    async with asyncio.timeout(10):
        while await shown(runs) != expected:
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("often")
async def test_the_run_says_how_many_accounts_are_kept(runs: RunStore) -> None:
    async with noting_how_far(runs, "run") as tell:
        tell(3, 20)
        await until(runs, (3, 20))
        tell(17, 20)
        await until(runs, (17, 20))
    found = await runs.load("run")
    assert found == replace(RUN, accounts_done=17, accounts_total=20)


async def test_a_short_scan_writes_nothing_of_it(runs: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> None:
        raise AssertionError("it was written")

    monkeypatch.setattr(RunStore, "change", refused)
    async with noting_how_far(runs, "run") as tell:
        tell(20, 20)


@pytest.mark.usefixtures("often")
async def test_nothing_is_written_over_what_somebody_else_made_of_the_run(runs: RunStore) -> None:
    async with noting_how_far(runs, "run") as tell:
        ended = replace(RUN, status=RunStatus.FAILED, error="It was given up.")
        await runs.save(ended)
        tell(3, 20)
        await asyncio.sleep(0.1)
    assert await runs.load("run") == ended


@pytest.mark.usefixtures("often")
async def test_a_note_that_is_on_its_way_arrives_before_the_end_is_written(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, began = RunStore.change, asyncio.Event()
    written: list[int] = []

    async def slow(self: RunStore, *about: Any) -> Any:
        began.set()
        await asyncio.sleep(0.2)
        run = await change(self, *about)
        written.append(run.accounts_done if run else 0)

    monkeypatch.setattr(RunStore, "change", slow)
    async with noting_how_far(runs, "run") as tell:
        tell(3, 20)
        await began.wait()
    assert written == [3]


@pytest.mark.usefixtures("often")
async def test_a_note_that_cannot_be_written_stops_nothing(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()

    async def fails(*_: Any) -> None:
        tried.set()
        raise StorageError("Table runs can't be written")

    monkeypatch.setattr(RunStore, "change", fails)
    with caplog.at_level(logging.WARNING):
        async with noting_how_far(runs, "run") as tell:
            tell(3, 20)
            await tried.wait()
    assert "How far the scan is can't be noted: Table runs can't be written" in caplog.text


@pytest.mark.usefixtures("often")
async def test_what_goes_wrong_in_a_scan_is_what_is_told(runs: RunStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with noting_how_far(runs, "run") as tell:
            tell(1, 0)
            raise ZeroDivisionError
