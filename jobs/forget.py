"""Forgetting: delete what is kept about one account, for a person who asks for it."""

from dataclasses import dataclass

from azure.data.tables.aio import TableServiceClient

from connections.storage import TABLES, ensure_tables, tables
from evidence.store import StoredEvidence
from findings.exceptions import ExceptionStore
from findings.kept_pages import KeptPages
from findings.lease import DEFAULT_TIMES, LeaseTimes, scan_lease
from findings.model import AcceptedException, AccountRecord, FindingState
from findings.retention import forget as forget_findings
from findings.store import FindingStore
from jobs.clock import Clock, now_utc
from jobs.passwords import names_in
from settings import Settings


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted."""

    rows: int
    """Rows of tables that were deleted, or from which the account was taken out."""
    selected: bool
    """Whether the last scan selected the account: the next one will see it again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept about an account."""

    account: str
    """The user principal name where it is known, and otherwise what was asked for."""
    findings: tuple[FindingState, ...]
    changes: int
    """Rows of its history."""
    exceptions: tuple[AcceptedException, ...]
    evidence: int
    """Rows of what logs, exports and lists of proposals say, a day or a note each, that would lose what they say of it."""
    rows: int
    """Rows of tables that would be deleted, or from which the account would be taken out; all of the above included."""
    selected: bool


async def kept_about(settings: Settings, account: str, *, clock: Clock = now_utc) -> Kept:
    """What :func:`forget` would delete; nothing is changed. Raises ``StorageUnavailable`` and ``StorageError``."""
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        evidence = StoredEvidence(service)
        record, names = await _names(service, evidence, account)
        store, known = FindingStore(service), await ExceptionStore(service).load()
        noted = await evidence.forget(names, dry=True)
        return Kept(
            record.user_principal_name if record else account,
            tuple([one async for one in store.load_findings(now=clock(), account=record.account_id)]) if record else (),
            len(await store.history(record.account_id)) if record else 0,
            tuple(one for one in known if one.account_id.lower() in names),
            noted,
            await forget_findings(service, names, dry=True) + noted,
            bool(record and record.selected),
        )


async def forget(
    settings: Settings, account: str, *, clock: Clock = now_utc, times: LeaseTimes = DEFAULT_TIMES
) -> Forgotten:
    """Delete everything that the tables hold about an account, given by user principal name or object id.

    Of somebody whose name no scan has read, only the object id finds the sums of the sign-in log.
    Raises ``StorageUnavailable``, ``StorageError``, and ``ScanAlreadyRunning`` when a scan doesn't end.
    """
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        # Under the lease of the scans: one that runs now would write back what it has read.
        async with scan_lease(service, "forget", times=times, clock=clock):
            evidence = StoredEvidence(service)
            record, names = await _names(service, evidence, account)
            rows = await forget_findings(service, names) + await evidence.forget(names)
            await KeptPages(service).drop_all()  # one may have been made of what was still there
            return Forgotten(rows, selected=bool(record and record.selected))


async def _names(
    service: TableServiceClient, evidence: StoredEvidence, account: str
) -> tuple[AccountRecord | None, set[str]]:
    """What is known of an account, and all its names in lower case."""
    record = await FindingStore(service).find_account(account)
    names = {account.strip().lower()}
    if record:
        names |= {record.account_id.lower(), record.user_principal_name.lower()}
    for one in await evidence.proposals():
        both = {one["id"].lower(), one["user_principal_name"].lower()}
        if both & names:
            names |= both
    for either in await names_in(evidence):
        if either & names:
            names |= either
    return record, names
