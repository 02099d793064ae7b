"""Accounts, findings and changes in real tables."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient

from findings.compare import compare
from findings.errors import ConflictError, StorageError
from findings.model import AcceptedException, ChangeKind, Observation, Snapshot
from findings.store import FindingStore
from tests.findings.build import DAY, DOCUMENT, HOUR, NOW, account, seen
from tests.findings.crash import FaultyTransport

ACCEPTED = AcceptedException("x", "a1", "svc-a1", "APW-001", "Migration", "Ada", NOW.date(), NOW, "Ada")
ODD_IDS = [
    "3f0e9a52-8a5c-4d0b-9d2e-6d1c3b1f0a77",
    "o'neil@contoso.example",
    "svc/backup\\x#y?z%2F!@contoso.example",
    "サービス@例え.example",
    "tab\tnewline\nnull\x00delete\x7f",
    "a;b=c&d+e f",
    "' or RowKey ge '",
    "@partition",
    "😀" * 20,
    " leading and trailing ",
    "%",
    "",
]


async def rows(service: TableServiceClient, table: str) -> list[TableEntity]:
    return [row async for row in service.get_table_client(table).list_entities()]


async def states(store: FindingStore, **filters: Any) -> list[tuple[str, str]]:
    return [(state.account_id, state.check_id) async for state in store.load_findings(now=NOW, **filters)]


# Keeping


async def test_what_was_kept_is_read_back_unaltered(store: FindingStore) -> None:
    record = account()
    outcome = await store.keep(record, [seen(), seen("APW-007")], alert_id="alert-1", exceptions=[ACCEPTED])
    snapshot = await store.load_snapshot("a1")
    assert snapshot.record == record
    assert snapshot.findings == outcome.states
    assert await store.changes_of("alert-1") == outcome.told
    assert await store.history("a1") == outcome.changes


async def test_an_account_that_was_never_kept_is_empty_even_without_tables(store: FindingStore) -> None:
    snapshot = await store.load_snapshot("a1")
    assert (snapshot.record, snapshot.findings, snapshot.etag) == (None, (), None)
    assert await states(store) == []
    assert await store.untold_alert_ids() == []
    assert await store.find_account("a1") is None


async def test_the_life_of_a_finding(store: FindingStore) -> None:
    steps: list[tuple[list[Observation], dict[str, Any], list[str]]] = [
        ([seen()], {}, ["opened"]),
        ([seen()], {}, []),
        ([seen(fingerprint="policy-2")], {}, ["changed"]),
        ([], {"undecided": {"APW-001"}}, []),
        ([], {}, ["resolved"]),
        ([], {}, []),
        ([seen()], {"undecided": {"APW-001"}}, ["reopened"]),
        ([], {"selected": False}, ["resolved"]),
    ]
    at, told = NOW, []
    for observed, how, kinds in steps:
        at += 3 * DAY
        closing = None if how.get("selected", True) else "The account is no longer selected."
        record = account(at=at, selected=closing is None)
        open_questions = how.get("undecided", ())
        outcome = await store.keep(record, observed, alert_id=at.isoformat(), closing=closing, undecided=open_questions)
        assert [change.kind.value for change in outcome.changes] == kinds
        told += kinds
    assert [change.kind.value for change in await store.history("a1")] == told


async def test_account_findings_and_changes_are_written_all_or_none(
    store: FindingStore, service: TableServiceClient
) -> None:
    await store.keep(account(), [seen()], alert_id="alert-1")
    stale = await store.load_snapshot("a1")
    await store.keep(account(at=NOW + HOUR), [seen()], alert_id="alert-2")
    before = await rows(service, "findings")
    late = account(at=NOW + 2 * HOUR)
    outcome = compare(late, stale.findings, [seen("APW-007")], alert_id="alert-3")
    with pytest.raises(ConflictError, match='Somebody else wrote to table "findings"'):
        await store.save_account(late, outcome, stale)
    assert await rows(service, "findings") == before
    assert len(await store.history("a1")) == 1


async def test_the_row_that_guards_an_account_is_read_before_its_findings(
    store: FindingStore, service: TableServiceClient
) -> None:
    """A reader between whose pages somebody writes must hold the older ETag, not the newer."""
    await store.keep(account(), [seen()], alert_id="alert-1")
    assert [row["RowKey"].partition(";")[0] for row in await rows(service, "findings")] == [
        "account",
        "change",
        "finding",
    ]


async def test_two_that_create_the_same_account_conflict(store: FindingStore) -> None:
    nothing = await store.load_snapshot("a1")
    outcome = compare(account(), [], [seen()], alert_id="alert-1")
    await store.save_account(account(), outcome, nothing)
    with pytest.raises(ConflictError):
        await store.save_account(account(), outcome, nothing)


async def test_whoever_loses_the_race_reads_again_and_finds_nothing_left_to_say(store: FindingStore) -> None:
    old = await store.load_snapshot("a1")
    await store.keep(account(), [seen()], alert_id="alert-1")
    outcome = await store.keep(account(), [seen()], alert_id="alert-2", snapshot=old)
    assert outcome.changes == ()
    assert await store.untold_alert_ids() == ["alert-1"]


async def test_many_at_once_tell_a_change_only_once(store: FindingStore) -> None:
    attempts = (store.keep(account(at=NOW), [seen()], alert_id=f"alert-{number}") for number in range(4))
    outcomes = await asyncio.gather(*attempts)
    assert sum(len(outcome.changes) for outcome in outcomes) == 1
    assert len(await store.untold_alert_ids()) == 1


async def test_whoever_never_gets_a_turn_gives_up_with_a_sentence(store: FindingStore, storage: str) -> None:
    """Somebody else writes the account between each of its reads and writes."""
    await store.keep(account(), [], alert_id="before")
    meddled = FaultyTransport()
    meddled.before_write = lambda: store.keep(account(), [], alert_id="other")
    async with TableServiceClient.from_connection_string(storage, transport=meddled) as client:
        with pytest.raises(ConflictError, match=r"'svc-a1@contoso\.example' was written by others 5 times"):
            await FindingStore(client).keep(account(at=NOW + HOUR), [seen()], alert_id="alert-1")
    assert await store.untold_alert_ids() == []


async def test_an_older_judgement_never_replaces_a_newer_one(store: FindingStore) -> None:
    await store.keep(account(at=NOW + HOUR), [], alert_id="recheck")
    outcome = await store.keep(account(at=NOW), [seen()], alert_id="slow scan")
    assert outcome.superseded
    assert outcome.changes == ()
    assert await states(store) == []


async def test_an_account_is_closed_by_what_a_scan_knows_of_it_and_keeps_its_document(store: FindingStore) -> None:
    await store.keep(account(), [seen()], alert_id="alert-1")
    (snapshot,) = [snapshot async for snapshot in store.load_snapshots()]
    assert snapshot.record
    gone = replace(snapshot.record, judged_at=NOW + HOUR, selected=False)
    outcome = await store.keep(gone, [], alert_id="alert-2", closing="The account was deleted.", snapshot=snapshot)
    assert [(change.kind, change.detail) for change in outcome.changes] == [(ChangeKind.RESOLVED, DOCUMENT)]
    kept = (await store.load_snapshot("a1")).record
    assert kept == replace(gone, document=DOCUMENT)


async def test_an_account_that_nothing_is_known_of_needs_a_document(store: FindingStore) -> None:
    with pytest.raises(ValueError, match="without its document"):
        await store.keep(replace(account(), document=None), [], alert_id="alert-1")


async def test_more_than_one_transaction_can_hold_is_refused_before_anything_is_written(store: FindingStore) -> None:
    observed = [seen(f"APW-{number:03}") for number in range(50)]
    with pytest.raises(ValueError, match="at most 100"):
        await store.keep(account(), observed, alert_id="alert-1")
    assert (await store.load_snapshot("a1")).record is None


async def test_as_much_as_one_transaction_holds_is_kept(store: FindingStore) -> None:
    observed = [seen(f"APW-{number:03}") for number in range(49)]
    outcome = await store.keep(account(), observed, alert_id="alert-1")
    assert await store.changes_of("alert-1") == outcome.changes


async def test_records_of_any_size_stay_within_the_limits_of_the_service(
    service: TableServiceClient, storage: str
) -> None:
    """Azurite takes what Azure would refuse, so the sizes are counted here."""
    chance = Random(1)
    reasons = [{"text": chance.randbytes(200).hex()} for _ in range(5000)]
    record = account(document={**DOCUMENT, "reasons": reasons})
    observed = [seen(f"APW-{number:03}") for number in range(40)]
    counting = FaultyTransport()
    async with TableServiceClient.from_connection_string(storage, transport=counting) as client:
        await FindingStore(client).keep(record, observed, alert_id="alert-1")
    assert 512 * 1024 < counting.largest < 1024 * 1024
    for row in await rows(service, "findings"):
        binary = [value for value in row.values() if isinstance(value, bytes)]
        assert sum(map(len, binary)) <= 256 * 1024
        assert max(map(len, binary), default=0) <= 64 * 1024
        assert len(row) < 250
    store = FindingStore(service)
    kept = (await store.load_snapshot("a1")).record
    assert kept
    assert kept.document
    assert len(kept.document["reasons"]) + kept.document["reasons_omitted"] == len(reasons)
    assert len(kept.document["reasons"]) > 100
    (first, *_) = await store.changes_of("alert-1")
    assert len(first.detail["reasons"]) + first.detail["reasons_omitted"] == len(reasons)


# Hostile names


@pytest.mark.parametrize("account_id", ODD_IDS)
async def test_an_account_may_have_any_id(store: FindingStore, account_id: str) -> None:
    record = replace(account(account_id), user_principal_name="svc@contoso.example", display_name="Service")
    outcome = await store.keep(record, [seen()], alert_id="a'b;c/d")
    assert (await store.load_snapshot(account_id)).findings == outcome.states
    assert [snapshot.account_id async for snapshot in store.load_snapshots()] == [account_id]
    assert await store.untold_alert_ids() == ["a'b;c/d"]
    changes = await store.changes_of("a'b;c/d")
    assert [change.account_id for change in changes] == [account_id]
    await store.mark_told(changes)
    assert await store.untold_alert_ids() == []
    assert len(await store.history(account_id)) == 1


@pytest.mark.parametrize("name", [name for name in ODD_IDS if name])
async def test_a_filter_finds_exactly_the_name_that_was_asked_for(store: FindingStore, name: str) -> None:
    await store.keep(account("a1", upn=name), [seen()], alert_id="alert-1")
    await store.keep(account("a2"), [seen()], alert_id="alert-1")
    assert await states(store, account=name) == [("a1", "APW-001")]
    assert (await store.find_account(name) or account("none")).account_id == "a1"
    assert await states(store, severity=name) == []
    assert await states(store, status="' or status ne '") == []


async def test_a_name_longer_than_any_key_is_simply_not_found(store: FindingStore) -> None:
    await store.keep(account("a1"), [seen()], alert_id="alert-1")
    assert await states(store, account="/" * 10_000) == []
    assert await store.find_account("x" * 10_000) is None


async def test_hostile_texts_come_back_as_they_were(store: FindingStore) -> None:
    text = "<script>\u202e=HYPERLINK(1)\r\n\x00'\"`*_[x](y)😀"
    observed = replace(seen(), summary=text, title=text)
    await store.keep(replace(account(), display_name=text), [observed], alert_id="alert-1")
    (change,) = await store.changes_of("alert-1")
    assert (change.display_name, change.summary, change.title) == (text, text, text)


async def test_text_that_no_encoding_can_carry_is_repaired_and_changes_nothing_by_itself(store: FindingStore) -> None:
    observed = replace(seen(), summary="\ud800" + "x" * 100_000, fingerprint="\udfff" * 10_000)
    await store.keep(account(), [observed], alert_id="alert-1")
    outcome = await store.keep(account(at=NOW + HOUR), [observed], alert_id="alert-2")
    assert outcome.changes == ()
    assert len((await store.load_snapshot("a1")).findings[0].summary) < 10_000


# Telling


async def test_groups_wait_oldest_first_until_they_are_told(store: FindingStore) -> None:
    await store.keep(account("a1", at=NOW), [seen()], alert_id="z-first")
    await store.keep(account("a2", at=NOW + HOUR), [seen()], alert_id="a-second")
    await store.keep(account("a3", at=NOW + HOUR), [seen()], alert_id="a-second")
    assert await store.untold_alert_ids() == ["z-first", "a-second"]
    await store.mark_told(await store.changes_of("a-second"))
    assert await store.untold_alert_ids() == ["z-first"]
    assert await store.changes_of("a-second") == ()


async def test_groups_whose_ids_begin_alike_are_kept_apart(store: FindingStore) -> None:
    await store.keep(account("a1"), [seen()], alert_id="alert")
    await store.keep(account("a2"), [seen()], alert_id="alert-1")
    assert [change.account_id for change in await store.changes_of("alert")] == ["a1"]


async def test_marking_twice_does_no_harm(store: FindingStore, service: TableServiceClient) -> None:
    observed = [seen(), seen("APW-007")]
    await store.keep(account(), observed, alert_id="alert-1")
    changes = await store.changes_of("alert-1")
    await store.mark_told(changes[:1])
    await store.mark_told(changes)
    await store.mark_told(changes)
    assert await store.history("a1") == changes
    assert len(await rows(service, "findings")) == 3


async def test_silent_changes_wait_for_nobody(store: FindingStore, service: TableServiceClient) -> None:
    await store.keep(account(), [seen()], alert_id="alert-1", exceptions=[ACCEPTED])
    assert await store.untold_alert_ids() == []
    assert [change.silence for change in await store.history("a1")] == ["exception"]
    assert not [row for row in await rows(service, "findings") if row["RowKey"].startswith("change")]


async def test_hundreds_of_changes_make_one_group(store: FindingStore) -> None:
    """More than one page of the service, and more than one transaction per account."""
    names = [f"a{number:02}" for number in range(11)]
    observed = [seen(f"APW-{number:03}") for number in range(49)]
    for name in names:
        await store.keep(account(name), observed, alert_id="alert-1")
    changes = await store.changes_of("alert-1")
    assert [change.account_id for change in changes] == [name for name in names for _ in observed]
    assert [len(snapshot.findings) async for snapshot in store.load_snapshots()] == [49] * 11
    assert len(await states(store)) == 539
    assert [change.check_id async for change in store.history_since(NOW)] == [change.check_id for change in changes]


# Reading


@pytest.fixture
async def kept(store: FindingStore) -> FindingStore:
    await store.keep(account("a1"), [seen(), seen("APW-010", "medium")], alert_id="alert-1")
    await store.keep(account("a2", upn="SVC-Two@Contoso.example"), [seen()], alert_id="alert-1")
    await store.keep(account("a2", upn="SVC-Two@Contoso.example", at=NOW + DAY), [], alert_id="alert-2")
    await store.keep(account("a3"), [seen()], alert_id="alert-1")
    gone = account("a3", at=NOW + DAY, selected=False)
    await store.keep(gone, [], alert_id="alert-2", closing="The account was deleted.")
    return store


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [("a1", "APW-001"), ("a1", "APW-010"), ("a2", "APW-001"), ("a3", "APW-001")]),
        ({"status": "open"}, [("a1", "APW-001"), ("a1", "APW-010")]),
        ({"status": "resolved"}, [("a2", "APW-001"), ("a3", "APW-001")]),
        ({"status": "open", "severity": "medium"}, [("a1", "APW-010")]),
        ({"check_id": "APW-010"}, [("a1", "APW-010")]),
        ({"account": "a2"}, [("a2", "APW-001")]),
        ({"account": "A2"}, [("a2", "APW-001")]),
        ({"account": "svc-two@contoso.EXAMPLE"}, [("a2", "APW-001")]),
        ({"account": "nobody"}, []),
        ({"status": "closed"}, []),
    ],
)
async def test_findings_are_filtered(
    kept: FindingStore, filters: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    assert await states(kept, **filters) == expected


async def test_findings_show_the_exception_that_covers_them_now(kept: FindingStore) -> None:
    found = [state async for state in kept.load_findings(now=NOW, account="a1", exceptions=[ACCEPTED])]
    assert [state.exception for state in found] == [ACCEPTED, None]
    assert found[0].public()["excepted_until"] == "2026-11-22"
    later = [state async for state in kept.load_findings(now=NOW + DAY, account="a1", exceptions=[ACCEPTED])]
    assert [state.exception for state in later] == [None, None]


async def test_accounts_are_those_that_are_selected(kept: FindingStore) -> None:
    assert [record.account_id async for record in kept.load_accounts()] == ["a1", "a2"]
    everyone = [record async for record in kept.load_accounts(selected_only=False)]
    assert [record.account_id for record in everyone] == ["a1", "a2", "a3"]
    assert everyone[0] == account("a1")


async def test_snapshots_hold_what_a_scan_compares_with_and_no_documents(kept: FindingStore) -> None:
    snapshots = {snapshot.account_id: snapshot async for snapshot in kept.load_snapshots()}
    for account_id, snapshot in snapshots.items():
        alone = await kept.load_snapshot(account_id)
        assert alone.record
        assert snapshot == replace(alone, record=replace(alone.record, document=None))


async def test_history_is_in_order_and_can_begin_at_a_time(kept: FindingStore) -> None:
    assert [(change.kind.value, change.at) for change in await kept.history("a2")] == [
        ("opened", NOW),
        ("resolved", NOW + DAY),
    ]
    since = [(change.account_id, change.kind.value) async for change in kept.history_since(NOW + timedelta(seconds=1))]
    assert since == [("a2", "resolved"), ("a3", "resolved")]


# Failures


async def test_storage_that_cannot_be_reached_is_one_clear_error() -> None:
    nowhere = "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:9/x"
    async with TableServiceClient.from_connection_string(nowhere, retry_total=0) as service:
        for attempt in (
            FindingStore(service).keep(account(), [seen()], alert_id="alert-1"),
            FindingStore(service).untold_alert_ids(),
        ):
            with pytest.raises(StorageError) as error:
                await attempt
            assert 'table "findings"' in str(error.value)
            assert "can't be reached" in str(error.value)
            assert "AzureWebJobsStorage" in str(error.value)
            assert "eA==" not in str(error.value)


async def test_a_wrong_key_is_one_clear_error(storage: str) -> None:
    wrong = ";".join(part if "AccountKey" not in part else "AccountKey=d3Jvbmc=" for part in storage.split(";"))
    async with TableServiceClient.from_connection_string(wrong, retry_total=0) as service:
        store = FindingStore(service)
        with pytest.raises(StorageError, match=r"Writing to table \"runs\".* answered 403") as error:
            await store.save_account(account(), compare(account(), [], [], alert_id="a"), Snapshot("a1", None))
        assert "d3Jvbmc=" not in str(error.value)
        with pytest.raises(StorageError, match=r"Reading table \"findings\".* answered 403"):
            await store.load_snapshot("a1")
