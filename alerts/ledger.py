"""What was sent where: one partition of table ``alerts`` per alert.

::

    alert       created, run id, how many items, ``open`` or ``done``, and the content until it is done
    teams       where the channel stands: pending, sending, delivered, failed or given_up, with attempts and last error
    webhook
    email

A channel's row is claimed before sending and settled after it, each guarded by the row's ETag: of two messages about the
same alert only one sends. A claim runs out, so that an alert whose sender was killed is sent after all (once more at
worst; receivers drop repeats by the alert's id).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableErrorCode, UpdateMode
from azure.data.tables.aio import TableServiceClient

from alerts.model import Alert
from alerts.stored import dump, load
from alerts.text import clean

TABLE = "alerts"
HEADER = "alert"
CLAIM = timedelta(seconds=40)
"""How long a sender may take; longer than any channel's own time limit."""
KEPT = timedelta(days=400)
"""How long the record of a finished alert is kept."""
PROPERTY_BYTES = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


class DeliveryStatus(StrEnum):
    """Where a channel stands with an alert."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    """It failed for so long that the alert would be old news."""


SETTLED = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.GIVEN_UP})
"""Nothing more is sent through a channel that stands here."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Where one channel stands with an alert."""

    alert_id: str
    channel: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    last_error: str | None = None
    """One sentence for an administrator, without secrets."""
    permanent: bool = False
    """Whether somebody has to change something before it can work."""
    claimed_until: datetime | None = None
    retry_at: datetime | None = None
    """The receiver asked not to be tried before."""
    delivered_at: datetime | None = None
    etag: str | None = None
    """None for a state that was never written."""

    def busy(self, now: datetime) -> bool:
        """Whether somebody else is sending at ``now``."""
        return self.status is DeliveryStatus.SENDING and self.claimed_until is not None and now < self.claimed_until

    def waiting(self, now: datetime) -> bool:
        """Whether the receiver asked to be left alone at ``now``."""
        return self.status is DeliveryStatus.FAILED and self.retry_at is not None and now < self.retry_at


