"""Telling: an alert that waits in the tables becomes cards, mails and webhook calls.

An alert is delivered once to each channel that it is for; what failed stays kept and is tried again without repeating what
worked. Only when every channel is done are its changes marked as told (``findings/store.py`` says why nothing is lost in
between). How it is done: ``jobs/teller.py``.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

from alerts.compose import compose_failure, compose_test
from alerts.deliver import DeliveryResult, send_test
from alerts.digest import compose_digest
from alerts.ledger import CLAIM, DeliveryStatus, Ledger
from connections.channels import open_channels
from connections.storage import TABLES, StorageUnavailable, ensure_tables, tables
from findings.run_record import RunStatus
from findings.runs import RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from jobs.alert_content import gaps_of, reminder, steps_of, totals
from jobs.catching_up import unaccepted_findings
from jobs.channel_watch import channels_to_tell
from jobs.clock import Clock, now_utc
from jobs.errors import EXPECTED, sentence
from jobs.teller import telling
from reports.document import Json
from settings import Settings

MONDAY = 0
"""As ``datetime.weekday`` counts."""


async def send_alert(
    settings: Settings,
    alert_id: str,
    *,
    channel: str | None = None,
    retry_at: datetime | None = None,
    by_app: bool = False,
    clock: Clock = now_utc,
) -> DeliveryResult | None:
    """Deliver one alert to every channel that it is for and that doesn't have it yet.

    Args:
        settings: Where storage is, and the channels.
        alert_id: The alert, or the group of changes that it tells.
        channel: The only channel to try; None for all.
        retry_at: What the message says about when this channel was to be tried again.
        by_app: Whether this is the function app: it says which channels the installation has, and tries again by itself.
        clock: The time.

    Returns:
        What became of it: a channel that failed is no error, it is tried again. None where nothing waits to be told, or
        where there is nobody whom this process could tell.

    Raises:
        StorageUnavailable: Table Storage can't be used, or the queue.
        Exception: A channel failed in a way that is a fault of this product.
    """
    async with telling(settings, by_app=by_app, clock=clock) as teller:
        if by_app:
            await teller.watch.review()
        return await teller.tell(alert_id, only=channel, retry_at=retry_at)


async def send_here(
    settings: Settings, alert_ids: Iterable[str], *, progress: Callable[[str], None], clock: Clock = now_utc
) -> tuple[str, ...]:
    """Deliver alerts from a terminal, one after the other.

    Args:
        settings: Where storage is, and the channels.
        alert_ids: The alerts.
        progress: Told why it takes long: an alert that a process took and died with is free again when its claim has run out.
        clock: The time.

    Returns:
        What kept alerts from being told, in sentences, each once.
    """
    problems: dict[str, None] = {}
    for alert_id in alert_ids:
        try:
            result = await send_alert(settings, alert_id, clock=clock)
            if result is not None and any(one.status is DeliveryStatus.SENDING for one in result.results):
                progress(f"Another process has begun to send an alert; waiting {CLAIM.seconds} seconds for it.")
                await asyncio.sleep(CLAIM.seconds + 1)
                result = await send_alert(settings, alert_id, clock=clock)
        except EXPECTED as error:
            problems[sentence(error)] = None
        else:
            problems |= dict.fromkeys(result.problems if result and not result.told else ())
    return tuple(problems)


async def waiting_alerts(settings: Settings, *, clock: Clock = now_utc) -> tuple[str, ...]:
    """The ids of all alerts that wait to be sent, the oldest first; raises what storage raises.

    Where somebody can be told by now, changes that nobody could be told are left to the next scan (``jobs/catching_up.py``).
    """
    async with tables(settings) as service:
        ahead = await ensure_tables(service, TABLES)
        ledger = Ledger(service)
        somebody = bool(await channels_to_tell(settings, ledger))
        changes = await FindingStore(service).untold_alert_ids(for_somebody=somebody)
        found = [*await SightStore(service).untold_alert_ids(), *changes]
        return tuple(dict.fromkeys((*found, *await ledger.undelivered(clock() - ahead))))


async def review_channels(settings: Settings, *, clock: Clock = now_utc) -> None:
    """For the function app, with each scan: note which channels it has; log, and tell the others, which can't be used."""
    async with telling(settings, by_app=True, clock=clock) as teller:
        await teller.watch.review(by_scan=True)


async def prepare_digest(settings: Settings, now: datetime) -> str | None:
    """Keep a digest of what is open, if the settings ask for one and a reminder is due. Returns the id of its alert.

    A second one on the same day is the same alert, and told once. None as well where nobody can be told.
    """
    if settings.alert_digest == "off" or (settings.alert_digest == "weekly" and now.weekday() != MONDAY):
        return None
    async with tables(settings) as service:
        # An exception is over when it is, whatever this machine's clock says.
        now -= await ensure_tables(service, TABLES)
        ledger = Ledger(service)
        channels = await channels_to_tell(settings, ledger)
        if not channels:
            return None
        last = await RunStore(service).last_whole(now - timedelta(days=30))
        alert = compose_digest(
            tenant_id=last.tenant_id if last else "",
            tenant_name=last.tenant_name if last else "",
            items=[reminder(*one, settings.graph_cloud) async for one in unaccepted_findings(service, now)],
            since=now - timedelta(days=7 if settings.alert_digest == "weekly" else 1),
            now=now,
            totals=totals(last),
            all_clear=settings.alert_all_clear == "yes" and last is not None,
            complete=last is not None and last.status is RunStatus.COMPLETE,
            gaps=gaps_of(last),
            report_url=settings.report_url,
            steps=steps_of(last),
        )
        if alert is None:
            return None
        return (await ledger.keep(alert, channels)).id


async def send_failure_notice(settings: Settings, alert_id: str, why: str, *, clock: Clock = now_utc) -> None:
    """Tell once that the delivery of an alert failed for good, and ``why``, in a sentence."""
    async with telling(settings, by_app=True, clock=clock) as teller:
        channels = await channels_to_tell(settings, teller.ledger)
        if not channels:
            return
        tenant_id, tenant_name = await teller.tenant()
        notice = compose_failure(
            tenant_id=tenant_id,
            tenant_name=tenant_name,
            created=clock(),
            failed_id=alert_id,
            why=why,
            report_url=settings.report_url,
        )
        await teller.deliver(await teller.ledger.keep(notice, channels))


async def send_test_alert(settings: Settings, *, by_app: bool = False, clock: Clock = now_utc) -> list[Json]:
    """Send a test through every configured channel. Returns for each its name, whether it worked, and what it answered.

    Alerts that wait for a channel which the test got through to are tried at once, where the tables can be reached; from the app
    itself (``by_app``), such a channel counts as working again.
    """
    alert = compose_test(
        alert_id=str(uuid4()),
        tenant_id="",
        tenant_name="",
        created=clock(),
        report_url=settings.report_url,
    )
    async with open_channels(settings) as channels:
        results = await send_test(alert, channels, clock)
    delivered = [one.channel for one in results if one.status is DeliveryStatus.DELIVERED]
    if delivered and settings.storage.known:
        with suppress(StorageUnavailable):
            async with telling(settings, by_app=by_app, clock=clock) as teller:
                await teller.watch.mended(delivered)
    return [{"channel": one.channel, "delivered": one.channel in delivered, "answer": one.sentence} for one in results]
