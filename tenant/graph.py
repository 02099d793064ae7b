"""Requests to Microsoft Graph through msgraph-sdk: sign-in and transport are the SDK's, the JSON is ours.

::

    GraphError             also by itself: a list that goes on at another host, or in a circle
    ├── GraphRefused       Graph answered with an error: status, code and message
    │   └── GraphGarbled   the answer was cut short, or isn't what was asked for
    └── GraphUnreachable   no answer: network, name resolution, or the sign-in failed

Three things of the SDK are replaced. Its token provider sends tokens to any https host: every address is checked here.
Its redirects would follow wherever an answer points: none is followed. Its retries end after three tries, too soon for
Conditional Access, which throttles without saying for how long, and would come on top of ours (``pacing.py``).
"""

import asyncio
import base64
import json
import re
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import getproxies

import httpx
from azure.core.exceptions import AzureError
from kiota_abstractions.api_error import APIError
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import GraphClientFactory

from basics.documents import read_json
from tenant.credentials import FixedToken, azure_credential
from tenant.limits import MOST_AT_ONCE, Lane, Limits, Load, lane_of, load_of, units_in
from tenant.pacing import REPEATABLE, Pace, retry_after_in
from tenant.transport import DirectTransport

Json = dict[str, Any]
Sleep = Callable[[float], Awaitable[object]]
Before = Callable[[], Awaitable[object]]

REFINEMENT_REFUSED = frozenset({400, 404, 501})
"""Statuses that mean that Graph doesn't support a query, rather than that it may not be read."""
NOT_FOUND = 404
_NO_SUCH_OBJECT = "notfound"
"""How Graph's codes for an object that doesn't exist end, in lower case: each of its services has one of its own."""
_NO_SUCH_PATH = "for the segment"
"""What Graph says of a path that it doesn't know, under the same codes."""
TOO_MANY = 429
ACCEPTED = 202
_SEND_MAIL = "/sendMail"
_ALL_MEMBERS = {"Prefer": "include-unknown-enum-members"}
_LICENCE_WORDS = ("licens", "licenc", "premium")
TIMEOUT = httpx.Timeout(60, connect=10)
_CONNECTIONS = httpx.Limits(max_connections=2 * MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE)
_CLOCK_ANSWERS = 15
"""Answers of which the middle one says what time it is at Graph: one that was long on its way is no judge."""
_BEGUN = "app-password-watch.begun"
"""The extension of a request that holds the status of its answer, from when its head has arrived."""
_OURS = {
    RetryHandlerOption.get_key(): RetryHandlerOption(should_retry=False),
    RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
}


class GraphError(Exception):
    """Microsoft Graph can't be read; the text is one sentence."""


class GraphUnreachable(GraphError):
    """No answer at all."""


class GraphRefused(GraphError):
    """An error that Graph answered: ``status``, ``code`` and ``message`` as it gave them, shortened.

    ``retry_after``: the seconds after which Graph wants to be asked again, where it said so. ``scopes``: the delegated permissions
    with which a person asked; None where an app did.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        retry_after: float | None = None,
        *,
        scopes: frozenset[str] | None = None,
    ) -> None:
        self.status, self.code, self.message = status, readable(code, 80), readable(message, 200)
        self.retry_after, self.scopes = retry_after, scopes
        super().__init__(describe(self.status, self.code, self.message))


def describe(status: int, code: str, message: str) -> str:
    """An answer in one line, e.g. ``403 Authorization_RequestDenied: Insufficient privileges``."""
    return f"{status} {code}{': ' if code and message else ''}{message}".strip()


def readable(text: object, limit: int) -> str:
    """Text of a server as one short line without control characters."""
    plain = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in str(text or ""))).strip()
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"


def is_licence_error(error: GraphError) -> bool:
    """Whether Graph says that the tenant has no licence for what was asked."""
    if not isinstance(error, GraphRefused) or error.status not in (400, 402, 403):
        return False
    return any(word in f"{error.code} {error.message}".lower() for word in _LICENCE_WORDS)


def is_missing(error: object) -> bool:
    """Whether Graph says that there is no such object.

    Any other 404 says nothing of the object: it may be a proxy's page, a path that isn't known, or an error that Graph has no name for.
    """
    if not isinstance(error, GraphRefused) or error.status != NOT_FOUND:
        return False
    return error.code.lower().endswith(_NO_SUCH_OBJECT) and _NO_SUCH_PATH not in error.message


class GraphGarbled(GraphRefused):
    """An answer that nothing can be made of: cut short, no JSON, no object or no list. Another try may get a good one.

    ``status`` is that of the answer, which may be 200.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, "UnexpectedAnswer", message)


