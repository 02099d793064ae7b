"""Keeping: a scan, a second one of the same tenant, one that carries over what was read, and a recheck while everything waits to be told.
Requests to storage are counted.

``python -m bench.keeping ACCOUNTS`` prints the table. Storage is Azurite, each answer 10 ms late.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import AioHttpTransport

from bench.measured import Measured
from bench.serving import serving
from devtools.azurite import start_azurite
from jobs.messages import SCHEDULE
from jobs.scan import ScanRequest, scan
from settings import Settings, load_settings

USERS, ACCOUNTS, POLICIES = 5_000, 200, 40
LATENCY = 0.01
SECOND = "second scan, nothing changed"
CARRIED = "scheduled scan with WHOLE_SCAN_DAYS, nothing changed"


_send = AioHttpTransport.send


def _counting(counts: Counter[str]) -> Any:
    """Sends as ever, counts reads and writes apart, and makes each wait."""

    async def send(transport: AioHttpTransport, request: Any, **options: Any) -> Any:
        counts["read" if request.method == "GET" else "write"] += 1
        await asyncio.sleep(LATENCY)
        return await _send(transport, request, **options)

    return send


@dataclass(frozen=True, slots=True)
class Kept:
    """What one scan cost."""

    seconds: float
    cpu: float
    reads: int
    writes: int
    graph_requests: int


def measure(accounts: int = ACCOUNTS) -> list[Measured]:
    """All of them, in the order in which they are done."""
    found = []
    for name, kept in asyncio.run(_all(accounts)):
        found += [
            Measured(f"{name}: Graph requests", kept.graph_requests, "", _bound(name, accounts)),
            Measured(f"{name}: reads of storage", kept.reads, ""),
            Measured(f"{name}: writes to storage", kept.writes, "", "100" if name in (SECOND, CARRIED) else ""),
            Measured(f"{name}: processor", kept.cpu, "s"),
            Measured(f"{name}: seconds", kept.seconds, "s", "3 s" if name.startswith("recheck") else ""),
        ]
    return found


def _bound(name: str, accounts: int) -> str:
    return f"{10 + -(-accounts // 1000)}" if name == CARRIED else ""


async def _all(accounts: int) -> list[tuple[str, Kept]]:
    with start_azurite() as azurite, serving(USERS, accounts, POLICIES, "lenient", 0.05) as url:
        environment = {
            "GRAPH_ENDPOINT": url,
            "AzureWebJobsStorage": azurite.new_account(),
            "SERVICE_ACCOUNT_PATTERNS": "svc-*",
        }
        with patch.dict(os.environ, environment):
            settings = load_settings(require=frozenset({"storage"}))
            sparing = settings.model_copy(update={"audit_log": "on", "whole_scan_days": 7})
            found = [
                (f"first scan of {accounts:,} accounts", await _kept(settings, "1")),
                (SECOND, await _kept(settings, "2")),
            ]
            await _kept(sparing, "3", SCHEDULE)  # what this one reads is carried over
            return [
                *found,
                (CARRIED, await _kept(sparing, "4", SCHEDULE)),
                (
                    "recheck of one account, all changes waiting",
                    await _kept(settings, "5", account="svc-0001@large.example"),
                ),
            ]


async def _kept(settings: Settings, run_id: str, trigger: str = "benchmark", account: str | None = None) -> Kept:
    counts: Counter[str] = Counter()
    with patch.object(AioHttpTransport, "send", _counting(counts)):
        began, cpu = time.perf_counter(), time.process_time()
        result = await scan(settings, ScanRequest(run_id, trigger, (account,) if account else ()))
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return Kept(seconds, spent, counts["read"], counts["write"], result.run["graph_requests"])


if __name__ == "__main__":
    for one in measure(int(sys.argv[1]) if sys.argv[1:] else ACCOUNTS):
        print(f"| {one.what} | {one.value:,.2f} {one.unit} | {one.bound} |")
