"""How far a scan is, written into its run while it goes on: for who follows it over HTTP, on the report's page, or in a terminal."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from findings.errors import StorageError
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore

EVERY = 10.0
"""Seconds between two notes: a scan of a small tenant is over before the first."""
log = logging.getLogger(__name__)


@asynccontextmanager
async def noting_how_far(runs: RunStore, run_id: str) -> AsyncIterator[Callable[[int, int], None]]:
    """Gives what is to be told how many accounts are kept, and of how many; from time to time the run says so.

    A note that can't be written is left out. None is written after the body of the ``async with`` is left, nor over what somebody else
    made of the run.
    """
    kept, of, over = 0, 0, asyncio.Event()

    def changed(run: RunRecord | None) -> RunRecord | None:
        if run is None or run.status is not RunStatus.RUNNING or run.accounts_done == kept:
            return None
        return replace(run, accounts_done=kept, accounts_total=of)

    async def note() -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await over.wait()
                    return
            try:
                await runs.change(run_id, changed)
            except StorageError as error:
                log.warning("How far the scan is can't be noted: %s", error)

    def tell(done: int, total: int) -> None:
        nonlocal kept, of
        kept, of = done, total

    noting = asyncio.create_task(note(), name="note how far the scan is")
    try:
        yield tell
    finally:
        over.set()  # and not cancelled: a note that is on its way arrives before what is written next
        await noting
