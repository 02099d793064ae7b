"""The accounts with their findings in table ``findings``, and what happened to them in table ``history``.

Nothing is lost and nothing is told twice
-----------------------------------------
One account is kept in this order; the process may die between any two steps, before or after the service has done what
it was asked to:

0. Where everything is as it is kept, nothing is written: that it was seen to be so stands in ``findings/seen.py``.
1. One transaction on the account's partition writes the account, its findings and one row per change. The account's
   ETag guards it. Before it nothing has happened: the next scan compares with the old state and finds the same changes.
   After it the state has moved on *and* says that something waits to be told: neither exists without the other.
2. The changes are written to ``history``. Their keys follow from the change, so writing them again changes nothing.
3. The rows of silent changes (accepted, flapping) are deleted: they are told to nobody.

``recover`` does steps 2 and 3 for whatever a killed scan left behind; every scan begins with it. Which groups there are, and which of them a scan
has kept to its end, is noted (``findings/waiting.py``): so nothing is written again and again while it waits to be told, and a scan
of some accounts needs no pass over all that waits.

Telling starts from the rows that wait: ``untold_alert_ids`` finds the groups, those of killed scans included. An id
that is put on the queue twice is harmless, because a group doesn't change: each execution of a scan uses an alert id of
its own, holds the lease while it writes, and puts ids on the queue only when it has written its last account. Ids of
changes and groups never change either, so a receiver can drop a repeat. ``mark_told`` comes last, when every channel is
done: history first (for the scan that died between steps 1 and 2), then the rows go. If it dies halfway the rest of the
group is still there, and whoever sends knows by the group's id that it was delivered.

A write that succeeded but whose answer was lost looks like a conflict when the SDK repeats it. ``keep`` then reads
again, finds its own state, sees no further change, and the waiting rows are there from the first attempt.

Rows that can't be read
-----------------------
A finding or a change with a value that this version doesn't know (it was written by a newer one, before a rollback) is
left as it is: not compared, not written, not told, not deleted, not shown. ``keep`` leaves out what a scan saw for the
check of such a finding. Of a damaged row whatever can be read is used, and the next write makes it whole. ``odd`` names
both; see ``findings/odd.py``.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from azure.data.tables.aio import TableServiceClient

from findings.accepted import with_exception
from findings.clocks import not_after
from findings.compare import compare, no_longer_found
from findings.contents import Contents
from findings.errors import ConflictError
from findings.keys import NO_KEY, from_key, prefix_range, time_key, to_key
from findings.model import AcceptedException, AccountRecord, Change, Comparison, FindingState, Observation, Snapshot
from findings.odd import OddRows
from findings.packing import DETAIL_BYTES, pack, parts_of
from findings.parallel import for_each
from findings.rows import (
    ACCOUNT,
    ACCOUNT_COLUMNS,
    CHANGE,
    CHANGE_COLUMNS,
    FINDING,
    FINDING_COLUMNS,
    KEYS,
    account_from_row,
    account_to_row,
    alert_of,
    change_from_row,
    change_to_history,
    change_to_row,
    check_of,
    finding_from_row,
    finding_to_row,
    fold,
)
from findings.run_record import ANY_TIME
from findings.seen import SeenStore, finding_up_to_date, record_up_to_date, up_to_date
from findings.tables import MAX_OPERATIONS, Operation, Table, put, upsert
from findings.waiting import WaitingAlerts

FINDINGS = "findings"
HISTORY = "history"
DETAILS_BYTES = 8 * DETAIL_BYTES
"""For the details of one transaction together."""
REWRITTEN_AFTER = timedelta(days=7)
"""How old a row gets, though nothing about its account changes."""
ATTEMPTS = 5
"""How often ``keep`` reads again when somebody else writes the same account."""
IS_STATE = "( RowKey eq @account or ( RowKey ge @low and RowKey lt @high ) )"
IS_ACCOUNT = "( PartitionKey eq @partition or PartitionKey eq @lower or upn_folded eq @upn )"
IS_SELECTED_AS = "selected_as_folded eq @upn or selected_as eq @typed"
STATE = {"account": ACCOUNT, **prefix_range(FINDING)}
_Packed = tuple[Change, Mapping[str, bytes]]
"""A change, and its detail as binary properties."""


class FindingStore:
    """Accounts, findings, changes and history in Table Storage.

    Every method raises ``StorageError`` when Table Storage can't be used, with a sentence that says why.
    """

    def __init__(self, service: TableServiceClient) -> None:
        self._findings = Table(service, FINDINGS)
        self._history = Table(service, HISTORY)
        self.seen = SeenStore(service)
        """When unchanged accounts were last judged."""
        self.contents = Contents(service)
        """Whether accounts are being written; whoever writes some settles it at the end."""
        self._alerts = WaitingAlerts(service)
        self._unsure: set[str] = set()
        """The alerts of which a change may be written of which nobody here knows: a conflict may be with a write of one's own."""
        self._odd = OddRows()

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, or not in full, in sentences."""
        return self._odd.sentences

    # Writing

    async def keep(
        self,
        record: AccountRecord,
        observations: Sequence[Observation],
        *,
        alert_id: str,
        closing: str | None = None,
        resolution: Callable[[str], str] = no_longer_found,
        undecided: Collection[str] = (),
        confirmed: Collection[str] = (),
        apart: timedelta = ANY_TIME,
        channels: tuple[str, ...] = (),
        exceptions: Sequence[AcceptedException] = (),
        snapshot: Snapshot | None = None,
        now: datetime | None = None,
        sparing: bool = False,
    ) -> Comparison:
        """Compare an account with what was known of it, and write the outcome.

        Args:
            record: The account as it was judged; without a document it keeps the one that is stored.
            observations: The checks it fails.
            alert_id: The group that its changes are told in: fresh for each execution of a scan.
            closing: See ``compare``.
            resolution: See ``compare``.
            undecided: See ``compare``.
            confirmed: See ``compare``.
            apart: See ``compare``.
            channels: See ``compare``.
            exceptions: See ``compare``.
            snapshot: What was known, if it was read already; it may be out of date.
            now: The time, where it is certain: nothing that was kept can have happened after it.
            sparing: Write nothing where everything is as it is kept: then somebody has to note that it was seen so.

        Returns:
            The new states and changes; ``superseded`` and empty where a later judgement was kept in the meantime.

        Raises:
            ConflictError: Others wrote the same account again and again.
        """
        if record.document is None:
            whole = await self.load_snapshot(record.account_id)
            record = replace(record, document=whole.record.document if whole.record else None)
            if snapshot is None or snapshot.etag != whole.etag:
                snapshot = whole
        for _ in range(ATTEMPTS):
            stored = snapshot or await self.load_snapshot(record.account_id)
            known = not_after(stored, now, record.judged_at) if now else stored
            if known.record and known.record.judged_at > record.judged_at:
                return Comparison(known.findings, superseded=True)
            outcome = compare(
                record,
                known.findings,
                [one for one in observations if one.check_id not in known.set_aside],
                alert_id=alert_id,
                closing=closing,
                resolution=resolution,
                undecided=undecided,
                confirmed=confirmed,
                apart=apart,
                channels=channels,
                exceptions=exceptions,
                known=known.record,
            )
            if sparing and known is stored and is_unchanged(record, outcome, stored):
                return replace(outcome, touched=(), unchanged=True)
            # What was seen since its row was written, and isn't any more, would lose when that was.
            touched = tuple(state for state in outcome.states if state not in stored.written)
            outcome = replace(outcome, touched=touched)
            try:
                await self.save_account(record, outcome, known)
            except ConflictError:
                self._unsure.add(alert_id)
                snapshot = None
            else:
                return outcome
        raise ConflictError(
            f"The account {record.user_principal_name!a} was written by others {ATTEMPTS} times while it was being "
            "kept. Run the scan again."
        )

    async def save_account(self, record: AccountRecord, outcome: Comparison, known: Snapshot) -> None:
        """Write an account, its findings and its changes in one transaction, then the history.

        Raises:
            ConflictError: The account was written by somebody else since ``known`` was read. Nothing was written.
            ValueError: The account has more findings and changes than fit into one transaction.
        """
        row = account_to_row(record)
        packed = _packed(outcome.changes, {id(record.document): parts_of(row)})
        operations: list[Operation] = [put(row, known.etag)]
        operations += [upsert(finding_to_row(state)) for state in outcome.touched]
        operations += [upsert(change_to_row(change, detail)) for change, detail in packed]
        if len(operations) > MAX_OPERATIONS:
            raise ValueError(
                f"{record.user_principal_name!a} has {len(outcome.touched)} findings and {len(outcome.changes)} "
                f"changes; together with the account at most {MAX_OPERATIONS} can be kept at once."
            )
        await self.contents.disturb()
        if outcome.changes:
            await self._alerts.begin(outcome.changes[0].alert_id, outcome.changes[0].at)
        await self._findings.submit(operations)
        await self._to_history(record.account_id, packed)

    async def recover(self, *, everything: bool = True) -> int:
        """Finish what a killed scan left half done: write its changes to the history, drop the silent ones.

        Call it when a scan begins, while holding the lease. Returns how many changes there were. ``everything``: look through all changes
        that wait, and put right what is noted of them; otherwise only what is noted as half done is finished.
        """
        noted = await self._alerts.load()
        waiting = await self._alerts_that_wait() if everything else noted.keys()
        count = 0
        for alert_id in sorted(waiting):
            if not noted.get(alert_id):
                changes = [change async for change in self._waiting(alert_id)]
                await self._finish(alert_id, changes)
                count += len(changes)
        await self._alerts.drop(noted.keys() - waiting)
        return count

    async def _alerts_that_wait(self) -> set[str]:
        rows = self._findings.query("RowKey ge @low and RowKey lt @high", prefix_range(CHANGE), select=KEYS)
        return {id async for row in rows if (id := self._odd.read(FINDINGS, row, alert_of))}

    async def _finish(self, alert_id: str, changes: Sequence[Change]) -> None:
        if changes:
            await self.contents.disturb()
            await for_each(_by_account(changes), lambda item: self._to_history(item[0], _packed(item[1])))
        await self._note_in_history(alert_id, changes)

    async def note_kept(self, alert_id: str, changes: Iterable[Change]) -> None:
        """Note that a scan has kept everything that it saw: all ``changes`` of its alert are in the history.

        Where some of them may be written of which it doesn't know, the next scan looks.
        """
        if alert_id not in self._unsure:
            await self._note_in_history(alert_id, changes)

    async def _note_in_history(self, alert_id: str, changes: Iterable[Change]) -> None:
        told = [change.at for change in changes if change.silence is None]
        if told:
            await self._alerts.note_in_history(alert_id, min(told))
        else:
            await self._alerts.drop([alert_id])

    async def mark_told(self, changes: Iterable[Change]) -> None:
        """Note that every channel is done with these changes: they are in the history and wait no longer.

        Doing it twice does no harm.
        """
        await for_each(_by_account(changes), lambda item: self._to_history(item[0], _packed(item[1]), told=True))

    async def leave_to_nobody(self, changes: Iterable[Change]) -> None:
        """Note that these changes, which wait, are for no channel any more: whoever can be told next hears of what is open of them."""

        async def leave(account: tuple[str, Sequence[Change]]) -> None:
            packed = _packed([replace(change, channels=()) for change in account[1]])
            for start in range(0, len(packed), MAX_OPERATIONS):
                part = packed[start : start + MAX_OPERATIONS]
                await self._findings.submit([upsert(change_to_row(change, detail)) for change, detail in part])

        await for_each(_by_account(changes), leave)

    async def _to_history(self, account_id: str, packed: Sequence[_Packed], *, told: bool = False) -> None:
        """Write the changes of one account to the history, then delete the rows that needn't wait (any longer)."""
        for start in range(0, len(packed), MAX_OPERATIONS):
            part = packed[start : start + MAX_OPERATIONS]
            await self._history.submit([upsert(change_to_history(change, detail)) for change, detail in part])
        done = [change for change, _ in packed if told or change.silence]
        partition = to_key(account_id)
        await self._findings.delete((partition, change_to_row(change, {})["RowKey"]) for change in done)

    # Changes that wait to be told

    async def version_of(self, alert_id: str) -> str | None:
        """For :meth:`note_told`: read it before the changes. None while a scan may add some."""
        return await self._alerts.version(alert_id)

    async def note_told(self, alert_id: str, version: str | None) -> None:
        """Note that no change of a group waits any more, if all of them had been kept at this version. Doing it twice does no harm."""
        if version is not None:
            await self._alerts.drop_version(alert_id, version)

    def noted_alert_ids(self) -> list[str]:
        """What ``untold_alert_ids`` found when this scan began, and what it has found itself, without a look at the changes.

        Some may be told by now.
        """
        return self._alerts.oldest_first()

    async def untold_alert_ids(self, *, for_somebody: bool = False) -> list[str]:
        """The groups with changes that wait to be told, the oldest first; those of killed scans included.

        ``for_somebody``: only changes that are for some channel.
        """
        oldest: dict[str, datetime] = {}
        async for change in self._waiting(columns=CHANGE_COLUMNS):
            if change.silence is None and (change.channels or not for_somebody):
                oldest[change.alert_id] = min(change.at, oldest.get(change.alert_id, change.at))
        return sorted(oldest, key=lambda alert_id: (oldest[alert_id], alert_id))

    async def changes_of(self, alert_id: str) -> tuple[Change, ...]:
        """The changes of a group that wait to be told, with their details, ordered by account and check."""
        changes = [change async for change in self._waiting(alert_id) if change.silence is None]
        return tuple(sorted(changes, key=_order))

    async def _waiting(self, *alert_id: str, columns: Sequence[str] | None = None) -> AsyncIterator[Change]:
        rows = self._findings.query(
            "RowKey ge @low and RowKey lt @high", prefix_range(CHANGE, *alert_id), select=columns
        )
        async for row in rows:
            if change := self._odd.read(FINDINGS, row, change_from_row):
                yield change

    # Reading

    async def load_snapshot(self, account_id: str) -> Snapshot:
        """What is known of one account, with its document."""
        partition = {"partition": to_key(account_id)}
        rows = self._findings.query(f"PartitionKey eq @partition and {IS_STATE}", partition | STATE)
        known = self._snapshot(account_id, [row async for row in rows])
        if known.record and known.record.document is None:  # none of its parts is there
            return replace(known, record=replace(known.record, document={}))
        return known

    async def load_snapshots(self) -> AsyncIterator[Snapshot]:
        """What is known of every account, selected or not, without the documents: all that a scan compares with."""
        select, seen = sorted({*ACCOUNT_COLUMNS, *FINDING_COLUMNS}), await self.seen.load()

        def snapshot(rows: Sequence[Any]) -> Snapshot:
            account_id = from_key(rows[0]["PartitionKey"])
            return up_to_date(self._snapshot(account_id, rows), seen.get(account_id))

        rows: list[Any] = []
        texts: dict[str, str] = {}
        async for row in self._findings.query(IS_STATE, STATE, select=select):
            _share_texts(row, texts)
            if rows and rows[0]["PartitionKey"] != row["PartitionKey"]:
                yield snapshot(rows)
                rows = []
            rows.append(row)
        if rows:
            yield snapshot(rows)

    async def load_snapshots_of(self, names: Sequence[str]) -> list[Snapshot]:
        """What is known of the accounts with these ids or user principal names, those by which the settings know them included.

        Like :meth:`load_snapshots`, for a few: it takes a query for each.
        """
        ids: dict[str, None] = {}
        for name in names:
            wanted = names_of(name)
            if wanted["partition"] == NO_KEY:  # longer than any name
                continue
            conditions = f"RowKey eq @account and ( {IS_ACCOUNT} or {IS_SELECTED_AS} )"
            parameters = {"account": ACCOUNT, "typed": name, **wanted}
            async for row in self._findings.query(conditions, parameters, select=KEYS):
                ids[from_key(row["PartitionKey"])] = None
        select, seen = sorted({*ACCOUNT_COLUMNS, *FINDING_COLUMNS}), await self.seen.load() if ids else {}
        found = []
        for id in ids:
            rows = self._findings.query(
                f"PartitionKey eq @partition and {IS_STATE}", {"partition": to_key(id)} | STATE, select
            )
            found.append(up_to_date(self._snapshot(id, [row async for row in rows]), seen.get(id)))
        return found

    async def load_accounts(self, *, selected_only: bool = True) -> AsyncIterator[AccountRecord]:
        """Every account with its document, in no particular order; as a stream, one page of the service at a time."""
        seen = await self.seen.load()
        async for row in self._findings.query("RowKey eq @account", {"account": ACCOUNT}):
            record = self._odd.read(FINDINGS, row, account_from_row)
            if record and (record.selected or not selected_only):
                yield record_up_to_date(record, seen.get(record.account_id))

    async def load_judged(
        self,
        *,
        now: datetime,
        account: str | None = None,
        after: str | None = None,
        exceptions: Sequence[AcceptedException] = (),
    ) -> AsyncIterator[tuple[AccountRecord, tuple[FindingState, ...]]]:
        """Every selected account with its document and all its findings, in the order of the ids: one pass over the rows.

        Args:
            now: The time at which an exception must hold.
            account: Only this account, its id or its user principal name, in any case: then no row of another one is read.
            after: Only accounts behind the one with this id; no row of those before is read.
            exceptions: The accepted findings.
        """
        accepted: dict[str, list[AcceptedException]] = {}
        for one in exceptions:
            accepted.setdefault(one.account_id, []).append(one)
        async for rows in self._partitions(account, after):
            record, states = None, []
            for row in rows:
                if row["RowKey"] == ACCOUNT:
                    record = self._odd.read(FINDINGS, row, account_from_row)
                elif state := self._odd.read(FINDINGS, row, finding_from_row):
                    states.append(with_exception(state, accepted.get(state.account_id, ()), now))
            if record is not None and record.selected:
                yield record, tuple(states)

    async def _partitions(self, account: str | None, after: str | None) -> AsyncIterator[list[Any]]:
        """The rows of each account together, the account's own first."""
        if account is not None:
            for partition in await self._partitions_called(account):
                mine = {"partition": partition} | STATE
                yield [row async for row in self._findings.query(f"PartitionKey eq @partition and {IS_STATE}", mine)]
            return
        rows: list[Any] = []
        behind = f"PartitionKey gt @after and {IS_STATE}" if after is not None else IS_STATE
        parameters = STATE if after is None else {"after": to_key(after), **STATE}
        async for row in self._findings.query(behind, parameters):
            if rows and rows[0]["PartitionKey"] != row["PartitionKey"]:
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    async def _partitions_called(self, name: str) -> list[str]:
        """The partitions that an id or a user principal name leads to; only keys are read. By an id without a search."""
        wanted = names_of(name)
        for partition in dict.fromkeys((wanted["partition"], wanted["lower"])):
            own = {"partition": partition, "account": ACCOUNT}
            found = self._findings.query("PartitionKey eq @partition and RowKey eq @account", own, select=KEYS)
            if await anext(found, None) is not None:
                return [partition]
        rows = self._findings.query(f"{IS_STATE} and ( {IS_ACCOUNT} )", STATE | wanted, select=KEYS)
        return list({row["PartitionKey"]: None async for row in rows})

    async def keeps(self, account_id: str) -> bool:
        """Whether there is a row of the account with this id, in the case in which it is kept; for one that is no key, there is none."""
        try:
            return await self._findings.get(to_key(account_id), ACCOUNT) is not None
        except ValueError:
            return False

    async def find_account(self, name: str) -> AccountRecord | None:
        """The account with this id or user principal name (in any case), or None; selected ones first."""
        rows = self._findings.query(f"RowKey eq @account and {IS_ACCOUNT}", {"account": ACCOUNT, **names_of(name)})
        found = [one async for row in rows if (one := self._odd.read(FINDINGS, row, account_from_row))]
        seen = await self.seen.load() if found else {}
        records = [record_up_to_date(one, seen.get(one.account_id)) for one in found]
        return max(records, key=lambda record: (record.selected, record.judged_at), default=None)

    async def load_findings(
        self,
        *,
        now: datetime,
        status: str | None = None,
        severity: str | None = None,
        check_id: str | None = None,
        account: str | None = None,
        exceptions: Sequence[AcceptedException] = (),
    ) -> AsyncIterator[FindingState]:
        """The findings that match, as a stream; each with the exception that covers it at ``now``.

        Args:
            now: The time at which an exception must hold.
            status: ``open`` or ``resolved``; None for both.
            severity: ``low``, ``medium`` or ``high``; None for all.
            check_id: Only this check.
            account: Only this account: its id or its user principal name, in any case.
            exceptions: The accepted findings.
        """
        conditions = ["RowKey ge @low", "RowKey lt @high"]
        parameters: dict[str, Any] = dict(prefix_range(FINDING))
        for column, value in (("status", status), ("severity", severity), ("check_id", check_id)):
            if value is not None:
                conditions.append(f"{column} eq @{column}")
                parameters[column] = value
        if account is not None:
            conditions.append(IS_ACCOUNT)
            parameters |= names_of(account)
        seen = await self.seen.load()
        async for row in self._findings.query(" and ".join(conditions), parameters):
            if state := self._odd.read(FINDINGS, row, finding_from_row):
                yield with_exception(finding_up_to_date(state, seen.get(state.account_id)), exceptions, now)

    async def history(self, account_id: str, *, detailed: bool = True) -> tuple[Change, ...]:
        """Everything that happened to one account, oldest first, with the details of each moment or without."""
        columns = None if detailed else CHANGE_COLUMNS
        rows = self._history.query("PartitionKey eq @partition", {"partition": to_key(account_id)}, select=columns)
        return tuple([one async for row in rows if (one := self._odd.read(HISTORY, row, change_from_row))])

    async def history_since(self, since: datetime) -> AsyncIterator[Change]:
        """Everything that happened at or after ``since``, without details, by account and then by time."""
        rows = self._history.query("RowKey ge @since", {"since": time_key(since)}, select=CHANGE_COLUMNS)
        async for row in rows:
            if change := self._odd.read(HISTORY, row, change_from_row):
                yield change

    def _snapshot(self, account_id: str, rows: Sequence[Any]) -> Snapshot:
        record, etag, findings, set_aside, noted = None, None, [], set(), self._odd.noted
        for row in rows:
            if row["RowKey"] == ACCOUNT:
                record, etag = self._odd.read(FINDINGS, row, account_from_row), row.metadata["etag"]
            elif state := self._odd.read(FINDINGS, row, finding_from_row):
                findings.append(state)
            else:
                set_aside.add(check_of(row["RowKey"]) or "")
        return Snapshot(
            account_id,
            record,
            tuple(findings),
            etag,
            frozenset(set_aside),
            written_at=record.judged_at if record else None,
            written=tuple(findings),
            intact=self._odd.noted == noted,
        )


