"""What speaks for an account being a service account, and what against it: each with its evidence and a weight.

The weights are a judgement, made so that one sign alone never proposes an account: a person may consent to an application, use
an old mail program on the phone, or have a password that never expires. What only machines do (nobody ever signs in, mail goes
out by SMTP AUTH) weighs most; a person at a browser weighs against everything but a name that says what the account is for.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from checks.client_sign_ins import legacy_client
from checks.names import SERVICE_WORDS, words
from checks.product_files import Product
from checks.products import is_product_app, recognise
from tenant.model import Account, Candidate, Consent, SignInUse

# clientAppUsed, lower-cased -> weight. What Outlook and phones use says little; what scripts and devices use says much.
_CLIENTS = {
    "authenticated smtp": 3,
    "smtp": 3,
    "reporting web services": 3,
    "exchange web services": 3,
    "imap": 2,
    "imap4": 2,
    "pop": 2,
    "pop3": 2,
    "other clients": 2,
    "exchange online powershell": 2,
    "exchange activesync": 1,
}
_OUTLOOK = frozenset(
    """autodiscover|mapi over http|offline address book|outlook anywhere (rpc over http)|universal outlook""".split("|")
)
# Mail programs of people that sign in on their own for weeks. Source of the ids: Exchange team blog of June 2022 about Apple's
# mail program, and Thunderbird's published OAuth settings.
_PEOPLES_APPS = frozenset({"f8d98a96-0999-43f5-8af3-69971c7bb423", "9e5f94bc-e8a4-4e73-b8be-63364c29d753"})
_PEOPLES_NAMES = ("apple internet accounts", "ios accounts", "thunderbird", "samsung email", "gmail", "em client")
# What Microsoft's own programs for people are called in the sign-in log.
_WORKPLACE = frozenset(
    {
        "microsoft teams",
        "microsoft teams web client",
        "outlook mobile",
        "one outlook web",
        "microsoft outlook",
        "microsoft office",
        "office365 shell wcss-client",
        "officehome",
        "onedrive",
        "onedrive syncengine",
        "microsoft edge",
        "windows sign in",
        "microsoft to-do",
        "microsoft authenticator app",
    }
)
_SERVICE_PREFIX = re.compile(r"(svc|sa|srv|app|api)[-_]|no-?reply|do-?not-?reply", re.IGNORECASE)
SERVICE_BEGINNINGS = (
    "svc",
    "sa-",
    "sa_",
    "srv",
    "service",
    "scan",
    "printer",
    "copier",
    "mfp",
    "backup",
    "relay",
    "smtp",
    "noreply",
    "no-reply",
    "app-",
)
"""Beginnings of names by which accounts are looked for; Graph takes 15 in one filter."""
_PARTS = re.compile(r"[^\W_]+")
_EMERGENCY = re.compile(r"break.?glass|emergency|notfall|not-?fall|fire.?call|urgence|\bbg[-_.]", re.IGNORECASE)
_NOT_A_PERSON = frozenset({"shared", "room", "equipment"})
_REGULARLY = 3
"""Days with interactive sign-ins from which on somebody works with an account."""
_SETTLED = timedelta(weeks=2)
"""How long a machine has used an account, and nobody else has, until whoever signed in before is taken to have set it up."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that speaks for a service account (positive weight) or for a person (negative weight)."""

    kind: str
    """``legacy_protocol``, ``third_party_app``, ``consent``, ``product``, ``mailbox``, ``not_interactive``, ``password``,
    ``name``, ``person``, ``personal_details``."""
    text: str
    weight: int
    last_seen: datetime | None = None
    count: int | None = None


def signals_of(candidate: Candidate, third_party: frozenset[str], products: Iterable[Product]) -> tuple[Signal, ...]:
    """Everything that speaks for or against an account. ``third_party``: ids of the applications that aren't Microsoft's."""
    account, products = candidate.account, tuple(products)
    named = _name(account)
    impersonal = is_impersonal(candidate)
    machines = [*_legacy(account), *_third_party(account.sign_ins, third_party, products)]
    set_up = _was_set_up(candidate, third_party, products)
    found = [
        *machines,
        *_consents(account.consents, impersonal=impersonal),
        *_products(account, products),
        *_mailbox(candidate),
        *_not_interactive(account.sign_ins, by_machine=any(signal.weight > 1 for signal in machines), set_up=set_up),
        *named,
    ]
    if candidate.password_never_expires and not account.on_premises_sync_enabled:
        # Entra Connect lets the passwords of everybody whom it synchronises never expire, to leave that to Active Directory.
        found.append(Signal("password", "Its password never expires.", 1))
    found += _person(candidate, lenient=impersonal or set_up)
    return tuple(found)


