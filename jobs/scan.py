"""The job: read the tenant, judge its service accounts, keep what changed, and name the alerts that are to be sent.

A scan holds a lease while it writes, so that two never mix; it dies without harm between any two steps
(``findings/store.py`` says why).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from uuid import uuid4

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import Ledger
from basics.garbage import holding_much
from checks.model import JudgedAccount
from connections.storage import TABLES, ensure_tables, tables
from connections.telemetry import sending, telemetry
from evidence.store import PassingEvidence, StoredEvidence
from findings.errors import AlreadyDone, StorageError, WrongTenant
from findings.exceptions import ExceptionStore
from findings.lease import DEFAULT_TIMES, LeaseTimes, scan_lease
from findings.model import Comparison, Snapshot
from findings.retention import prune
from findings.run_record import AGAIN_APART, ANY_TIME, APART, OVER, RunRecord, RunStatus
from findings.runs import RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.again import note_hiccup
from jobs.carrying import carry_on
from jobs.catching_up import catch_up
from jobs.channel_watch import channels_to_tell
from jobs.clock import Clock, TrustedClock, now_utc
from jobs.how_far import noting_how_far
from jobs.keep import Advance, Keeper, Occasion
from jobs.log_bookmark import is_watched, says_it_is_blind
from jobs.look import Progress, Seen, look, with_what_if
from jobs.looked_at import but_not_the_log, fate_after
from jobs.messages import AGAIN, LOG, SCHEDULE
from jobs.outcome import Overview, finished_record, gauges, open_findings, summary_of
from jobs.overlooked import overlooked
from jobs.passwords import keep_passwords, kept_passwords, password_rows
from jobs.predicting import predictions
from jobs.remembered import Remembered
from jobs.sight_words import PLANS
from jobs.simulate import waiting_changes
from jobs.unseen import note_failure, note_sight, unseen_by
from reports.document import (
    FindingStatus,
    Json,
    RunSummary,
    account_objects,
    proposal_object,
    run_object,
    scan_document,
)
from settings import Settings
from tenant.graph import GraphError, may_pass

MEMORY = timedelta(days=90)
"""How far back the last scan of everything may lie of which something is remembered."""
FEW = 5
"""Up to so many accounts, what is known is looked up for each: reading what is known of all takes longer in a large tenant."""


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


@dataclass(frozen=True)
class ScanResult:
    """What a scan came to, and the alerts that are to be sent now."""

    run: Json
    """The ``run`` of the public document."""
    accounts: int
    """How many accounts are in it."""
    make_document: Callable[[], Json]
    alert_ids: tuple[str, ...] = ()
    unheard: bool = False
    """Whether it found something to tell, and there is no channel to tell it through."""

    @cached_property
    def document(self) -> Json:
        """The public document, made when somebody asks for it: of a large tenant it takes more memory than all the rest."""
        return self.make_document()


async def scan(
    settings: Settings,
    request: ScanRequest,
    *,
    clock: Clock = now_utc,
    progress: Progress = lambda text: None,
    advance: Advance = lambda done, total: None,
    reading: Advance = lambda done, total: None,
) -> ScanResult:
    """Scan now. ``reading`` hears how many accounts are read, ``advance`` how many are kept.

    Raises ``GraphError`` when the tenant can't be read at all, ``StorageUnavailable`` or ``StorageError`` when nothing can
    be kept, ``ScanAlreadyRunning`` when another scan doesn't end, ``AlreadyDone`` when a run with this id is over.
    """
    async with sending():
        with (
            holding_much(),
            telemetry().span(
                "scan",
                run_id=request.run_id,
                trigger=request.trigger,
                kept=request.store,
                partial=bool(request.accounts),
            ),
        ):
            trusted = TrustedClock(clock)
            if not request.store:
                return await _pass(settings, request, trusted, progress, reading)
            async with tables(settings) as service:
                trusted.trust(await ensure_tables(service, TABLES), "the storage account's")
                whole = not request.accounts
                async with scan_lease(service, request.run_id, whole=whole, times=request.times, clock=trusted):
                    return await _Scan(settings, request, service, trusted, progress, advance, reading).run()


async def _pass(
    settings: Settings, request: ScanRequest, clock: TrustedClock, progress: Progress, reading: Advance
) -> ScanResult:
    """A scan that leaves nothing behind."""
    began, evidence = clock.machine(), PassingEvidence()
    seen = await look(settings, request.accounts, evidence, clock, progress, quick=False, advance=reading)
    if settings.what_if_budget:
        seen = await with_what_if(settings, seen, evidence, {}, clock())
    allowed = settings.app_passwords_allowed
    notes = (clock.note,) if clock.note else ()
    summary = summary_of(request.run_id, clock.true(began), clock(), seen, app_passwords_allowed=allowed, notes=notes)
    waiting = await asyncio.to_thread(waiting_changes, seen.reading, allowed, clock(), seen.trail)
    passwords = password_rows(seen.passwords, clock())
    return _result(summary, seen.judged, None, seen, waiting, passwords)


def _result(
    summary: RunSummary,
    judged: Sequence[JudgedAccount],
    kept: Mapping[str, Sequence[FindingStatus]] | None,
    seen: Seen,
    simulations: Sequence[Json],
    passwords: Sequence[Json],
) -> ScanResult:
    """``kept``: see ``scan_document``."""
    document = partial(scan_document, summary, judged, kept, seen.proposals, simulations, passwords)
    return ScanResult(run_object(summary), len(judged), document)


class _Scan:
    """One scan that is kept."""

    def __init__(
        self,
        settings: Settings,
        request: ScanRequest,
        service: TableServiceClient,
        clock: TrustedClock,
        progress: Progress,
        advance: Advance,
        reading: Advance,
    ) -> None:
        self._reading = reading
        self._settings, self._request, self._progress, self._advance = settings, request, progress, advance
        self._service, self._clock = service, clock
        self._findings, self._runs, self._ledger = FindingStore(service), RunStore(service), Ledger(service)
        self._sight, self._exceptions = SightStore(service), ExceptionStore(service)
        self._evidence = StoredEvidence(service)
        self._channels: tuple[str, ...] = ()
        """The alert channels that what this scan finds is for."""
        self._last: RunRecord | None = None
        """The last scan of everything that was done."""
        self._predicted: tuple[str, ...] = ()
        """The ids of alerts about policies that are switched off."""
        self._news = False
        """Whether there is something to tell but for changes of findings."""
        self._caught_up: tuple[str, ...] = ()
        """The id of the alert that tells what nobody could be told before."""
        self._asks_for_few = 0 < len(request.accounts) <= FEW

    async def run(self) -> ScanResult:
        self._channels = await channels_to_tell(self._settings, self._ledger)
        started = self._clock()
        known = await self._runs.load(self._request.run_id)
        if known is not None and known.status in OVER:  # now that the lease is held, nobody can be at it any more
            raise AlreadyDone(f"The run {known.id} is over already ({known.status}).")
        await self._runs.end_abandoned(started, but=self._request.run_id)
        await self._runs.put_right(started)
        record = RunRecord(
            self._request.run_id,
            RunStatus.RUNNING,
            started,
            trigger=self._request.trigger,
            partial=bool(self._request.accounts),
            says_when_writing=True,
        )
        await self._runs.save(record)
        try:
            done, result = await self._look_and_keep(record)
        except Exception as error:
            await self._failed(record, error)
            raise
        await self._runs.save(done)
        if not record.partial and done.finished:
            telemetry().scanned((done.finished - done.started).total_seconds(), *gauges(done))
        await self._catch_up(done)
        unheard = not self._channels and (self._news or done.alert_id is not None)
        return replace(result, alert_ids=await self._waiting(done.started), unheard=unheard)

    async def _catch_up(self, done: RunRecord) -> None:
        """Tell what is open of what nobody could be told, where somebody can be told now."""
        whole = self._last if done.partial else done
        if self._channels and whole:
            kept = await catch_up(
                self._service, self._findings, self._settings, done, whole, self._channels, self._clock()
            )
            self._caught_up = (kept.id,) if kept and not kept.done else ()

    async def _look_and_keep(self, record: RunRecord) -> tuple[RunRecord, ScanResult]:
        """What is done between the run's beginning and its end. Returns the run as it is over, and what it came to."""
        await self._findings.recover(everything=not record.partial)
        self._last = last = await self._runs.last_whole(record.started - MEMORY)
        remembered = Remembered.of(before := last.remembered if last else {})
        if any(state.unseen.key == PLANS for state in await self._sight.load()):
            remembered = remembered.doubting_plans(before)
        ahead = self._clock.ahead
        seen, known = await self._look_and_recall(remembered)
        await self._must_be_the_same_tenant(seen.reading.tenant.id)
        record = replace(record, started=record.started - (self._clock.ahead - ahead))
        now = self._clock()
        if not record.partial:
            if last is None or last.started.date() != now.date():
                await self._delete_what_is_old(now)
            unseen = await asyncio.to_thread(unseen_by, seen, known, self._settings)
            fate = await asyncio.to_thread(fate_after, seen, self._settings)
            if await says_it_is_blind(self._service, self._settings):
                fate = but_not_the_log(fate)
            if self._channels:
                await self._sight.retell()
            self._news = await note_sight(self._sight, unseen, fate, record.id, self._channels, now, apart=self._apart)
        # Fresh for each execution, not for each run: a repeated run may see other changes, and a group never changes.
        alert_id = str(uuid4())
        judged, outcomes = await self._keep(seen, known, alert_id, now)
        if not record.partial:
            await carry_on(self._settings, self._evidence, seen.carrying, seen.read_at)
        if not record.partial and self._last:
            await self._predict(seen, self._last, record.id, now)
        hiccup = any(gap.passing and not gap.optional for gap in seen.reading.gaps)
        await self._note_hiccup(record, hiccup=hiccup)
        done, result = await self._outcome(record, seen, judged, outcomes, alert_id)
        after = remembered.after(seen.reading.tenant, now)
        after = replace(after, carried_since=seen.carrying.since, selecting=seen.selecting)
        return replace(done, remembered=after.kept), result

    async def _delete_what_is_old(self, now: datetime) -> None:
        """What is kept long enough. Once a day: finding it takes the storage account through whole tables."""
        await prune(self._service, now)
        await self._ledger.prune(now)

    async def _look_and_recall(self, remembered: Remembered) -> tuple[Seen, dict[str, Snapshot]]:
        """What is seen, and what was known of the accounts before: as much of it as what is seen turns out to take."""
        known = await self._known()
        seen = await self._look(known, remembered)
        if self._asks_for_few and (more := await self._known_by_id(seen, known)):
            known |= more  # renamed: it was asked for by a name under which it isn't kept
            seen = await self._look(known, remembered)
        if self._asks_for_few and (seen.watch.lost_since or seen.watch.closing):
            # One that is gone: whether most of them are, all at once, takes knowing them all.
            self._asks_for_few = False
            known = await self._known()
            seen = await self._look(known, remembered)
        return seen, known

    @property
    def _apart(self) -> timedelta:
        """How long ago a hiccup must have been seen first for this scan to confirm it: none where it is scheduled, or asked for."""
        if self._request.trigger == AGAIN:
            return AGAIN_APART
        return APART if self._request.accounts or self._request.trigger == LOG else ANY_TIME

    async def _keep(
        self, seen: Seen, known: Mapping[str, Snapshot], alert_id: str, now: datetime
    ) -> tuple[list[JudgedAccount], list[Comparison]]:
        """The accounts as they are shown, and what became of what was known of them."""
        self._progress("Comparing with the last scan")
        partial = bool(self._request.accounts)
        sparing = not partial and not await self._findings.seen.writes_demanded()
        occasion = Occasion(
            self._request.run_id, alert_id, self._channels, now, partial=partial, apart=self._apart, sparing=sparing
        )
        accepted = await self._exceptions.active(now)
        holding = {one.id for one in accepted}
        copies = (state.exception for one in known.values() for state in one.findings if state.open and state.exception)
        accepted += await self._exceptions.unread((one for one in copies if one.id not in holding), now)
        with telemetry().span("keep", accounts=len(seen.judged)):
            async with noting_how_far(self._runs, self._request.run_id) as note:

                def advance(done: int, total: int) -> None:
                    note(done, total)
                    self._advance(done, total)

                kept = await Keeper(self._findings, occasion, known, accepted, advance).keep(seen)
        await self._findings.contents.settle()
        return kept

    async def _predict(self, seen: Seen, last: RunRecord, run_id: str, now: datetime) -> None:
        """Keep what policies that were made since the last scan, and are switched off, would do."""
        found = await asyncio.to_thread(predictions, self._settings, seen, last.started, run_id, now)
        self._news = self._news or bool(found)
        # Kept for nobody it would be told when there is a channel, of policies that may be gone by then; the report shows them.
        kept = [await self._ledger.keep(alert, self._channels) for alert in found if self._channels]
        self._predicted = tuple(one.id for one in kept if not one.done)

    async def _outcome(
        self,
        record: RunRecord,
        seen: Seen,
        judged: Sequence[JudgedAccount],
        outcomes: Sequence[Comparison],
        alert_id: str,
    ) -> tuple[RunRecord, ScanResult]:
        """The run as it is over, and what it came to."""
        allowed = self._settings.app_passwords_allowed
        summary = summary_of(
            record.id,
            record.started,
            self._clock(),
            seen,
            app_passwords_allowed=allowed,
            notes=self._notes(record, judged, outcomes, seen),
        )
        # In threads, as everything that computes for long: the lease is renewed meanwhile.
        simulations = await asyncio.to_thread(waiting_changes, seen.reading, allowed, self._clock(), seen.trail)
        passwords = [] if record.partial else await self._passwords(judged)
        kept = await asyncio.to_thread(open_findings, outcomes)
        overview = await asyncio.to_thread(Overview.of, account_objects(judged, kept, summary.finished))
        done = await asyncio.to_thread(
            finished_record, record, summary, judged, outcomes, alert_id, overview, simulations
        )
        return done, _result(summary, judged, kept, seen, simulations, passwords)

    async def _passwords(self, judged: Sequence[JudgedAccount]) -> list[Json]:
        """Who signs in with a password, as this scan has kept it, with what was imported."""
        selected = {one.account.user_principal_name.lower(): one.account.id for one in judged}
        rows, _, _ = await kept_passwords(self._evidence, selected, self._clock())
        return rows

    async def _known(self) -> dict[str, Snapshot]:
        """What is known of the accounts, by id: of those that are asked for, where they are few, and otherwise of all."""
        if self._asks_for_few:
            few = await self._findings.load_snapshots_of(self._request.accounts)
            return {snapshot.account_id: snapshot for snapshot in few}
        return {snapshot.account_id: snapshot async for snapshot in self._findings.load_snapshots()}

    async def _known_by_id(self, seen: Seen, known: Mapping[str, Snapshot]) -> dict[str, Snapshot]:
        """What is known of the accounts that were read, where their names didn't lead to it."""
        ids = [account.id for account in seen.reading.accounts if account.id not in known]
        return {snapshot.account_id: snapshot for snapshot in await self._findings.load_snapshots_of(ids)}

    def _notes(
        self, record: RunRecord, judged: Sequence[JudgedAccount], outcomes: Sequence[Comparison], seen: Seen
    ) -> tuple[str, ...]:
        """What is to be known about this run itself."""
        notes = [self._clock.note] if self._clock.note else []
        notes += seen.carrying.notes
        if self._last and record.trigger == SCHEDULE and is_watched(self._settings):
            changes = (change for outcome in outcomes for change in outcome.changes)
            late = overlooked(changes, self._last.started, record.started)
            notes += [late] if late else []
        if superseded := sum(outcome.superseded for outcome in outcomes):
            what = "One account was" if superseded == 1 else f"{superseded} accounts were"
            notes.append(f"{what} read later by another scan, whose judgement stays.")
        for store in (self._findings, self._runs, self._sight, self._exceptions, self._evidence):
            notes += store.odd
        asked = [one.account.user_principal_name for one in judged if one.account.id not in seen.watch.watched]
        notes += [
            f"{name} isn't selected as a service account: it was judged, and nothing of it is kept." for name in asked
        ]
        return tuple(notes)

    async def _look(self, known: Mapping[str, Snapshot], remembered: Remembered) -> Seen:
        evidence, accounts = self._evidence, self._request.accounts
        watched = {id: one.record for id, one in known.items() if one.record is not None and one.record.selected}
        seen = await look(
            self._settings,
            accounts,
            evidence,
            self._clock,
            self._progress,
            quick=bool(accounts),
            trigger=self._request.trigger,
            known=watched,
            remembered=remembered,
            advance=self._reading,
        )
        if self._settings.what_if_budget:
            seen = await with_what_if(self._settings, seen, evidence, _newest_findings(known), self._clock())
        if not accounts:
            await evidence.keep_proposals([proposal_object(one) for one in seen.proposals])
            now = self._clock()
            await keep_passwords(evidence, password_rows(seen.passwords, now), now)
        return seen

    async def _must_be_the_same_tenant(self, tenant_id: str) -> None:
        """Findings of one tenant must not be taken for solved because another one is read."""
        last = await self._runs.last_tenant_id(self._last)
        if tenant_id and last and tenant_id.lower() != last.lower():
            raise WrongTenant(
                f"The storage account holds the findings of the tenant {last}, but the tenant that was read is {tenant_id}: "
                "correct the sign-in (AZURE_CLIENT_ID, az login) or AzureWebJobsStorage. Nothing was changed"
            )

    async def _failed(self, record: RunRecord, error: Exception) -> None:
        now = self._clock()
        with suppress(StorageError):  # what went wrong first is what is told
            await self._runs.save(replace(record, status=RunStatus.FAILED, finished=now, error=str(error)))
            if not record.partial:
                await note_failure(self._sight, record.id, str(error), self._channels, now, apart=self._apart)
            if isinstance(error, GraphError) and may_pass(error):
                await self._note_hiccup(record, hiccup=True)

    async def _note_hiccup(self, record: RunRecord, *, hiccup: bool) -> None:
        """Remember for who looks between scans, if anybody does, whether this one couldn't read what may be readable later."""
        if is_watched(self._settings):
            await note_hiccup(self._evidence, record, hiccup=hiccup)

    async def _waiting(self, started: datetime) -> tuple[str, ...]:
        """The ids of all alerts that are to be sent now, those of earlier scans included."""
        changes = (*self._findings.noted_alert_ids(), *self._predicted, *self._caught_up)
        waiting = [*await self._sight.untold_alert_ids(), *changes]
        return tuple(dict.fromkeys((*waiting, *await self._ledger.undelivered(started))))


def _newest_findings(known: Mapping[str, Snapshot]) -> dict[str, datetime]:
    """Account id -> since when its newest open finding is known."""
    times = {id: [state.first_seen for state in one.findings if state.open] for id, one in known.items()}
    return {id: max(found) for id, found in times.items() if found}
