"""What the timer and the queues start: messages in, messages out."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from connections.queues import put_later
from findings.errors import AlreadyDone, ScanAlreadyRunning
from findings.run_record import RunRecord, RunStatus
from findings.runs import new_run_id
from jobs import views
from jobs.catching_up import UNHEARD
from jobs.endings import UNSTARTED, end_for_good, is_needless, stand_back, tell_failure
from jobs.errors import EXPECTED, sentence
from jobs.installation import NO_ACCOUNT_FIX
from jobs.log_watch import watch_log
from jobs.messages import ALERTS, BETWEEN, SCANS, SCHEDULE, AlertMessage, BadMessage, ScanMessage, read_alert, read_scan
from jobs.report_page import keep_pages
from jobs.scan import ScanRequest, scan
from jobs.tell import prepare_digest, review_channels, send_failure_notice, waiting_alerts
from jobs.tell import send_alert as _send_alert
from reports.words import count
from settings import Settings, SettingsError, load_settings

log = logging.getLogger(__name__)

WAIT = timedelta(seconds=60)
"""Until a scan looks again whether the one before it is done."""
_ALL_SCANNED = "Run %s: %d accounts, complete: %s, %d Graph requests, %d alerts to send"
"""By these words an alert rule knows that all accounts were looked at (infra/modules/alerts.bicep)."""
_SOME_SCANNED = "Run %s, of single accounts: %d looked at, complete: %s, %d Graph requests, %d alerts to send"
_PAGES_SECONDS = 120.0
"""For so long alerts wait at most for the report's page."""


def scheduled_scan() -> str:
    """The message for the queue ``scans`` with which the timer starts a scan."""
    return ScanMessage(new_run_id(datetime.now(UTC)), SCHEDULE).text


async def watch_audit_log() -> None:
    """Look at the audit log, and put on the queues what follows from it: a scan, and the alert that the log can't be read.

    Where ``AUDIT_LOG`` is off nothing is looked at. What is raised is a fault of the settings, of this product or of storage;
    the next look reads what this one should have.
    """
    try:
        settings = load_settings()
        if settings.audit_log == "off":
            return
        looked = await watch_log(settings, lambda scan, delay, _: put_later(settings, SCANS, scan.text, delay))
        for alert_id in looked.alert_ids:
            await put_later(settings, ALERTS, AlertMessage(alert_id).text, timedelta())
    except EXPECTED as error:
        log.error("The audit log was not looked at: %s", sentence(error))
        raise
    if looked.error:
        log.warning("The audit log can't be read: %s", looked.error)
    if looked.scan:
        # Without what stands in the log: it names people.
        shown = count(len(looked.reach.events), "event", "events")
        log.info("Run %s: %s of the audit log, for %s", looked.scan.run_id, shown, looked.whom)


async def run_scan(body: bytes) -> list[str]:
    """Do the scan that a message of the queue ``scans`` asks for. Returns the messages for the queue ``alerts``.

    A scan that finds one of everything going on is skipped, because that one does the same work; behind a scan of some
    accounts it waits, with a message that is seen later, and so does one that the audit log asked for, unless the other one began
    late enough to see the same. Every other error is raised, so that the queue repeats the message.
    """
    asked = read_scan(body)
    try:
        settings = load_settings()
        await review_channels(settings)
        alert_ids = await _scanned(settings, asked)
        if alert_ids is None:
            return []
        digest = await prepare_digest(settings, datetime.now(UTC)) if asked.trigger == SCHEDULE else None
        await _keep_pages(settings)
    except EXPECTED as error:
        log.error("Run %s failed: %s", asked.run_id, sentence(error))
        raise
    return [AlertMessage(alert_id).text for alert_id in dict.fromkeys([*alert_ids, *([digest] if digest else [])])]


async def _scanned(settings: Settings, asked: ScanMessage) -> list[str] | None:
    """The alerts to send after the scan; None where it isn't over, or failed."""
    if await is_needless(settings, asked, datetime.now(UTC)):
        log.info("Run %s is needless: a scan of everything has begun since.", asked.run_id)
        return None
    request = ScanRequest(run_id=asked.run_id, trigger=asked.trigger, accounts=asked.accounts)
    try:
        result = await scan(settings, request, progress=log.info)
    except AlreadyDone as again:
        log.info("Run %s: its message came twice. %s", asked.run_id, again)
        return [*await waiting_alerts(settings)]  # it may have died before they were on the queue
    except ScanAlreadyRunning as other:
        return await _behind(settings, asked, other)
    log.info(
        _SOME_SCANNED if asked.accounts else _ALL_SCANNED,
        asked.run_id,
        result.accounts,
        result.run["complete"],
        result.run["graph_requests"],
        len(result.alert_ids),
    )
    if not (asked.accounts or result.accounts):
        log.warning("Run %s found no service account, so nothing is watched. %s", asked.run_id, NO_ACCOUNT_FIX)
    if result.unheard:
        log.warning(UNHEARD, asked.run_id)
    return [*result.alert_ids]


