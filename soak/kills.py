"""Instances of the function app are killed again and again, at any moment of their lives, while storage and receivers fail as well:
every change is told once all the same, and nothing else is.

What is asked of them: whole scans and rechecks, some messages twice. The tenant changes between rounds and within them, but each
account once in a round at most; so after a round in which everything came to rest there is one truth, and what was kept and told is
held against it.
"""

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.queue.aio import QueueServiceClient

from devtools.azurite import Azurite, start_azurite
from findings.runs import new_run_id
from jobs.messages import SCANS, ScanMessage
from localgraph.server import LocalGraph
from soak.happened import NAMES, Truth
from soak.instances import Instance, preload
from soak.moody_receivers import Receivers
from soak.proxy import Proxy
from soak.rest import waiting_alerts, what_is_wrong
from soak.sending import Moment
from soak.worker import QUEUES, RECHECKS, make_queues, put

INSTANCES = ("east", "west")
KILLS_PER_ROUND = 10
"""As many as there are accounts that may change: after that there is nothing new to keep and to tell."""
ROUNDS_PER_LIFE = 3
"""In one storage account. With more, findings would come and go so often that they are told as flapping."""
REST = 90
"""Seconds until everything must have come to rest."""
CLOCKS = (0.0, 0.0, 0.0, 35.0, -35.0, timedelta(days=29).total_seconds())
"""By how many seconds the clocks of instances are ahead."""
Report = Callable[[str], None]


def run(kills: int, seed: int, report: Report) -> list[str]:
    """Kill so often, and say how it went through ``report``. Returns every violation, in a sentence; none is what is wanted."""
    preload()
    with _no_word_of_broken_connections(), start_azurite() as azurite:
        return asyncio.run(_Soak(azurite, random.Random(seed), report).run(kills))


@contextmanager
def _no_word_of_broken_connections() -> Iterator[None]:
    """The servers' log has a page for each caller that died in the middle of a request."""
    log = logging.getLogger("aiohttp.server")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


@dataclass(slots=True)
class _Life:
    """One storage account from its first scan on, and what is true there."""

    storage: str
    truth: Truth
    receivers: Receivers
    asked: set[str] = field(default_factory=set)
    """The ids of the runs that were asked for."""


