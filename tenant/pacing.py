"""How long to wait before a request is sent again, and when to give up. Pure: nobody sleeps here.

Sources: Microsoft Graph throttling guidance. Identity and access endpoints say how long to wait (``Retry-After``);
Conditional Access and Identity Protection endpoints answer 429 without it.
"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TOLD_PATIENCE = 180.0
"""Seconds that one request waits altogether where Graph says how long to wait."""
BLIND_PATIENCE = 80.0
"""Seconds that one request waits altogether where Graph doesn't say."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 2.0, 30.0
THROTTLED = frozenset({429, 503, 504})
"""Statuses of a Graph that has no time for an answer."""
_BROKEN = frozenset({500, 502})
REPEATABLE = THROTTLED | _BROKEN
"""Statuses after which the same request may get another answer."""
_SILENCE = 0
_RETRIES = 2
"""Times that a server error or a broken connection is met with another try."""


class Pace:
    """The waits of one request, or of one batch."""

    def __init__(self) -> None:
        self._waited, self._backoff, self._failures = 0.0, _FIRST_BACKOFF, 0

    def after(self, status: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after an answer before asking again; None where asking again is no use or takes too long."""
        if status in _BROKEN or status == _SILENCE:
            self._failures += 1
            return None if self._failures > _RETRIES else self._wait(float(self._failures), TOLD_PATIENCE)
        if status not in THROTTLED:
            return None
        if retry_after:
            return self._wait(retry_after, TOLD_PATIENCE)
        pause = self._backoff + random.uniform(0, self._backoff / 4)  # noqa: S311 -- so that clients don't march in step
        self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)
        return self._wait(pause, BLIND_PATIENCE)

    def after_silence(self) -> float | None:
        """Seconds to wait after a connection that broke; None where it broke too often."""
        return self.after(_SILENCE)

    def _wait(self, pause: float, patience: float) -> float | None:
        if self._waited + pause > patience:
            return None
        self._waited += pause
        return pause


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """The seconds in a ``Retry-After`` header, a number or a date; None where there is none that can be read."""
    named = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    text = named.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (date - datetime.now(UTC)).total_seconds()) if date.tzinfo else None
