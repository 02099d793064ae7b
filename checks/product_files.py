"""Files of products: ``products.json`` beside this module, and the user's own (``PRODUCTS_FILE``), which has the same form.

People write such files by hand. So every member is checked, and everything that is wrong is told at once, in words.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from tenant.sign_in_outcomes import LEGACY_CLIENTS

REMEDIES = ("app_only", "oauth", "relay")
WAYS = ("app_only", "device_code", "delegated", "none")
CLIENTS = tuple(sorted((*LEGACY_CLIENTS, "Browser", "Mobile Apps and Desktop clients")))
"""The values of ``clientAppUsed`` that are known. Source: Microsoft's detection scripts, and Graph's documentation of signIn."""

_MOST_TOLD = 10
_LONGEST = 2000
_ADDRESS = re.compile(r"https://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{1,5})?(?:[/?#][!#-;=?-\[\]_a-~]*)?")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ProductsError(Exception):
    """The file of products can't be used; the text says why, a sentence for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product that works with an account. Names may hold ``*``; case doesn't matter."""

    name: str
    vendor: str
    url: str
    """The vendor's page about signing in."""
    source: str
    """Where what is said here comes from."""
    advice: str
    """What it supports and what to do, in a sentence or two."""
    remedy: str
    """The kind of way out: one of :data:`REMEDIES`."""
    modern_sign_in: bool | None = None
    """Whether the product can do without the account's password; None where it depends on the model or version."""
    sign_in: str | None = None
    """How: ``app_only``, as an application; ``device_code``, by a code that somebody enters for the account; ``delegated``, by
    somebody who signs in as the account in a browser; ``none``. None where that isn't known."""
    steps: tuple[str, ...] = ()
    """The way there, step by step."""
    permissions: tuple[str, ...] = ()
    """What has to be consented to."""
    read: date | None = None
    """When the source was last looked at."""
    app_ids: tuple[str, ...] = ()
    app_names: tuple[str, ...] = ()
    user_agents: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    """Values of ``clientAppUsed``; they count together with ``account_names`` or ``family_names`` only."""
    account_names: tuple[str, ...] = ()
    """Words of the user principal name or display name. Of an entry of several words, all must be there."""
    family_names: tuple[str, ...] = ()
    """Words that people are called, too: they count where nothing else in the account's names may be a person's."""
    general: bool = False
    """Whether it counts only where no other product was recognised."""


@cache
def known_products() -> tuple[Product, ...]:
    """The products that come with this version."""
    return load_products(Path(__file__).with_name("products.json"))


def load_products(file: Path) -> tuple[Product, ...]:
    """The products in a file. Raises :class:`ProductsError` with everything that is wrong in it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_members)
    except FileNotFoundError:
        raise ProductsError(f"PRODUCTS_FILE: there is no file {file}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ProductsError(f"PRODUCTS_FILE {file} can't be used: {_unreadable(error)}.") from error
    entries = content.get("products") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ProductsError(f"PRODUCTS_FILE {file} can't be used: it has no list named products.")
    problems = [problem for number, entry in enumerate(entries, 1) for problem in _problems(entry, number)]
    if problems:
        more = len(problems) - _MOST_TOLD
        told = ". ".join(problems[:_MOST_TOLD]) + (f". And {more:,} more" if more > 0 else "")
        raise ProductsError(f"PRODUCTS_FILE {file} can't be used: {told}.")
    return tuple(map(_product, entries))


class _TwiceError(ValueError):
    """A member stands twice in an object: one of them would be lost without a word."""


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(f"an object has the member {_said(name)} twice")
        found[name] = value
    return found


def _unreadable(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not a text file in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno}: {error.msg})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) if isinstance(error, _TwiceError) else "it holds a number that is too long"


def _problems(entry: Any, number: int) -> Iterator[str]:
    """What is wrong with an entry, a sentence each without its full stop."""
    if not isinstance(entry, dict):
        yield f"entry {number} of products is no object, but {_said(entry)}"
        return
    name = entry.get("name")
    who = name if isinstance(name, str) and not _text(name) else f"entry {number} of products"
    if missing := [one.name for one in fields(Product) if one.default is MISSING and one.name not in entry]:
        yield f"{who} has no {', '.join(missing)}"
    if unknown := sorted(entry.keys() - _CHECKS.keys()):
        yield f"{who} has members that nobody knows: {', '.join(map(_said, unknown))}"
    wrong = {one: problem for one in _CHECKS if one in entry and (problem := _CHECKS[one](entry[one]))}
    yield from (f"{who}: {one} {problem}" for one, problem in wrong.items())
    if not (missing or wrong):
        yield from (f"{who} {problem}" for problem in _contradictions(entry))


def _contradictions(entry: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong although each member alone is right."""
    named = entry.get("clients") and (entry.get("account_names") or entry.get("family_names"))
    if not (named or any(entry.get(one) for one in ("app_ids", "app_names", "user_agents"))):
        yield (
            "has nothing to be recognised by: app_ids, app_names, user_agents, or clients together with account_names or "
            "family_names"
        )
    way = entry.get("sign_in")
    if entry.get("modern_sign_in") is False and (entry.get("remedy") != "relay" or way not in (None, "none")):
        yield "says that it has no modern sign-in, and how to use one: its remedy must be relay, its sign_in none"
    if entry.get("modern_sign_in") is True and way == "none":
        yield "says that it has a modern sign-in, and that its sign_in is none"


