"""Alerts as bytes, compressed, to be kept in Table Storage: whole, however large they are."""

import json
import logging
import zlib

from pydantic import TypeAdapter

from alerts.model import Alert
from basics.text import well_formed

_ALERT = TypeAdapter(Alert)
log = logging.getLogger(__name__)


def dump(alert: Alert) -> bytes:
    """The alert as bytes."""
    text = json.dumps(_ALERT.dump_python(alert, mode="json"), ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(well_formed(text).encode())


def load(content: bytes) -> Alert | None:
    """The alert that ``dump`` made ``content`` from, of an older version as well; None where this version can't read it."""
    try:
        return _ALERT.validate_json(zlib.decompress(content))
    except (zlib.error, ValueError, TypeError) as error:
        log.warning("The content of an alert can't be read (%s).", type(error).__name__)
        return None
