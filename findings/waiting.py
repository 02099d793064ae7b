"""The alerts with changes that wait to be told, in partition ``recovered`` of table ``runs``: a row for each.

To find them by the changes themselves takes a pass over everything that is kept. A scan of everything does that when it begins, and puts right
what stands here: an older version writes changes without a word of it, and a process that was frozen may write one late. A scan of some
accounts, for which somebody waits, goes by what stands here.

The row is written before the alert's first change. Once all of its changes are in the history, it says so: nobody need write them again. Only a
scan that was killed leaves one that doesn't. The row goes when everything is told; one that is left over costs a message that nothing
follows from, until the next scan of everything.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from azure.data.tables.aio import TableServiceClient

from findings.errors import ConflictError
from findings.keys import from_key, join, prefix_range
from findings.odd import Columns
from findings.runs import RUNS
from findings.tables import Entity, Table

PARTITION, _ALERT = "recovered", "alert"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class WaitingAlerts:
    """Every method raises ``StorageError`` when Table Storage can't be used. Write while holding the lease, but for :meth:`drop_version`."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._began: dict[str, datetime] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> Mapping[str, bool]:
        """Alert id -> whether all of its changes are in the history."""
        conditions = "PartitionKey eq @partition and RowKey ge @low and RowKey lt @high"
        known: dict[str, bool] = {}
        self._began.clear()
        async for row in self._runs.query(conditions, {"partition": PARTITION, **prefix_range(_ALERT)}):
            id, columns = from_key(row["RowKey"].removeprefix(f"{_ALERT};")), Columns(row)
            if _names(row["RowKey"], id):
                self._began[id] = columns.time("at") or _LONG_AGO
                known[id] = columns.mark("in_history")
        return known

    def oldest_first(self) -> list[str]:
        """The alerts that were there when this store last loaded them, and those that it noted since."""
        return sorted(self._began, key=lambda id: (self._began[id], id))

    async def begin(self, alert_id: str, at: datetime) -> None:
        """Say that changes of an alert are about to be written; once, however often it is called. ``at``: when they happened."""
        if alert_id in self._began:
            return
        async with self._lock:  # nobody writes before it is said
            if alert_id not in self._began:
                await self._save(alert_id, at, in_history=False)

    async def note_in_history(self, alert_id: str, at: datetime) -> None:
        """Say that all changes of an alert, some of which wait to be told, are in the history."""
        await self._save(alert_id, self._began.get(alert_id, at), in_history=True)

    async def drop(self, alert_ids: Collection[str]) -> None:
        """Say that nothing of these alerts waits."""
        for alert_id in alert_ids:
            self._began.pop(alert_id, None)
        await self._runs.delete((PARTITION, join(_ALERT, id)) for id in sorted(alert_ids))

    async def version(self, alert_id: str) -> str | None:
        """What stands for what is noted of an alert now; None where a scan is still at it, or was killed: it may have written more."""
        row = await self._runs.get(PARTITION, join(_ALERT, alert_id))
        return str(row.metadata["etag"]) if row is not None and Columns(row).mark("in_history") else None

    async def drop_version(self, alert_id: str, version: str) -> None:
        """Say that nothing of an alert waits, unless somebody has noted something since its :meth:`version` was read."""
        with suppress(ConflictError):
            await self._runs.delete_version(PARTITION, join(_ALERT, alert_id), version)

    async def _save(self, alert_id: str, at: datetime, *, in_history: bool) -> None:
        keys: Entity = {"PartitionKey": PARTITION, "RowKey": join(_ALERT, alert_id)}
        await self._runs.upsert({**keys, "at": at, "in_history": in_history})
        self._began[alert_id] = at


def _names(key: str, alert_id: str) -> bool:
    """Whether the key of a row is that of an alert; of one that somebody wrote by hand it needn't be that of any."""
    try:
        return key == join(_ALERT, alert_id)
    except ValueError:
        return False
