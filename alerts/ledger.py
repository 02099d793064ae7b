"""What was sent where: one partition of table ``alerts`` per alert.

::

    0;TOKEN;0000  what the alert says, in as many rows as it takes, until it is done
    alert         created, run id, how many items, which channels it is for, ``open`` or ``done``
    teams         where the channel stands: sending, delivered, failed, given_up or withdrawn, with attempts and last error
    webhook
    email

What an alert says and whom it is for is fixed when it is kept: the rows of its content come first, the row ``alert`` last, and
who writes that first decides. Whoever delivers reads the content from here, so that every attempt sends the same.

A channel's row is claimed before sending and settled after it, each guarded by the row's ETag: of two messages about the
same alert only one sends. A claim runs out, so that an alert whose sender was killed is sent after all (once more at
worst; receivers drop repeats by the alert's id). Right before each request the claim is renewed, which fails for a sender
that was paused for so long that somebody else has taken over.

The partition ``channel`` holds a row for each channel of the installation (``alerts/book.py``).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from alerts.book import PARTITION as CHANNELS
from alerts.book import ChannelBook
from alerts.model import Alert, Purpose
from alerts.retries import LONGEST, ahead
from alerts.stored import dump, load
from alerts.table import TABLE, AlertTable, Conflict, Row
from alerts.text import clean

__all__ = ["CLAIM", "KEPT", "SETTLED", "TABLE", "ChannelState", "DeliveryStatus", "Kept", "Ledger", "NoAlertId"]

HEADER = "alert"
CONTENT = "0;"
"""Begins the keys of content rows: before the names of channels, which begin with a letter."""
NAMES = "a"
CLAIM = timedelta(seconds=40)
"""How long a sender may take; longer than any channel's own time limit."""
KEPT = timedelta(days=400)
"""How long the record of a finished alert is kept."""
PROPERTY_BYTES = 64 * 1024
ROW_BYTES = 8 * PROPERTY_BYTES
"""Of content in one row. An entity may have 1 MiB, a request 4 MiB; from 1 MiB on, sending it would block the event loop."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


class NoAlertId(ValueError):
    """What is no id of an alert: nothing is kept under it. The text is one sentence."""


class DeliveryStatus(StrEnum):
    """Where a channel stands with an alert."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    """It failed for so long that the alert would be old news."""
    WITHDRAWN = "withdrawn"
    """What the notice says was no longer true when it could have been sent."""


SETTLED = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.GIVEN_UP, DeliveryStatus.WITHDRAWN})
"""Nothing more is sent through a channel that stands here."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An alert that is kept to be delivered, without what it says."""

    id: str
    created: datetime
    purpose: Purpose
    channels: tuple[str, ...] | None
    """What it is for; None where an older version kept it, which didn't note that."""
    group: str
    """The group of changes that it tells: an id of its own, but for changes that were found late."""
    run_id: str | None = None
    items: int = 0
    done: bool = False
    token: str | None = None
    """In the keys of its content rows; None where an older version kept the content in the row ``alert``."""
    rows: int = 0
    """How many content rows there are."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Where one channel stands with an alert."""

    alert_id: str
    channel: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    failures: int = 0
    """Attempts since the last message that was accepted."""
    cut: tuple[int, ...] = ()
    """Where the messages begin that carry the alert (``alerts/parts.py``); fixed with the first attempt, empty before it."""
    accepted: int = 0
    """How many of them the receiver has accepted."""
    last_error: str | None = None
    """One sentence for an administrator, without secrets."""
    permanent: bool = False
    """Whether somebody has to change something before it can work."""
    claimed_until: datetime | None = None
    retry_at: datetime | None = None
    """When it is tried again."""
    delivered_at: datetime | None = None
    etag: str | None = None
    """None for a state that was never written."""

    def busy(self, now: datetime) -> bool:
        """Whether somebody else is sending at ``now``."""
        return self.status is DeliveryStatus.SENDING and ahead(self.claimed_until, now, CLAIM)

    def waiting(self, now: datetime) -> bool:
        """Whether it isn't time yet for the next attempt."""
        return self.status is DeliveryStatus.FAILED and ahead(self.retry_at, now, LONGEST)


