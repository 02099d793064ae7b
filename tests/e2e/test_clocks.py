"""Machines whose clocks are wrong: nothing is kept in the future, nothing is lost for a month, and the run says so."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from connections.storage import ensure_tables
from findings.model import FindingState
from findings.run_record import RunRecord
from findings.runs import RunStore, new_run_id
from findings.store import FindingStore
from jobs import scan as scan_module
from jobs import tell, teller
from jobs.look import Seen, look
from jobs.scan import ScanRequest, scan
from jobs.tell import prepare_digest, send_alert, waiting_alerts
from settings import load_settings
from tests.e2e.conftest import BACKUP, MAILER, Installation

DAYS_29 = timedelta(days=29)


class Machine:
    """A machine whose clock is off, seen by storage and by Microsoft Graph as it would be there."""

    def __init__(self, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        self._installation, self._monkeypatch = installation, monkeypatch

    def scan(
        self, ahead: timedelta = timedelta(), *, corrected: bool = True, storage_is_ahead: bool = False
    ) -> RunRecord:
        """Scan with a clock that is ``ahead``, and the storage account's like it or right; without ``corrected`` as a version did
        that didn't look at other clocks.
        """

        async def off(service: TableServiceClient, names: Iterable[str]) -> timedelta:
            await ensure_tables(service, names)
            return ahead if corrected and not storage_is_ahead else timedelta()

        self._monkeypatch.setattr(scan_module, "ensure_tables", off)
        self._installation.graph.date_skew = -ahead if corrected else timedelta()
        now = datetime.now(UTC) + ahead
        request = ScanRequest(new_run_id(now), "test")
        # Graph's clock has whole seconds: what it corrects must not come out as before the scan before.
        later = timedelta(seconds=2) if storage_is_ahead else timedelta()
        asyncio.run(scan(load_settings(), request, clock=lambda: datetime.now(UTC) + ahead + later))
        return asyncio.run(self._run(request.run_id))

    async def _run(self, run_id: str) -> RunRecord:
        async with TableServiceClient.from_connection_string(self._installation.storage) as service:
            found = await RunStore(service).load(run_id)
            assert found is not None
            return found

    def is_first(self, run: RunRecord) -> bool:
        """Whether the run is taken for the first one."""

        async def ask() -> bool:
            async with TableServiceClient.from_connection_string(self._installation.storage) as service:
                return await RunStore(service).is_first(run)

        return asyncio.run(ask())

    def findings(self) -> dict[tuple[str, str], FindingState]:
        """Everything that is kept."""

        async def load() -> list[FindingState]:
            async with TableServiceClient.from_connection_string(self._installation.storage) as service:
                return [one async for one in FindingStore(service).load_findings(now=datetime.now(UTC))]

        return {(one.user_principal_name, one.check_id): one for one in asyncio.run(load())}


@pytest.fixture
def machine(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(installation, monkeypatch)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize("ahead", [DAYS_29, -DAYS_29, timedelta(hours=3)])
def test_a_machine_whose_clock_is_wrong_goes_by_the_others(machine: Machine, ahead: timedelta) -> None:
    machine.scan()
    run = machine.scan(ahead)
    assert abs(run.started - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(run.notes) == 1
    assert "set the machine's clock" in run.notes[0]
    assert all(state.last_seen < soon() for state in machine.findings().values())


def test_seconds_are_no_error(machine: Machine) -> None:
    assert machine.scan(timedelta(seconds=35)).notes == ()


def test_what_a_clock_that_was_ahead_left_is_repaired_by_the_next_scan(
    machine: Machine, installation: Installation
) -> None:
    machine.scan(DAYS_29, corrected=False)
    assert machine.findings()[BACKUP, "APW-001"].first_seen > soon()
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    run = machine.scan()
    state = machine.findings()[BACKUP, "APW-001"]
    assert not state.open
    assert max(state.first_ever, state.first_seen, state.last_seen, state.changed_at) < soon()
    assert all(one.last_seen < soon() for one in machine.findings().values())
    assert run.finished is not None
    assert run.finished < soon()


def test_only_the_first_scan_is_called_the_first_whatever_the_clock_of_that_one_said(
    machine: Machine, installation: Installation
) -> None:
    machine.scan(DAYS_29, corrected=False)
    installation.graph.tenant.user(BACKUP).mfa = "enabled"
    run = machine.scan()
    assert not machine.is_first(run)


def test_days_count_by_the_true_clock_where_only_microsoft_graph_has_it(
    machine: Machine, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.scan()
    before = machine.findings()
    monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)  # of three accounts
    machine.scan()
    run = machine.scan(DAYS_29, storage_is_ahead=True)
    assert abs(run.started - datetime.now(UTC)) < timedelta(minutes=1)
    assert {key: state.status for key, state in machine.findings().items()} == {
        key: state.status for key, state in before.items()
    }


def test_no_run_stays_in_the_future(machine: Machine, installation: Installation) -> None:
    wrong = machine.scan(DAYS_29, corrected=False)
    machine.scan()
    assert asyncio.run(machine._run(wrong.id)).started < soon()


def test_a_wrong_clock_deletes_nothing_that_is_not_old(machine: Machine) -> None:
    machine.scan()
    before = machine.findings().keys()
    machine.scan(timedelta(days=800))
    assert machine.findings().keys() == before


def test_an_older_reading_does_not_replace_a_newer_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    """A recheck that reads and keeps while a long scan is still between reading and keeping."""
    machine.scan()
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    machine.scan()
    installation.graph.tenant.user(BACKUP).mfa = "disabled"

    async def an_hour_ago(*arguments: Any, **more: Any) -> Seen:
        seen = await look(*arguments, **more)
        return replace(seen, read_at=seen.read_at - timedelta(hours=1))

    monkeypatch.setattr(scan_module, "look", an_hour_ago)
    run = machine.scan()
    assert not machine.findings()[BACKUP, "APW-001"].open
    assert run.notes == ("3 accounts were read later by another scan, whose judgement stays.",)


@pytest.mark.parametrize(("first", "then"), [(60, 0), (60, -60), (0, -60), (290, -290)])
def test_what_was_read_later_counts_whatever_the_clocks_of_the_machines_say(
    machine: Machine, installation: Installation, first: int, then: int
) -> None:
    machine.scan(timedelta(seconds=first))
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    machine.scan(timedelta(seconds=then))
    assert not machine.findings()[BACKUP, "APW-001"].open


def test_a_machine_whose_clock_is_ahead_signs_and_claims_with_the_true_time(
    machine: Machine, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.scan()

    async def ahead(service: TableServiceClient, names: Iterable[str]) -> timedelta:
        await ensure_tables(service, names)
        return DAYS_29

    monkeypatch.setattr(teller, "ensure_tables", ahead)
    settings = load_settings()
    for alert_id in asyncio.run(waiting_alerts(settings)):
        asyncio.run(send_alert(settings, alert_id, clock=lambda: datetime.now(UTC) + DAYS_29))
    assert installation.told()
    assert all(call.signature_valid for call in installation.receiver.calls)  # a receiver allows five minutes


@pytest.fixture
def a_day_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage account's clock is a day and a minute ahead of this machine's, for whoever tells."""

    async def behind(service: TableServiceClient, names: Iterable[str]) -> timedelta:
        await ensure_tables(service, names)
        return -timedelta(days=1, minutes=1)

    monkeypatch.setattr(tell, "ensure_tables", behind)
    monkeypatch.setenv("ALERT_DIGEST", "daily")


def test_a_machine_whose_clock_is_behind_reminds_of_what_an_exception_no_longer_covers(
    machine: Machine, installation: Installation, a_day_behind: None
) -> None:
    machine.scan()
    today = datetime.now(UTC).date().isoformat()
    for account, check in ((BACKUP, "APW-001"), (MAILER, "APW-003")):
        what = ("--account", account, "--check", check)
        installation.run("exceptions", "add", *what, "--owner", "me@contoso.com", "--reason", "x", "--until", today)
    assert asyncio.run(prepare_digest(load_settings(), datetime.now(UTC))) is not None


def test_a_machine_whose_clock_is_behind_sends_what_waits(machine: Machine, a_day_behind: None) -> None:
    machine.scan()
    digest = asyncio.run(prepare_digest(load_settings(), datetime.now(UTC)))
    assert digest in asyncio.run(waiting_alerts(load_settings()))
