"""The words of a ``$filter`` expression, and the values of its literals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localgraph.errors import bad_request

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?(?![\w-]))"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))"
    r"|(?P<name>[A-Za-z_][\w./]*)"
    r"|(?P<mark>[(),:]))"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its kind (``string``, ``time``, ``guid``, ``number``, ``name``, ``mark``) and its text."""

    kind: str
    text: str


def tokens(text: str) -> Iterator[Token]:
    """The words of an expression. Raises ``GraphRefusal`` (400) at the first character that begins none."""
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise bad_request(f"Invalid filter clause: there is a syntax error at position {position} in '{text}'.")
        yield Token(match.lastgroup, match[match.lastgroup])
        position = match.end()


KINDS = {
    "Boolean": ("boolean",),
    "DateTimeOffset": ("time",),
    "Guid": ("guid", "string"),
    "Int32": ("number",),
    "Int64": ("number",),
}
"""Kinds of literals that fit a property of a type; a string fits every other."""


def literal(token: Token) -> tuple[str, Any]:
    """Kind and value of a literal; anything else comes back as it is."""
    if token.kind == "string":
        return "string", token.text[1:-1].replace("''", "'")
    if token.kind == "time":
        return "time", moment(token.text)
    if token.kind == "number":
        return "number", float(token.text)
    if token.kind == "name" and token.text.lower() in {"true", "false"}:
        return "boolean", token.text.lower() == "true"
    return token.kind, token.text


def moment(text: object) -> datetime:
    """A moment, UTC where it says no zone. Raises ``GraphRefusal`` (400) where it is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise bad_request(f"Invalid filter clause: '{text}' is no date and time.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
