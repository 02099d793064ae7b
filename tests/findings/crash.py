"""A transport to Table Storage that dies, or loses answers, at a chosen request."""

from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpResponse

from soak.dying import DyingTransport, Killed, done

__all__ = ["FaultyTransport", "Killed"]


class FaultyTransport(DyingTransport):
    """Counts requests and fails as told; without arguments it works.

    Args:
        die_at: At this request, counted from 0, the process dies and stays dead.
        after: Whether the service has done what that request asks before the process dies.
        lose_write: Of this write, counted from 0, the answer never arrives; the process lives.
    """

    def __init__(self, die_at: int | None = None, *, after: bool = False, lose_write: int | None = None) -> None:
        super().__init__(die_at, did=after)
        self.writes = 0
        self.largest = 0
        """Bytes of the largest request body."""
        self.unreachable = 0
        """How many of the next requests find nobody there."""
        self.before_write: Callable[[], Awaitable[object]] | None = None
        """What somebody else does in the moment before a write arrives."""
        self._lose_write = lose_write

    async def ask(self, request: Any, **options: Any) -> AsyncHttpResponse:
        writes = request.method != "GET"
        loses = writes and self.writes == self._lose_write
        self.writes += writes
        self.largest = max(self.largest, len(request.body or b""))
        if self.before_write and writes:
            await self.before_write()
        if self.unreachable:
            self.unreachable -= 1
            raise ServiceRequestError("Cannot connect to host")
        answer = await super().ask(request, **options)
        if loses:
            await done(answer)
            raise ServiceResponseError("the connection was closed before the answer came")
        return answer
