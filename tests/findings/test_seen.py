"""An account about which nothing changed isn't written; that it was seen is kept for all of them together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.model import AccountRecord, Comparison, Observation
from findings.retention import forget
from findings.rows import digest_of
from findings.seen import SeenStore, Sighting
from findings.store import FindingStore
from tests.findings.build import DAY, HOUR, NOW, account, seen


def judged(at: timedelta = timedelta(), **changes: Any) -> AccountRecord:
    record = replace(account("a1", at=NOW + at), **changes)
    return replace(record, run_id=f"run after {at}", digest=digest_of(record.document or {}))


async def again(
    store: FindingStore,
    record: AccountRecord,
    observations: Sequence[Observation],
    **more: Any,
) -> Comparison:
    """What a later scan of everything makes of it."""
    (snapshot,) = [one async for one in store.load_snapshots()]
    return await store.keep(
        record, observations, alert_id="alert-2", snapshot=snapshot, now=NOW + 10 * DAY, sparing=True, **more
    )


@pytest.fixture
async def known(store: FindingStore) -> FindingStore:
    await store.keep(judged(), [seen(), seen("APW-007")], alert_id="alert-1")
    return store


async def test_an_account_that_is_as_it_is_kept_is_not_written(known: FindingStore) -> None:
    before = await known.load_snapshot("a1")
    outcome = await again(known, judged(DAY), [seen(), seen("APW-007")])
    assert outcome.unchanged
    assert (outcome.changes, outcome.touched) == ((), ())
    assert {state.last_seen for state in outcome.states} == {NOW + DAY}
    assert await known.load_snapshot("a1") == before


@pytest.mark.parametrize(
    ("record", "observations", "more"),
    [
        ({"document": {"id": "a1", "reasons": ["another"]}}, ["APW-001", "APW-007"], {}),
        ({"display_name": "Another"}, ["APW-001", "APW-007"], {}),
        ({"per_user_mfa": "enforced"}, ["APW-001", "APW-007"], {}),
        ({"complete": False}, ["APW-001", "APW-007"], {}),
        ({"lost_since": NOW}, ["APW-001", "APW-007"], {}),
        ({}, ["APW-001"], {}),
        ({}, ["APW-001"], {"undecided": {"APW-007"}}),
        ({}, ["APW-001", "APW-007", "APW-011"], {}),
    ],
)
async def test_whatever_is_new_about_it_is_written(
    known: FindingStore, record: dict[str, Any], observations: list[str], more: dict[str, Any]
) -> None:
    outcome = await again(known, judged(DAY, **record), [seen(check) for check in observations], **more)
    assert not outcome.unchanged
    snapshot = await known.load_snapshot("a1")
    assert snapshot.record is not None
    assert snapshot.record.judged_at == NOW + DAY


async def test_it_is_written_once_a_week_all_the_same_and_where_its_row_is_damaged(
    known: FindingStore, service: TableServiceClient
) -> None:
    both = [seen(), seen("APW-007")]
    assert (await again(known, judged(6 * DAY), both)).unchanged
    assert not (await again(known, judged(7 * DAY), both)).unchanged
    assert (await again(known, judged(8 * DAY), both)).unchanged
    client = service.get_table_client("findings")
    await client.upsert_entity({"PartitionKey": "a1", "RowKey": "account", "complete": "perhaps"})
    assert not (await again(known, judged(8 * DAY), both)).unchanged


async def test_when_it_was_last_seen_is_known_though_it_was_not_written(
    known: FindingStore, service: TableServiceClient
) -> None:
    await SeenStore(service).save({"a1": Sighting(NOW, NOW + DAY, "run-2")})
    (snapshot,) = [one async for one in known.load_snapshots()]
    assert snapshot.record is not None
    assert (snapshot.record.judged_at, snapshot.record.run_id) == (NOW + DAY, "run-2")
    assert {state.last_seen for state in snapshot.findings} == {NOW + DAY}
    assert snapshot.written_at == NOW
    assert {state.last_seen async for state in known.load_findings(now=NOW)} == {NOW + DAY}
    outcome = await again(known, judged(2 * DAY), [seen(), seen("APW-007")])
    assert outcome.unchanged
    # What was written since has its own time, and an older judgement doesn't replace what was seen since it was made.
    assert (await again(known, judged(HOUR), [])).superseded
    await known.keep(judged(3 * DAY), [seen(), seen("APW-007")], alert_id="alert-3")
    (snapshot,) = [one async for one in known.load_snapshots()]
    assert snapshot.record is not None
    assert snapshot.record.judged_at == NOW + 3 * DAY


async def test_a_finding_that_was_not_seen_when_its_account_was_written_is_not_seen_later_either(
    known: FindingStore, service: TableServiceClient
) -> None:
    await again(known, judged(DAY), [seen()], undecided={"APW-007"})
    await SeenStore(service).save({"a1": Sighting(NOW + DAY, NOW + 2 * DAY, "run-3")})
    (snapshot,) = [one async for one in known.load_snapshots()]
    assert [(state.check_id, state.last_seen) for state in snapshot.findings] == [
        ("APW-001", NOW + 2 * DAY),
        ("APW-007", NOW),
    ]
    assert (await again(known, judged(3 * DAY), [seen()], undecided={"APW-007"})).unchanged
    assert not (await again(known, judged(3 * DAY), [seen(), seen("APW-007")])).unchanged


async def test_when_a_finding_was_last_seen_is_written_with_an_account_that_no_longer_shows_it(
    known: FindingStore, service: TableServiceClient
) -> None:
    await SeenStore(service).save({"a1": Sighting(NOW, NOW + DAY, "run-2")})
    await again(known, judged(2 * DAY), [seen()], undecided={"APW-007"})
    await SeenStore(service).save({})
    (snapshot,) = [one async for one in known.load_snapshots()]
    assert [(state.check_id, state.last_seen) for state in snapshot.findings] == [
        ("APW-001", NOW + 2 * DAY),
        ("APW-007", NOW + DAY),
    ]


async def test_when_a_finding_was_last_seen_is_written_with_an_account_that_is_not_read_any_more(
    known: FindingStore, service: TableServiceClient
) -> None:
    await SeenStore(service).save({"a1": Sighting(NOW, NOW + DAY, "run-2")})
    (snapshot,) = [one async for one in known.load_snapshots()]
    gone = judged(2 * DAY, selected=False, document=None)
    await known.keep(gone, [], alert_id="alert-2", closing="It is gone.", snapshot=snapshot)
    await SeenStore(service).save({})
    (snapshot,) = [one async for one in known.load_snapshots()]
    assert {(state.open, state.last_seen) for state in snapshot.findings} == {(False, NOW + DAY)}


async def test_an_account_is_shown_as_of_when_it_was_last_seen(
    known: FindingStore, service: TableServiceClient
) -> None:
    await SeenStore(service).save({"a1": Sighting(NOW, NOW + DAY, "run-2")})
    found = await known.find_account("a1")
    assert found is not None
    assert (found.judged_at, found.run_id) == (NOW + DAY, "run-2")
    assert [one async for one in known.load_accounts()] == [found]


async def test_thousands_take_a_few_rows_and_those_that_are_left_over_go(service: TableServiceClient) -> None:
    store = SeenStore(service)
    many = {f"{number:08}-0000-4000-8000-000000000000": Sighting(NOW, NOW + DAY, "run") for number in range(4100)}
    await store.save(many)
    assert await store.load() == many
    rows = [row["RowKey"] async for row in service.get_table_client("runs").list_entities()]
    assert rows == ["000", "001", "002"]
    few = dict(list(many.items())[:3])
    await store.save(few)
    assert await store.load() == few


async def test_every_account_is_written_once_where_somebody_asks_for_it(service: TableServiceClient) -> None:
    store = SeenStore(service)
    sightings = {"a1": Sighting(NOW, NOW + DAY, "run")}
    await store.save(sightings)
    assert not await store.writes_demanded()
    await store.demand_writes()
    assert await store.writes_demanded()
    assert await store.load() == sightings
    await store.save(sightings)
    assert not await store.writes_demanded()


async def test_rows_that_cannot_be_read_are_as_good_as_none(service: TableServiceClient) -> None:
    await service.create_table("runs")
    client = service.get_table_client("runs")
    await client.create_entity({"PartitionKey": "seen", "RowKey": "000", "data00": b"nothing"})
    assert await SeenStore(service).load() == {}


async def test_a_forgotten_account_is_forgotten_here_too(known: FindingStore, service: TableServiceClient) -> None:
    store = SeenStore(service)
    await store.save({"a1": Sighting(NOW, NOW + DAY, "run"), "b2": Sighting(NOW, NOW + DAY, "run")})
    await forget(service, ["a1"])
    assert list(await store.load()) == ["b2"]


async def test_what_waits_to_be_told_is_written_to_the_history_once_and_not_by_every_scan(
    known: FindingStore, service: TableServiceClient
) -> None:
    assert await known.recover() == 2, "nobody noted that all of it was kept"
    assert await known.recover() == 0
    outcome = await known.keep(judged(DAY), [], alert_id="alert-2")
    await known.note_kept("alert-2", outcome.changes)
    assert await known.recover() == 0
    assert await known.untold_alert_ids() == ["alert-1", "alert-2"]
    await known.mark_told(await known.changes_of("alert-1"))
    await known.mark_told(await known.changes_of("alert-2"))
    assert await known.recover() == 0


async def test_a_few_accounts_are_found_by_each_of_their_names(known: FindingStore) -> None:
    await known.keep(
        replace(account("b2"), user_principal_name="new@contoso.com", selected_as="Old@contoso.com"),
        [seen()],
        alert_id="alert-1",
    )
    for name in ("b2", "B2", "NEW@contoso.com", "old@contoso.com"):
        (found,) = await known.load_snapshots_of([name])
        assert (found.account_id, len(found.findings)) == ("b2", 1)
        assert found.record is not None
        assert found.record.document is None
    assert await known.load_snapshots_of(["nobody@contoso.com"]) == []