class Ledger:
    """Table ``alerts``. Errors of Table Storage pass through as the SDK raises them."""

    def __init__(self, service: TableServiceClient) -> None:
        """Take the client of the storage account. The table comes into being with the first write."""
        self._table = AlertTable(service)
        self.book = ChannelBook(self._table)
        """The channels of the installation."""

    async def known_channels(self) -> tuple[str, ...] | None:
        """The channels that the function app has set; None where no app has ever said so."""
        return await self.book.known()

    async def find(self, alert_id: str) -> Kept | None:
        """The alert with this id, if it is kept."""
        row = await self._table.get(_key(alert_id), HEADER, _HEADER_COLUMNS)
        return _kept(row) if row is not None else None

    async def keep(self, alert: Alert, channels: Iterable[str] | None, *, group: str | None = None) -> Kept:
        """Note that the alert is to be delivered, with its content and what it is for. One that is known stays as it is.

        Args:
            alert: What to say.
            channels: The names of the channels that it is for; None leaves that to whoever delivers it.
            group: The group of changes that it tells, where that isn't its id.

        Returns:
            The alert as it is kept: what was kept first is what is sent.

        Raises:
            NoAlertId: The alert's id can't be a key.
        """
        known = await self.find(alert.id)
        if known is not None:
            return known
        token = uuid4().hex
        *before, last = rows = _content_rows(alert.id, token, dump(alert))
        header = _header(alert, channels, group or alert.id, token, len(rows))
        for row in before:
            await self._table.overwrite(row)
        try:
            await self._table.create_both(last, header)
        except Conflict:
            # Somebody else was faster; or our own write, whose answer was lost and which was then repeated.
            known = await self.find(alert.id)
            if known is None:
                raise
            return known
        return _kept(header)

    async def replace_content(self, kept: Kept, alert: Alert) -> Kept:
        """Give an alert whose content can't be read another one, made from the same changes."""
        token = uuid4().hex
        rows = _content_rows(kept.id, token, dump(alert))
        header = _header(alert, kept.channels, kept.group, token, len(rows))
        for row in (*rows, header):
            await self._table.overwrite(row)
        return _kept(header)

    async def content(self, kept: Kept) -> Alert | None:
        """What the alert says; None once that was deleted, because it is delivered everywhere."""
        found: list[Mapping[str, Any]] = []
        if kept.token is None:
            found.append(await self._table.get(kept.id, HEADER) or {})
        else:
            low, high = f"{CONTENT}{kept.token};", f"{CONTENT}{kept.token}<"  # "<" comes after ";"
            rows = self._table.query(
                "PartitionKey eq @id and RowKey ge @low and RowKey lt @high", {"id": kept.id, "low": low, "high": high}
            )
            found = [row async for row in rows]
            if len(found) < kept.rows:
                return None
        content = b"".join(row[name] for row in found for name in sorted(row) if name.startswith("data"))
        return load(content) if content else None

    async def states(self, alert_id: str) -> dict[str, ChannelState]:
        """Where every channel that was ever tried stands, by its name."""
        condition, values = "PartitionKey eq @id and RowKey ge @names", {"id": _key(alert_id), "names": NAMES}
        rows = self._table.query(condition, values, _STATE_COLUMNS)
        return {row["RowKey"]: _state(row) async for row in rows if row["RowKey"] != HEADER}

    async def claim(self, state: ChannelState, now: datetime) -> ChannelState | None:
        """Take a channel for this sender, for the time of ``CLAIM``; None where somebody else was faster."""
        claimed = replace(
            state,
            status=DeliveryStatus.SENDING,
            attempts=state.attempts + 1,
            claimed_until=now + CLAIM,
            retry_at=None,
        )
        return await self._write(claimed)

    async def renew(self, claimed: ChannelState, now: datetime) -> ChannelState | None:
        """Hold a claim for another ``CLAIM``; None where it ran out and somebody else has taken the channel."""
        return await self._write(replace(claimed, claimed_until=now + CLAIM))

    async def settle(self, state: ChannelState) -> ChannelState | None:
        """Write what became of a claimed channel; None where the claim ran out and somebody else has taken it."""
        return await self._write(replace(state, claimed_until=None))

    async def finish(self, kept: Kept, *, told: bool) -> None:
        """Note that nothing more is to be delivered, so that ``undelivered`` no longer names the alert.

        What it said is deleted once everybody was ``told``: it names accounts, and nobody needs it again. Where a channel
        was given up it stays, for somebody who looks for it.
        """
        row = {"PartitionKey": kept.id, "RowKey": HEADER, "status": "done"}
        if not told:
            await self._table.overwrite(row, merge=True)
            return
        # The row "alert" last: what is left after a crash in between is still open, and found again.
        await self._table.delete(kept.id, await self._rows(kept.id, CONTENT, NAMES))
        plain = {"created": kept.created, "run_id": kept.run_id or "", "purpose": kept.purpose.value}
        await self._table.overwrite({**row, **plain, "items": kept.items, "group": kept.group, "rows": 0})

    async def undelivered(self, older_than: datetime) -> list[str]:
        """Ids of the alerts that were made before ``older_than`` and not yet delivered everywhere, the oldest first.

        One that claims to have been made far ahead, by a clock that was wrong, counts as made before.
        """
        rows = self._table.query(
            "RowKey eq @header and status eq @open and ( created lt @time or created gt @never )",
            {"header": HEADER, "open": "open", "time": older_than, "never": older_than + LONGEST},
            ["PartitionKey", "created"],
        )
        return [
            kept.id for kept in sorted([_kept(row) async for row in rows], key=lambda kept: (kept.created, kept.id))
        ]

    async def waiting(self, channel: str) -> list[tuple[Kept, ChannelState]]:
        """The alerts that are for a channel and that it doesn't have yet, and where it stands with each."""
        rows = self._table.query(
            "RowKey eq @header and status eq @open", {"header": HEADER, "open": "open"}, _HEADER_COLUMNS
        )
        alerts = [kept for kept in [_kept(row) async for row in rows] if channel in (kept.channels or (channel,))]
        states = [(await self.states(kept.id)).get(channel, ChannelState(kept.id, channel)) for kept in alerts]
        return [(kept, state) for kept, state in zip(alerts, states, strict=True) if state.status not in SETTLED]

    async def free(self, state: ChannelState) -> bool:
        """Let an alert that waits for its time be tried now; False where somebody else has written its row."""
        return await self._write(replace(state, retry_at=None)) is not None

    async def prune(self, now: datetime) -> int:
        """Delete the records of alerts that were finished long ago (``KEPT``). Returns how many alerts there were."""
        rows = self._table.query(
            "RowKey eq @header and status eq @done and created lt @time",
            {"header": HEADER, "done": "done", "time": now - KEPT},
            ["PartitionKey"],
        )
        old = [row["PartitionKey"] async for row in rows]
        for alert_id in old:
            # The row "alert" last: what is left after a crash in between is found again.
            names = await self._rows(alert_id, CONTENT, "~")
            await self._table.delete(alert_id, [*(name for name in names if name != HEADER), HEADER])
        return len(old)

    async def _rows(self, alert_id: str, low: str, high: str) -> list[str]:
        """The keys of an alert's rows from ``low`` up to but not including ``high``."""
        rows = self._table.query(
            "PartitionKey eq @id and RowKey ge @low and RowKey lt @high",
            {"id": alert_id, "low": low, "high": high},
            ["RowKey"],
        )
        return [row["RowKey"] async for row in rows]

    async def _write(self, state: ChannelState) -> ChannelState | None:
        """Write the state if nobody else has since it was read."""
        try:
            return replace(state, etag=await self._table.put(_row(state), state.etag))
        except Conflict:
            return None


