"""Telling: an alert that waits in the tables becomes cards, mails and webhook calls.

An alert is delivered to each channel once; what failed stays kept and is tried again without repeating what worked. Only
when every channel is done are its changes marked as told (``findings/store.py`` says why nothing is lost in between).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from alerts.channel import Channel
from alerts.compose import compose, compose_failure, compose_test
from alerts.deliver import DeliveryFailed, deliver, send_test
from alerts.digest import compose_digest
from alerts.email import EmailChannel, MailAnswer, MailSender
from alerts.ledger import DeliveryStatus, Ledger
from alerts.links import entra_user_url
from alerts.model import Alert, AlertGap, AlertItem, AlertReason, Kind, NextStep, Purpose, Severity, Totals
from alerts.outgoing import http_client
from alerts.teams import TeamsChannel
from alerts.webhook import WebhookChannel
from checks.catalog import causing_effects, deciding_effects
from checks.reasons import INPUTS
from clock import Clock, now_utc
from document import Json
from findings.exceptions import ExceptionStore
from findings.model import Change, ChangeKind, FindingState, Flap, RunRecord
from findings.runs import RunStore
from findings.store import FindingStore
from graph_client import graph_for
from settings import Settings
from storage import TABLES, ensure_tables, tables
from telemetry import sending, telemetry
from tenant.graph import Graph, GraphError, GraphRefused
from tenant.policies import parse_time

MONDAY = 0
"""As ``datetime.weekday`` counts."""


def has_channels(settings: Settings) -> bool:
    """Whether any channel is configured here."""
    return bool(settings.teams_webhook_url or settings.webhook_url or settings.alert_email_from)


async def send_alert(settings: Settings, alert_id: str, *, clock: Clock = now_utc) -> None:
    """Deliver one alert to every configured channel that doesn't have it yet.

    Without any channel there is nobody to tell, and the changes count as told. An alert that was told before is left alone.
    Raises ``DeliveryFailed`` when trying again soon may help; a channel that refuses until somebody changes something is
    told through the others, once, and tried again with the next scan.
    """
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        store, ledger = FindingStore(service), Ledger(service)
        changes = await store.changes_of(alert_id)
        alert = await ledger.load(alert_id)
        if alert is None:
            if not changes:
                return
            runs = RunStore(service)
            run = await runs.load(changes[0].run_id)
            alert = _alert(settings, alert_id, changes, run, first=run is not None and await runs.is_first(run))
        async with sending():
            with telemetry().span("tell", run_id=alert.run_id, changes=len(changes)) as span:
                async with _channels(settings) as channels:
                    result = await deliver(alert, channels, ledger, clock())
                span.set_attribute("done", result.done)
            if result.done:
                await store.mark_told(changes)
                if alert.purpose is Purpose.CHANGES:
                    telemetry().told((clock() - alert.created).total_seconds())
                return
    if result.retry:
        raise DeliveryFailed(result)
    if alert.purpose is not Purpose.FAILURE:
        await send_failure_notice(settings, "alert", alert_id, " ".join(result.problems))


async def prepare_digest(settings: Settings, now: datetime) -> str | None:
    """Keep a digest of what is open, if the settings ask for one and a reminder is due. Returns the id of its alert.

    A second one on the same day is the same alert, and told once.
    """
    if settings.alert_digest == "off" or (settings.alert_digest == "weekly" and now.weekday() != MONDAY):
        return None
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        runs = await RunStore(service).newest(limit=100, since=now - timedelta(days=30))
        last = next((run for run in runs if run.finished and not run.error and not run.partial), None)
        exceptions = await ExceptionStore(service).active(now)
        states = FindingStore(service).load_findings(now=now, status="open", exceptions=exceptions)
        alert = compose_digest(
            tenant_id=last.tenant_id if last else "",
            tenant_name=last.tenant_name if last else "",
            items=[_reminder(state, settings.graph_cloud) async for state in states if state.exception is None],
            since=now - timedelta(days=7 if settings.alert_digest == "weekly" else 1),
            now=now,
            totals=_totals(last),
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
        async with _channels(settings) as channels:
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
    async with _channels(settings) as channels:
        results = await send_test(alert, channels, datetime.now(UTC))
    return [
        {"channel": one.channel, "delivered": one.status is DeliveryStatus.DELIVERED, "answer": one.sentence}
        for one in results
    ]


@asynccontextmanager
async def _channels(settings: Settings) -> AsyncIterator[Sequence[Channel]]:
    """The channels that the settings configure; mail goes through Microsoft Graph."""
    async with http_client() as client, AsyncExitStack() as stack:
        channels: list[Channel] = []
        if settings.teams_webhook_url:
            channels.append(TeamsChannel(settings.teams_webhook_url.get_secret_value(), client))
        if settings.webhook_url and settings.webhook_secret:
            secret = settings.webhook_secret.get_secret_value()
            channels.append(WebhookChannel(settings.webhook_url.get_secret_value(), secret, client))
        if settings.alert_email_from:
            graph = await stack.enter_async_context(graph_for(settings))
            channels.append(EmailChannel(_mail_sender(graph), settings.alert_email_from, settings.alert_email_to))
        yield channels


def _mail_sender(graph: Graph) -> MailSender:
    async def send(mailbox: str, content: bytes | Json) -> MailAnswer:
        try:
            await graph.send_mail(mailbox, content)
        except GraphRefused as refused:
            waits = timedelta(seconds=refused.retry_after) if refused.retry_after else None
            return MailAnswer(refused.status, refused.code, waits)
        except GraphError:
            return MailAnswer(0)
        return MailAnswer(202)

    return send


def _alert(
    settings: Settings, alert_id: str, changes: Sequence[Change], run: RunRecord | None, *, first: bool
) -> Alert:
    return compose(
        alert_id=alert_id,
        tenant_id=run.tenant_id if run else "",
        tenant_name=run.tenant_name if run else "",
        created=max(change.at for change in changes),
        items=[_item(change, settings.graph_cloud) for change in changes],
        run_id=changes[0].run_id,
        gaps=[_gap(gap) for gap in run.gaps] if run else (),
        totals=_totals(run),
        report_url=settings.report_url,
        baseline=first,
    )


def _totals(run: RunRecord | None) -> Totals:
    if run is None or run.finished is None:
        return Totals()
    open_findings = run.severities
    return Totals(
        accounts=run.accounts_total,
        high=open_findings.get("high", 0),
        medium=open_findings.get("medium", 0),
        low=open_findings.get("low", 0),
    )


def _gap(gap: Mapping[str, Any]) -> AlertGap:
    return AlertGap(
        input=gap["input"],
        label=INPUTS.get(gap["input"], gap["input"]),
        error=gap["error"],
        permission=gap.get("permission"),
        account=gap.get("account"),
    )


def _item(change: Change, cloud: str) -> AlertItem:
    account = change.detail
    effects = deciding_effects(change.check_id)
    reasons = tuple(_reason(reason) for reason in account.get("reasons", ()) if reason["effect"] in effects)
    effects = causing_effects(change.check_id)
    decisive = next((reason for reason in account.get("reasons", ()) if reason["effect"] in effects), None)
    remedies = account.get("remediation", ())
    return AlertItem(
        kind=_kind(change),
        account_id=change.account_id,
        user_principal_name=change.user_principal_name,
        display_name=change.display_name,
        check_id=change.check_id,
        title=change.title,
        severity=Severity(change.severity),
        summary=change.summary,
        first_seen=change.first_seen,
        id=change.id,
        since=_since(decisive),
        actor=decisive.get("actor") if decisive else None,
        reasons=reasons,
        next_step=_next_step(remedies[0]) if remedies else None,
        doubt=_doubt(account) if any(reason.policy_id for reason in reasons) else None,
        resolution=change.resolution,
        previous_severity=Severity(change.previous_severity) if change.previous_severity else None,
        settled=change.flapping is Flap.SETTLED,
        accepted_until=change.exception.until if change.exception else None,
        accepted_by=change.exception.owner if change.exception else None,
        entra_url=entra_user_url(change.account_id, cloud),
    )


def _doubt(account: Mapping[str, Any]) -> str | None:
    """What Microsoft's What If said, where it disagrees with the verdict."""
    checked = account.get("cross_check")
    return checked["text"] if checked and checked["result"] == "disagrees" else None


