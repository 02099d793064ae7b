"""What Microsoft takes away on a date: protocols of Exchange Online, grant controls of Conditional Access, methods of MFA.

The dates are data, because Microsoft moves them: they stand in ``retirements.json`` beside this module, each with its source
and the day on which that was read. Whether a date has passed is the question of whoever judges; nothing here knows today.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from basics.times import day
from checks.facts import FactsError, Sourced, Text, load_facts
from checks.model import Severity
from tenant.methods import plain_name

CUSTOM_CONTROLS = "customAuthenticationFactors"
"""What stands for custom controls: the member of the grant controls that holds them."""

_WHAT = "The dates of Microsoft's retirements"
SOON = timedelta(days=60)
"""From so long before its day on, an ending is urgent, and shown as a warning."""


@dataclass(frozen=True, slots=True)
class Ending(Sourced):
    """What goes away on a day, or went, and what is said of it."""

    name: Text
    """What people call it in a sentence."""
    on: date
    before: Text
    """What happens, in a sentence for the time before the date."""
    since: Text
    """The same from the date on."""

    def text(self, today: date) -> str:
        """What happens or has happened to it, in a sentence."""
        return self.since if today >= self.on else self.before

    def severity(self, today: date) -> Severity:
        """How urgent it is for whoever uses it."""
        return Severity.HIGH if self.on - today <= SOON else Severity.MEDIUM


@dataclass(frozen=True, slots=True)
class Protocol(Ending):
    """A protocol that app passwords serve and that goes away, or went."""

    kind: Literal["protocol"]
    clients: Annotated[frozenset[Text], Field(min_length=1)]
    """How the sign-in log names it (``clientAppUsed``)."""

    def serves(self, client_app: str) -> bool:
        """Whether a sign-in with this ``clientAppUsed`` came over the protocol."""
        return client_app.casefold() in {client.casefold() for client in self.clients}


@dataclass(frozen=True, slots=True)
class Control(Sourced):
    """A grant control that Microsoft Entra doesn't evaluate any more from a date on, as if it weren't selected."""

    kind: Literal["control"]
    name: Text
    """What Microsoft calls it in a sentence, e.g. ``approved client app``."""
    control: Text
    """Graph's name of it among ``builtInControls``, or :data:`CUSTOM_CONTROLS`."""
    on: date
    month: bool = False
    """Whether only the month is known; the date is its first day."""

    @property
    def retired_words(self) -> str:
        """``approved client app, which Microsoft has retired on 30 Jun 2026``."""
        when = f"in {self.on:%B} {self.on.year}" if self.month else f"on {day(self.on)}"
        return f"{self.name}, which Microsoft has retired {when}"


@dataclass(frozen=True, slots=True)
class Method(Ending):
    """A method of MFA that goes away, or went."""

    kind: Literal["method"]
    methods: Annotated[frozenset[Text], Field(min_length=1)]
    """How the registration report names it, and the type of an account's own method."""

    def serves(self, registered: str) -> bool:
        """Whether a registered method, in one of Microsoft's spellings, is this one."""
        return plain_name(registered) in {method.casefold() for method in self.methods}


Retirement = Annotated[Protocol | Control | Method, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    note: Text
    retirements: Annotated[tuple[Retirement, ...], Field(min_length=1)]


def load_retirements(text: str) -> tuple[Protocol | Control | Method, ...]:
    """The entries of a file of retirements. Raises ``FactsError`` with the first thing that is wrong in it."""
    entries = load_facts(TypeAdapter(_File), text, _WHAT).retirements
    names = [entry.name for entry in entries] + [
        entry.control.lower() for entry in entries if isinstance(entry, Control)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FactsError(f"{_WHAT} can't be used: {twice[0]} stands there twice.")
    return entries


@cache
def retirements() -> tuple[Protocol | Control | Method, ...]:
    """Everything that this version knows the date of."""
    return load_retirements(Path(__file__).with_name("retirements.json").read_text(encoding="utf-8"))


@cache
def retired_protocols() -> tuple[Protocol, ...]:
    """The protocols that go away, or went."""
    return tuple(entry for entry in retirements() if isinstance(entry, Protocol))


def protocol_of(client_app: str) -> Protocol | None:
    """The protocol with a date that a client of the sign-in log (``clientAppUsed``) speaks; None for any other."""
    return next((one for one in retired_protocols() if one.serves(client_app)), None)


def dated_protocol(client_app: str) -> Protocol:
    """The same of a client whose protocol has a date, as this version knows. Raises ``LookupError``."""
    if (found := protocol_of(client_app)) is None:
        raise LookupError(f"retirements.json has no protocol of {client_app}")
    return found


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
