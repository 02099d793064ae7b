"""Rows that a newer version wrote, or that are damaged: none of them stops anything, and nothing false comes of them."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables import EdmType, EntityProperty, TableEntity, UpdateMode
from azure.data.tables.aio import TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from findings.accepted import dump_exception, load_exception
from findings.compare import compare
from findings.model import AccountRecord, Change, ChangeKind, FindingState, Status
from findings.odd import OddRows, UnreadableRow
from findings.packing import pack
from findings.retention import forget, prune
from findings.rows import (
    account_from_row,
    account_to_row,
    change_from_row,
    change_to_history,
    change_to_row,
    finding_from_row,
    finding_to_row,
)
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore, run_from_row, run_to_row
from findings.sight import Unseen, after_scan
from findings.sight_store import SightStore
from findings.store import FindingStore
from tests.findings.build import DAY, DOCUMENT, HOUR, NOW, account, seen
from tests.findings.test_store import ACCEPTED

FINDING = "finding;APW-001"


async def kept(store: FindingStore, service: TableServiceClient) -> None:
    """An open finding, which was told."""
    await store.keep(account(), [seen()], alert_id="alert-1")
    await store.mark_told(await store.changes_of("alert-1"))


async def damage(service: TableServiceClient, key: str, table: str = "findings", /, **columns: Any) -> TableEntity:
    """Change some columns of the one row with a key (None takes them out), and return the row."""
    client = service.get_table_client(table)
    row = await the_row(service, key, table)
    changed = {name: value for name, value in {**row, **columns}.items() if value is not None}
    await client.update_entity(changed, mode=UpdateMode.REPLACE)
    return await the_row(service, key, table)


async def the_row(service: TableServiceClient, key: str, table: str = "findings") -> TableEntity:
    rows = [row async for row in service.get_table_client(table).list_entities() if row["RowKey"].startswith(key)]
    (row,) = rows
    return row


# Findings


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"status": "postponed"}, 'status "postponed"'),
        ({"status": None}, "status"),
        ({"status": 7}, 'status "7"'),
        ({"status": "<b>\x00\n" + "x" * 500}, 'status "<b> ' + "x" * 75 + '…"'),
        ({"severity": "critical"}, 'severity "critical"'),
    ],
)
async def test_a_finding_that_cannot_be_read_is_left_as_it_is(
    store: FindingStore, service: TableServiceClient, columns: Mapping[str, Any], why: str
) -> None:
    await kept(store, service)
    row = await damage(service, FINDING, **columns)
    for days, observed in enumerate(([seen()], [], [seen(fingerprint="another")]), 1):
        outcome = await store.keep(account(at=NOW + days * DAY), observed, alert_id=f"alert-{days}")
        assert (outcome.changes, outcome.states) == ((), ())
    gone = account(at=NOW + 9 * DAY, selected=False)
    assert (await store.keep(gone, [], alert_id="closing", closing="It is gone.")).changes == ()
    assert await the_row(service, FINDING) == row
    assert [state async for state in store.load_findings(now=NOW)] == []
    assert await store.untold_alert_ids() == []
    assert store.odd == [
        f"Row finding;APW-001 of account a1 in table findings can't be read ({why}): it is left as it is."
    ]


async def test_the_other_findings_of_the_account_go_on_as_always(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, service)
    await damage(service, FINDING, status="postponed")
    opened = await store.keep(account(at=NOW + DAY), [seen(), seen("APW-007")], alert_id="alert-2")
    closed = await store.keep(account(at=NOW + 2 * DAY), [seen()], alert_id="alert-3")
    assert [(one.kind.value, one.check_id) for one in opened.changes + closed.changes] == [
        ("opened", "APW-007"),
        ("resolved", "APW-007"),
    ]
    (snapshot,) = [one async for one in store.load_snapshots()]
    assert [state.check_id for state in snapshot.findings] == ["APW-007"]
    assert snapshot.set_aside == frozenset({"APW-001"})


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"first_ever": None}, {"first_ever": NOW - 2 * HOUR}),
        ({"first_seen": "soon"}, {"first_seen": LONG_AGO}),
        ({"last_seen": None, "changed_at": 7}, {"last_seen": NOW - 2 * HOUR, "changed_at": NOW - 2 * HOUR}),
        ({"changed_at": "2026-11-22T09:00:00+02:00"}, {"changed_at": NOW.replace(microsecond=0)}),
        ({"occurrences": None}, {"occurrences": 1}),
        ({"occurrences": -3}, {"occurrences": 1}),
        ({"occurrences": EntityProperty(5, EdmType.INT64)}, {"occurrences": 5}),
        ({"transitions": None}, {"transitions": ()}),
        ({"transitions": "[1"}, {"transitions": ()}),
        ({"transitions": '["2026-11-22T07:00:00", 7]'}, {"transitions": ()}),
        ({"transitions": '["2026-11-22T07:00:00"]'}, {"transitions": (NOW.replace(microsecond=0),)}),
        ({"title": None, "summary": 7}, {"title": "APW-001", "summary": ""}),
        ({"check_id": "another"}, {}),
        ({"exception": '{"id": "x"'}, {"exception": None}),
        ({"flapping_since": "now", "resolution": 1.5, "cause": b"x"}, {"flapping_since": None}),
        ({"user_principal_name": None, "display_name": None}, {"user_principal_name": "a1", "display_name": "a1"}),
        ({"fingerprint": 7}, {"fingerprint": ""}),
        ({"severity": None}, {"severity": "high", "fingerprint": ""}),  # not to be taken for a change, or for harmless
        ({"pending": True}, {"pending": True}),
        ({"pending": "x"}, {}),
        ({"newer": "column"}, {}),
    ],
)
def test_of_a_damaged_finding_everything_else_is_used(columns: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    whole = replace(
        open_finding(),
        first_ever=LONG_AGO,
        first_seen=NOW - 2 * HOUR,
        changed_at=NOW - HOUR,
        last_seen=NOW,
        occurrences=2,
        severity="medium",
        transitions=(LONG_AGO, NOW - HOUR),
        exception=ACCEPTED,
    )
    row = {name: value for name, value in {**finding_to_row(whole), **columns}.items() if value is not None}
    assert finding_from_row(row) == replace(whole, **expected)


async def test_a_damaged_finding_is_made_whole_by_the_next_scan_without_a_word(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, service)
    await damage(service, FINDING, fingerprint=None, title=None, summary=None, occurrences="x")
    outcome = await store.keep(account(at=NOW + DAY), [seen(fingerprint="another")], alert_id="alert-2")
    assert outcome.changes == ()
    assert store.odd == [
        "Row finding;APW-001 of account a1 in table findings is damaged (title, fingerprint, summary, occurrences): what "
        "can be read of it is used."
    ]
    fresh = FindingStore(service)
    (state,) = (await fresh.load_snapshot("a1")).findings
    assert (state.title, state.summary, state.first_seen) == ("Title of APW-001", "APW-001 because of another.", NOW)
    assert fresh.odd == []


TIMES = ("first_ever", "first_seen", "changed_at", "last_seen")


@pytest.mark.parametrize("lost", [("severity",), TIMES, ("severity", *TIMES)])
async def test_a_finding_is_rebuilt_from_what_says_whose_it_is_and_whether_it_is_open(
    store: FindingStore, service: TableServiceClient, lost: tuple[str, ...]
) -> None:
    await kept(store, service)
    await damage(service, FINDING, **dict.fromkeys(lost))
    now = "medium" if "severity" in lost else "high"
    outcome = await store.keep(account(at=NOW + DAY), [seen(severity=now)], alert_id="alert-2", now=NOW + DAY)
    assert outcome.changes == ()
    assert store.odd == [
        f"Row finding;APW-001 of account a1 in table findings is damaged ({', '.join(lost)}): what can be read of it is used."
    ]
    fresh = FindingStore(service)
    (state,) = (await fresh.load_snapshot("a1")).findings
    assert (state.severity, state.open) == (now, True)
    assert state.first_seen == (NOW + DAY if TIMES[0] in lost else NOW)
    assert fresh.odd == []


async def test_a_rebuilt_finding_is_told_when_it_is_resolved(store: FindingStore, service: TableServiceClient) -> None:
    await kept(store, service)
    await damage(service, FINDING, **dict.fromkeys(("severity", *TIMES)))
    (change,) = (await store.keep(account(at=NOW + DAY), [], alert_id="alert-2", now=NOW + DAY)).told
    assert (change.kind, change.first_seen) == (ChangeKind.RESOLVED, NOW + DAY)


async def test_a_key_that_no_finding_of_this_version_has_is_left_as_it_is(
    store: FindingStore, service: TableServiceClient
) -> None:
    await kept(store, service)
    row = await the_row(service, FINDING)
    await service.get_table_client("findings").create_entity({**row, "RowKey": "finding;APW-001;mailbox"})
    outcome = await store.keep(account(at=NOW + DAY), [], alert_id="alert-2")
    assert [change.kind for change in outcome.changes] == [ChangeKind.RESOLVED]
    assert (await the_row(service, "finding;APW-001;mailbox"))["status"] == "open"


# Accounts


@pytest.mark.parametrize("judged_at", [None, 7, "soon"])
async def test_any_judgement_is_later_than_one_whose_time_cannot_be_read(
    store: FindingStore, service: TableServiceClient, judged_at: Any
) -> None:
    await kept(store, service)
    await damage(service, "account", judged_at=judged_at)
    (known,) = [one async for one in store.load_snapshots()]
    assert known.record == replace(account(), judged_at=datetime(1970, 1, 1, tzinfo=UTC), document=None)
    outcome = await store.keep(account(at=NOW - DAY), [seen()], alert_id="alert-2", snapshot=known)
    assert (outcome.superseded, outcome.changes) == (False, ())
    assert (await store.load_snapshot("a1")).record == account(at=NOW - DAY)


@pytest.mark.parametrize("columns", [{}, {"selected": 3}, {"data00": b"damaged"}])
async def test_an_account_that_cannot_be_read_can_be_written_again(
    store: FindingStore, service: TableServiceClient, columns: Mapping[str, Any]
) -> None:
    await kept(store, service)
    await damage(service, "account", judged_at=None, user_principal_name=None, **columns)
    snapshot = await store.load_snapshot("a1")
    assert snapshot.record is None
    assert snapshot.etag
    assert await store.find_account("a1") is None
    assert [one async for one in store.load_accounts()] == []
    (known,) = [one async for one in store.load_snapshots()]
    outcome = await store.keep(account(at=NOW + DAY), [seen()], alert_id="alert-2", snapshot=known)
    assert outcome.changes == ()
    assert (await store.load_snapshot("a1")).record == account(at=NOW + DAY)


async def test_of_a_damaged_account_everything_else_is_used(store: FindingStore, service: TableServiceClient) -> None:
    await kept(store, service)
    await damage(service, "account", complete="yes", selected=None, visibility=7, display_name=None, data00=b"damaged")
    (record,) = [one async for one in store.load_accounts()]
    assert record == replace(
        account(), complete=False, visibility="unknown", display_name="svc-a1@contoso.example", document={}
    )
    assert store.odd == [
        "Row account of account a1 in table findings is damaged (display_name, complete, selected, visibility, data): what "
        "can be read of it is used."
    ]


@pytest.mark.parametrize("data", [b"damaged", None, zlib.compress(b"[]"), "text"])
async def test_an_account_is_closed_although_its_document_cannot_be_read(
    store: FindingStore, service: TableServiceClient, data: Any
) -> None:
    await kept(store, service)
    await damage(service, "account", data00=data)
    (known,) = [one async for one in store.load_snapshots()]
    assert known.record
    gone = replace(known.record, judged_at=NOW + DAY, selected=False, document=None)
    outcome = await store.keep(gone, [], alert_id="alert-2", closing="It is gone.", snapshot=known)
    assert [(one.kind.value, one.detail) for one in outcome.changes] == [("resolved", {})]


# Changes


@pytest.mark.parametrize(
    "columns", [{"kind": "snoozed"}, {"flapping": "often"}, {"silence": "muted"}, {"status": "new"}]
)
async def test_a_change_that_says_something_unknown_is_neither_told_nor_deleted(
    store: FindingStore, service: TableServiceClient, columns: Mapping[str, Any]
) -> None:
    await store.keep(account("a1"), [seen()], alert_id="alert-1")
    odd = await damage(service, "change", **columns)
    await store.keep(account("a2"), [seen()], alert_id="alert-1")
    assert await store.recover() == 1
    assert [one.account_id for one in await store.changes_of("alert-1")] == ["a2"]
    await store.mark_told(await store.changes_of("alert-1"))
    assert await store.untold_alert_ids() == []
    assert await the_row(service, "change") == odd
    assert len(store.odd) == 1
    assert store.odd[0].startswith("Row change;alert-1;APW-001;opened of account a1 in table findings can't be read (")


async def test_a_change_of_a_kind_that_only_its_key_tells_is_left_alone_too(
    store: FindingStore, service: TableServiceClient
) -> None:
    await store.keep(account(), [seen()], alert_id="alert-1")
    client = service.get_table_client("findings")
    row = await the_row(service, "change")
    await client.create_entity({**row, "RowKey": "change;alert-1;APW-001;snoozed", "kind": "snoozed"})
    await client.create_entity({**row, "RowKey": "change;something else"})
    assert [one.kind.value for one in await store.changes_of("alert-1")] == ["opened"]
    assert len(store.odd) == 1
    await store.recover()
    assert len(store.odd) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"data00": b"damaged"},
        {"data00": None},
        {"change_id": None, "alert_id": None, "kind": None, "status": None, "check_id": None},
        {"at": None, "title": 7, "severity": None, "run_id": None, "exception": "{", "previous_severity": ""},
        {"first_seen": "x", "display_name": None, "user_principal_name": None, "summary": None},
    ],
)
async def test_a_damaged_change_is_told_all_the_same_and_once(
    store: FindingStore, service: TableServiceClient, columns: Mapping[str, Any]
) -> None:
    await store.keep(account(), [seen()], alert_id="alert-1")
    (whole,) = await store.changes_of("alert-1")
    await damage(service, "change", **columns)
    (change,) = await store.changes_of("alert-1")
    assert (change.id, change.kind, change.status, change.check_id) == (whole.id, whole.kind, Status.OPEN, "APW-001")
    assert (change.alert_id, change.at, change.first_seen) == (whole.alert_id, whole.at, whole.first_seen)
    await store.mark_told([change])
    assert await store.untold_alert_ids() == []
    assert [one.id for one in await store.history("a1")] == [whole.id]


async def test_the_history_shows_what_can_be_read_of_it(store: FindingStore, service: TableServiceClient) -> None:
    await kept(store, service)
    await store.keep(account(at=NOW + DAY), [], alert_id="alert-2")
    times = [row["RowKey"][:10] async for row in service.get_table_client("history").list_entities()]
    await damage(service, times[0], "history", kind="snoozed")
    await damage(service, times[1], "history", at=None, alert_id=None, data00=b"damaged")
    (change,) = await store.history("a1")
    assert (change.kind, change.at, change.alert_id, change.detail) == (ChangeKind.RESOLVED, NOW + DAY, "", {})
    assert [one.kind async for one in store.history_since(NOW)] == [ChangeKind.RESOLVED]


# Runs


TENANT = "70000000-0000-4000-8000-000000000001"
RUN = RunRecord(
    "20261122T070000Z-3f9c2a1b",
    RunStatus.COMPLETE,
    NOW,
    finished=NOW + HOUR,
    trigger="schedule",
    accounts_total=3,
    severities={"high": 2},
    gaps=({"input": "groups", "error": "403", "account": "a1"},),
)


@pytest.mark.parametrize("columns", [{"status": "paused"}, {"status": None}, {"started": None, "finished": "x"}])
async def test_a_run_that_cannot_be_read_is_in_no_list(service: TableServiceClient, columns: Mapping[str, Any]) -> None:
    runs = RunStore(service)
    await runs.save(RUN)
    await runs.save(replace(RUN, id="other"))
    row = await damage(service, RUN.id, "runs", **columns)
    assert await runs.load(RUN.id) is None
    assert [run.id for run in await runs.newest()] == ["other"]
    assert await runs.end_abandoned(NOW) == []
    assert await the_row(service, RUN.id, "runs") == row
    assert len(runs.odd) == 1


async def test_of_a_damaged_run_everything_else_is_used(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(RUN)
    odd = {"visibility": {"hidden": "x"}, "severities": 7, "gaps": [RUN.gaps[0], None, {}], "simulations": "x"}
    columns = {"run_id": None, "started": None, "trigger": 7, "tenant_id": None, "accounts_total": None, "partial": "x"}
    await damage(service, RUN.id, "runs", **columns, **pack(odd))
    run = replace(RUN, started=NOW + HOUR, trigger="", accounts_total=0, severities={})
    assert await runs.load(RUN.id) == run
    await damage(service, RUN.id, "runs", data00=b"damaged")
    assert await runs.load(RUN.id) == replace(run, gaps=())


async def test_a_run_that_cannot_be_read_is_changed_by_nobody_and_hides_no_other(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(replace(RUN, tenant_id=TENANT))
    await runs.save(replace(RUN, id="later", finished=NOW + DAY))
    row = await damage(service, "later", "runs", started=None, finished="9999", run_id=None, status="complete")
    assert await runs.change("later", lambda run: run or replace(RUN, id="later")) is None
    assert await runs.last_whole(NOW) == replace(RUN, tenant_id=TENANT)
    assert await runs.last_tenant_id() == TENANT
    await runs.put_right(NOW - DAY)
    assert await runs.end_abandoned(NOW) == []
    assert await the_row(service, "later", "runs") == row


@pytest.mark.parametrize("damaged", ["snoozed", -7, b"\x00", ""])
async def test_what_is_no_id_of_a_tenant_stops_no_scan(service: TableServiceClient, damaged: object) -> None:
    runs = RunStore(service)
    await runs.save(replace(RUN, tenant_id=TENANT))
    await runs.save(replace(RUN, id="later", finished=NOW + DAY, tenant_id=TENANT))
    await damage(service, "later", "runs", tenant_id=damaged)
    assert await runs.last_tenant_id() == TENANT
    await damage(service, RUN.id, "runs", tenant_id=damaged)
    assert await runs.last_tenant_id() == ""


# What can't be seen


UNSEEN = Unseen("input policies", "The policies can't be read.", "the policies", "The policies can be read again.")


async def seen_twice(service: TableServiceClient) -> SightStore:
    """A store that remembers what two scans couldn't see, and the news of it under ``alert-1``."""
    store = SightStore(service)
    first = after_scan([], [UNSEEN], run_id="1", now=NOW)
    await store.keep(first, [])
    await store.keep(after_scan(first.kept, [UNSEEN], run_id="2", now=NOW + DAY), ["alert-1"], channels=("teams",))
    return store


