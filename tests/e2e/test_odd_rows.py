"""Tables in which a newer version, or somebody, left rows that this version can't read: scans go on, and tell nothing false."""

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableEntity, UpdateMode
from azure.data.tables.aio import TableServiceClient

from findings.packing import pack
from tests.e2e.conftest import BACKUP, MAILER, Installation

Row = dict[str, Any]
NOW = datetime.now(UTC)
LEFT_ALONE: list[tuple[str, Row]] = [
    ("findings", {"PartitionKey": "gone", "RowKey": "finding;APW-001;mailbox", "status": "open"}),
    ("findings", {"PartitionKey": "gone", "RowKey": "change;alert;APW-001;snoozed", "kind": "snoozed"}),
    ("findings", {"PartitionKey": "gone", "RowKey": "change;odd"}),
    ("history", {"PartitionKey": "gone", "RowKey": "20991122T070000.000000Z;APW-001;snoozed", "kind": "snoozed"}),
    ("history", {"PartitionKey": "gone", "RowKey": "odd"}),
    ("runs", {"PartitionKey": "run", "RowKey": "paused", "status": "paused", "started": NOW}),
    ("runs", {"PartitionKey": "run", "RowKey": "odd", "started": NOW, "data00": b"damaged"}),
    ("runs", {"PartitionKey": "sight", "RowKey": "news;odd", "at": NOW, "alert_id": "odd", "data00": b"damaged"}),
    ("runs", {"PartitionKey": "sight", "RowKey": "news;newer", **pack({"news": [{"kind": "postponed", "key": "k"}]})}),
    ("exceptions", {"PartitionKey": "gone", "RowKey": "x", "exception": '{"id": "x"', "until": "2099-01-01"}),
    ("exceptions", {"PartitionKey": "gone", "RowKey": "guard;APW-001"}),
    (
        "alerts",
        {
            "PartitionKey": "odd",
            "RowKey": "alert",
            "status": "open",
            "created": NOW - timedelta(days=1),
            "data00": b"damaged",
        },
    ),
]
READ_ANEW: list[tuple[str, Row]] = [
    ("runs", {"PartitionKey": "sight", "RowKey": "state;odd", "key": "odd"}),
    ("signins", {"PartitionKey": "legacy", "RowKey": f"{NOW - timedelta(days=2):%Y-%m-%d}", "data00": b"damaged"}),
    ("signins", {"PartitionKey": "proposals", "RowKey": "latest", "data00": zlib.compress(b"[]")}),
    ("signins", {"PartitionKey": "audits", "RowKey": "latest", "data00": zlib.compress(b'{"rows": 7, "read": []}')}),
    ("signins", {"PartitionKey": "what_if", "RowKey": "latest", "data00": zlib.compress(b'{"a": 7}')}),
]


