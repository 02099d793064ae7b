"""One record per scan, in table ``runs``."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient

from basics.times import iso
from findings.clocks import TOLERANCE, run_not_after
from findings.errors import ConflictError, StorageError
from findings.keys import from_key, to_key
from findings.odd import Columns, OddRows, UnreadableRow, columns_of
from findings.packing import pack
from findings.rows import present
from findings.run_record import DONE, RunRecord, RunStatus
from findings.tables import Entity, Table

RUNS = "runs"
RUN = "run"
"""The partition of the runs; the lease, and what can't be seen, have their own."""
ABANDONED = "The scan stopped without a word: its process ended, stood still or couldn't reach storage."
LOST = timedelta(days=8)
"""A message lives for 7 days on a queue: what has waited for longer than this waits for nothing."""
NEVER_STARTED = f"It waited for {LOST.days} days and never started: its message was lost, or the app was stopped."


def new_run_id(now: datetime) -> str:
    """A fresh id that sorts by time and can be read aloud, e.g. ``20261122T070000Z-3f9c2a1b``."""
    return f"{re.sub('[-:]', '', iso(now))}-{uuid4().hex[:8]}"


class RunStore:
    """The runs. Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows(of="partition")

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, or not in full, in sentences."""
        return self._odd.sentences

    async def save(self, run: RunRecord) -> None:
        """Write a run whole: when it begins, as it gets on, and when it ends. Only who does the run writes it."""
        await self._runs.upsert(run_to_row(run))

    async def load(self, run_id: str) -> RunRecord | None:
        """The run with this id; None where there is none, or none that can be read."""
        row = await self._row(run_id)
        return self._read(row) if row is not None else None

    async def change(self, run_id: str, change: Callable[[RunRecord | None], RunRecord | None]) -> RunRecord | None:
        """Write what ``change`` makes of the run as it is now, or of None; where that is None, leave it as it is.

        For whoever doesn't do the run: what is written meanwhile is seen and never overwritten, and a row that can't be read
        is left as it is. Returns the run as it is then.
        """
        while True:
            row = await self._row(run_id)
            known = self._read(row) if row is not None else None
            changed = change(known) if known or row is None else None
            if changed is None:
                return known
            with suppress(ConflictError):  # somebody else wrote it: look again
                await self._runs.put(run_to_row(changed), row.metadata["etag"] if row is not None else None)
                return changed

    async def _row(self, run_id: str) -> TableEntity | None:
        try:
            key = to_key(run_id)
        except ValueError:  # too long for any run
            return None
        return await self._runs.get(RUN, key)

    def _read(self, row: Mapping[str, Any]) -> RunRecord | None:
        return self._odd.read(RUNS, row, run_from_row)

    async def newest(self, limit: int = 50, since: datetime | None = None, *, whole: bool = False) -> list[RunRecord]:
        """The newest runs first, at most ``limit``: those that started at or after ``since``; ``whole``: those of everything."""
        conditions = "PartitionKey eq @run"
        parameters: dict[str, Any] = {"run": RUN}
        if since is not None:
            conditions += " and started ge @since"
            parameters["since"] = since
        rows = self._runs.query(conditions, parameters)
        runs = [run async for row in rows if not (whole and row.get("partial")) and (run := self._read(row))]
        return sorted(runs, key=lambda run: (run.started, run.id), reverse=True)[:limit]

    async def is_first(self, run: RunRecord) -> bool:
        """Whether no scan before this one was done; a clock that was put right may have let one begin at the same moment."""
        conditions = f"PartitionKey eq @run and RowKey ne @own and started le @start and {_IS_DONE}"
        parameters = {"run": RUN, "own": to_key(run.id), "start": run.started, **_STATUSES}
        rows = self._runs.query(conditions, parameters, select=("RowKey",))
        return await anext(rows, None) is None

    async def over_lately(self, now: datetime) -> frozenset[str] | None:
        """The runs that ended within two days, whatever version did them; None while one goes on, or has died, that writes accounts without
        a word of it.
        """
        rows = self._runs.query(
            "PartitionKey eq @run and ( status eq @running or finished ge @since )",
            {"run": RUN, "running": RunStatus.RUNNING.value, "since": now - timedelta(days=2)},
            select=("RowKey", "status", "says_when_writing"),
        )
        over: set[str] = set()
        async for row in rows:
            if row.get("status") != RunStatus.RUNNING.value:
                over.add(row["RowKey"])
            elif row.get("says_when_writing") is not True:
                return None
        return frozenset(over)

    async def last_tenant_id(self, done: RunRecord | None = None) -> str:
        """The tenant of the scan that was done last; empty where there was none. What is no id of a tenant is passed over.

        ``done``: one that is known. All that were done are of one tenant, and looking through them takes long.
        """
        if done and _is_guid(done.tenant_id):
            return done.tenant_id
        rows = self._runs.query(
            f"PartitionKey eq @run and {_IS_DONE}", {"run": RUN, **_STATUSES}, select=("tenant_id", "finished")
        )
        known = [(_finished(row), str(row["tenant_id"])) async for row in rows if _is_guid(row.get("tenant_id"))]
        return max(known)[1] if known else ""

    async def put_right(self, now: datetime) -> None:
        """Rewrite the runs whose times can't have been yet, because the clock of their machine was ahead."""
        conditions = "PartitionKey eq @run and ( started gt @now or finished gt @now )"
        rows = self._runs.query(conditions, {"run": RUN, "now": now + TOLERANCE}, select=("RowKey",))
        for run_id in [from_key(row["RowKey"]) async for row in rows]:
            await self.change(run_id, lambda run: run_not_after(run, now) if run else None)

    async def last_whole(self, since: datetime, until: datetime | None = None) -> RunRecord | None:
        """The scan of everything that was done last, of those that finished within this time; None where there was none."""
        conditions = f"PartitionKey eq @run and finished ge @since and {_IS_DONE}"
        parameters: dict[str, Any] = {"run": RUN, "since": since, **_STATUSES}
        if until is not None:
            conditions += " and finished le @until"
            parameters["until"] = until
        rows = self._runs.query(conditions, parameters, select=("RowKey", "finished", "partial"))
        whole = [(_finished(row), from_key(row["RowKey"])) async for row in rows if not row.get("partial")]
        for _, run_id in sorted(whole, reverse=True):
            if run := await self.load(run_id):
                return run
        return None

    async def end_abandoned(self, now: datetime, but: str = "") -> list[RunRecord]:
        """Mark every run that ended without saying so as failed, and return them as they are now.

        Call it while holding the lease and before saving the own run, ``but``: whoever claims to be running without holding
        the lease was killed, or stood still for so long that it was taken over. Who waits and was lost is ended too.
        """
        conditions = "PartitionKey eq @run and ( status eq @running or ( status eq @queued and started lt @lost ) )"
        parameters = {"run": RUN, "running": RunStatus.RUNNING, "queued": RunStatus.QUEUED, "lost": now - LOST}
        rows = self._runs.query(conditions, parameters, select=("RowKey",))
        found = [run_id async for row in rows if (run_id := from_key(row["RowKey"])) != but]
        ended = [await self.change(run_id, lambda run: ended_without_a_word(run, now)) for run_id in found]
        return [run for run in ended if run is not None]


