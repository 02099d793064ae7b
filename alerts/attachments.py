"""The changes of an alert as CSV and JSON, for the mail."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from alerts.model import Alert, AlertItem
from alerts.parts import Part
from alerts.text import clean
from alerts.webhook import webhook_body, webhook_cut
from basics.cells import harmless
from basics.times import iso

MAX_BYTES = 900 * 1024
"""Of each attachment: Graph takes requests of 4 MB, and base64 within base64 makes 1.8 bytes of each."""
COLUMNS = (
    *("what", "severity", "check", "title", "account", "display_name", "account_id", "summary", "policy", "scope"),
    *("since_utc", "by", "first_seen_utc", "resolution", "next_step", "doubt"),
)


def changes_csv(alert: Alert, limit: int = MAX_BYTES) -> tuple[str, int]:
    """The changes as CSV (comma, quoted, CRLF) of at most ``limit`` bytes of UTF-8, and how many of them it holds."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    kept = [text.getvalue()]
    size = len(kept[0])
    for row in map(_row, alert.items):
        text.seek(0)
        text.truncate()
        writer.writerow(row)
        size += len(text.getvalue().encode())
        if size > limit:
            break
        kept.append(text.getvalue())
    return "".join(kept), len(kept) - 1


def changes_json(alert: Alert, limit: int = MAX_BYTES) -> tuple[str, int]:
    """The same document as the webhook's (``alerts/webhook.py``) in at most ``limit`` bytes, and how many changes it holds."""
    _, end = (*islice(webhook_cut(alert, limit), 2), len(alert.items) + len(alert.gaps))[:2]
    body = webhook_body(alert, Part(1, 1, 0, end))
    return body, min(end, len(alert.items))


def _row(item: AlertItem) -> list[str]:
    return [harmless(clean(cell, 1000)) for cell in _cells(item)]


def _cells(item: AlertItem) -> Iterator[str]:
    reason = item.reasons[0] if item.reasons else None
    yield from (item.kind, item.severity, item.check_id, item.title)
    yield from (item.user_principal_name, item.display_name, item.account_id, item.summary)
    yield from ((reason.policy_name or "", reason.scope or "") if reason else ("", ""))
    yield from (_time(item.since), item.actor or "", _time(item.first_seen), item.resolution or "")
    yield from (item.next_step.title if item.next_step else "", item.doubt or "")


def _time(time: datetime | None) -> str:
    return iso(time).replace("T", " ").removesuffix("Z") if time else ""
