"""Table ``signins``: the sums of each day of the sign-in log that was read, for each question that was asked.

PartitionKey is the question (``legacy``, ``accounts`` or ``apps``) and a hash of the ids it asked about, RowKey the day in UTC,
``2026-11-21``. A row that exists is a day that needs no reading again; one with no sign-ins says that there were none. Rows
older than what is looked at are deleted. No sign-in is kept: only sums, and the newest addresses of accounts that were asked about. The row ``proposals``, ``latest`` is
what the last scan proposed, the row ``audits``, ``latest`` what was read of the audit log and up to when, the row ``what_if``,
``latest`` what Microsoft's What If said of which account, ``password_uses`` who signs in with a password, ``smtp_report`` what was
imported of that, ``log_watch`` up to when the audit log was looked at between scans, the rows ``exchange_mailboxes`` and so on what somebody exported of Exchange.

A row that can't be read counts as not there: the log is read anew, and the next write makes it whole. It is noted as odd.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from azure.data.tables.aio import TableServiceClient

from findings.odd import OddRows
from findings.packing import PROPERTY_BYTES, NotPacked, pack, unpack
from findings.tables import Table

TABLE = "signins"
_PROPOSALS, _LATEST = "proposals", "latest"
_QUESTIONS = frozenset({"legacy", "accounts", "apps"})
_MOST_BYTES = 11 * PROPERTY_BYTES
"""Under the 1 MiB that an entity may have, and as a request (base64) under the 1 MiB that is sent without a halt."""


@dataclass(frozen=True, slots=True)
class KeptDay:
    """One day of one question."""

    about: str
    """``legacy``, ``accounts`` or ``apps``."""
    ids: tuple[str, ...]
    """The accounts or applications that were asked about; empty for ``legacy``."""
    day: date
    sums: Mapping[str, Any]
    """Plain JSON."""


class Evidence(Protocol):
    """Where days are kept."""

    def days(self) -> AsyncIterator[KeptDay]:
        """Everything that is kept: first the ``accounts``, then the ``apps``, last the ``legacy`` questions."""

    async def keep(self, day: KeptDay) -> None:
        """Keep a day, in place of what was known of it."""

    async def drop_before(self, day: date) -> None:
        """Forget what is older than a day."""

    async def recall(self, name: str) -> dict[str, Any]:
        """What was remembered under a name (``audits``, ``what_if``), as it was given; empty where nothing is."""

    async def recall_all(self, prefix: str) -> dict[str, dict[str, Any]]:
        """What was remembered under names that begin so, by name."""

    async def remember(self, name: str, what: Mapping[str, Any]) -> None:
        """Remember plain JSON under a name, in place of what was."""

    def note_day(self, day: KeptDay) -> None:
        """Note that what is kept of a day can't be read."""

    def note(self, name: str) -> None:
        """Note that what was remembered under a name can't be read, or not all of it."""


