"""The history of one account, read back for people: what is kept of it, its own rows and those of the alerts that told of it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from azure.data.tables.aio import TableServiceClient

from alerts.ledger import ChannelState, Ledger
from findings.exceptions import ExceptionStore
from findings.model import Change, Snapshot
from findings.parallel import for_each
from findings.store import FindingStore
from jobs.views import NotFound, judged
from reports.history import AccountHistory, Json, Known, history_document

ALERTS = 100
"""Of how many alerts, the last ones, it is looked up where they went."""


async def account_history(service: TableServiceClient, account_id: str, now: datetime) -> AccountHistory:
    """The history of the account with an object id. Raises :class:`NotFound` where nothing is kept of it."""
    store = FindingStore(service)
    try:
        snapshot = await store.load_snapshot(account_id)
        changes = await store.history(account_id, detailed=False)
        exceptions = await ExceptionStore(service).load(account_id=account_id)
    except ValueError:  # longer than any key
        raise _unknown(account_id) from None
    if snapshot.record is None and not changes:
        raise _unknown(account_id)
    known = Known(
        account=_account(snapshot, changes),
        judged_at=snapshot.record.judged_at if snapshot.record else None,
        watched=snapshot.record is None or snapshot.record.selected,
        lost_since=snapshot.record.lost_since if snapshot.record else None,
        findings=[{**one.public()} for one in snapshot.findings],
        unreadable=len(snapshot.set_aside),
        changes=[{**one.public(), "at": _exact(one.at), "first_seen": _exact(one.first_seen)} for one in changes],
        exceptions=[
            {**one.public(), "created_at": _exact(one.created_at), "ended_at": one.ended_at and _exact(one.ended_at)}
            for one in exceptions
        ],
        deliveries=await _deliveries(Ledger(service), changes),
    )
    return history_document(known, now)


async def history_of(service: TableServiceClient, name: str, now: datetime) -> AccountHistory:
    """The same by user principal name or object id, in any case."""
    record = await FindingStore(service).find_account(name)
    return await account_history(service, record.account_id if record else name, now)


def _unknown(name: str) -> NotFound:
    return NotFound(f'No scan has seen the account "{name}": check its name, or scan it first.')


def _account(snapshot: Snapshot, changes: Iterable[Change]) -> Json:
    """The account as it was last judged; where that can't be read, what its last change calls it."""
    record = snapshot.record
    if record is None:
        *_, last = changes
        names = {"user_principal_name": last.user_principal_name, "display_name": last.display_name}
        return {"id": snapshot.account_id, **names}
    return judged(record)


async def _deliveries(ledger: Ledger, changes: Iterable[Change]) -> dict[str, list[Json]]:
    """Where each channel stands with the alerts that told of these changes, by the alert's id."""
    told = {change.alert_id: change.at for change in changes if change.silence is None}
    last = sorted(told, key=lambda alert_id: told[alert_id])[-ALERTS:]
    found: dict[str, list[Json]] = {}

    async def look_up(alert_id: str) -> None:
        with suppress(ValueError):  # of a damaged row, what is no id of an alert
            states = await ledger.states(alert_id)
            found[alert_id] = [_delivery(state) for _, state in sorted(states.items())]

    await for_each(last, look_up)
    return found


def _exact(time: datetime) -> str:
    """The time with what is below a second: it decides what came first."""
    return time.astimezone(UTC).isoformat()


def _delivery(state: ChannelState) -> Json:
    return {
        "channel": state.channel,
        "status": state.status.value,
        "at": state.delivered_at and _exact(state.delivered_at),
        "error": state.last_error,
        "attempts": state.attempts,
    }
