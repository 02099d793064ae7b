"""Looking: read the tenant, and judge its service accounts. Nothing of it is kept here."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from checks.causes import Causes
from checks.discovery import Proposal
from checks.judge import judge
from checks.log_check import with_log_check
from checks.missing import with_missing
from checks.model import JudgedAccount
from checks.obstacles import Obstacles
from checks.password_use import PasswordUse
from checks.products import with_products
from checks.remediation import with_ways_out
from connections.graph import graph_for
from connections.telemetry import telemetry
from evidence.audit_log import read_trail
from evidence.exchange import recall_exchange
from evidence.store import Evidence
from evidence.usage import Usage, kept_usage, products_for, proposed_ids, read_usage
from evidence.what_if import cross_checked
from findings.model import AccountRecord
from jobs.carrying import NOTHING as NOTHING_KEPT
from jobs.carrying import Carrying, carrying
from jobs.clock import TrustedClock
from jobs.exchange import with_exchange
from jobs.log_bookmark import is_watched
from jobs.remembered import NOTHING, Remembered
from jobs.watch import DISCOVERY, Watch, followed, watch
from reports.words import count
from settings import Settings
from tenant.account_reader import Advance
from tenant.gaps import Gaps, with_new
from tenant.graph import Graph
from tenant.group_reader import read_nested
from tenant.model import Account, AuditTrail
from tenant.reader import Reading, read_more, read_tenant, read_tenant_again
from tenant.selection import Selection
from tenant.turns import Turns, conditional_access_turns

Progress = Callable[[str], None]
_WHOSE = "404 in a tenant that may be another one than before: its id can't be read"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, and what it means."""

    reading: Reading
    judged: Sequence[JudgedAccount]
    graph_requests: int
    read_at: datetime
    """When reading began."""
    watch: Watch
    """Which of the accounts are watched, and what becomes of the others."""
    proposals: tuple[Proposal, ...] = ()
    whole: frozenset[str] = frozenset()
    """The accounts whose sign-ins are known for every day."""
    passwords: tuple[PasswordUse, ...] = ()
    """Who still signs in with a password."""
    trail: AuditTrail | None = None
    """What is known of the audit log."""
    carrying: Carrying = NOTHING_KEPT
    """What could be carried over of earlier readings."""
    selecting: frozenset[str] = frozenset()
    """Ids of the groups that select, with those in them, where the audit log is looked at between scans."""
    sign_ins_asked: bool = False
    """Whether Microsoft Graph was asked for anything of the sign-in log."""
    discovered: frozenset[str] = frozenset()
    """The inputs of discovery that were asked for and answered."""


async def read(settings: Settings, accounts: Sequence[str], progress: Progress) -> tuple[Reading, int]:
    """Everything that a scan reads of the tenant, and how many requests that took.

    Without ``accounts`` (user principal names or ids) all that the settings select. Raises ``GraphError``.
    """
    async with graph_for(settings) as graph:
        return await read_with(graph, settings, accounts, progress), graph.requests


async def read_with(graph: Graph, settings: Settings, accounts: Sequence[str], progress: Progress) -> Reading:
    """The same with a connected client, for whoever has more to ask afterwards."""
    progress(f"Reading the tenant from {settings.graph_host}")
    return await read_tenant(graph, selection_of(settings), accounts or None)


def judge_reading(
    settings: Settings, reading: Reading, now: datetime, trail: AuditTrail | None = None
) -> list[JudgedAccount]:
    """Every account of a reading, judged, with the causes and the products that use it. Raises ``ProductsError``."""
    products = products_for(settings)
    allowed = settings.app_passwords_allowed
    judged = judge(reading.tenant, reading.accounts, app_passwords_allowed=allowed, now=now, trail=trail)
    causes = Causes(reading.tenant, trail, now)
    obstacles = Obstacles(reading.tenant, now.date())
    told = (causes.explain(with_products(with_ways_out(one), products, obstacles)) for one in judged)
    return [with_log_check(one, reading.tenant, now) for one in told]


