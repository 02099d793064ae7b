"""Failures on demand, for tests: which requests fail, how, and how often."""

import re
from dataclasses import dataclass
from typing import Any

from localgraph.errors import error_body
from localgraph.messages import Answer

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


@dataclass(slots=True)
class Fault:
    """A failure that was ordered. ``hits`` counts how often it struck."""

    pattern: re.Pattern[str]
    status: int
    code: str
    message: str
    times: int | None
    retry_after: float | None
    body: Any
    hits: int = 0

    def fits(self, request: str, query: str) -> bool:
        """Whether it strikes a request: ``GET /v1.0/users``, with or without its query."""
        spent = self.times is not None and self.hits >= self.times
        return not spent and bool(self.pattern.search(request) or self.pattern.search(f"{request}?{query}"))

    def answer(self) -> Answer:
        """What the client gets."""
        headers = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        body = error_body(self.code, self.message) if self.body is None else self.body
        return Answer(self.status, body, headers, disconnect=self.status == 0)


class Faults:
    """The failures in force; the first one that fits a request strikes."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(
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
        fault = Fault(
            re.compile(pattern), status, code or _CODES.get(status, "UnknownError"), message, times, retry_after, body
        )
        self._ordered.append(fault)
        return fault

    def clear(self) -> None:
        """Ends all failures."""
        self._ordered.clear()

    def strike(self, request: str, query: str) -> Answer | None:
        """The answer of the first failure that fits."""
        for fault in self._ordered:
            if fault.fits(request, query):
                fault.hits += 1
                return fault.answer()
        return None