def ended_without_a_word(run: RunRecord | None, now: datetime) -> RunRecord | None:
    """The run as failed, if it was running (which nobody does any more) or has waited for too long; otherwise None."""
    why = None
    if run is not None and run.status is RunStatus.RUNNING:
        why = ABANDONED
    elif run is not None and run.status is RunStatus.QUEUED and run.started < now - LOST:
        why = NEVER_STARTED
    return replace(run, status=RunStatus.FAILED, finished=now, error=why) if run is not None and why else None


def _finished(row: Mapping[str, Any]) -> datetime:
    """When a run finished, for putting runs in order; one that doesn't say so comes first."""
    return Columns(row).time_or_none("finished") or datetime.min.replace(tzinfo=UTC)


_STATUSES = {status.value: status.value for status in DONE}
_IS_DONE = f"( {' or '.join(f'status eq @{status}' for status in _STATUSES)} )"


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
            says_when_writing=run.says_when_writing,
        ),
        **pack(
            {
                "visibility": dict(run.visibility),
                "usability": dict(run.usability),
                "severities": dict(run.severities),
                "urgency": dict(run.urgency),
                "next_break": run.next_break.isoformat() if run.next_break else None,
                "steps": [dict(one) for one in run.steps],
                "changes": dict(run.changes),
                "gaps": [dict(gap) for gap in run.gaps],
                "simulations": [dict(one) for one in run.simulations],
                "notes": list(run.notes),
                "app_passwords": dict(run.app_passwords),
                "remembered": dict(run.remembered),
            }
        ),
    }