def is_impersonal(candidate: Candidate) -> bool:
    """Whether the name or the kind of the mailbox says that it is no person's; people's addresses may hold such a word too."""
    named = service_name(candidate.account) is not None and not candidate.persons_name
    return named or candidate.mailbox_purpose in _NOT_A_PERSON


def is_nobodys(candidate: Candidate) -> bool:
    """Whether nothing says that an account is a person's: it has no person's name, and somebody let its password never expire."""
    own_password = candidate.password_never_expires and not candidate.account.on_premises_sync_enabled
    return own_password and not candidate.persons_name


def has_emergency_name(account: Account) -> bool:
    """Whether the name says that the account is for emergencies."""
    return any(
        _EMERGENCY.search(name) for name in (account.user_principal_name.partition("@")[0], account.display_name)
    )


def days_used(account: Account) -> int:
    """On how many days at least anybody or anything signed in with an account."""
    return max((use.days for use in account.sign_ins), default=0)


def service_name(account: Account) -> str | None:
    """What in the account's names says that it isn't a person's: a word, or that it is called like its application."""
    local = account.user_principal_name.partition("@")[0]
    if match := _SERVICE_PREFIX.match(local):
        return match[0]
    if known := words(local) & SERVICE_WORDS:
        return min(known)
    return local if _is_called_like_its_application(account) else None


def _is_called_like_its_application(account: Account) -> bool:
    """Whether both names are how an application's begins: people who are called like one have a second name."""
    called = {_together(account.user_principal_name.partition("@")[0]), _together(account.display_name)}
    return any(
        called <= set(accumulate(_PARTS.findall(one.app_name.casefold())))
        for one in account.consents
        if not is_peoples(one.app_id, one.app_name)
    )


def _together(name: str) -> str:
    return "".join(_PARTS.findall(name.casefold())).rstrip("0123456789")


def _legacy(account: Account) -> Iterator[Signal]:
    """The one protocol that says most: several are used by one program as often as by several."""
    best: Signal | None = None
    by_client: dict[str, list[SignInUse]] = {}
    for use in account.sign_ins:
        by_client.setdefault(use.client_app, []).append(use)
    for client, group in by_client.items():
        weight = _CLIENTS.get(client.casefold(), 0)
        if weight and (best is None or weight > best.weight):
            known = legacy_client(account, client)
            signs_in = "tries to sign in" if known and known.only_refused else "signs in"
            text = f"It {signs_in} with {client}, a protocol without modern authentication."
            best = _seen("legacy_protocol", text, weight, group)
    if best:
        yield best


def _third_party(
    uses: Iterable[SignInUse], third_party: frozenset[str], products: tuple[Product, ...]
) -> Iterator[Signal]:
    foreign = [use for use in uses if _is_foreign(use, third_party, products)]
    if foreign:
        name = max(foreign, key=lambda use: use.count).app_name
        text = f"The application {name or 'of a third party'} signs in as the account, without anybody there."
        yield _seen("third_party_app", text, 2, foreign)


def _is_foreign(use: SignInUse, third_party: frozenset[str], products: tuple[Product, ...]) -> bool:
    return (
        (use.app_id in third_party or is_product_app(use.app_id, use.app_name, products))
        and not is_peoples(use.app_id, use.app_name)
        and use.way == "background"
        and use.client_app.casefold() not in _CLIENTS
    )


def _was_set_up(candidate: Candidate, third_party: frozenset[str], products: tuple[Product, ...]) -> bool:
    """Whether somebody signed in interactively on one day, and since then, for weeks, only what people have no use for."""
    uses = candidate.account.sign_ins
    by_hand = [use for use in uses if use.way != "background"]
    at_work = any(use.way == "background" and _is_at_work(use) for use in uses)
    if candidate.persons_name or at_work or _days_by_hand(by_hand) != 1:
        return False
    since = max(use.last_seen for use in by_hand) + _SETTLED
    return any(
        use.last_seen >= since and use.days >= _SETTLED.days
        for use in uses
        if _is_foreign(use, third_party, products) or _CLIENTS.get(use.client_app.casefold(), 0) > 1
    )


