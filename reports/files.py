"""A scan document as CSV and JSON files. What the columns mean is written in ``reports/schema``."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from basics.cells import harmless
from basics.text import UNSEEN
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

# Everything outside of strings is ASCII in JSON, so these only ever stand inside one, where an escape means the same.
_UNSAFE = re.compile(f"[\x7f-\x9f\u2028\u2029\ud800-\udfff]|{UNSEEN}")


def render_csv(document: Json) -> str:
    """The document as CSV (RFC 4180, lines end with CR LF): a row for each finding, and one for an account without any.

    Cells that a spreadsheet would calculate begin with an apostrophe. Encode it as ``utf-8-sig`` in a file, so that Excel
    sees that it is UTF-8.
    """
    return "".join(csv_pieces(document["run"], document["accounts"]))


def csv_pieces(run: Json, accounts: Iterable[Json]) -> Iterator[str]:
    """The same of a run and its accounts, piece by piece."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for account in accounts:
        for finding in account["findings"] or [{}]:
            writer.writerow(_harmless(cell) for cell in _row(run, account, finding))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def render_json(document: Json) -> str:
    """The document as JSON (UTF-8, two spaces), with characters that steer a terminal or a browser escaped."""
    return _escaped(_indented(document, 0)) + "\n"


def json_pieces(document: Json, accounts: Iterable[Json]) -> Iterator[str]:
    """What :func:`render_json` makes of the document with these ``accounts``, piece by piece.

    What accounts have in common is rendered once, as long as it is the same object in each of them.
    """
    before = "{\n"
    for name, value in document.items():
        yield f"{before}  {json.dumps(name)}: "
        before = ",\n"
        if name == "accounts":
            yield from _list_pieces(accounts)
        else:
            yield _escaped(_indented(value, 2))
    yield "\n}\n"


def _list_pieces(accounts: Iterable[Json]) -> Iterator[str]:
    before, shared = "[\n", _Shared()
    for account in accounts:
        members = ",\n".join(f"      {json.dumps(name)}: {_member(value, shared)}" for name, value in account.items())
        yield f"{before}    {{\n{members}\n    }}"
        before = ",\n"
    yield "[]" if before == "[\n" else "\n  ]"


class _Shared:
    """The texts of objects that are in several accounts."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Json, str]] = {}

    def text(self, item: Json) -> str:
        """The object as an item of an account's list; it is kept with its text, so that its id stays its own."""
        if id(item) not in self._texts:
            if len(self._texts) >= _MOST_SHARED:
                self._texts.clear()
            self._texts[id(item)] = item, _escaped(_indented(item, 8))
        return self._texts[id(item)][1]


_MOST_SHARED = 2000


def _member(value: Any, shared: _Shared) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        items = ",\n".join(f"        {shared.text(item)}" for item in value)
        return f"[\n{items}\n      ]"
    return _escaped(_indented(value, 6))


def _indented(value: Any, by: int) -> str:
    """JSON whose lines, but for the first, are moved to the right: inside of strings there are no line ends."""
    text = (
        _SCALAR(value)
        if value is None or isinstance(value, str | int)
        else json.dumps(value, ensure_ascii=False, indent=2)
    )
    return text.replace("\n", f"\n{' ' * by}") if by else text


_SCALAR = json.JSONEncoder(ensure_ascii=False).encode


def _escaped(text: str) -> str:
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)


_harmless = lru_cache(maxsize=512)(harmless)
"""Long cells, such as the reasons, are the same for many accounts."""


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
