"""The process is killed at every step between reading and telling; running again loses no alert and repeats none.

A step is a request to Table Storage or a call of the webhook: the process dies when the service has done what was asked,
and everything that it would still have done, clean-up included, doesn't happen. Dying before a step is dying after the one
before it.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import StreamConsumedError

from alerts.ledger import Ledger
from connections import channels
from connections import storage as storage_module
from devtools.azurite import Azurite
from findings.errors import FindingsError
from findings.lease import LeaseTimes
from findings.store import FindingStore
from jobs import tell
from jobs.scan import ScanRequest, scan
from settings import load_settings
from tests.e2e.conftest import BACKUP, MAILER, Installation
from tests.findings.crash import FaultyTransport, Killed

QUICK = LeaseTimes(duration=0.2, renew_every=30, wait=5, poll=0.02)
EXPECTED = Counter({("opened", BACKUP, "APW-001"): 1, ("opened", MAILER, "APW-003"): 1})
LATER = timedelta(minutes=10)


class _Steps:
    """Counts the steps of one process, and kills it after number ``at``."""

    def __init__(self, at: int | None) -> None:
        self.at, self.count, self.dead = at, 0, False

    @property
    def last(self) -> bool:
        """Whether the step that is being done is the last one."""
        return self.count == self.at

    def before(self) -> None:
        """Nothing happens in a process that is dead."""
        if self.dead:
            raise Killed

    def after(self) -> None:
        """A step was done."""
        self.count += 1
        if self.count - 1 == self.at:
            self.dead = True
            raise Killed


class _Storage(FaultyTransport):
    def __init__(self, steps: _Steps) -> None:
        super().__init__()
        self._steps = steps

    async def send(self, request: Any, **options: Any) -> Any:
        self._steps.before()
        answer: Any = await super().send(request, **options)
        if self._steps.last:
            with suppress(StreamConsumedError):
                await answer.load_body()  # the service is done with what was asked
        self._steps.after()
        return answer


class _Webhook(httpx.AsyncHTTPTransport):
    def __init__(self, steps: _Steps) -> None:
        super().__init__()
        self._steps = steps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._steps.before()
        answer = await super().handle_async_request(request)
        self._steps.after()
        return answer


async def _process(monkeypatch: pytest.MonkeyPatch, at: int | None, now: datetime) -> int:
    """One process: scan, then send what is to be sent. Returns how many steps it took."""
    steps = _Steps(at)
    monkeypatch.setitem(storage_module.CLIENT_OPTIONS, "transport", _Storage(steps))
    monkeypatch.setattr(channels, "http_client", lambda *_: httpx.AsyncClient(transport=_Webhook(steps)))
    settings = load_settings()
    result = await scan(settings, ScanRequest(f"run-{now:%H%M%S%f}", "test", times=QUICK), clock=lambda: now)
    for alert_id in result.alert_ids:
        await tell.send_alert(settings, alert_id, clock=lambda: now)
    return steps.count


async def _waiting(now: datetime) -> list[str]:
    """The alerts that a further scan would send."""
    async with storage_module.tables(load_settings()) as service:
        return [*await FindingStore(service).untold_alert_ids(), *await Ledger(service).undelivered(now)]


@pytest.mark.parametrize(("limit", "parts"), [(256 * 1024, 1), (2_800, 2)], ids=["whole", "in parts"])
def test_no_alert_is_lost_or_repeated_wherever_the_process_dies(
    installation: Installation, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, limit: int, parts: int
) -> None:
    monkeypatch.setattr("alerts.webhook.MAX_BYTES", limit)
    start = datetime.now(UTC)

    def process(at: int | None, now: datetime) -> int:
        return asyncio.run(_process(monkeypatch, at, now))

    steps = process(None, start)
    assert Counter(installation.told()) == EXPECTED
    assert len(installation.receiver.calls) == parts
    assert steps > 20
    # Something is sent in the last third: of both together every step. Parts make a difference only there. The soak kills anywhere.
    sending = 2 * steps // 3
    for at in (*range(0, sending if parts == 1 else 0, 8), *range(sending + parts - 1, steps, 2)):
        monkeypatch.setenv("AzureWebJobsStorage", azurite.new_account())
        installation.receiver.calls.clear()
        with suppress(Killed, FindingsError):
            process(at, start)
        process(None, start + LATER)
        assert Counter(installation.told()) == EXPECTED, f"killed after step {at} of {steps}"
        calls = [(call.id, call.body) for call in installation.receiver.calls]
        assert len(set(calls)) == len(dict(calls)), "one id, one body"
        assert len(calls) <= len(dict(calls)) + 1, "only what was being sent is sent again"
        assert asyncio.run(_waiting(start + 2 * LATER)) == [], f"something waits to be told again after step {at}"
