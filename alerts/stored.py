"""Alerts as bytes, compressed, to be kept in Table Storage: whole, however large they are."""

import json
import zlib

from pydantic import TypeAdapter

from alerts.model import Alert

_ALERT = TypeAdapter(Alert)


def dump(alert: Alert) -> bytes:
    """The alert as bytes."""
    text = json.dumps(_ALERT.dump_python(alert, mode="json"), ensure_ascii=False, separators=(",", ":"))
    # "replace": names may hold lone surrogates, which no encoding can carry.
    return zlib.compress(text.encode("utf-8", "replace"))


def load(content: bytes) -> Alert:
    """The alert that ``dump`` made ``content`` from; of an older version as well."""
    return _ALERT.validate_json(zlib.decompress(content))
