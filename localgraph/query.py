"""OData query options: what a request asks for, checked before anything is looked up."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from localgraph.errors import bad_request, unsupported
from localgraph.schema import Schema

_KNOWN = (
    "$select",
    "$filter",
    "$top",
    "$orderby",
    "$count",
    "$expand",
    "$search",
    "$skip",
    "$skiptoken",
    "$format",
)
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one request."""

    select: tuple[str, ...] = ()
    """Empty: not asked for."""
    filter: str | None = None
    top: int | None = None
    order: tuple[tuple[str, bool], ...] = ()
    """Property and whether descending."""
    count: bool = False
    expand: tuple[str, ...] = ()
    search: bool = False
    skip: int = 0
    raw: tuple[tuple[str, str], ...] = ()
    """Decoded name and value of everything in the query, in its order."""


def parse_options(query: str, *, single: bool) -> Options:
    """The options in a raw query string; ``single`` when the answer is one object, which can't be paged or filtered.

    Raises ``GraphRefusal`` (400) for options that don't exist, appear twice or don't fit.
    """
    raw = tuple(_pairs(query))
    given: dict[str, str] = {}
    for name, value in raw:
        option = name if name.startswith("$") else f"${name}"
        if option not in _KNOWN:
            if name.startswith("$"):
                raise bad_request(f"The query parameter '{name}' is not supported.")
            continue  # other parameters are the caller's own: OData ignores them
        if option in given:
            raise bad_request(
                f"Query option '{option}' was specified more than once, but it must be specified at most once."
            )
        if single and option not in {"$select", "$expand", "$format"}:
            raise bad_request(
                f"The query specified in the URI is not valid. '{option}' can't be applied to a single object."
            )
        given[option] = value
    if "$skip" in given:
        raise bad_request("'$skip' is not supported by the service.")
    return Options(
        select=_select(given.get("$select")),
        filter=_not_empty("$filter", given.get("$filter")),
        top=_top(given.get("$top")),
        order=_order(given.get("$orderby")),
        count=_boolean(given.get("$count")),
        expand=_expand(given.get("$expand")),
        search="$search" in given,
        skip=read_token(given["$skiptoken"]) if "$skiptoken" in given else 0,
        raw=raw,
    )


def advanced(options: Options, headers: Mapping[str, str]) -> bool:
    """Whether the request asks for advanced queries on directory objects; ``headers`` has lower-case names."""
    return options.count and headers.get("consistencylevel", "").lower() == "eventual"


def check_select(options: Options, type_name: str, schema: Schema) -> None:
    """Raises ``GraphRefusal`` (400) when a selected property doesn't exist on a type that isn't open."""
    if not schema.knows(type_name) or schema.is_open(type_name):
        return
    declared = schema.properties(type_name) | schema.navigation(type_name)
    for name in options.select:
        if name not in declared and name != "*":
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.{type_name}'."
            )


def next_query(options: Options, offset: int) -> str:
    """The query string of the next page: everything that was asked for, and where to go on."""
    pairs = [(name, value) for name, value in options.raw if name.lstrip("$") != "skiptoken"]
    pairs.append(("$skiptoken", write_token(offset)))
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in pairs)


def write_token(offset: int) -> str:
    """An opaque token for an offset."""
    return base64.urlsafe_b64encode(f"page:{offset}".encode()).decode().rstrip("=")


def read_token(token: str) -> int:
    """The offset in a token. Raises ``GraphRefusal`` (400) for anything that isn't one."""
    try:
        kind, _, offset = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        if kind == "page":
            return int(offset)
    except (ValueError, binascii.Error, UnicodeDecodeError):
        pass
    raise bad_request("The specified page token value is invalid.", "Directory_ExpiredPageToken")


def _pairs(query: str) -> list[tuple[str, str]]:
    found = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            found.append((unquote_plus(name), unquote_plus(value)))
    return found


def _select(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name != "*" and not _NAME.match(name):
            raise bad_request(f"Parsing OData Select and Expand failed: Syntax error: '{name}' in '{text}'.")
    return names


def _expand(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*(\(\$select=[\w,]+\))?", name):
            raise bad_request(f"Parsing OData Select and Expand failed: Syntax error: '{name}' in '{text}'.")
    return names


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise bad_request(
            f"Invalid value '{text}' for $top query option found. The $top query option requires a positive number."
        )
    return int(text)


def _order(text: str | None) -> tuple[tuple[str, bool], ...]:
    if text is None:
        return ()
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)(?:\s+(asc|desc))?\s*", part)
        if match is None:
            raise bad_request(f"Syntax error in $orderby: '{text}'.")
        found.append((match[1], match[2] == "desc"))
    return tuple(found)


def _boolean(text: str | None) -> bool:
    if text is None:
        return False
    if text.lower() not in {"true", "false"}:
        raise bad_request(f"Invalid value '{text}' for $count query option found. Valid values are 'true' and 'false'.")
    return text.lower() == "true"


def _not_empty(option: str, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise unsupported(f"Invalid {option}: the expression is empty.")
    return text
