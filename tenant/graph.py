"""Requests to Microsoft Graph through msgraph-sdk: sign-in, transport and retries are the SDK's, the JSON is ours.

::

    GraphError
    ├── GraphRefused       Graph answered with an error: status, code and message
    └── GraphUnreachable   no answer: network, name resolution, or the sign-in failed

The SDK's token provider sends tokens to any https host, so every address is checked here first.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity.aio import DefaultAzureCredential
from kiota_abstractions.api_error import APIError
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import GraphClientFactory

Json = dict[str, Any]

TIMEOUT = httpx.Timeout(60, connect=10)
PATIENCE = 90.0
"""Seconds that one request waits for Graph's throttling to end, beyond what the SDK's three retries wait."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 2.0, 30.0
THROTTLED = frozenset({429, 503, 504})


class GraphError(Exception):
    """Microsoft Graph can't be read; the text is one sentence."""


class GraphUnreachable(GraphError):
    """No answer at all."""


class GraphRefused(GraphError):
    """An error that Graph answered: ``status``, ``code`` and ``message`` as it gave them, shortened."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, readable(code, 80), readable(message, 200)
        super().__init__(describe(self.status, self.code, self.message))


def describe(status: int, code: str, message: str) -> str:
    """An answer in one line, e.g. ``403 Authorization_RequestDenied: Insufficient privileges``."""
    return f"{status} {code}{': ' if message else ''}{message}".strip()


def readable(text: object, limit: int) -> str:
    """Text of a server as one short line without control characters."""
    plain = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in str(text or ""))).strip()
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"


class _FixedToken:
    """The credential of a Graph on this machine."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token; it never expires."""
        return AccessToken(self._token, 2**40)


class Graph:
    """A client of one Graph host. Use it as an async context manager."""

    def __init__(
        self,
        host: str,
        credential: Any,
        *,
        closing: AsyncExitStack | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Takes the base URL without version and an azure-identity credential of the ``aio`` kind."""
        self.host = host.rstrip("/")
        self.requests = 0
        """HTTP requests so far; a batch is one, a retry is another."""
        self._origin = _origin(self.host)
        self._stack = closing or AsyncExitStack()
        self._sleep = sleep
        self._http = GraphClientFactory.create_with_default_middleware(
            client=httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, event_hooks={"request": [self._count]})
        )
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[f"{self._origin}/.default"], allowed_hosts=[urlsplit(self.host).hostname or ""]
        )
        self._adapter = GraphRequestAdapter(provider, client=self._http)
        GraphServiceClient(request_adapter=self._adapter)  # registers the parsers of error bodies
        self._adapter.base_url = f"{self.host}/v1.0"  # after construction: the client sets the public cloud's

    @classmethod
    def connect(
        cls, host: str, *, authority: str, client_id: str | None = None, local_token: str | None = None
    ) -> "Graph":
        """A client signed in by managed identity (or a developer's own sign-in); a local host gets the fixed token."""
        stack = AsyncExitStack()
        if local_token is not None:
            return cls(host, _FixedToken(local_token), closing=stack)
        credential = DefaultAzureCredential(authority=authority, managed_identity_client_id=client_id)
        stack.push_async_callback(credential.close)
        return cls(host, credential, closing=stack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._stack.aclose()

    async def get(self, path: str, *, version: str = "v1.0", headers: Mapping[str, str] | None = None) -> Json:
        """The JSON object at a path such as ``/organization?$select=id``. Raises :class:`GraphError`."""
        return await self._send(Method.GET, self._url(path, version), headers)

    async def post(self, path: str, body: Json, *, version: str = "v1.0") -> Json:
        """The JSON object that a POST answers. Raises :class:`GraphError`."""
        content = json.dumps(body).encode()
        return await self._send(Method.POST, self._url(path, version), None, content, "application/json")

    async def pages(
        self, path: str, *, version: str = "v1.0", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Json]:
        """The items of a collection, page after page, without holding more than one page. Raises :class:`GraphError`."""
        async for item in self.follow(self._url(path, version), headers=headers):
            yield item

    async def follow(self, link: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Json]:
        """The items from an absolute address on, such as a nextLink. Raises :class:`GraphError`."""
        url: str | None = link
        while url:
            page = await self._send(Method.GET, url, headers)
            items = page.get("value")
            if not isinstance(items, list):
                raise GraphRefused(200, "UnexpectedAnswer", "the answer has no list of values")
            for item in items:
                yield item
            following = page.get("@odata.nextLink")
            url = str(following) if following else None

    async def send_mail(self, mailbox: str, mime: bytes) -> None:
        """Send a MIME message from a mailbox. Raises :class:`GraphError`."""
        url = self._url(f"/users/{quote(mailbox, safe='')}/sendMail", "v1.0")
        await self._send(Method.POST, url, None, mime, "text/plain")

    def _url(self, path: str, version: str) -> str:
        return f"{self.host}/{version}{path}"

    async def _count(self, request: httpx.Request) -> None:
        self.requests += 1

    async def _send(
        self,
        method: Method,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> Json:
        if _origin(url) != self._origin:
            raise GraphError(f"Graph continued a list at another host ({_origin(url)}); the token is not sent there.")
        waited, backoff = 0.0, _FIRST_BACKOFF
        while True:
            try:
                return _parsed(await self._once(method, url, headers, content, content_type))
            except GraphRefused as refused:
                pause = backoff + random.uniform(0, backoff / 2)  # noqa: S311 -- jitter, not a secret
                if refused.status not in THROTTLED or waited + pause > PATIENCE:
                    raise
                # Conditional Access answers 429 without Retry-After; the SDK's own retries are over too soon for it.
                await self._sleep(pause)
                waited, backoff = waited + pause, min(backoff * 2, _LONGEST_BACKOFF)

    async def _once(
        self, method: Method, url: str, headers: Mapping[str, str] | None, content: bytes | None, content_type: str
    ) -> bytes | None:
        request = RequestInformation()
        request.http_method = method
        request.url = url
        request.headers.try_add("Accept", "application/json")
        request.headers.try_add("x-ms-throttle-priority", "low")
        for name, value in (headers or {}).items():
            request.headers.try_add(name, value)
        if content is not None:
            request.set_stream_content(content, content_type)
        try:
            answer: bytes | None = await self._adapter.send_primitive_async(request, "bytes", {"XXX": ODataError})
            return answer
        except APIError as error:
            main = getattr(error, "error", None)
            code, message = (main.code, main.message) if main else ("", "")
            raise GraphRefused(error.response_status_code or 0, code or "", message or "") from error
        except ClientAuthenticationError as error:
            raise GraphUnreachable(f"Signing in for {self.host} failed: {readable(error.message, 300)}") from error
        except (httpx.HTTPError, AzureError) as error:
            reason = readable(error, 200) or type(error).__name__
            raise GraphUnreachable(
                f"Microsoft Graph at {self.host} can't be reached ({reason}): check the network and GRAPH_ENDPOINT."
            ) from error


def _parsed(content: bytes | None) -> Json:
    if not content:
        return {}
    try:
        value = json.loads(content)
    except ValueError:
        raise GraphRefused(200, "UnexpectedAnswer", "the answer is not JSON") from None
    if not isinstance(value, dict):
        raise GraphRefused(200, "UnexpectedAnswer", "the answer is not a JSON object")
    return value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
