"""One table, with the errors, limits and conveniences that every part here needs.

A table that doesn't exist yet reads as empty and comes into being with the first write. Filters take their values as
parameters and never as text; inside a filter each parameter stands between spaces, because the SDK looks for it there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from azure.core import MatchConditions
from azure.core.async_paging import AsyncPageIterator
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, TableErrorCode, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from basics.breath import Breath
from basics.text import make_well_formed
from findings.errors import ConflictError, code_of, storage_errors
from findings.packing import clean

PAGE = 500
"""Entities in one answer, where a scan reads: a whole page is made readable at once, and others wait for that."""
LARGEST_PAGE = 1000
"""What the service gives in one answer at most."""
MAX_OPERATIONS = 100
"""What Table Storage takes in one entity group transaction."""

Entity = dict[str, Any]
Operation = tuple[str, Entity, Mapping[str, Any]]
Answer = TypeVar("Answer")

_clients: WeakKeyDictionary[TableServiceClient, dict[str, TableClient]] = WeakKeyDictionary()
"""By the name of the table. Making one takes as long as some requests."""


class Table:
    """A table of the storage account."""

    def __init__(self, service: TableServiceClient, name: str) -> None:
        self.name = name
        self._service = service
        self._client = _client_of(service, name)
        self._single: dict[str, Callable[..., Awaitable[Any]]] = {
            "create": self._client.create_entity,
            "update": self._client.update_entity,
            "upsert": self._client.upsert_entity,
        }

    async def query(
        self,
        query_filter: str,
        parameters: Mapping[str, Any],
        select: Sequence[str] | None = None,
        page: int = PAGE,
    ) -> AsyncIterator[TableEntity]:
        """Stream the entities that match, in the order of their keys; ``page`` of them in one answer of the service.

        Raises:
            StorageError: The table can't be read.
        """
        breath = Breath()
        async for entities, _ in self.pages(query_filter, parameters, page, select):
            for entity in entities:
                yield entity
                await breath.take()  # a page holds hundreds, and what is done with each takes its time

    async def pages(
        self, query_filter: str, parameters: Mapping[str, Any], size: int, select: Sequence[str] | None = None
    ) -> AsyncIterator[tuple[list[TableEntity], bool]]:
        """The same by the answers of the service, each of ``size`` entities at most, and whether more may follow behind it.

        Raises:
            StorageError: The table can't be read.
        """
        values = {name: clean(value) if isinstance(value, str) else value for name, value in parameters.items()}
        with storage_errors(self.name, "reading"):
            try:
                found = self._client.query_entities(
                    query_filter, parameters=values, select=list(select) if select else None, results_per_page=size
                )
                pages = cast(AsyncPageIterator[TableEntity], found.by_page())
                breath = Breath()
                async for page in pages:
                    entities = []
                    async for entity in page:
                        make_well_formed(entity)
                        entities.append(entity)
                        await breath.take()
                    yield entities, pages.continuation_token is not None
            except HttpResponseError as error:
                if code_of(error) != TableErrorCode.TABLE_NOT_FOUND.value:
                    raise

    async def get(self, partition: str, row: str) -> TableEntity | None:
        """The entity with these keys, or None."""
        with storage_errors(self.name, "reading"):
            try:
                entity = await self._client.get_entity(partition, row)
                make_well_formed(entity)
                return entity
            except HttpResponseError as error:
                if error.status_code == 404:
                    return None
                raise

    async def upsert(self, entity: Entity) -> None:
        """Write an entity whole, whatever was there."""
        await self._write(lambda: self._client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    async def put(self, entity: Entity, etag: str | None) -> None:
        """Create the entity (no etag), or replace exactly the version with this etag.

        Raises:
            ConflictError: It exists already, has changed, or is gone.
            StorageError: The table can't be written.
        """
        if etag is None:
            await self._write(lambda: self._client.create_entity(entity))
        else:
            await self._write(
                lambda: self._client.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            )

    async def submit(self, operations: Sequence[Operation]) -> None:
        """Write up to 100 entities of one partition, all or none.

        Raises:
            ConflictError: A condition of one of the operations isn't met; nothing is written.
            StorageError: The table can't be written.
        """
        if len(operations) > MAX_OPERATIONS:
            raise ValueError(f"{len(operations)} operations in one transaction; Table Storage takes {MAX_OPERATIONS}.")
        if len(operations) == 1:
            # One operation is atomic by itself, and as a plain request costs a fraction of a transaction.
            (name, entity, options), *_ = operations
            await self._write(lambda: self._single[name](entity, **options))
        elif operations:
            await self._write(lambda: self._client.submit_transaction(operations))

    async def delete_version(self, partition: str, row: str, etag: str) -> None:
        """Delete exactly this version of an entity; one that is gone already is no error.

        Raises:
            ConflictError: It has changed.
        """
        with storage_errors(self.name, "deleting from"):
            await self._client.delete_entity(partition, row, etag=etag, match_condition=MatchConditions.IfNotModified)

    async def delete(self, keys: Iterable[tuple[str, str]]) -> int:
        """Delete entities by partition and row key, in transactions where neighbours share a partition.

        Those that are gone already are no error. Returns how many keys were given.
        """
        count = 0
        for partition, group in groupby(keys, key=lambda key: key[0]):
            rows = [row for _, row in group]
            count += len(rows)
            for start in range(0, len(rows), MAX_OPERATIONS):
                await self._delete_rows(partition, rows[start : start + MAX_OPERATIONS])
        return count

    async def _delete_rows(self, partition: str, rows: Sequence[str]) -> None:
        if len(rows) > 1:
            operations: list[Operation] = [("delete", {"PartitionKey": partition, "RowKey": row}, {}) for row in rows]
            try:
                await self.submit(operations)
                return
            except ConflictError:
                pass  # one of them is gone already, which fails the whole transaction: delete them one by one
        for row in rows:
            with storage_errors(self.name, "deleting from"):
                await self._client.delete_entity(partition, row)

    async def _write(self, send: Callable[[], Awaitable[Answer]]) -> Answer:
        with storage_errors(self.name, "writing to"):
            try:
                return await send()
            except HttpResponseError as error:
                if code_of(error) != TableErrorCode.TABLE_NOT_FOUND.value:
                    raise
                await self._service.create_table_if_not_exists(self.name)
                return await send()


def _client_of(service: TableServiceClient, name: str) -> TableClient:
    known = _clients.setdefault(service, {})
    if name not in known:
        known[name] = service.get_table_client(name)
    return known[name]


def upsert(entity: Entity) -> Operation:
    """The operation of a transaction that writes an entity whole, whatever was there."""
    return "upsert", entity, {"mode": UpdateMode.REPLACE}


def put(entity: Entity, etag: str | None) -> Operation:
    """The operation of a transaction that creates the entity (no etag), or replaces exactly this version of it."""
    if etag is None:
        return "create", entity, {}
    unchanged = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    return "update", entity, {"mode": UpdateMode.REPLACE, **unchanged}
