"""Alerts as bytes, compressed, to be kept in Table Storage."""

import json
import logging
import zlib
from dataclasses import asdict, replace
from datetime import date, datetime

from pydantic import TypeAdapter

from alerts.model import Alert

CONTENT_BYTES = 10 * 64 * 1024
"""What an alert may take, compressed: an entity of Table Storage holds 1 MiB."""

_ALERT = TypeAdapter(Alert)
log = logging.getLogger(__name__)


def dump(alert: Alert, limit: int = CONTENT_BYTES) -> bytes:
    """The alert in at most ``limit`` bytes. Where it is larger, the least urgent items go; ``counts`` still has them."""
    content = _compressed(alert)
    while len(content) > limit and alert.items:
        share = limit / len(content)
        alert = replace(alert, items=alert.items[: int(len(alert.items) * share * 0.9)])
        content = _compressed(alert)
    while len(content) > limit and alert.gaps:
        alert = replace(alert, gaps=alert.gaps[: len(alert.gaps) // 2])
        content = _compressed(alert)
    return content


def load(content: bytes) -> Alert | None:
    """The alert that ``dump`` made ``content`` from; None where this version can't read it.

    It is then put together anew from the changes that wait, or stays undelivered until a newer version finds it again.
    """
    try:
        return _ALERT.validate_json(zlib.decompress(content))
    except (zlib.error, ValueError, TypeError) as error:
        log.warning("The content of an alert can't be read (%s): it counts as not there.", type(error).__name__)
        return None


def _compressed(alert: Alert) -> bytes:
    text = json.dumps(asdict(alert), default=_plain, ensure_ascii=False, separators=(",", ":"))
    # "replace": names may hold lone surrogates, which no encoding can carry.
    return zlib.compress(text.encode("utf-8", "replace"))


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"An alert can't hold {type(value).__name__}.")
