"""Instances of the function app as processes that are killed, or stand still, at any moment of their lives."""

import asyncio
import multiprocessing
import os
import random
import re
import signal
from collections import Counter
from contextlib import suppress
from multiprocessing.process import BaseProcess

from aiohttp import web

from soak.proxy import Proxy
from soak.sending import Moment, Sends
from soak.worker import Orders, work

STANDSTILLS = 0.15
"""The part of the kills before which the process stands still for longer than its lease lasts."""
AIMED = 0.5
"""The part of the kills that waits for a moment of a send. Left to chance hardly any falls into one, for they are short."""
PATIENCE = 15
"""Seconds for which a moment of a send is waited for: somebody has to scan first."""
_PROCESSES = multiprocessing.get_context("forkserver")
_RESOURCE = re.compile(r"^/\w+/|\(.*|/messages.*")
"""What the path of a request has beside the name of a table or queue."""
_WAITING = re.compile(r"/messages$|PartitionKey='lease'")


def preload() -> None:
    """Import what an instance needs once and for all: then it starts in milliseconds."""
    _PROCESSES.set_forkserver_preload(["soak.worker"])


class Instance:
    """An instance: its own way to storage, its own address at the receivers, and a process that may die."""

    def __init__(self, name: str, dice: random.Random) -> None:
        self.name, self._dice = name, dice
        self.proxy: Proxy | None = None
        self.environment: dict[str, str] = {}
        self._process: BaseProcess | None = None
        self._steps = 0
        self._aim: Moment | None = None
        self._sends = Sends()
        self._dead = asyncio.Event()
        self._doing = "nothing"
        self.standstills = 0
        self.killed: Counter[str] = Counter()
        """How often the process was killed, by what it did last."""
        self.killed_sending: Counter[Moment] = Counter()
        """How often it was killed while it sent an alert, by how far it was."""

    def start(self, ahead: float = 0) -> None:
        """Start the process; it lives until it is killed."""
        self.kill()
        self._doing = "starting"
        self._sends = Sends()
        self._process = _PROCESSES.Process(target=work, args=(Orders(self.environment, ahead),), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """As ``kill -9`` does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        self._dead.set()

    async def live_and_die(self) -> None:
        """Kill the process after some steps (requests to storage, calls of receivers), at a moment of a send, or after some time."""
        self._dead.clear()
        self._aim = self._dice.choice(list(Moment)) if self._dice.random() < AIMED else None
        self._steps = self._dice.randint(1, 2 if self._aim else self._dice.choice((60, 300)))
        longest = self._dice.uniform(0.05, 2.5) if self._dice.random() < 0.3 else 6
        with suppress(TimeoutError):
            await asyncio.wait_for(self._dead.wait(), PATIENCE if self._aim else longest)
        self.kill()
        self._steps = 0
        self.killed[self._doing] += 1
        if moment := self._sends.moment:
            self.killed_sending[moment] += 1

    def _step(self, doing: str, moment: Moment | None) -> None:
        """The process has got this far; ``moment``: what that means for an alert."""
        if self._process is None:
            return  # a last request of one that is dead
        self._doing = doing
        if self._steps and self._aim in (None, moment):
            self._steps -= 1
            if not self._steps:
                self._strike()

    def _strike(self) -> None:
        """Kill the process, or let it stand still for a while first: others take over, and then it goes on."""
        pid = self._process.pid if self._process else None
        if pid is None or self._dice.random() >= STANDSTILLS:
            self.kill()
            return
        os.kill(pid, signal.SIGSTOP)
        self.standstills += 1
        asyncio.get_running_loop().call_later(self._dice.uniform(1, 4), self._go_on, pid)
        self._aim, self._steps = None, self._dice.randint(1, 60)

    def _go_on(self, pid: int) -> None:
        if self._process is not None and self._process.pid == pid:
            os.kill(pid, signal.SIGCONT)

    async def called(self, channel: str, answered: bool) -> None:
        """A receiver was called, or has answered."""
        if self._process is not None:
            self._step(channel, self._sends.called(channel, answered=answered))

    async def request(self, request: web.Request, done: bool) -> None:
        """A request to storage has come in, or was done. Looking for a message or at the lease is no step, but waiting."""
        if self._process is None or (request.method == "GET" and _WAITING.search(request.path)):
            return
        moment = self._sends.wrote(request.method, request.path, await request.read()) if done else None
        self._step(f"{request.method} {_RESOURCE.sub('', request.path)}", moment)
