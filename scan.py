"""The job: read the tenant, judge its service accounts, keep what changed, and name the alerts that are to be sent.

This is the only module that knows all parts. A scan holds a lease while it writes, so that two never mix; it dies without
harm between any two steps (``findings/store.py`` says why).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import TABLE as ALERTS_TABLE
from alerts.ledger import Ledger
from audit_log import read_trail
from checks.catalog import switched_off
from checks.causes import Causes
from checks.discovery import Proposal
from checks.judge import judge, per_user_state
from checks.model import JudgedAccount, Severity, Visibility
from checks.products import with_products
from cross_checks import cross_checked
from document import (
    FindingStatus,
    Json,
    RunSummary,
    account_object,
    gap_object,
    proposal_object,
    scan_document,
)
from evidence.store import TABLE as SIGN_INS_TABLE
from evidence.store import Evidence, PassingEvidence, StoredEvidence
from findings.exceptions import ExceptionStore
from findings.lease import DEFAULT_TIMES, LeaseTimes, scan_lease
from findings.model import (
    AcceptedException,
    AccountRecord,
    Comparison,
    FindingState,
    Observation,
    RunRecord,
    RunStatus,
    Snapshot,
)
from findings.parallel import for_each
from findings.retention import prune
from findings.runs import RunStore
from findings.store import FindingStore
from settings import LOCAL_GRAPH_TOKEN, Settings
from simulation import waiting_changes
from storage import ensure_tables, tables
from telemetry import sending, telemetry
from tenant.gaps import Gaps
from tenant.graph import Graph
from tenant.model import AuditTrail, Gap
from tenant.reader import Reading, read_more, read_tenant
from tenant.selection import Selection
from tenant.turns import Turns
from tenant.what_if import SECONDS as WHAT_IF_SECONDS
from usage import Usage, kept_usage, products_for, proposed_ids, read_usage

TABLES = ("findings", "runs", "history", "exceptions", SIGN_INS_TABLE, ALERTS_TABLE)

Progress = Callable[[str], None]
Advance = Callable[[int, int], None]
"""Told how many accounts are kept, and how many there are."""
Clock = Callable[[], datetime]


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What to scan. Without ``accounts`` everything that the settings select."""

    run_id: str
    trigger: str
    """What started it, e.g. ``schedule``, ``request``, ``command line``."""
    accounts: tuple[str, ...] = ()
    """User principal names or object ids."""
    store: bool = True
    times: LeaseTimes = DEFAULT_TIMES
    """How long to wait for another scan to end, among other things."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The public document of a scan, and the alerts that are to be sent now."""

    document: Json
    alert_ids: tuple[str, ...] = ()


def graph_for(settings: Settings) -> Graph:
    """The client of Microsoft Graph that the settings describe; a local one gets the fixed local token."""
    return Graph.connect(
        settings.graph_host,
        authority=settings.login_authority,
        client_id=settings.azure_client_id,
        local_token=LOCAL_GRAPH_TOKEN if settings.graph_is_local else None,
    )


async def scan(
    settings: Settings,
    request: ScanRequest,
    *,
    clock: Clock = now_utc,
    progress: Progress = lambda text: None,
    advance: Advance | None = None,
) -> ScanResult:
    """Scan now.

    Raises ``GraphError`` when the tenant can't be read at all, ``StorageUnavailable`` or ``StorageError`` when nothing can
    be kept, ``ScanAlreadyRunning`` when another scan doesn't end.
    """
    async with sending():
        with telemetry().span(
            "scan",
            run_id=request.run_id,
            trigger=request.trigger,
            kept=request.store,
            partial=bool(request.accounts),
        ):
            return await _scan(settings, request, clock, progress, advance)


async def _scan(
    settings: Settings, request: ScanRequest, clock: Clock, progress: Progress, advance: Advance | None
) -> ScanResult:
    if not request.store:
        started = clock()
        evidence = PassingEvidence()
        seen = await _look(settings, request, clock, progress, evidence)
        seen = await _cross_checked(settings, seen, evidence, {}, clock())
        run = _summary(request, started, clock(), seen)
        waiting = waiting_changes(seen.reading, settings.app_passwords_allowed, clock())
        return ScanResult(scan_document(run, seen.judged, {}, seen.proposals, waiting))
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        async with scan_lease(service, request.run_id, times=request.times, clock=clock):
            return await _Scan(settings, request, service, clock, progress, advance).run()