def _text(value: Any) -> str:
    """What is wrong with a text: nothing, or the end of a sentence; so with the other checks."""
    if not isinstance(value, str):
        return f"must be a text, not {_said(value)}"
    if not value.strip():
        return "is empty"
    if len(value) > _LONGEST:
        return f"has {len(value):,} characters: {_LONGEST:,} at most"
    return "" if value.isprintable() else "has characters that can't be shown, such as a line break"


def _address(value: Any) -> str:
    if not isinstance(value, str):
        return f"must be an address that begins with https://, not {_said(value)}"
    if not value.startswith("https://"):
        return f"must begin with https://, but is {_said(value)}"
    if len(value) > _LONGEST or not _ADDRESS.fullmatch(value):
        return f"is no address that can be opened: {_said(value)} (write unusual characters as %20)"
    return ""


def _one_of(allowed: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        return "" if value in allowed else f"is {_said(value)}: use {', '.join(allowed)}"

    return check


def _or_null(check: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None else check(value)


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else f"must be true or false, not {_said(value)}"


def _day(value: Any) -> str:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            date.fromisoformat(value)
            return ""
    except ValueError:
        pass
    return f"must be a day like 2026-11-25, not {_said(value)}"


def _list_of(check: Callable[[Any], str]) -> Callable[[Any], str]:
    def check_all(value: Any) -> str:
        if not isinstance(value, list):
            return f"is no list, but {_said(value)}"
        wrong = next(((index, problem) for index, one in enumerate(value, 1) if (problem := check(one))), None)
        return f"has an item, number {wrong[0]}, that {wrong[1]}" if wrong else ""

    return check_all


def _app_id(value: Any) -> str:
    ok = isinstance(value, str) and _ID.fullmatch(value)
    return "" if ok else f"is no application id like 00000003-0000-0ff1-ce00-000000000000: {_said(value)}"


def _pattern(value: Any) -> str:
    if problem := _text(value):
        return problem
    return "" if any(map(str.isalnum, value)) else f"fits everything: {_said(value)}"


def _client(value: Any) -> str:
    if problem := _pattern(value):
        return problem
    fits = re.compile(".*".join(map(re.escape, value.split("*"))), re.IGNORECASE)
    return "" if any(map(fits.fullmatch, CLIENTS)) else f"is no client of the sign-in log: {_said(value)}"


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "name": _text,
    "vendor": _text,
    "url": _address,
    "source": _address,
    "advice": _text,
    "remedy": _one_of(REMEDIES),
    "modern_sign_in": _or_null(_truth),
    "sign_in": _or_null(_one_of(WAYS)),
    "steps": _list_of(_text),
    "permissions": _list_of(_text),
    "read": _or_null(_day),
    "app_ids": _list_of(_app_id),
    "app_names": _list_of(_pattern),
    "user_agents": _list_of(_pattern),
    "clients": _list_of(_client),
    "account_names": _list_of(_pattern),
    "family_names": _list_of(_pattern),
    "general": _truth,
}
"""Every member of an entry, and what is wrong with its value."""


def _said(value: Any) -> str:
    """A value in a sentence."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else f"{value[:60]}...", ensure_ascii=True)
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else str(json.dumps(value))[:60]


def _product(entry: Mapping[str, Any]) -> Product:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    values["app_ids"] = tuple(id.lower() for id in values.get("app_ids", ()))
    values["read"] = date.fromisoformat(values["read"]) if values.get("read") else None
    return Product(**values)
