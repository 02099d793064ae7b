"""Forgetting: delete what is kept about one account, for a person who asks for it."""

from dataclasses import dataclass

from connections.storage import TABLES, ensure_tables, tables
from evidence.store import StoredEvidence
from findings.lease import DEFAULT_TIMES, LeaseTimes, scan_lease
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
            rows = await forget_findings(service, names) + await evidence.forget(names)
            return Forgotten(rows, selected=bool(record and record.selected))