async def _keep_pages(settings: Settings) -> None:
    """Make the report's page now, so that nobody waits for it. Whatever goes wrong: it is made when somebody opens it, and alerts go on."""
    try:
        async with asyncio.timeout(_PAGES_SECONDS), views.opened(settings) as service:
            await keep_pages(service, datetime.now(UTC), cloud=settings.graph_cloud)
    except views.NotFound:
        pass  # no scan of everything was done yet
    except Exception as error:  # noqa: BLE001  the scan is done, and what it found must be told
        log.warning("The report's page wasn't made in advance: %s", sentence(error))


async def _behind(settings: Settings, asked: ScanMessage, other: ScanAlreadyRunning) -> list[str] | None:
    """What follows for a scan that found another one going on; returns as :func:`_scanned` does."""
    run = await stand_back(settings, asked, other, datetime.now(UTC))
    if run is None or run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        log.info("Run %s waits for the scan %s.", asked.run_id, other.owner)
        await put_later(settings, SCANS, asked.later.text, WAIT)
        return None
    if run.status is RunStatus.FAILED:
        await _tell_failed(settings, asked, run)
        return None
    log.warning(
        "Run %s was not started: %s", asked.run_id, run.error or f"its message came twice, and it is {run.status}."
    )
    return [run.alert_id] if run.alert_id else []


async def send_alert(body: bytes) -> None:
    """Deliver the alert that a message of the queue ``alerts`` names, to all channels or to the one that it names.

    A channel that fails is no error: a message for its next attempt is on the queue then. What is raised is a fault of this
    product or of storage, and has the queue repeat the message.
    """
    asked = read_alert(body)
    try:
        settings = load_settings(require=frozenset({"storage"}))
        await _send_alert(settings, asked.alert_id, channel=asked.channel, retry_at=asked.retry_at, by_app=True)
    except EXPECTED as error:
        log.error("Alert %s: %s", asked.alert_id, sentence(error))
        raise


@contextmanager
def _never_raising(what: str) -> Iterator[None]:
    """Around what a poison queue starts: an error is logged, whatever it is.

    A poison queue has no poison queue. A message whose handler raises is hidden for its lease, five times, and then lies there
    until it expires, where nobody sees it.
    """
    try:
        yield
    except Exception as error:
        log.error("%s: %s", what, sentence(error), exc_info=not isinstance(error, (*EXPECTED, BadMessage)))


async def scan_failed(body: bytes) -> None:
    """A scan message that failed as often as the queue repeats it: record it and tell the administrators once. Never raises.

    What can't be recorded now is recorded by the next scan, which ends every run that nobody does.
    """
    with _never_raising("A scan failed for good, and not everything that follows could be done"):
        asked = read_scan(body)
        settings = load_settings(require=frozenset({"storage"}))
        run = await end_for_good(settings, asked, datetime.now(UTC))
        if run.status is RunStatus.FAILED:
            await _tell_failed(settings, asked, run)
        elif run.status is RunStatus.RUNNING:
            log.warning("Run %s is going on: its message came twice.", asked.run_id)
        else:  # the scan was done, and what comes after it failed
            if asked.trigger == SCHEDULE:
                await prepare_digest(settings, datetime.now(UTC))
            await _send_what_waits(settings)


async def _tell_failed(settings: Settings, asked: ScanMessage, run: RunRecord) -> None:
    """Tell that scans fail, when they begin to and weekly, and what doesn't happen because of it.

    That a scan of some accounts failed isn't told: the next one of everything does the same work, or fails as well.
    """
    log.error("Run %s failed for good: %s", run.id, run.error)
    if run.partial:
        return
    why = run.error or "The scan didn't finish."
    if run.error == UNSTARTED:
        why = _wrong_settings() or why
    if asked.trigger == SCHEDULE and settings.alert_digest != "off":
        why += " Reminders that were due with it are not sent."
    # Minutes in which Graph was down are no news because somebody looked just then: the scheduled scan tells it if it fails as well.
    await tell_failure(settings, run.id, why, datetime.now(UTC), certain=asked.trigger not in BETWEEN)
    await _send_what_waits(settings)


def _wrong_settings() -> str | None:
    """What is wrong with the settings, in sentences: a scan doesn't start with such, and its run doesn't know why."""
    try:
        load_settings()
    except SettingsError as error:
        return " ".join(f"{problem}." for problem in error.problems)
    return None


async def _send_what_waits(settings: Settings) -> None:
    """Put every alert that waits on the queue: twice does no harm."""
    for alert_id in await waiting_alerts(settings):
        await put_later(settings, ALERTS, AlertMessage(alert_id).text, timedelta())


async def alert_failed(body: bytes) -> None:
    """An alert message that failed as often as the queue repeats it: log it, and tell it once, as long as it is true.

    Channels that fail don't bring a message here, but faults of this product or of storage do. The alert itself stays kept,
    and every scan puts it on the queue again. Never raises.
    """
    with _never_raising("That an alert could not be delivered could not be told either"):
        alert_id = read_alert(body).alert_id
        log.error("Alert %s could not be delivered for now; the next scan sends it again.", alert_id)
        settings = load_settings(require=frozenset({"storage"}))
        await send_failure_notice(
            settings,
            alert_id,
            "A fault of the app or of its storage account kept it from being sent; the app's log says which.",
        )
