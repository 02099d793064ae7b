"""A scan of a tenant that hasn't changed writes no account, and a recheck looks up only whom it is asked about."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from connections.storage import tables
from findings.lease import LeaseTimes
from findings.run_record import RunStatus
from findings.runs import RunStore
from findings.seen import SeenStore
from findings.store import FindingStore
from findings.tables import Table
from findings.waiting import WaitingAlerts
from jobs.scan import ScanRequest, ScanResult, scan
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings, load_settings

NAMES = [f"svc-{number}@contoso.com" for number in range(6)]
QUICK = LeaseTimes(duration=0.05, renew_every=30, wait=5, poll=0.02)


class Place:
    """An installation, and what it wrote."""

    def __init__(self, graph: LocalGraph, settings: Settings, service: TableServiceClient) -> None:
        self.graph, self._settings, self.service = graph, settings, service
        self._numbers = count()

    async def scan(self, *accounts: str) -> ScanResult:
        return await scan(self._settings, ScanRequest(f"run-{next(self._numbers)}", "test", accounts, times=QUICK))

    async def versions(self) -> dict[str, str]:
        """Account id -> the version of its row."""
        rows = self.service.get_table_client("findings").query_entities("RowKey eq 'account'")
        return {row["PartitionKey"]: str(row.metadata["etag"]) async for row in rows}

    async def last_seen(self) -> set[datetime]:
        found = FindingStore(self.service).load_findings(now=datetime.now(UTC))
        return {state.last_seen async for state in found}


def company(**extra: Any) -> TenantBuilder:
    build = TenantBuilder().policy("MFA", grant=["mfa"], client_apps=["browser"])
    for name in NAMES:
        build.user(name, mfa="disabled", **extra)
    return build


@pytest.fixture
async def place(storage: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    async with LocalGraph(company().build()) as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("AzureWebJobsStorage", storage)
        monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join(NAMES))
        settings = load_settings(require=frozenset({"storage"}))
        async with tables(settings) as service:
            yield Place(graph, settings, service)


async def test_a_second_scan_writes_only_what_changed_and_says_of_all_when_they_were_last_seen(place: Place) -> None:
    await place.scan()
    first, seen_first = await place.versions(), await place.last_seen()
    await place.scan()
    assert await place.versions() == first
    (seen_second,) = await place.last_seen()
    assert seen_second > max(seen_first)
    user = next(user for user in place.graph.tenant.users.values() if user.upn == NAMES[0])
    user.mfa = "enforced"
    place.graph.tenant.changed()
    await place.scan()
    third = await place.versions()
    assert {id for id in first if first[id] != third[id]} == {user.id}


async def test_after_a_scan_that_may_still_have_a_write_on_its_way_every_account_is_written_once(place: Place) -> None:
    await place.scan()
    first = await place.versions()
    lease = {"PartitionKey": "lease", "RowKey": "scan", "owner": "run-x", "token": "x", "duration": 0.05}
    times = {"acquired": datetime.now(UTC), "expires": datetime.now(UTC)}
    await place.service.get_table_client("runs").create_entity({**lease, **times})
    await place.scan(NAMES[0])
    assert sum(version != first[id] for id, version in (await place.versions()).items()) == 1
    await place.scan()
    second = await place.versions()
    assert all(second[id] != first[id] for id in first)
    await place.scan()
    assert await place.versions() == second


async def test_a_renamed_account_is_rechecked_by_its_new_name_as_the_one_that_is_known(place: Place) -> None:
    await place.scan()
    user = next(user for user in place.graph.tenant.users.values() if user.upn == NAMES[0])
    user.upn = "renamed@contoso.com"
    place.graph.tenant.changed()
    for name in ("renamed@contoso.com", NAMES[0], user.id):
        (account,) = (await place.scan(name)).document["accounts"]
        assert account["id"] == user.id
        assert account["selected_by"] == [f"renamed: it was {NAMES[0]}"]


async def test_one_account_that_is_gone_is_not_taken_for_most_of_them(place: Place) -> None:
    await place.scan()
    user = next(user for user in place.graph.tenant.users.values() if user.upn == NAMES[0])
    del place.graph.tenant.users[user.id]
    place.graph.tenant.changed()
    await place.scan(NAMES[0])
    findings = FindingStore(place.service).load_findings(now=datetime.now(UTC), account=user.id)
    assert {(one.status.value, one.resolution) async for one in findings} == {
        ("resolved", "The account no longer exists in the tenant.")
    }


async def test_a_scan_reads_once_what_earlier_ones_noted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    for kind in (SeenStore, WaitingAlerts):

        def counted(self: Any, load: Any = kind.load, name: str = kind.__name__) -> Any:
            loaded.append(name)
            return load(self)

        monkeypatch.setattr(kind, "load", counted)
    for _ in range(2):
        loaded.clear()
        await place.scan()
        assert sorted(loaded) == ["SeenStore", "WaitingAlerts"]


async def test_a_recheck_reads_none_of_the_changes_that_wait_and_sends_them_all_the_same(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await place.scan()
    asked: list[str] = []

    def noted(
        self: Table, query_filter: str, parameters: Any, *more: Any, query: Any = Table.query, **named: Any
    ) -> Any:
        asked.append(f"{self.name} {parameters.get('low')}")
        return query(self, query_filter, parameters, *more, **named)

    monkeypatch.setattr(Table, "query", noted)
    again = await place.scan(NAMES[0])
    assert first.alert_ids
    assert again.alert_ids == first.alert_ids
    assert asked
    assert not [one for one in asked if one.startswith("findings change")]


async def test_a_long_scan_says_in_its_run_how_far_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, int]] = []
    numbers = count()
    save, change = FindingStore.save_account, RunStore.change

    async def slow(self: FindingStore, *about: Any) -> None:
        third = next(numbers) == 2
        while third and not said:  # until somebody was told how far it is
            await asyncio.sleep(0.02)
        await save(self, *about)

    async def noted(self: RunStore, run_id: str, make: Any) -> Any:
        run = await change(self, run_id, make)
        if run and run.accounts_done:
            said.append((run.accounts_done, run.accounts_total))
        return run

    monkeypatch.setattr("jobs.how_far.EVERY", 0.02)
    monkeypatch.setattr(FindingStore, "save_account", slow)
    monkeypatch.setattr(RunStore, "change", noted)
    await place.scan()
    assert {total for _, total in said} == {6}
    assert min(done for done, _ in said) < 6
    done = await RunStore(place.service).load("run-0")
    assert done is not None
    assert (done.status, done.accounts_done, done.accounts_total) == (RunStatus.COMPLETE, 6, 6)