@pytest.mark.parametrize(
    "columns",
    [
        {"data00": b"damaged"},
        {"data00": None},
        pack({"news": []}),
        pack({"news": [7]}),
        pack(
            {"news": [{"kind": "postponed", "since": NOW.isoformat(), "at": NOW.isoformat(), "key": "k", "text": "t"}]}
        ),
        pack({"news": [{"kind": "began", "since": "soon", "at": NOW.isoformat(), "key": "k", "text": "t"}]}),
    ],
)
async def test_news_that_cannot_be_read_is_neither_told_nor_deleted(
    service: TableServiceClient, columns: Mapping[str, Any]
) -> None:
    await seen_twice(service)
    row = await damage(service, "news", "runs", **columns)
    store = SightStore(service)
    assert await store.untold_alert_ids() == []
    assert await store.news_of("alert-1") == ((), ())
    assert await the_row(service, "news", "runs") == row
    assert len(store.odd) == 1


async def test_of_damaged_news_everything_else_is_told(service: TableServiceClient) -> None:
    store = await seen_twice(service)
    ((news,), channels) = await store.news_of("alert-1")
    kept = {"kind": "began", "since": NOW.isoformat(), "at": (NOW + DAY).isoformat(), "key": UNSEEN.key}
    await damage(
        service, "news", "runs", alert_id=None, at="x", **pack({"news": [{**kept, "text": 7, "at_once": "x"}]})
    )
    assert await store.untold_alert_ids() == ["alert-1"]
    told = replace(news, unseen=Unseen(UNSEEN.key, UNSEEN.key))
    assert await store.news_of("alert-1") == ((told,), channels)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"since": None}, {"since": NOW + DAY}),
        ({"run_id": 7, "told_at": "x"}, {"run_id": "", "told_at": None}),
        (
            {"key": None, "text": None, "label": 7, "ended": b"x", "at_once": "x", "reminded": 3},
            {"unseen": Unseen(UNSEEN.key, UNSEEN.key)},
        ),
        ({"since": None, "told_at": None}, None),
    ],
)
async def test_what_is_remembered_of_it_is_used_as_far_as_it_can_be_read(
    service: TableServiceClient, columns: Mapping[str, Any], expected: Mapping[str, Any] | None
) -> None:
    store = await seen_twice(service)
    (whole,) = await store.load()
    await damage(service, "state", "runs", **columns)
    assert await store.load() == ([] if expected is None else [replace(whole, **expected)])
    assert len(store.odd) == 1


