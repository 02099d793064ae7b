"""The client: what goes over the wire, what comes back, and what is refused."""

import asyncio
import base64
import json
import socket
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.server import LocalGraph
from tenant.graph import Graph, GraphError, GraphGarbled, GraphRefused, GraphUnreachable, app_permissions_in, is_missing
from tests.tenant.reading import Naps, connect
from tests.tenant.scripted import Answers, pages, scripted


async def every(graph: Graph, path: str = "/users") -> list[dict[str, Any]]:
    return [item async for item in graph.pages(path)]


async def test_a_collection_is_read_to_its_last_page() -> None:
    async with scripted(pages([{"id": "1"}], [], [{"id": "2"}])) as server, connect(server.url) as graph:
        assert await every(graph) == [{"id": "1"}, {"id": "2"}]
        assert graph.requests == 3


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (404, "Request_ResourceNotFound", "Resource 'x' does not exist.", True),
        (404, "request_resourcenotfound", "", True),
        (404, "ResourceNotFound", "Resource 'x' does not exist.", True),
        (404, "ErrorItemNotFound", "", True),
        (404, "Directory_ObjectNotFound", "", True),
        (404, "NotFound", "", True),
        (404, "ResourceNotFound", "Resource not found for the segment 'users'.", False),
        (404, "BadRequest", "Resource not found for the segment 'users'.", False),
        (404, "UnknownError", "", False),
        (404, "UnexpectedAnswer", "", False),
        (404, "", "", False),
        (400, "Request_ResourceNotFound", "", False),
    ],
)
def test_only_graphs_own_word_says_that_an_object_does_not_exist(
    status: int, code: str, message: str, expected: bool
) -> None:
    assert is_missing(GraphRefused(status, code, message)) is expected


async def test_headers_go_with_every_page() -> None:
    async with scripted(pages([], [])) as server, connect(server.url) as graph:
        _ = [item async for item in graph.pages("/users", headers={"Prefer": "include-unknown-enum-members"})]
    assert [request.headers["Prefer"] for request in server.requests] == ["include-unknown-enum-members"] * 2
    assert {request.headers["x-ms-throttle-priority"] for request in server.requests} == {"low"}


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users?page=2",
        "http://127.0.0.1:1/v1.0/users",
        "https://{here}/v1.0/users",
        "http://{here}@evil.example/v1.0/users",
        "http://user:secret@{here}/v1.0/users",
        "http://[broken/v1.0/users",
        "file:///etc/passwd",
    ],
)
async def test_a_next_page_at_another_address_gets_neither_request_nor_token(link: str) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [], "@odata.nextLink": link.replace("{here}", request.host)})

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphError, match="another address"):
            await every(graph)
        assert len(server.requests) == 1


async def test_a_next_page_may_be_relative_to_the_page_before() -> None:
    def answer(request: web.Request) -> web.Response:
        last = "page" in request.query
        return web.json_response({"value": [{}]} | ({} if last else {"@odata.nextLink": "users?page=2"}))

    async with scripted(answer) as server, connect(server.url) as graph:
        assert await every(graph) == [{}, {}]
        assert server.paths == ["/v1.0/users", "/v1.0/users?page=2"]


@pytest.mark.parametrize("link", ["", " ", 0, 1, False, True, [], {}, ["/v1.0/users?page=2"]])
async def test_a_next_page_without_an_address_is_an_error_and_not_the_end(link: object) -> None:
    def answer(_: web.Request) -> web.Response:
        return web.json_response({"value": [{"id": "1"}], "@odata.nextLink": link})

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphGarbled, match="no address"):
            await every(graph)


async def test_a_next_page_that_is_null_is_the_end() -> None:
    def answer(_: web.Request) -> web.Response:
        return web.json_response({"value": [{"id": "1"}], "@odata.nextLink": None})

    async with scripted(answer) as server, connect(server.url) as graph:
        assert await every(graph) == [{"id": "1"}]


@pytest.mark.parametrize("error", [{"code": "UnknownError", "message": ""}, {}, "broken", True])
async def test_an_answer_that_holds_an_error_is_none_though_its_status_says_that_all_is_well(error: object) -> None:
    def answer(_: web.Request) -> web.Response:
        return web.json_response({"value": [], "error": error})

    naps = Naps()
    async with scripted(answer) as server, connect(server.url, naps) as graph:
        with pytest.raises(GraphGarbled, match="holds an error"):
            await every(graph)
        assert len(server.requests) > 1, "another try may get a good one"


