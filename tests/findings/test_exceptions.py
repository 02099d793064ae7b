"""Accepted findings."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.exceptions import ExceptionRefused, ExceptionStore
from findings.model import AcceptedException
from tests.findings.build import DAY, HOUR, NOW

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


async def test_adding_the_same_again_changes_nothing(service: TableServiceClient) -> None:
    first = await add(service)
    assert await add(service, now=NOW + HOUR, created_by="somebody else") == first
    assert await ExceptionStore(service).load() == [first]


async def test_another_one_for_the_same_finding_ends_the_one_before_and_both_stay_known(
    service: TableServiceClient,
) -> None:
    first = await add(service)
    second = await add(service, until=TODAY + timedelta(days=30), now=NOW + HOUR, created_by="Grace")
    (ended,) = [exception for exception in await ExceptionStore(service).load() if exception.id == first.id]
    assert (ended.ended_at, ended.ended_by, ended.reason) == (NOW + HOUR, "Grace", first.reason)
    assert await ExceptionStore(service).active(NOW + HOUR) == (second,)


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
