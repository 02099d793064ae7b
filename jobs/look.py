"""Looking: read the tenant, and judge its service accounts. Nothing of it is kept here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.causes import Causes
from checks.discovery import Proposal
from checks.judge import judge
from checks.model import JudgedAccount, Visibility
from checks.products import with_products
from checks.remediation import with_ways_out
from checks.visibility import per_user_state
from connections.graph import graph_for
from connections.telemetry import telemetry
from evidence.audit_log import read_trail
from evidence.store import Evidence
from evidence.usage import Usage, kept_usage, products_for, proposed_ids, read_usage
from evidence.what_if import cross_checked
from jobs.clock import Clock
from settings import Settings
from tenant.gaps import Gaps
from tenant.graph import Graph
from tenant.model import AuditTrail, Gap
from tenant.reader import Reading, read_more, read_tenant
from tenant.selection import Selection
from tenant.turns import Turns
from tenant.what_if import SECONDS as WHAT_IF_SECONDS

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, and what it means."""

    reading: Reading
    judged: Sequence[JudgedAccount]
    graph_requests: int
    proposals: tuple[Proposal, ...] = ()
    proposals_complete: bool = True

    @property
    def complete(self) -> bool:
        """Whether everything that concerns the whole tenant was readable. A mistyped account is an answer."""
        return not any(gap.tenant_wide and not gap.not_found for gap in self.reading.gaps)

    def complete_for(self, one: JudgedAccount) -> bool:
        """Whether everything that concerns an account was readable: another account's trouble keeps nothing open."""
        account = one.account
        readable = per_user_state(account) is not None and not isinstance(account.groups, Gap)
        return self.complete and readable and Visibility.UNKNOWN is not one.verdict.visibility


async def read(settings: Settings, accounts: Sequence[str], progress: Progress) -> tuple[Reading, int]:
    """Everything that a scan reads of the tenant, and how many requests that took.

    Without ``accounts`` (user principal names or ids) all that the settings select. Raises ``GraphError``.
    """
    progress(f"Reading the tenant from {settings.graph_host}")
    async with graph_for(settings) as graph:
        return await read_tenant(graph, _selection(settings), accounts or None), graph.requests


def judge_reading(
    settings: Settings, reading: Reading, now: datetime, trail: AuditTrail | None = None
) -> list[JudgedAccount]:
    """Every account of a reading, judged, with the causes and the products that use it. Raises ``ProductsError``."""
    products = products_for(settings)
    judged = judge(reading.tenant, reading.accounts, app_passwords_allowed=settings.app_passwords_allowed, now=now)
    causes = Causes(reading.tenant, trail, now)
    return [causes.explain(with_products(with_ways_out(one), products)) for one in judged]


async def look(
    settings: Settings, accounts: Sequence[str], evidence: Evidence, clock: Clock, progress: Progress, *, quick: bool
) -> Seen:
    """Read and judge ``accounts``, or without any all that the settings select and discover.

    ``quick``: what is known of the use of ``accounts`` is taken from ``evidence``, and no log of sign-ins is read.
    Raises ``GraphError``, ``ProductsError``, and what ``evidence`` raises.
    """
    products_for(settings)  # a file that can't be used is told before the tenant is read
    progress(f"Reading the tenant from {settings.graph_host}")
    with telemetry().span("read") as span:
        async with graph_for(settings) as graph:
            try:
                usage, trail = await _read_from(graph, settings, accounts, evidence, clock, progress, quick)
            finally:
                telemetry().asked(graph.requests, graph.throttled, graph.resource_units)
        reading = usage.reading
        span.set_attributes({"accounts": len(reading.accounts), "graph_requests": graph.requests})
    progress(f"Judging {len(reading.accounts)} service accounts")
    with telemetry().span("judge", accounts=len(reading.accounts)):
        judged = judge_reading(settings, reading, clock(), trail)
    return Seen(reading, judged, graph.requests, usage.proposals, usage.complete)


async def with_what_if(
    settings: Settings, seen: Seen, evidence: Evidence, first_seen: Mapping[str, datetime], now: datetime
) -> Seen:
    """What was seen, with what Microsoft's What If says of it. ``first_seen``: account id -> time of its newest finding."""
    gaps, turns = Gaps(), Turns(settings.what_if_budget, requests=1, seconds=WHAT_IF_SECONDS)
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


def _selection(settings: Settings) -> Selection:
    return Selection(
        accounts=settings.service_accounts,
        groups=settings.service_account_groups,
        patterns=settings.service_account_patterns,
        attribute=settings.service_account_attribute,
    )


async def _read_from(
    graph: Graph,
    settings: Settings,
    accounts: Sequence[str],
    evidence: Evidence,
    clock: Clock,
    progress: Progress,
    quick: bool,
) -> tuple[Usage, AuditTrail | None]:
    reading = await read_tenant(graph, _selection(settings), accounts or None)
    turns, trail = Turns(), None  # the audit log and the sign-in log share one limit
    if settings.audit_log == "on":
        gaps = Gaps()
        trail = await read_trail(graph, evidence, turns, gaps, clock(), reading.tenant)
        reading = replace(reading, gaps=(*reading.gaps, *gaps.found()))
    if quick:
        usage = await kept_usage(graph, settings, reading, evidence, clock())
    else:
        usage = await read_usage(
            graph, settings, reading, evidence, clock(), turns=turns, discover=not accounts, progress=progress
        )
    if settings.service_account_discovery_alerts == "all":
        usage = await _with_proposed(graph, usage)
    return usage, trail


async def _with_proposed(graph: Graph, usage: Usage) -> Usage:
    """The proposed accounts read and judged like the selected ones."""
    proposed = {one.account.id: one.account for one in usage.proposals}
    ids = proposed_ids(usage.proposals)
    if not ids:
        return usage
    reading = await read_more(graph, usage.reading, ids, "discovery")
    accounts = tuple(
        replace(one, sign_ins=known.sign_ins, mfa_demands=known.mfa_demands, consents=known.consents)
        if (known := proposed.get(one.id))
        else one
        for one in reading.accounts
    )
    return replace(usage, reading=replace(reading, accounts=accounts))
