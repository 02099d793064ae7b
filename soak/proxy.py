"""Storage that fails at random: an HTTP proxy in front of Azurite's Table and Queue service.

A request is refused, done and then refused, cut off before or after it was done, or slow; every other one passes as it is.
A path is what a signature signs, so it stays as it is; the port is not.

A conflict (412) is never made up: that somebody else has written is something that the product may believe.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
"""Headers that are about one connection, and not about the request or the answer."""
SLOWEST = 0.4
"""Seconds."""


class Trouble(StrEnum):
    """What happens to a request."""

    BUSY = "busy"
    """503, and nothing is done."""
    DONE_BUT_BUSY = "done but busy"
    """503, although it was done."""
    CUT_OFF = "cut off"
    """The connection is reset, and nothing is done."""
    DONE_BUT_CUT_OFF = "done but cut off"
    """The connection is reset, although it was done."""
    SLOW = "slow"


DONE = frozenset({Trouble.DONE_BUT_BUSY, Trouble.DONE_BUT_CUT_OFF, Trouble.SLOW})
"""Azurite gets to see these."""
Step = Callable[[web.Request, bool], Awaitable[None]]
"""Takes a request, and whether it was done."""


async def nothing(request: web.Request, done: bool) -> None:
    """What happens between two steps if nobody asks for more."""


class Proxy:
    """Stands in front of a storage account of Azurite.

    ``odds`` is the part of all requests that something happens to; it may be changed. ``step`` is awaited whenever a request has
    come in, and once more when it was done: a caller may kill whoever waits for the answer. ``troubles`` counts.
    """

    def __init__(self, connection_string: str, random: random.Random, *, odds: float = 0, step: Step = nothing) -> None:
        self._account, self._random, self.odds, self.step = connection_string, random, odds, step
        self.troubles: Counter[Trouble] = Counter()
        self.connection_string = ""
        """Of the account as it is reached through the proxy; empty until started."""
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._behind: dict[int, URL] = {}

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(30)
        )
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        parts = dict(part.split("=", 1) for part in self._account.split(";") if part)
        for name in ("TableEndpoint", "QueueEndpoint"):
            parts[name] = await self._door(URL(parts[name]))
        self.connection_string = ";".join(f"{name}={value}" for name, value in parts.items())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _door(self, endpoint: URL) -> str:
        """Open a port for a service; returns where it is reached now."""
        if self._runner is None:
            raise RuntimeError("the proxy isn't started")
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[-1][1]
        self._behind[port] = endpoint.origin()
        return f"http://127.0.0.1:{port}{endpoint.raw_path}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        trouble = self._trouble()
        body = await request.read()
        await self.step(request, False)
        if trouble is Trouble.SLOW:
            await asyncio.sleep(self._random.uniform(0, SLOWEST))
        answer = await self._passed_on(request, body) if trouble is None or trouble in DONE else None
        await self.step(request, answer is not None)
        if trouble in (Trouble.CUT_OFF, Trouble.DONE_BUT_CUT_OFF):
            return cut_off(request)
        return _busy() if answer is None or trouble is Trouble.DONE_BUT_BUSY else answer

    def _trouble(self) -> Trouble | None:
        if self._random.random() >= self.odds:
            return None
        trouble = self._random.choice(list(Trouble))
        self.troubles[trouble] += 1
        return trouble

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        if self._client is None or request.transport is None:
            return _busy()  # the caller is gone before its request was read
        port = request.transport.get_extra_info("sockname")[1]
        url = URL(f"{self._behind[port]}{request.raw_path}", encoded=True)
        headers = _passed(request.headers)
        skipped = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")  # none of the client's own
        async with self._client.request(
            request.method, url, headers=headers, data=body or None, skip_auto_headers=skipped, allow_redirects=False
        ) as answer:
            content = await answer.read()
            return web.Response(status=answer.status, headers=_passed(answer.headers), body=content)


def cut_off(request: web.Request) -> web.Response:
    """Reset the connection; what is returned arrives nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def cut_in_half(request: web.Request, status: int) -> web.StreamResponse:
    """An answer whose connection breaks in the middle of the body."""
    answer = web.StreamResponse(status=status)
    answer.content_length = 100
    await answer.prepare(request)
    await answer.write(b"received, but")
    if request.transport is not None:
        request.transport.close()
    return answer


def _passed(headers: "aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in CIMultiDict(headers).items() if name.lower() not in HOP_BY_HOP)


def _busy() -> web.Response:
    return web.Response(
        status=503,
        headers={"x-ms-error-code": "ServerBusy", "Content-Type": "application/json"},
        text='{"odata.error":{"code":"ServerBusy","message":{"lang":"en-US","value":"The server is busy."}}}',
    )
