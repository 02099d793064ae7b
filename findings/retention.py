"""Deleting: what is old, and everything about one account."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from findings.exceptions import EXCEPTIONS
from findings.keys import prefix_range, time_key, to_key
from findings.rows import ACCOUNT, FINDING
from findings.runs import RUN, RUNS, run_from_row, run_to_row
from findings.store import FINDINGS, HISTORY
from findings.tables import Table

KEEP_DAYS = 365
KEYS = ("PartitionKey", "RowKey")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    history: int = 0
    runs: int = 0
    findings: int = 0
    accounts: int = 0
    exceptions: int = 0


async def prune(service: TableServiceClient, now: datetime, keep_days: int = KEEP_DAYS) -> Pruned:
    """Delete what ended more than ``keep_days`` ago: history, runs, resolved findings, exceptions that are over, and
    accounts that are no longer selected. Open findings and changes that wait to be told stay, however old they are.

    Call it while holding the lease: a scan must not write a finding that is being deleted.
    """
    cutoff = now - timedelta(days=keep_days)
    history, runs, findings, exceptions = (Table(service, name) for name in (HISTORY, RUNS, FINDINGS, EXCEPTIONS))
    resolved = {**prefix_range(FINDING), "cutoff": cutoff}
    gone = {"account": ACCOUNT, "no": False, "cutoff": cutoff}
    return Pruned(
        history=await _delete(history, "RowKey lt @cutoff", {"cutoff": time_key(cutoff)}),
        runs=await _delete(runs, "PartitionKey eq @run and started lt @cutoff", {"run": RUN, "cutoff": cutoff}),
        findings=await _delete(findings, "RowKey ge @low and RowKey lt @high and resolved_at lt @cutoff", resolved),
        accounts=await _delete(findings, "RowKey eq @account and selected eq @no and judged_at lt @cutoff", gone),
        exceptions=await _delete(exceptions, "until lt @cutoff", {"cutoff": cutoff.date().isoformat()}),
    )


async def forget(service: TableServiceClient, account_id: str) -> int:
    """Delete everything that is kept about one account, changes that wait to be told and exceptions included.

    An account that is still selected comes back with the next scan, as if it had never been seen. What alerts have
    carried away, and what the alerts themselves keep, is not here.

    Returns:
        How many rows were deleted or cleansed.
    """
    count = 0
    partition = {"partition": to_key(account_id)}
    for name in (FINDINGS, HISTORY, EXCEPTIONS):
        count += await _delete(Table(service, name), "PartitionKey eq @partition", partition)
    return count + await _forget_gaps(Table(service, RUNS), account_id)


async def _forget_gaps(runs: Table, account_id: str) -> int:
    """Runs name the accounts of which something was unreadable."""
    count = 0
    async for row in runs.query("PartitionKey eq @run", {"run": RUN}):
        run = run_from_row(row)
        gaps = tuple(gap for gap in run.gaps if gap.get("account") != account_id)
        if gaps != run.gaps:
            await runs.upsert(run_to_row(replace(run, gaps=gaps)))
            count += 1
    return count


async def _delete(table: Table, conditions: str, parameters: Mapping[str, Any]) -> int:
    rows = table.query(conditions, parameters, select=KEYS)
    return await table.delete([(row["PartitionKey"], row["RowKey"]) async for row in rows])
