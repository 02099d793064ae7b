"""Accepted findings."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.errors import ConflictError, StorageError
from findings.exceptions import ExceptionHolds, ExceptionRefused, ExceptionStore
from findings.model import AcceptedException
from tests.findings.build import DAY, HOUR, NOW
from tests.findings.crash import FaultyTransport

TODAY = NOW.date()


async def add(service: TableServiceClient, **changed: Any) -> AcceptedException:
    values: dict[str, Any] = {
        "account_id": "a1",
        "user_principal_name": "svc-a1@contoso.example",
        "check_id": "APW-001",
        "reason": "Migration to OAuth",
        "owner": "Ada",
        "until": TODAY + timedelta(days=90),
        "created_by": "ada@contoso.example",
        "now": NOW,
    }
    return await ExceptionStore(service).add(**values | changed)


async def test_an_exception_comes_back_as_it_was(service: TableServiceClient) -> None:
    added = await add(service, reason="  Because of 'x' or 1 eq 1\n<b>  ", account_id="svc/odd#?")
    assert added.reason == "Because of 'x' or 1 eq 1\n<b>"
    assert await ExceptionStore(service).load() == [added]
    assert await ExceptionStore(service).active(NOW) == (added,)


async def test_without_a_table_there_are_none(service: TableServiceClient) -> None:
    assert await ExceptionStore(service).load() == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reason": " "}, "it needs a reason"),
        ({"owner": ""}, "it needs an owner"),
        ({"reason": "x" * 1001}, "its reason is longer than 1000 characters"),
        ({"until": TODAY - DAY}, "its end date 2026-11-21 is in the past"),
        ({"until": date(2027, 11, 23)}, "more than a year away; the latest is 2027-11-22"),
        (
            {"now": datetime(2028, 2, 29, 12, tzinfo=UTC), "until": date(2029, 3, 1)},
            "more than a year away; the latest is 2029-02-28",
        ),
        ({"reason": "", "owner": "", "until": TODAY - DAY}, "reason; it needs an owner; its end date"),
    ],
)
async def test_an_exception_needs_reason_owner_and_an_end_within_a_year(
    service: TableServiceClient, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(ExceptionRefused, match=says):
        await add(service, **changed)
    assert await ExceptionStore(service).load() == []


@pytest.mark.parametrize("until", [TODAY, date(2027, 11, 22)])
async def test_the_shortest_and_the_longest_exception(service: TableServiceClient, until: date) -> None:
    assert (await add(service, until=until)).until == until


async def test_it_holds_to_the_end_of_its_last_day_in_utc(service: TableServiceClient) -> None:
    added = await add(service, until=TODAY)
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    assert added.active(midnight - timedelta(seconds=1))
    assert not added.active(midnight)


async def test_whoever_asks_which_hold_reads_none_that_are_long_over(service: TableServiceClient) -> None:
    over = await add(service, until=TODAY)
    table = service.get_table_client("exceptions")
    async for row in table.list_entities():
        await table.update_entity({**row, "exception": "?"}, mode="replace")
    holding = await add(service, account_id="a2", until=TODAY + 2 * DAY, now=NOW)
    store = ExceptionStore(service)
    assert await store.active(NOW + DAY) == (holding,)
    assert store.odd == []
    await store.load()
    assert over.account_id in store.odd[0]


async def test_adding_the_same_again_changes_nothing(service: TableServiceClient) -> None:
    first = await add(service)
    assert await add(service, now=NOW + HOUR, created_by="somebody else") == first
    assert await ExceptionStore(service).load() == [first]


async def test_another_one_for_the_same_finding_ends_the_one_before_and_both_stay_known(
    service: TableServiceClient,
) -> None:
    first = await add(service)
    second = await add(service, until=TODAY + timedelta(days=30), now=NOW + HOUR, created_by="Grace", replace=True)
    (ended,) = [exception for exception in await ExceptionStore(service).load() if exception.id == first.id]
    assert (ended.ended_at, ended.ended_by, ended.reason) == (NOW + HOUR, "Grace", first.reason)
    assert await ExceptionStore(service).active(NOW + HOUR) == (second,)


async def test_another_one_for_the_same_finding_is_refused_unless_it_is_to_replace_the_one_that_holds(
    service: TableServiceClient,
) -> None:
    first = await add(service)
    with pytest.raises(ExceptionHolds) as refused:
        await add(service, reason="Another reason", owner="Grace", now=NOW + HOUR)
    for said in (first.id, '"Ada"', str(first.until), "APW-001", "--replace"):
        assert said in str(refused.value)
    assert await ExceptionStore(service).load() == [first]


@pytest.mark.parametrize("replace", [False, True])
async def test_of_several_that_are_added_at_once_exactly_one_holds(service: TableServiceClient, replace: bool) -> None:
    for round_ in range(5):
        at_once = [add(service, reason=f"{round_} {one}", replace=replace, account_id=f"a{round_}") for one in range(4)]
        outcomes = await asyncio.gather(*at_once, return_exceptions=True)
        added = [one for one in outcomes if isinstance(one, AcceptedException)]
        assert all(isinstance(one, AcceptedException | ExceptionHolds) for one in outcomes)
        assert len(added) == (4 if replace else 1)
        holding = [one for one in await ExceptionStore(service).active(NOW) if one.account_id == f"a{round_}"]
        assert len(holding) == 1
        assert holding[0] in added


async def test_the_same_one_added_several_times_at_once_is_one(service: TableServiceClient) -> None:
    added = await asyncio.gather(*(add(service) for _ in range(4)))
    assert await ExceptionStore(service).load() == [added[0]]
    assert set(added) == {added[0]}


async def test_one_that_is_ended_while_it_is_replaced_is_ended_once(service: TableServiceClient, storage: str) -> None:
    first = await add(service)
    meddled = FaultyTransport()

    async def remove() -> None:
        meddled.before_write = None
        await ExceptionStore(service).remove(first.id, removed_by="Grace", now=NOW + HOUR)

    meddled.before_write = remove
    async with TableServiceClient.from_connection_string(storage, transport=meddled) as client:
        second = await add(client, reason="Another reason", replace=True, now=NOW + 2 * HOUR)
    ended, active = sorted(await ExceptionStore(service).load(), key=lambda one: one.created_at)
    assert (ended.ended_by, active) == ("Grace", second)


async def test_what_others_always_write_first_gives_up_with_a_sentence(
    service: TableServiceClient, storage: str
) -> None:
    meddled = FaultyTransport()
    numbers = iter(range(100))
    meddled.before_write = lambda: add(service, reason=f"{next(numbers)}", replace=True)
    async with TableServiceClient.from_connection_string(storage, transport=meddled) as client:
        with pytest.raises(ConflictError, match="5 times while this one was being added"):
            await add(client, replace=True)


async def test_one_whose_answer_was_lost_can_be_added_again_and_is_there_once(
    service: TableServiceClient, storage: str
) -> None:
    await add(service, account_id="a2")
    lossy = FaultyTransport(lose_write=0)
    async with TableServiceClient.from_connection_string(storage, transport=lossy, retry_total=0) as client:
        with pytest.raises(StorageError):
            await add(client)
        added = await add(client)
    assert await ExceptionStore(service).load(account_id="a1") == [added]


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        ({"until": "soon"}, False),
        ({"until": None}, False),
        ({"created_at": "2026-11-22T25:00:00Z"}, False),
        ({"ended_at": 7}, False),
        ({"check_id": 7}, False),
        ({"account_id": "another"}, False),
        ({"reason": None, "owner": 7, "created_by": []}, True),
    ],
)
async def test_one_that_cannot_be_read_silences_nothing_and_stops_nobody(
    service: TableServiceClient, damage: dict[str, Any], left: bool
) -> None:
    added, other = await add(service), await add(service, account_id="a2")
    await rewrite(service, added, lambda values: {**values, **damage})
    store = ExceptionStore(service)
    assert {one.id for one in await store.active(NOW)} == {other.id, *((added.id,) if left else ())}
    if not left:
        assert store.odd == [
            f"Row {added.id} of account a1 in table exceptions can't be read (exception): it is left as it is."
        ]
        assert (await add(service, reason="Another reason")).id != added.id
        assert len([row async for row in service.get_table_client("exceptions").list_entities()]) == 3


@pytest.mark.parametrize("name", ["id", "account_id", "check_id", "until", "created_at", "ended_at"])
async def test_one_that_lacks_what_decides_silences_nothing(service: TableServiceClient, name: str) -> None:
    await rewrite(service, await add(service), lambda values: {key: values[key] for key in values if key != name})
    assert await ExceptionStore(service).active(NOW) == ()


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", "[" * 100_000, '{"id": '])
async def test_what_is_no_exception_at_all_is_left_as_it_is(service: TableServiceClient, text: str) -> None:
    added = await add(service)
    await rewrite(service, added, lambda values: text[:30_000])
    store = ExceptionStore(service)
    assert await store.load() == []
    assert len(store.odd) == 1


async def test_what_another_version_knows_of_an_exception_is_carried_along(service: TableServiceClient) -> None:
    added = await add(service)
    newer = {"approved_by": ["Grace"], "extra": {"a": 1}}
    await rewrite(service, added, lambda values: {**values, **newer})
    store = ExceptionStore(service)
    (known,) = await store.active(NOW)
    assert known == replace(added, extra=newer)
    await store.remove(added.id, removed_by="Grace", now=NOW + HOUR)
    (ended,) = await store.load()
    assert (ended.extra, ended.ended_by, store.odd) == (newer, "Grace", [])


async def rewrite(
    service: TableServiceClient, exception: AcceptedException, change: Callable[[dict[str, Any]], dict[str, Any] | str]
) -> None:
    """Change the JSON in the row of an exception."""
    table = service.get_table_client("exceptions")
    row = await table.get_entity(exception.account_id, exception.id)
    changed = change(json.loads(row["exception"]))
    row["exception"] = changed if isinstance(changed, str) else json.dumps(changed)
    await table.upsert_entity(row)


async def test_exceptions_for_other_checks_and_accounts_live_side_by_side(service: TableServiceClient) -> None:
    added = [await add(service), await add(service, check_id=None), await add(service, account_id="a2")]
    assert set(await ExceptionStore(service).active(NOW)) == set(added)
    assert set(await ExceptionStore(service).load(account_id="a1")) == set(added[:2])


async def test_removing_ends_it_and_says_who_did(service: TableServiceClient) -> None:
    added = await add(service)
    store = ExceptionStore(service)
    removed = await store.remove(added.id, removed_by="Grace", now=NOW + HOUR)
    assert removed
    assert (removed.ended_at, removed.ended_by) == (NOW + HOUR, "Grace")
    assert await store.load() == [removed]
    assert await store.active(NOW + HOUR) == ()
    assert await store.remove(added.id, removed_by="Grace", now=NOW + HOUR) is None
    assert await store.remove("nothing", removed_by="Grace", now=NOW) is None


async def test_an_expired_exception_can_be_followed_by_a_new_one(service: TableServiceClient) -> None:
    expired = await add(service, until=TODAY)
    fresh = await add(service, now=NOW + 2 * DAY)
    assert await ExceptionStore(service).active(NOW + 2 * DAY) == (fresh,)
    assert expired in await ExceptionStore(service).load()


def test_an_exception_as_json_names_its_dates() -> None:
    exception = AcceptedException("x", "a1", "svc", None, "why", "Ada", TODAY, NOW, "Ada")
    assert exception.public() == {
        "id": "x",
        "account": "a1",
        "user_principal_name": "svc",
        "check_id": None,
        "reason": "why",
        "owner": "Ada",
        "until": "2026-11-22",
        "created_at": "2026-11-22T07:00:00Z",
        "created_by": "Ada",
        "ended_at": None,
        "ended_by": None,
    }
