"""A policy is turned on: what the app tells minutes later, through its own queues."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from azure.storage.queue import QueueServiceClient

from commands import watch
from findings.errors import ScanAlreadyRunning
from findings.lease import LeaseTimes, scan_lease
from findings.run_record import DONE, RunStatus
from findings.runs import RunStore
from functions import queues
from jobs import endings, log_watch
from jobs.scan import ScanRequest, scan
from jobs.views import opened
from settings import load_settings
from tests.e2e.conftest import BACKUP, VISIBLE, Installation

pytestmark = pytest.mark.usefixtures("installation")
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def watching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG", "on")
    monkeypatch.setattr(log_watch, "QUIET", timedelta())  # nobody waits for a minute here


def logged(installation: Installation, activity: str, target: Json, service: str = "Core Directory") -> None:
    """Somebody did something a moment ago: a scan reads the log up to the last full second."""
    installation.graph.tenant.audits.insert(
        0,
        {
            "id": f"event {len(installation.graph.tenant.audits)}",
            "activityDisplayName": activity,
            "activityDateTime": (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            "loggedByService": service,
            "category": "Policy",
            "result": "success",
            "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}, "app": None},
            "targetResources": [{"modifiedProperties": [], **target}],
        },
    )


def turn_on(installation: Installation) -> None:
    """Ada makes a policy that demands MFA of everybody."""
    (policy,) = installation.graph.tenant.policies
    policy["conditions"]["users"]["includeGroups"] = []
    policy["conditions"]["users"]["includeUsers"] = ["All"]
    target = {"id": policy["id"], "displayName": policy["displayName"], "type": "Policy"}
    logged(installation, "Update Conditional Access policy", target, "Conditional Access")


def on_the_queue(installation: Installation, name: str) -> list[bytes]:
    """What lies on a queue now, taken from it."""
    service = QueueServiceClient.from_connection_string(installation.storage)
    if name not in [queue.name for queue in service.list_queues()]:
        return []
    queue = service.get_queue_client(name)
    found = list(queue.receive_messages(max_messages=32))
    for message in found:
        queue.delete_message(message)
    return [base64.b64decode(message.content) for message in found]


def watch_and_do(installation: Installation) -> list[Json]:
    """One look at the log, and everything that comes of it, as the host does it. Returns the scans that were asked for."""
    asyncio.run(queues.watch_audit_log())
    scans = on_the_queue(installation, "scans")
    for body in scans:
        for alert in asyncio.run(queues.run_scan(body)):
            asyncio.run(queues.send_alert(alert.encode()))
    return [json.loads(body) for body in scans]


def test_a_policy_that_is_turned_on_is_told_with_who_and_when_by_the_next_look(installation: Installation) -> None:
    installation.graph.tenant.user(VISIBLE).mfa = "disabled"
    installation.scan()
    before = len(installation.told())
    assert watch_and_do(installation) == []
    turn_on(installation)
    ((asked),) = watch_and_do(installation)
    assert asked["trigger"] == "audit log"
    assert "accounts" not in asked
    assert installation.told()[before:] == [("opened", VISIBLE, "APW-001")]
    change = json.loads(installation.receiver.calls[-1].body)["data"]["changes"][-1]
    assert change["actor"] == "ada@contoso.com"
    assert watch_and_do(installation) == [], "told once"


def test_an_account_that_changes_is_looked_at_alone(installation: Installation) -> None:
    installation.scan()
    before = len(installation.told())
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    target = {"id": installation.graph.tenant.user(BACKUP).id, "type": "User", "userPrincipalName": BACKUP}
    logged(installation, "Update per-user multifactor authentication state", target, "Authentication Methods")
    installation.graph.requests.clear()
    (asked,) = watch_and_do(installation)
    assert asked["accounts"] == [target["id"]]
    assert ("resolved", BACKUP, "APW-001") in installation.told()[before:]
    requests = [one.path for one in installation.graph.requests if not one.in_batch]
    assert len(requests) <= 15, requests  # the look at the log and four for the cause included


def test_a_change_that_is_undone_before_anybody_looked_tells_nothing(installation: Installation) -> None:
    installation.scan()
    before = len(installation.told())
    (policy,) = installation.graph.tenant.policies
    for _ in ("off", "on again"):
        target = {"id": policy["id"], "displayName": policy["displayName"], "type": "Policy"}
        logged(installation, "Update Conditional Access policy", target, "Conditional Access")
    assert len(watch_and_do(installation)) == 1
    assert installation.told()[before:] == []


def test_a_scan_that_goes_on_is_waited_for_since_it_may_have_read_too_early(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = LeaseTimes(duration=2, renew_every=0.2, wait=0.5, poll=0.1)
    monkeypatch.setattr(queues, "ScanRequest", partial(ScanRequest, times=times))
    installation.scan()
    turn_on(installation)
    asyncio.run(queues.watch_audit_log())
    (body,) = on_the_queue(installation, "scans")
    run_id = json.loads(body)["run_id"]

    async def behind_another() -> RunStatus | None:
        async with opened(load_settings()) as service:
            async with scan_lease(service, "another", whole=True, times=times):
                assert await queues.run_scan(body) == []
            run = await RunStore(service).load(run_id)
            return run.status if run else None

    assert asyncio.run(behind_another()) is RunStatus.QUEUED


def test_scans_that_waited_are_skipped_where_one_of_everything_began_since(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a long scan goes on each look may ask for another one: after it one of them does the work of all."""
    monkeypatch.setattr(endings, "SETTLED", timedelta())
    installation.scan()
    bodies = []
    for _ in range(3):
        turn_on(installation)
        asyncio.run(queues.watch_audit_log())
        bodies += on_the_queue(installation, "scans")
    assert len(bodies) == 3

    async def become() -> list[RunStatus]:
        for body in bodies:
            await queues.run_scan(body)
        async with opened(load_settings()) as service:
            runs = [await RunStore(service).load(json.loads(body)["run_id"]) for body in bodies]
            return [run.status for run in runs if run]

    first, *others = asyncio.run(become())
    assert first in DONE
    assert others == [RunStatus.SKIPPED] * 2


