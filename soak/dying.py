"""A transport to Table Storage in whose middle the process dies."""

from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import StreamConsumedError
from azure.core.pipeline.transport import AioHttpTransport, AsyncHttpResponse, AsyncHttpTransport


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may survive it."""


class DyingTransport(AsyncHttpTransport[Any, Any]):
    """Counts the ``requests`` of a process. At number ``at``, from 0, the process dies and stays dead: after the service ``did``
    what was asked, or before. None: it lives.
    """

    def __init__(self, at: int | None = None, *, did: bool = True) -> None:
        self.requests = 0
        self._at, self._did, self._dead = at, did, False
        self._inner = _transport()

    async def send(self, request: Any, **options: Any) -> AsyncHttpResponse:
        """The service's answer, if the process lives to see it."""
        if self._dead:
            raise Killed
        self._dead = self.requests == self._at
        self.requests += 1
        if self._dead and not self._did:
            raise Killed
        answer = await self.ask(request, **options)
        if self._dead:
            await done(answer)
            raise Killed
        return answer

    async def ask(self, request: Any, **options: Any) -> AsyncHttpResponse:
        """What the service answers; for whoever lets more go wrong than death."""
        answer: AsyncHttpResponse = await self._inner.send(request, **options)
        return answer

    async def open(self) -> None:
        """Begin."""
        await self._inner.open()

    async def close(self) -> None:
        """End."""
        await self._inner.close()

    async def __aenter__(self) -> Self:
        self._inner = _transport()  # a closed one can't be used again, and a process opens storage several times
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)


async def done(answer: AsyncHttpResponse) -> None:
    """Wait until the service has done what was asked."""
    with suppress(StreamConsumedError):  # an answer without a body
        await answer.load_body()  # type: ignore[attr-defined]  # of the aiohttp transport's answers


def _transport() -> AioHttpTransport:
    """The client's own, that looks for no proxy in the environment: twice per request that takes a thread."""
    return AioHttpTransport(use_env_settings=False)