class Ledger:
    """Table ``alerts``. Errors of Table Storage pass through as the SDK raises them."""

    def __init__(self, service: TableServiceClient) -> None:
        """Take the client of the storage account. The table comes into being with the first write."""
        self._service = service
        self._table = service.get_table_client(TABLE)

    async def keep(self, alert: Alert) -> None:
        """Note that the alert is to be delivered, with its content. Does nothing to one that is known.

        Raises:
            ValueError: The alert's id can't be a key.
        """
        content = dump(alert)
        starts = range(0, len(content), PROPERTY_BYTES)
        row = {
            "PartitionKey": _key(alert.id),
            "RowKey": HEADER,
            "created": alert.created.astimezone(UTC),
            "run_id": clean(alert.run_id or "", 100),
            "purpose": alert.purpose.value,
            "headline": clean(alert.headline, 300),
            "items": sum(alert.counts.values()),
            "status": "open",
            **{f"data{number:02}": content[start : start + PROPERTY_BYTES] for number, start in enumerate(starts)},
        }
        try:
            await self._create(row)
        except ResourceExistsError:
            return

    async def load(self, alert_id: str) -> Alert | None:
        """The alert as it was kept; None where there is none, or where it was delivered everywhere."""
        row = await self._get(alert_id, HEADER) or {}
        parts = sorted(name for name in row if name.startswith("data"))
        return load(b"".join(row[name] for name in parts)) if parts else None

    async def states(self, alert_id: str) -> dict[str, ChannelState]:
        """Where every channel that was ever tried stands, by its name."""
        rows = self._table.query_entities("PartitionKey eq @id", parameters={"id": _key(alert_id)}, select=_COLUMNS)
        try:
            return {row["RowKey"]: _state(row) async for row in rows if row["RowKey"] != HEADER}
        except HttpResponseError as error:
            if _no_table(error):
                return {}
            raise

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

    async def settle(self, state: ChannelState) -> ChannelState | None:
        """Write what became of a claimed channel; None where the claim ran out and somebody else has taken it."""
        return await self._write(replace(state, claimed_until=None))

    async def finish(self, alert_id: str, *, told: bool) -> None:
        """Note that nothing more is to be delivered, so that ``undelivered`` no longer names the alert.

        What it said is deleted once everybody was ``told``: it names accounts, and nobody needs it again. Where a channel
        was given up it stays, for somebody who looks for it.
        """
        row = {"PartitionKey": _key(alert_id), "RowKey": HEADER}
        if told:
            row |= await self._table.get_entity(*row.values(), select=["created", "run_id", "purpose", "items"])
        mode = UpdateMode.REPLACE if told else UpdateMode.MERGE
        await self._table.update_entity({**row, "status": "done"}, mode=mode)

    async def undelivered(self, older_than: datetime) -> list[str]:
        """Ids of the alerts that were made before ``older_than`` and not yet delivered everywhere, the oldest first."""
        rows = self._table.query_entities(
            "RowKey eq @header and status eq @open and created lt @time",
            parameters={"header": HEADER, "open": "open", "time": older_than.astimezone(UTC)},
            select=["PartitionKey", "created"],
        )
        try:
            found = [(row["created"], row["PartitionKey"]) async for row in rows]
        except HttpResponseError as error:
            if _no_table(error):
                return []
            raise
        return [alert_id for _, alert_id in sorted(found)]

    async def prune(self, now: datetime) -> int:
        """Delete the records of alerts that were finished long ago (``KEPT``). Returns how many alerts there were."""
        rows = self._table.query_entities(
            "RowKey eq @header and status eq @done and created lt @time",
            parameters={"header": HEADER, "done": "done", "time": (now - KEPT).astimezone(UTC)},
            select=["PartitionKey"],
        )
        try:
            old = [row["PartitionKey"] async for row in rows]
        except HttpResponseError as error:
            if _no_table(error):
                return 0
            raise
        for alert_id in old:
            # The header last: what is left after a crash in between is found again.
            for channel in await self.states(alert_id):
                await self._table.delete_entity(alert_id, channel)
            await self._table.delete_entity(alert_id, HEADER)
        return len(old)

    async def _get(self, alert_id: str, row: str) -> Mapping[str, Any] | None:
        try:
            return await self._table.get_entity(_key(alert_id), row)
        except ResourceNotFoundError:
            return None

    async def _create(self, row: dict[str, Any]) -> Mapping[str, Any]:
        try:
            return await self._table.create_entity(row)
        except HttpResponseError as error:
            if not _no_table(error):
                raise
            await self._service.create_table_if_not_exists(TABLE)
            return await self._table.create_entity(row)

    async def _write(self, state: ChannelState) -> ChannelState | None:
        """Write the state if nobody else has since it was read."""
        row = _row(state)
        try:
            if state.etag is None:
                answer = await self._create(row)
            else:
                answer = await self._table.update_entity(
                    row, mode=UpdateMode.REPLACE, etag=state.etag, match_condition=MatchConditions.IfNotModified
                )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            return None
        return replace(state, etag=answer["etag"])


_TIMES = ("claimed_until", "retry_at", "delivered_at")
_COLUMNS = ["PartitionKey", "RowKey", "status", "attempts", "last_error", "permanent", *_TIMES]


def _key(alert_id: str) -> str:
    if not _ID.fullmatch(alert_id):
        raise ValueError(f"{alert_id[:40]!a} can't be the id of an alert: letters, digits and -_. only, at most 100.")
    return alert_id


def _row(state: ChannelState) -> dict[str, Any]:
    times = {name: getattr(state, name) for name in _TIMES}
    row = {
        "PartitionKey": _key(state.alert_id),
        "RowKey": _key(state.channel),
        "status": state.status.value,
        "attempts": state.attempts,
        "permanent": state.permanent,
        "last_error": clean(state.last_error, 500) if state.last_error else None,
        **{name: time.astimezone(UTC) if time else None for name, time in times.items()},
    }
    return {name: value for name, value in row.items() if value is not None}


def _state(row: Any) -> ChannelState:
    return ChannelState(
        alert_id=row["PartitionKey"],
        channel=row["RowKey"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        last_error=row.get("last_error"),
        permanent=row["permanent"],
        claimed_until=row.get("claimed_until"),
        retry_at=row.get("retry_at"),
        delivered_at=row.get("delivered_at"),
        etag=row.metadata["etag"],
    )


def _no_table(error: HttpResponseError) -> bool:
    code = getattr(error, "error_code", None)
    if code is None:  # creating an entity raises errors that the SDK hasn't decoded
        code = getattr(error.response, "headers", {}).get("x-ms-error-code")
    return str(getattr(code, "value", code)) == TableErrorCode.TABLE_NOT_FOUND.value
