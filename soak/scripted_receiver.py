"""A receiver of alerts that fails when it is told to, and keeps what arrived."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from localgraph.serving import on_a_thread, serve
from soak.proxy import cut_in_half

SECRET = "whsec_c29hayBzb2FrIHNvYWsgc29hayBzb2FrIHNvYWs="  # noqa: S105 -- opens nothing


@dataclass(slots=True)
class FailingReceiver:
    """A webhook's other end. ``outages`` are the ways in which it fails for the next calls (``soak.steps.OUTAGES``)."""

    url: str = ""
    outages: list[str] = field(default_factory=list)
    bodies: dict[str, Any] = field(default_factory=dict)
    """Id of the message -> what it said. A repeat by id is what receivers drop."""
    differing: list[str] = field(default_factory=list)
    """Ids under which two different things were said."""
    _runner: web.AppRunner | None = None

    def forget(self) -> None:
        """Begin anew."""
        self.outages.clear()
        self.bodies.clear()
        self.differing.clear()

    def in_thread(self) -> AbstractContextManager[Self]:
        """Run it on a thread of its own, on a free port."""
        return on_a_thread(self, "receiver")

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._handle)
        self._runner, address = await serve(app)
        self.url = f"{address}/webhook"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        way = self.outages.pop(0) if self.outages else ""
        if way in ("", "lost", "half"):
            self._take(request.headers["webhook-id"], json.loads(body))
        if way == "500":
            return web.Response(status=500)
        if way == "429":
            return web.Response(status=429, headers={"Retry-After": "60"})
        if way in ("dropped", "lost") and request.transport is not None:
            request.transport.abort()
        if way == "half":
            return await cut_in_half(request, 202)
        return web.Response(status=202)

    def _take(self, id: str, said: Any) -> None:
        if self.bodies.setdefault(id, said) != said:
            self.differing.append(id)
