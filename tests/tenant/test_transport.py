"""Connections to Graph: what goes out as it is, what comes back, and what is raised where it doesn't."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import GraphUnreachable
from tenant.transport import DirectTransport
from tests.tenant.reading import connect

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
LIMITS = httpx.Limits(max_connections=2, keepalive_expiry=5)


@asynccontextmanager
async def served(handler: Handler, patience: float = 30) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """The address of a server, and a client that uses the transport and waits so many seconds for an answer."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    transport = DirectTransport(httpx.create_ssl_context(), LIMITS)
    try:
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(patience, connect=30)) as client:
            yield f"http://{host}:{port}", client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "path",
    [
        "/users/o%27mailer@contoso.com",
        "/users/guest%23EXT%23@contoso.com?$select=id,displayName&$top=999",
        "/users?$filter=startswith(userPrincipalName,%27svc%2B%27)&$skiptoken=a%2fb%3d%3D",
        "/users/%2Fme",
        "/users/%E8%A1%A8",
    ],
)
async def test_an_address_goes_out_as_it_is(path: str) -> None:
    seen: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.raw_path)
        return web.Response()

    async with served(handler) as (url, client):
        await client.get(f"{url}{path}")
    assert seen == [str(httpx.URL(f"http://x{path}")).removeprefix("http://x")]
    assert seen[0].count("%") == path.count("%")


async def test_a_request_arrives_whole_and_so_does_its_answer() -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        assert (request.headers["Authorization"], request.headers["X-More"]) == ("Bearer t", "1")
        headers = {"Content-Encoding": "gzip", "Retry-After": "3", "Set-Cookie": "a=b"}
        return web.Response(status=429, body=gzip.compress(await request.read()), headers=headers)

    async with served(handler) as (url, client):
        answer = await client.post(url, content=b"x" * 100_000, headers={"Authorization": "Bearer t", "X-More": "1"})
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (429, "3", b"x" * 100_000)


async def test_a_redirect_is_not_followed() -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.invalid/"})

    async with served(handler) as (url, client):
        assert (await client.get(url)).status_code == 302


async def test_one_connection_is_used_again_and_one_that_broke_is_not() -> None:
    ports: list[object] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        assert request.transport
        ports.append(request.transport.get_extra_info("peername"))
        if request.path == "/breaks":
            request.transport.abort()
        return web.Response()

    async with served(handler) as (url, client):
        for _ in range(3):
            await client.get(url)
        assert len(set(ports)) == 1
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(f"{url}/breaks")
        await client.get(url)
    assert len(set(ports)) == 2


async def test_what_nobody_read_to_its_end_keeps_no_connection() -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 10_000_000)

    async with served(handler) as (url, client):
        for _ in range(2 * (LIMITS.max_connections or 0)):
            async with client.stream("GET", url) as answer:
                assert answer.status_code == 200


async def _silent(request: web.BaseRequest) -> web.Response:
    await asyncio.sleep(1)
    return web.Response()


async def _cut_short(request: web.BaseRequest) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"only this")
    assert request.transport
    request.transport.close()
    return answer


async def _stuck(request: web.BaseRequest) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"only this")
    await asyncio.sleep(1)
    return answer


@pytest.mark.parametrize(
    ("handler", "patience", "error"),
    [
        (_silent, 0.2, httpx.ReadTimeout),
        (_cut_short, 30, httpx.RemoteProtocolError),
        (_stuck, 0.2, httpx.ReadTimeout),
    ],
)
async def test_what_goes_wrong_is_raised_as_httpx_raises_it(
    handler: Handler, patience: float, error: type[httpx.RequestError]
) -> None:
    async with served(handler, patience) as (url, client):
        with pytest.raises(error) as raised:
            await client.get(f"{url}/some")
    assert raised.value.request.url.path == "/some"


async def test_where_nobody_listens_that_is_said() -> None:
    async with served(_silent) as (url, client):
        pass
    transport = DirectTransport(httpx.create_ssl_context(), LIMITS)
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError, match="Cannot connect to host"):
            await client.get(url)


async def test_who_waits_for_a_connection_waits_as_long_as_for_an_answer() -> None:
    async with served(_silent, patience=0.2) as (url, client):
        answers = await asyncio.gather(*(client.get(url) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, httpx.TimeoutException) for one in answers)


@pytest.mark.parametrize("passed_by", [False, True])
async def test_a_proxy_that_the_environment_names_is_used(passed_by: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(status=403, body=b"not through here")

    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1" if passed_by else "")
    async with LocalGraph(TenantBuilder().build()) as graph, served(proxy) as (url, _):
        monkeypatch.setenv("HTTP_PROXY", url)
        async with connect(graph.url) as client:
            answer = await asyncio.gather(client.get("/organization"), return_exceptions=True)
    assert isinstance(answer[0], dict) is passed_by
    assert not isinstance(answer[0], GraphUnreachable)
    assert asked == [] if passed_by else asked[0].startswith(f"{graph.url}/v1.0/organization")