# Deleting


async def test_what_cannot_be_read_is_not_deleted_for_its_age(store: FindingStore, service: TableServiceClient) -> None:
    await kept(store, service)
    await store.keep(account(at=NOW + DAY), [], alert_id="alert-2")
    await damage(service, FINDING, status="archived")
    await store.keep(account("a2"), [seen()], alert_id="alert-1")
    open_one = [
        row async for row in service.get_table_client("findings").list_entities() if row.get("status") == "open"
    ]
    (finding,) = [row for row in open_one if row["RowKey"] == FINDING]
    await service.get_table_client("findings").update_entity({**finding, "resolved_at": NOW})
    assert (await prune(service, NOW + 1000 * DAY)).findings == 0


async def test_nothing_of_a_forgotten_account_is_left_in_runs_that_cannot_be_read(service: TableServiceClient) -> None:
    runs = RunStore(service)
    await runs.save(RUN)
    await runs.save(replace(RUN, id="unpackable"))
    await damage(service, "unpackable", "runs", data00=b"damaged")
    newer = {"notes": ["Row x of account a1.", "Row x of account b2."], "gaps": list(RUN.gaps), "more": {"kept": [1]}}
    await damage(service, RUN.id, "runs", status="paused", newer="column", **pack(newer))
    assert await forget(service, {"a1"}) == 1
    row = await the_row(service, RUN.id, "runs")
    assert (row["status"], row["newer"]) == ("paused", "column")
    assert pack({"notes": ["Row x of account b2."], "gaps": [], "more": {"kept": [1]}})["data00"] == row["data00"]
    assert await forget(service, {"a1"}) == 0


