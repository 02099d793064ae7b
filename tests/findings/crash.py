"""A transport to Table Storage that dies, or loses answers, at a chosen request."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport, AsyncHttpResponse, AsyncHttpTransport


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may survive it."""


class DyingTransport(AsyncHttpTransport[Any, Any]):
    """Counts requests and their sizes; at number ``at`` the process dies and stays dead.

    Args:
        at: The request, counted from 0; None never dies.
        after: Whether the service has done what the request asks before the process dies.
        lose_answer: The process lives, but the answer of that one request never arrives.
    """

    def __init__(self, at: int | None, *, after: bool = False, lose_answer: bool = False) -> None:
        self.count = 0
        self.largest = 0
        """Bytes of the largest request body."""
        self.unreachable = 0
        """How many of the next requests find nobody there."""
        self.before_write: Callable[[], Awaitable[object]] | None = None
        """What somebody else does in the moment before a write arrives."""
        self._at, self._after, self._lose_answer = at, after, lose_answer
        self._dead = False
        self._inner = AioHttpTransport()

    async def send(self, request: Any, **options: Any) -> AsyncHttpResponse:
        if self._dead:
            raise Killed
        number, self.count = self.count, self.count + 1
        self.largest = max(self.largest, len(request.body or b""))
        if self.before_write and request.method != "GET":
            await self.before_write()
        if self.unreachable:
            self.unreachable -= 1
            raise ServiceRequestError("Cannot connect to host")
        if number != self._at:
            answer: AsyncHttpResponse = await self._inner.send(request, **options)
            return answer
        if self._lose_answer:
            await (await self._inner.send(request, **options)).load_body()
            raise ServiceResponseError("the connection was closed before the answer came")
        self._dead = True
        if self._after:
            await (await self._inner.send(request, **options)).load_body()
        raise Killed

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def __aenter__(self) -> "DyingTransport":
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)