_HEADER_COLUMNS = [
    *("PartitionKey", "RowKey", "created", "run_id", "purpose", "items", "status"),
    *("channels", "group", "token", "rows"),
]
_TIMES = ("claimed_until", "retry_at", "delivered_at")
_STATE_COLUMNS = [
    *("PartitionKey", "RowKey", "status", "attempts", "failures", "cut", "accepted", "last_error", "permanent"),
    *_TIMES,
]


def _key(name: str) -> str:
    if not _ID.fullmatch(name) or name == CHANNELS:
        raise NoAlertId(f"{name[:40]!a} can't be the id of an alert: letters, digits and -_. only, at most 100.")
    return name


def _content_rows(alert_id: str, token: str, content: bytes) -> list[Row]:
    chunks = [content[start : start + ROW_BYTES] for start in range(0, len(content), ROW_BYTES)]
    return [
        {"PartitionKey": _key(alert_id), "RowKey": f"{CONTENT}{token};{number:04}", **_properties(chunk)}
        for number, chunk in enumerate(chunks)
    ]


def _properties(chunk: bytes) -> dict[str, bytes]:
    starts = range(0, len(chunk), PROPERTY_BYTES)
    return {f"data{number:02}": chunk[start : start + PROPERTY_BYTES] for number, start in enumerate(starts)}


