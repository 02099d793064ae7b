"""Sentences of the advice that can rot: data with a source and the day of reading, in ``advice.json`` beside this module."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

_Text = Annotated[str, StringConstraints(min_length=1)]
_Address = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence, or a part of one, and where it comes from."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    text: _Text
    source: _Text
    url: _Address
    read: date
    """When the source was last looked at."""


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    note: _Text
    facts: Annotated[dict[_Text, Fact], Field(min_length=1)]


@cache
def facts() -> dict[str, Fact]:
    """All of them, by name."""
    text = Path(__file__).with_name("advice.json").read_text(encoding="utf-8")
    return TypeAdapter(_File).validate_json(text).facts


def fact(name: str) -> str:
    """The words of one. Raises ``KeyError`` for a name that isn't there."""
    return facts()[name].text
