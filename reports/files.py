"""A scan document as CSV and JSON files. What the columns mean is written in ``reports/schema``."""

import csv
import io
import json
import re
from collections.abc import Iterator

from basics.text import REPLACEMENT, UNSEEN, visible, well_formed
from reports.extras import Json
from reports.standing import standing
from reports.words import OPTION, USABILITY, option_of, verdict, works_of, works_words

COLUMNS = (
    "scanned_at",
    "tenant_id",
    "user_principal_name",
    "display_name",
    "account_id",
    "severity",
    "check_id",
    "title",
    "status",
    "first_seen",
    "summary",
    "visibility",
    "visibility_label",
    "usability",
    "usability_label",
    "per_user_mfa",
    "policies",
    "reasons",
    "next_step",
    "exception_reason",
    "exception_owner",
    "exception_until",
    "selected_by",
    "run_id",
    "urgency",
    "breaks_on",
    "app_password_works",
    "app_password_works_label",
)
"""The columns of the CSV file, in this order; ``reports/schema/findings.csv.json`` documents them."""

# A spreadsheet calculates what begins with one of these. It may skip blanks and quotes before it, or take another
# character than the comma for the separator, so that the middle of a cell becomes the start of one.
# The run before is matched whole, whatever follows it: so each character is looked at once.
_BEGINS = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"""([\s"';,|]+)({_BEGINS})?|^{_BEGINS}""")
_SEPARATOR = re.compile(r"[;,|\t\r\n\v\f]")
_CONTROL_START = re.compile(r"^(?=[\t\r\n\v\f])")
# Everything outside of strings is ASCII in JSON, so these only ever stand inside one, where an escape means the same.
_UNSAFE = re.compile(f"[\x7f-\x9f\u2028\u2029\ud800-\udfff]|{UNSEEN}")


def render_csv(document: Json) -> str:
    """The document as CSV (RFC 4180, lines end with CR LF): a row for each finding, and one for an account without any.

    Cells that a spreadsheet would calculate begin with an apostrophe. Encode it as ``utf-8-sig`` in a file, so that Excel
    sees that it is UTF-8.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for account in document["accounts"]:
        for finding in account["findings"] or [{}]:
            writer.writerow(harmless(cell) for cell in _row(document["run"], account, finding))
    return buffer.getvalue()


def render_json(document: Json) -> str:
    """The document as JSON (UTF-8, two spaces), with characters that steer a terminal or a browser escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text) + "\n"


def harmless(cell: str) -> str:
    """The cell so that no spreadsheet takes it, or a part of it, for a formula."""
    cell = visible(well_formed(cell)).replace("\0", REPLACEMENT)
    return _FORMULA.sub(_guarded, _CONTROL_START.sub("'", cell))


def _guarded(found: re.Match[str]) -> str:
    """What :data:`_FORMULA` found, with an apostrophe where a cell may begin."""
    run, begins = found[1], found[2]
    if run is None:
        return f"'{found[0]}"
    starts_cell = found.start() == 0 or _SEPARATOR.search(run)
    return f"{run}'{begins}" if begins and starts_cell else found[0]


def _row(run: Json, account: Json, finding: Json) -> Iterator[str]:
    reasons = account["reasons"]
    policies = dict.fromkeys(reason["policy_name"] for reason in reasons if reason["policy_name"])
    remedies = account["remediation"]
    exception = finding.get("exception") or {}
    urgency = standing(finding, account) if finding else None
    values = {
        "scanned_at": run["finished"],
        "tenant_id": run["tenant_id"],
        "user_principal_name": account["user_principal_name"],
        "display_name": account["display_name"],
        "account_id": account["id"],
        "visibility": account["visibility"],
        "visibility_label": verdict(OPTION, option_of(account)).label,
        "usability": account["usability"],
        "usability_label": verdict(USABILITY, account["usability"]).label,
        "per_user_mfa": account["per_user_mfa"],
        "policies": " | ".join(policies),
        "reasons": " ".join(reason["text"] for reason in reasons),
        "next_step": remedies[0]["title"] if remedies else "",
        "exception_reason": exception.get("reason", ""),
        "exception_owner": exception.get("owner", ""),
        "exception_until": exception.get("until", ""),
        "selected_by": " | ".join(account["selected_by"]),
        "run_id": run["id"],
        "urgency": urgency.urgency.value if urgency else "",
        "breaks_on": urgency.on.isoformat() if urgency and urgency.on else "",
        "app_password_works": works_of(account),
        "app_password_works_label": works_words(account).label,
    }
    values |= {
        name: finding.get(name, "") for name in ("severity", "check_id", "title", "status", "first_seen", "summary")
    }
    return (str(values[column]) for column in COLUMNS)
