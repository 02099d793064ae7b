"""The channels of the installation: a row for each in the partition ``channel`` of table ``alerts``.

It says whether the function app has the channel set, and how the channel is doing (``alerts/episodes.py``).
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from azure.data.tables import TableEntity

from alerts.channel import SETTINGS
from alerts.episodes import Cause, ChannelRecord, failed
from alerts.table import AlertTable, Conflict, Row
from alerts.text import clean

PARTITION = "channel"
ATTEMPTS = 5
"""How often a record is read again when somebody else writes it."""


class ChannelBook:
    """The records. Errors of Table Storage pass through as the SDK raises them."""

    def __init__(self, table: AlertTable) -> None:
        self._table = table

    async def records(self) -> dict[str, ChannelRecord]:
        """What is known of each channel that was ever noted, by its name."""
        rows = self._table.query("PartitionKey eq @channel", {"channel": PARTITION})
        return {row["RowKey"]: _record(row) async for row in rows}

    async def known(self) -> tuple[str, ...] | None:
        """The channels that the function app has set; None where no app has ever noted any."""
        noted = [record for record in (await self.records()).values() if record.known is not None]
        return tuple(record.name for record in noted if record.known) if noted else None

    async def note(self, names: Iterable[str], now: datetime) -> dict[str, ChannelRecord]:
        """Note which channels the function app has set: all of them, so that one that is missing was taken away.

        Returns the records as they are then.
        """
        names, records = tuple(names), await self.records()
        for name in names:
            if not records.get(name, ChannelRecord(name)).known:
                records[name] = await self.change(name, lambda record: replace(record, known=True))
        for name, record in records.items():
            if record.known and name not in names:
                records[name] = await self.change(name, lambda record: _taken_away(record, now))
        return records

    async def change(self, name: str, change: Callable[[ChannelRecord], ChannelRecord]) -> ChannelRecord:
        """Change a record, whatever others write at the same time. Returns it as it is then."""
        for _ in range(ATTEMPTS):
            row = await self._table.get(PARTITION, name)
            record = _record(row) if row is not None else ChannelRecord(name)
            changed = change(record)
            if changed == record:
                return record
            with suppress(Conflict):
                return replace(changed, etag=await self._table.put(_row(changed), record.etag))
        raise Conflict(f"The record of the channel {name} was written by others {ATTEMPTS} times while it was changed.")


def _taken_away(record: ChannelRecord, now: datetime) -> ChannelRecord:
    what = SETTINGS.get(record.name, "its settings")
    return replace(failed(record, Cause.UNSET, f"The function app no longer has {what}.", now), known=False)


_TIMES = ("since", "noticed_at", "before", "quiet_until")
_PLAIN = ("known", "notices", "given_up", "given_up_told")


def _row(record: ChannelRecord) -> Row:
    times = {name: getattr(record, name) for name in _TIMES}
    row = {
        "PartitionKey": PARTITION,
        "RowKey": record.name,
        "cause": record.cause.value if record.cause else None,
        "error": clean(record.error, 500),
        **{name: getattr(record, name) for name in _PLAIN},
        **{name: time.astimezone(UTC) if time else None for name, time in times.items()},
    }
    return {name: value for name, value in row.items() if value is not None}


def _record(row: TableEntity) -> ChannelRecord:
    return ChannelRecord(
        name=row["RowKey"],
        known=row.get("known"),
        since=row.get("since"),
        cause=Cause(row["cause"]) if row.get("cause") else None,
        error=row.get("error") or "",
        notices=row["notices"],
        noticed_at=row.get("noticed_at"),
        given_up=row["given_up"],
        given_up_told=row["given_up_told"],
        before=row.get("before"),
        quiet_until=row.get("quiet_until"),
        etag=row.metadata["etag"],
    )