def _days_by_hand(uses: Iterable[SignInUse]) -> int:
    """On how many days at least somebody signed in interactively."""
    uses = list(uses)
    seen = {moment.date() for use in uses for moment in (use.first_seen, use.last_seen)}
    return max([len(seen), *(use.days for use in uses)])


def _consents(consents: Iterable[Consent], *, impersonal: bool) -> Iterator[Signal]:
    """People consent to applications all the time; an account that is nobody's was given to the application."""
    names = sorted({one.app_name or one.app_id for one in consents if not is_peoples(one.app_id, one.app_name)})
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        text = f"It let a third party's application act for it, or is assigned to one: {shown}."
        yield Signal("consent", text, 2 if impersonal else 1)


def _products(account: Account, products: tuple[Product, ...]) -> Iterator[Signal]:
    """Being assigned to a product isn't using it, and counts as an assignment already."""
    used = replace(account, consents=tuple(one for one in account.consents if one.kind != "assignment"))
    found = recognise(used, products)
    if found:
        yield Signal("product", f"{found[0].product.name} uses it: it {found[0].evidence}.", 1)


def _mailbox(candidate: Candidate) -> Iterator[Signal]:
    account = candidate.account
    if candidate.mailbox_purpose in _NOT_A_PERSON and (account.sign_ins or account.consents):
        how = "something signs in with it" if account.sign_ins else "an application may act for it"
        yield Signal("mailbox", f"Its mailbox is of the kind {candidate.mailbox_purpose}, and {how}.", 2)


def _not_interactive(uses: tuple[SignInUse, ...], *, by_machine: bool, set_up: bool) -> Iterator[Signal]:
    """Phones and mail programs of people sign in on their own for weeks too: alone they prove nothing."""
    telling = [use for use in uses if not is_peoples(use.app_id, use.app_name)]
    if telling and all(use.way == "background" for use in uses):
        text = "It signs in, and nobody did so interactively in the last 30 days."
        at_work = any(_is_at_work(use) for use in uses)
        yield _seen("not_interactive", text, 2 if by_machine and not at_work else 1, uses)
    elif set_up:
        text = "It signs in; somebody did so interactively on one day only, two weeks or more ago."
        yield _seen("not_interactive", text, 1, (use for use in uses if use.way == "background"))


def _name(account: Account) -> list[Signal]:
    word = service_name(account)
    return [Signal("name", f'Its name says what it is for: "{word}".', 2)] if word else []


def _person(candidate: Candidate, *, lenient: bool) -> Iterator[Signal]:
    """An administrator sets a service account up interactively, on one day: where name or mailbox say so, that weighs nothing."""
    account = candidate.account
    uses = [use for use in account.sign_ins if use.way != "background"]
    at_work = [use for use in account.sign_ins if use.way == "background" and _is_at_work(use)]
    days = _days_by_hand(uses)
    weight = -4 if days >= _REGULARLY else -days
    if days >= _REGULARLY and at_work and candidate.mailbox_purpose not in _NOT_A_PERSON:
        lenient = False  # whatever the name says, this is somebody's everyday account
    if uses and not (days == 1 and at_work):
        text = f"Somebody signs in with it interactively, on at least {days} of the last 30 days."
        yield _seen("person", text, max(1 - days, -1) if lenient else weight, uses)
    elif at_work:
        text = f"It also signs in to what people work with: {at_work[0].app_name}."
        yield _seen("person", text, -1 if lenient else -2, at_work)
    if candidate.personal_details:
        yield Signal("personal_details", "It has a person's name and a job title, employee number or mobile phone.", -2)


def _is_at_work(use: SignInUse) -> bool:
    return use.app_name.casefold() in _WORKPLACE


def _seen(kind: str, text: str, weight: int, uses: Iterable[SignInUse]) -> Signal:
    uses = list(uses)
    return Signal(kind, text, weight, max(use.last_seen for use in uses), sum(use.count for use in uses))


def client_weight(client_app: str) -> int:
    """How much the use of a client says: 0 to 3; 2 for one with modern authentication, where the application tells."""
    legacy = _CLIENTS.get(client_app.casefold())
    if legacy is None:
        return 0 if client_app.casefold() in _OUTLOOK else 2
    return legacy


def is_peoples(app_id: str, app_name: str) -> bool:
    """Whether an application is a mail program of people, which says nothing of the account."""
    return app_id in _PEOPLES_APPS or app_name.casefold().startswith(_PEOPLES_NAMES)