async def test_pages_in_a_circle_are_an_error_and_no_endless_loop() -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [], "@odata.nextLink": str(request.url)})

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphError, match="doesn't end"):
            await every(graph)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_error_and_takes_no_token_along(status: int) -> None:
    async with scripted(pages([])) as elsewhere:

        def answer(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{elsewhere.url}/v1.0/users"})

        async with scripted(answer) as server, connect(server.url) as graph:
            with pytest.raises(GraphRefused, match=f"{status} Redirect"):
                await every(graph)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            403,
            '{"error":{"code":"Authorization_RequestDenied","message":"No."}}',
            "403 Authorization_RequestDenied: No.",
        ),
        (403, "<html>Forbidden</html>", "403"),
        (404, "", "404"),
        (400, '{"error":"text"}', "400"),
        (400, "[]", "400"),
        (200, "<html>sign in here</html>", "200 UnexpectedAnswer: the answer is not JSON"),
        (200, "[1]", "200 UnexpectedAnswer: the answer is not a JSON object"),
        (200, '{"value": 1}', "200 UnexpectedAnswer: the answer has no list of values"),
        (
            200,
            '{"value": [{"id": "1"}, null]}',
            "200 UnexpectedAnswer: the answer's list holds something that is no object",
        ),
        (200, "", "200 UnexpectedAnswer: the answer is empty"),
    ],
)
async def test_what_is_no_list_is_an_error_and_never_an_empty_list(status: int, body: str, told: str) -> None:
    kind = "text/html" if body.startswith("<") else "application/json"

    def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type=kind)

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphRefused) as caught:
            await every(graph)
    assert str(caught.value) == told
    assert caught.value.status == status


async def test_an_error_is_told_in_one_short_line() -> None:
    hostile = "first\r\nsecond\x1b[31m\u202e" + "x" * 1000

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": {"code": "A\nB", "message": hostile}}, status=403)

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphRefused) as caught:
            await graph.get("/organization")
    text = str(caught.value)
    assert text.startswith("403 A B: first second [31m")
    assert text.isprintable()
    assert len(text) < 300


async def test_throttling_without_a_time_is_waited_out() -> None:
    naps = Naps()
    async with LocalGraph(TenantBuilder().policy("One", grant=["mfa"]).build()) as local:
        throttled = local.fail("conditionalAccess/policies", 429, times=4)
        async with connect(local.url, naps) as graph:
            assert len(await every(graph, "/identity/conditionalAccess/policies")) == 1
            assert graph.requests == local.http_requests == 5
    assert throttled.hits == 4
    assert [round(nap) for nap in naps.taken[:2]] == [2, 4] or naps.taken[0] >= 2
    assert naps.taken == sorted(naps.taken)


async def test_throttling_with_a_time_is_obeyed() -> None:
    naps = Naps()
    async with LocalGraph(TenantBuilder().build()) as local:
        local.fail("organization", 429, times=2, retry_after=17)
        async with connect(local.url, naps) as graph:
            assert len(await every(graph, "/organization")) == 1
    assert naps.taken == [17, 17]


async def test_throttling_that_does_not_end_is_an_error_in_the_end() -> None:
    naps = Naps()
    async with LocalGraph(TenantBuilder().build()) as local, connect(local.url, naps) as graph:
        local.fail("organization", 429)
        with pytest.raises(GraphRefused, match="429 TooManyRequests"):
            await every(graph, "/organization")
    assert 60 <= sum(naps.taken) <= 90


