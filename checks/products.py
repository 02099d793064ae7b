"""Which product uses an account: recognised by application, user agent, or protocol and name; and what that product needs.

What is known of products, and how files of them are read: ``checks/product_files.py``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from checks.model import JudgedAccount, ProductUse, Remedy
from checks.names import all_of_machines, words
from checks.obstacles import Obstacles
from checks.product_files import Product
from tenant.model import Account


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product, and what showed it."""

    product: Product
    evidence: str


def recognise(account: Account, products: Iterable[Product]) -> tuple[Recognised, ...]:
    """The products that an account's sign-ins and consents show, in the order of ``products``; general ones only alone."""
    named = words(account.user_principal_name.partition("@")[0]) | words(account.display_name)
    found: dict[str, Recognised] = {}
    for product in products:
        evidence = _evidence(account, named, product)
        if evidence:
            found.setdefault(product.name, Recognised(product, evidence))
    special = tuple(one for one in found.values() if not one.product.general)
    return special or tuple(found.values())


def with_products(judged: JudgedAccount, products: Iterable[Product], obstacles: Obstacles) -> JudgedAccount:
    """A judged account with the products that use it; what they need comes before the other ways out."""
    found = recognise(judged.account, products)
    if not found:
        return judged
    uses = tuple(ProductUse(one.product.name, one.product.vendor, one.evidence, *_public(one.product)) for one in found)
    if not judged.remediation:
        return replace(judged, products=uses)
    remedies = tuple(_remedy(one.product, obstacles.of(judged, one.product.sign_in)) for one in found)
    return replace(judged, products=uses, remediation=(*remedies, *judged.remediation))


def is_product_app(app_id: str, app_name: str, products: Iterable[Product]) -> bool:
    """Whether an application belongs to one of the products."""
    return any(app_id in product.app_ids or _fits(app_name, product.app_names) for product in products)


def _public(product: Product) -> tuple[bool | None, str, str]:
    return product.modern_sign_in, product.url, product.advice


_TITLES = {
    "app_only": "Let {} sign in as an application",
    "oauth": "Let {} sign in with OAuth",
    "relay": "{}: sign in with OAuth, or send through a connector",
}
_NO_OAUTH = "{} has no OAuth: send through a connector"
_TRADE_OFFS = {
    "app_only": "May need a newer version of the product; afterwards the account isn't needed any more.",
    "oauth": "May need a newer version or firmware; the account stays, its password goes.",
    "relay": "A connector trusts the device's address: nobody signs in, and only sending is possible.",
}


def _remedy(product: Product, obstacles: Sequence[str]) -> Remedy:
    title = _NO_OAUTH if product.modern_sign_in is False else _TITLES[product.remedy]
    consent = (f"Consent, as an administrator, to: {', '.join(product.permissions)}.",) if product.permissions else ()
    return Remedy(
        title=title.format(product.name),
        steps=(
            product.advice,
            *product.steps,
            *consent,
            *obstacles,
            "Read the vendor's page first, and try it with one mailbox.",
        ),
        trade_off=_TRADE_OFFS[product.remedy],
        url=product.url,
    )


def _evidence(account: Account, named: set[str], product: Product) -> str:
    for use in account.sign_ins:
        if use.way == "browser":
            continue  # that is a person: a product that people sign in to isn't one that signs in as them
        if use.app_id in product.app_ids or _fits(use.app_name, product.app_names):
            return f"signs in to the application {use.app_name or use.app_id}"
        if _fits(use.user_agent, product.user_agents):
            return f'signs in as the client "{use.user_agent}"'
    for consent in account.consents:
        if consent.app_id in product.app_ids or _fits(consent.app_name, product.app_names):
            how = "consented" if consent.kind == "consent" else "is assigned"
            return f"{how} to the application {consent.app_name or consent.app_id}"
    for use in account.sign_ins:
        if _fits(use.client_app, product.clients) and _is_named(named, product):
            return f"signs in with {use.client_app}, and its name says so"
    return ""


def _is_named(named: set[str], product: Product) -> bool:
    """Whether the words of the account's names are the product's."""
    if any(all(_any_fits(named, part) for part in entry.split()) for entry in product.account_names):
        return True
    family = {word for word in named if _fits(word, product.family_names)}
    return bool(family) and all_of_machines(
        {word for word in named if word.rstrip("0123456789") not in family} - family
    )


def _any_fits(named: set[str], pattern: str) -> bool:
    return any(_fits(word, (pattern,)) for word in named)


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return bool(text and patterns) and _expression(patterns).fullmatch(text.casefold()) is not None


@lru_cache(maxsize=4096)
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all patterns, in which only ``*`` means anything."""
    each = (".*".join(map(re.escape, pattern.casefold().split("*"))) for pattern in patterns)
    return re.compile("|".join(f"(?:{one})" for one in each), re.DOTALL)
