"""Whether what is kept of the accounts is at rest, and since which write: in partition ``contents`` of table ``runs``.

What is made of everything that is kept, as the report is, may itself be kept as long as nothing was written since. So whoever writes accounts
says so before the first write (:meth:`Contents.disturb`) and once everything is written (:meth:`Contents.settle`). One that is killed in
between never says the second: then everything is made anew until a later holder of the lease has finished. One whose lease was taken over may
have a write on its way: then, until the next scan of everything has written every account (``findings/seen.py``).

An older version, before an upgrade, after a rollback or on somebody's own machine, writes accounts without a word of it. Its runs lack
``says_when_writing``: while such a one goes on, or has died and nobody has ended it yet, no page is kept or served. Where it forgets an
account, what stands in ``findings/seen.py`` of that account goes, which is part of the stamp.
"""

import asyncio
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from findings.runs import RUNS
from findings.seen import SeenStore
from findings.tables import Table

PARTITION, _ROW = "contents", "accounts"


class Contents:
    """Every method raises ``StorageError`` when Table Storage can't be used. Write while holding the lease."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs, self._seen = Table(service, RUNS), SeenStore(service)
        self._disturbed = False
        self._lock = asyncio.Lock()

    async def disturb(self) -> None:
        """Say that accounts are about to be written; once until :meth:`settle`, however often it is called."""
        if self._disturbed:
            return
        async with self._lock:  # nobody writes before it is said
            if not self._disturbed:
                await self._say(at_rest=False)
                self._disturbed = True

    async def settle(self) -> None:
        """Say that everything is written, by this holder of the lease and by those before it."""
        row = await self._runs.get(PARTITION, _ROW)
        if self._disturbed or row is None or row.get("at_rest") is not True:
            await self._say(at_rest=True)
        self._disturbed = False

    async def stamp(self) -> str | None:
        """Equal as long as nothing was written, nor noted of what was seen last; None while it can't be told."""
        row = await self._runs.get(PARTITION, _ROW)
        seen = await self._seen.version()
        token = str(row.get("token") or "") if row is not None and row.get("at_rest") is True else ""
        return f"{token};{seen}" if token and seen is not None else None

    async def _say(self, *, at_rest: bool) -> None:
        await self._runs.upsert({"PartitionKey": PARTITION, "RowKey": _ROW, "token": uuid4().hex, "at_rest": at_rest})
