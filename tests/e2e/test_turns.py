"""Scans that find another one going on, whose message comes twice, or whose process is killed again and again."""

import asyncio
import base64
import importlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from connections.storage import StorageUnavailable
from findings.errors import ScanAlreadyRunning
from findings.lease import Lease, LeaseTimes, scan_lease
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from findings.tables import Table
from functions import http_api, queues
from jobs import endings
from jobs.endings import MOST_WAITS
from jobs.scan import ScanRequest
from settings import SettingsError
from tests.e2e.conftest import BACKUP, VISIBLE, Installation
from tests.e2e.test_http import answer, request

HELD = LeaseTimes(duration=5, renew_every=0.2, wait=1, poll=0.05)
DEAD = LeaseTimes(duration=1, renew_every=0.2, wait=1, poll=0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that finds another one doesn't wait long for it."""
    monkeypatch.setattr(queues, "ScanRequest", partial(ScanRequest, times=replace(HELD, wait=0.3)))
    monkeypatch.setattr(queues, "end_for_good", partial(endings.end_for_good, poll=0.05))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits on the queue can be taken from it at once."""
    monkeypatch.setattr(queues, "WAIT", timedelta())


def scheduled(**more: Any) -> bytes:
    return json.dumps({**json.loads(queues.scheduled_scan()), **more}).encode()


async def while_going_on(storage: str, owner: str, whole: bool, work: Callable[[], Awaitable[Any]]) -> Any:
    """Do something while another process, which is alive, scans everything or some accounts."""
    async with (
        TableServiceClient.from_connection_string(storage) as service,
        scan_lease(service, owner, whole=whole, times=HELD),
    ):
        return await work()


def behind(storage: str, message: bytes, *, owner: str = "other", whole: bool = False) -> list[str]:
    """What a scan puts on the queue of alerts that begins while another one is going on."""
    found: list[str] = asyncio.run(while_going_on(storage, owner, whole, lambda: queues.run_scan(message)))
    return found


async def _taken(storage: str, queue: str) -> list[bytes]:
    async with QueueServiceClient.from_connection_string(storage) as service:
        client = service.get_queue_client(queue)
        with suppress(ResourceExistsError):
            await client.create_queue()
        messages = [one async for one in client.receive_messages()]
        for one in messages:
            await client.delete_message(one)
        return [base64.b64decode(one.content) for one in messages]


def taken(storage: str, queue: str = "scans") -> list[bytes]:
    """The messages that can be seen on a queue now, taken from it."""
    return asyncio.run(_taken(storage, queue))


def run_of(message: bytes) -> dict[str, Any]:
    """The run of a message as anybody can ask for it."""
    found: dict[str, Any] = answer(asyncio.run(http_api.run(request(route={"id": json.loads(message)["run_id"]}))))
    return found


async def _save(storage: str, run: RunRecord) -> None:
    async with TableServiceClient.from_connection_string(storage) as service:
        await RunStore(service).save(run)


def save(storage: str, run: RunRecord) -> None:
    asyncio.run(_save(storage, run))


async def _kill(storage: str, run_id: str, times: LeaseTimes) -> None:
    async def never(seconds: float) -> None:
        await asyncio.Event().wait()

    async with TableServiceClient.from_connection_string(storage) as service:
        lease = Lease(Table(service, "runs"), run_id, times, lambda: datetime.now(UTC), never, whole=True)
        await lease.acquire()
        await RunStore(service).save(RunRecord(run_id, RunStatus.RUNNING, datetime.now(UTC)))


def kill(storage: str, message: bytes) -> None:
    """The scan of this message begins, and its process dies."""
    asyncio.run(_kill(storage, json.loads(message)["run_id"], DEAD))


def all_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest is due with every scheduled scan."""
    for name, value in (("SERVICE_ACCOUNTS", VISIBLE), ("ALERT_DIGEST", "daily"), ("ALERT_ALL_CLEAR", "yes")):
        monkeypatch.setenv(name, value)


def headlines(installation: Installation) -> list[str]:
    return [json.loads(call.body)["data"]["headline"] for call in installation.receiver.calls]


@pytest.mark.usefixtures("soon")
def test_the_daily_scan_waits_for_a_recheck_and_is_done_then_with_its_digest(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_clear(monkeypatch)
    message = scheduled()
    assert behind(storage, message) == []
    run = run_of(message)
    assert (run["status"], run["trigger"], run["finished"], run["error"]) == ("queued", "schedule", None, None)
    (again,) = taken(storage)
    assert json.loads(again) == {**json.loads(message), "waits": 1}
    alerts = asyncio.run(queues.run_scan(again))
    assert (run_of(message)["status"], taken(storage)) == ("complete", [])
    for alert in alerts:
        asyncio.run(queues.send_alert(alert.encode()))
    assert headlines(installation) == ["All clear: nothing is open for 1 service account"]


@pytest.mark.usefixtures("soon")
def test_a_scan_that_was_asked_for_waits_for_a_recheck_under_the_address_it_was_given(
    installation: Installation, storage: str
) -> None:
    response = asyncio.run(http_api.recheck(request("POST")))
    (message,) = (one.encode() for one in response.scans)
    behind(storage, message)
    behind(storage, *taken(storage))
    assert run_of(message)["status"] == "queued"
    (again,) = taken(storage)
    assert json.loads(again)["waits"] == 2
    asyncio.run(queues.run_scan(again))
    assert (run_of(message)["status"], run_of(message)["trigger"]) == ("complete", "request")


def test_what_waits_is_seen_after_a_minute_and_not_before(installation: Installation, storage: str) -> None:
    behind(storage, scheduled())
    assert taken(storage) == []
    assert timedelta(seconds=60) == queues.WAIT

    async def waiting() -> int | None:
        async with QueueServiceClient.from_connection_string(storage) as service:
            return (await service.get_queue_client("scans").get_queue_properties()).approximate_message_count

    assert asyncio.run(waiting()) == 1


def test_a_scan_waits_for_no_more_than_two_hours_and_then_says_why(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_clear(monkeypatch)
    message = scheduled(waits=MOST_WAITS)
    assert behind(storage, message, owner="recheck-9") == []
    run = run_of(message)
    assert run["status"] == "failed"
    assert run["error"].endswith("the last was recheck-9.")
    assert taken(storage) == []
    for alert in taken(storage, "alerts"):
        asyncio.run(queues.send_alert(alert))
    (call,) = installation.receiver.calls
    assert "Reminders that were due with it are not sent." in str(call.body)


@pytest.mark.parametrize("asked_for", [True, False], ids=["asked for", "scheduled"])
def test_a_scan_of_everything_that_finds_another_one_is_skipped_and_its_digest_comes(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch, asked_for: bool
) -> None:
    all_clear(monkeypatch)
    before = datetime.now(UTC) - timedelta(days=1)
    save(storage, RunRecord("before", RunStatus.COMPLETE, before, before, accounts_total=1))
    if asked_for:
        (message,) = (one.encode() for one in asyncio.run(http_api.recheck(request("POST"))).scans)
    else:
        message = scheduled()
    alerts = behind(storage, message, owner="run-1", whole=True)
    run = run_of(message)
    assert (run["status"], run["complete"]) == ("skipped", False)
    assert run["error"] == "Another scan of everything was going on: run-1; it does the same work."
    assert run["finished"]
    assert len(alerts) == (0 if asked_for else 1)
    assert asyncio.run(queues.run_scan(message)) == alerts  # its message comes twice
    assert (run_of(message), installation.graph.http_requests) == (run, 0)


@pytest.mark.parametrize("status", [RunStatus.COMPLETE, RunStatus.INCOMPLETE])
def test_a_message_that_comes_twice_gives_one_result_and_its_alert(
    installation: Installation, storage: str, status: RunStatus
) -> None:
    if status is RunStatus.INCOMPLETE:
        installation.graph.tenant.user(BACKUP).mfa = None
    message = scheduled()
    alerts = asyncio.run(queues.run_scan(message))
    run, asked = run_of(message), installation.graph.http_requests
    assert len(alerts) == 1
    # The process died after the scan, so that its alert never came onto the queue.
    assert asyncio.run(queues.run_scan(message)) == alerts
    assert behind(storage, message) == alerts
    assert behind(storage, message, whole=True) == alerts
    assert (run_of(message), installation.graph.http_requests) == (run, asked)
    assert taken(storage) == []


@pytest.mark.usefixtures("soon")
def test_a_message_that_comes_twice_at_the_same_time_is_neither_skipped_nor_lost(
    installation: Installation, storage: str
) -> None:
    message = scheduled()
    run_id = json.loads(message)["run_id"]
    save(storage, RunRecord(run_id, RunStatus.RUNNING, datetime.now(UTC)))
    assert behind(storage, message, owner=run_id, whole=True) == []
    assert run_of(message)["status"] == "running"
    (again,) = taken(storage)
    assert json.loads(again)["run_id"] == run_id


def test_a_run_whose_process_died_is_taken_up_again(installation: Installation, storage: str) -> None:
    message = scheduled()
    kill(storage, message)
    asyncio.run(queues.run_scan(message))
    assert (run_of(message)["status"], run_of(message)["accounts_total"]) == ("complete", 3)


def test_a_run_that_failed_is_tried_again(installation: Installation) -> None:
    message = scheduled()
    installation.graph.fail(r"(GET|POST) /v1\.0/", 0)
    with pytest.raises(Exception, match="can't be reached"):
        asyncio.run(queues.run_scan(message))
    assert run_of(message)["status"] == "failed"
    installation.graph.heal()
    asyncio.run(queues.run_scan(message))
    assert (run_of(message)["status"], run_of(message)["error"]) == ("complete", None)


def test_a_run_that_was_killed_five_times_fails_and_is_told(installation: Installation, storage: str) -> None:
    message = scheduled()
    kill(storage, message)
    for _ in range(2):
        asyncio.run(queues.scan_failed(message))
    run = run_of(message)
    assert run["status"] == "failed"
    assert "its process ended" in run["error"]
    for alert in taken(storage, "alerts"):
        asyncio.run(queues.send_alert(alert))
    assert headlines(installation) == ["Can't see anything: the scans fail"]


def test_a_run_that_is_going_on_is_not_called_failed(installation: Installation, storage: str) -> None:
    message = scheduled()
    run_id = json.loads(message)["run_id"]
    save(storage, RunRecord(run_id, RunStatus.RUNNING, datetime.now(UTC)))
    asyncio.run(while_going_on(storage, run_id, True, lambda: queues.scan_failed(message)))
    assert (run_of(message)["status"], headlines(installation)) == ("running", [])


def test_a_run_that_was_killed_fails_although_another_one_is_going_on(installation: Installation, storage: str) -> None:
    message = scheduled()
    save(storage, RunRecord(json.loads(message)["run_id"], RunStatus.RUNNING, datetime.now(UTC)))
    asyncio.run(while_going_on(storage, "other", True, lambda: queues.scan_failed(message)))
    assert run_of(message)["status"] == "failed"


def test_what_a_scan_that_was_done_promised_is_done_where_only_that_failed(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_DIGEST", "daily")
    message = scheduled()

    async def broken(settings: object, now: datetime) -> str | None:
        raise StorageUnavailable("Table Storage can't be reached.")

    with monkeypatch.context() as failing:
        failing.setattr(queues, "prepare_digest", broken)
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                asyncio.run(queues.run_scan(message))
    run = run_of(message)
    assert run["status"] == "complete"
    asyncio.run(queues.scan_failed(message))
    assert (run_of(message), headlines(installation)) == (run, [])
    for alert in taken(storage, "alerts"):
        asyncio.run(queues.send_alert(alert))
    assert BACKUP in {account for _, account, _ in installation.told()}


@pytest.mark.parametrize("body", [b"", b"{", b'{"hello": 1}', b"[]", b"null", b'{"run_id": 7}', b"\xff\xfe"])
def test_a_poison_message_of_somebody_else_is_logged_and_not_raised(
    installation: Installation, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    asyncio.run(queues.scan_failed(body))
    (line,) = [one for one in caplog.records if one.name == queues.__name__]
    assert "not from this app" in line.getMessage()


def test_settings_that_are_wrong_are_logged_and_not_raised_for_a_poison_message(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "hunter2")
    asyncio.run(queues.scan_failed(scheduled()))
    (line,) = [one for one in caplog.records if one.name == queues.__name__]
    assert "AzureWebJobsStorage" in line.getMessage()
    assert "hunter2" not in line.getMessage()


def test_a_number_of_waits_that_is_none_counts_as_the_first(installation: Installation) -> None:
    message = scheduled(waits="many")
    asyncio.run(queues.run_scan(message))
    assert run_of(message)["status"] == "complete"


def test_a_run_that_waited_in_vain_is_ended_by_the_next_scan(installation: Installation, storage: str) -> None:
    lost = RunRecord("lost", RunStatus.QUEUED, datetime.now(UTC) - timedelta(days=9), trigger="request")
    waits = replace(lost, id="waits", started=datetime.now(UTC) - timedelta(days=1))
    for run in (lost, waits):
        save(storage, run)
    installation.scan()
    assert run_of(b'{"run_id": "lost"}')["error"].startswith("It waited for 8 days and never started")
    assert run_of(b'{"run_id": "waits"}')["status"] == "queued"


@pytest.mark.parametrize("what", ["jobs.look.judge_reading", "jobs.scan.waiting_changes", "jobs.outcome.plan_object"])
def test_the_lease_is_renewed_while_a_scan_computes(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whatever takes long, nobody else believes the scan dead."""
    name, _, function = what.rpartition(".")
    computed = getattr(importlib.import_module(name), function)
    refused: list[ScanAlreadyRunning] = []

    async def rival() -> None:
        times = LeaseTimes(duration=2, renew_every=0.2, wait=2.5, poll=0.1)
        async with TableServiceClient.from_connection_string(storage) as service, scan_lease(service, "x", times=times):
            pytest.fail("two scans at once")

    def slowly(*arguments: Any) -> Any:
        with pytest.raises(ScanAlreadyRunning) as caught:
            asyncio.run(rival())
        refused.append(caught.value)
        return computed(*arguments)

    monkeypatch.setattr(what, slowly)
    monkeypatch.setattr(queues, "ScanRequest", partial(ScanRequest, times=LeaseTimes(duration=2, renew_every=0.2)))
    message = scheduled()
    asyncio.run(queues.run_scan(message))
    run_id = json.loads(message)["run_id"]
    assert [(one.owner, one.whole) for one in refused] == [(run_id, True)]
    assert run_of(message)["status"] == "complete"


def test_settings_that_let_no_scan_start_are_told_with_what_is_wrong(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    message = scheduled()
    with pytest.raises(SettingsError):
        asyncio.run(queues.run_scan(message))
    asyncio.run(queues.scan_failed(message))
    for alert in taken(storage, "alerts"):
        asyncio.run(queues.send_alert(alert))
    (call,) = installation.receiver.calls
    (note,) = json.loads(call.body)["data"]["notes"]
    assert note.startswith(
        "The scan of the service accounts fails: No service accounts are named: set SERVICE_ACCOUNTS,"
    )