async def test_a_broken_connection_is_tried_again() -> None:
    async with LocalGraph(TenantBuilder("Contoso").build()) as local, connect(local.url) as graph:
        local.fail("organization", 0, times=2)
        assert [one["displayName"] for one in await every(graph, "/organization")] == ["Contoso"]


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.BROKEN])
async def test_an_answer_that_is_cut_short_is_tried_again(how: Spoilt) -> None:
    naps = Naps()
    async with LocalGraph(TenantBuilder("Contoso").build()) as local, connect(local.url, naps) as graph:
        local.spoil("organization", how, times=2)
        assert [one["displayName"] for one in await every(graph, "/organization")] == ["Contoso"]
        assert graph.requests == 3
    assert naps.taken == [1, 2]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (Spoilt.CUT, "200 UnexpectedAnswer: the answer is not JSON"),
        (Spoilt.BARE, "200 UnexpectedAnswer: the answer is empty"),
        (Spoilt.BROKEN, "200 UnexpectedAnswer: the connection broke in the middle of the answer"),
    ],
)
async def test_an_answer_that_stays_cut_short_is_a_refusal_of_that_request_alone(how: Spoilt, said: str) -> None:
    async with LocalGraph(TenantBuilder("Contoso").build()) as local, connect(local.url) as graph:
        cut = local.spoil("organization", how)
        with pytest.raises(GraphGarbled) as caught:
            await every(graph, "/organization")
        assert str(caught.value) == said
        assert cut.hits == 3
        assert await every(graph, "/subscribedSkus")


async def test_what_two_pages_repeat_is_read_once_and_as_it_was_first() -> None:
    first: list[dict[str, object]] = [{"id": "1", "name": "old"}, {"name": "without an id"}]
    second: list[dict[str, object]] = [{"id": "1", "name": "new"}, {"name": "without an id"}, {"id": "2"}, {"id": "2"}]
    async with scripted(pages(first, second)) as server, connect(server.url) as graph:
        assert await every(graph) == [*first, {"name": "without an id"}, {"id": "2"}]


async def test_a_page_waits_for_what_must_happen_before_it() -> None:
    taken: list[int] = []

    async def take() -> None:
        taken.append(len(server.requests))

    async with scripted(pages([], [], [])) as server, connect(server.url) as graph:
        _ = [item async for item in graph.pages("/users", before=take)]
    assert taken == [0, 1, 2]


async def test_a_batch_is_sent_again_with_its_body_and_token() -> None:
    async with LocalGraph(TenantBuilder().build()) as local, connect(local.url) as graph:
        local.fail(r"POST /v1\.0/\$batch", 503, times=2)
        body = {"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}
        answer = await graph.post("/$batch", body)
    assert answer["responses"][0]["status"] == 200


async def test_a_graph_that_is_not_there_is_named_with_what_to_check() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else gets the port
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        naps = Naps()
        async with connect(url, naps) as graph:
            with pytest.raises(GraphUnreachable) as caught:
                await graph.get("/organization")
    assert url in str(caught.value)
    assert "GRAPH_ENDPOINT" in str(caught.value)
    assert sum(naps.taken) <= 5


async def test_a_wrong_token_is_refused_with_graphs_own_words() -> None:
    async with LocalGraph(TenantBuilder().build()) as local:
        graph = Graph.connect(local.url, authority="https://login.invalid", local_token="wrong")
        async with graph:
            with pytest.raises(GraphRefused, match="401 InvalidAuthenticationToken"):
                await graph.get("/organization")


async def test_the_version_is_that_of_the_request() -> None:
    async with scripted(pages([])) as server, connect(server.url) as graph:
        await graph.get("/organization")
        await graph.get("/organization", version="beta")
        await graph.post("/$batch", {}, version="beta")
    assert server.paths == ["/v1.0/organization", "/beta/organization", "/beta/$batch"]


async def test_a_mail_is_sent_once_and_never_again() -> None:
    def answer(request: web.Request) -> web.Response:
        return web.Response(status=504, headers={"Retry-After": "9"})

    async with scripted(answer) as server, connect(server.url) as graph:
        with pytest.raises(GraphRefused) as caught:
            await graph.send_mail("o'brien+alerts@contoso.com", b"bWFpbA==")
    assert server.paths == ["/v1.0/users/o%27brien%2Balerts%40contoso.com/sendMail"]
    assert server.requests[0].headers["Content-Type"] == "text/plain"
    assert (caught.value.status, caught.value.retry_after) == (504, 9)


def begun(status: int, *, breaks: bool) -> Answers:
    """The head of an answer and half of its body; then the connection breaks, or nothing more comes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        response.content_length = 100
        await response.prepare(request)
        await response.write(b'{"error"')
        if breaks and request.transport is not None:
            request.transport.abort()
        elif not breaks:
            await asyncio.sleep(20)
        return response

    return answer


@pytest.mark.parametrize("breaks", [True, False])
async def test_a_mail_whose_acceptance_is_cut_off_is_sent(breaks: bool) -> None:
    async with scripted(begun(202, breaks=breaks)) as server, connect(server.url) as graph:
        async with asyncio.timeout(10):
            await graph.send_mail("alerts@contoso.com", b"bWFpbA==")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 503])
async def test_a_mail_whose_refusal_is_cut_off_is_refused(status: int) -> None:
    async with scripted(begun(status, breaks=True)) as server, connect(server.url) as graph:
        with pytest.raises(GraphRefused) as caught:
            await graph.send_mail("alerts@contoso.com", b"bWFpbA==")
    assert (caught.value.status, len(server.requests)) == (status, 1)


# Sign-in


class Credential:
    """Remembers for what a token was asked, and gives one or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.scopes: list[str] = []
        self._error = error

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.scopes += scopes
        if self._error:
            raise self._error
        return AccessToken("the-token", 2**40)


async def test_the_token_is_asked_for_the_graph_host_without_its_port() -> None:
    credential = Credential()
    async with scripted(pages([])) as server, Graph(server.url, credential) as graph:
        await graph.get("/organization")
    assert set(credential.scopes) == {"http://127.0.0.1/.default"}
    assert server.requests[0].headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    "error",
    [
        ClientAuthenticationError("ManagedIdentityCredential authentication unavailable.\nNo identity."),
        CredentialUnavailableError("No credential is available."),
        ServiceRequestError("Cannot connect to host login.microsoftonline.com"),
    ],
)
async def test_a_sign_in_that_fails_is_told_as_such_and_at_once(error: Exception) -> None:
    naps = Naps()
    async with scripted(pages([])) as server, Graph(server.url, Credential(error), sleep=naps) as graph:
        with pytest.raises(GraphUnreachable) as caught:
            await graph.get("/organization")
    assert str(caught.value).startswith(f"Signing in for {server.url} failed: give the app a managed identity")
    assert "add --sign-in browser or device-code" in str(caught.value)
    assert "az login" not in str(caught.value), "that of a person never carries what is needed"
    assert "\n" not in str(caught.value)
    assert (server.requests, naps.taken) == ([], [])


