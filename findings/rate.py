"""How often something may be done: counted in one row, so that of many who ask at once, in however many instances, no more get through.

Tries that are refused count too: who goes on asking goes on being refused.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from basics.documents import read_json
from basics.joint import Joint
from findings.errors import ConflictError
from findings.keys import to_key
from findings.odd import parsed_time
from findings.runs import RUNS
from findings.tables import Table

PARTITION = "rate"
ATTEMPTS = 40
"""How often a try looks again when another one wrote first: each time one of them got through, or was refused."""

_tries = Joint[datetime, bool]()


class Rate:
    """At most so many of something in a span of time."""

    def __init__(self, service: TableServiceClient, name: str, most: int, span: timedelta) -> None:
        self._table, self._url = Table(service, RUNS), service.url
        self._name, self._most, self._span = name, most, span

    async def take(self, now: datetime) -> bool:
        """Count a try, and say whether it gets through. Raises ``StorageError``."""
        # Otherwise, of many in one process, all but one of those who read the same row write in vain.
        return await _tries.ask((self._url, self._name), now, self._take)

    async def _take(self, tries: Sequence[datetime]) -> Sequence[bool]:
        """Whether each of these tries gets through."""
        for _ in range(ATTEMPTS):
            row = await self._table.get(PARTITION, to_key(self._name))
            before = self._counted(row or {}, tries[-1])
            allowed = [number < self._most for number in range(len(before), len(before) + len(tries))]
            times = [time.isoformat() for time in [*before, *tries][-self._most :]]
            last = {"times": json.dumps(times), "last": tries[-1]}
            try:
                await self._table.put(
                    {"PartitionKey": PARTITION, "RowKey": to_key(self._name), **last},
                    row.metadata["etag"] if row is not None else None,
                )
            except ConflictError:
                if not any(allowed):  # whoever wrote first is counted, which refuses others as long
                    return allowed
                continue
            return allowed
        return [False] * len(tries)

    def _counted(self, row: Mapping[str, Any], now: datetime) -> list[datetime]:
        """The tries that count. One that is ahead is of an instance whose clock is: it counts, but not for longer than the span."""
        try:
            found = read_json(row["times"])
        except (KeyError, TypeError, ValueError):
            return []
        times = [parsed_time(one) for one in found] if isinstance(found, list) else []
        return sorted(time for time in times if time is not None and abs(now - time) < self._span)
