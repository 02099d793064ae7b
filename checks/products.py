"""Which product uses an account: recognised by application, user agent, or protocol and name; known ones and the user's own.

What is known of a product stands in ``products.json`` beside this module, each entry with its source. The file that
``PRODUCTS_FILE`` names has the same form; its entries come first.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from checks.model import JudgedAccount, ProductUse, Remedy
from tenant.model import Account

REMEDIES = ("app_only", "oauth", "relay")


class ProductsError(Exception):
    """The file of products can't be used; the text is one sentence."""


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
    """What to do, in a sentence or two."""
    remedy: str
    """The kind of way out: one of :data:`REMEDIES`."""
    modern_sign_in: bool | None = None
    """Whether the product can do without the account's password; None where it depends on the model or version."""
    app_ids: tuple[str, ...] = ()
    app_names: tuple[str, ...] = ()
    user_agents: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    """Values of ``clientAppUsed``; they count together with ``account_names`` only."""
    account_names: tuple[str, ...] = ()
    """Words of the user principal name or display name."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product, and what showed it."""

    product: Product
    evidence: str


@cache
def known_products() -> tuple[Product, ...]:
    """The products that come with this version."""
    return load_products(Path(__file__).with_name("products.json"))


def load_products(file: Path) -> tuple[Product, ...]:
    """The products in a file. Raises :class:`ProductsError` with what is wrong in it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        entries = content.get("products") if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise TypeError("it has no list named products")
        return tuple(_product(entry) for entry in entries)
    except FileNotFoundError:
        raise ProductsError(f"PRODUCTS_FILE: there is no file {file}.") from None
    except (OSError, ValueError, TypeError) as error:
        raise ProductsError(f"PRODUCTS_FILE {file} can't be used: {_problem(error)}.") from error


def _problem(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not a text file in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno}: {error.msg})"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def recognise(account: Account, products: Iterable[Product]) -> tuple[Recognised, ...]:
    """The products that an account's sign-ins and consents show, in the order of ``products``."""
    found: dict[str, Recognised] = {}
    for product in products:
        evidence = _evidence(account, product)
        if evidence:
            found.setdefault(product.name, Recognised(product, evidence))
    return tuple(found.values())


def with_products(judged: JudgedAccount, products: Iterable[Product]) -> JudgedAccount:
    """A judged account with the products that use it; what they need comes before the other ways out."""
    found = recognise(judged.account, products)
    if not found:
        return judged
    uses = tuple(ProductUse(one.product.name, one.product.vendor, one.evidence, *_public(one.product)) for one in found)
    remedies = tuple(_remedy(one.product) for one in found) if judged.remediation else ()
    return replace(judged, products=uses, remediation=(*remedies, *judged.remediation))


def is_product_app(app_id: str, app_name: str, products: Iterable[Product]) -> bool:
    """Whether an application belongs to one of the products."""
    return any(app_id in product.app_ids or _fits(app_name, product.app_names) for product in products)


def words(text: str) -> set[str]:
    """The words of a name, lower-cased: what stands between anything but letters and digits, and before digits at its end."""
    parts = [part for part in re.split(r"[\W_]+", text.casefold()) if part]
    return {*parts, *(part.rstrip("0123456789") for part in parts)} - {""}


def _public(product: Product) -> tuple[bool | None, str, str]:
    return product.modern_sign_in, product.url, product.advice


_TITLES = {
    "app_only": "Let {} sign in as an application",
    "oauth": "Let {} sign in with OAuth",
    "relay": "{}: sign in with OAuth, or send through a connector",
}
_TRADE_OFFS = {
    "app_only": "May need a newer version of the product; afterwards the account isn't needed any more.",
    "oauth": "May need a newer version or firmware; the account stays, its password goes.",
    "relay": "A connector trusts the device's address: nobody signs in, and only sending is possible.",
}


def _remedy(product: Product) -> Remedy:
    return Remedy(
        title=_TITLES[product.remedy].format(product.name),
        steps=(product.advice, "Read the vendor's page first, and try it with one mailbox."),
        trade_off=_TRADE_OFFS[product.remedy],
        url=product.url,
    )


def _evidence(account: Account, product: Product) -> str:
    for use in account.sign_ins:
        if use.app_id in product.app_ids or _fits(use.app_name, product.app_names):
            return f"signs in to the application {use.app_name or use.app_id}"
        if _fits(use.user_agent, product.user_agents):
            return f'signs in as the client "{use.user_agent}"'
    for consent in account.consents:
        if consent.app_id in product.app_ids or _fits(consent.app_name, product.app_names):
            how = "consented" if consent.kind == "consent" else "is assigned"
            return f"{how} to the application {consent.app_name or consent.app_id}"
    named = words(account.user_principal_name.partition("@")[0]) | words(account.display_name)
    if named & {name.casefold() for name in product.account_names}:
        for use in account.sign_ins:
            if _fits(use.client_app, product.clients):
                return f"signs in with {use.client_app}, and its name says so"
    return ""


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return bool(text) and any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in patterns)


def _product(entry: Any) -> Product:
    if not isinstance(entry, dict):
        raise TypeError("an entry of products is no object")
    known = {field.name for field in fields(Product)}
    needed = [field.name for field in fields(Product) if field.default is MISSING]
    if missing := [name for name in needed if name not in entry]:
        raise ValueError(f"{entry.get('name', 'an entry')} has no {', '.join(missing)}")
    if unknown := sorted(entry.keys() - known):
        raise ValueError(f"{entry.get('name', 'an entry')} has members that nobody knows: {', '.join(unknown)}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    lists = ("app_ids", "app_names", "user_agents", "clients", "account_names")
    if any(not isinstance(values.get(name, ()), tuple) for name in lists):
        raise ValueError(f"{entry.get('name', 'an entry')} has a {', '.join(lists)} that is no list")
    product = Product(**{**values, "app_ids": tuple(str(id).lower() for id in values.get("app_ids", ()))})
    if product.remedy not in REMEDIES:
        raise ValueError(f"{product.name} has the remedy {product.remedy!r}: use {', '.join(REMEDIES)}")
    if not product.url.startswith("https://"):
        raise ValueError(f"{product.name} has a url that doesn't begin with https://")
    if not any((product.app_ids, product.app_names, product.user_agents, product.clients and product.account_names)):
        raise ValueError(f"{product.name} has nothing to be recognised by")
    return product