def _is_guid(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def run_from_row(row: Mapping[str, Any]) -> RunRecord:
    """The run in a row; of a damaged one, whatever can be read.

    Raises ``UnreadableRow`` for a status that this version doesn't know, and where nothing says when it started.
    """
    read = columns_of(row)
    status, started = read.word("status", RunStatus), read.time("started") or read.time_or_none("finished")
    if status is None or started is None:
        raise UnreadableRow("started" if status else "status")
    packed = read.document() or {}
    return RunRecord(
        id=read.text("run_id", from_key(read["RowKey"])),
        status=status,
        started=started,
        finished=read.time_or_none("finished"),
        trigger=read.text("trigger", ""),
        tenant_id=read.text("tenant_id", ""),
        tenant_name=read.text("tenant_name", ""),
        partial=read.mark("partial"),
        accounts_total=read.count("accounts_total", 0),
        accounts_done=read.count("accounts_done", 0),
        graph_requests=read.count("graph_requests", 0),
        alert_id=read.text_or_none("alert_id"),
        error=read.text_or_none("error"),
        says_when_writing=read.mark("says_when_writing"),
        visibility=_counts(packed, "visibility"),
        usability=_counts(packed, "usability"),
        severities=_counts(packed, "severities"),
        urgency=_counts(packed, "urgency"),
        next_break=_day(packed.get("next_break")),
        steps=tuple(
            one
            for one in _objects(packed, "steps", "title", "findings", "broken_now", "count")
            if all(isinstance(one[name], int) for name in ("findings", "broken_now", "count"))
            and isinstance(one.get("minutes"), int | None)
        ),
        changes=_counts(packed, "changes"),
        gaps=_objects(packed, "gaps", "input"),
        simulations=_objects(packed, "simulations", "title", "accounts"),
        notes=tuple(one for one in _list(packed, "notes") if isinstance(one, str)),
        app_passwords=_switch(packed.get("app_passwords")),
        remembered=found if isinstance(found := packed.get("remembered"), dict) else {},
    )


def _switch(found: Any) -> dict[str, Any]:
    """What is known of the tenant's switch, as far as it can be read."""
    kinds = {"allowed": bool, "source": str, "contradiction": str}
    items = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in items if isinstance(value, kinds.get(name, ()))}


def _day(found: Any) -> date | None:
    try:
        return date.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None


def _counts(packed: Mapping[str, Any], name: str) -> dict[str, int]:
    found = packed.get(name)
    items = found.items() if isinstance(found, dict) else ()
    return {key: count for key, count in items if isinstance(count, int)}


def _objects(packed: Mapping[str, Any], name: str, *needed: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a list that have at least what everybody needs of them."""
    items = _list(packed, name)
    return tuple(one for one in items if isinstance(one, dict) and all(one.get(key) is not None for key in needed))


def _list(packed: Mapping[str, Any], name: str) -> list[Any]:
    found = packed.get(name)
    return found if isinstance(found, list) else []


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
