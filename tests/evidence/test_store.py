"""Days of the sign-in log, kept in real tables."""

import zlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from evidence.store import Evidence, KeptDay, PassingEvidence, StoredEvidence
from findings.packing import pack

DAY = date(2026, 11, 21)
USE = [
    "u1",
    "Authenticated SMTP",
    "app",
    "Exchange",
    "",
    "background",
    3,
    "2026-11-21T01:00:00+00:00",
    "2026-11-21T09:00:00+00:00",
]


@pytest.fixture
async def service(storage: str) -> AsyncIterator[TableServiceClient]:
    async with TableServiceClient.from_connection_string(storage, retry_total=0) as client:
        yield client


@pytest.fixture(params=["table", "memory"])
def store(request: pytest.FixtureRequest, service: TableServiceClient) -> Evidence:
    return StoredEvidence(service) if request.param == "table" else PassingEvidence()


async def kept(store: Evidence) -> list[KeptDay]:
    return [day async for day in store.days()]


async def test_comes_back_as_it_was_kept(store: Evidence) -> None:
    day = KeptDay("accounts", ("u1", "u2"), DAY, {"uses": [USE], "demands": []})
    await store.keep(day)
    assert await kept(store) == [day]


async def test_a_day_is_kept_once_for_each_question(store: Evidence) -> None:
    for count in (1, 2):
        await store.keep(KeptDay("legacy", (), DAY, {"uses": [[count]]}))
        await store.keep(KeptDay("apps", ("a",), DAY, {"uses": [[count]]}))
    await store.keep(KeptDay("accounts", ("b",), DAY, {"uses": []}))
    assert [(day.about, list(day.sums["uses"])) for day in await kept(store)] == [
        ("accounts", []),
        ("apps", [[2]]),
        ("legacy", [[2]]),
    ]


async def test_a_day_with_more_uses_than_fit_keeps_the_first_of_them(service: TableServiceClient) -> None:
    phones = [[str(uuid4()), "Exchange ActiveSync", *USE[2:]] for _ in range(45_000)]
    await StoredEvidence(service).keep(KeptDay("legacy", (), DAY, {"uses": [USE, *phones], "demands": []}))
    (day,) = await kept(StoredEvidence(service))
    assert USE in day.sums["uses"]
    assert 10_000 < len(day.sums["uses"]) < 45_000


async def test_of_more_events_than_fit_the_newest_are_remembered(service: TableServiceClient) -> None:
    rows = [{"id": str(uuid4()), "of": [str(uuid4()) for _ in range(12)]} for _ in range(3000)]
    await StoredEvidence(service).remember("audits", {"since": "2026-10-23T07:00:00+00:00", "rows": rows})
    remembered = await StoredEvidence(service).recall("audits")
    assert remembered["since"] == "2026-10-23T07:00:00+00:00"
    assert remembered["rows"] == rows[: len(remembered["rows"])]
    assert len(remembered["rows"]) > 1000


async def test_old_days_are_forgotten(store: Evidence) -> None:
    for number in (1, 20, 21):
        await store.keep(KeptDay("legacy", (), date(2026, 11, number), {"uses": []}))
    await store.drop_before(date(2026, 11, 20))
    assert [day.day.day for day in await kept(store)] == [20, 21]


async def test_ten_thousand_uses_fit_into_one_day(service: TableServiceClient) -> None:
    uses = [[f"{number:08x}-9f3c-4b7d-8e4a-0123456789ab", *USE[1:]] for number in range(10_000)]
    store = StoredEvidence(service)
    await store.keep(KeptDay("legacy", (), DAY, {"uses": uses, "demands": []}))
    (day,) = await kept(store)
    assert len(day.sums["uses"]) == 10_000


async def test_proposals_are_those_of_the_last_scan_and_no_days(service: TableServiceClient) -> None:
    store = StoredEvidence(service)
    assert await store.proposals() == []
    await store.keep_proposals([{"id": "a"}, {"id": "b"}])
    await store.keep_proposals([{"id": "c"}])
    assert await store.proposals() == [{"id": "c"}]
    assert await kept(store) == []
    await store.drop_before(date(2100, 1, 1))
    assert await store.proposals() == [{"id": "c"}]


