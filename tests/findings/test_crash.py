"""A process that is killed at any request to storage loses nothing and repeats nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count

import pytest
from azure.data.tables.aio import TableServiceClient

from devtools.azurite import Azurite
from findings.errors import FindingsError
from findings.lease import LeaseTimes, scan_lease
from findings.model import AcceptedException, Change, Observation
from findings.store import FindingStore
from tests.findings.build import DAY, HOUR, NOW, account, seen
from tests.findings.crash import FaultyTransport, Killed

Seen = Mapping[str, Sequence[Observation]]

ACCEPTED = AcceptedException("x", "a3", "svc-a3", None, "Migration", "Ada", NOW.date() + 30 * DAY, NOW, "Ada")
FIRST: Seen = {"a1": [seen(), seen("APW-007")], "a3": [seen()]}
SECOND: Seen = {"a1": [seen(fingerprint="policy-2")], "a3": []}
TOLD_FIRST = {("a1", "APW-001", "opened"), ("a1", "APW-007", "opened")}
TOLD_SECOND = {("a1", "APW-001", "changed"), ("a1", "APW-007", "resolved")}
SILENT = {("a3", "APW-001", "opened"), ("a3", "APW-001", "resolved")}
OF_ALL_OR_SOME = pytest.mark.parametrize("everything", [True, False], ids=["of all", "of some accounts"])
"""What the scan is that makes up for it: one of some accounts goes by what is noted of the alerts that wait."""
QUICK = LeaseTimes(duration=0.05, renew_every=30, wait=5, poll=0.02)


class Receiver:
    """Whoever gets the alerts: drops a repeat by the id of its group."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}
        self.told: Counter[tuple[str, str, str]] = Counter()


async def scan_and_tell(
    service: TableServiceClient,
    observations: Seen,
    receiver: Receiver,
    *,
    alert_id: str,
    at: datetime,
    everything: bool,
) -> None:
    """What a scan does with storage, and then the sender, in the order of the real ones."""
    store = FindingStore(service)
    async with scan_lease(service, alert_id, times=QUICK):
        await store.recover(everything=everything)
        changes: list[Change] = []
        known = {snapshot.account_id: snapshot async for snapshot in store.load_snapshots()}
        for account_id, observed in observations.items():
            outcome = await store.keep(
                account(account_id, at=at),
                observed,
                alert_id=alert_id,
                exceptions=[ACCEPTED],
                snapshot=known.get(account_id),
            )
            changes += outcome.changes
        await store.note_kept(alert_id, changes)
        groups = store.noted_alert_ids()
    for group in groups:
        version = await store.version_of(group)
        changes = [*await store.changes_of(group)]
        if group not in receiver.groups:
            receiver.groups[group] = [change.id for change in changes]
            receiver.told.update((change.account_id, change.check_id, change.kind.value) for change in changes)
        await store.mark_told(changes)
        await store.note_told(group, version)


async def check_everything_was_told_once(service: TableServiceClient, receiver: Receiver) -> None:
    store = FindingStore(service)
    assert receiver.told == Counter(TOLD_FIRST | TOLD_SECOND)
    assert await store.untold_alert_ids() == []
    assert await store.recover(everything=False) == 0
    assert store.noted_alert_ids() == []
    assert await store.recover() == 0
    history = [change for name in FIRST for change in await store.history(name)]
    kept = Counter((change.account_id, change.check_id, change.kind.value) for change in history)
    assert kept == Counter(TOLD_FIRST | TOLD_SECOND | SILENT)
    assert [state.check_id async for state in store.load_findings(now=NOW, status="open")] == ["APW-001"]


def client(connection: str, transport: FaultyTransport) -> TableServiceClient:
    return TableServiceClient.from_connection_string(
        connection, transport=transport, retry_total=2, retry_backoff_factor=0.01
    )


async def run(
    connection: str,
    transport: FaultyTransport,
    observations: Seen,
    receiver: Receiver,
    number: int,
    *,
    everything: bool = True,
) -> None:
    async with client(connection, transport) as service:
        at, alert_id = NOW + number * HOUR, f"alert-{number}"
        await scan_and_tell(service, observations, receiver, alert_id=alert_id, at=at, everything=everything)


async def killed(connection: str, transport: FaultyTransport, observations: Seen, receiver: Receiver) -> bool:
    """Run the second scan; whether it was killed on the way."""
    try:
        await run(connection, transport, observations, receiver, 2)
    except Killed:
        return True
    return False