def is_unchanged(record: AccountRecord, outcome: Comparison, stored: Snapshot) -> bool:
    """Whether a judgement came to what is kept already, apart from when and by which run it was made.

    Not of what is damaged, nor of what was written long ago: parts of a row that no comparison reads are made whole then.
    """
    before = stored.record
    if before is None or stored.written_at is None or not stored.intact or outcome.changes:
        return False
    if not before.digest or before.digest != record.digest:
        return False
    if record.judged_at - stored.written_at >= REWRITTEN_AFTER:
        return False
    now = replace(before, judged_at=record.judged_at, run_id=record.run_id, document=record.document)
    if now != record:
        return False
    seen_before = {state.check_id for state in stored.findings if state.open and state.last_seen == before.judged_at}
    seen_now = {state.check_id for state in outcome.states if state.open and state.last_seen == record.judged_at}
    known = {state.check_id: state for state in stored.findings}
    return seen_before == seen_now and all(
        state.check_id in known
        and replace(state, last_seen=known[state.check_id].last_seen, run_id=known[state.check_id].run_id)
        == known[state.check_id]
        for state in outcome.states
    )


def names_of(name: str) -> dict[str, str]:
    """The parameters of ``IS_ACCOUNT`` for what a person typed: an id or a user principal name."""
    try:
        partition, lower = to_key(name), to_key(name.lower())
    except ValueError:  # longer than any key
        partition = lower = NO_KEY
    return {"partition": partition, "lower": lower, "upn": fold(name)}


def _share_texts(row: Any, known: dict[str, str]) -> None:
    """Have a row use the texts of others: of thousands of findings the same is true."""
    for name, value in row.items():
        if type(value) is str:
            row[name] = known.setdefault(value, value)


def _packed(
    changes: Sequence[Change], known: Mapping[int, Mapping[str, bytes]] = MappingProxyType({})
) -> list[_Packed]:
    """The changes, each with its detail as binary properties, so that all of them fit into one transaction.

    ``known``: documents that are packed already, by their identity; the details of an account's changes are its own document.
    """
    limit = min(DETAIL_BYTES, DETAILS_BYTES // max(1, len(changes)))
    shared = {number: parts for number, parts in known.items() if sum(map(len, parts.values())) <= limit}
    for change in changes:
        if id(change.detail) not in shared:
            shared[id(change.detail)] = pack(change.detail, limit)
    return [(change, shared[id(change.detail)]) for change in changes]


def _order(change: Change) -> tuple[str, str, str, str]:
    return fold(change.user_principal_name), change.account_id, change.check_id, change.kind.value


def _by_account(changes: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.account_id, []).append(change)
    return list(groups.items())