class StoredEvidence:
    """Days in Table Storage. Raises ``StorageError`` from ``findings.errors``."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, TABLE)
        self._odd = OddRows(of="partition")

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, in sentences."""
        return self._odd.sentences

    async def days(self) -> AsyncIterator[KeptDay]:
        """Everything that is kept, in the order of its keys."""
        async for row in self._table.query("RowKey lt @days", {"days": ":"}):  # days begin with a digit
            if day := _day(row, self._unpacked(row)):
                yield day
            else:
                self._odd.dropped(TABLE, row)

    async def keep(self, day: KeptDay) -> None:
        """Keep a day, in place of what was known of it."""
        packed = pack({"ids": day.ids, **day.sums}, _MOST_BYTES)
        await self._table.upsert({"PartitionKey": _partition(day), "RowKey": day.day.isoformat(), **packed})

    async def drop_before(self, day: date) -> None:
        """Forget what is older than a day."""
        rows = self._table.query("RowKey lt @day", {"day": day.isoformat()}, select=("PartitionKey", "RowKey"))
        await self._table.delete([(row["PartitionKey"], row["RowKey"]) async for row in rows])

    async def keep_proposals(self, proposals: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the last scan proposed, in place of what an earlier one did."""
        packed = pack({"proposals": list(proposals)}, _MOST_BYTES)
        await self._table.upsert({"PartitionKey": _PROPOSALS, "RowKey": _LATEST, **packed})

    async def proposals(self) -> list[dict[str, Any]]:
        """What the last scan proposed, as it was kept."""
        kept = (await self.recall(_PROPOSALS)).get("proposals", [])
        found = kept if isinstance(kept, list) else [None]
        readable = [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
        if len(readable) < len(found):
            self.note(_PROPOSALS)
        return readable

    async def recall(self, name: str) -> dict[str, Any]:
        """What was remembered under a name (``audits``, ``what_if``), as it was given; empty where nothing is."""
        row = await self._table.get(name, _LATEST)
        return (self._unpacked(row) or {}) if row else {}

    async def recall_all(self, prefix: str) -> dict[str, dict[str, Any]]:
        """What was remembered under names that begin so, by name."""
        conditions = "PartitionKey ge @low and PartitionKey lt @high and RowKey eq @latest"
        between = {"low": prefix, "high": prefix[:-1] + chr(ord(prefix[-1]) + 1), "latest": _LATEST}
        rows = self._table.query(conditions, between)
        return {str(row["PartitionKey"]): self._unpacked(row) or {} async for row in rows}

    async def remember(self, name: str, what: Mapping[str, Any]) -> None:
        """Remember plain JSON under a name, in place of what was."""
        await self._table.upsert({"PartitionKey": name, "RowKey": _LATEST, **pack(what, _MOST_BYTES)})

    def note_day(self, day: KeptDay) -> None:
        """Note that what is kept of a day can't be read."""
        self._odd.dropped(TABLE, {"PartitionKey": _partition(day), "RowKey": day.day.isoformat()})

    def note(self, name: str) -> None:
        """Note that what was remembered under a name can't be read, or not all of it."""
        self._odd.dropped(TABLE, {"PartitionKey": name, "RowKey": _LATEST})

    async def forget(self, names: Collection[str], *, dry: bool = False) -> int:
        """Delete everything that names one account, by its object id or its user principal name, in lower case.

        Events of the audit log in which it had any part go whole, and so does a row that can't be read. Returns how many
        rows were cleansed; ``dry`` only counts them.
        """
        count = 0
        async for row in self._table.query("RowKey ge @all", {"all": ""}):
            keys = {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
            found = self._unpacked(row)
            if found is None:
                count += 1 if dry else await self._table.delete([(keys["PartitionKey"], keys["RowKey"])])
                continue
            left = {key: _without(value, names) for key, value in found.items() if key.lower() not in names}
            if left != found:
                if not dry:
                    await self._table.upsert({**keys, **pack(left, _MOST_BYTES)})
                count += 1
        return count

    def _unpacked(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """The document of a row; None, and a note, where it has none that can be read."""
        try:
            found = unpack(row)
        except NotPacked:
            found = None
        if found is None:
            self._odd.dropped(TABLE, row)
        return found


class PassingEvidence:
    """Days that are kept as long as the object: for a scan that stores nothing."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, date], KeptDay] = {}
        self._remembered: dict[str, dict[str, Any]] = {}

    async def days(self) -> AsyncIterator[KeptDay]:
        """Everything that is kept, in the order of its keys."""
        for _, day in sorted(self._days.items()):
            yield day

    async def keep(self, day: KeptDay) -> None:
        """Keep a day, in place of what was known of it."""
        self._days[_partition(day), day.day] = day

    async def drop_before(self, day: date) -> None:
        """Forget what is older than a day."""
        self._days = {key: kept for key, kept in self._days.items() if kept.day >= day}

    async def recall(self, name: str) -> dict[str, Any]:
        """What was remembered under a name (``audits``, ``what_if``), as it was given; empty where nothing is."""
        return self._remembered.get(name, {})

    async def recall_all(self, prefix: str) -> dict[str, dict[str, Any]]:
        """What was remembered under names that begin so, by name."""
        return {name: kept for name, kept in self._remembered.items() if name.startswith(prefix)}

    async def remember(self, name: str, what: Mapping[str, Any]) -> None:
        """Remember plain JSON under a name, in place of what was."""
        self._remembered[name] = dict(what)

    def note_day(self, day: KeptDay) -> None:
        """Nothing of it was written by anybody else."""

    def note(self, name: str) -> None:
        """Nothing of it was written by anybody else."""


def _day(row: Mapping[str, Any], document: Mapping[str, Any] | None) -> KeptDay | None:
    """The day in a row; None where it is none, or the answer to a question that this version doesn't ask."""
    about, _, _ = str(row["PartitionKey"]).partition(";")
    ids = (document or {}).get("ids")
    if document is None or not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        return None
    if about not in _QUESTIONS:
        return None
    sums = {name: value for name, value in document.items() if name != "ids"}
    try:
        return KeptDay(about, tuple(ids), date.fromisoformat(row["RowKey"]), sums)
    except ValueError:
        return None


def _without(value: Any, names: Collection[str]) -> Any:
    """Plain JSON without the items of a list that name somebody."""
    return [item for item in value if not _name(item, names)] if isinstance(value, list) else value


def _name(value: Any, names: Collection[str]) -> bool:
    """Whether plain JSON names somebody, however deep."""
    if isinstance(value, Mapping):
        return any(_name(one, names) for one in value.values())
    if isinstance(value, list):
        return any(_name(one, names) for one in value)
    return isinstance(value, str) and value.lower() in names


def _partition(day: KeptDay) -> str:
    if not day.ids:
        return day.about
    ids = hashlib.sha256("\n".join(sorted(day.ids)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{day.about};{ids}"
