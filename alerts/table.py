"""Table ``alerts`` as its users here need it. Errors of Table Storage pass through as the SDK raises them.

A table that doesn't exist yet reads as empty and comes into being with the first write.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableEntity, TableErrorCode, UpdateMode
from azure.data.tables.aio import TableServiceClient

from basics.text import make_well_formed

TABLE = "alerts"
CONFLICTS = frozenset({404, 409, 412})
"""Answers to a write whose condition isn't met: the row is gone, is there already, or has changed."""

Row = dict[str, Any]
Answer = TypeVar("Answer")


class Conflict(Exception):
    """Somebody else wrote the row since it was read."""


class AlertTable:
    """The table."""

    def __init__(self, service: TableServiceClient) -> None:
        self._service = service
        self._client = service.get_table_client(TABLE)

    async def get(self, partition: str, row: str, select: Sequence[str] | None = None) -> TableEntity | None:
        """The row with these keys, or None."""
        try:
            found = await self._client.get_entity(partition, row, select=list(select) if select else None)
        except ResourceNotFoundError:
            return None
        make_well_formed(found)
        return found

    async def query(
        self, condition: str, parameters: Mapping[str, Any], select: Sequence[str] | None = None
    ) -> AsyncIterator[TableEntity]:
        """The rows that match, in the order of their keys."""
        values = {
            name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in parameters.items()
        }
        rows = self._client.query_entities(condition, parameters=values, select=list(select) if select else None)
        try:
            async for row in rows:
                make_well_formed(row)
                yield row
        except HttpResponseError as error:
            if not _no_table(error):
                raise

    async def put(self, row: Row, etag: str | None) -> str:
        """Create the row (no etag), or replace exactly the version with this etag. Returns the new etag.

        Raises:
            Conflict: It exists already, has changed, or is gone.
        """
        if etag is None:
            answer = await self._write(lambda: self._client.create_entity(row))
        else:
            answer = await self._write(
                lambda: self._client.update_entity(
                    row, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            )
        return str(answer["etag"])

    async def overwrite(self, row: Row, *, merge: bool = False) -> None:
        """Write the row, whatever was there; ``merge`` leaves the properties alone that it doesn't have."""
        mode = UpdateMode.MERGE if merge else UpdateMode.REPLACE
        await self._write(lambda: self._client.upsert_entity(row, mode=mode))

    async def create_both(self, one: Row, other: Row) -> None:
        """Create two rows of one partition, or neither.

        Raises:
            Conflict: One of them exists already.
        """
        await self._write(lambda: self._client.submit_transaction([("create", one), ("create", other)]))

    async def delete(self, partition: str, rows: Iterable[str]) -> None:
        """Delete rows one by one; those that are gone already are no error."""
        for row in rows:
            await self._client.delete_entity(partition, row)

    async def _write(self, send: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            try:
                return await send()
            except HttpResponseError as error:
                if not _no_table(error):
                    raise
                await self._service.create_table_if_not_exists(TABLE)
                return await send()
        except HttpResponseError as error:
            if error.status_code in CONFLICTS:
                raise Conflict from error
            raise


def _no_table(error: HttpResponseError) -> bool:
    code = getattr(error, "error_code", None)
    if code is None:  # creating an entity raises errors that the SDK hasn't decoded
        code = getattr(error.response, "headers", {}).get("x-ms-error-code")
    return str(getattr(code, "value", code)) == TableErrorCode.TABLE_NOT_FOUND.value