def document_of(settings: Settings, reading: Reading, taken: datetime) -> Json:
    """The document of a reading that was made before, judged as of then; nothing is kept."""
    seen = _Seen(reading, judge_reading(settings, reading, taken), 0)
    return scan_document(_summary(ScanRequest("snapshot", "snapshot"), taken, taken, seen), seen.judged, {})


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read, and what it means."""

    reading: Reading
    judged: list[JudgedAccount]
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
    return [causes.explain(with_products(one, products)) for one in judged]


async def discover(settings: Settings, *, clock: Clock = now_utc, progress: Progress = lambda text: None) -> Json:
    """Look for accounts that nobody listed, now: ``schema``, ``run`` and ``proposals`` of the scan document.

    What is read of the sign-in log is kept for the next scan, where storage is set. Raises as :func:`scan` does.
    """
    request = ScanRequest("discover", "discover")
    settings = settings.model_copy(update={"audit_log": "off"})  # nothing is judged here that a cause would explain
    started = clock()
    if settings.storage.connection_string or settings.storage.table_uri:
        async with tables(settings) as service:
            await ensure_tables(service, (SIGN_INS_TABLE,))
            seen = await _look(settings, request, clock, progress, StoredEvidence(service))
    else:
        seen = await _look(settings, request, clock, progress, PassingEvidence())
    document = scan_document(_summary(request, started, clock(), seen), (), {}, seen.proposals)
    return {name: document[name] for name in ("schema", "run", "proposals")}


def _selection(settings: Settings) -> Selection:
    return Selection(
        accounts=settings.service_accounts,
        groups=settings.service_account_groups,
        patterns=settings.service_account_patterns,
        attribute=settings.service_account_attribute,
    )


async def _look(
    settings: Settings, request: ScanRequest, clock: Clock, progress: Progress, evidence: Evidence
) -> _Seen:
    products_for(settings)  # a file that can't be used is told before the tenant is read
    progress(f"Reading the tenant from {settings.graph_host}")
    with telemetry().span("read") as span:
        usage, trail, requests = await _read(settings, request, clock, progress, evidence)
        span.set_attributes({"accounts": len(usage.reading.accounts), "graph_requests": requests})
    reading = usage.reading
    progress(f"Judging {len(reading.accounts)} service accounts")
    with telemetry().span("judge", accounts=len(reading.accounts)):
        judged = judge_reading(settings, reading, clock(), trail)
    return _Seen(reading, judged, requests, usage.proposals, usage.complete)


async def _read(
    settings: Settings, request: ScanRequest, clock: Clock, progress: Progress, evidence: Evidence
) -> tuple[Usage, AuditTrail | None, int]:
    """What the tenant answers, and in how many requests."""
    async with graph_for(settings) as graph:
        try:
            return *await _read_from(graph, settings, request, clock, progress, evidence), graph.requests
        finally:
            telemetry().asked(graph.requests, graph.throttled)


async def _read_from(
    graph: Graph, settings: Settings, request: ScanRequest, clock: Clock, progress: Progress, evidence: Evidence
) -> tuple[Usage, AuditTrail | None]:
    reading = await read_tenant(graph, _selection(settings), request.accounts or None)
    turns, trail = Turns(), None  # the audit log and the sign-in log share one limit
    if settings.audit_log == "on":
        gaps = Gaps()
        trail = await read_trail(graph, evidence, turns, gaps, clock(), reading.tenant)
        reading = replace(reading, gaps=(*reading.gaps, *gaps.found()))
    if request.accounts and request.store:
        usage = await kept_usage(graph, settings, reading, evidence, clock())
    else:
        usage = await read_usage(
            graph, settings, reading, evidence, clock(), turns=turns, discover=not request.accounts, progress=progress
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


async def _cross_checked(
    settings: Settings, seen: _Seen, evidence: Evidence, first_seen: Mapping[str, datetime], now: datetime
) -> _Seen:
    """What was seen, with what Microsoft's What If says of it. ``first_seen``: account id -> time of its newest finding."""
    if not settings.what_if_budget:
        return seen
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
        telemetry().asked(graph.requests, graph.throttled)
    reading = replace(seen.reading, gaps=(*seen.reading.gaps, *gaps.found()))
    return replace(seen, reading=reading, judged=judged, graph_requests=seen.graph_requests + graph.requests)


