"""An HTTP server whose every answer is written down: for what no Graph, however strict, would say."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answers = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]


@dataclass
class Scripted:
    """A running server and the requests that it got."""

    url: str = ""
    requests: list[web.Request] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Paths with queries, as they came over the wire."""
        return [request.raw_path for request in self.requests]


@asynccontextmanager
async def scripted(answers: Answers) -> AsyncIterator[Scripted]:
    """A server on a free local port that answers what ``answers`` says."""
    server = Scripted()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.requests.append(request)
        await request.read()
        found = answers(request)
        return found if isinstance(found, web.StreamResponse) else await found

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = "http://127.0.0.1:{1}".format(*runner.addresses[0])
        yield server
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)


def pages(*items: list[dict[str, object]]) -> Answers:
    """A collection in pages, whatever is asked for; the page number is in the query."""

    def answer(request: web.Request) -> web.Response:
        number = int(request.query.get("page", 0))
        body: dict[str, object] = {"value": items[number]}
        if number + 1 < len(items):
            body["@odata.nextLink"] = str(request.url.with_query(page=number + 1))
        return web.json_response(body)

    return answer
