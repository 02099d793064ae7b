"""One record per scan, in table ``runs``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from findings.errors import StorageError
from findings.keys import from_key, to_key
from findings.model import RunRecord, RunStatus
from findings.odd import OddRows, UnreadableRow, columns_of
from findings.packing import pack
from findings.rows import present
from findings.tables import Entity, Table

RUNS = "runs"
RUN = "run"
"""The partition of the runs; the lease has its own."""
ABANDONED = "The scan stopped without a word: its process ended before the scan did. The next scan made up for it."


def new_run_id(now: datetime) -> str:
    """A fresh id that sorts by time and can be read aloud, e.g. ``20261122T070000Z-3f9c2a1b``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"


class RunStore:
    """The runs. Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows(of="partition")

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, or not in full, in sentences."""
        return self._odd.sentences

    async def save(self, run: RunRecord) -> None:
        """Write a run whole: when it begins, as it gets on, and when it ends. Only who does the run writes it."""
        await self._runs.upsert(run_to_row(run))

    async def load(self, run_id: str) -> RunRecord | None:
        """The run with this id; None where there is none, or none that can be read."""
        try:
            key = to_key(run_id)
        except ValueError:  # too long for any run
            return None
        row = await self._runs.get(RUN, key)
        return self._read(row) if row is not None else None

    async def newest(self, limit: int = 50, since: datetime | None = None) -> list[RunRecord]:
        """The newest runs first, at most ``limit``; only those that started at or after ``since``."""
        conditions = "PartitionKey eq @run"
        parameters: dict[str, Any] = {"run": RUN}
        if since is not None:
            conditions += " and started ge @since"
            parameters["since"] = since
        runs = [run async for row in self._runs.query(conditions, parameters) if (run := self._read(row))]
        return sorted(runs, key=lambda run: (run.started, run.id), reverse=True)[:limit]

    async def is_first(self, run: RunRecord) -> bool:
        """Whether no scan before this one was done."""
        conditions = "PartitionKey eq @run and started lt @before and ( status eq @complete or status eq @incomplete )"
        done = {"complete": RunStatus.COMPLETE.value, "incomplete": RunStatus.INCOMPLETE.value}
        rows = self._runs.query(conditions, {"run": RUN, "before": run.started, **done}, select=("RowKey",))
        return await anext(rows, None) is None

    async def end_abandoned(self, now: datetime) -> list[RunRecord]:
        """Mark every run that still claims to be running as failed, and return them as they are now.

        Call it while holding the lease and before saving the own run: whoever is running then, was killed.
        """
        running = {"run": RUN, "running": RunStatus.RUNNING.value}
        rows = self._runs.query("PartitionKey eq @run and status eq @running", running)
        abandoned = [run async for row in rows if (run := self._read(row))]
        ended = [replace(run, status=RunStatus.FAILED, finished=now, error=ABANDONED) for run in abandoned]
        for run in ended:
            await self.save(run)
        return ended

    def _read(self, row: Mapping[str, Any]) -> RunRecord | None:
        return self._odd.read(RUNS, row, run_from_row)


def run_to_row(run: RunRecord) -> Entity:
    """The row of a run."""
    return {
        "PartitionKey": RUN,
        "RowKey": to_key(run.id),
        **present(
            run_id=run.id,
            status=run.status.value,
            started=run.started,
            finished=run.finished,
            trigger=run.trigger,
            tenant_id=run.tenant_id,
            tenant_name=run.tenant_name,
            partial=run.partial,
            accounts_total=run.accounts_total,
            accounts_done=run.accounts_done,
            graph_requests=run.graph_requests,
            alert_id=run.alert_id,
            error=run.error,
        ),
        **pack(
            {
                "visibility": dict(run.visibility),
                "usability": dict(run.usability),
                "severities": dict(run.severities),
                "changes": dict(run.changes),
                "gaps": [dict(gap) for gap in run.gaps],
                "simulations": [dict(one) for one in run.simulations],
            }
        ),
    }


def run_from_row(row: Mapping[str, Any]) -> RunRecord:
    """The run in a row; of a damaged one, whatever can be read.

    Raises ``UnreadableRow`` for a status that this version doesn't know, and where nothing says when it started.
    """
    read = columns_of(row)
    status, started = read.word("status", RunStatus), read.time("started") or read.time_or_none("finished")
    if status is None or started is None:
        raise UnreadableRow("started" if status else "status")
    packed = read.document() or {}
    return RunRecord(
        id=read.text("run_id", from_key(read["RowKey"])),
        status=status,
        started=started,
        finished=read.time_or_none("finished"),
        trigger=read.text("trigger", ""),
        tenant_id=read.text("tenant_id", ""),
        tenant_name=read.text("tenant_name", ""),
        partial=read.flag("partial", False) if "partial" in read else False,
        accounts_total=read.count("accounts_total", 0),
        accounts_done=read.count("accounts_done", 0),
        graph_requests=read.count("graph_requests", 0),
        alert_id=read.text_or_none("alert_id"),
        error=read.text_or_none("error"),
        visibility=_counts(packed, "visibility"),
        usability=_counts(packed, "usability"),
        severities=_counts(packed, "severities"),
        changes=_counts(packed, "changes"),
        gaps=_objects(packed, "gaps", "input"),
        simulations=_objects(packed, "simulations", "title", "accounts"),
    )


def _counts(packed: Mapping[str, Any], name: str) -> dict[str, int]:
    found = packed.get(name)
    items = found.items() if isinstance(found, dict) else ()
    return {key: count for key, count in items if isinstance(count, int)}


def _objects(packed: Mapping[str, Any], name: str, *needed: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a list that have at least what everybody needs of them."""
    found = packed.get(name)
    items = found if isinstance(found, list) else ()
    return tuple(one for one in items if isinstance(one, dict) and all(one.get(key) is not None for key in needed))


async def probe(service: TableServiceClient) -> None:
    """Create, read, change and delete a row of table ``runs`` that is no run.

    Raises ``StorageError`` for the first of these that is refused, or doesn't do what it says.
    """
    table, partition, row = Table(service, RUNS), "probe", uuid4().hex
    await table.put({"PartitionKey": partition, "RowKey": row, "step": 1}, None)
    await table.upsert({"PartitionKey": partition, "RowKey": row, "step": 2})
    found = await table.get(partition, row)
    await table.delete([(partition, row)])
    if found is None or found.get("step") != 2:
        raise StorageError("Table runs doesn't give back what was just written to it: check the storage account")