async def test_what_is_remembered_under_a_name_comes_back_and_is_no_day(store: Evidence) -> None:
    assert await store.recall("audits") == {}
    for count in (1, 2):
        await store.remember("audits", {"rows": [{"id": count}]})
    await store.remember("what_if", {"a": {"date": "2026-11-22"}})
    await store.drop_before(date(2027, 1, 1))
    assert await store.recall("audits") == {"rows": [{"id": 2}]}
    assert await store.recall("what_if") == {"a": {"date": "2026-11-22"}}
    assert await kept(store) == []


async def test_what_is_remembered_under_names_that_begin_alike_comes_back_together(store: Evidence) -> None:
    assert await store.recall_all("exchange_") == {}
    names = ("exchange", "exchange_", "exchange_users", "exchange_tenant", "exchangeable", "exchang", "f")
    for name in names:
        await store.remember(name, {"name": name})
    beginning = ("exchange_", "exchange_tenant", "exchange_users")
    assert await store.recall_all("exchange_") == {name: {"name": name} for name in beginning}


# Rows that can't be read


@pytest.mark.parametrize(
    "row",
    [
        {"data00": b"damaged"},
        {"data00": "a text"},
        {},
        {"data00": zlib.compress(b"[]")},
        {**pack({"ids": "u1", "uses": []})},
        {**pack({"ids": [1], "uses": []})},
        {**pack({"uses": []})},
        {**pack({"ids": [], "uses": []}), "RowKey": "2026-13-45"},
        {**pack({"ids": [], "uses": []}), "PartitionKey": "mobile;0123456789abcdef"},
    ],
)
async def test_a_day_that_cannot_be_read_is_not_there(service: TableServiceClient, row: dict[str, Any]) -> None:
    store, good = StoredEvidence(service), KeptDay("apps", ("a",), DAY, {"uses": []})
    await store.keep(good)
    written = {"PartitionKey": "legacy", "RowKey": DAY.isoformat(), **row}
    await service.get_table_client("signins").upsert_entity(written)
    assert await kept(store) == [good]
    key, partition = written["RowKey"], written["PartitionKey"]
    assert store.odd == [f"Row {key} of partition {partition} in table signins can't be read: it counts as not there."]


@pytest.mark.parametrize("row", [{"data00": b"damaged"}, {}, {"data00": zlib.compress(b"null")}])
async def test_what_was_remembered_and_cannot_be_read_is_forgotten(
    service: TableServiceClient, row: dict[str, Any]
) -> None:
    store = StoredEvidence(service)
    await store.remember("audits", {"rows": []})
    table = service.get_table_client("signins")
    await table.upsert_entity({"PartitionKey": "audits", "RowKey": "latest", **row}, mode=UpdateMode.REPLACE)
    await table.upsert_entity({"PartitionKey": "proposals", "RowKey": "latest", **row}, mode=UpdateMode.REPLACE)
    assert await store.recall("audits") == {}
    assert await store.proposals() == []
    assert len(store.odd) == 2
    await store.remember("audits", {"rows": [1]})
    assert await StoredEvidence(service).recall("audits") == {"rows": [1]}


@pytest.mark.parametrize(("kept_ones", "left"), [([{"id": "a"}, None, {"id": 1}], [{"id": "a"}]), ("text", [])])
async def test_proposals_that_cannot_be_read_are_left_out(
    service: TableServiceClient, kept_ones: Any, left: list[Any]
) -> None:
    store = StoredEvidence(service)
    await store.remember("proposals", {"proposals": kept_ones})
    assert await store.proposals() == left
    assert len(store.odd) == 1


async def test_what_cannot_be_read_may_name_anybody_and_goes_when_somebody_is_forgotten(
    service: TableServiceClient,
) -> None:
    store = StoredEvidence(service)
    good = KeptDay("legacy", (), DAY, {"uses": []})
    await store.keep(good)
    await service.get_table_client("signins").upsert_entity(
        {"PartitionKey": "accounts;1", "RowKey": "2026-11-20", "data00": b"damaged"}
    )
    assert await store.forget({"u1"}) == 1
    fresh = StoredEvidence(service)
    assert await kept(fresh) == [good]
    assert fresh.odd == []
