"""How far a scan is, written into its run while it goes on: for who follows it over HTTP, on the report's page, or in a terminal."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from findings.errors import StorageError
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore

EVERY = 10.0
"""Seconds between two notes: a scan of a small tenant is over before the first."""
log = logging.getLogger(__name__)


@dataclass
class _HowFar:
    done: int = 0
    total: int = 0


@asynccontextmanager
async def noting_how_far(runs: RunStore, run_id: str) -> AsyncIterator[Callable[[int, int], None]]:
    """Gives what is to be told how many accounts are kept, and of how many; from time to time the run says so.

    A note that can't be written is left out. None is written after the body of the ``async with`` is left, nor over what somebody else
    made of the run.
    """
    far, over = _HowFar(), asyncio.Event()

    def changed(run: RunRecord | None) -> RunRecord | None:
        if run is None or run.status is not RunStatus.RUNNING or run.accounts_done == far.done:
            return None
        return replace(run, accounts_done=far.done, accounts_total=far.total)

    async def note() -> None:
        while not over.is_set():
            try:
                async with asyncio.timeout(EVERY):
                    await over.wait()
            except TimeoutError:
                try:
                    await runs.change(run_id, changed)
                except StorageError as error:
                    log.warning("How far the scan is can't be noted: %s", error)

    def tell(done: int, total: int) -> None:
        far.done, far.total = done, total

    noting = asyncio.create_task(note(), name="note how far the scan is")
    try:
        yield tell
    finally:
        over.set()  # and not cancelled: a note that is on its way arrives before what is written next
        await noting
