"""Throttling as Microsoft documents it ("Microsoft Graph service-specific throttling limits").

Conditional Access: 1 request per second and tenant, answered with 429 that has no Retry-After. Sign-in and audit logs,
registration reports, authentication methods: 5 requests per 10 seconds, with Retry-After. Identity and access: a bucket of
resource units by the size of the tenant, which refills in 10 seconds; every answer says what it cost, and how much of the budget is
spent once that is more than 80 %.

That the limit of the reports holds for an account's own authentication methods is documented only by a list of resources, and
scripts that read them by the thousand say otherwise: it can be left out.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from localgraph.errors import GraphRefusal

CONDITIONAL_ACCESS = "conditional access"
REPORTS = "reports"
METHODS = "authentication methods"
DIRECTORY = ""
_BUDGETS = ((500, 8000.0), (50, 5000.0), (0, 3500.0))
"""Users that a tenant has at least, and the resource units that an app may spend in it in 10 seconds."""
_BUDGET_SECONDS = 10.0

_COSTS = {"users": 2, "transitiveMemberOf": 2, "transitiveMembers": 5, "oauth2PermissionGrants": 2, "subscribedSkus": 3}


def resource_units(template: str, query: str) -> int:
    """What a request that was answered cost, by the last named segment of its path and its query: at least 1."""
    named = [segment for segment in template.split("/") if segment and not segment.startswith("{")]
    options = dict(parse_qsl(query))
    cost = _COSTS.get(named[-1], 1) - ("$select" in options) + ("$expand" in options)
    top = options.get("$top", "")
    return max(1, cost - (top.isdecimal() and int(top) < 20))


@dataclass(frozen=True, slots=True)
class _Rule:
    requests: int
    seconds: float
    says_when: bool


_RULES = {CONDITIONAL_ACCESS: _Rule(1, 1.0, says_when=False), REPORTS: _Rule(5, 10.0, says_when=True)}


class Limits:
    """Counts requests per class; does nothing unless switched on.

    ``methods_limited``: whether authentication methods share the limit of the reports.
    """

    def __init__(
        self, enabled: bool, clock: Callable[[], float] = time.monotonic, *, methods_limited: bool = True
    ) -> None:
        self.enabled = enabled
        self._clock, self._methods = clock, REPORTS if methods_limited else DIRECTORY
        self._seen: dict[str, deque[float]] = {name: deque() for name in _RULES}
        self._spent, self._at = 0.0, clock()

    def spend(self, name: str, units: int, users: int) -> dict[str, str]:
        """Counts the resource units of a request in a tenant of so many users; returns what the answer says of the budget.

        Raises ``GraphRefusal`` (429) when there is nothing left.
        """
        if not self.enabled or self._class_of(name) != DIRECTORY:
            return {}
        budget = next(units for least, units in _BUDGETS if users >= least)
        now = self._clock()
        self._spent = max(0.0, self._spent - (now - self._at) * budget / _BUDGET_SECONDS)
        self._at = now
        if self._spent + units > budget:
            wait = max(1, math.ceil((self._spent + units - budget) * _BUDGET_SECONDS / budget))
            headers = {
                "Retry-After": str(wait),
                "x-ms-throttle-scope": "Tenant_Application/ReadWrite",
                "x-ms-throttle-information": "ResourceUnitLimitExceeded",
            }
            raise GraphRefusal(429, "TooManyRequests", "Too many requests.", headers)
        self._spent += units
        part = self._spent / budget
        return {"x-ms-throttle-limit-percentage": f"{part:.2f}"} if part > 0.8 else {}

    def _class_of(self, name: str) -> str:
        return self._methods if name == METHODS else name

    def check(self, name: str) -> None:
        """Counts a request of a class. Raises ``GraphRefusal`` (429) when there were too many."""
        name = self._class_of(name)
        rule = _RULES.get(name)
        if rule is None or not self.enabled:
            return
        seen, now = self._seen[name], self._clock()
        while seen and now - seen[0] >= rule.seconds:
            seen.popleft()
        if len(seen) >= rule.requests:
            wait = max(1, math.ceil(rule.seconds - (now - seen[0])))
            headers = {"Retry-After": str(wait)} if rule.says_when else {}
            raise GraphRefusal(429, "TooManyRequests", "Too many requests.", headers)
        seen.append(now)