class _Soak:
    def __init__(self, azurite: Azurite, dice: random.Random, report: Report) -> None:
        self._azurite, self._dice, self._report = azurite, dice, report
        self._instances = {name: Instance(name, dice) for name in INSTANCES}
        self._troubles: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        """What was told, by the type of the call: a webhook's, or ``message`` for a card."""
        self._repeats = self._changes = self._kills = self._rounds = 0

    async def run(self, kills: int) -> list[str]:
        began, violations = time.monotonic(), list[str]()
        async with LocalGraph(Truth(self._dice).tenant()) as graph:
            while self._kills < kills:
                violations += await self._life(graph, kills)
        self._summarize(time.monotonic() - began, len(violations))
        return violations

    def _summarize(self, seconds: float, violations: int) -> None:
        instances = self._instances.values()
        killed = sum((instance.killed for instance in instances), Counter[str]())
        sending = sum((instance.killed_sending for instance in instances), Counter[Moment]())
        self._report(
            f"{self._kills} kills and {sum(instance.standstills for instance in instances)} standstills in {self._rounds} rounds, "
            f"{seconds:.0f} s; {self._changes} changes told in {self._told.total()} calls that were accepted, "
            f"{self._repeats} of them repeats by id; {violations} violations\n"
            f"Killed at: {_counted(killed)}\nKilled in a send: {sending.total()} ({_counted(sending)})\nStorage: {_counted(self._troubles)}\nTold: {_counted(self._told)}"
        )

    async def _life(self, graph: LocalGraph, kills: int) -> list[str]:
        """A few rounds in a storage account of their own."""
        violations: list[str] = []
        async with self._installed(graph) as life:
            for _ in range(ROUNDS_PER_LIFE):
                violations += await self._round(life, graph, min(KILLS_PER_ROUND, kills - self._kills))
                if violations or self._kills >= kills:
                    break
            accepted = [call for call in life.receivers.calls if call.accepted]
            self._told.update(call.body["type"] for call in accepted)
            self._repeats += len(accepted) - len({(call.channel, call.alert_id) for call in accepted})
            self._changes += life.truth.told.total()
        return violations

    async def _round(self, life: _Life, graph: LocalGraph, kills: int) -> list[str]:
        """Change the tenant, kill, come to rest, and see."""
        life.truth.change()
        graph.tenant = life.truth.tenant()
        begun = time.monotonic()
        await self._turmoil(life, graph, kills)
        calm = time.monotonic()
        found = [
            *await self._come_to_rest(life),
            *await what_is_wrong(life.storage, life.truth, life.receivers.calls, life.asked),
        ]
        self._rounds += 1
        times = f"{calm - begun:.0f} s, then {time.monotonic() - calm:.0f} s of rest"
        self._report("\n  ".join([f"Round {self._rounds}: {kills} kills, {times}", *found]))
        return [f"Round {self._rounds}: {one}" for one in found]

    @asynccontextmanager
    async def _installed(self, graph: LocalGraph) -> AsyncIterator[_Life]:
        """Both instances, not started yet, with an empty storage account and receivers."""
        storage = self._azurite.new_account()
        await make_queues(storage)
        async with AsyncExitStack() as stack:
            receivers = Receivers(self._dice, lambda name, *call: self._instances[name].called(*call))
            await stack.enter_async_context(receivers)
            for name, instance in self._instances.items():
                proxy = Proxy(storage, self._dice, step=instance.request)
                instance.proxy = await stack.enter_async_context(proxy)
                stack.callback(instance.kill)
                instance.environment = {
                    "AzureWebJobsStorage": proxy.connection_string,
                    "GRAPH_ENDPOINT": graph.url,
                    "SERVICE_ACCOUNTS": ",".join(NAMES),
                    "ALERT_DIGEST": "off",
                    **receivers.settings(name),
                }
            yield _Life(storage, Truth(self._dice), receivers)
            for instance in self._instances.values():
                if instance.proxy:
                    self._troubles.update(instance.proxy.troubles)

    async def _turmoil(self, life: _Life, graph: LocalGraph, kills: int) -> None:
        """Ask for scans, and kill whoever does them."""
        odds = self._dice.choice((0, 0.01, 0.05))
        self._fail(life, odds, self._dice.choice((0, 0.3, 0.7)))
        left = iter(range(kills))
        await asyncio.gather(*(self._die_again_and_again(life, graph, one, left) for one in self._instances.values()))
        self._fail(life, 0, 0)

    def _fail(self, life: _Life, storage: float, receivers: float) -> None:
        life.receivers.odds = receivers
        for instance in self._instances.values():
            if instance.proxy:
                instance.proxy.odds = storage

    async def _die_again_and_again(
        self, life: _Life, graph: LocalGraph, instance: Instance, left: Iterator[int]
    ) -> None:
        for _ in left:
            if life.truth.change_another():
                graph.tenant = life.truth.tenant()
            await self._ask(life)
            instance.start(self._dice.choice(CLOCKS))
            await instance.live_and_die()
            self._kills += 1

    async def _ask(self, life: _Life) -> None:
        """For a scan, or for a recheck of some accounts, unless enough is asked for."""
        if (await _depths(life.storage))[SCANS] > 3:
            return
        run_id = new_run_id(datetime.now(UTC))
        if self._dice.random() < 0.3:
            accounts = self._dice.sample(NAMES, 2)
            await put(life.storage, RECHECKS, json.dumps({"run_id": run_id, "accounts": accounts}))
            return
        life.asked.add(run_id)
        for _ in range(self._dice.choice((1, 1, 2))):
            await put(life.storage, SCANS, ScanMessage(run_id, "schedule").text)

    async def _come_to_rest(self, life: _Life) -> list[str]:
        """Let both instances live and finish, with a last scan. Returns what went on for too long."""
        for instance in self._instances.values():
            instance.start()
        try:
            async with asyncio.timeout(REST):
                await _empty(life.storage)
                while True:
                    last = ScanMessage(new_run_id(datetime.now(UTC)), "schedule")
                    life.asked.add(last.run_id)
                    await put(life.storage, SCANS, last.text)
                    await _empty(life.storage)
                    if not await waiting_alerts(life.storage):
                        return []
        except TimeoutError:
            depths = {name: depth for name, depth in (await _depths(life.storage)).items() if depth}
            return [f"After {REST} s something waits: messages {depths}, alerts {await waiting_alerts(life.storage)}"]
        finally:
            for instance in self._instances.values():
                instance.kill()


async def _depths(storage: str) -> dict[str, int]:
    """How many messages there are in each queue, hidden ones included."""
    async with QueueServiceClient.from_connection_string(storage) as service:
        found = [(name, await service.get_queue_client(name).get_queue_properties()) for name in QUEUES]
        return {name: properties.approximate_message_count or 0 for name, properties in found}


async def _empty(storage: str) -> None:
    """Wait until no queue holds a message."""
    while any((await _depths(storage)).values()):  # noqa: ASYNC110 -- other processes empty them
        await asyncio.sleep(0.2)


def _counted(counts: Counter[Any]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common())
