"""The report's page as the app serves it: made when a scan ends, kept, and served as long as it is what would be made anew.

What a page is made of is summed up in a stamp: the accounts (``findings/contents.py``), the runs, the exceptions, what is kept of the sign-in log, the
day, the cloud, this product's own files, and who it is for. A kept page is served only with the stamp of now. While accounts are
written, or where that can't be told, the page is made anew; and it is kept only if nothing has changed while it was made.
"""

import asyncio
import hashlib
import json
import logging
from asyncio import Lock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from azure.data.tables.aio import TableServiceClient

from basics.garbage import holding_much
from basics.loops import PerLoop
from evidence.store import StoredEvidence
from findings.contents import Contents
from findings.errors import FindingsError
from findings.exceptions import ExceptionStore
from findings.kept_pages import KeptPages
from findings.run_record import RunRecord
from findings.runs import RunStore
from jobs import views
from jobs.passwords import KEPT
from reports.document import Json
from reports.html import filled, render_unfilled
from reports.served import Served

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[1]
_MADE_BY = ("alerts", "basics", "checks", "evidence", "findings", "jobs", "reports", "tenant")
"""The folders whose files decide what a page says."""
LARGE = 1_000
"""With more accounts than this, what the scan document says of all of them is kept beside the pages (``jobs/report_parts.py``)."""
FRAME = "document"
_SOURCES = frozenset({".py", ".json", ".html", ".css", ".js", ".md"})


@dataclass(frozen=True, slots=True)
class Basis:
    """What a page would be made of now."""

    stamp: str | None
    """Equal for what makes equal pages; None where that can't be told."""
    runs: Sequence[RunRecord]
    """The last runs, newest first, those of single accounts and those that go on included."""


async def basis(service: TableServiceClient, now: datetime, *, cloud: str = "global") -> Basis:
    """What reports would be made of now, of whatever form and for whomever. Raises ``StorageError``."""
    evidence = StoredEvidence(service)
    at_rest, runs, exceptions, *remembered = await asyncio.gather(
        Contents(service).stamp(),
        RunStore(service).newest(limit=views.MOST_RUNS, since=views.since(now)),
        ExceptionStore(service).load(),
        *(evidence.recall(name) for name in KEPT),
    )
    product = made_by()
    if at_rest is None or product is None or any(run.may_write_unsaid for run in runs):
        return Basis(None, runs)
    over = [[{**run.public()}, [dict(one) for one in run.simulations]] for run in runs if run.finished]
    accepted = [{**one.public()} for one in exceptions]
    day = now.astimezone(UTC).date().isoformat()
    return Basis(_hash(product, at_rest, cloud, day, over, accepted, remembered), runs)


@cache
def made_by() -> str | None:
    """What this product is made of, its own files; None where they can't be read."""
    whole = hashlib.sha256()
    try:
        for folder in _MADE_BY:
            for file in sorted((_ROOT / folder).rglob("*")):
                if file.suffix in _SOURCES:
                    whole.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    except OSError as error:
        log.warning("No page is kept, because the product's own files can't be read: %s", type(error).__name__)
        return None
    return whole.hexdigest()


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def mark_of(known: Basis, *about: object) -> str | None:
    """What stands for an answer that is made of this, and of what else it is ``about``; None where that can't be told."""
    return _hash(known.stamp, *about)[:32] if known.stamp else None


async def page(
    service: TableServiceClient, now: datetime, known: Basis, served: Served, *, cloud: str = "global"
) -> str:
    """The page for somebody: the kept one, if it is what would be made of ``known``, and otherwise a new one.

    Raises ``views.NotFound`` before the first scan, and what storage raises, but not where a page can't be kept or found again.
    """
    kept = await _kept(service, known, acting=served.may_act)
    if kept is None:
        async with _one_at_a_time.get():
            known = await basis(service, now, cloud=cloud)  # while this one waited, another may have made it
            kept = await _kept(service, known, acting=served.may_act)
            if kept is None:
                (kept,) = await _made(service, now, known, [served], cloud=cloud)
    return await asyncio.to_thread(filled, kept, served)


async def keep_pages(service: TableServiceClient, now: datetime, *, cloud: str = "global") -> None:
    """Make the page for Readers and for Operators, and keep both: so that whoever opens it next doesn't wait.

    Raises as :func:`page` does.
    """
    known = await basis(service, now, cloud=cloud)
    if known.stamp is not None:
        await _made(service, now, known, [Served(now), Served(now, may_act=True)], cloud=cloud)


async def _kept(service: TableServiceClient, known: Basis, *, acting: bool) -> str | None:
    if known.stamp is None:
        return None
    try:
        content = await KeptPages(service).load(_name(acting=acting), _stamp(known.stamp, acting=acting))
        return content.decode() if content is not None else None
    except (FindingsError, UnicodeDecodeError) as error:
        log.warning("The kept page can't be read, so it is made anew: %s", error)
        return None


async def _made(
    service: TableServiceClient, now: datetime, known: Basis, audiences: Sequence[Served], *, cloud: str
) -> list[str]:
    """The page anew for each audience; kept, unless anything changed meanwhile."""
    with holding_much():
        document, extras = await views.document(service, now), await views.extras(service, now, cloud=cloud)
        pages = [await asyncio.to_thread(render_unfilled, document, extras, _until(served)) for served in audiences]
    try:
        if known.stamp is not None and (await basis(service, now, cloud=cloud)).stamp == known.stamp:
            for served, made in zip(audiences, pages, strict=True):
                acting = served.may_act
                await KeptPages(service).save(
                    _name(acting=acting), _stamp(known.stamp, acting=acting), made.encode("utf-8", "replace")
                )
            if len(document["accounts"]) > LARGE:
                await keep_frame(service, known.stamp, document)
    except FindingsError as error:
        log.warning("The page can't be kept: %s", error)
    return pages


async def keep_frame(service: TableServiceClient, stamp: str, document: Json) -> None:
    """Keep what a scan document says beside its accounts. Raises ``StorageError``."""
    content = json.dumps({**document, "accounts": []}, separators=(",", ":")).encode()
    await KeptPages(service).save(FRAME, frame_stamp(stamp), content)


def frame_stamp(stamp: str) -> str:
    """What it is, is in its stamp as well: a page that lies under its name isn't served for it."""
    return _hash(stamp, FRAME)


def _until(served: Served) -> Mapping[str, str] | None:
    return served.until if served.may_act else None


def _name(*, acting: bool) -> str:
    return "operators" if acting else "readers"


def _stamp(stamp: str, *, acting: bool) -> str:
    """Whom a page is for is in its stamp as well: one that lies under the wrong name isn't served."""
    return _hash(stamp, _name(acting=acting))


_one_at_a_time = PerLoop(Lock)
"""Of a large tenant a page takes seconds and memory: who comes meanwhile waits for it."""
