"""A lease in table ``runs``: two scans of the same tenant don't overlap.

The holder renews the lease every 10 seconds for another 30. A holder that is killed stops renewing, so the next scan
waits at most that long. Clocks differ between machines, and somebody may set them: a lease is abandoned only when somebody
watched it for its whole duration, on a clock that only ever runs forward, and it was not renewed. The times that are written
in it are for people to read; they decide nothing.

The lease keeps scans apart, it doesn't protect the data: an account's ETag does. A holder that was frozen and wakes up
after its lease was taken over is cancelled at its next ``await``, and can at most write an account that nobody else has
written meanwhile.
"""

import asyncio
import time
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
from findings.seen import SeenStore
from findings.tables import Entity, Table

PARTITION = "lease"
ROW = "scan"

Clock = Callable[[], datetime]
Elapsed = Callable[[], float]
"""Seconds on a clock that nobody sets: ``time.monotonic``, or a test's own."""
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long things take, in seconds."""

    duration: float = 30
    renew_every: float = 10
    wait: float = 45
    """How long to wait for another holder that is seen to renew. One that isn't is watched until it does, or is outlived."""
    poll: float = 2


DEFAULT_TIMES = LeaseTimes()


class Lease:
    """A lease that is held. ``lost`` turns true when it was taken over or could not be renewed."""

    def __init__(
        self,
        table: Table,
        owner: str,
        times: LeaseTimes,
        clock: Clock,
        sleep: Sleep,
        *,
        whole: bool = False,
        elapsed: Elapsed = time.monotonic,
    ) -> None:
        self.owner = owner
        self.token = uuid4().hex
        """Tells this holder from another with the same name, and a write of its own from somebody else's."""
        self.lost = False
        self.taken_over = False
        """Whether the holder before didn't give it up: it may have been killed, or stand still and have writes on their way."""
        self._table, self._times, self._clock, self._sleep, self._elapsed = table, times, clock, sleep, elapsed
        self._whole = whole
        self._acquired, self._ends = clock(), elapsed()

    def check(self) -> None:
        """Raise ``LeaseLost`` if the lease is lost: for work that goes on for long without an ``await``."""
        if self.lost:
            raise LeaseLost(f"The scan {self.owner} stopped: another scan has taken over.")

    async def acquire(self) -> None:
        """Take the lease, waiting for another holder to give it up or to die.

        Raises:
            ScanAlreadyRunning: It was still held, and renewed, at the end of the wait.
            StorageError: Table Storage can't be used.
        """
        began = self._elapsed()
        watched, watched_since, renewed = "", began, False
        while True:
            asked = self._elapsed()
            row = await self._table.get(PARTITION, ROW)
            if row is not None and _etag(row) != watched:
                # Since the answer and until the next question, so that what was watched is never longer than what was.
                watched, watched_since, renewed = _etag(row), self._elapsed(), bool(watched)
            if row is None or self._abandoned(row, asked - watched_since):
                with suppress(ConflictError):  # somebody else was faster: look again
                    self._acquired = self._clock()
                    await self._write(_etag(row) if row is not None else None)
                    self.taken_over = row is not None and row["token"] != self.token
                    return
            elif renewed and asked - began >= self._times.wait:
                raise _held(row)
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
                self.lost = self._elapsed() + self._times.renew_every >= self._ends

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
            await self._write(_etag(row))
        except ConflictError:  # taken over; or our own write, whose answer was lost and which was then repeated
            return await self._renew()
        return True

    async def _write(self, etag: str | None) -> None:
        ends = self._elapsed() + self._times.duration
        await self._table.put(self._row(), etag)
        self._ends = ends

    def _row(self) -> Entity:
        keys = {"PartitionKey": PARTITION, "RowKey": ROW}
        return keys | present(
            owner=self.owner,
            token=self.token,
            whole=self._whole,
            duration=self._times.duration,
            acquired=self._acquired,
            expires=self._clock() + timedelta(seconds=self._times.duration),
        )

    def _abandoned(self, row: TableEntity, watched_for: float) -> bool:
        own = bool(row["token"] == self.token)  # written by an attempt whose answer was lost
        return own or watched_for >= float(row.get("duration", self._times.duration))


@asynccontextmanager
async def scan_lease(
    service: TableServiceClient,
    owner: str,
    *,
    whole: bool = False,
    times: LeaseTimes = DEFAULT_TIMES,
    clock: Clock = lambda: datetime.now(UTC),
    sleep: Sleep = asyncio.sleep,
    elapsed: Elapsed = time.monotonic,
) -> AsyncIterator[Lease]:
    """Hold the lease for the body of an ``async with``; when it is lost, cancel the body.

    One that is taken over from a holder that didn't give it up has the next scan of everything write every account.

    Args:
        service: The storage account.
        owner: Who holds it, for messages: the run's id.
        whole: Whether the holder scans everything, and so does the work of every other scan.
        times: How long things take.
        clock: The time now, with zone.
        sleep: Waits for so many seconds.
        elapsed: Seconds on a clock that nobody sets.

    Raises:
        ScanAlreadyRunning: Another scan holds it, and goes on holding it.
        LeaseLost: The lease was lost while the body ran.
        StorageError: Table Storage can't be used.
    """
    lease = Lease(Table(service, RUNS), owner, times, clock, sleep, whole=whole, elapsed=elapsed)
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
        if lease.taken_over:  # whoever took it over, and for whatever: only a scan of everything can do it
            await SeenStore(service).demand_writes()
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


def _held(row: TableEntity) -> ScanAlreadyRunning:
    return ScanAlreadyRunning(
        f"Another scan is going on: {row['owner']}, since {iso(utc(row['acquired']))}. "
        "This one was not started; run it again when the other is done.",
        owner=row["owner"],
        whole=row.get("whole", False),
    )