async def look(
    settings: Settings,
    accounts: Sequence[str],
    evidence: Evidence,
    clock: TrustedClock,
    progress: Progress,
    *,
    quick: bool,
    trigger: str = "",
    known: Mapping[str, AccountRecord] = MappingProxyType({}),
    remembered: Remembered = NOTHING,
    advance: Advance = lambda done, total: None,
) -> Seen:
    """Read and judge ``accounts``, or without any all that the settings select and discover.

    ``quick``: what is known of the use of ``accounts`` is taken from ``evidence``, and no log of sign-ins is read. ``trigger``: what
    started it; where that allows it, what earlier scans read of accounts is carried over. ``known``:
    the records of the accounts that earlier scans watched, by id: they are looked up before anything is said about them.
    ``remembered``: what they read of the tenant itself, for what can't be read now. ``advance`` hears how many accounts are read.
    The clock goes by Microsoft Graph's from the first answers on. Raises ``GraphError``, ``ProductsError``, and what ``evidence`` raises.
    """
    products_for(settings)  # a file that can't be used is told before the tenant is read
    progress(f"Reading the tenant from {settings.graph_host}")
    began = clock.machine()
    with telemetry().span("read") as span:
        async with graph_for(settings, background=not quick) as graph:
            try:
                found = await _Look(graph, settings, accounts, evidence, known, clock, progress, advance).read(
                    quick=quick, trigger=trigger
                )
            finally:
                telemetry().asked(graph.requests, graph.throttled, graph.resource_units)
        span.set_attributes({"accounts": len(found.usage.reading.accounts), "graph_requests": graph.requests})
    usage, read_at = found.usage, clock.true(began)
    watched = watch(
        usage.reading.accounts,
        known,
        selection_of(settings),
        gone=found.gone,
        unreadable=any(gap.input == "selection" for gap in usage.reading.gaps),
        discovery_unreadable=_discovers_all(settings) and not (usage.complete and settings.service_account_discovery),
        asked=bool(accounts),
        now=read_at,
    )
    reading = remembered.applied_to(replace(usage.reading, accounts=watched.accounts), read_at)
    progress(f"Judging {count(len(reading.accounts), 'service account', 'service accounts')}")
    with telemetry().span("judge", accounts=len(reading.accounts)):
        judged = await asyncio.to_thread(judge_reading, settings, reading, clock(), found.trail)
    judged = with_exchange(judged, await recall_exchange(evidence), clock())
    reading = replace(reading, gaps=with_missing(reading.gaps, judged))
    return Seen(
        reading,
        judged,
        graph.requests,
        read_at,
        watched,
        usage.proposals,
        usage.whole,
        usage.passwords,
        found.trail,
        found.carrying,
        found.selecting,
        usage.asked,
        usage.answered,
    )


async def with_what_if(
    settings: Settings, seen: Seen, evidence: Evidence, first_seen: Mapping[str, datetime], now: datetime
) -> Seen:
    """What was seen, with what Microsoft's What If says of it. ``first_seen``: account id -> time of its newest finding."""
    gaps, turns = Gaps(), conditional_access_turns(settings.what_if_budget)
    async with graph_for(settings) as graph:
        judged = await cross_checked(
            graph,
            evidence,
            turns,
            gaps,
            seen.reading.tenant,
            seen.judged,
            lambda one: first_seen.get(one.account.id, now),
            now,
        )
        telemetry().asked(graph.requests, graph.throttled, graph.resource_units)
    reading = replace(seen.reading, gaps=(*seen.reading.gaps, *gaps.found()))
    return replace(seen, reading=reading, judged=judged, graph_requests=seen.graph_requests + graph.requests)


def selection_of(settings: Settings) -> Selection:
    """In which ways the settings select accounts."""
    return Selection(
        accounts=settings.service_accounts,
        groups=settings.service_account_groups,
        patterns=settings.service_account_patterns,
        attribute=settings.service_account_attribute,
    )


def _discovers_all(settings: Settings) -> bool:
    """Whether proposed accounts are judged and told like the selected ones."""
    return settings.service_account_discovery_alerts == "all"


@dataclass(frozen=True, slots=True)
class _Found:
    usage: Usage
    trail: AuditTrail | None
    gone: frozenset[str]
    """The ids of known accounts that no longer exist."""
    carrying: Carrying
    selecting: frozenset[str]


