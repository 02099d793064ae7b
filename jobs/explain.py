"""How the product sees an account about whose error somebody asks: from what is kept, or by reading the tenant now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from findings.store import FindingStore
from jobs.scan import ScanRequest, scan
from jobs.views import NotFound, opened
from reports.document import Json
from settings import Settings


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """An account as it was judged."""

    document: Json
    """Its object of the scan document."""
    read_at: datetime
    """When it was read."""
    kept: bool
    """Whether that is the last judgement that was kept, rather than one made now."""


async def kept_account(settings: Settings, name: str) -> AccountSeen | None:
    """The last judgement of an account (user principal name or id), or None where no scan has kept one that can be read.

    Raises ``StorageUnavailable`` and ``StorageError``.
    """
    async with opened(settings) as service:
        record = await FindingStore(service).find_account(name)
    if record is None or record.document is None:
        return None
    return AccountSeen(dict(record.document), record.judged_at, kept=True)


async def account_now(
    settings: Settings, name: str, run_id: str, now: datetime, progress: Callable[[str], None]
) -> AccountSeen:
    """The account as the tenant has it now; nothing is kept. Raises ``GraphError``, and ``NotFound``."""
    request = ScanRequest(run_id, "command line", accounts=(name,), store=False)
    document = (await scan(settings, request, progress=progress)).document
    if not document["accounts"]:
        why = next((gap["error"] for gap in document["run"]["gaps"] if gap.get("account")), "")
        raise NotFound(f'The account "{name}" could not be read{f": {why}" if why else ""}.')
    return AccountSeen(document["accounts"][0], now, kept=False)
