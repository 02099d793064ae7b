"""Keeps to a limit that Microsoft documents in requests per time, so that a long reading is never throttled.

Source: Microsoft Graph service-specific throttling limits, "Identity and access reports": 5 requests in 10 seconds per app
and tenant for sign-ins, directory audits and registration reports; "Identity protection and Conditional Access": 1 request per
second and tenant.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

REQUESTS, SECONDS = 5, 10.0
CONDITIONAL_ACCESS_SECONDS = 1.0
"""Seconds between two requests for Conditional Access. One that comes too soon is refused, and nobody says for how long."""
PER_SCAN = 150
"""Requests that one scan spends at most: five minutes, half of what the function may take. The next scan goes on."""


class OutOfTurns(Exception):
    """The scan has spent its requests."""


class Turns:
    """Hands out turns, ``requests`` in ``seconds`` and ``budget`` altogether: :meth:`take` one before each request."""

    def __init__(
        self,
        budget: int = PER_SCAN,
        *,
        requests: int = REQUESTS,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._left, self._clock, self._sleep = budget, clock, sleep
        self._seconds = SECONDS if seconds is None else seconds
        self._taken: deque[float] = deque(maxlen=requests)

    @property
    def left(self) -> int:
        """How many requests may still be made."""
        return self._left

    async def take(self) -> None:
        """Wait until another request is within the limit. Raises :class:`OutOfTurns` when none is left."""
        if self._left <= 0:
            raise OutOfTurns
        self._left -= 1
        if len(self._taken) == self._taken.maxlen:
            pause = self._taken[0] + self._seconds - self._clock()
            if pause > 0:
                await self._sleep(pause)
        self._taken.append(self._clock())


def conditional_access_turns(budget: int) -> Turns:
    """Turns for what counts as Conditional Access, such as What If: one request a second."""
    return Turns(budget, requests=1, seconds=CONDITIONAL_ACCESS_SECONDS)
