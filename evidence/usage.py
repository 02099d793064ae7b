"""Who uses the accounts: sign-ins and consents as evidence for the selected accounts, and proposals of further ones.

No verdict needs any of this. What can't be read is said once, and the verdicts stay as they were. The sign-in log is read by
day and each day once: what it came to is kept, so that a scan that was killed, or that spent its requests, leaves the rest to
the next one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from checks.discovery import Proposal, may_be_proposed, propose, watched_principals
from checks.password_use import PasswordUse
from checks.product_files import Product, known_products, load_products
from checks.products import is_product_app
from checks.signals import SERVICE_BEGINNINGS, client_weight, is_impersonal, is_nobodys, is_peoples
from evidence.sign_in_log import Known, SignInLog
from evidence.store import Evidence
from settings import Settings
from tenant.consents import (
    Applications,
    find_by_name,
    read_applications,
    read_assigned,
    read_assignments,
    read_names,
    with_groups_and_mailboxes,
)
from tenant.gaps import Gaps
from tenant.graph import Graph
from tenant.model import Account, Candidate, Consent
from tenant.reader import Reading
from tenant.sign_ins import AT_ONCE
from tenant.turns import Turns

MOST_NOTED = 15_000
"""Accounts whose names are read because something points to them."""
MOST_MAILBOXES = 600
"""Accounts whose groups and mailboxes are read."""
MOST_CANDIDATES = 200
"""Accounts whose sign-ins are asked for."""
MOST_APPLICATIONS = 8 * AT_ONCE
MOST_ASKED_ABOUT = 200
"""Applications of which is read who is assigned to them."""
MOST_BY_NAME = 300
_FAINT, _WEAK, _STRONG, _WATCHED = 0.5, 1, 2, 9

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """A reading with its evidence, and the accounts that it proposes or leaves out."""

    reading: Reading
    proposals: tuple[Proposal, ...] = ()
    complete: bool = True
    """Whether everything that proposals come from could be read."""
    whole: frozenset[str] = frozenset()
    """The accounts whose sign-ins are known for every day: what these don't show isn't so."""
    passwords: tuple[PasswordUse, ...] = ()
    """Who still signs in with a password, the selected accounts first, then who did so last."""
    asked: bool = False
    """Whether Microsoft Graph was asked for anything of the sign-in log: it isn't where every day is kept."""
    answered: frozenset[str] = frozenset()
    """The inputs of discovery that were asked for and answered: most are asked for only where others found something."""


def products_for(settings: Settings) -> tuple[Product, ...]:
    """The user's own products, then the known ones. Raises ``ProductsError``."""
    own = load_products(Path(settings.products_file)) if settings.products_file else ()
    return (*own, *known_products())


async def kept_usage(graph: Graph, settings: Settings, reading: Reading, evidence: Evidence, now: datetime) -> Usage:
    """Add what is kept of the sign-ins, and ask Graph nothing: judging a single account then agrees with the last scan.

    Raises ``StorageError``.
    """
    if "signins" not in settings.service_account_discovery:
        return Usage(reading)
    log = SignInLog(graph, evidence, Turns(), Gaps(), now)
    await log.look()
    ids = {account.id for account in reading.accounts}
    known = await log.known(ids)
    equipped = replace(reading, accounts=tuple(_equipped(one, known, {}) for one in reading.accounts))
    return Usage(equipped, whole=frozenset(filter(log.whole, ids)))


async def read_usage(
    graph: Graph,
    settings: Settings,
    reading: Reading,
    evidence: Evidence,
    now: datetime,
    *,
    turns: Turns | None = None,
    discover: bool = True,
    progress: Progress = lambda text: None,
) -> Usage:
    """Add to the accounts of a reading what shows how they are used, and propose accounts that nobody listed.

    Without ``discover`` only the accounts of the reading are asked about. Raises ``StorageError`` where the evidence can't be
    kept, and ``ProductsError``.
    """
    if not settings.service_account_discovery:
        return Usage(reading)
    log = SignInLog(graph, evidence, turns or Turns(), gaps := Gaps(), now)
    finder = _Finder(graph, settings, reading, log, gaps, now.date())
    usage = await finder.run(discover, progress)
    found = gaps.found()
    said = {(gap.input, gap.error) for gap in reading.gaps}
    more = tuple(gap for gap in found if (gap.input, gap.error) not in said)
    return replace(
        usage,
        reading=replace(usage.reading, gaps=reading.gaps + more),
        complete=not found,
        answered=frozenset(gaps.answered),
    )


