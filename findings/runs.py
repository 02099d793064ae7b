"""One record per scan, in table ``runs``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from findings.clocks import TOLERANCE, run_not_after
from findings.errors import StorageError
from findings.keys import to_key
from findings.model import RunRecord, RunStatus
from findings.packing import pack, unpack
from findings.rows import present, utc, utc_or_none
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

    async def save(self, run: RunRecord) -> None:
        """Write a run whole: when it begins, as it gets on, and when it ends. Only who does the run writes it."""
        await self._runs.upsert(run_to_row(run))

    async def load(self, run_id: str) -> RunRecord | None:
        """The run with this id, or None."""
        try:
            key = to_key(run_id)
        except ValueError:  # too long for any run
            return None
        row = await self._runs.get(RUN, key)
        return run_from_row(row) if row is not None else None

    async def newest(self, limit: int = 50, since: datetime | None = None) -> list[RunRecord]:
        """The newest runs first, at most ``limit``; only those that started at or after ``since``."""
        conditions = "PartitionKey eq @run"
        parameters: dict[str, Any] = {"run": RUN}
        if since is not None:
            conditions += " and started ge @since"
            parameters["since"] = since
        runs = [run_from_row(row) async for row in self._runs.query(conditions, parameters)]
        return sorted(runs, key=lambda run: (run.started, run.id), reverse=True)[:limit]

    async def is_first(self, run: RunRecord) -> bool:
        """Whether no scan before this one was done."""
        conditions = "PartitionKey eq @run and started lt @before and ( status eq @complete or status eq @incomplete )"
        done = {"complete": RunStatus.COMPLETE.value, "incomplete": RunStatus.INCOMPLETE.value}
        rows = self._runs.query(conditions, {"run": RUN, "before": run.started, **done}, select=("RowKey",))
        return await anext(rows, None) is None

    async def last_tenant_id(self) -> str:
        """The tenant of the newest scan that was done; empty where there was none."""
        return next((run.tenant_id for run in await self.newest(limit=1000) if run.finished and run.tenant_id), "")

    async def put_right(self, now: datetime) -> None:
        """Rewrite the runs whose times can't have been yet, because the clock of their machine was ahead.

        Call it while holding the lease.
        """
        conditions = "PartitionKey eq @run and ( started gt @now or finished gt @now )"
        rows = self._runs.query(conditions, {"run": RUN, "now": now + TOLERANCE})
        for run in [run_from_row(row) async for row in rows]:
            await self.save(run_not_after(run, now))

    async def end_abandoned(self, now: datetime) -> list[RunRecord]:
        """Mark every run that still claims to be running as failed, and return them as they are now.

        Call it while holding the lease and before saving the own run: whoever is running then, was killed.
        """
        running = {"run": RUN, "running": RunStatus.RUNNING.value}
        rows = self._runs.query("PartitionKey eq @run and status eq @running", running)
        ended = [
            replace(run_from_row(row), status=RunStatus.FAILED, finished=now, error=ABANDONED) async for row in rows
        ]
        for run in ended:
            await self.save(run)
        return ended


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
                "notes": list(run.notes),
            }
        ),
    }


def run_from_row(row: Mapping[str, Any]) -> RunRecord:
    """The run in a row."""
    packed = unpack(row) or {}
    return RunRecord(
        id=row["run_id"],
        status=RunStatus(row["status"]),
        started=utc(row["started"]),
        finished=utc_or_none(row.get("finished")),
        trigger=row["trigger"],
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        partial=row.get("partial", False),
        accounts_total=row["accounts_total"],
        accounts_done=row["accounts_done"],
        graph_requests=row["graph_requests"],
        alert_id=row.get("alert_id"),
        error=row.get("error"),
        visibility=packed.get("visibility", {}),
        usability=packed.get("usability", {}),
        severities=packed.get("severities", {}),
        changes=packed.get("changes", {}),
        gaps=tuple(packed.get("gaps", ())),
        simulations=tuple(packed.get("simulations", ())),
        notes=tuple(packed.get("notes", ())),
    )


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
