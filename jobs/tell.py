"""Telling: an alert that waits in the tables becomes cards, mails and webhook calls.

An alert is delivered to each channel once; what failed stays kept and is tried again without repeating what worked. Only
when every channel is done are its changes marked as told (``findings/store.py`` says why nothing is lost in between).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from alerts.compose import compose_failure, compose_test
from alerts.deliver import DeliveryFailed, deliver, send_test
from alerts.digest import compose_digest
from alerts.ledger import DeliveryStatus, Ledger
from alerts.model import Alert, Purpose
from connections.channels import open_channels
from connections.storage import TABLES, ensure_tables, tables
from connections.telemetry import sending, telemetry
from findings.exceptions import ExceptionStore
from findings.model import Change
from findings.runs import RunStore
from findings.sight import SightNews
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.alert_content import changes_alert, reminder, sight_alert, totals
from jobs.clock import Clock, now_utc
from reports.document import Json
from settings import Settings

MONDAY = 0
"""As ``datetime.weekday`` counts."""


async def send_alert(settings: Settings, alert_id: str, *, clock: Clock = now_utc) -> None:
    """Deliver one alert to every configured channel that doesn't have it yet.

    Without any channel there is nobody to tell, and the changes count as told. An alert that was told before is left alone.
    Raises ``DeliveryFailed`` when trying again soon may help; a channel that refuses until somebody changes something is
    told through the others, once, and tried again with the next scan.
    """
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        store, ledger, sight = FindingStore(service), Ledger(service), SightStore(service)
        changes = await store.changes_of(alert_id)
        news, _ = await sight.news_of(alert_id)
        alert = await ledger.load(alert_id)
        if alert is None:
            alert = await _composed(settings, RunStore(service), alert_id, changes, news)
            if alert is None:
                return
        async with sending():
            with telemetry().span("tell", run_id=alert.run_id, changes=len(changes)) as span:
                async with open_channels(settings) as channels:
                    result = await deliver(alert, channels, ledger, clock())
                span.set_attribute("done", result.done)
            if result.done:
                await store.mark_told(changes)
                await sight.mark_told(alert_id)
                if alert.purpose is Purpose.CHANGES:
                    telemetry().told((clock() - alert.created).total_seconds())
                return
    if result.retry:
        raise DeliveryFailed(result)
    if alert.purpose is not Purpose.FAILURE:
        await send_failure_notice(settings, "alert", alert_id, " ".join(result.problems))


async def _composed(
    settings: Settings, runs: RunStore, alert_id: str, changes: Sequence[Change], news: Sequence[SightNews]
) -> Alert | None:
    """What waits under this id, put together; None where nothing does."""
    if news:
        newest = await runs.newest(limit=100)
        return sight_alert(settings, alert_id, news, next((run for run in newest if run.tenant_id), None))
    if not changes:
        return None
    run = await runs.load(changes[0].run_id)
    return changes_alert(settings, alert_id, changes, run, first=run is not None and await runs.is_first(run))


async def prepare_digest(settings: Settings, now: datetime) -> str | None:
    """Keep a digest of what is open, if the settings ask for one and a reminder is due. Returns the id of its alert.

    A second one on the same day is the same alert, and told once.
    """
    if settings.alert_digest == "off" or (settings.alert_digest == "weekly" and now.weekday() != MONDAY):
        return None
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        last = await RunStore(service).last_whole(now - timedelta(days=30))
        exceptions = await ExceptionStore(service).active(now)
        states = FindingStore(service).load_findings(now=now, status="open", exceptions=exceptions)
        alert = compose_digest(
            tenant_id=last.tenant_id if last else "",
            tenant_name=last.tenant_name if last else "",
            items=[reminder(state, settings.graph_cloud) async for state in states if state.exception is None],
            since=now - timedelta(days=7 if settings.alert_digest == "weekly" else 1),
            now=now,
            totals=totals(last),
            all_clear=settings.alert_all_clear == "yes",
            report_url=settings.report_url,
        )
        if alert is None:
            return None
        await Ledger(service).keep(alert)
        return alert.id


async def send_failure_notice(settings: Settings, what: str, failed_id: str, why: str) -> None:
    """Tell once that a scan or the delivery of an alert failed for good (``what`` is ``scan`` or ``alert``)."""
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        newest = await RunStore(service).newest(limit=20, since=now_utc() - timedelta(days=30))
        known = next((run for run in newest if run.tenant_id), None)
        alert = compose_failure(
            tenant_id=known.tenant_id if known else "",
            tenant_name=known.tenant_name if known else "",
            created=datetime.now(UTC),
            what=what,
            failed_id=failed_id,
            why=why,
            report_url=settings.report_url,
        )
        async with open_channels(settings) as channels:
            await deliver(alert, channels, Ledger(service), datetime.now(UTC))


async def send_test_alert(settings: Settings) -> list[Json]:
    """Send a test through every configured channel. Returns for each its name, whether it worked, and what it answered."""
    alert = compose_test(
        alert_id=str(uuid4()),
        tenant_id="",
        tenant_name="",
        created=datetime.now(UTC),
        report_url=settings.report_url,
    )
    async with open_channels(settings) as channels:
        results = await send_test(alert, channels, datetime.now(UTC))
    return [
        {"channel": one.channel, "delivered": one.status is DeliveryStatus.DELIVERED, "answer": one.sentence}
        for one in results
    ]