# Notes


def test_many_odd_rows_are_named_and_the_others_counted() -> None:
    odd = OddRows()
    for number in range(25):
        for _ in range(2):
            odd.left("findings", {"PartitionKey": f"a{number}", "RowKey": "finding;APW!003B\u202e\x00"}, "status")
    assert len(odd.sentences) == 21
    assert (
        odd.sentences[0]
        == "Row finding;APW; of account a0 in table findings can't be read (status): it is left as it is."
    )
    assert odd.sentences[-1] == "5 more rows can't be read, or not in full."


# Whatever the damage


def open_finding() -> FindingState:
    (state,) = compare(account(), [], [seen()], alert_id="alert-1").states
    return state


def a_change() -> Change:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1", exceptions=[ACCEPTED]).changes
    return change


ROWS: Mapping[str, tuple[Callable[[Any], Any], Mapping[str, Any]]] = {
    "account": (account_from_row, account_to_row(account())),
    "finding": (finding_from_row, finding_to_row(replace(open_finding(), exception=ACCEPTED))),
    "change": (change_from_row, change_to_row(a_change(), pack(DOCUMENT))),
    "history": (change_from_row, change_to_history(a_change(), pack(DOCUMENT))),
    "run": (run_from_row, run_to_row(RUN)),
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: EntityProperty(value, EdmType.INT64)),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.binary(max_size=20).map(zlib.compress),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=5), parts, max_size=3),
    ).map(
        lambda value: zlib.compress(repr(value).replace("'", '"').replace("None", "null").encode("utf-8", "replace"))
    ),
    st.sampled_from(["[]", "{}", "null", "[[", '[""]', '{"id": 1}', "9999-12-31T23:59:59-23:59", "open", "high", "["]),
)