async def test_a_national_cloud_is_connected_to_without_any_request() -> None:
    graph = Graph.connect("https://graph.microsoft.us/", authority="https://login.microsoftonline.us")
    async with graph:
        assert (graph.host, graph.requests) == ("https://graph.microsoft.us", 0)


async def test_no_log_line_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with scripted(pages([])) as server, Graph(server.url, Credential()) as graph:
        await graph.get("/organization")
    assert server.url in caplog.text
    assert "the-token" not in caplog.text


# The clock


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=10), timedelta(days=-400)])
async def test_a_clock_that_differs_from_graphs_is_noticed(ahead: timedelta) -> None:
    tenant = TenantBuilder().build()
    async with LocalGraph(tenant, date_skew=-ahead) as local, connect(local.url) as graph:
        await graph.get("/organization")
        assert graph.clock_ahead is not None
        assert abs(graph.clock_ahead - ahead) < timedelta(seconds=10)


async def test_one_answer_with_another_time_than_the_others_is_not_believed() -> None:
    async with LocalGraph(TenantBuilder().build()) as local, connect(local.url) as graph:
        for skew in (timedelta(), timedelta(days=9), timedelta()):
            local.date_skew = skew
            await graph.get("/organization")
        assert graph.clock_ahead is not None
        assert abs(graph.clock_ahead) < timedelta(seconds=10)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 25 Nov 2026 07:00:00 -0000", "Wed, 99 Nov 2026 07:00:00 GMT"])
async def test_an_answer_that_does_not_tell_the_time_says_nothing_of_the_clock(date: str) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({}, headers={"Date": date})

    async with scripted(answer) as server, connect(server.url) as graph:
        await graph.get("/organization")
        assert graph.clock_ahead is None


def token(claims: object) -> str:
    """An access token with these claims; nobody looks at its signature."""
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (token({"roles": ["User.Read.All"], "idtyp": "app"}), {"User.Read.All"}),
        (token({"idtyp": "app"}), set()),
        (token({"scp": "User.Read", "roles": ["x"]}), None),
        (token([]), None),
        (token({"roles": 7}), None),
        ("local-development-token", None),
        ("a.%%%.c", None),
        ("", None),
    ],
)
def test_an_apps_token_lists_its_permissions(given: str, expected: set[str] | None) -> None:
    assert app_permissions_in(given) == expected
