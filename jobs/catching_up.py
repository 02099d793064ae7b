"""What was found while no alert channel was set: it waits, and whoever can be told next hears of what is still open of it.

Changes name the channels that they are for, fixed when they were found. Those that name none waited for somebody to tell. By the
time there is a channel they are old news, some of them over: in their place one alert tells everything that is open.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.data.tables.aio import TableServiceClient

from alerts.compose import catch_up_id
from alerts.ledger import Kept, Ledger
from alerts.model import Kind
from findings.exceptions import ExceptionStore
from findings.model import Change, FindingState
from findings.run_record import RunRecord
from findings.store import FindingStore
from jobs.alert_content import everything_open_alert, reminder
from settings import Settings

UNHEARD = (
    "Run %s found something to tell, and nobody hears of it: no alert channel is set. Set one (docs/deploy.md, steps 5 and 6); "
    "the first scan after that tells everything that is open."
)
"""For the log, with each scan that finds something while nobody can be told."""


async def unaccepted_findings(
    service: TableServiceClient, now: datetime
) -> AsyncIterator[tuple[FindingState, Mapping[str, Any]]]:
    """The open findings that no exception covers, each with the document of its account (empty where there is none)."""
    store, states = FindingStore(service), defaultdict[str, list[FindingState]](list)
    exceptions = await ExceptionStore(service).active(now)
    async for state in store.load_findings(now=now, status="open", exceptions=exceptions):
        if state.exception is None:
            states[state.account_id].append(state)
    async for record in store.load_accounts():
        for state in states.pop(record.account_id, ()):
            yield state, record.document or {}
    for left in states.values():
        for state in left:
            yield state, {}


async def catch_up(
    service: TableServiceClient,
    findings: FindingStore,
    settings: Settings,
    run: RunRecord,
    whole: RunRecord,
    channels: Sequence[str],
    now: datetime,
) -> Kept | None:
    """Tell everything that is open in one alert, where changes wait that nobody could be told.

    Call it when a scan is done, while it holds the lease. Dying between any two steps repeats nothing: the alert's id is made from
    the oldest of what waited, which goes last.

    Args:
        service: Table Storage.
        findings: The store with which the scan kept what it saw.
        settings: The settings.
        run: The scan; what it found itself is among what is told, and not told again.
        whole: The last scan of everything: what it says of the tenant is told with it.
        channels: Whom to tell.
        now: The time.

    Returns:
        The alert as it is kept; None where there is nothing to catch up on, or nothing is open any more.
    """
    ledger = Ledger(service)
    waited = await _for_nobody(findings, ledger, (id for id in findings.noted_alert_ids() if id != run.alert_id))
    if not waited:
        return None
    items = [
        replace(reminder(*one, settings.graph_cloud), kind=Kind.OPENED)
        async for one in unaccepted_findings(service, now)
    ]
    kept = None
    own = {run.alert_id: await findings.changes_of(run.alert_id)} if run.alert_id else {}
    if items:
        alert = everything_open_alert(settings, catch_up_id(next(iter(waited))), items, run.id, whole, now)
        kept = await ledger.keep(alert, channels)
    told_now = own if kept is None or kept.run_id == run.id else {}
    for alert_id, changes in (*told_now.items(), *reversed(waited.items())):
        version = await findings.version_of(alert_id)
        await findings.mark_told(changes)
        await findings.note_told(alert_id, version)
    return kept


async def _for_nobody(
    findings: FindingStore, ledger: Ledger, alert_ids: Iterable[str]
) -> dict[str, tuple[Change, ...]]:
    """The groups of changes that wait and are for no channel, in the same order; not those of which an alert is on its way."""
    found = {}
    for alert_id in alert_ids:
        on_its_way = await ledger.find(alert_id)
        if on_its_way is not None and not on_its_way.done:
            continue
        changes = await findings.changes_of(alert_id)
        if changes and not any(change.channels for change in changes):
            found[alert_id] = changes
    return found
