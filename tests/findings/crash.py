"""A transport to Table Storage that dies, or loses answers, at a chosen request."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError, StreamConsumedError
from azure.core.pipeline.transport import AioHttpTransport, AsyncHttpResponse, AsyncHttpTransport


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may survive it."""


class FaultyTransport(AsyncHttpTransport[Any, Any]):
    """Counts requests and fails as told; without arguments it works.

    Args:
        die_at: At this request, counted from 0, the process dies and stays dead.
        after: Whether the service has done what that request asks before the process dies.
        lose_write: Of this write, counted from 0, the answer never arrives; the process lives.
    """

    def __init__(self, die_at: int | None = None, *, after: bool = False, lose_write: int | None = None) -> None:
        self.requests = self.writes = 0
        self.largest = 0
        """Bytes of the largest request body."""
        self.unreachable = 0
        """How many of the next requests find nobody there."""
        self.before_write: Callable[[], Awaitable[object]] | None = None
        """What somebody else does in the moment before a write arrives."""
        self._die_at, self._after, self._lose_write = die_at, after, lose_write
        self._dead = False
        self._inner = AioHttpTransport()

    async def send(self, request: Any, **options: Any) -> AsyncHttpResponse:
        if self._dead:
            raise Killed
        dies = self.requests == self._die_at
        loses = request.method != "GET" and self.writes == self._lose_write
        self.requests += 1
        self.writes += request.method != "GET"
        self.largest = max(self.largest, len(request.body or b""))
        if self.before_write and request.method != "GET":
            await self.before_write()
        if self.unreachable:
            self.unreachable -= 1
            raise ServiceRequestError("Cannot connect to host")
        if dies and not self._after:
            self._dead = True
            raise Killed
        answer: AsyncHttpResponse = await self._inner.send(request, **options)
        if dies or loses:
            with suppress(StreamConsumedError):  # an answer without a body
                await answer.load_body()  # type: ignore[attr-defined]  # of the aiohttp transport's answers
            self._dead = dies
            raise Killed if dies else ServiceResponseError("the connection was closed before the answer came")
        return answer

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def __aenter__(self) -> "FaultyTransport":
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)
