"""Pages that are kept are found again whole and with their stamp, or not at all; and when what is kept of accounts is at rest."""

import os

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.contents import Contents
from findings.kept_pages import PAGES, KeptPages
from findings.retention import forget
from findings.seen import SeenStore
from findings.store import FindingStore
from findings.tables import Table
from tests.findings.build import account, seen

LARGE = os.urandom(2_000_000)  # packed as large as it is: several rows


async def rows(service: TableServiceClient) -> list[tuple[str, str]]:
    found = Table(service, PAGES).query("PartitionKey ge @first", {"first": ""})
    return [(row["PartitionKey"], row["RowKey"]) async for row in found]


@pytest.mark.parametrize("content", [b"", b"page", LARGE])
async def test_a_page_comes_back_as_it_was_kept(service: TableServiceClient, content: bytes) -> None:
    pages = KeptPages(service)
    assert await pages.load("readers", "now") is None
    await pages.save("readers", "now", content)
    assert await pages.load("readers", "now") == content
    assert await pages.load("readers", "later") is None
    assert await pages.load("operators", "now") is None


async def test_an_old_page_goes_once_the_new_one_is_whole(service: TableServiceClient) -> None:
    pages = KeptPages(service)
    await pages.save("readers", "1", LARGE)
    await pages.save("operators", "1", b"theirs")
    before = len(await rows(service))
    await pages.save("readers", "2", LARGE[::-1])
    assert len(await rows(service)) == before
    assert await pages.load("readers", "1") is None
    assert await pages.load("readers", "2") == LARGE[::-1]
    assert await pages.load("operators", "1") == b"theirs"


async def test_one_that_is_half_written_is_never_served(
    service: TableServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, written = KeptPages(service), 0
    await pages.save("readers", "1", LARGE)
    upsert = Table.upsert

    async def dies(table: Table, entity: dict[str, object]) -> None:
        nonlocal written
        written += 1
        if written > 2:
            raise RuntimeError("killed")
        await upsert(table, entity)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Table, "upsert", dies)
        await pages.save("readers", "2", LARGE[::-1])
    assert await pages.load("readers", "2") is None
    assert await pages.load("readers", "1") == LARGE
    await pages.save("readers", "3", b"small")
    assert len(await rows(service)) == 2  # what was left behind has gone, too


async def test_one_that_lacks_a_piece_or_holds_a_wrong_one_counts_as_none(service: TableServiceClient) -> None:
    pages, table = KeptPages(service), Table(service, PAGES)
    await pages.save("readers", "1", LARGE)
    (*_, (_, last)) = [row for row in await rows(service) if row[1] != "page"]
    row = await table.get("readers", last)
    assert row is not None
    await table.delete([("readers", last)])
    assert await pages.load("readers", "1") is None
    await table.upsert({**row, "data00": b"something else"})
    assert await pages.load("readers", "1") is None
    await table.upsert({**row, "data00": "no bytes"})
    assert await pages.load("readers", "1") is None
    await table.upsert({**row})
    assert await pages.load("readers", "1") == LARGE


async def test_a_forgotten_account_takes_every_page_with_it(service: TableServiceClient) -> None:
    await KeptPages(service).save("readers", "1", b"svc-a1@contoso.example")
    contents = Contents(service)
    await contents.settle()
    before = await contents.stamp()
    await forget(service, {"a1"}, dry=True)
    assert await contents.stamp() == before
    assert await rows(service)
    await forget(service, {"a1"})
    assert await rows(service) == []
    assert await contents.stamp() not in (None, before)


async def test_while_accounts_are_written_nothing_can_be_told(service: TableServiceClient) -> None:
    store, other = FindingStore(service), Contents(service)
    assert await other.stamp() is None  # written by a version that didn't say so
    await store.contents.settle()
    first = await other.stamp()
    assert first is not None
    await store.contents.settle()
    assert await other.stamp() == first  # nothing was written
    await store.keep(account(), [seen()], alert_id="a")
    assert await other.stamp() is None
    await store.contents.settle()
    second = await other.stamp()
    assert second not in (None, first)
    await store.keep(account("a2"), [], alert_id="b")
    assert await other.stamp() is None  # whoever wrote died, and the next holder of the lease settles it
    await FindingStore(service).contents.settle()
    assert await other.stamp() not in (None, first, second)


async def test_after_a_lease_was_taken_over_it_takes_a_scan_of_everything(service: TableServiceClient) -> None:
    contents, sightings = Contents(service), SeenStore(service)
    await contents.settle()
    await sightings.demand_writes()
    await contents.settle()
    assert await contents.stamp() is None
    await sightings.save({})
    assert await contents.stamp() is not None
