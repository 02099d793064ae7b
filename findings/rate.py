"""How often something may be done: counted in one row, so that of many who ask at once, in however many instances, no more get through.

Tries that are refused count too: who goes on asking goes on being refused.
"""

import json
from asyncio import Lock
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from azure.data.tables.aio import TableServiceClient

from basics.documents import read_json
from basics.loops import PerLoop
from findings.errors import ConflictError
from findings.keys import to_key
from findings.odd import parsed_time
from findings.runs import RUNS
from findings.tables import Table

PARTITION = "rate"
ATTEMPTS = 40
"""How often a try looks again when another one wrote first: each time one of them got through, or was refused."""

_tries = PerLoop(WeakValueDictionary[str, Lock])
"""A lock for each name, as long as somebody holds it or waits for it."""


class Rate:
    """At most so many of something in a span of time."""

    def __init__(self, service: TableServiceClient, name: str, most: int, span: timedelta) -> None:
        self._table, self._name, self._most, self._span = Table(service, RUNS), name, most, span

    async def take(self, now: datetime) -> bool:
        """Count a try, and say whether it gets through. Raises ``StorageError``."""
        # Of one process one after the other: otherwise all but one of those who read the same row write in vain.
        async with _tries.get().setdefault(self._name, Lock()):
            return await self._take(now)

    async def _take(self, now: datetime) -> bool:
        for _ in range(ATTEMPTS):
            row = await self._table.get(PARTITION, to_key(self._name))
            counted = self._counted(row or {}, now)
            allowed = len(counted) < self._most
            times = [time.isoformat() for time in [*counted, now][-self._most :]]
            entity = {"PartitionKey": PARTITION, "RowKey": to_key(self._name), "times": json.dumps(times), "last": now}
            try:
                await self._table.put(entity, row.metadata["etag"] if row is not None else None)
            except ConflictError:
                if not allowed:  # whoever wrote first is counted, which refuses others as long
                    return False
                continue
            return allowed
        return False

    def _counted(self, row: Mapping[str, Any], now: datetime) -> list[datetime]:
        """The tries that count. One that is ahead is of an instance whose clock is: it counts, but not for longer than the span."""
        try:
            found = read_json(row["times"])
        except (KeyError, TypeError, ValueError):
            return []
        times = [parsed_time(one) for one in found] if isinstance(found, list) else []
        return sorted(time for time in times if time is not None and abs(now - time) < self._span)