@OF_ALL_OR_SOME
async def test_killed_at_any_request_nothing_is_lost_and_nothing_is_told_twice(
    azurite: Azurite, everything: bool
) -> None:
    """The second scan dies at each of its requests in turn; a third one, which finds the same, makes up for it.

    To die after the service did what request n asks, and to die before request n + 1 reaches it, leave the same behind.
    """
    for at in count():
        connection, receiver = azurite.new_account(), Receiver()
        await run(connection, FaultyTransport(), FIRST, receiver, 1)
        was_killed = await killed(connection, FaultyTransport(at), SECOND, receiver)
        await run(connection, FaultyTransport(), SECOND, receiver, 3, everything=everything)
        async with client(connection, FaultyTransport()) as service:
            await check_everything_was_told_once(service, receiver)
        if not was_killed:
            assert at > 10
            return


@OF_ALL_OR_SOME
async def test_killed_in_the_very_first_scan_nothing_is_lost_either(azurite: Azurite, everything: bool) -> None:
    """There the tables come into being on the way."""
    for at in count():
        connection, receiver = azurite.new_account(), Receiver()
        was_killed = await killed(connection, FaultyTransport(at, after=True), FIRST, receiver)
        await run(connection, FaultyTransport(), FIRST, receiver, 3, everything=everything)
        assert receiver.told == Counter(TOLD_FIRST)
        if not was_killed:
            assert at > 10
            return


@OF_ALL_OR_SOME
async def test_a_lost_answer_neither_loses_nor_repeats(azurite: Azurite, everything: bool) -> None:
    """The service did it, but the process never hears: it retries, or fails and the next scan makes up for it."""
    for write in count():
        connection, receiver = azurite.new_account(), Receiver()
        await run(connection, FaultyTransport(), FIRST, receiver, 1)
        lossy = FaultyTransport(lose_write=write)
        with suppress(FindingsError):
            await run(connection, lossy, SECOND, receiver, 2)
        await run(connection, FaultyTransport(), SECOND, receiver, 3, everything=everything)
        async with client(connection, FaultyTransport()) as service:
            await check_everything_was_told_once(service, receiver)
        if lossy.writes <= write:
            assert write > 5
            return


async def test_a_change_whose_history_was_never_written_gets_it_when_it_is_told(storage: str) -> None:
    """Without another scan in between, which would have made up for it."""
    async with client(storage, FaultyTransport()) as service:
        await FindingStore(service).keep(account("a1"), [], alert_id="before")
    # Request 0 reads the account, 1 says that accounts are written, 2 that changes are, 3 writes it, 4 would write the history.
    async with client(storage, FaultyTransport(4)) as service:
        with pytest.raises(Killed):
            await FindingStore(service).keep(account("a1", at=NOW + HOUR), [seen()], alert_id="alert-1")
    async with client(storage, FaultyTransport()) as service:
        store = FindingStore(service)
        assert await store.history("a1") == ()
        changes = await store.changes_of("alert-1")
        await store.mark_told(changes)
        assert await store.history("a1") == changes
        assert len(changes) == 1


async def test_silent_changes_that_a_killed_scan_left_behind_are_told_to_nobody(storage: str) -> None:
    async with client(storage, FaultyTransport()) as service:
        await FindingStore(service).keep(account("a3"), [], alert_id="before")
    async with client(storage, FaultyTransport(4)) as service:
        late, observed = account("a3", at=NOW + HOUR), [seen()]
        with pytest.raises(Killed):
            await FindingStore(service).keep(late, observed, alert_id="alert-1", exceptions=[ACCEPTED])
    async with client(storage, FaultyTransport()) as service:
        store = FindingStore(service)
        assert await store.untold_alert_ids() == []
        assert await store.changes_of("alert-1") == ()
        assert await store.recover() == 1
        assert [change.silence for change in await store.history("a3")] == ["exception"]
        assert await store.recover() == 0


async def test_killed_again_and_again_the_work_still_gets_done(azurite: Azurite) -> None:
    connection, receiver = azurite.new_account(), Receiver()
    await run(connection, FaultyTransport(), FIRST, receiver, 1)
    for number in range(2, 20):
        try:
            await run(connection, FaultyTransport(number, after=bool(number % 2)), SECOND, receiver, number)
        except Killed:
            continue
    await run(connection, FaultyTransport(), SECOND, receiver, 20)
    async with client(connection, FaultyTransport()) as service:
        await check_everything_was_told_once(service, receiver)
