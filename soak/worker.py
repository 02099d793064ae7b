"""An instance of the function app, as the Functions host runs it: takes messages from the queues, one per queue at a time, and calls
what ``function_app.py`` calls.

Like the host it hides a message while it is worked on, deletes it when that is done and what came of it is on its queue, shows
it again after a failure, and moves it to the poison queue after five. Times are shorter than in ``host.json`` and in the product, so
that a test needn't wait for minutes; what happens is the same.

    python -m soak.worker '{"environment": {"AzureWebJobsStorage": "...", ...}, "ahead": 35}'
"""

import asyncio
import base64
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from alerts import deliver, ledger, retries, teams
from alerts.card import card_message
from alerts.model import Alert
from connections.storage import CLIENT_OPTIONS
from findings.lease import LeaseTimes
from functions import queues
from jobs import endings
from jobs.messages import ALERTS, SCANS, AlertMessage
from jobs.scan import ScanRequest, scan
from settings import load_settings
from tenant import turns

TRIES = 5
"""``maxDequeueCount``."""
HIDDEN = 3
"""Seconds for which a message is hidden, again and again while it is worked on. The host takes minutes."""
AGAIN = 1
"""Seconds until a message is tried again that failed. ``visibilityTimeout``."""
POLL = (0.05, 0.8)
"""Seconds until an empty queue is looked at again: the shortest and the longest time."""
LEASE = LeaseTimes(duration=2, renew_every=0.5, wait=3, poll=0.1)
POISON = "-poison"
RECHECKS = "rechecks"
"""A queue of the test's own: what comes by HTTP, with the accounts to be judged now."""
QUEUES = (SCANS, ALERTS, SCANS + POISON, ALERTS + POISON, RECHECKS)
_PRODUCT = (
    "alerts",
    "checks",
    "connections",
    "evidence",
    "findings",
    "functions",
    "jobs",
    "reports",
    "settings",
    "tenant",
)

Handler = Callable[[bytes], Awaitable[Sequence[str] | None]]
"""Takes the body of a message; returns the messages for the queue ``alerts``."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What an instance needs to know."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Its settings."""
    ahead: float = 0
    """By how many seconds its clock is ahead."""


def work(orders: Orders) -> None:
    """Work until killed, or until whoever started this process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(orders.environment)
    logging.disable(logging.CRITICAL)  # failures are meant; what came of them is looked at in the tables
    hurry()
    if orders.ahead:
        set_clock(timedelta(seconds=orders.ahead))
    asyncio.run(_serve(orders.environment["AzureWebJobsStorage"]))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def hurry() -> None:
    """Shorten the product's times in this process, and have cards say which alert they tell, as webhooks do."""
    _set(queues, "ScanRequest", partial(ScanRequest, times=LEASE))
    _set(queues, "WAIT", timedelta(seconds=1))
    _set(queues, "end_for_good", partial(endings.end_for_good, poll=LEASE.poll))
    _set(endings, "LeaseTimes", partial(LeaseTimes, duration=LEASE.duration, renew_every=LEASE.renew_every))
    for module in (ledger, deliver):
        _set(module, "CLAIM", timedelta(seconds=3))
    _set(deliver, "SEND_SECONDS", 2)
    _set(turns, "CONDITIONAL_ACCESS_SECONDS", 0.0)
    for module in (retries, deliver):
        _set(module, "STEPS", (timedelta(seconds=1),))
    for name in ("THEN", "REFUSED"):
        _set(retries, name, timedelta(seconds=2))

    def named(alert: Alert) -> dict[str, Any]:
        return {**card_message(alert), "alert_id": alert.id}

    _set(teams, "card_message", named)


def _set(module: Any, name: str, value: object) -> None:
    if not hasattr(module, name):
        raise AttributeError(f"{module.__name__} has no {name} to be set any more")
    setattr(module, name, value)


def set_clock(ahead: timedelta) -> None:
    """Let the product's modules read a clock that is ahead."""

    class _IsTime(type):
        def __instancecheck__(cls, one: object) -> bool:
            return isinstance(one, datetime)

    class Shifted(datetime, metaclass=_IsTime):
        def __new__(cls, *values: Any, **more: Any) -> Any:
            return datetime(*values, **more)  # noqa: DTZ001 -- the zone is among the values

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + ahead

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _PRODUCT and getattr(module, "datetime", None) is datetime:
            _set(module, "datetime", Shifted)


