"""A lease in table ``runs``: two scans of the same tenant don't overlap.

The holder renews the lease every 10 seconds for another 30. A holder that is killed stops renewing, so the next scan
waits at most that long. Clocks differ between machines: a lease counts as abandoned when its end has passed, and also
when it was not renewed for its whole duration while somebody watched, whatever time is written in it.

The lease keeps scans apart, it doesn't protect the data: an account's ETag does. A holder that was frozen and wakes up
after its lease was taken over is cancelled at its next ``await``, and can at most write an account that nobody else has
written meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from azure.data.tables import TableEntity
from azure.data.tables.aio import TableServiceClient

from findings.errors import ConflictError, LeaseLost, ScanAlreadyRunning, StorageError
from findings.model import iso
from findings.rows import present, utc
from findings.runs import RUNS
from findings.tables import Entity, Table

PARTITION = "lease"
ROW = "scan"

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long things take, in seconds."""

    duration: float = 30
    renew_every: float = 10
    wait: float = 45
    """How long to wait for another holder: longer than ``duration``, so that a killed one is always outlived."""
    poll: float = 2


DEFAULT_TIMES = LeaseTimes()


class Lease:
    """A lease that is held. ``lost`` turns true when it was taken over or could not be renewed."""

    def __init__(self, table: Table, owner: str, times: LeaseTimes, clock: Clock, sleep: Sleep) -> None:
        self.owner = owner
        self.token = uuid4().hex
        """Tells this holder from another with the same name, and a write of its own from somebody else's."""
        self.lost = False
        self._table, self._times, self._clock, self._sleep = table, times, clock, sleep
        self._acquired = self._expires = clock()

    def check(self) -> None:
        """Raise ``LeaseLost`` if the lease is lost: for work that goes on for long without an ``await``."""
        if self.lost:
            raise LeaseLost(f"The scan {self.owner} stopped: another scan has taken over.")

    async def acquire(self) -> None:
        """Take the lease, waiting for another holder to give it up or to die.

        Raises:
            ScanAlreadyRunning: It was still held at the end of the wait.
            StorageError: Table Storage can't be used.
        """
        give_up = self._clock() + timedelta(seconds=self._times.wait)
        watched, watched_since = "", self._clock()
        while True:
            row = await self._table.get(PARTITION, ROW)
            now = self._clock()
            if row is not None and _etag(row) != watched:
                watched, watched_since = _etag(row), now
            if row is None or self._abandoned(row, now, watched_since):
                with suppress(ConflictError):  # somebody else was faster: look again
                    self._acquired = now
                    await self._write(now, _etag(row) if row is not None else None)
                    return
            elif now >= give_up:
                raise ScanAlreadyRunning(_held(row))
            await self._sleep(self._times.poll)

    async def renew_until_lost(self) -> None:
        """Renew the lease again and again; return when it is lost."""
        while not self.lost:
            await self._sleep(self._times.renew_every)
            try:
                async with asyncio.timeout(self._times.renew_every):
                    self.lost = not await self._renew()
            except (StorageError, TimeoutError):
                # Not renewed, but perhaps in time the next time.
                self.lost = self._clock() + timedelta(seconds=self._times.renew_every) >= self._expires

    async def release(self) -> None:
        """Give the lease up, if it is still held. Failing to only makes the next scan wait for it to expire."""
        with suppress(StorageError, ConflictError, TimeoutError):
            async with asyncio.timeout(self._times.renew_every):
                row = await self._table.get(PARTITION, ROW)
                if row is not None and row["token"] == self.token:
                    await self._table.delete_version(PARTITION, ROW, _etag(row))

    async def _renew(self) -> bool:
        row = await self._table.get(PARTITION, ROW)
        if row is None or row["token"] != self.token:
            return False
        try:
            await self._write(self._clock(), _etag(row))
        except ConflictError:  # taken over; or our own write, whose answer was lost and which was then repeated
            return await self._renew()
        return True

    async def _write(self, now: datetime, etag: str | None) -> None:
        expires = now + timedelta(seconds=self._times.duration)
        await self._table.put(self._row(expires), etag)
        self._expires = expires

    def _row(self, expires: datetime) -> Entity:
        keys = {"PartitionKey": PARTITION, "RowKey": ROW}
        return keys | present(owner=self.owner, token=self.token, acquired=self._acquired, expires=expires)

    def _abandoned(self, row: TableEntity, now: datetime, watched_since: datetime) -> bool:
        watched_for = now - watched_since
        own = bool(row["token"] == self.token)  # written by an attempt whose answer was lost
        return own or utc(row["expires"]) <= now or watched_for >= timedelta(seconds=self._times.duration)


@asynccontextmanager
async def scan_lease(
    service: TableServiceClient,
    owner: str,
    *,
    times: LeaseTimes = DEFAULT_TIMES,
    clock: Clock = lambda: datetime.now(UTC),
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[Lease]:
    """Hold the lease for the body of an ``async with``; when it is lost, cancel the body.

    Args:
        service: The storage account.
        owner: Who holds it, for messages: the run's id.
        times: How long things take.
        clock: The time now, with zone.
        sleep: Waits for so many seconds.

    Raises:
        ScanAlreadyRunning: Another scan holds it, and goes on holding it.
        LeaseLost: The lease was lost while the body ran.
        StorageError: Table Storage can't be used.
    """
    lease = Lease(Table(service, RUNS), owner, times, clock, sleep)
    await lease.acquire()
    holder = asyncio.current_task()
    if holder is None:
        raise RuntimeError("a lease is held by a task")
    cancelled_before = holder.cancelling()

    async def renew() -> None:
        await lease.renew_until_lost()
        holder.cancel()

    renewal = asyncio.create_task(renew(), name="renew the scan's lease")
    try:
        yield lease
    except asyncio.CancelledError:
        # As asyncio.timeout does: a cancellation of our own becomes our error, anybody else's goes on.
        if lease.lost and holder.uncancel() <= cancelled_before:
            lease.check()
        raise
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError):
            await renewal
        await lease.release()


def _etag(row: TableEntity) -> str:
    return str(row.metadata["etag"])


def _held(row: TableEntity) -> str:
    return (
        f"Another scan is going on: {row['owner']}, since {iso(utc(row['acquired']))}. "
        "This one was not started; run it again when the other is done."
    )
