"""Discovering: look for accounts that nobody listed, and propose them. What is read of the logs is kept for the next scan."""

from connections.storage import ensure_tables, tables
from evidence.store import TABLE, Evidence, PassingEvidence, StoredEvidence
from jobs.clock import Clock, TrustedClock, now_utc
from jobs.look import Progress, Seen, look
from jobs.outcome import summary_of
from reports.document import Json, scan_document
from settings import Settings


async def discover(settings: Settings, *, clock: Clock = now_utc, progress: Progress = lambda text: None) -> Json:
    """Look for accounts that nobody listed, now: ``schema``, ``run`` and ``proposals`` of the scan document.

    What is read of the sign-in log is kept for the next scan, where storage is set. Raises ``GraphError``, and ``StorageUnavailable`` or
    ``StorageError`` when nothing can be kept.
    """
    settings = settings.model_copy(update={"audit_log": "off"})  # nothing is judged here that a cause would explain
    trusted = TrustedClock(clock)
    began = trusted.machine()

    async def look_with(evidence: Evidence) -> Seen:
        return await look(settings, (), evidence, trusted, progress, quick=False)

    if settings.storage.connection_string or settings.storage.table_uri:
        async with tables(settings) as service:
            trusted.trust(await ensure_tables(service, (TABLE,)), "the storage account's")
            seen = await look_with(StoredEvidence(service))
    else:
        seen = await look_with(PassingEvidence())
    attested = settings.app_passwords_allowed
    summary = summary_of("discover", trusted.true(began), trusted(), seen, app_passwords_allowed=attested)
    document = scan_document(summary, (), None, seen.proposals)
    return {name: document[name] for name in ("schema", "run", "proposals")}
