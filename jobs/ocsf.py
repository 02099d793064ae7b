"""What is kept of findings as lines for a SIEM (``reports/ocsf.py``), an account at a time."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime

from azure.data.tables.aio import TableServiceClient

from basics.times import parse
from basics.version import version
from findings.listing import FindingFilter
from findings.model import AccountRecord
from findings.store import FindingStore
from jobs import views
from reports.document import Json
from reports.ocsf import Origin, ocsf_lines
from settings import Settings

EVERYTHING = FindingFilter()


def origin(settings: Settings) -> Origin:
    """This installation, as the lines name it."""
    return Origin(version(), settings.report_url)


async def findings_lines(
    service: TableServiceClient, settings: Settings, wanted: FindingFilter, now: datetime
) -> AsyncIterator[str]:
    """A line for each finding that matches, with its account as it was last judged. Raises ``views.NotFound`` before the first scan."""
    found = await views.findings(service, wanted, now)
    async for line in _lines(service, settings, found, now, wanted.account):
        yield line


async def report_lines(service: TableServiceClient, settings: Settings, now: datetime) -> AsyncIterator[str]:
    """The same for what is open, and what was closed within the time that a report looks back."""
    found = _lately(await views.findings(service, EVERYTHING, now), now - views.TREND)
    async for line in _lines(service, settings, found, now):
        yield line


async def scan_lines(
    service: TableServiceClient, settings: Settings, document: Json, now: datetime
) -> AsyncIterator[str]:
    """A line for each finding that is open of the accounts that a scan has judged, and for each that the scan closed.

    What it has judged and not kept, of an account that nobody watches, is told as the document has it.
    """
    run, judged = document["run"], {one["id"]: one for one in document["accounts"]}
    found = await views.findings(service, EVERYTHING, now)
    kept = {(one["account"], one["check_id"]) for one in found}
    for id, account in judged.items():
        unkept = [one for one in account["findings"] if (id, one["check_id"]) not in kept]
        for line in ocsf_lines(run, account, unkept, origin(settings)):
            yield line
    for id, findings in _by_account(_lately(found, parse(run["started"]))).items():
        told = findings if id in judged else [one for one in findings if one["status"] == "resolved"]
        for line in ocsf_lines(run, judged.get(id) or _named(findings[0]), told, origin(settings)):
            yield line


async def _lines(
    service: TableServiceClient, settings: Settings, found: Iterable[Json], now: datetime, name: str | None = None
) -> AsyncIterator[str]:
    run, waiting, said_by = await views.last_run(service, now), _by_account(found), origin(settings)
    async for record in _accounts(service, name):
        if findings := waiting.pop(record.account_id, None):
            for line in ocsf_lines(run, views.judged(record), findings, said_by):
                yield line
    for findings in waiting.values():  # of accounts whose own rows can't be read
        for line in ocsf_lines(run, _named(findings[0]), findings, said_by):
            yield line


async def _accounts(service: TableServiceClient, name: str | None) -> AsyncIterator[AccountRecord]:
    """The account of that name, or every account; those that nobody watches any more, too."""
    store = FindingStore(service)
    if name is None:
        async for record in store.load_accounts(selected_only=False):
            yield record
    elif one := await store.find_account(name):
        yield one


def _lately(findings: Iterable[Json], since: datetime) -> list[Json]:
    """Those that are open, and those that were closed at that time or after it."""
    return [one for one in findings if one["status"] != "resolved" or parse(one["resolved_at"]) >= since]


def _by_account(findings: Iterable[Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for one in findings:
        found.setdefault(one["account"], []).append(one)
    return found


def _named(finding: Json) -> Json:
    """What a finding says of its account."""
    return {"id": finding["account"], **{name: finding[name] for name in ("user_principal_name", "display_name")}}
