"""Which alerts have changes that wait is known without a look at the changes; the changes themselves are the truth."""

from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.model import Change
from findings.store import FindingStore
from findings.tables import Table
from soak.dying import done
from tests.findings.build import DAY, HOUR, NOW, account, seen
from tests.findings.crash import FaultyTransport
from tests.findings.test_crash import ACCEPTED, client


def another(service: TableServiceClient) -> FindingStore:
    """The store of another process."""
    return FindingStore(service)


async def test_an_alert_is_noted_before_its_first_change_is_written(
    store: FindingStore, service: TableServiceClient
) -> None:
    await store.keep(account("a1"), [seen()], alert_id="alert-1")
    killed = another(service)
    assert await killed.recover(everything=False) == 1, "nobody said that its changes are all in the history"
    assert killed.noted_alert_ids() == ["alert-1"]
    assert await another(service).recover(everything=False) == 0


async def test_a_scan_that_changes_nothing_notes_nothing(store: FindingStore, service: TableServiceClient) -> None:
    await store.keep(account("a1"), [], alert_id="alert-1")
    other = another(service)
    await other.recover(everything=False)
    assert other.noted_alert_ids() == []


async def test_the_oldest_comes_first(store: FindingStore, service: TableServiceClient) -> None:
    for hour, alert_id in enumerate(("z", "m", "a'b;c/d")):
        outcome = await store.keep(account(f"a{hour}", at=NOW + hour * HOUR), [seen()], alert_id=alert_id)
        await store.note_kept(alert_id, outcome.changes)
    other = another(service)
    await other.recover(everything=False)
    assert other.noted_alert_ids() == ["z", "m", "a'b;c/d"] == await other.untold_alert_ids()
    version = await other.version_of("m")
    await other.note_told("m", version)
    await other.note_told("m", version)
    await other.recover(everything=False)
    assert other.noted_alert_ids() == ["z", "a'b;c/d"]


async def test_a_scan_of_everything_finds_what_an_older_version_wrote_without_a_word(
    store: FindingStore, service: TableServiceClient
) -> None:
    outcome = await store.keep(account("a1"), [seen()], alert_id="alert-1")
    await Table(service, "runs").delete([("recovered", "alert;alert-1")])  # as if nobody had noted it
    of_some = another(service)
    assert await of_some.recover(everything=False) == 0
    assert of_some.noted_alert_ids() == []
    assert await another(service).recover() == len(outcome.changes) == 1
    await of_some.recover(everything=False)
    assert of_some.noted_alert_ids() == ["alert-1"]


async def test_an_alert_that_is_told_while_its_scan_goes_on_stays_noted(
    store: FindingStore, service: TableServiceClient
) -> None:
    first = await store.keep(account("a1"), [seen()], alert_id="alert-1")
    other = another(service)
    await other.mark_told(first.changes)
    await other.note_told("alert-1", await other.version_of("alert-1"))
    await store.keep(account("a2"), [seen()], alert_id="alert-1")  # and then the scan is killed
    later = another(service)
    assert await later.recover(everything=False) == 1
    assert later.noted_alert_ids() == ["alert-1"]


async def test_an_alert_whose_last_change_is_written_while_it_is_told_stays_noted(
    store: FindingStore, service: TableServiceClient
) -> None:
    first = await store.keep(account("a1"), [seen()], alert_id="alert-1")
    other = another(service)
    version = await other.version_of("alert-1")
    changes = await other.changes_of("alert-1")
    last = await store.keep(account("a2"), [seen()], alert_id="alert-1")
    await store.note_kept("alert-1", [*first.changes, *last.changes])
    # And then the scan is killed, before it could have its alert told.
    await other.mark_told(changes)
    await other.note_told("alert-1", version)
    later = another(service)
    await later.recover(everything=False)
    assert later.noted_alert_ids() == ["alert-1"] == await later.untold_alert_ids()


@pytest.mark.parametrize("order", [("a1", "a3"), ("a3", "a1")])
async def test_a_change_whose_write_was_taken_for_failed_waits_beside_silent_ones(
    storage: str, order: tuple[str, str]
) -> None:
    """The service did it and answered 500: what is repeated meets a conflict, and then finds everything as it is."""
    async with client(storage, FaultyTransport()) as service:
        for name in order:
            await FindingStore(service).keep(account(name), [], alert_id="before")
    async with client(storage, Answers500()) as service:
        store = FindingStore(service)
        changes: list[Change] = []
        await store.recover(everything=False)
        for name in order:
            late = account(name, at=NOW + HOUR)
            outcome = await store.keep(late, [seen()], alert_id="alert-1", exceptions=[ACCEPTED])
            changes += outcome.changes
        await store.note_kept("alert-1", changes)
        assert store.noted_alert_ids() == await store.untold_alert_ids()
    async with client(storage, FaultyTransport()) as service:
        later = FindingStore(service)
        await later.recover(everything=False)
        assert later.noted_alert_ids() == await later.untold_alert_ids()


class Answers500(FaultyTransport):
    """Does what the first transaction asks for, and answers that it failed."""

    answered = False

    async def ask(self, request: Any, **options: Any) -> Any:
        answer = await super().ask(request, **options)
        if request.url.endswith("$batch") and not self.answered:
            self.answered = True
            await done(answer)
            answer.status_code = 500
        return answer


async def test_a_scan_of_everything_drops_what_waits_no_longer(
    store: FindingStore, service: TableServiceClient
) -> None:
    outcome = await store.keep(account("a1"), [seen()], alert_id="alert-1")
    await store.note_kept("alert-1", outcome.changes)
    await store.mark_told(outcome.changes)
    left_over = another(service)
    await left_over.recover(everything=False)
    assert left_over.noted_alert_ids() == ["alert-1"], "who told it died before it could say so"
    await another(service).recover()
    await left_over.recover(everything=False)
    assert left_over.noted_alert_ids() == []


async def test_what_another_version_or_a_hand_left_of_a_row_is_made_whole(
    store: FindingStore, service: TableServiceClient
) -> None:
    await store.keep(account("a1", at=NOW + DAY), [seen()], alert_id="alert-1")
    for row in ("alert;alert-1", "alerts"):
        await Table(service, "runs").upsert({"PartitionKey": "recovered", "RowKey": row, "at": "soon", "in_history": 7})
    other = another(service)
    assert await other.recover(everything=False) == 1, "it doesn't say that its changes are in the history"
    assert other.noted_alert_ids() == ["alert-1"]
    assert await another(service).recover() == 0


@pytest.mark.parametrize("key", ["'" * 100, "%" * 500, ";", "a;b"])
async def test_a_row_that_is_no_alerts_stops_nobody(store: FindingStore, service: TableServiceClient, key: str) -> None:
    await store.keep(account("a1"), [seen()], alert_id="alert-1")
    await Table(service, "runs").upsert({"PartitionKey": "recovered", "RowKey": f"alert;{key}", "in_history": False})
    for everything in (False, True):
        other = another(service)
        await other.recover(everything=everything)
        assert other.noted_alert_ids() == ["alert-1"]
