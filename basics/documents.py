"""JSON that somebody else wrote: read in one way everywhere."""

import json
import re
from typing import Any

from basics.text import well_formed_json

DEEPEST = 100
"""Levels of lists and objects in each other. Microsoft Graph's answers have ten; from about a thousand on, Python's own
recursion ends, and with it whoever looks at such a value."""

_MAY_BE_LONE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def read_json(content: str | bytes) -> Any:
    """The value in a JSON text, its texts well-formed.

    Raises ``ValueError`` (``json.JSONDecodeError`` where it says where) for anything else: bytes that are no Unicode, more than
    :data:`DEEPEST` levels. ``TypeError`` for what is neither text nor bytes, as a damaged row may hold.
    """
    text = content.decode(json.detect_encoding(content), "surrogatepass") if isinstance(content, bytes) else content
    try:
        value = json.loads(str.removeprefix(text, "\ufeff"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _is_deeper(value, DEEPEST):
        raise ValueError("it is nested too deeply")
    plain = text.isascii() and "\\u" not in text  # most are, and this is told a hundred times sooner
    return well_formed_json(value) if not plain and _MAY_BE_LONE.search(text) else value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie in each other on more levels. Level by level: nothing here recurses."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        if not level:
            return False
        level = [
            member
            for one in level
            for member in (one.values() if type(one) is dict else one)
            if type(member) is dict or type(member) is list
        ]
    return bool(level)