class _Finder:
    """One look at who uses the accounts."""

    def __init__(
        self, graph: Graph, settings: Settings, reading: Reading, log: SignInLog, gaps: Gaps, today: date
    ) -> None:
        self._graph, self._reading, self._log, self._gaps, self._today = graph, reading, log, gaps, today
        self._by_sign_ins = "signins" in settings.service_account_discovery
        self._by_consents = "consents" in settings.service_account_discovery
        self._products = products_for(settings)
        self._selected = {account.id for account in reading.accounts if account.properties is None}
        self._scores: dict[str, float] = {}
        self._of_few: dict[str, tuple[Consent, ...]] = {}
        self._alone: set[str] = set()
        self._days: Counter[str] = Counter()
        self._names: dict[str, tuple[str, str]] = {}
        """Id -> user principal name and display name, of everybody whose names were read."""

    async def run(self, discover: bool, progress: Progress) -> Usage:
        applications = Applications()
        if self._by_consents:
            progress("Reading which applications act for which accounts")
            applications = await read_applications(self._graph, self._gaps, self._selected)
        if self._by_sign_ins:
            progress("Reading the sign-in log")
            await self._log.look()
            await self._log.ask("accounts", sorted(self._selected))  # first: their evidence is what findings rest on
        candidates: list[Candidate] = []
        if discover:
            await self._score(applications)
            candidates = await self._candidates(applications)
        known: dict[str, Known] = {}
        if self._by_sign_ins:
            wanted = [one.account.id for one in candidates]
            await self._log.ask("accounts", wanted)
            known = await self._log.known(self._selected | set(wanted))
            await self._log.forget()
        proposals = await self._propose(candidates, known, applications)
        accounts = tuple(_equipped(one, known, applications.consents) for one in self._reading.accounts)
        whole = frozenset(filter(self._log.whole, self._selected)) if self._by_sign_ins else frozenset()
        passwords = self._passwords() if self._by_sign_ins else ()
        reading = replace(self._reading, accounts=accounts)
        return Usage(reading, proposals, whole=whole, passwords=passwords, asked=self._log.asked)

    def _passwords(self) -> tuple[PasswordUse, ...]:
        names = self._names | {
            one.id: (one.user_principal_name, one.display_name) for one in self._reading.accounts if one.id
        }
        found = []
        for use in self._log.passwords():
            name, shown = names.get(use.account_id or "", (None, ""))
            mine = use.account_id in self._selected
            found.append(replace(use, user_principal_name=name, display_name=shown, selected=mine))
        return tuple(sorted(found, key=lambda use: (not use.selected, -use.last.timestamp(), use.account_id or "")))

    async def _score(self, applications: Applications) -> None:
        """Note who is worth a closer look, and how much says so."""
        for id, consents in applications.consents.items():
            known = any(is_product_app(one.app_id, one.app_name, self._products) for one in consents)
            foreign = any(not is_peoples(one.app_id, one.app_name) for one in consents)
            self._note(id, _STRONG if known else _WEAK if foreign else 0)
        await self._find_who_has_what_few_have(applications)
        if self._by_sign_ins:
            await self._log.ask("legacy")
            await self._log.ask("apps", self._applications(applications))
            async for use in self._log.uses_of_everybody():
                self._note(use.account_id, client_weight(use.client_app))
                self._days[use.account_id] += 1  # about: a use is of one day
        for id in await find_by_name(self._graph, self._gaps, SERVICE_BEGINNINGS, MOST_BY_NAME):
            self._note(id, _STRONG)
        for id in watched_principals(self._reading.tenant):
            self._note(id, _WATCHED)

    async def _find_who_has_what_few_have(self, applications: Applications) -> None:
        """Note whom few others share an application with, by an assignment or by a consent that doesn't concern mail."""
        names = applications.names
        apps = dict.fromkeys((*self._applications(applications), *sorted(names)))
        wanted = [id for id in apps if id in names and not is_peoples(id, names[id])][:MOST_ASKED_ABOUT]
        assigned = await read_assigned(self._graph, self._gaps, applications, wanted)
        others = applications.other_consents
        for id in others.keys() | assigned.keys():
            both = (*others.get(id, ()), *assigned.get(id, ()))
            self._of_few[id] = tuple(one for one in both if not is_peoples(one.app_id, one.app_name))
            self._note(id, _FAINT if self._of_few[id] else 0)
        having = Counter(app for consents in self._of_few.values() for app in {one.app_id for one in consents})
        self._alone = {id for id, mine in self._of_few.items() if any(having[one.app_id] == 1 for one in mine)}

    def _note(self, id: str, score: float) -> None:
        if score and id not in self._selected:
            self._scores[id] = max(score, self._scores.get(id, 0))

    async def _candidates(self, applications: Applications) -> list[Candidate]:
        """Whoever one strong sign points to; and where a weak one does, who also has the name or the mailbox of nobody.

        Where there is only an application that few have, no mailbox is read: the account's own properties have to say it.

        Where there are too many, those go first whose names aren't a person's, then those with the strongest signs.
        """
        noted = sorted(self._scores, key=lambda id: (-self._scores[id], -self._days[id], id))[:MOST_NOTED]
        named = await read_names(self._graph, self._gaps, noted)
        self._names |= {one.account.id: (one.account.user_principal_name, one.account.display_name) for one in named}
        known = [
            replace(one, account=replace(one.account, consents=self._consents(one.account.id, applications)))
            for one in named
            if may_be_proposed(one.account)
        ]
        worth = [one for one in known if self._scores[one.account.id] >= _WEAK or self._is_worth_a_look(one)]
        worth.sort(key=self._rank)
        close = await with_groups_and_mailboxes(self._graph, self._gaps, worth[:MOST_MAILBOXES])
        return sorted(filter(self._is_worth_a_look, close), key=self._rank)[:MOST_CANDIDATES]

    def _is_worth_a_look(self, one: Candidate) -> bool:
        return self._is_pointed_to(one) or (one.account.id in self._alone and is_nobodys(one))

    def _is_pointed_to(self, one: Candidate) -> bool:
        return self._scores[one.account.id] >= _STRONG or is_impersonal(one)

    def _has_an_application_at_work(self, one: Candidate) -> bool:
        """Whether an application that few have signs in as the account, without anybody there."""
        mine = {consent.app_id for consent in self._of_few.get(one.account.id, ())}
        return any(use.app_id in mine and use.way == "background" for use in one.account.sign_ins)

    def _consents(self, id: str, applications: Applications) -> tuple[Consent, ...]:
        return (*applications.consents.get(id, ()), *self._of_few.get(id, ()))

    def _rank(self, one: Candidate) -> tuple[bool, bool, bool, bool]:
        """Whom to look at first, and otherwise in the order of the signs."""
        score, impersonal = self._scores[one.account.id], is_impersonal(one)
        return (
            score < _WATCHED,
            one.personal_details and not impersonal,
            score < _STRONG and not impersonal,
            not impersonal,
        )

    def _applications(self, applications: Applications) -> list[str]:
        """Ids of the applications whose sign-ins say something: known products first, then what may read or send mail."""
        names = applications.names
        known = [id for id, name in names.items() if is_product_app(id, name, self._products)]
        known += [id for product in self._products for id in product.app_ids]
        mail = [id for id in applications.mail if not is_peoples(id, names.get(id, ""))]
        return list(dict.fromkeys((*sorted(known), *sorted(mail))))[:MOST_APPLICATIONS]

    async def _propose(
        self, candidates: Sequence[Candidate], known: Mapping[str, Known], applications: Applications
    ) -> tuple[Proposal, ...]:
        ids = [one.account.id for one in candidates]
        assigned = (
            await read_assignments(self._graph, self._gaps, applications, ids) if ids and applications.names else {}
        )
        consents = {id: tuple(dict.fromkeys((*self._consents(id, applications), *assigned.get(id, ())))) for id in ids}
        found = [replace(one, account=_equipped(one.account, known, consents)) for one in candidates]
        equipped = [one for one in found if self._is_pointed_to(one) or self._has_an_application_at_work(one)]
        return propose(
            self._reading.tenant,
            equipped,
            frozenset(applications.names),
            self._products,
            today=self._today,
            log_read=self._by_sign_ins and not self._log.stopped,
        )


def proposed_ids(proposals: Iterable[Proposal]) -> tuple[str, ...]:
    """The ids of the accounts that are proposed, without those that were recognised and left out."""
    return tuple(one.account.id for one in proposals if one.left_out_because is None)


def _equipped(account: Account, known: Mapping[str, Known], consents: Mapping[str, tuple[Consent, ...]]) -> Account:
    mine = known.get(account.id, Known())
    return replace(
        account,
        sign_ins=mine.uses,
        mfa_demands=mine.demands,
        outcomes=mine.outcomes,
        consents=consents.get(account.id, ()),
    )