@pytest.fixture
def everything_on(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("AUDIT_LOG", "on")
    monkeypatch.setenv("WHAT_IF_BUDGET", "5")
    monkeypatch.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins,consents")
    return installation


def in_tables(installation: Installation, work: Callable[[TableServiceClient], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        async with TableServiceClient.from_connection_string(installation.storage) as service:
            return await work(service)

    return asyncio.run(run())


async def rows(service: TableServiceClient, table: str) -> list[TableEntity]:
    return [row async for row in service.get_table_client(table).list_entities()]


def test_scans_go_on_over_odd_rows_of_every_kind_and_tell_nothing_false(
    everything_on: Installation, tmp_path: Path
) -> None:
    installation = everything_on
    assert installation.scan().code == 1
    told = installation.told()
    assert {(kind, check) for kind, _, check in told} == {("opened", "APW-001"), ("opened", "APW-003")}
    accounts = {installation.graph.tenant.user(upn).id: upn for upn in (BACKUP, MAILER)}
    backup, mailer = accounts

    async def spoil(service: TableServiceClient) -> list[tuple[str, TableEntity]]:
        for table, row in LEFT_ALONE + READ_ANEW:
            await service.get_table_client(table).upsert_entity(row)
        findings = service.get_table_client("findings")
        damaged: dict[tuple[str, str], Row] = {
            (backup, "account"): {"judged_at": None, "data00": b"damaged"},
            (backup, "finding;APW-001"): {"status": "postponed"},
            (mailer, "account"): {"complete": 7, "selected": "yes", "data00": b"damaged", "display_name": None},
            (mailer, "finding;APW-003"): {
                "last_seen": None,
                "transitions": "[",
                "occurrences": "many",
                "exception": '{"id"',
                "fingerprint": None,
                "summary": None,
            },
        }
        for (partition, key), columns in damaged.items():
            row = {**await findings.get_entity(partition, key), **columns}
            kept = {name: value for name, value in row.items() if value is not None}
            await findings.update_entity(kept, mode=UpdateMode.REPLACE)
        finding = await findings.get_entity(mailer, "finding;APW-003")
        newer = {**finding, "RowKey": "finding;APW-999", "check_id": "APW-999", "status": "open"}
        await findings.upsert_entity(newer)
        left = [(table, await service.get_table_client(table).get_entity(**keys(row))) for table, row in LEFT_ALONE]
        others = [(backup, "finding;APW-001"), (mailer, "finding;APW-999")]
        return [*left, *[("findings", await findings.get_entity(*one)) for one in others]]

    left = in_tables(installation, spoil)
    for _ in range(2):
        again = installation.scan()
        assert again.code == 1, again.err
        assert again.document["run"]["complete"]
        assert again.account(BACKUP)["visibility"] == "hidden"
        assert installation.told() == told

    async def look(service: TableServiceClient) -> list[tuple[str, TableEntity]]:
        return [(table, await service.get_table_client(table).get_entity(**keys(row))) for table, row in left]

    assert in_tables(installation, look) == left
    shown = installation.run("findings", "--status", "all", "--format", "json")
    assert {one["check_id"] for one in shown.document["findings"]} == {"APW-003", "APW-999"}
    assert installation.run("exceptions", "list", "--format", "json").document["exceptions"] == []
    report = tmp_path / "report.html"
    assert installation.run("report", "--output", str(report)).code == 0
    assert BACKUP in report.read_text(encoding="utf-8")

    installation.graph.tenant.policies.clear()
    installation.graph.tenant.user(MAILER).mfa = "disabled"
    installation.scan()
    news = [one for one in installation.told() if one not in told]
    assert ("resolved", MAILER, "APW-003") in news
    assert {account for _, account, _ in news} == {MAILER}
    assert in_tables(installation, look) == left


def keys(row: Row) -> dict[str, str]:
    return {"partition_key": row["PartitionKey"], "row_key": row["RowKey"]}


def test_an_alert_whose_content_cannot_be_read_is_put_together_anew(installation: Installation) -> None:
    installation.receiver.status = 500
    installation.scan()
    refused = installation.told()
    assert len(refused) == 2

    async def spoil(service: TableServiceClient) -> None:
        (content,) = [row for row in await rows(service, "alerts") if row["RowKey"].startswith("0;")]
        await service.get_table_client("alerts").update_entity({**content, "data00": b"damaged"})

    in_tables(installation, spoil)
    installation.receiver.status = 202
    installation.receiver.calls.clear()
    assert installation.scan().code == 1
    assert installation.told() == refused
    installation.scan()
    assert len([call for call in installation.receiver.calls if call.path == "/webhook"]) == 1


def test_a_note_that_is_no_alerts_keeps_no_alert_from_being_told(installation: Installation) -> None:
    installation.scan()

    async def note(service: TableServiceClient) -> None:
        row = {"PartitionKey": "recovered", "RowKey": "alert;my note", "in_history": True}
        await service.get_table_client("runs").upsert_entity(row)

    in_tables(installation, note)
    installation.graph.tenant.user(MAILER).mfa = "enforced"
    installation.graph.tenant.changed()
    scanned = installation.scan("--account", MAILER)
    assert ("resolved", MAILER, "APW-003") in installation.told()
    assert "'my note' can't be the id of an alert" in scanned.err
