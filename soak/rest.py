"""What must be true once everything has come to rest: held against what is kept, and against what was told."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import Ledger
from findings.lease import PARTITION, ROW
from findings.run_record import RunStatus
from findings.runs import RUNS, RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from findings.tables import Table
from soak.happened import Told, Truth
from soak.moody_receivers import CHANNELS, WEBHOOK, Call

OVER = frozenset({RunStatus.COMPLETE, RunStatus.INCOMPLETE, RunStatus.FAILED, RunStatus.SKIPPED})
NEWS = frozenset({"app_password_scan.changed", "app_password_scan.sight"})
"""Alerts that are for every channel; others may be about a channel, and for the others only."""


async def waiting_alerts(storage: str) -> list[str]:
    """The alerts that are not told yet."""
    async with TableServiceClient.from_connection_string(storage) as service:
        return [
            *await FindingStore(service).untold_alert_ids(),
            *await SightStore(service).untold_alert_ids(),
            *await Ledger(service).undelivered(datetime.now(UTC) + timedelta(days=1)),
        ]


async def what_is_wrong(storage: str, truth: Truth, calls: Sequence[Call], asked: Set[str]) -> list[str]:
    """Everything that isn't as it must be once all has come to rest.

    Args:
        storage: The connection string of the storage account.
        truth: What is so, and what must have been told.
        calls: What the receivers were told.
        asked: The ids of the runs of everything that were asked for.
    """
    async with TableServiceClient.from_connection_string(storage) as service:
        return [
            *await _untrue_runs(service, asked),
            *await _untrue_findings(service, truth),
            *_untrue_alerts(calls, truth),
        ]


async def _untrue_runs(service: TableServiceClient, asked: Set[str]) -> list[str]:
    runs = {run.id: run for run in await RunStore(service).newest(limit=10_000)}
    found = [f"The run {run.id} never ended: {run.status}" for run in runs.values() if run.status not in OVER]
    found += [f"The run {run.id} ended, and doesn't say when" for run in runs.values() if run.finished is None]
    found += [f"The run {run_id} was asked for and left no record" for run_id in sorted(asked - runs.keys())]
    if await Table(service, RUNS).get(PARTITION, ROW) is not None:
        found.append("The lease is held by nobody who lives")
    return found + [f"Remembered as unseen: {state.unseen.text}" for state in await SightStore(service).load()]


async def _untrue_findings(service: TableServiceClient, truth: Truth) -> list[str]:
    store = FindingStore(service)
    states = [state async for state in store.load_findings(now=datetime.now(UTC), status="open")]
    kept = {(state.user_principal_name, state.check_id) for state in states}
    found = [f"Kept as open, and isn't: {one}" for one in sorted(kept - truth.open)]
    found += [f"Open, and not kept: {one}" for one in sorted(truth.open - kept)]
    history: Counter[Told] = Counter()
    async for change in store.history_since(datetime(2000, 1, 1, tzinfo=UTC)):
        history[change.kind.value, change.user_principal_name, change.check_id] += 1
    return found + _differences("in the history", history, truth.told)


def _untrue_alerts(calls: Sequence[Call], truth: Truth) -> list[str]:
    changes: dict[str, Told] = {}
    alerts: dict[str, set[str]] = {}
    accepted: dict[str, set[str]] = {channel: set() for channel in CHANNELS}
    news: set[str] = set()
    found: list[str] = []
    for call in calls:
        if call.accepted:
            accepted[call.channel].add(call.alert_id)
        if call.channel == WEBHOOK:
            news |= {call.alert_id} if call.body["type"] in NEWS else set()
            found += _untrue_sight(call.body)
            for change in call.body["data"]["changes"]:
                changes[change["id"]] = (change["kind"], change["account"]["user_principal_name"], change["check_id"])
                alerts.setdefault(change["id"], set()).add(call.alert_id)
    found += _differences("told", Counter(changes.values()), truth.told)
    for change_id, ids in alerts.items():
        what = changes[change_id]
        if len(ids) > 1:
            found.append(f"Told in {len(ids)} alerts: {what}")
        found += [f"Never told to {channel}: {what}" for channel in CHANNELS if not ids & accepted[channel]]
    for channel in CHANNELS:
        found += [f"Never told to {channel}: the alert {alert_id}" for alert_id in sorted(news - accepted[channel])]
    return found


def _untrue_sight(body: Mapping[str, object]) -> list[str]:
    """Microsoft Graph always answered: only scans may be said to fail."""
    data = body["data"]
    if body["type"] != "app_password_scan.sight" or not isinstance(data, dict):
        return []
    return [f"Told as unseen: {note}" for note in data["notes"] if "scans" not in note and "The scan" not in note]


def _differences(where: str, found: Counter[Told], expected: Counter[Told]) -> list[str]:
    lost, more = expected - found, found - expected
    return [f"Not {where}: {one} ({count}x)" for one, count in lost.items()] + [
        f"Too often or wrongly {where}: {one} ({count}x)" for one, count in more.items()
    ]
