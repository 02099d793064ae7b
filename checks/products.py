"""Which product uses an account: recognised by application, user agent, or protocol and name; and what that product needs.

What is known of products, and how files of them are read: ``checks/product_files.py``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile

from checks.model import JudgedAccount, ProductUse, Remedy, Way
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
    return _catalogue(_Same(tuple(products))).recognise(account)


def with_products(judged: JudgedAccount, products: Iterable[Product], obstacles: Obstacles) -> JudgedAccount:
    """A judged account with the products that use it; what they need comes before the other ways out."""
    found = recognise(judged.account, products)
    if not found:
        return judged
    uses = tuple(ProductUse(one.product.name, one.product.vendor, one.evidence, *_public(one.product)) for one in found)
    if not judged.remediation:
        return replace(judged, products=uses)
    remedies = tuple(_remedy(one.product, obstacles.of(judged, one.product.sign_in)) for one in found)
    first = len(list(takewhile(lambda one: one.way in _BEFORE, judged.remediation)))
    known = judged.remediation
    return replace(judged, products=uses, remediation=(*known[:first], *remedies, *known[first:]))


def is_product_app(app_id: str, app_name: str, products: Iterable[Product]) -> bool:
    """Whether an application belongs to one of the products."""
    return bool(_catalogue(_Same(tuple(products))).with_app(app_id, app_name))


def _public(product: Product) -> tuple[bool | None, str, str]:
    return product.modern_sign_in, product.url, product.advice


_BEFORE = frozenset({Way.GRANT, Way.ENFORCE, Way.REGISTER})
"""Ways that come before what a product needs: the one step that is missing, and what has to be known first."""
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
        way=Way(product.remedy),
    )


class _Texts:
    """Which products a text fits: asked of many accounts, whose texts are mostly alike."""

    MOST = 20_000
    """Texts that are remembered."""

    def __init__(self, patterns: Iterable[Sequence[str]]) -> None:
        """Takes the patterns of each product, in their order."""
        self._each = [(index, _expression(mine)) for index, mine in enumerate(patterns) if mine]
        self._known: dict[str, frozenset[int]] = {}

    def fitting(self, text: str) -> frozenset[int]:
        """The places of the products of which a pattern fits the text."""
        if not text:
            return frozenset()
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= self.MOST:
                self._known.clear()
            folded = text.casefold()
            found = frozenset(index for index, expression in self._each if expression.fullmatch(folded))
            self._known[text] = found
        return found


class _Catalogue:
    """Products, ready to be recognised in one account after the other."""

    def __init__(self, products: tuple[Product, ...]) -> None:
        self._products = products
        self._by_id: dict[str, frozenset[int]] = {}
        for index, product in enumerate(products):
            for id in product.app_ids:
                self._by_id[id] = self._by_id.get(id, frozenset()) | {index}
        self._apps = _Texts(product.app_names for product in products)
        self._agents = _Texts(product.user_agents for product in products)
        self._clients = _Texts(product.clients for product in products)
        self._family = _Texts(product.family_names for product in products)
        entries = [(index, entry.split()) for index, one in enumerate(products) for entry in one.account_names]
        parts = sorted({part for _, entry in entries for part in entry})
        self._parts = _Texts([part] for part in parts)
        self._any_part = _expression(parts)
        self._entries = [(index, frozenset(map(parts.index, entry))) for index, entry in entries]

    def with_app(self, app_id: str, app_name: str) -> frozenset[int]:
        """The places of the products to which an application belongs."""
        return self._by_id.get(app_id, frozenset()) | self._apps.fitting(app_name)

    def recognise(self, account: Account) -> tuple[Recognised, ...]:
        """As the function of this name."""
        evidence: dict[int, str] = {}
        for use in account.sign_ins:
            if use.way == "browser":
                continue  # that is a person: a product that people sign in to isn't one that signs in as them
            for index in self.with_app(use.app_id, use.app_name):
                evidence.setdefault(index, f"signs in to the application {use.app_name or use.app_id}")
            for index in self._agents.fitting(use.user_agent):
                evidence.setdefault(index, f'signs in as the client "{use.user_agent}"')
        for consent in account.consents:
            how = "consented" if consent.kind == "consent" else "is assigned"
            for index in self.with_app(consent.app_id, consent.app_name):
                evidence.setdefault(index, f"{how} to the application {consent.app_name or consent.app_id}")
        named: frozenset[int] | None = None
        for use in account.sign_ins:
            if with_client := self._clients.fitting(use.client_app):
                named = self._named(account) if named is None else named
                for index in with_client & named:
                    evidence.setdefault(index, f"signs in with {use.client_app}, and its name says so")
        return self._told(evidence)

    def _told(self, evidence: Mapping[int, str]) -> tuple[Recognised, ...]:
        """In the order of the products, each name once, general ones only where there is no other."""
        found: dict[str, Recognised] = {}
        for index in sorted(evidence):
            product = self._products[index]
            found.setdefault(product.name, Recognised(product, evidence[index]))
        special = tuple(one for one in found.values() if not one.product.general)
        return special or tuple(found.values())

    def _named(self, account: Account) -> frozenset[int]:
        """The places of the products that the words of an account's names are."""
        named = words(account.user_principal_name.partition("@")[0]) | words(account.display_name)
        parts = frozenset[int]().union(*(self._parts.fitting(word) for word in named if self._any_part.fullmatch(word)))
        found = {index for index, wanted in self._entries if wanted <= parts} if parts else set[int]()
        family = {word: fitting for word in named if (fitting := self._family.fitting(word))}
        for index in frozenset[int]().union(*family.values()) - found:
            mine = {word for word, fitting in family.items() if index in fitting}
            if all_of_machines({word for word in named if word.rstrip("0123456789") not in mine} - mine):
                found.add(index)
        return frozenset(found)


class _Same:
    """A tuple that equals only itself: to remember what was made of it without comparing what is in it."""

    __slots__ = ("products",)

    def __init__(self, products: tuple[Product, ...]) -> None:
        self.products = products

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.products is self.products

    def __hash__(self) -> int:
        return id(self.products)


@lru_cache(maxsize=4)
def _catalogue(same: _Same) -> _Catalogue:
    return _Catalogue(same.products)


def _expression(patterns: Sequence[str]) -> re.Pattern[str]:
    """One expression for all patterns, in which only ``*`` means anything."""
    each = (".*".join(map(re.escape, pattern.casefold().split("*"))) for pattern in patterns)
    return re.compile("|".join(f"(?:{one})" for one in each), re.DOTALL)
