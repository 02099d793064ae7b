r"""Partition and row keys.

Table Storage forbids ``/ \ # ?`` and control characters in keys, limits them to 1 KiB of UTF-16, and several clients
trip over ``%`` and quotes. https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from datetime import UTC, datetime

from basics.text import well_formed

MAX_KEY_CHARACTERS = 512
NO_KEY = "!"
"""A key that ``to_key`` makes of nothing: for filters that must not match."""
_ESCAPED = re.compile(r"[/\\#?%'\";!\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_ESCAPE = re.compile(r"!([0-9A-F]{4})")


def to_key(text: str) -> str:
    """``text`` as a key, reversibly: each awkward character becomes ``!`` and its four hexadecimal digits.

    ``;`` is escaped as well: it separates the parts of composite keys.

    Raises:
        ValueError: The key would be longer than Table Storage allows.
    """
    key = _ESCAPED.sub(lambda match: f"!{ord(match[0]):04X}", text)
    if len(key.encode("utf-16-le")) > 2 * MAX_KEY_CHARACTERS:
        raise ValueError(f"{text[:40]!a}... is too long for a key in Table Storage ({len(text)} characters).")
    return key


def from_key(key: str) -> str:
    """The text that ``to_key`` made ``key`` from; well-formed, whatever an older version or somebody else wrote."""
    return well_formed(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), key))


def join(*parts: str) -> str:
    """A composite row key, e.g. ``finding;APW-001``."""
    return ";".join(to_key(part) for part in parts)


def time_key(time: datetime) -> str:
    """``time`` in UTC with microseconds, so that keys sort by time."""
    utc = time.astimezone(UTC)
    return f"{utc.year:04}{utc:%m%dT%H%M%S.%f}Z"  # strftime doesn't pad years


def time_of(key: str) -> datetime:
    """The time that ``time_key`` made ``key`` from. Raises ``ValueError`` for any other key."""
    return datetime.strptime(key, _TIME).replace(tzinfo=UTC)


def prefix_range(*parts: str) -> dict[str, str]:
    """The parameters ``low`` and ``high`` of a filter for composite keys that begin with ``parts`` and have more."""
    prefix = join(*parts)
    return {"low": f"{prefix};", "high": f"{prefix}<"}  # "<" follows ";" in every encoding
