"""What the timer and the queues start: messages in, messages out."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from findings.errors import ScanAlreadyRunning
from findings.model import RunRecord, RunStatus
from findings.runs import RunStore, new_run_id
from jobs.errors import EXPECTED, sentence
from jobs.scan import ScanRequest, scan
from jobs.tell import prepare_digest, send_failure_notice
from jobs.tell import send_alert as _send_alert
from jobs.views import opened
from settings import load_settings

log = logging.getLogger(__name__)


SCHEDULE = "schedule"
"""What starts the scan of the timer."""


class BadMessage(ValueError):
    """A queue message that this app didn't write; the text is one sentence."""


def scan_message(trigger: str, run_id: str | None = None) -> dict[str, str]:
    """A message for the queue ``scans``."""
    return {"run_id": run_id or new_run_id(datetime.now(UTC)), "trigger": trigger}


def alert_message(alert_id: str) -> str:
    """A message for the queue ``alerts``: only the id, what is told lies in Table Storage."""
    return json.dumps({"alert_id": alert_id})


async def run_scan(body: bytes) -> list[str]:
    """Do the scan that a message of the queue ``scans`` asks for. Returns the messages for the queue ``alerts``.

    A scan that finds another one running is dropped: that one does the same work. Every other error is raised, so that the
    queue repeats the message.
    """
    message = _parsed(body, "run_id")
    request = ScanRequest(run_id=message["run_id"], trigger=message.get("trigger", "queue"))
    try:
        settings = load_settings()
        result = await scan(settings, request, progress=log.info)
    except ScanAlreadyRunning as error:
        log.warning("Run %s was not started: %s", request.run_id, error)
        return []
    except EXPECTED as error:
        log.error("Run %s failed: %s", request.run_id, sentence(error))
        raise
    run = result.document["run"]
    log.info(
        "Run %s: %d accounts, complete: %s, %d Graph requests, %d alerts to send",
        request.run_id,
        len(result.document["accounts"]),
        run["complete"],
        run["graph_requests"],
        len(result.alert_ids),
    )
    alert_ids = [*result.alert_ids]
    if request.trigger == SCHEDULE and (digest := await prepare_digest(settings, datetime.now(UTC))):
        alert_ids.append(digest)
    return [alert_message(alert_id) for alert_id in dict.fromkeys(alert_ids)]


async def send_alert(body: bytes) -> None:
    """Deliver the alert that a message of the queue ``alerts`` names, to all channels or to the one that it names.

    A channel that fails is no error: a message for its next attempt is on the queue then. What is raised is a fault of this
    product or of storage, and has the queue repeat the message.
    """
    message = _parsed(body, "alert_id")
    alert_id, channel = message["alert_id"], message.get("channel")
    try:
        retry_at = datetime.fromisoformat(message["retry_at"]) if "retry_at" in message else None
        settings = load_settings(require=frozenset({"storage"}))
        await _send_alert(settings, alert_id, channel=channel, retry_at=retry_at, by_app=True)
    except EXPECTED as error:
        log.error("Alert %s: %s", alert_id, sentence(error))
        raise


async def scan_failed(body: bytes) -> None:
    """A scan message that failed as often as the queue repeats it: record it and tell the administrators once."""
    run_id = _parsed(body, "run_id")["run_id"]
    settings = load_settings(require=frozenset({"storage"}))
    async with opened(settings) as service:
        runs = RunStore(service)
        now = datetime.now(UTC)
        run = await runs.load(run_id) or RunRecord(run_id, RunStatus.QUEUED, now)
        if run.status is RunStatus.QUEUED:
            run = replace(run, status=RunStatus.FAILED, finished=now, error="It never started.")
            await runs.save(run)
    log.error("Run %s failed for good: %s", run_id, run.error)
    await send_failure_notice(settings, "scan", run_id, run.error or "The scan didn't finish.")


async def alert_failed(body: bytes) -> None:
    """An alert message that failed as often as the queue repeats it: log it, and tell it once, as long as it is true.

    Channels that fail don't bring a message here, but faults of this product or of storage do. The alert itself stays kept,
    and every scan puts it on the queue again. Nothing is raised: a poison queue has no poison queue, and its message would only
    lie there unseen.
    """
    try:
        alert_id = _parsed(body, "alert_id")["alert_id"]
        log.error("Alert %s could not be delivered for now; the next scan sends it again.", alert_id)
        settings = load_settings(require=frozenset({"storage"}))
        await send_failure_notice(
            settings,
            "alert",
            alert_id,
            "A fault of the app or of its storage account kept it from being sent; the app's log says which.",
        )
    except Exception as error:  # noqa: BLE001 -- see above
        log.error("That an alert could not be delivered could not be told either: %s", sentence(error))


async def last_success_is_recent(now: datetime, within: timedelta) -> bool:
    """Whether a scan finished without failing within the given time. Raises what storage raises."""
    async with opened(load_settings(require=frozenset({"storage"}))) as service:
        runs = await RunStore(service).newest(limit=50, since=now - within)
    return any(run.finished and run.status is not RunStatus.FAILED for run in runs)


def _parsed(body: bytes, wanted: str) -> dict[str, str]:
    try:
        message = json.loads(body)
        if isinstance(message[wanted], str) and message[wanted]:
            return {name: value for name, value in message.items() if isinstance(value, str)}
    except (ValueError, KeyError, TypeError):
        pass
    raise BadMessage(f'A queue message has no "{wanted}", so it is not from this app: {body[:100]!r}')
