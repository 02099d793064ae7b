"""A local receiver of webhooks, over real HTTP."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Keeps what arrives, and answers what it is told to: ``answers`` in turn, then ``status``."""

    url: str = ""
    status: int = 202
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, str, Mapping[str, str]]] = field(default_factory=list)

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        """Answer the next request with this; ``Retry_After`` for ``Retry-After``."""
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(Request(request.path_qs, CIMultiDict(request.headers), await request.read()))
        status, body, headers = self.answers.pop(0) if self.answers else (self.status, "", {})
        return web.Response(status=status, text=body, headers=dict(headers))


@asynccontextmanager
async def receiving(certificate: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine; with a certificate it speaks https."""
    receiver = Receiver()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"{'https' if certificate else 'http'}://{host}:{port}/hook?sig=top-secret-signature"
        yield receiver
    finally:
        await runner.cleanup()
