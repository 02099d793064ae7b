"""Pages that are kept, in table ``pages``: packed, cut into rows, and served only whole and only as long as they are true.

A partition per page. The row ``page`` says what it was made of (its stamp), how many rows there are, and their hash; the others,
``<edition>;<number>``, hold the pieces. The pieces are written first, and ``page`` last: a reader finds the page before or the new one. Whatever
is missing or doesn't fit counts as no page. What belongs to another edition is deleted once a new one is whole.
"""

import hashlib
import zlib
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from findings.keys import join, prefix_range
from findings.packing import PROPERTY_BYTES
from findings.parallel import for_each
from findings.tables import Entity, Table

PAGES = "pages"
_HEAD = "page"
_PIECE_BYTES = 10 * PROPERTY_BYTES
"""Under the 1 MiB that an entity may have, and as a request (base64) under the 1 MiB that is sent without a halt."""
_KEYS = ("PartitionKey", "RowKey")


class KeptPages:
    """Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._pages = Table(service, PAGES)

    async def load(self, name: str, stamp: str) -> bytes | None:
        """The page, if it was kept with this stamp and is all there; otherwise None."""
        head = await self._pages.get(name, _HEAD)
        if head is None or head.get("stamp") != stamp:
            return None
        edition = str(head.get("edition"))
        rows = self._pages.query(
            "PartitionKey eq @name and RowKey ge @low and RowKey lt @high", {"name": name, **prefix_range(edition)}
        )
        pieces = [[row[one] for one in sorted(row) if one.startswith("data")] async for row in rows]
        try:
            packed = b"".join(part for piece in pieces for part in piece)
            if len(pieces) != head.get("pieces") or _hash(packed) != head.get("hash"):
                return None
            return zlib.decompress(packed)
        except (TypeError, zlib.error):  # no bytes, or none of ours
            return None

    async def save(self, name: str, stamp: str, content: bytes) -> None:
        """Keep a page in place of what was kept under this name."""
        packed, edition = zlib.compress(content), uuid4().hex
        starts = range(0, len(packed), _PIECE_BYTES)
        rows = [
            _piece(name, edition, number, packed[start : start + _PIECE_BYTES]) for number, start in enumerate(starts)
        ]
        await for_each(rows, self._pages.upsert, at_a_time=4)
        head = {"stamp": stamp, "edition": edition, "pieces": len(rows), "hash": _hash(packed)}
        await self._pages.upsert({"PartitionKey": name, "RowKey": _HEAD, **head})
        await self._drop(name, but=edition)

    async def drop_all(self) -> None:
        """Delete every page: what they say of one account can't be taken out of them."""
        rows = self._pages.query("PartitionKey ge @first", {"first": ""}, select=_KEYS)
        await self._pages.delete([(row["PartitionKey"], row["RowKey"]) async for row in rows])

    async def _drop(self, name: str, *, but: str) -> None:
        rows = self._pages.query("PartitionKey eq @name", {"name": name}, select=_KEYS)
        keep = (_HEAD, join(but, ""))
        old = [(name, row["RowKey"]) async for row in rows if not row["RowKey"].startswith(keep)]
        await self._pages.delete(old)


def _piece(name: str, edition: str, number: int, content: bytes) -> Entity:
    starts = range(0, len(content), PROPERTY_BYTES)
    data = {f"data{part:02}": content[start : start + PROPERTY_BYTES] for part, start in enumerate(starts)}
    return {"PartitionKey": name, "RowKey": join(edition, f"{number:04}"), **data}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
