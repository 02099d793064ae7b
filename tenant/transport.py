"""Connections to Graph: httpx's interface over aiohttp, whose pool takes half the processor time of httpx's own.

httpx looks at every open connection whenever a request begins or ends: with 40 of them that was two fifths of a scan's reading. What goes
through a proxy stays with httpx. Addresses go out as they are: how a name in a path is escaped is for ``tenant/odata.py`` alone to say.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections of their own, at most so many as ``limits`` say; errors are those of httpx.

    Opened by the first request, in the loop of whoever makes it.
    """

    def __init__(self, trusted: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._trusted, self._limits = trusted, limits
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is read as it is asked for."""
        if self._session is None:
            self._session = self._opened()
        waits = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            connect=waits.get("pool"), sock_connect=waits.get("connect"), sock_read=waits.get("read")
        )
        with _errors_of_httpx(request):
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=list(request.headers.multi_items()),
                data=request.content or None,
                allow_redirects=False,
                timeout=timeout,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer, request), request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._limits.max_connections or 0, keepalive_timeout=self._limits.keepalive_expiry, ssl=self._trusted
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


class _Body(httpx.AsyncByteStream):
    """What follows the head of an answer; httpx decompresses it."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer, self._request = answer, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx(self._request):
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body wasn't read to its end."""
        if not self._answer.content.at_eof():
            self._answer.close()
        self._answer.release()


@contextmanager
def _errors_of_httpx(request: httpx.Request) -> Iterator[None]:
    """Has what goes wrong between here and Graph raised as httpx raises it."""
    try:
        yield
    except TimeoutError as error:
        kind = httpx.ConnectTimeout if isinstance(error, aiohttp.ConnectionTimeoutError) else httpx.ReadTimeout
        raise kind(_said(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(_said(error), request=request) from error
    except aiohttp.InvalidURL as error:
        raise httpx.InvalidURL(_said(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(_said(error), request=request) from error
    except OSError as error:
        raise httpx.NetworkError(_said(error), request=request) from error


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
