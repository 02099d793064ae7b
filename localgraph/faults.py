"""Failures on demand, for tests: which requests fail, how, and how often."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from localgraph.errors import error_body
from localgraph.messages import Answer, Request, encode

_CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


class Spoilt(StrEnum):
    """What becomes of a right answer on its way."""

    CUT = "cut"
    """Half of the body arrives, as if it were all. In a batch the member's body is that half, as text."""
    BROKEN = "broken"
    """The connection breaks in the middle of the body; a member of a batch times out instead."""
    BARE = "bare"
    """There is no body."""
    LOST = "lost"
    """The batch comes back without the member; of a request that is alone, the connection closes."""
    REPEATED = "repeated"
    """Each page of a list after the first begins with the last item of the page before, as when the list has got an item
    more in between."""


@dataclass(slots=True)
class Fault:
    """A failure that was ordered. ``hits`` counts how often it struck."""

    pattern: re.Pattern[str]
    times: int | None
    failure: Callable[[], Answer] | None = None
    """Makes what comes in place of the right answer."""
    spoilt: Spoilt | None = None
    """What is done to the right answer."""
    hits: int = 0
    _last_items: dict[str, Any] = field(default_factory=dict)
    """Path -> the last item of the page that was answered last."""

    def strikes(self, request: Request) -> bool:
        """Whether it strikes a request: ``GET /v1.0/users``, with or without its query. Counts, if so."""
        if self.times is not None and self.hits >= self.times:
            return False
        query = unquote(request.query)
        name = f"{request.method} /{request.version}{unquote(request.path)}"
        struck = bool(self.pattern.search(name) or self.pattern.search(f"{name}?{query}"))
        self.hits += struck
        return struck

    def spoil(self, request: Request, found: Answer) -> Answer:
        """What arrives of the right answer; one that is no success arrives as it is."""
        if self.spoilt is None or found.status != 200:
            return found
        match self.spoilt:
            case Spoilt.CUT:
                text = encode(found.body)
                return replace(found, body=text[: len(text) // 2])
            case Spoilt.BROKEN:
                return replace(found, broken=True)
            case Spoilt.BARE:
                return replace(found, body=None)
            case Spoilt.LOST:
                return replace(found, lost=True)
            case Spoilt.REPEATED:
                return self._repeat(request, found)

    def _repeat(self, request: Request, found: Answer) -> Answer:
        items = found.body.get("value") if isinstance(found.body, dict) else None
        if not isinstance(items, list):
            return found
        last = self._last_items.get(request.path)
        if "$skiptoken=" in unquote(request.query) and last is not None:
            items = [last, *items]
        self._last_items[request.path] = items[-1] if items else None
        return replace(found, body={**found.body, "value": items})


class Faults:
    """The failures in force; the first one that fits a request strikes."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def fail(
        self,
        pattern: str,
        status: int,
        *,
        code: str | None,
        message: str,
        times: int | None,
        retry_after: float | None,
        body: Any,
    ) -> Fault:
        """Adds a failure; see ``LocalGraph.fail``."""

        def failure() -> Answer:
            error = error_body(code or _CODES.get(status, "UnknownError"), message)
            headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
            return Answer(status, error if body is None else body, headers, disconnect=status == 0)

        return self._order(Fault(re.compile(pattern), times, failure))

    def spoil(self, pattern: str, how: Spoilt, *, times: int | None) -> Fault:
        """Adds a way in which answers are spoilt; see ``LocalGraph.spoil``."""
        return self._order(Fault(re.compile(pattern), times, spoilt=how))

    def clear(self) -> None:
        """Ends all failures."""
        self._ordered.clear()

    def strike(self, request: Request) -> Fault | None:
        """The first failure that fits."""
        return next((fault for fault in self._ordered if fault.strikes(request)), None)

    def _order(self, fault: Fault) -> Fault:
        self._ordered.append(fault)
        return fault
