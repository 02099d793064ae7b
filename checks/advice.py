"""Sentences of the advice that can rot: data with a source and the day of reading, in ``advice.json`` beside this module."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from checks.facts import Sourced, Text, load_facts


@dataclass(frozen=True, slots=True)
class Fact(Sourced):
    """A sentence, or a part of one, and where it comes from."""

    text: Text


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    note: Text
    facts: Annotated[dict[Text, Fact], Field(min_length=1)]


@cache
def facts() -> dict[str, Fact]:
    """All of them, by name."""
    text = Path(__file__).with_name("advice.json").read_text(encoding="utf-8")
    return load_facts(TypeAdapter(_File), text, "The facts of the advice").facts


def fact(name: str) -> str:
    """The words of one. Raises ``KeyError`` for a name that isn't there."""
    return facts()[name].text