def stumbled(error: GraphError) -> bool:
    """Whether Graph was there and had no time for an answer, or made a broken one: the next request may well be answered."""
    return isinstance(error, GraphGarbled) or (isinstance(error, GraphRefused) and error.status in REPEATABLE)


def may_pass(error: GraphError) -> bool:
    """Whether the same question may be answered some time later: Graph stumbled over it, or couldn't be reached."""
    return isinstance(error, GraphUnreachable) or stumbled(error)


async def at_once() -> None:
    """Waits for nothing."""


class Graph:
    """A client of one Graph host. Use it as an async context manager."""

    def __init__(
        self,
        host: str,
        credential: Any,
        *,
        closing: AsyncExitStack | None = None,
        sleep: Sleep = asyncio.sleep,
        line: "Line | None" = None,
    ) -> None:
        """Takes the base URL without version and an azure-identity credential of the ``aio`` kind.

        ``line``: connections, and what is known of the limits, that others use as well; they stay open.
        """
        self.host = host.rstrip("/")
        self.requests = 0
        """HTTP requests so far; a batch is one, a retry is another."""
        self.throttled = 0
        """Answers so far that asked for patience (429), members of batches included."""
        self._ahead: deque[timedelta] = deque(maxlen=_CLOCK_ANSWERS)
        self.limits = line.limits if line else Limits(sleep)
        self.units: Counter[Lane] = Counter()
        """The resource units that the answers so far said they cost, by what they count for."""
        self.background = True
        """Whether Graph may throttle this client before others: nobody waits for it."""
        self._origin = _origin(self.host)
        self._stack = closing or AsyncExitStack()
        hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [self._count],
            "response": [self._notice, _refuse_redirect],
        }
        client = _client(hooks)
        if line:
            line.lend_to(client)
        self._wrapped = [one for one in (client._transport, *client._mounts.values()) if one]
        self._http = GraphClientFactory.create_with_default_middleware(client=client, options=_OURS)
        parts = urlsplit(self.host)
        self._credential = credential
        self._scope = f"{parts.scheme}://{parts.hostname}/.default"  # Entra ID refuses a port here
        provider = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[self._scope],
            allowed_hosts=[parts.hostname or ""],
        )
        self._adapter = GraphRequestAdapter(provider, client=self._http)
        GraphServiceClient(request_adapter=self._adapter)  # registers the parsers of error bodies
        self._adapter.base_url = f"{self.host}/v1.0"  # after construction: the client sets the public cloud's

    @classmethod
    def connect(
        cls,
        host: str,
        *,
        authority: str,
        client_id: str | None = None,
        local_token: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> "Graph":
        """A client signed in by managed identity (or a developer's own sign-in); a local host gets the fixed token."""
        stack = AsyncExitStack()
        if local_token is not None:
            return cls(host, FixedToken(local_token), closing=stack, sleep=sleep)
        return cls(host, azure_credential(authority, client_id, stack), closing=stack, sleep=sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        for wrapped in self._wrapped:  # the SDK's transport doesn't close the one that it wraps
            await wrapped.aclose()
        await self._stack.aclose()

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far this machine's clock is ahead of Graph's, to the second; None while no answer told the time."""
        return sorted(self._ahead)[len(self._ahead) // 2] if self._ahead else None

    def now(self) -> datetime:
        """The time by Graph's clock, as far as its answers told it: this machine's may be wrong."""
        return datetime.now(UTC) - (self.clock_ahead or timedelta())

    @property
    def scopes(self) -> frozenset[str] | None:
        """The delegated permissions of the person who is signed in; None where an app reads."""
        return getattr(self._credential, "scopes", None)

    async def sleep(self, seconds: float) -> None:
        """Wait before asking again."""
        await self.limits.sleep(seconds)

    async def app_permissions(self) -> frozenset[str] | None:
        """The application permissions that the app's own token lists, in Microsoft Entra ID; None where it isn't an app's.

        Raises ``GraphUnreachable`` when the sign-in fails.
        """
        with _signing_in(self.host):
            token = await self._credential.get_token(self._scope)
        return app_permissions_in(token.token)

    async def get(self, path: str, *, version: str = "v1.0", headers: Mapping[str, str] | None = None) -> Json:
        """The JSON object at a path such as ``/organization?$select=id``. Raises :class:`GraphError`."""
        return await self._read(self._url(path, version), headers)

    async def post(self, path: str, body: Json, *, version: str = "v1.0", load: Load | None = None) -> Json:
        """The JSON object that a POST answers that changes nothing, such as a batch. Raises :class:`GraphError`.

        ``load``: what it takes of Graph's limits, where its path doesn't say so.
        """
        return await self._patiently(self._request(Method.POST, self._url(path, version), body=body), load)

    async def page(self, link: str) -> Json:
        """One page of a collection at an absolute address, such as a nextLink. Raises :class:`GraphError`."""
        return await self._read(link, None)

    async def pages(
        self,
        path: str,
        *,
        version: str = "v1.0",
        headers: Mapping[str, str] | None = None,
        before: Before = at_once,
    ) -> AsyncIterator[Json]:
        """The items of a collection, page after page, without holding more than one page.

        ``before`` is awaited before each page is asked for. Raises :class:`GraphError`.
        """
        url = self._url(path, version)
        await before()
        async for item in self.items(await self._read(url, headers), url, headers=headers, before=before):
            yield item

    async def items(
        self, first: Json, url: str = "", *, headers: Mapping[str, str] | None = None, before: Before = at_once
    ) -> AsyncIterator[Json]:
        """The items of a page that was read (at ``url``, where that is known) and of all pages after it, each once.

        A list that changes while it is read repeats items from page to page: the first one with an id counts.
        Raises :class:`GraphError`.
        """
        page, links, ids = first, {url}, set[str]()
        while True:
            for item in items_of(page):
                id = item.get("id")
                if isinstance(id, str) and id in ids:
                    continue
                if isinstance(id, str) and id:
                    ids.add(id)
                yield item
            link = next_link(page)
            if not link:
                return
            url = link if "://" in link else urljoin(url, link)
            if url in links:
                raise GraphError("Graph's list doesn't end: one of its pages names an earlier one as the next.")
            links.add(url)
            await before()
            page = await self._read(url, headers)

    async def send_mail(self, mailbox: str, content: bytes | Json) -> None:
        """Send a mail from a mailbox, once: a second try could send it twice. The head of the answer decides whether it is sent.

        ``content`` is a MIME message in base64, or the JSON body of ``sendMail``. Raises :class:`GraphError`.
        """
        url = self._url(f"/users/{quote(mailbox, safe='')}{_SEND_MAIL}", "v1.0")
        if isinstance(content, bytes):
            request = self._request(Method.POST, url)
            request.set_stream_content(content, "text/plain")
        else:
            request = self._request(Method.POST, url, body=content)
        try:
            await self._once(request)
        except _Accepted:
            return
        except _ConnectionBroke as broke:
            if broke.status:
                raise GraphRefused(broke.status, "", "the connection broke in the middle of the answer") from broke
            raise

    async def _read(self, url: str, headers: Mapping[str, str] | None) -> Json:
        return await self._patiently(self._request(Method.GET, url, headers))

    async def _patiently(self, request: RequestInformation, load: Load | None = None) -> Json:
        """Send a request that may be repeated, until it is answered or :class:`~tenant.pacing.Pace` gives up."""
        pace, url = Pace(), request.url
        while True:
            try:
                async with self.limits.turn(load_of(url) if load is None else load):
                    answer = await self._once(request)
                return _parsed(answer)
            except GraphGarbled:
                pause = pace.after_silence()
                if pause is None:
                    raise
            except GraphRefused as refused:
                if refused.status == TOO_MANY:
                    self.limits.refused(url, refused.retry_after)
                pause = pace.after(refused.status, refused.retry_after)
                if pause is None:
                    raise
            except _ConnectionBroke as broke:
                pause = pace.after_silence()
                if pause is None and broke.status:
                    raise GraphGarbled(broke.status, "the connection broke in the middle of the answer") from broke
                if pause is None:
                    raise GraphUnreachable(str(broke)) from broke
            await self.sleep(pause)

    async def _once(self, request: RequestInformation) -> bytes | None:
        try:
            with _signing_in(self.host):
                answer: bytes | None = await self._adapter.send_primitive_async(request, "bytes", {"XXX": ODataError})
            return answer
        except APIError as error:
            main = getattr(error, "error", None)
            code, message = (main.code, main.message) if main else ("", "")
            waits = retry_after_in(error.response_headers or {})
            status = error.response_status_code or 0
            raise GraphRefused(status, code or "", message or "", waits, scopes=self.scopes) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = readable(error, 200) or type(error).__name__
            raise _ConnectionBroke(
                f"Microsoft Graph at {self.host} can't be reached ({reason}): check the network and GRAPH_ENDPOINT.",
                _status_begun(error),
            ) from error

    def _url(self, path: str, version: str) -> str:
        return f"{self.host}/{version}{path}"

    def _request(
        self, method: Method, url: str, headers: Mapping[str, str] | None = None, *, body: Json | None = None
    ) -> RequestInformation:
        if _origin(url) != self._origin:
            raise GraphError(
                f"Graph continued a list at another address ({readable(_origin(url), 100)}); no token is sent there."
            )
        request = RequestInformation()
        request.http_method = method
        request.url = url
        for name, value in {"Accept": "application/json", **self.headers, **(headers or {})}.items():
            request.headers.try_add(name, value)
        if body is not None:
            request.set_stream_content(json.dumps(body).encode(), "application/json")
        return request

    @property
    def headers(self) -> dict[str, str]:
        """What every question is asked with, members of a batch included: to see members of enumerations that are newer than the API's
        version, which Graph otherwise writes as ``unknownFutureValue``; and to be throttled before others where nobody waits for it.
        """
        return {**_ALL_MEMBERS, **({"x-ms-throttle-priority": "low"} if self.background else {})}

    async def _count(self, request: httpx.Request) -> None:
        self.requests += 1

    @property
    def resource_units(self) -> int:
        """What the answers so far said that they cost, members of batches included; Graph's limits count these."""
        return self.units.total()

    def answered(self, path: str, headers: Mapping[str, Any]) -> None:
        """Note what an answer that was no refusal says of the limits, that of a member of a batch included."""
        units = units_in(headers)
        self.units[lane_of(path)] += units or 0
        self.limits.answered(path, units, headers)

    async def _notice(self, response: httpx.Response) -> None:
        """Look at the head of an answer; its body is still on its way."""
        response.request.extensions[_BEGUN] = response.status_code
        self.throttled += response.status_code == TOO_MANY
        if response.status_code != TOO_MANY:
            self.answered(str(response.url), response.headers)
        if _origin(str(response.url)) == self._origin:
            with suppress(TypeError, ValueError):
                self._ahead.append(datetime.now(UTC) - parsedate_to_datetime(response.headers.get("Date", "")))
        if response.status_code == ACCEPTED and response.request.url.path.endswith(_SEND_MAIL):
            raise _Accepted


@contextmanager
def _signing_in(host: str) -> Iterator[None]:
    """Says in a sentence that the sign-in failed."""
    try:
        yield
    except AzureError as error:
        raise GraphUnreachable(
            f"Signing in for {host} failed: give the app a managed identity; in a terminal add --sign-in browser or device-code, "
            f"or set the variables of an app registration ({readable(error.message, 200)})."
        ) from error


def app_permissions_in(token: str) -> frozenset[str] | None:
    """The application permissions that an access token lists; None for one of a person, or that isn't a JSON Web Token.

    It is the app's own token, which only Microsoft Graph judges: its signature is not looked at.
    Source: Microsoft Learn, "Access token claims reference", ``roles`` and ``scp``.
    """
    try:
        claims = read_json(base64.urlsafe_b64decode(f"{token.split('.')[1]}=="))
        return None if "scp" in claims else frozenset(map(str, claims.get("roles") or ()))
    except (IndexError, ValueError, AttributeError, TypeError):
        return None


class Line:
    """Connections to one Graph host that several clients use, one after the other or at the same time, and their common limits."""

    def __init__(self) -> None:
        self.limits = Limits(asyncio.sleep)
        self._client = _client({})

    def lend_to(self, client: httpx.AsyncClient) -> None:
        """Have a client use these connections, which its end leaves open."""
        client._transport = _Lent(self._client._transport)
        client._mounts = {
            pattern: _Lent(transport) if transport else None for pattern, transport in self._client._mounts.items()
        }

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class _Lent(httpx.AsyncBaseTransport):
    """Somebody else's transport: not closed here."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Nothing."""


class _Accepted(Exception):
    """A mail was taken: the head of the answer says so, and nothing that its body could add is waited for."""


class _ConnectionBroke(GraphUnreachable):
    """No answer to one try, or only its beginning: then ``status`` is the answer's, and otherwise 0."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def items_of(page: Json) -> list[Json]:
    """The items of one page of a collection.

    Raises :class:`GraphGarbled` where the answer is no collection, or one of its items can't be read: what a list lacks
    must not be taken for something that isn't there.
    """
    items = page.get("value")
    if not isinstance(items, list):
        raise GraphGarbled(200, "the answer has no list of values")
    if not all(isinstance(item, dict) for item in items):
        raise GraphGarbled(200, "the answer's list holds something that is no object")
    return items


def next_link(page: Json) -> str:
    """The address of the page after this one; empty where it is the last.

    Raises :class:`GraphGarbled` where what stands there is no address: how much more there is isn't known then.
    """
    link = page.get("@odata.nextLink")
    if link is None:
        return ""
    if not isinstance(link, str) or not link.strip():
        raise GraphGarbled(200, "the answer names no address for its next page")
    return link


def answered_object(value: object) -> Json:
    """The object of an answer that says of itself that all is well (200).

    Raises :class:`GraphGarbled` where it is none, or says that something went wrong all the same: what it lacks isn't known.
    """
    if not isinstance(value, dict):
        raise GraphGarbled(200, "the answer is not a JSON object")
    if value.get("error") is not None:
        raise GraphGarbled(200, "the answer holds an error in place of what was asked")
    return value


def _client(hooks: dict[str, list[Callable[..., Any]]]) -> httpx.AsyncClient:
    """An httpx client whose own connections are aiohttp's; where the environment names a proxy, those through it are httpx's."""
    direct = DirectTransport(_trusted(), _CONNECTIONS)
    client = httpx.AsyncClient(
        # Its own are made only for a proxy: what they import takes longer than the sign-in.
        transport=None if getproxies() else direct,
        timeout=TIMEOUT,
        follow_redirects=False,
        event_hooks=hooks,
        verify=_trusted(),
        limits=_CONNECTIONS,
    )
    client._transport = direct
    return client


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted: loading them takes longer than a request."""
    return httpx.create_ssl_context()


async def _refuse_redirect(response: httpx.Response) -> None:
    if response.is_redirect:
        raise GraphRefused(response.status_code, "Redirect", "Graph pointed elsewhere; the token is not sent there")


def _parsed(content: bytes | None) -> Json:
    if not content:
        raise GraphGarbled(200, "the answer is empty")
    try:
        value = read_json(content)
    except ValueError:
        raise GraphGarbled(200, "the answer is not JSON") from None
    return answered_object(value)


def _status_begun(error: httpx.HTTPError | httpx.InvalidURL) -> int:
    """The status of the answer that an error interrupted; 0 where none had begun."""
    try:
        begun = error.request.extensions.get(_BEGUN) if isinstance(error, httpx.HTTPError) else None
    except RuntimeError:  # the error belongs to no request
        return 0
    return begun if isinstance(begun, int) else 0


def _origin(url: str) -> str:
    """Scheme, host and port of an address, in one spelling. An address with a user in it has no origin."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "an unreadable address"
    if parts.username is not None or not parts.hostname:
        return "an unreadable address"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"
