"""Requests to Microsoft Graph through msgraph-sdk: sign-in and transport are the SDK's, the JSON is ours.

::

    GraphError             also by itself: a list that goes on at another host, or in a circle
    ├── GraphRefused       Graph answered with an error: status, code and message
    └── GraphUnreachable   no answer: network, name resolution, or the sign-in failed

Three things of the SDK are replaced. Its token provider sends tokens to any https host: every address is checked here.
Its redirects would follow wherever an answer points: none is followed. Its retries end after three tries, too soon for
Conditional Access, which throttles without saying for how long, and would come on top of ours (``pacing.py``).
"""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit

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

from tenant.credentials import FixedToken, azure_credential
from tenant.pacing import Pace, retry_after_in

Json = dict[str, Any]
Sleep = Callable[[float], Awaitable[object]]

REFINEMENT_REFUSED = frozenset({400, 404, 501})
"""Statuses that mean that Graph doesn't support a query, rather than that it may not be read."""
TOO_MANY = 429
_LICENCE_WORDS = ("licens", "licenc", "premium")
TIMEOUT = httpx.Timeout(60, connect=10)
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

    ``retry_after``: the seconds after which Graph wants to be asked again, where it said so.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        self.status, self.code, self.message = status, readable(code, 80), readable(message, 200)
        self.retry_after = retry_after
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


