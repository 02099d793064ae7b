"""Throttling as Microsoft documents it ("Microsoft Graph service-specific throttling limits").

Conditional Access: 1 request per second and tenant, answered with 429 that has no Retry-After. Sign-in and audit logs,
registration reports, authentication methods: 5 requests per 10 seconds, with Retry-After. Identity and access: a budget of
resource units that is far above what small tenants spend; every answer says what it cost.
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


_COSTS = {"users": 2, "transitiveMemberOf": 2, "transitiveMembers": 5, "oauth2PermissionGrants": 2, "subscribedSkus": 3}


def resource_units(template: str, query: str) -> int:
    """What a request that was answered cost, by the last named segment of its path and its query: at least 1."""
    named = [segment for segment in template.split("/") if segment and not segment.startswith("{")]
    options = dict(parse_qsl(query))
    cost = _COSTS.get(named[-1], 1) - ("$select" in options) + ("$expand" in options)
    return max(1, cost - (int(options.get("$top", 100)) < 20))


@dataclass(frozen=True, slots=True)
class _Rule:
    requests: int
    seconds: float
    says_when: bool


_RULES = {CONDITIONAL_ACCESS: _Rule(1, 1.0, says_when=False), REPORTS: _Rule(5, 10.0, says_when=True)}


class Limits:
    """Counts requests per class; does nothing unless switched on."""

    def __init__(self, enabled: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._clock = clock
        self._seen: dict[str, deque[float]] = {name: deque() for name in _RULES}

    def check(self, name: str) -> None:
        """Counts a request of a class. Raises ``GraphRefusal`` (429) when there were too many."""
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
