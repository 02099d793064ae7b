"""Reading and judging service accounts in a large tenant, beside the bound that Graph's own rules give.

The bound of requests: every question in as few requests as batches of 20 allow. The bound of seconds: the longest of the answers that
wait for one another, Conditional Access at one request a second, the resource units of a tenant of that size beyond one bucketful.
"""

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.serving import serving

ROOT = Path(__file__).parent.parent
POLICIES = 40
_CHILD = """
import asyncio, json, sys, time
from datetime import UTC, datetime
from bench.measured import peak_kb
from checks.judge import judge
from tenant.graph import Graph
from tenant.reader import read_tenant
from tenant.selection import Selection

async def main():
    async with Graph.connect(sys.argv[1], authority="", local_token="local-development-token") as graph:
        began, cpu = time.perf_counter(), time.process_time()
        reading = await read_tenant(graph, Selection(patterns=("svc-*",)))
        judged = judge(reading.tenant, reading.accounts, now=datetime.now(UTC))
        print(json.dumps({
            "accounts": len(judged), "gaps": len(reading.gaps), "requests": graph.requests, "units": graph.resource_units,
            "refused": graph.throttled, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu,
            "peak": peak_kb() / 1024,
        }))

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A tenant, and how its Graph answers."""

    users: int
    accounts: int
    limits: str
    latency: float
    policies: int = POLICIES

    def bound_requests(self) -> int:
        """The least requests: what is read once (5), the search, states, groups and methods of accounts, groups and nesting."""
        return 3 + self._pages + 2 * math.ceil(self.accounts / 20) + self._methods_in_batches() + 2

    def bound_seconds(self, units: int) -> float:
        """The least seconds: answers that wait for one another, two requests of Conditional Access a second apart, units.

        Each page of the search names the next one; then come three answers more. Whether Graph enforces a limit can't be seen, so
        they are kept in any case.
        """
        budget = next(most for least, most in ((500, 8000), (50, 5000), (0, 3500)) if self.users >= least)
        refill = max(0.0, (units - budget) * 10 / budget)
        waiting = (self._pages + 3) * self.latency
        limited = (self._methods_in_turns() - 1) // 5 * 10.0 if self.limits == "documented" else 0.0
        return max(waiting, 1 + 2 * self.latency, refill, limited)

    @property
    def _pages(self) -> int:
        return math.ceil(self.accounts / 999)

    def _methods_in_batches(self) -> int:
        """The requests for methods of accounts that are Enabled or Enforced: a quarter each in bench's tenants."""
        if self.limits == "documented":
            return math.ceil(self._methods_in_turns() / 5) + math.ceil(self.accounts / 4 / 15 / 5)
        return math.ceil(self.accounts / 2 / 20)

    def _methods_in_turns(self) -> int:
        """The questions where own methods take turns with the report: no Enabled account has a method, so that each is asked for itself."""
        enabled = self.accounts // 4
        return enabled + math.ceil(max(0, enabled - 6) / 15)


CASES = (
    Case(1_000, 200, "lenient", 0.05),
    Case(500_000, 200, "lenient", 0.05),
    *(
        Case(100_000, accounts, limits, latency)
        for accounts in (200, 2_000, 20_000)
        for limits in ("none", "lenient")
        for latency in (0.05, 0.2)
    ),
)
"""A strict tenant (``documented``: 5 own methods in 10 seconds) is measured by its numbers alone, for it takes minutes."""
NOTE = """\
`python -m bench.scanning [USERS ACCOUNTS LIMITS LATENCY]`: reading and judging without storage, against a local Graph in a process of its own.
Limits: `none`; `lenient`: resource units by the size of the tenant, Conditional Access once a second without `Retry-After`, reports and
logs 5 in 10 seconds; `documented`: the same with an account's own authentication methods limited like the reports, as the list of resources in
Microsoft's documentation can be read. *At least* is what those rules allow: every question in full batches of 20; the answers that wait for one
another, page by page in the search, Conditional Access a second apart, and the units beyond one bucketful. Requests, refusals and processor time don't depend on what else the
machine does; seconds do."""


def run(case: Case) -> dict[str, Any]:
    """What one scan without storage comes to, in a process of its own."""
    with serving(case.users, case.accounts, case.policies, case.limits, case.latency) as url:
        command = [sys.executable, "-c", _CHILD, url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(cases: tuple[Case, ...] = CASES) -> str:
    """All cases as a Markdown table."""
    rows = [
        "| Users | Accounts | Limits | Latency | Requests | at least | Units | Refused (429) | Seconds | at least | CPU | Peak |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        seen = run(case)
        if seen["accounts"] != case.accounts or seen["gaps"]:
            raise AssertionError(f"{case}: {seen}")
        rows.append(
            f"| {case.users:,} | {case.accounts:,} | {case.limits} | {case.latency * 1000:.0f} ms | {seen['requests']} |"
            f" {case.bound_requests()} | {seen['units']:,} | {seen['refused']} | {seen['seconds']:.1f} |"
            f" {case.bound_seconds(seen['units']):.1f} | {seen['cpu']:.1f} s | {seen['peak']:.0f} MB |"
        )
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    """One case by its numbers (USERS ACCOUNTS LIMITS LATENCY), or all. Returns the exit code."""
    if arguments:
        users, accounts, limits, latency = arguments
        print(table((Case(int(users), int(accounts), limits, float(latency)),)))
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