async def recheck(body: bytes) -> list[str]:
    """Judge accounts as somebody asked for it by HTTP. Nobody asks again: what fails is over."""
    asked = json.loads(body)
    request = ScanRequest(asked["run_id"], "request", tuple(asked["accounts"]), times=LEASE)
    try:
        result = await scan(load_settings(), request)
    except Exception:  # noqa: BLE001 -- the answer would be 500
        return []
    return [AlertMessage(alert_id).text for alert_id in result.alert_ids]


HANDLERS: Mapping[str, Handler] = {
    SCANS: queues.run_scan,
    ALERTS: queues.send_alert,
    SCANS + POISON: queues.scan_failed,
    ALERTS + POISON: queues.alert_failed,
    RECHECKS: recheck,
}


async def _serve(connection_string: str) -> None:
    async with QueueServiceClient.from_connection_string(connection_string, **CLIENT_OPTIONS) as service:
        listeners = (_Listener(service, name, handler).listen() for name, handler in HANDLERS.items())
        await asyncio.gather(*listeners)


class _Listener:
    """Takes the messages of one queue, one at a time."""

    def __init__(self, service: QueueServiceClient, name: str, handler: Handler) -> None:
        self._queue, self._handler = service.get_queue_client(name), handler
        self._alerts = service.get_queue_client(ALERTS)
        # A poison queue has none of its own, and a request by HTTP needs none.
        self._poison = None if name.endswith(POISON) or name == RECHECKS else service.get_queue_client(name + POISON)

    async def listen(self) -> None:
        """Forever: the longer the queue is empty or out of reach, the more seldom."""
        shortest, longest = POLL
        wait = shortest
        while True:
            wait = min(2 * wait, longest)
            with suppress(AzureError):
                async for message in self._queue.receive_messages(max_messages=1, visibility_timeout=HIDDEN):
                    wait = shortest
                    await self._take(message)
            await asyncio.sleep(wait)

    async def _take(self, message: QueueMessage) -> None:
        if self._poison is not None and (message.dequeue_count or 0) > TRIES:  # it killed whoever took it the last time
            await self._move(message, self._poison)
            return
        try:
            async with self._hidden(message):
                for one in await self._handler(base64.b64decode(message.content)) or ():
                    await self._alerts.send_message(base64.b64encode(one.encode()).decode())
        except Exception:  # noqa: BLE001 -- as the host does
            await self._failed(message)
        else:
            await self._queue.delete_message(message)

    async def _failed(self, message: QueueMessage) -> None:
        if self._poison is None:
            return  # it stays hidden for as long as it is
        if (message.dequeue_count or 0) >= TRIES:
            await self._move(message, self._poison)
        else:
            await self._queue.update_message(message, visibility_timeout=AGAIN)

    async def _move(self, message: QueueMessage, to: QueueClient) -> None:
        await to.send_message(message.content)
        await self._queue.delete_message(message)

    @asynccontextmanager
    async def _hidden(self, message: QueueMessage) -> AsyncIterator[None]:
        """Keep the message hidden for as long as this lasts."""

        async def hide() -> None:
            while True:
                await asyncio.sleep(HIDDEN / 2)
                with suppress(AzureError):
                    hidden = await self._queue.update_message(message, visibility_timeout=HIDDEN)
                    message.pop_receipt = hidden.pop_receipt

        hiding = asyncio.create_task(hide())
        try:
            yield
        finally:
            hiding.cancel()
            with suppress(asyncio.CancelledError):
                await hiding


async def make_queues(connection_string: str) -> None:
    """Make the queues that an instance listens to."""
    async with QueueServiceClient.from_connection_string(connection_string) as service:
        for name in QUEUES:
            with suppress(ResourceExistsError):
                await service.create_queue(name)


async def put(connection_string: str, queue: str, text: str) -> None:
    """Put a message on a queue, as ``host.json`` says."""
    async with QueueServiceClient.from_connection_string(connection_string) as service:
        await service.get_queue_client(queue).send_message(base64.b64encode(text.encode()).decode())


if __name__ == "__main__":
    work(Orders(**json.loads(sys.argv[1])))