class _Look:
    """One reading, with everything that verdicts and causes come from."""

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        accounts: Sequence[str],
        evidence: Evidence,
        known: Mapping[str, AccountRecord],
        clock: TrustedClock,
        progress: Progress,
        advance: Advance,
    ) -> None:
        self._advance = advance
        self._graph, self._settings, self._accounts = graph, settings, accounts
        self._evidence, self._clock, self._progress = evidence, clock, progress
        self._known = known
        names = [(name, id) for id, one in known.items() for name in (one.selected_as, one.user_principal_name, id)]
        self._ids = {name.lower(): id for name, id in names if name}
        """User principal name in lower case, or id -> id, of the known accounts."""
        self._gone: frozenset[str] = frozenset()

    async def read(self, *, quick: bool, trigger: str) -> _Found:
        only = self._accounts or None
        over = NOTHING_KEPT
        if not only:
            now = self._clock()
            over = await carrying(self._graph, self._settings, trigger, self._evidence, self._known, now)
        reading, became = await read_tenant_again(
            self._graph,
            selection_of(self._settings),
            only,
            over.carried,
            known=self._ids,
            advance=self._advance,
            now=self._by_graphs_clock,
        )
        over = replace(over, over=became)
        self._by_graphs_clock()
        reading = await self._look_up(reading, self._missing(reading))
        turns, trail = Turns(), None  # the audit log and the sign-in log share one limit
        if self._settings.audit_log == "on":
            gaps = Gaps()
            ids = [account.id for account in reading.accounts]
            trail = await read_trail(
                self._graph,
                self._evidence,
                turns,
                gaps,
                self._clock(),
                reading.tenant,
                ids,
                over.lately,
                None if only else self._watched(reading),
            )
            reading = replace(reading, gaps=(*reading.gaps, *gaps.found()))
        usage = await self._usage(reading, turns, quick=quick)
        if _discovers_all(self._settings):
            usage = await _with_proposed(self._graph, usage)
            if not self._accounts:
                missing = [id for id in followed(self._known, usage.reading.accounts) if id not in self._gone]
                usage = replace(usage, reading=await self._look_up(usage.reading, missing))
        nested = not only and is_watched(self._settings)
        selecting = await read_nested(self._graph, self._settings.service_account_groups) if nested else frozenset()
        return _Found(usage, trail, self._gone, over, selecting)

    def _watched(self, reading: Reading) -> frozenset[str]:
        """Ids of all accounts that may be watched, and of the groups that they are in."""
        groups = (account.known_groups for account in reading.accounts)
        return frozenset({*self._known, *(account.id for account in reading.accounts)}).union(*groups)

    def _by_graphs_clock(self) -> datetime:
        """The time; from here on as Graph's answers tell it, where the clock so far differs."""
        self._clock.trust_more(self._graph.clock_ahead, "Microsoft Graph's")
        return self._clock()

    async def _usage(self, reading: Reading, turns: Turns, *, quick: bool) -> Usage:
        if quick:
            return await kept_usage(self._graph, self._settings, reading, self._evidence, self._clock())
        return await read_usage(
            self._graph,
            self._settings,
            reading,
            self._evidence,
            self._clock(),
            turns=turns,
            discover=not self._accounts,
            progress=self._progress,
        )

    def _missing(self, reading: Reading) -> list[str]:
        """The known accounts that should be in a reading and aren't. Discovery comes later, and may still find its own."""
        if self._accounts:
            asked = (self._ids.get((gap.account_id or "").lower()) for gap in reading.gaps if gap.not_found)
            return [id for id in asked if id]
        found_later = _discovers_all(self._settings)
        return [id for id in followed(self._known, reading.accounts) if self._known[id].selected_as or not found_later]

    async def _look_up(self, reading: Reading, ids: Sequence[str]) -> Reading:
        """The reading with known accounts that were looked for by their ids; notes those that don't exist.

        That a name doesn't exist is no mistake of somebody's where the account is found under another, or under that very
        name after all.
        """
        if not ids:
            return reading
        more = await read_more(self._graph, reading, ids, selection=selection_of(self._settings))
        absent = {gap.account_id for gap in more.gaps if gap.not_found}
        missing = {id for id in ids if id in absent}
        if reading.tenant.id:
            self._gone |= missing
        else:
            more = _with_unproved(more, sorted(missing))
        found = [account for account in more.accounts if account.id in ids]
        there = {name.lower() for account in found for name in (account.id, account.user_principal_name)}
        there |= {name for name, id in self._ids.items() if id in there}
        gaps = [
            gap
            for gap in more.gaps
            if not (gap.not_found and (gap.account_id in ids or (gap.account_id or "").lower() in there))
        ]
        return replace(more, accounts=tuple(map(self._named, more.accounts)), gaps=tuple(gaps))

    def _named(self, account: Account) -> Account:
        """An account that can't be read, with the names that it had when it last could."""
        known = self._known.get(account.id)
        if account.properties is None or known is None:
            return account
        return replace(account, user_principal_name=known.user_principal_name, display_name=known.display_name)


def _with_unproved(reading: Reading, ids: Sequence[str]) -> Reading:
    """The reading with known accounts that aren't in the tenant, as some that can't be read: as long as the tenant doesn't say which one
    it is, it may be another than the one that they are in.
    """
    gaps = Gaps()
    unread = [Account(id, id, properties=gaps.add_for(id, "account_properties", _WHOSE)) for id in ids]
    gaps_now = with_new(reading.gaps, gaps.found())
    return replace(reading, accounts=(*reading.accounts, *unread), gaps=gaps_now)


async def _with_proposed(graph: Graph, usage: Usage) -> Usage:
    """The proposed accounts read and judged like the selected ones."""
    proposed = {one.account.id: one.account for one in usage.proposals}
    ids = proposed_ids(usage.proposals)
    if not ids:
        return usage
    reading = await read_more(graph, usage.reading, ids, DISCOVERY)
    accounts = tuple(
        replace(
            one,
            sign_ins=known.sign_ins,
            mfa_demands=known.mfa_demands,
            outcomes=known.outcomes,
            consents=known.consents,
        )
        if (known := proposed.get(one.id))
        else one
        for one in reading.accounts
    )
    return replace(usage, reading=replace(reading, accounts=accounts))