class _Scan:
    """One scan that is kept."""

    def __init__(
        self,
        settings: Settings,
        request: ScanRequest,
        service: TableServiceClient,
        clock: Clock,
        progress: Progress,
        advance: Advance | None,
    ) -> None:
        self._advance = advance or (lambda done, total: None)
        self._settings, self._request, self._clock, self._progress = settings, request, clock, progress
        self._findings = FindingStore(service)
        self._runs = RunStore(service)
        self._exceptions = ExceptionStore(service)
        self._service = service
        self._ledger = Ledger(service)
        # Fresh for each execution, not for each run: a repeated run may see other changes, and a group never changes.
        self._alert_id = str(uuid4())

    async def run(self) -> ScanResult:
        started = self._clock()
        await self._runs.end_abandoned(started)
        record = RunRecord(
            self._request.run_id,
            RunStatus.RUNNING,
            started,
            trigger=self._request.trigger,
            partial=bool(self._request.accounts),
        )
        await self._runs.save(record)
        try:
            await self._findings.recover()
            if not self._request.accounts:
                await prune(self._service, started)
                await self._ledger.prune(started)
            evidence = StoredEvidence(self._service)
            seen = await _look(self._settings, self._request, self._clock, self._progress, evidence)
            if self._settings.what_if_budget:
                seen = await _cross_checked(self._settings, seen, evidence, await self._first_seen(), self._clock())
            if not self._request.accounts:
                await evidence.keep_proposals([proposal_object(one) for one in seen.proposals])
            with telemetry().span("keep", accounts=len(seen.judged)):
                judged, outcomes = await self._keep(seen)
        except Exception as error:
            failed = replace(record, status=RunStatus.FAILED, finished=self._clock(), error=str(error))
            await self._runs.save(failed)
            raise
        summary = _summary(self._request, started, self._clock(), seen)
        simulations = waiting_changes(seen.reading, self._settings.app_passwords_allowed, self._clock())
        done = _finished(record, summary, judged, outcomes, self._alert_id, simulations)
        await self._runs.save(done)
        if not record.partial:
            telemetry().scanned((summary.finished - started).total_seconds(), *_gauges(done))
        waiting = [*await self._findings.untold_alert_ids(), *await self._ledger.undelivered(started)]
        document = scan_document(summary, judged, _statuses(outcomes), seen.proposals, simulations)
        return ScanResult(document, tuple(dict.fromkeys(waiting)))

    async def _first_seen(self) -> dict[str, datetime]:
        """Account id -> since when its newest open finding is known."""
        snapshots = self._findings.load_snapshots()
        times = {one.account_id: [state.first_seen for state in one.findings if state.open] async for one in snapshots}
        return {id: max(found) for id, found in times.items() if found}

    async def _keep(self, seen: _Seen) -> tuple[list[JudgedAccount], list[Comparison]]:
        """Compare every account with what was known, and write it. Returns the accounts with findings over time."""
        self._progress("Comparing with the last scan")
        snapshots = {snapshot.account_id: snapshot async for snapshot in self._findings.load_snapshots()}
        exceptions = await self._exceptions.active(self._clock())
        judged = [_with_history(one, snapshots.get(one.account.id)) for one in seen.judged]
        kept = [one for one in judged if one.account.properties is None]
        outcomes: list[Comparison] = []

        async def keep(one: JudgedAccount) -> None:
            outcomes.append(await self._keep_one(one, seen, snapshots, exceptions))
            self._advance(len(outcomes), len(kept))

        async def close(snapshot: Snapshot) -> None:
            outcomes.append(await self._close(snapshot, seen, exceptions))

        await for_each(kept, keep)
        await for_each(self._gone(seen, snapshots), close)
        return judged, outcomes

    async def _keep_one(
        self,
        one: JudgedAccount,
        seen: _Seen,
        snapshots: Mapping[str, Snapshot],
        exceptions: Sequence[AcceptedException],
    ) -> Comparison:
        closing = None
        if one.verdict.visibility is Visibility.NOT_APPLICABLE:
            closing = one.verdict.reasons[0].text
        account, known = one.account, snapshots.get(one.account.id)
        # A state that can't be read today must not hide that it was switched off since it last could.
        last_state = known.record.per_user_mfa if known and known.record else None
        now = self._clock()
        record = AccountRecord(
            account_id=account.id,
            user_principal_name=account.user_principal_name,
            display_name=account.display_name,
            run_id=self._request.run_id,
            judged_at=now,
            complete=seen.complete_for(one),
            per_user_mfa=per_user_state(account) or last_state,
            visibility=one.verdict.visibility,
            usability=one.verdict.usability,
            document=account_object(one, {}, now),
        )
        return await self._findings.keep(
            record,
            _observations(one),
            alert_id=self._alert_id,
            closing=closing,
            resolution=_resolution(one),
            exceptions=exceptions,
            snapshot=known,
        )

    def _gone(self, seen: _Seen, snapshots: Mapping[str, Snapshot]) -> Iterable[Snapshot]:
        """Accounts of earlier scans that this one didn't select; nobody is gone because something was unreadable."""
        if self._request.accounts or not seen.complete:
            return []
        if self._settings.service_account_discovery_alerts == "all" and not seen.proposals_complete:
            return []
        judged = {one.account.id for one in seen.judged}
        return [
            snapshot
            for snapshot in snapshots.values()
            if snapshot.account_id not in judged and snapshot.record is not None and snapshot.record.selected
        ]

    async def _close(self, snapshot: Snapshot, seen: _Seen, exceptions: Sequence[AcceptedException]) -> Comparison:
        if snapshot.record is None:
            raise AssertionError("an account without a record is never closed")
        name = snapshot.record.user_principal_name
        missing = {gap.account_id for gap in seen.reading.gaps if gap.not_found}
        deleted = {snapshot.account_id, name.lower()} & {(id or "").lower() for id in missing}
        record = replace(
            snapshot.record,
            run_id=self._request.run_id,
            judged_at=self._clock(),
            complete=True,
            selected=False,
            document=None,
        )
        closing = (
            "The account no longer exists in the tenant."
            if deleted
            else "The account was deleted, or is no longer selected as a service account."
        )
        return await self._findings.keep(
            record, (), alert_id=self._alert_id, closing=closing, exceptions=exceptions, snapshot=snapshot
        )