def damaged(data: st.DataObject, row: Mapping[str, Any]) -> dict[str, Any]:
    columns = sorted(row.keys() - {"PartitionKey", "RowKey"})
    changes = data.draw(st.dictionaries(st.sampled_from([*columns, "data01", "newer"]), JUNK, max_size=6))
    return {name: value for name, value in {**row, **changes}.items() if value is not None}


@given(st.data())
def test_no_damage_makes_reading_a_row_fail(data: st.DataObject) -> None:
    parse, row = ROWS[data.draw(st.sampled_from(sorted(ROWS)))]
    odd = OddRows()
    record = odd.read("table", damaged(data, row), parse)
    assert record is not None or odd.sentences
    assert all(sentence.isprintable() for sentence in odd.sentences)
    if isinstance(record, FindingState | Change | RunRecord):
        assert record.public()
    if isinstance(record, FindingState):
        assert record.open
        assert finding_from_row(finding_to_row(record)) == record
    if isinstance(record, AccountRecord):
        assert account_to_row(replace(record, document=record.document or {}))


@given(st.data())
def test_no_damage_resolves_an_open_finding_or_tells_of_it(data: st.DataObject) -> None:
    whole = open_finding().fingerprint
    row = damaged(data, finding_to_row(open_finding()))
    row.pop("flapping_since", None)  # a finding that flaps is told when it has settled
    try:
        before = [finding_from_row(row)]
    except UnreadableRow:
        return
    after = compare(account(at=NOW + DAY), before, [seen()], alert_id="alert-2")
    kinds = {change.kind for change in after.changes}
    assert ChangeKind.RESOLVED not in kinds
    if before[0].fingerprint in ("", whole) and before[0].severity == "high" and not before[0].pending:
        assert kinds == set()


@given(st.data())
def test_no_damage_makes_an_exception_hold_longer_or_for_more(data: st.DataObject) -> None:
    whole = json.loads(dump_exception(ACCEPTED) or "")
    parts = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
    changes = data.draw(st.dictionaries(st.sampled_from([*whole, "newer"]), parts, min_size=1, max_size=3))
    missing = data.draw(st.sets(st.sampled_from(sorted(whole)), max_size=2))
    values = {name: value for name, value in {**whole, **changes}.items() if name not in missing}
    try:
        exception = load_exception(json.dumps(values))
    except ValueError:
        return
    assert exception
    assert load_exception(dump_exception(exception)) == exception
    if "until" not in changes:
        assert exception.until == ACCEPTED.until
    if "check_id" not in changes:
        assert exception.check_id == ACCEPTED.check_id
