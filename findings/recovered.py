"""The alerts whose changes are all in the history, in partition ``recovered`` of table ``runs``: nobody need write them again.

Only alerts with changes that wait to be told matter. One that is missing here is written to the history once more, which changes
nothing there.
"""

from collections.abc import Collection

from azure.data.tables.aio import TableServiceClient

from findings.odd import Columns, OddRows
from findings.packing import pack
from findings.runs import RUNS
from findings.tables import Table

RECOVERED = "recovered"
_ROW = "alerts"


class RecoveredStore:
    """Every method raises ``StorageError`` when Table Storage can't be used. Write while holding the lease."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows(of="partition")
        self._known: frozenset[str] | None = None

    async def load(self) -> frozenset[str]:
        """The ids of the alerts."""
        row = await self._runs.get(RECOVERED, _ROW)
        self._known = (self._odd.read(RUNS, row, _alerts) if row is not None else None) or frozenset()
        return self._known

    async def save(self, alert_ids: Collection[str]) -> None:
        """Replace what is known by these."""
        document = {"rows": sorted(alert_ids)}
        await self._runs.upsert({"PartitionKey": RECOVERED, "RowKey": _ROW, **pack(document)})
        self._known = frozenset(alert_ids)

    async def add(self, alert_id: str) -> None:
        """Add an alert to those that this store last loaded or saved."""
        await self.save((await self.load() if self._known is None else self._known) | {alert_id})


def _alerts(row: Columns) -> frozenset[str]:
    found = (row.document() or {}).get("rows")
    return frozenset(id for id in found if isinstance(id, str)) if isinstance(found, list) else frozenset()
