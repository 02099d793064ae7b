"""Kinds of arguments, and what is wrong with one in words: refused now, and not after everything was read."""

import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import click

STDOUT = Path("-")
"""The name of a file that means standard output."""
_DOMAIN = re.compile(r"(?=.{1,253}\Z)([a-z0-9-]{1,63}\.)+[a-z]{2,63}", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,5})([smh])")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Kind(click.ParamType[Any]):
    """A kind of argument: its name, and what makes a value of the text or says by ``ValueError`` what is wrong with it."""

    def __init__(self, name: str, made: Callable[[str], Any]) -> None:
        self.name = name
        self._made = made

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; a usage error where the text can't be one."""
        if not isinstance(value, str):
            return value
        try:
            return self._made(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a date: write it as YYYY-MM-DD, e.g. 2027-03-31') from None


def _past_day(text: str) -> datetime:
    try:
        day = datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), UTC)  # noqa: DTZ007 - the zone is added
    except ValueError:
        raise ValueError(f"{text!r} is no day such as 2026-11-26") from None
    if day > datetime.now(UTC):
        raise ValueError(f"{text} is still to come")
    return day


def _account(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty: give a user principal name or an object id")
    return text.strip()


def _upn_or_id(text: str) -> str:
    from settings import values  # only where an account is named: everything about settings comes with it

    try:
        return values.account(_account(text))
    except ValueError as error:
        raise ValueError(str(error).replace("holds ", "").replace(", with commas between them", "")) from None


def _output_file(text: str) -> Path:
    path = Path(text)
    if path == STDOUT:
        return path
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}: make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{path} may not be written")
    return path


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip())
    except ValueError:
        raise ValueError(f'"{text}" is no address and no range such as 203.0.113.0/28') from None


def _tenant(text: str) -> str:
    if not (_GUID.fullmatch(text.strip()) or _DOMAIN.fullmatch(text.strip())):
        raise ValueError(f'"{text}" is not a domain or id of a tenant')
    return text.strip()


def _client(text: str) -> str:
    if not _GUID.fullmatch(text.strip()):
        raise ValueError(f'"{text}" is not an application (client) id')
    return text.strip()


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f'"{text}" is no time such as 90s, 5m or 1h')
    time = int(found[1]) * {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}[found[2]]
    if not timedelta(seconds=10) <= time <= timedelta(days=1):
        raise ValueError(f"{text} isn't between 10s and 24h")
    return time


DAY = Kind("day", _iso_date)
"""A day, written YYYY-MM-DD."""
SPAN = Kind("time", _span)
"""A stretch of time from ten seconds to a day."""
PAST_DAY = Kind("day", _past_day)
"""A day that has begun, as the moment at which it did (UTC)."""
ACCOUNT = Kind("account", _account)
"""A user principal name or an object id."""
UPN_OR_ID = Kind("account", _upn_or_id)
"""An account whose name is written as such names are."""
CHECK = Kind("check", str.upper)
"""The id of a check, in any case."""
OUTPUT = Kind("file", _output_file)
"""A file that can be written, or ``-`` for standard output."""
FILE = click.Path(path_type=Path)
"""A file that is read."""
NETWORK = Kind("address", _network)
"""An address or a range of them."""
TENANT = Kind("tenant", _tenant)
"""A domain or the id of a tenant."""
CLIENT = Kind("id", _client)
"""The id of an application."""
