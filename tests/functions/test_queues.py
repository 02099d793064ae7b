"""What the poison queues start: nothing that it meets is raised, for nobody would see the message again."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connections.storage import StorageUnavailable
from findings.errors import StorageError
from findings.run_record import RunRecord, RunStatus
from functions import queues
from jobs.scan import ScanResult
from tests.infra.bicep import INFRA, parsed

Handler = Callable[[bytes], Awaitable[None]]
SCAN = json.dumps({"run_id": "20261122T060000Z-3f9c2a1b", "trigger": "schedule"}).encode()
ALERT = b'{"alert_id": "a"}'
ERRORS = [StorageUnavailable("Table Storage is gone."), StorageError("403."), RuntimeError("a fault"), KeyError("x")]


def raising(error: Exception) -> Callable[..., Awaitable[Any]]:
    async def step(*_arguments: object, **_named: object) -> Any:
        raise error

    return step


def giving(value: Any) -> Callable[..., Awaitable[Any]]:
    async def step(*_arguments: object, **_named: object) -> Any:
        return value

    return step


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("handler", "body", "step", "status"),
    [
        (queues.scan_failed, SCAN, "end_for_good", RunStatus.FAILED),
        (queues.scan_failed, SCAN, "tell_failure", RunStatus.FAILED),
        (queues.scan_failed, SCAN, "waiting_alerts", RunStatus.FAILED),
        (queues.scan_failed, SCAN, "prepare_digest", RunStatus.COMPLETE),
        (queues.scan_failed, SCAN, "waiting_alerts", RunStatus.COMPLETE),
        (queues.alert_failed, ALERT, "send_failure_notice", RunStatus.FAILED),
    ],
)
def test_a_poison_handler_logs_what_it_meets_and_does_not_raise(
    handler: Handler,
    body: bytes,
    step: str,
    status: RunStatus,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = RunRecord("20261122T060000Z-3f9c2a1b", status, datetime(2026, 11, 22, tzinfo=UTC))
    for name, value in (
        ("end_for_good", run),
        ("tell_failure", None),
        ("waiting_alerts", ()),
        ("prepare_digest", None),
    ):
        monkeypatch.setattr(queues, name, giving(value))
    monkeypatch.setattr(queues, step, raising(error))
    asyncio.run(handler(body))  # type: ignore[arg-type]
    assert any(record.levelno == logging.ERROR and str(error).strip("'") in record.message for record in caplog.records)


@pytest.mark.parametrize("body", [b"", b"\xff", b"null", b"[]", b'{"run_id": 1}', b'{"alert_id": ""}', b"[" * 100_000])
@pytest.mark.parametrize("handler", [queues.scan_failed, queues.alert_failed])
def test_a_message_of_somebody_else_is_logged(handler: Handler, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(handler(body))  # type: ignore[arg-type]
    assert caplog.records


@pytest.mark.parametrize(("handler", "body"), [(queues.scan_failed, SCAN), (queues.alert_failed, ALERT)])
def test_wrong_settings_are_logged(
    handler: Handler, body: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AzureWebJobsStorage")
    asyncio.run(handler(body))  # type: ignore[arg-type]
    assert "AzureWebJobsStorage is not set" in caplog.text


def test_one_that_is_cancelled_is_not_kept_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled(*_arguments: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(queues, "end_for_good", cancelled)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(queues.scan_failed(SCAN))


@pytest.mark.parametrize(("accounts", "counts"), [([], True), (["6f0c1d2e-0000-4000-8000-000000000001"], False)])
def test_only_a_scan_of_everything_logs_what_the_alert_rule_takes_for_one(
    accounts: list[str], counts: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The audit log starts scans of some accounts; were they taken for scans of everything, nobody would hear that there are none."""
    result = ScanResult({"complete": True, "graph_requests": 9}, accounts=1, make_document=dict)
    monkeypatch.setattr(queues, "load_settings", lambda: None)
    for name, value in (
        ("review_channels", giving(None)),
        ("is_needless", giving(False)),
        ("scan", giving(result)),
        ("_keep_pages", giving(None)),
    ):
        monkeypatch.setattr(queues, name, value)
    caplog.set_level(logging.INFO)
    message = {"run_id": "20261122T060000Z-3f9c2a1b", "trigger": "audit log", "accounts": accounts}
    assert asyncio.run(queues.run_scan(json.dumps(message).encode())) == []
    (line,) = [record.message for record in caplog.records if "complete: " in record.message]
    assert "20261122T060000Z-3f9c2a1b" in line
    query = parsed(INFRA / "modules" / "alerts.bicep")["variables"]["scanOverdueQuery"]["value"]
    start, middle = re.findall(r'(?:startswith|contains) "([^"]+)"', query)
    assert (line.startswith(start) and middle in line) is counts