def test_with_the_audit_log_off_nothing_is_asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG", "off")
    installation.scan()
    installation.graph.requests.clear()
    turn_on(installation)
    assert watch_and_do(installation) == []
    assert installation.graph.requests == []


def test_in_the_foreground_the_event_and_what_it_changed_are_printed(installation: Installation) -> None:
    installation.graph.tenant.user(VISIBLE).mfa = "disabled"
    installation.scan()
    quiet = installation.run("watch", "--once")
    assert (quiet.code, quiet.out) == (0, "")
    turn_on(installation)
    answer = installation.run("watch", "--once")
    event, change = answer.out.splitlines()
    assert event.endswith("Update Conditional Access policy (Require MFA for service accounts) by ada@contoso.com")
    assert change.startswith(f"opened: {VISIBLE} APW-001 ")
    assert answer.code == 0
    assert ("opened", VISIBLE, "APW-001") in installation.told()
    assert installation.run("watch", "--once").out == ""


def test_in_the_foreground_a_log_that_cannot_be_read_is_said(installation: Installation) -> None:
    installation.scan()
    installation.graph.deny("AuditLog.Read.All")
    answer = installation.run("watch", "--once")
    assert answer.code == 2
    assert "The audit log can't be read: 403" in answer.err


@pytest.mark.parametrize(
    ("every", "said"), [("soon", "is no time such as 90s, 5m or 1h"), ("1s", "isn't between 10s and 24h")]
)
def test_how_often_is_a_time(installation: Installation, every: str, said: str) -> None:
    answer = installation.run("watch", "--every", every)
    assert answer.code == 2
    assert said in answer.err


def test_in_the_foreground_a_scan_that_cannot_be_done_now_is_said_and_done_at_the_next_look(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.graph.tenant.user(VISIBLE).mfa = "disabled"
    installation.scan()
    turn_on(installation)
    refused = [ScanAlreadyRunning("Another scan is going on.", owner="another", whole=True)]

    async def done(*arguments: Any, **more: Any) -> Any:
        if refused:
            raise refused.pop()
        return await scan(*arguments, **more)

    looks = 0

    async def passes(seconds: float) -> None:
        nonlocal looks
        looks += seconds == 300
        if looks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch, "scan", done)
    monkeypatch.setattr(watch, "_pause", passes)
    answer = installation.run("watch")
    assert "Another scan is going on." in answer.err
    assert f"opened: {VISIBLE} APW-001 " in answer.out
