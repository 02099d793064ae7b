"""Deleting: what is old, and everything about one account."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from findings.contents import Contents
from findings.exceptions import EXCEPTIONS
from findings.kept_pages import KeptPages
from findings.keys import from_key, prefix_range, time_key, to_key
from findings.model import Status
from findings.packing import NotPacked, is_packed, pack, unpack
from findings.rate import PARTITION as RATE
from findings.rows import ACCOUNT, FINDING
from findings.runs import RUN, RUNS
from findings.seen import SEEN
from findings.sight_store import SIGHT, names_objects
from findings.store import FINDINGS, HISTORY
from findings.tables import Table

KEEP_DAYS = 365
_DAY = timedelta(days=1)
KEYS = ("PartitionKey", "RowKey")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted."""

    history: int = 0
    runs: int = 0
    findings: int = 0
    accounts: int = 0
    exceptions: int = 0
    callers: int = 0
    """Of whom was counted how often they asked."""


async def prune(service: TableServiceClient, now: datetime, keep_days: int = KEEP_DAYS) -> Pruned:
    """Delete what ended more than ``keep_days`` ago: history, runs, resolved findings, exceptions that are over, and
    accounts that are no longer selected; and after a day who asked how often. Open findings and changes that wait to be told
    stay, however old they are.

    Call it while holding the lease: a scan must not write a finding that is being deleted. Whoever calls it settles what is deleted of
    findings and accounts (``findings/contents.py``).
    """
    contents = Contents(service)
    cutoff = now - timedelta(days=keep_days)
    history, runs, findings, exceptions = (Table(service, name) for name in (HISTORY, RUNS, FINDINGS, EXCEPTIONS))
    # Not everything that was resolved once: what has another status now, and be it an unknown one, stays.
    resolved = {**prefix_range(FINDING), "resolved": Status.RESOLVED.value, "cutoff": cutoff}
    over = "RowKey ge @low and RowKey lt @high and status eq @resolved and resolved_at lt @cutoff"
    gone = {"account": ACCOUNT, "no": False, "cutoff": cutoff}
    return Pruned(
        history=await _delete(history, "RowKey lt @cutoff", {"cutoff": time_key(cutoff)}),
        runs=await _delete(runs, "PartitionKey eq @run and started lt @cutoff", {"run": RUN, "cutoff": cutoff}),
        findings=await _delete(findings, over, resolved, contents=contents),
        accounts=await _delete(
            findings, "RowKey eq @account and selected eq @no and judged_at lt @cutoff", gone, contents=contents
        ),
        exceptions=await _delete(exceptions, "until lt @cutoff", {"cutoff": cutoff.date().isoformat()}),
        callers=await _delete(runs, "PartitionKey eq @rate and last lt @day", {"rate": RATE, "day": now - _DAY}),
    )


async def forget(service: TableServiceClient, names: Collection[str], *, dry: bool = False) -> int:
    """Delete everything that is kept about one account, changes that wait to be told and exceptions included.

    An account that is still selected comes back with the next scan, as if it had never been seen. Call it while holding
    the lease: a scan would write back what it read before.

    Args:
        service: The storage account.
        names: The account's object id and its user principal name, in lower case.
        dry: Only count.

    Returns:
        How many rows were deleted or cleansed, but for the pages that are kept: those all go, and are made anew.
    """
    count, contents = 0, Contents(service)
    if not dry:
        await contents.disturb()
        await KeptPages(service).drop_all()
    for partition in names:
        with suppress(ValueError):  # too long for any key
            parameters = {"partition": to_key(partition)}
            for name in (FINDINGS, HISTORY, EXCEPTIONS):
                count += await _delete(Table(service, name), "PartitionKey eq @partition", parameters, dry=dry)
    runs = Table(service, RUNS)
    count += await _cleanse_runs(runs, names, dry=dry) + await _drop_sight(runs, names, dry=dry)
    if not dry:
        await contents.settle()
    return count


async def _drop_sight(runs: Table, names: Collection[str], *, dry: bool) -> int:
    """Delete what is remembered, or waits to be told, of what can't be seen, where it names the account.

    What is about several accounts is kept of the others.
    """
    gone, cleansed = [], []
    async for row in runs.query("PartitionKey eq @sight", {"sight": SIGHT}):
        try:
            packed = unpack(row) or {}
        except NotPacked:
            continue
        left = _cleansed(packed, names)
        others = {name: value for name, value in row.items() if not is_packed(name)}
        if _names({**others, "packed": left}, names) or (left != packed and not names_objects(left)):
            gone.append((row["PartitionKey"], row["RowKey"]))
        elif left != packed:
            cleansed.append({**others, **pack(left)})
    if not dry:
        await runs.delete(gone)
        for entity in cleansed:
            await runs.upsert(entity)
    return len(gone) + len(cleansed)


def _names(row: Mapping[str, Any], names: Collection[str]) -> bool:
    said = [from_key(row["RowKey"]), str(row.get("text")), row["packed"]]
    text = json.dumps(said, default=str, ensure_ascii=False).lower()
    return any(name in text for name in names)


async def _cleanse_runs(runs: Table, names: Collection[str], *, dry: bool) -> int:
    """Runs name the accounts of which something was unreadable, and those that a waiting policy would change.

    The rows beside them name those that weren't written because nothing about them had changed.
    """
    count = 0
    async for row in runs.query("PartitionKey eq @run or PartitionKey eq @seen", {"run": RUN, "seen": SEEN}):
        try:
            packed = unpack(row) or {}
        except NotPacked:  # nor can anybody else read a name in it
            continue
        cleansed = _cleansed(packed, names)
        if cleansed != packed:
            count += 1
            if not dry:
                others = {name: value for name, value in row.items() if not is_packed(name)}
                await runs.upsert({**others, **pack(cleansed)})
    return count


def _cleansed(value: Any, names: Collection[str]) -> Any:
    """Plain JSON without the items of lists that are about some accounts."""
    if isinstance(value, dict):
        return {key: _cleansed(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_cleansed(one, names) for one in value if not _is_about(one, names)]
    return value


def _is_about(item: Any, names: Collection[str]) -> bool:
    if isinstance(item, str):
        return any(name in item.lower() for name in names)
    return isinstance(item, dict) and any(str(item.get(key)).lower() in names for key in ("account", "id"))


async def _delete(
    table: Table,
    conditions: str,
    parameters: Mapping[str, Any],
    *,
    dry: bool = False,
    contents: Contents | None = None,
) -> int:
    """``contents``: told before something is deleted."""
    rows = table.query(conditions, parameters, select=KEYS)
    keys = [(row["PartitionKey"], row["RowKey"]) async for row in rows]
    if keys and contents is not None:
        await contents.disturb()
    return len(keys) if dry else await table.delete(keys)
