"""When unchanged accounts were last judged, in partition ``seen`` of table ``runs``: a few rows for all of them.

A scan that finds an account as it is kept doesn't write it. That it was judged stands here, in the words "what was judged at one
time was found the same at another, by this run". An account that was written since then has its newer time in its own row, and
what stands here of it no longer counts. Nothing is lost with these rows but how fresh the judgements are.

A holder of the lease that stood still may wake up with a write on its way. What guards an account against it is the ETag, and that only
changes when the account is written: after such a holder the next scan of everything writes every account.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from azure.data.tables.aio import TableServiceClient

from findings.model import AccountRecord, FindingState, Snapshot
from findings.odd import Columns, OddRows, parsed_time
from findings.packing import pack
from findings.runs import RUNS
from findings.tables import Table

SEEN = "seen"
_WRITE_ALL = "write all"
_IN_A_ROW = 2000
"""Accounts in one row: packed, some 45 KB."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """That an account was found unchanged."""

    of: datetime
    """When the judgement was made that is kept, as its row says."""
    at: datetime
    """When the last judgement was made that came to the same."""
    run_id: str
    """The run that made it."""


class SeenStore:
    """Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows(of="partition")
        self._loaded: dict[str, Sighting] | None = None

    async def loaded(self) -> Mapping[str, Sighting]:
        """The sightings as they were when this store last loaded them: only the holder of the lease changes them."""
        return await self.load() if self._loaded is None else self._loaded

    async def load(self) -> dict[str, Sighting]:
        """The sightings by account id."""
        found: dict[str, Sighting] = {}
        async for row in self._rows():
            for id, sighting in self._odd.read(RUNS, row, _sightings) or ():
                if id not in found or found[id].at < sighting.at:
                    found[id] = sighting
        self._loaded = found
        return found

    async def demand_writes(self) -> None:
        """Have the next scan of everything write every account."""
        await self._runs.upsert({"PartitionKey": SEEN, "RowKey": _WRITE_ALL})

    async def writes_demanded(self) -> bool:
        """Whether every account is to be written; until the next :meth:`save`."""
        return await self._runs.get(SEEN, _WRITE_ALL) is not None

    async def version(self) -> str | None:
        """Equal as long as what stands here isn't written; None while every account is to be written."""
        found = {
            row["RowKey"]: str(row.metadata["etag"]) async for row in self._rows(select=("PartitionKey", "RowKey"))
        }
        return None if _WRITE_ALL in found else ";".join(f"{key} {etag}" for key, etag in sorted(found.items()))

    async def save(self, sightings: Mapping[str, Sighting]) -> None:
        """Replace what is known by these."""
        ids = sorted(sightings)
        pieces = [ids[start : start + _IN_A_ROW] for start in range(0, len(ids), _IN_A_ROW)]
        keys = [f"{number:03}" for number in range(len(pieces))]
        for key, piece in zip(keys, pieces, strict=True):
            document = {"groups": _groups({id: sightings[id] for id in piece})}
            await self._runs.upsert({"PartitionKey": SEEN, "RowKey": key, **pack(document)})
        rows = [row async for row in self._rows(select=("PartitionKey", "RowKey"))]
        await self._runs.delete((SEEN, row["RowKey"]) for row in rows if row["RowKey"] not in keys)

    def _rows(self, select: Collection[str] | None = None) -> Any:
        return self._runs.query("PartitionKey eq @seen", {"seen": SEEN}, select=list(select) if select else None)


def up_to_date(snapshot: Snapshot, sighting: Sighting | None) -> Snapshot:
    """A snapshot with the time and the run at which it was last found to be so."""
    record = snapshot.record
    if record is None or sighting is None or record.judged_at != sighting.of:
        return snapshot
    findings = tuple(finding_up_to_date(state, sighting) for state in snapshot.findings)
    return replace(snapshot, record=record_up_to_date(record, sighting), findings=findings)


def record_up_to_date(record: AccountRecord, sighting: Sighting | None) -> AccountRecord:
    """A record with the time and the run at which it was last found to be so."""
    if sighting is None or record.judged_at != sighting.of:
        return record
    return replace(record, judged_at=sighting.at, run_id=sighting.run_id)


def finding_up_to_date(state: FindingState, sighting: Sighting | None) -> FindingState:
    """An open finding with the time at which it was last seen; one that wasn't seen when its account was written stays."""
    if sighting is None or not state.open or state.last_seen != sighting.of:
        return state
    return replace(state, last_seen=sighting.at, run_id=sighting.run_id)


def _groups(sightings: Mapping[str, Sighting]) -> list[dict[str, Any]]:
    together: dict[Sighting, list[str]] = {}
    for id, sighting in sightings.items():
        together.setdefault(sighting, []).append(id)
    return [
        {"of": one.of.isoformat(), "at": one.at.isoformat(), "run_id": one.run_id, "accounts": ids}
        for one, ids in together.items()
    ]


def _sightings(row: Columns) -> list[tuple[str, Sighting]]:
    groups = (row.document() or {}).get("groups")
    found: list[tuple[str, Sighting]] = []
    for group in groups if isinstance(groups, list) else ():
        of, at = parsed_time(group.get("of")), parsed_time(group.get("at"))
        accounts = group.get("accounts")
        if of and at and isinstance(accounts, list):
            sighting = Sighting(of, at, str(group.get("run_id") or ""))
            found += [(id, sighting) for id in accounts if isinstance(id, str)]
    return found
