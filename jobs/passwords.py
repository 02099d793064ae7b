"""Who still signs in with a password: keeping what a scan saw of that, importing what Exchange reports, and showing both."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from basics.times import iso
from checks.password_use import PasswordUse
from evidence.store import Evidence, StoredEvidence
from findings.runs import RunStore
from findings.store import FindingStore
from jobs.smtp_report import parse_report
from reports.document import SCHEMA, Json
from reports.passwords import headline, password_use_object, report_note, with_report
from reports.times import parse
from reports.words import why_unread
from settings import Settings

_USES, _REPORT = "password_uses", "smtp_report"
KEPT = ("proposals", _USES, _REPORT)
"""Under which names it is kept what reports say beside accounts."""
SIGN_INS = "sign_ins"
"""The input that these rows come from."""
_LOG = timedelta(days=30)
"""What the sign-in log holds."""
_FORGOTTEN_DAYS = 90
"""After so many days an imported report is deleted: it reaches back no further."""


def password_rows(uses: Iterable[PasswordUse], now: datetime) -> list[Json]:
    """The uses as rows of the public document."""
    return [password_use_object(one, now) for one in uses]


async def keep_passwords(evidence: Evidence, rows: list[Json], now: datetime) -> None:
    """Keep what a scan of everything saw, and let go of a report that was imported long ago. Raises ``StorageError``."""
    await evidence.remember(_USES, {"rows": rows})
    imported = await evidence.recall(_REPORT)
    if imported and (when := _imported(imported)) and (now - when).days > _FORGOTTEN_DAYS:
        await evidence.remember(_REPORT, {})


async def import_report(evidence: Evidence, text: str, now: datetime) -> Mapping[str, int]:
    """Keep an exported SMTP AUTH clients report, in place of an earlier one.

    Returns how many senders use a password, how many only OAuth, and of how many it isn't known (``password``, ``oauth``,
    ``unknown``). Raises ``UnreadableReport`` and ``StorageError``.
    """
    senders = parse_report(text)
    rows = [[one.address, one.messages, one.with_password] for one in senders]
    await evidence.remember(_REPORT, {"imported": iso(now), "rows": rows})
    ways = [one.with_password for one in senders]
    return {"password": ways.count(True), "oauth": ways.count(False), "unknown": ways.count(None)}


async def kept_passwords(
    evidence: Evidence, selected: Mapping[str, str], now: datetime
) -> tuple[list[Json], str | None, int]:
    """The rows that are kept with what was imported, how old that is, and how many rows didn't fit.

    ``selected``: user principal name in lower case -> id, of the selected accounts. Raises ``StorageError``.
    """
    kept = await evidence.recall(_USES)
    found = kept.get("rows", [])
    rows = [row for row in found if isinstance(row, dict) and row.keys() >= _MEMBERS] if isinstance(found, list) else []
    if rows != found:
        evidence.note(_USES)
    imported = await evidence.recall(_REPORT)
    if imported and not _is_report(imported):
        evidence.note(_REPORT)
        imported = {}
    more = kept.get("rows_omitted", 0)
    return with_report(rows, imported, selected, now), report_note(imported, now), more if isinstance(more, int) else 0


async def names_in(evidence: Evidence) -> list[set[str]]:
    """Id and user principal name, in lower case, of every account in the kept rows. Raises ``StorageError``."""
    rows = (await evidence.recall(_USES)).get("rows", [])
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [
        {name.lower() for name in (row.get("account"), row.get("user_principal_name")) if isinstance(name, str)}
        for row in found
    ]


async def password_document(service: TableServiceClient, settings: Settings, now: datetime) -> Json:
    """Everybody who still signs in with a password, as the last scan saw it and as was imported. Raises ``StorageError``."""
    evidence = StoredEvidence(service)
    accounts = [record async for record in FindingStore(service).load_accounts()]
    selected = {one.user_principal_name.lower(): one.account_id for one in accounts}
    rows, note, more = await kept_passwords(evidence, selected, now)
    notes = [note] if note else []
    if "signins" not in settings.service_account_discovery:
        notes.append(
            "The sign-in log isn't looked at: set SERVICE_ACCOUNT_DISCOVERY to signins, which takes Microsoft Entra ID P1. Without "
            "it, import the SMTP AUTH clients report of the Exchange admin center: python cli.py legacy import FILE."
        )
    else:
        notes += await _unread(service, now)
    notes += evidence.odd
    return {"schema": SCHEMA, "headline": headline(rows, more), "password_sign_ins": rows, "notes": notes}


async def _unread(service: TableServiceClient, now: datetime) -> list[str]:
    """What the last scan of everything couldn't read of the sign-in log, in sentences: that nobody is listed says nothing then."""
    last = await RunStore(service).last_whole(now - _LOG)
    if last is None:
        return ["No scan of everything was done within 30 days: python cli.py scan."]
    return [
        f"The last scan could not read all of the sign-in log, so that accounts may be missing: {why_unread(gap)}"
        for gap in last.gaps
        if gap["input"] == SIGN_INS
    ]


def _is_report(imported: Mapping[str, Any]) -> bool:
    rows = imported.get("rows")
    return (
        _imported(imported) is not None
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == 3 and isinstance(row[0], str) for row in rows)
    )


def _imported(imported: Mapping[str, Any]) -> datetime | None:
    try:
        return parse(str(imported.get("imported")))
    except ValueError:
        return None


_MEMBERS = frozenset(
    {
        "account",
        "user_principal_name",
        "selected",
        "client",
        "application",
        "days",
        "got_in",
        "refused",
        "messages",
        "last",
        "retirement",
        "source",
        "as_of",
    }
)
