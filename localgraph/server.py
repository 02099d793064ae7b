"""The local Graph as an HTTP server on 127.0.0.1.

async with LocalGraph(tenant) as graph:               # on the test's own event loop
    ...httpx.get(f"{graph.url}/v1.0/users", headers=graph.headers)
with LocalGraph(tenant).in_thread() as graph:         # for code that runs its own loop
    ...
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ssl import SSLContext
from typing import Any, Self
from uuid import uuid4

from aiohttp import web

from localgraph.batch import answer_batch
from localgraph.errors import GraphRefusal, error_body
from localgraph.faults import Fault, Spoilt
from localgraph.limits import Limits
from localgraph.messages import Answer, LoggedRequest, Request, encode
from localgraph.routes import ROUTES
from localgraph.schema import Json
from localgraph.service import JSON_TYPE, TOKEN, Service, SignIns
from localgraph.serving import on_a_thread, serve
from localgraph.tenant import LocalTenant


class LocalGraph:
    """A Microsoft Graph on a free local port that serves one tenant.

    ``page_sizes`` forces the page size of collections by name (``users``, ``groups``, ``members``, ``policies``,
    ``roleAssignments``, ...: see ``localgraph/routes``), so that a handful of objects needs several pages. ``clock`` counts
    the seconds of the limits. ``date_skew``: how far the ``Date`` of answers is ahead of this machine's clock; a negative one
    makes this machine the one that is ahead. ``latency``: seconds that every answer takes. ``methods_limited``: whether
    authentication methods share the limit of the reports. ``sign_ins``: only people's tokens are let in, each for what it
    carries. ``tls``: the certificate of the host that it plays. ``still``: nobody changes the tenant, so that what a search found is
    kept for its further pages.
    """

    def __init__(
        self,
        tenant: LocalTenant,
        *,
        limits: bool = False,
        page_sizes: dict[str, int] | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        date_skew: timedelta = timedelta(),
        latency: float = 0.0,
        methods_limited: bool = True,
        sign_ins: SignIns | None = None,
        tls: SSLContext | None = None,
        still: bool = False,
    ) -> None:
        throttling = Limits(limits, clock, methods_limited=methods_limited)
        self._service = Service(tenant, ROUTES, throttling, sign_ins, still=still)
        self._latency, self._tls = latency, tls
        self._service.page_sizes.update(page_sizes or {})
        self._port = port
        self._order = random.Random(1)  # members of a batch come back in any order, each time in the same one
        self._runner: web.AppRunner | None = None
        self.date_skew = date_skew
        """How far answers' ``Date`` is ahead of this machine's clock; may be changed."""
        self.url = ""
        """E.g. ``http://127.0.0.1:40123``; empty until started."""
        self.http_requests = 0
        """HTTP requests so far: a batch counts once."""

    headers = {"Authorization": f"Bearer {TOKEN}"}  # noqa: RUF012 - never changed
    """What a request needs to be let in."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner, self.url = await serve(app, port=self._port, tls=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def in_thread(self) -> AbstractContextManager[Self]:
        """Runs the server on a thread of its own: usable from any event loop, or from none."""
        return on_a_thread(self, "local-graph")

    @property
    def tenant(self) -> LocalTenant:
        """What is served; may be changed, or replaced, between requests."""
        return self._service.tenant

    @tenant.setter
    def tenant(self, tenant: LocalTenant) -> None:
        self._service.tenant = tenant

    @property
    def page_sizes(self) -> dict[str, int]:
        """Forced page sizes by name of the collection; may be changed."""
        return self._service.page_sizes

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every request that arrived, members of batches as well as their envelopes."""
        return self._service.requests

    @property
    def mails(self) -> list[Json]:
        """What was sent by sendMail: its body, and ``from``."""
        return self._service.mails

    def seen_endpoints(self) -> set[tuple[str, str]]:
        """Endpoints that were asked for: ``("GET /users/{id}", "v1.0")``. Envelopes of batches don't count."""
        return {
            (request.template, request.version)
            for request in self.requests
            if request.template is not None and request.template != _BATCH
        }

    def fail(
        self,
        pattern: str,
        status: int,
        *,
        code: str | None = None,
        message: str = "This failure was ordered by a test.",
        times: int | None = None,
        retry_after: float | None = None,
        body: Any = None,
    ) -> Fault:
        r"""Makes requests fail, alone or inside a batch.

        ``pattern`` is searched in ``GET /v1.0/users/...`` and in the same with ``?query`` (both decoded), so
        ``r"GET /v1\.0/groups/"`` or ``"perUserMfaState"`` will do. ``status`` 0 closes the connection; 200 with a
        ``body`` answers something else. ``times``: how often, None for ever. ``body``: JSON, or bytes sent as they are,
        instead of Graph's error object. Returns the order; its ``hits`` counts.
        """
        return self._service.faults.fail(
            pattern, status, code=code, message=message, times=times, retry_after=retry_after, body=body
        )

    def spoil(self, pattern: str, how: Spoilt, *, times: int | None = None) -> Fault:
        """Makes right answers arrive spoilt, of requests alone or inside a batch: see :class:`~localgraph.faults.Spoilt`.

        ``pattern`` and ``times`` are those of :meth:`fail`. Returns the order; its ``hits`` counts.
        """
        return self._service.faults.spoil(pattern, how, times=times)

    def heal(self) -> None:
        """Ends all failures, and gives all permissions back."""
        self._service.faults.clear()
        self._service.denied.clear()
        self._service.granted = None

    def deny(self, *permissions: str) -> None:
        """403 for every endpoint that one of these application permissions would open, whatever others are held."""
        self._service.denied.update(permissions)

    def grant(self, *permissions: str) -> None:
        """Only these application permissions are held: 403 for every endpoint that none of them opens."""
        self._service.granted = set(permissions)

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        self.http_requests += 1
        raw_path, _, query = http.raw_path.partition("?")
        _, _, below = raw_path.lstrip("/").partition("/")
        request = Request(
            method=http.method,
            version=raw_path.lstrip("/").partition("/")[0],
            path="/" + below,
            query=query,
            headers={name.lower(): value for name, value in http.headers.items()},
            body=None,
            base=f"{http.scheme}://{http.host}",
        )
        try:
            request.body = _body(await http.read(), http.content_type)
            if self._latency:
                await asyncio.sleep(self._latency)
            found = self._answer(request)
        except GraphRefusal as error:
            found = Answer(error.status, error_body(error.code, error.message), error.headers)
        if found.disconnect or found.lost:
            if http.transport is not None:
                http.transport.abort()
            return web.Response(status=500)
        answer = self._response(request, found)
        return await _broken(http, answer) if found.broken else answer

    def _answer(self, request: Request) -> Answer:
        if request.path.rstrip("/") != "/$batch":
            return self._service.answer(request)
        return self._service.envelope(request, lambda: answer_batch(self._service, request, self._order))

    def _response(self, request: Request, found: Answer) -> web.Response:
        request_id = str(uuid4())
        headers = {
            "Date": format_datetime(datetime.now(UTC) + self.date_skew, usegmt=True),
            "request-id": request_id,
            "client-request-id": request.headers.get("client-request-id", request_id),
            **found.headers,
        }
        if found.body is not None:
            headers["Content-Type"] = JSON_TYPE
        return web.Response(status=found.status, body=encode(found.body), headers=headers)


_BATCH = "POST /$batch"


async def _broken(http: web.Request, whole: web.Response) -> web.StreamResponse:
    """An answer whose connection closes in the middle of its body."""
    content = bytes(whole.body) if isinstance(whole.body, bytes) else b""
    begun = web.StreamResponse(status=whole.status, headers=whole.headers)
    begun.content_length = len(content)
    await begun.prepare(http)
    await begun.write(content[: len(content) // 2])
    if http.transport is not None:
        http.transport.close()
    return begun


def _body(raw: bytes, content_type: str) -> Any:
    """Parsed JSON; text as it is (sendMail takes a MIME message so); None without a body."""
    if not raw:
        return None
    if content_type == "text/plain":
        return raw.decode("ascii", "replace")
    try:
        return json.loads(raw)
    except ValueError as error:
        raise GraphRefusal(400, "BadRequest", "Unable to read JSON request payload.") from error
