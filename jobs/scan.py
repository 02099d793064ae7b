"""The job: read the tenant, judge its service accounts, keep what changed, and name the alerts that are to be sent.

A scan holds a lease while it writes, so that two never mix; it dies without harm between any two steps
(``findings/store.py`` says why).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import Ledger
from checks.model import JudgedAccount, Severity, Visibility
from connections.storage import TABLES, ensure_tables, tables
from connections.telemetry import sending, telemetry
from evidence.store import TABLE as SIGN_INS
from evidence.store import Evidence, PassingEvidence, StoredEvidence
from findings.errors import AlreadyDone
from findings.lease import DEFAULT_TIMES, LeaseTimes, scan_lease
from findings.model import OVER, Comparison, FindingState, RunRecord, RunStatus
from findings.retention import prune
from findings.runs import RunStore
from findings.store import FindingStore
from jobs.clock import Clock, now_utc
from jobs.keep import Advance, Keeper
from jobs.look import Progress, Seen, judge_reading, look, with_what_if
from jobs.simulate import waiting_changes
from reports.document import FindingStatus, Json, RunSummary, gap_object, proposal_object, scan_document
from settings import Settings
from tenant.reader import Reading


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


async def scan(
    settings: Settings,
    request: ScanRequest,
    *,
    clock: Clock = now_utc,
    progress: Progress = lambda text: None,
    advance: Advance = lambda done, total: None,
) -> ScanResult:
    """Scan now.

    Raises ``GraphError`` when the tenant can't be read at all, ``StorageUnavailable`` or ``StorageError`` when nothing can
    be kept, ``ScanAlreadyRunning`` when another scan doesn't end, ``AlreadyDone`` when a run with this id is over.
    """
    async with sending():
        with telemetry().span(
            "scan",
            run_id=request.run_id,
            trigger=request.trigger,
            kept=request.store,
            partial=bool(request.accounts),
        ):
            if not request.store:
                return await _pass(settings, request, clock, progress)
            async with tables(settings) as service:
                await ensure_tables(service, TABLES)
                whole = not request.accounts
                async with scan_lease(service, request.run_id, whole=whole, times=request.times, clock=clock):
                    return await _Scan(settings, request, service, clock, progress, advance).run()


async def _pass(settings: Settings, request: ScanRequest, clock: Clock, progress: Progress) -> ScanResult:
    """A scan that leaves nothing behind."""
    started, evidence = clock(), PassingEvidence()
    seen = await look(settings, request.accounts, evidence, clock, progress, quick=False)
    if settings.what_if_budget:
        seen = await with_what_if(settings, seen, evidence, {}, clock())
    summary = _summary(request.run_id, started, clock(), seen)
    waiting = waiting_changes(seen.reading, settings.app_passwords_allowed, clock())
    return ScanResult(scan_document(summary, seen.judged, {}, seen.proposals, waiting))


def document_of(settings: Settings, reading: Reading, taken: datetime) -> Json:
    """The document of a reading that was made before, judged as of then; nothing is kept."""
    seen = Seen(reading, judge_reading(settings, reading, taken), 0)
    return scan_document(_summary("snapshot", taken, taken, seen), seen.judged, {})


async def discover(settings: Settings, *, clock: Clock = now_utc, progress: Progress = lambda text: None) -> Json:
    """Look for accounts that nobody listed, now: ``schema``, ``run`` and ``proposals`` of the scan document.

    What is read of the sign-in log is kept for the next scan, where storage is set. Raises as :func:`scan` does.
    """
    settings = settings.model_copy(update={"audit_log": "off"})  # nothing is judged here that a cause would explain
    started = clock()

    async def look_with(evidence: Evidence) -> Seen:
        return await look(settings, (), evidence, clock, progress, quick=False)

    if settings.storage.connection_string or settings.storage.table_uri:
        async with tables(settings) as service:
            await ensure_tables(service, (SIGN_INS,))
            seen = await look_with(StoredEvidence(service))
    else:
        seen = await look_with(PassingEvidence())
    document = scan_document(_summary("discover", started, clock(), seen), (), {}, seen.proposals)
    return {name: document[name] for name in ("schema", "run", "proposals")}


class _Scan:
    """One scan that is kept."""

    def __init__(
        self,
        settings: Settings,
        request: ScanRequest,
        service: TableServiceClient,
        clock: Clock,
        progress: Progress,
        advance: Advance,
    ) -> None:
        self._settings, self._request, self._clock, self._progress = settings, request, clock, progress
        self._service = service
        self._findings, self._runs, self._ledger = FindingStore(service), RunStore(service), Ledger(service)
        # Fresh for each execution, not for each run: a repeated run may see other changes, and a group never changes.
        self._alert_id = str(uuid4())
        self._keeper = Keeper(service, request.run_id, self._alert_id, clock, advance)

    async def run(self) -> ScanResult:
        started = self._clock()
        known = await self._runs.load(self._request.run_id)
        if known is not None and known.status in OVER:  # now that the lease is held, nobody can be at it any more
            raise AlreadyDone(f"The run {known.id} is over already ({known.status}).", alert_id=known.alert_id)
        await self._runs.end_abandoned(started, but=self._request.run_id)
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
            if not record.partial:
                await prune(self._service, started)
                await self._ledger.prune(started)
            seen = await self._look()
            self._progress("Comparing with the last scan")
            with telemetry().span("keep", accounts=len(seen.judged)):
                judged, outcomes = await self._keeper.keep(seen, close_others=self._saw_all(seen))
        except Exception as error:
            failed = replace(record, status=RunStatus.FAILED, finished=self._clock(), error=str(error))
            await self._runs.save(failed)
            raise
        summary = _summary(self._request.run_id, started, self._clock(), seen)
        simulations = waiting_changes(seen.reading, self._settings.app_passwords_allowed, self._clock())
        done = _finished(record, summary, judged, outcomes, self._alert_id, simulations)
        await self._runs.save(done)
        if not record.partial:
            telemetry().scanned((summary.finished - started).total_seconds(), *_gauges(done))
        waiting = [*await self._findings.untold_alert_ids(), *await self._ledger.undelivered(started)]
        document = scan_document(summary, judged, _statuses(outcomes), seen.proposals, simulations)
        return ScanResult(document, tuple(dict.fromkeys(waiting)))

    async def _look(self) -> Seen:
        evidence, accounts = StoredEvidence(self._service), self._request.accounts
        seen = await look(self._settings, accounts, evidence, self._clock, self._progress, quick=bool(accounts))
        if self._settings.what_if_budget:
            seen = await with_what_if(self._settings, seen, evidence, await self._first_seen(), self._clock())
        if not accounts:
            await evidence.keep_proposals([proposal_object(one) for one in seen.proposals])
        return seen

    async def _first_seen(self) -> dict[str, datetime]:
        """Account id -> since when its newest open finding is known."""
        snapshots = self._findings.load_snapshots()
        times = {one.account_id: [state.first_seen for state in one.findings if state.open] async for one in snapshots}
        return {id: max(found) for id, found in times.items() if found}

    def _saw_all(self, seen: Seen) -> bool:
        """Whether an account that wasn't seen is gone; nobody is gone because something was unreadable."""
        if self._request.accounts or not seen.complete:
            return False
        return self._settings.service_account_discovery_alerts != "all" or seen.proposals_complete


def _gauges(run: RunRecord) -> tuple[dict[str, int], dict[str, int]]:
    """Accounts by verdict and open findings by severity, zeros included: a gauge keeps what it isn't told."""
    verdicts = {one.value: run.visibility.get(one.value, 0) for one in Visibility}
    return verdicts, {one.value: run.severities.get(one.value, 0) for one in Severity}


def _statuses(outcomes: Iterable[Comparison]) -> dict[tuple[str, str], FindingStatus]:
    return {(state.account_id, state.check_id): _status(state) for outcome in outcomes for state in outcome.states}


def _status(state: FindingState) -> FindingStatus:
    """What the public document says of a kept finding."""
    exception = state.exception.public() if state.exception else None
    return FindingStatus(state.status.value, state.first_seen, exception)


def _summary(run_id: str, started: datetime, finished: datetime, seen: Seen) -> RunSummary:
    tenant = seen.reading.tenant
    return RunSummary(run_id, started, finished, tenant.id, tenant.display_name, seen.reading.gaps, seen.graph_requests)


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
