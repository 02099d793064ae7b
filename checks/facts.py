"""What can rot: facts about Microsoft and about products, each with its source and the day on which that was read.

They stand in the JSON files beside this module, because they change without us: dates of retirements, error texts, products.
Whatever in such a file has a ``source`` also has the day on which that was ``read``. This is what the files have in common.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

HOLDS = timedelta(days=400)
"""How long a fact is taken for true without anybody having looked again."""

Text = Annotated[str, StringConstraints(min_length=1)]
Address = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(?:/[^\s<>\"'`\\]*)?$")]

_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class Sourced:
    """What every fact has; unknown members are refused."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    url: Address
    """A page to read on."""
    source: Text
    """Where it was read."""
    read: date
    """When the source was last looked at."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that was read somewhere on a day."""

    fact: str
    """The file and the place in it, e.g. ``errors.json: errors.3``."""
    on: date
    """When the source was last looked at."""


class FactsError(ValueError):
    """A file of facts can't be used; the text is one sentence."""


def load_facts(adapter: TypeAdapter[_Content], text: str, what: str) -> _Content:
    """The content of a file of facts. Raises :class:`FactsError` with the first thing that is wrong in it."""
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FactsError(f"{what} can't be used: {where}: {first['msg']}.") from None


@cache
def readings() -> tuple[Reading, ...]:
    """Every fact in the files beside this module, and when it was read. Raises :class:`FactsError` for one without a day."""
    files = sorted(Path(__file__).parent.glob("*.json"))
    return tuple(
        one for file in files for one in _readings(file.name, json.loads(file.read_text(encoding="utf-8")), "")
    )


def facts_as_of() -> date:
    """The day since when every one of the facts was looked at."""
    return min(reading.on for reading in readings())


def _readings(file: str, content: Any, place: str) -> Iterator[Reading]:
    if isinstance(content, dict):
        if "source" in content:
            yield Reading(f"{file}: {place}", _day(file, place, content.get("read")))
        for name, inner in content.items():
            yield from _readings(file, inner, f"{place}.{name}".removeprefix("."))
    elif isinstance(content, list):
        for number, inner in enumerate(content):
            yield from _readings(file, inner, f"{place}.{number}")


def _day(file: str, place: str, read: Any) -> date:
    try:
        return date.fromisoformat(read)
    except (TypeError, ValueError):
        raise FactsError(f"{file}: {place} has a source, and no day on which that was read.") from None