class Graph:
    """A client of one Graph host. Use it as an async context manager."""

    def __init__(
        self, host: str, credential: Any, *, closing: AsyncExitStack | None = None, sleep: Sleep = asyncio.sleep
    ) -> None:
        """Takes the base URL without version and an azure-identity credential of the ``aio`` kind."""
        self.host = host.rstrip("/")
        self.requests = 0
        """HTTP requests so far; a batch is one, a retry is another."""
        self.throttled = 0
        """Answers so far that asked for patience (429), members of batches included."""
        self.resource_units = 0
        """What the answers so far said that they cost, members of batches included; Graph's limits count these."""
        self.clock_ahead: timedelta | None = None
        """How far this machine's clock is ahead of Graph's, as of the last answer that told the time (to the second)."""
        self.sleep = sleep
        self._origin = _origin(self.host)
        self._stack = closing or AsyncExitStack()
        hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [self._count],
            "response": [self._notice, _refuse_redirect],
        }
        client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, event_hooks=hooks, verify=_trusted())
        self._wrapped = [one for one in (client._transport, *client._mounts.values()) if one]
        self._http = GraphClientFactory.create_with_default_middleware(client=client, options=_OURS)
        parts = urlsplit(self.host)
        provider = AzureIdentityAuthenticationProvider(
            credential,
            scopes=[f"{parts.scheme}://{parts.hostname}/.default"],  # Entra ID refuses a port here
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

    async def get(self, path: str, *, version: str = "v1.0", headers: Mapping[str, str] | None = None) -> Json:
        """The JSON object at a path such as ``/organization?$select=id``. Raises :class:`GraphError`."""
        return await self._read(self._url(path, version), headers)

    async def post(self, path: str, body: Json, *, version: str = "v1.0") -> Json:
        """The JSON object that a POST answers that changes nothing, such as a batch. Raises :class:`GraphError`."""
        return await self._patiently(self._request(Method.POST, self._url(path, version), body=body))

    async def page(self, link: str) -> Json:
        """One page of a collection at an absolute address, such as a nextLink. Raises :class:`GraphError`."""
        return await self._read(link, None)

    async def pages(
        self, path: str, *, version: str = "v1.0", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Json]:
        """The items of a collection, page after page, without holding more than one page. Raises :class:`GraphError`."""
        async for item in self.follow(self._url(path, version), headers=headers):
            yield item

    async def follow(self, link: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Json]:
        """The items from an absolute address on, such as a nextLink. Raises :class:`GraphError`."""
        url = link
        seen: set[str] = set()
        while url:
            if url in seen:
                raise GraphError("Graph's list doesn't end: one of its pages names an earlier one as the next.")
            seen.add(url)
            page = await self._read(url, headers)
            for item in items_of(page):
                yield item
            following = page.get("@odata.nextLink")
            link = str(following or "")
            url = link if "://" in link or not link else urljoin(url, link)

    async def send_mail(self, mailbox: str, content: bytes | Json) -> None:
        """Send a mail from a mailbox, once: a second try could send it twice.

        ``content`` is a MIME message in base64, or the JSON body of ``sendMail``. Raises :class:`GraphError`.
        """
        url = self._url(f"/users/{quote(mailbox, safe='')}/sendMail", "v1.0")
        if isinstance(content, bytes):
            request = self._request(Method.POST, url)
            request.set_stream_content(content, "text/plain")
        else:
            request = self._request(Method.POST, url, body=content)
        await self._once(request)

    async def _read(self, url: str, headers: Mapping[str, str] | None) -> Json:
        return await self._patiently(self._request(Method.GET, url, headers))

    async def _patiently(self, request: RequestInformation) -> Json:
        """Send a request that may be repeated, until it is answered or :class:`~tenant.pacing.Pace` gives up."""
        pace = Pace()
        while True:
            try:
                return _parsed(await self._once(request))
            except GraphRefused as refused:
                pause = pace.after(refused.status, refused.retry_after)
                if pause is None:
                    raise
            except _ConnectionBroke as broke:
                pause = pace.after_silence()
                if pause is None:
                    raise GraphUnreachable(str(broke)) from broke
            await self.sleep(pause)

    async def _once(self, request: RequestInformation) -> bytes | None:
        try:
            answer: bytes | None = await self._adapter.send_primitive_async(request, "bytes", {"XXX": ODataError})
            return answer
        except APIError as error:
            main = getattr(error, "error", None)
            code, message = (main.code, main.message) if main else ("", "")
            waits = retry_after_in(error.response_headers or {})
            raise GraphRefused(error.response_status_code or 0, code or "", message or "", waits) from error
        except AzureError as error:
            raise GraphUnreachable(
                f"Signing in for {self.host} failed: give the app a managed identity, or sign in with az login "
                f"({readable(error.message, 200)})."
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = readable(error, 200) or type(error).__name__
            raise _ConnectionBroke(
                f"Microsoft Graph at {self.host} can't be reached ({reason}): check the network and GRAPH_ENDPOINT."
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
        for name, value in {"Accept": "application/json", "x-ms-throttle-priority": "low", **(headers or {})}.items():
            request.headers.try_add(name, value)
        if body is not None:
            request.set_stream_content(json.dumps(body).encode(), "application/json")
        return request

    async def _count(self, request: httpx.Request) -> None:
        self.requests += 1

    def count_cost(self, headers: Mapping[str, Any]) -> None:
        """Add what an answer with these headers cost, where it says so."""
        for name, value in headers.items():
            if name.lower() == "x-ms-resource-unit" and str(value).isdecimal():
                self.resource_units += int(value)

    async def _notice(self, response: httpx.Response) -> None:
        self.throttled += response.status_code == TOO_MANY
        self.count_cost(response.headers)
        with suppress(TypeError, ValueError):
            self.clock_ahead = datetime.now(UTC) - parsedate_to_datetime(response.headers.get("Date", ""))


class _ConnectionBroke(GraphUnreachable):
    """No answer to one try."""


def items_of(page: Json) -> list[Json]:
    """The items of one page of a collection. Raises :class:`GraphRefused` where the answer is no collection."""
    items = page.get("value")
    if not isinstance(items, list):
        raise GraphRefused(200, "UnexpectedAnswer", "the answer has no list of values")
    return [item for item in items if isinstance(item, dict)]


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted: loading them takes longer than a request."""
    return httpx.create_ssl_context()


async def _refuse_redirect(response: httpx.Response) -> None:
    if response.is_redirect:
        raise GraphRefused(response.status_code, "Redirect", "Graph pointed elsewhere; the token is not sent there")


def _parsed(content: bytes | None) -> Json:
    if not content:
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise GraphRefused(200, "UnexpectedAnswer", "the answer is not JSON") from None
    if not isinstance(value, dict):
        raise GraphRefused(200, "UnexpectedAnswer", "the answer is not a JSON object")
    return value


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