def _with_history(one: JudgedAccount, known: Snapshot | None) -> JudgedAccount:
    """The account with the findings that only time shows."""
    if known is None or known.record is None:
        return one
    open_before = {state.check_id for state in known.findings if state.open}
    finding = switched_off(known.record.per_user_mfa, one, open_before)
    return replace(one, findings=(*one.findings, finding)) if finding else one


def _gauges(run: RunRecord) -> tuple[dict[str, int], dict[str, int]]:
    """Accounts by verdict and open findings by severity, zeros included: a gauge keeps what it isn't told."""
    verdicts = {one.value: run.visibility.get(one.value, 0) for one in Visibility}
    return verdicts, {one.value: run.severities.get(one.value, 0) for one in Severity}


def _observations(one: JudgedAccount) -> list[Observation]:
    return [
        Observation(finding.check_id, finding.title, finding.severity.value, finding.fingerprint, finding.summary)
        for finding in one.findings
    ]


def _resolution(one: JudgedAccount) -> str:
    """Why findings of the account that are gone are gone: what is true instead."""
    return f"The last scan found the account {_FOUND[one.verdict.visibility]}."


_FOUND = {
    Visibility.VISIBLE: "with the app-password option available",
    Visibility.NOT_OFFERED: "without any demand for MFA on mail",
    Visibility.HIDDEN: "with the app-password option hidden for another reason",
    Visibility.CONDITIONAL: "with the app-password option hidden only in some circumstances",
    Visibility.PREDICTED: "with the app-password option not hidden at present",
    Visibility.STUCK: "with per-user MFA Enabled and a method registered",
    Visibility.PENDING: "with per-user MFA Enabled and its registration pending",
    Visibility.UNKNOWN: "without this problem",
    Visibility.NOT_APPLICABLE: "no longer in question",
}


def _statuses(outcomes: Iterable[Comparison]) -> dict[tuple[str, str], FindingStatus]:
    return {(state.account_id, state.check_id): status_of(state) for outcome in outcomes for state in outcome.states}


def status_of(state: FindingState) -> FindingStatus:
    """What the public document says of a kept finding."""
    exception = state.exception.public() if state.exception else None
    return FindingStatus(state.status.value, state.first_seen, exception)


def _summary(request: ScanRequest, started: datetime, finished: datetime, seen: _Seen) -> RunSummary:
    tenant = seen.reading.tenant
    return RunSummary(
        request.run_id, started, finished, tenant.id, tenant.display_name, seen.reading.gaps, seen.graph_requests
    )


def _finished(
    record: RunRecord,
    summary: RunSummary,
    judged: Sequence[JudgedAccount],
    outcomes: Sequence[Comparison],
    alert_id: str,
    simulations: Sequence[Json],
) -> RunRecord:
    states = [state for outcome in outcomes for state in outcome.states if state.open]
    changes = [change for outcome in outcomes for change in outcome.changes]
    return replace(
        record,
        status=RunStatus.COMPLETE if summary.complete else RunStatus.INCOMPLETE,
        finished=summary.finished,
        tenant_id=summary.tenant_id,
        tenant_name=summary.tenant_name,
        accounts_total=len(judged),
        accounts_done=len(judged),
        graph_requests=summary.graph_requests,
        alert_id=alert_id if changes else None,
        visibility=Counter(one.verdict.visibility.value for one in judged),
        usability=Counter(one.verdict.usability.value for one in judged),
        severities=Counter(state.severity for state in states),
        changes=Counter(change.kind.value for change in changes),
        gaps=tuple(gap_object(gap) for gap in summary.gaps),
        simulations=tuple(simulations),
    )
