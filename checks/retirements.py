"""What Microsoft takes away on a date: protocols of Exchange Online, grant controls of Conditional Access, methods of MFA.

The dates are data, because Microsoft moves them: they stand in ``retirements.json`` beside this module, each with its source
and the day on which that was read. Whether a date has passed is the question of whoever judges; nothing here knows today.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from basics.times import day
from tenant.methods import plain_name

CUSTOM_CONTROLS = "customAuthenticationFactors"
"""What stands for custom controls: the member of the grant controls that holds them."""

_Text = Annotated[str, StringConstraints(min_length=1)]
_Address = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


class RetirementsError(ValueError):
    """The dates can't be used; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that app passwords serve and that goes away, or went."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["protocol"]
    name: _Text
    clients: Annotated[frozenset[_Text], Field(min_length=1)]
    """How the sign-in log names it (``clientAppUsed``)."""
    on: date
    before: _Text
    """What happens, in a sentence for the time before the date."""
    since: _Text
    """The same from the date on."""
    url: _Address
    source: _Text
    read: date
    """When the source was last looked at."""

    def serves(self, client_app: str) -> bool:
        """Whether a sign-in with this ``clientAppUsed`` came over the protocol."""
        return client_app.casefold() in {client.casefold() for client in self.clients}

    def text(self, today: date) -> str:
        """What happens or has happened to it, in a sentence."""
        return self.since if today >= self.on else self.before


@dataclass(frozen=True, slots=True)
class Control:
    """A grant control that Microsoft Entra doesn't evaluate any more from a date on, as if it weren't selected."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["control"]
    name: _Text
    """What Microsoft calls it in a sentence, e.g. ``approved client app``."""
    control: _Text
    """Graph's name of it among ``builtInControls``, or :data:`CUSTOM_CONTROLS`."""
    on: date
    url: _Address
    source: _Text
    read: date
    month: bool = False
    """Whether only the month is known; the date is its first day."""

    @property
    def retired_words(self) -> str:
        """``approved client app, which Microsoft has retired on 30 Jun 2026``."""
        when = f"in {self.on:%B} {self.on.year}" if self.month else f"on {day(self.on)}"
        return f"{self.name}, which Microsoft has retired {when}"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of MFA that goes away, or went."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Literal["method"]
    name: _Text
    """What people call it in a sentence."""
    methods: Annotated[frozenset[_Text], Field(min_length=1)]
    """How the registration report names it, and the type of an account's own method."""
    on: date
    before: _Text
    """What happens, in a sentence for the time before the date."""
    since: _Text
    """The same from the date on."""
    url: _Address
    source: _Text
    read: date

    def serves(self, registered: str) -> bool:
        """Whether a registered method, in one of Microsoft's spellings, is this one."""
        return plain_name(registered) in {method.casefold() for method in self.methods}

    def text(self, today: date) -> str:
        """What happens or has happened to it, in a sentence."""
        return self.since if today >= self.on else self.before


Retirement = Annotated[Protocol | Control | Method, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    note: _Text
    retirements: Annotated[tuple[Retirement, ...], Field(min_length=1)]


def load_retirements(text: str) -> tuple[Protocol | Control | Method, ...]:
    """The entries of a file of retirements. Raises :class:`RetirementsError` with the first thing that is wrong in it."""
    try:
        entries = TypeAdapter(_File).validate_json(text).retirements
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RetirementsError(
            f"The dates of Microsoft's retirements can't be used: {where}: {first['msg']}."
        ) from None
    names = [entry.name for entry in entries] + [
        entry.control.lower() for entry in entries if isinstance(entry, Control)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RetirementsError(f"The dates of Microsoft's retirements can't be used: {twice[0]} stands there twice.")
    return entries


@cache
def retirements() -> tuple[Protocol | Control | Method, ...]:
    """Everything that this version knows the date of."""
    return load_retirements(Path(__file__).with_name("retirements.json").read_text(encoding="utf-8"))


@cache
def retired_protocols() -> tuple[Protocol, ...]:
    """The protocols that go away, or went."""
    return tuple(entry for entry in retirements() if isinstance(entry, Protocol))


@cache
def retired_methods() -> tuple[Method, ...]:
    """The methods of MFA that go away, or went."""
    return tuple(entry for entry in retirements() if isinstance(entry, Method))


@lru_cache(maxsize=64)
def retired_controls(today: date) -> Mapping[str, Control]:
    """The grant controls that don't count any more: Graph's name in lower case -> what is known of it."""
    controls = (entry for entry in retirements() if isinstance(entry, Control))
    return MappingProxyType({entry.control.lower(): entry for entry in controls if today >= entry.on})


def newest_reading(entries: Iterable[Protocol | Control | Method]) -> date:
    """The day on which a source was looked at last."""
    return max(entry.read for entry in entries)
