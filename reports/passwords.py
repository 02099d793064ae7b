"""Who still signs in with a password: as rows of the public document, and as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from basics.cells import harmless
from basics.times import iso
from checks.password_use import LOG, REPORT, SMTP_AUTH, PasswordUse
from checks.retirements import Protocol, dated_protocol
from reports import times

Json = dict[str, Any]
STALE = timedelta(days=30)
"""How old an imported report may be before it is called old."""
COLUMNS = (
    "user_principal_name",
    "display_name",
    "account",
    "selected",
    "client",
    "application",
    "days",
    "got_in",
    "refused",
    "messages",
    "last",
    "last_got_in",
    "ends",
    "source",
    "as_of",
)
"""The columns of the CSV file, in this order."""


def password_use_object(use: PasswordUse, today: datetime) -> Json:
    """One item of ``password_sign_ins``, seen in the sign-in log."""
    return {
        "account": use.account_id,
        "user_principal_name": use.user_principal_name,
        "display_name": use.display_name,
        "selected": use.selected,
        "client": use.client,
        "legacy": use.how == "legacy",
        "application": use.application,
        "days": use.days,
        "got_in": use.got_in,
        "refused": use.refused,
        "messages": None,
        "last": iso(use.last),
        "last_got_in": iso(use.last_in) if use.last_in else None,
        "retirement": _retirement(use.retirement, today),
        "source": LOG,
        "as_of": None,
    }


def with_report(
    rows: Iterable[Mapping[str, Any]], imported: Mapping[str, Any], selected: Mapping[str, str], now: datetime
) -> list[Json]:
    """The rows of the log, with what an imported SMTP AUTH clients report adds to them.

    Takes the report as it is kept (``imported``, ``rows`` of address, messages, and whether with a password), and the selected
    accounts: user principal name in lower case -> id. A sender that only used OAuth isn't among them.
    """
    found = [dict(row) for row in rows]
    by_name = {
        str(row["user_principal_name"]).lower(): row
        for row in found
        if row["user_principal_name"] and row["client"].casefold() in _SMTP
    }
    for address, messages, with_password in imported.get("rows", ()):
        if with_password is False:
            continue
        if address in by_name:
            by_name[address]["messages"] = messages
            continue
        found.append(
            {
                "account": selected.get(address),
                "user_principal_name": address,
                "display_name": "",
                "selected": address in selected,
                "client": SMTP_AUTH,
                "legacy": True,
                "application": "",
                "days": None,
                "got_in": None,
                "refused": None,
                "messages": messages,
                "last": None,
                "last_got_in": None,
                "retirement": _retirement(dated_protocol(SMTP_AUTH), now),
                "source": REPORT,
                "as_of": imported["imported"],
            }
        )
    return sorted(found, key=lambda row: (not row["selected"], row["source"] != LOG))


def report_note(imported: Mapping[str, Any], now: datetime) -> str | None:
    """How old the imported report is, in a sentence; None where there is none."""
    if not imported.get("rows"):
        return None
    when = times.parse(str(imported["imported"]))
    text = f"The SMTP AUTH clients report of the Exchange admin center was imported on {times.day(when)}."
    if now - when > STALE:
        text += " That is more than 30 days ago: export and import it again."
    if any(with_password is None for *_, with_password in imported["rows"]):
        text += " It doesn't tell a password from OAuth for every sender: some of those listed may use OAuth."
    return text


def render_passwords_csv(document: Mapping[str, Any]) -> str:
    """The rows as CSV (RFC 4180). Cells that a spreadsheet would calculate begin with an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in document["password_sign_ins"]:
        ends = {**row, "ends": (row["retirement"] or {}).get("date")}
        writer.writerow(harmless(cell(ends[name])) for name in COLUMNS)
    return buffer.getvalue()


def is_refused(row: Mapping[str, Any]) -> bool:
    """Whether the newest sign-in of a row was refused, as far as the sign-in log shows."""
    if not row["refused"]:
        return False
    # Rows that an older version kept don't say when they last got in.
    return bool(not row["got_in"] or (row.get("last_got_in") or row["last"]) < row["last"])


def headline(rows: Sequence[Mapping[str, Any]], more: int = 0) -> str:
    """How many accounts these are, in a sentence."""
    accounts = {row["account"] or row["user_principal_name"] for row in rows}
    if not accounts:
        return "No account is known to sign in with a password."
    selected = len({row["account"] or row["user_principal_name"] for row in rows if row["selected"]})
    refused = len({row["account"] for row in rows if is_refused(row)})
    one = len(accounts) == 1
    text = f"{len(accounts):,} {'account signs' if one else 'accounts sign'} in with a password, {selected:,} of them selected"
    text += f"; of {refused:,} the newest sign-ins were refused." if refused else "."
    return f"{text} {more:,} more rows don't fit." if more else text


def cell(value: Any) -> str:
    """A value as it is written in a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _retirement(protocol: Protocol | None, now: datetime) -> Json | None:
    if protocol is None:
        return None
    return {"date": protocol.on.isoformat(), "text": protocol.text(now.date()), "url": protocol.url}


_SMTP = frozenset({"authenticated smtp", "smtp"})