def _since(reason: Mapping[str, Any] | None) -> datetime | None:
    """Since when it has been so; None where only the policy's own date is known, which channels tell as such."""
    return parse_time(reason["since"]) if reason and not reason.get("since_is_policy_date") else None


def _reminder(state: FindingState, cloud: str) -> AlertItem:
    return AlertItem(
        kind=Kind.STILL_OPEN,
        account_id=state.account_id,
        user_principal_name=state.user_principal_name,
        display_name=state.display_name,
        check_id=state.check_id,
        title=state.title,
        severity=Severity(state.severity),
        summary=state.summary,
        first_seen=state.first_seen,
        entra_url=entra_user_url(state.account_id, cloud),
    )


def _kind(change: Change) -> Kind:
    if change.flapping is Flap.STARTED:
        return Kind.FLAPPING
    if change.kind is ChangeKind.EXCEPTION_EXPIRED:
        return Kind.EXCEPTION_EXPIRED
    return Kind(change.kind.value)


def _reason(reason: Mapping[str, Any]) -> AlertReason:
    return AlertReason(
        text=reason["text"],
        policy_id=reason["policy_id"],
        policy_name=reason["policy_name"],
        scope=reason["scope"],
        since=parse_time(reason["since"]),
        effect=reason["effect"],
    )


def _next_step(remedy: Mapping[str, Any]) -> NextStep:
    return NextStep(remedy["title"], tuple(remedy["steps"]), remedy["url"])
