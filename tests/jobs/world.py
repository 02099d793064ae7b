"""The function app over days and weeks: its queue, its clock, and receivers that break and are mended."""

import heapq
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from alerts.ledger import ChannelState, Ledger
from alerts.model import Alert
from connections.storage import tables
from jobs import tell
from jobs.channel_watch import channels_to_tell
from settings import Settings, load_settings
from tests.alerts.receiver import Receiver, receiving
from tests.alerts.samples import NOW, alert, item
from tests.alerts.test_channels import SECRET

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(slots=True)
class World:
    """An installation with Teams and a webhook."""

    environment: pytest.MonkeyPatch
    teams: Receiver
    hook: Receiver
    now: datetime = NOW
    queue: list[tuple[datetime, int, str]] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def clock(self) -> datetime:
        return self.now

    @property
    def settings(self) -> Settings:
        return load_settings(require=frozenset({"storage"}))

    async def put_later(self, settings: Settings, queue: str, body: str, delay: timedelta) -> None:
        """The queue ``alerts``."""
        assert queue == "alerts"
        assert delay <= timedelta(days=7)
        heapq.heappush(self.queue, (self.now + delay, next(self.numbers), body))

    async def keep(self, alert_id: str, made: Alert | None = None) -> None:
        """An alert is kept, as a scan of the function app would."""
        async with tables(self.settings) as service:
            ledger = Ledger(service)
            made = made or alert(item(1), alert_id=alert_id, created=self.now)
            await ledger.keep(made, await channels_to_tell(self.settings, ledger))

    async def alert(self, alert_id: str) -> None:
        """An alert is kept and put on the queue."""
        await self.keep(alert_id)
        await self.put_later(self.settings, "alerts", json.dumps({"alert_id": alert_id}), timedelta())

    async def run(self, wait: timedelta = timedelta()) -> int:
        """Handle what is on the queue, until ``wait`` has passed. Returns how many messages there were."""
        until, handled = self.now + wait, 0
        while self.queue and self.queue[0][0] <= until:
            when, _, body = heapq.heappop(self.queue)
            self.now = max(self.now, when)
            message = json.loads(body)
            retry_at = datetime.fromisoformat(message["retry_at"]) if "retry_at" in message else None
            await tell.send_alert(
                self.settings,
                message["alert_id"],
                channel=message.get("channel"),
                retry_at=retry_at,
                by_app=True,
                clock=self.clock,
            )
            handled += 1
            assert handled < 5000, "messages go round and round"
        self.now = max(self.now, until)
        return handled

    async def review(self) -> None:
        """What the function app does with each scan."""
        await tell.review_channels(self.settings, clock=self.clock)

    async def scan(self) -> None:
        """A scan: it reviews the channels, and puts everything on the queue that waits."""
        await self.review()
        for alert_id in await self.waiting():
            await self.put_later(self.settings, "alerts", json.dumps({"alert_id": alert_id}), timedelta())

    async def waiting(self) -> list[str]:
        """The alerts that are not done."""
        async with tables(self.settings) as service:
            return await Ledger(service).undelivered(self.now + MINUTE)

    async def states(self, alert_id: str) -> dict[str, ChannelState]:
        async with tables(self.settings) as service:
            return await Ledger(service).states(alert_id)

    async def known(self) -> tuple[str, ...] | None:
        async with tables(self.settings) as service:
            return await Ledger(service).known_channels()


def told(receiver: Receiver) -> list[str]:
    """The headlines of what a webhook received, calls with the same id once."""
    calls = {request.headers["webhook-id"]: json.loads(request.body) for request in receiver.requests}
    return [body["data"]["headline"] for body in calls.values()]


def notices(receiver: Receiver) -> list[str]:
    """The headlines about the app itself that a webhook received."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    about = ("app_password_scan.failed", "app_password_scan.recovered")
    return [body["data"]["headline"] for body in bodies if body["type"] in about]


def cards(receiver: Receiver) -> list[str]:
    """The headlines of the cards that Teams received."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [body["attachments"][0]["content"]["body"][0]["items"][0]["inlines"][0]["text"] for body in bodies]


@asynccontextmanager
async def world(storage: str, environment: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """An installation where all is well."""
    async with receiving() as teams, receiving() as hook:
        made = World(environment, teams, hook)
        for name, value in {
            "AzureWebJobsStorage": storage,
            "SERVICE_ACCOUNTS": "svc@contoso.com",
            "TEAMS_WEBHOOK_URL": teams.url,
            "WEBHOOK_URL": hook.url,
            "WEBHOOK_SECRET": SECRET,
        }.items():
            environment.setenv(name, value)
        environment.setattr("jobs.teller.put_later", made.put_later)
        yield made