def _header(alert: Alert, channels: Iterable[str] | None, group: str, token: str, rows: int) -> Row:
    header = {
        "PartitionKey": _key(alert.id),
        "RowKey": HEADER,
        "created": alert.created.astimezone(UTC),
        "run_id": clean(alert.run_id or "", 100),
        "purpose": alert.purpose.value,
        "headline": clean(alert.headline, 300),
        "items": sum(alert.counts.values()),
        "status": "open",
        "group": _key(group),
        "token": token,
        "rows": rows,
    }
    return header if channels is None else {**header, "channels": ",".join(map(_key, dict.fromkeys(channels)))}


def _kept(row: Mapping[str, Any]) -> Kept:
    """Of a damaged row, whatever can be read; one with a purpose of another version is left alone, as if it were done."""
    channels, created = row.get("channels"), row.get("created")
    purpose = row.get("purpose", Purpose.CHANGES.value)
    known = purpose in [one.value for one in Purpose]
    return Kept(
        id=row["PartitionKey"],
        created=created if isinstance(created, datetime) else datetime.now(UTC),
        purpose=Purpose(purpose) if known else Purpose.CHANGES,
        channels=None if channels is None else tuple(name for name in channels.split(",") if name),
        group=row.get("group") or row["PartitionKey"],
        run_id=row.get("run_id") or None,
        items=row.get("items") or 0,
        done=row.get("status") == "done" or not known,
        token=row.get("token"),
        rows=row.get("rows") or 0,
    )


def _status(value: Any) -> DeliveryStatus:
    """A status that this version doesn't know is none: sending a second time under the same id does no harm."""
    return DeliveryStatus(value) if value in [one.value for one in DeliveryStatus] else DeliveryStatus.PENDING


def _row(state: ChannelState) -> Row:
    times = {name: getattr(state, name) for name in _TIMES}
    row = {
        "PartitionKey": _key(state.alert_id),
        "RowKey": _key(state.channel),
        "status": state.status.value,
        "attempts": state.attempts,
        "failures": state.failures,
        "cut": ",".join(map(str, state.cut)) or None,
        "accepted": state.accepted,
        "permanent": state.permanent,
        "last_error": clean(state.last_error, 500) if state.last_error else None,
        **{name: time.astimezone(UTC) if time else None for name, time in times.items()},
    }
    return {name: value for name, value in row.items() if value is not None}


def _state(row: Any) -> ChannelState:
    return ChannelState(
        alert_id=row["PartitionKey"],
        channel=row["RowKey"],
        status=_status(row.get("status")),
        attempts=row.get("attempts") or 0,
        failures=row.get("failures") or 0,
        cut=tuple(map(int, row["cut"].split(","))) if row.get("cut") else (),
        accepted=row.get("accepted") or 0,
        last_error=row.get("last_error"),
        permanent=row.get("permanent") is True,
        claimed_until=row.get("claimed_until"),
        retry_at=row.get("retry_at"),
        delivered_at=row.get("delivered_at"),
        etag=row.metadata["etag"],
    )
