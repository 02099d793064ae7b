"""The errors that this version can put into words: of SMTP, IMAP and POP, and of Microsoft Entra ID.

What is known of each stands in ``errors.json`` beside this module, with its source and the day on which that was read.
``docs/errors.md`` is made from it. How an error is found in a text: ``checks/explain.py``.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from checks.facts import Address, FactsError, Sourced, Text, load_facts

_WHAT = "The known errors"


class Cause(StrEnum):
    """What said no."""

    SECURITY_DEFAULTS = "security_defaults"
    POLICY = "policy"
    DEVICE = "device"
    """A policy that demands a device or an app."""
    MFA = "mfa"
    PASSWORD = "password"  # noqa: S105  a name
    LOCK = "lock"
    DISABLED = "disabled"
    TOKEN = "token"  # noqa: S105  a name
    APPLICATION = "application"
    EXCHANGE = "exchange"
    """A switch of Exchange Online."""
    RETIRED = "retired"
    """A protocol, or passwords for it, that Exchange Online doesn't take any more."""
    SENDING = "sending"
    """Nobody's sign-in: how mail is sent."""
    LIMIT = "limit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class KnownError(Sourced):
    """An error, what it means, and the way out."""

    source: Address
    """Where the meaning comes from; :attr:`url` describes the way out."""
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    title: Text
    cause: Cause
    means: Text
    do: Annotated[tuple[Text, ...], Field(min_length=1)]
    codes: tuple[Annotated[int, Field(ge=1000)], ...] = ()
    """Numbers of Microsoft Entra ID: ``AADSTS53003``, or ``status.errorCode`` of the sign-in log."""
    replies: tuple[Annotated[str, StringConstraints(pattern=r"^[45]\.\d{1,3}\.\d{1,3}$")], ...] = ()
    """Enhanced status codes of SMTP; several errors may share one."""
    texts: tuple[Text, ...] = ()
    """Words that decide alone."""
    hints: tuple[Text, ...] = ()
    """Words that other errors use as well."""


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    note: Text
    errors: Annotated[tuple[KnownError, ...], Field(min_length=1)]


def load_errors(text: str) -> tuple[KnownError, ...]:
    """The entries of a file of errors. Raises ``FactsError`` with the first thing that is wrong in it."""
    entries = load_facts(TypeAdapter(_File), text, _WHAT).errors
    said = set[str]()
    for one in entries:
        if not (one.codes or one.replies or one.texts):
            raise FactsError(f"{_WHAT} can't be used: {one.id} has nothing to be recognised by.")
        for name in (one.id, *map(str, one.codes), *map(str.casefold, one.texts)):  # replies and hints may be shared
            if name in said:
                raise FactsError(f"{_WHAT} can't be used: {name} stands there twice.")
            said.add(name)
    return entries


@cache
def known_errors() -> tuple[KnownError, ...]:
    """Every error that this version knows."""
    return load_errors(Path(__file__).with_name("errors.json").read_text(encoding="utf-8"))
