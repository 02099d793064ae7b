"""The scan document in parts, each with so many accounts, so that no answer grows with the tenant.

What a part says beside its accounts is said of all of them, and so takes all of them to work out. Where they don't fit into one part it is
kept like the report's page (``jobs/report_page.py``), and served as long as it is what would be made now.
"""

import logging
from asyncio import Lock
from datetime import datetime

from azure.data.tables.aio import TableServiceClient

from basics.documents import read_json
from basics.loops import PerLoop
from findings.errors import FindingsError
from findings.kept_pages import KeptPages
from jobs import views
from jobs.many import Accounts
from jobs.report_page import FRAME, Basis, basis, frame_stamp, keep_frame
from reports.document import Json
from reports.files import json_pieces

log = logging.getLogger(__name__)


async def part(
    service: TableServiceClient,
    now: datetime,
    known: Basis,
    take: views.Take,
    *,
    limit: int,
    after: str | None,
    cloud: str = "global",
) -> str | None:
    """So many accounts behind the one with the id ``after`` as a scan document, piece by piece.

    Returns the ``after`` of the next part, which is also its ``next``; None behind the last. Raises ``views.NotFound`` before the first scan,
    ``ListChanged``, and what storage raises.
    """
    with Accounts() as found:
        following = await views.put_part(found, service, now, limit, after)
        whole = after is None and following is None
        frame = await (views.frame(service, now, found) if whole else _kept_frame(service, now, known, cloud=cloud))
        await views.taken(json_pieces({**frame, "accounts": (), "next": following}, found), take)
    return following


async def _kept_frame(service: TableServiceClient, now: datetime, known: Basis, *, cloud: str) -> Json:
    kept = await _load(service, known)
    if kept is not None:
        return kept
    async with _one_at_a_time.get():
        known = await basis(service, now, cloud=cloud)  # while this one waited, another may have made it
        kept = await _load(service, known)
        if kept is not None:
            return kept
        async with views.gathered(service, now) as (frame, _):
            pass
        if known.stamp is not None and (await basis(service, now, cloud=cloud)).stamp == known.stamp:
            try:
                await keep_frame(service, known.stamp, frame)
            except FindingsError as error:
                log.warning("What is said of all accounts can't be kept: %s", error)
        return frame


async def _load(service: TableServiceClient, known: Basis) -> Json | None:
    if known.stamp is None:
        return None
    try:
        content = await KeptPages(service).load(FRAME, frame_stamp(known.stamp))
        found = read_json(content) if content is not None else None
    except (FindingsError, ValueError) as error:
        log.warning("What was kept of all accounts can't be read, so it is made anew: %s", error)
        return None
    return found if isinstance(found, dict) and "plan" in found else None


_one_at_a_time = PerLoop(Lock)
"""Of a large tenant it takes seconds: who comes meanwhile waits for it."""
