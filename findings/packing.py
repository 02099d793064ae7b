"""JSON documents inside an entity: compressed, and cut into properties of at most 64 KiB.

An entity may hold 1 MiB, a property 64 KiB. A document that doesn't fit even compressed loses the ends of its longest
kinds of list and says how much it lost: ``{"reasons": [...], "reasons_omitted": 1234}``.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from basics.documents import read_json
from basics.text import well_formed

PROPERTY_BYTES = 64 * 1024
ACCOUNT_BYTES = 4 * PROPERTY_BYTES
"""For an account's own row. Far below what the service allows, and still some megabytes of JSON: a whole transaction
then stays under the size from which on sending it would block the event loop."""
DETAIL_BYTES = 48 * 1024
"""For the copy of the account that goes with each change."""
SHORTENED = ("sign_ins", "reasons", "gaps", "remediation", "selected_by", "findings", "uses", "outcomes", "rows")
"""In this order: a list is cut only when those before it are empty."""
SCALAR_CHARACTERS = 1000
TEXT_CHARACTERS = 2000
"""Longer texts are cut."""


class NotPacked(ValueError):
    """The binary properties of an entity hold no document."""


def pack(document: Mapping[str, Any], limit: int = ACCOUNT_BYTES) -> dict[str, bytes]:
    """``document`` as binary properties ``data00``, ``data01``, ... of at most ``limit`` bytes together."""
    packed = _compress_to_fit(document, limit)
    starts = range(0, len(packed), PROPERTY_BYTES)
    return {f"data{number:02}": packed[start : start + PROPERTY_BYTES] for number, start in enumerate(starts)}


def unpack(entity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The document in an entity; None where the entity was read without it.

    Raises:
        NotPacked: There is something, and it is no document.
    """
    parts = parts_of(entity)
    if not parts:
        return None
    try:
        document = read_json(zlib.decompress(b"".join(parts.values())))
    except (zlib.error, ValueError, TypeError) as error:
        raise NotPacked(f"The document can't be unpacked: {type(error).__name__}.") from error
    if not isinstance(document, dict):
        raise NotPacked("What is packed is no document.")
    return document


def parts_of(entity: Mapping[str, Any]) -> dict[str, bytes]:
    """The properties of an entity that hold its document, in their order."""
    return {name: entity[name] for name in sorted(filter(is_packed, entity))}


def is_packed(name: str) -> bool:
    """Whether a property of this name is a part of a document."""
    return name.startswith("data") and name[4:].isdecimal()


def clean(text: str, limit: int = TEXT_CHARACTERS) -> str:
    """``text`` fit for a string property: no lone surrogates, which no encoding can carry, and not too long."""
    readable = well_formed(text)
    return readable if len(readable) <= limit else readable[: limit - 1] + "…"


def _compress_to_fit(document: Mapping[str, Any], limit: int) -> bytes:
    packed = _compress(document)
    shortened = dict(document)
    for name in SHORTENED:
        if len(packed) <= limit:
            return packed
        items = shortened.get(name)
        if isinstance(items, list | tuple) and items:
            shortened, packed = _shorten(shortened, name, list(items), limit)
    if len(packed) <= limit:
        return packed
    scalars = {
        name: _scalar(value) for name, value in document.items() if not isinstance(value, Mapping | list | tuple)
    }
    return _compress({**scalars, "omitted": sorted(document.keys() - scalars.keys())})


def _shorten(document: dict[str, Any], name: str, items: list[Any], limit: int) -> tuple[dict[str, Any], bytes]:
    """Keep as many of ``items`` as fit, by bisection; none if even that is too much."""

    def with_first(count: int) -> dict[str, Any]:
        return {**document, name: items[:count], f"{name}_omitted": len(items) - count}

    fits, too_many = 0, len(items)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if len(_compress(with_first(middle))) <= limit:
            fits = middle
        else:
            too_many = middle
    shortened = with_first(fits)
    return shortened, _compress(shortened)


def _compress(document: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(document, separators=(",", ":"), default=_plain).encode("ascii"))


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A document for Table Storage can't hold {type(value).__name__}.")


def _scalar(value: Any) -> Any:
    return clean(value, SCALAR_CHARACTERS) if isinstance(value, str) else value
