"""Keeping: a scan, a second one of the same tenant, one that carries over what was read, and a recheck while everything waits to be told.
Requests to storage are counted, and each is done in a process of its own, so that its peak of memory is its own.

``python -m bench.keeping ACCOUNTS`` prints the table. Storage is Azurite, each answer 10 ms late; Microsoft Graph answers after 50 ms, within
its limits.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import AioHttpTransport

from bench.measured import Measured, as_table, peak_kb
from bench.pauses import watching
from bench.serving import serving
from devtools.azurite import start_azurite
from jobs.messages import SCHEDULE
from jobs.scan import ScanRequest, scan
from settings import load_settings

USERS, ACCOUNTS, POLICIES = 30_000, 200, 40
LATENCY = 0.01
ROOT = Path(__file__).parent.parent
SECOND = "second scan, nothing changed"
CARRIED = "scheduled scan with WHOLE_SCAN_DAYS, nothing changed"
RECHECK = "recheck of one account, all changes waiting"


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
    peak: float
    """MB."""
    longest_wait: float
    """Seconds that others on the event loop waited at most for their turn."""


def measure(accounts: int = ACCOUNTS) -> list[Measured]:
    """All of them, in the order in which they are done."""
    found = []
    with start_azurite() as azurite, serving(USERS, accounts, POLICIES, "lenient", 0.05) as url:
        environment = {
            **os.environ,
            "GRAPH_ENDPOINT": url,
            "AzureWebJobsStorage": azurite.new_account(),
            "SERVICE_ACCOUNT_PATTERNS": "svc-*",
            "AUDIT_LOG": "on",
            "WHOLE_SCAN_DAYS": "7",
        }
        for name, asked in (
            (f"first scan of {accounts:,} accounts", [SCHEDULE]),
            (SECOND, ["benchmark"]),
            (CARRIED, [SCHEDULE]),
            (RECHECK, ["benchmark", "svc-0001@large.example"]),
        ):
            command = [sys.executable, "-m", "bench.keeping", "--one", name, *asked]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            kept = Kept(**json.loads(done.stdout.splitlines()[-1]))
            found += [
                Measured(f"{name}: Graph requests", kept.graph_requests, "", _bound(name, accounts)),
                Measured(f"{name}: reads of storage", kept.reads, ""),
                Measured(f"{name}: writes to storage", kept.writes, "", "100" if name in (SECOND, CARRIED) else ""),
                Measured(f"{name}: processor", kept.cpu, "s"),
                Measured(f"{name}: seconds", kept.seconds, "s", "3 s" if name == RECHECK else ""),
                Measured(f"{name}: memory", kept.peak, "MB", "256 MB"),
                Measured(f"{name}: others wait for their turn at most", kept.longest_wait * 1000, "ms"),
            ]
    return found


def _bound(name: str, accounts: int) -> str:
    return f"{10 + -(-accounts // 1000)}" if name == CARRIED else ""


async def _one(run_id: str, trigger: str, accounts: tuple[str, ...]) -> Kept:
    counts: Counter[str] = Counter()
    with patch.object(AioHttpTransport, "send", _counting(counts)):
        began, cpu = time.perf_counter(), time.process_time()
        async with watching() as waits:
            result = await scan(load_settings(), ScanRequest(run_id, trigger, accounts))
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    asked = result.run["graph_requests"]
    return Kept(seconds, spent, counts["read"], counts["write"], asked, peak_kb() / 1024, max(waits))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _, _, run, started_by, *names = sys.argv
        print(json.dumps(asdict(asyncio.run(_one(run, started_by, tuple(names))))))
    else:
        print(as_table(measure(int(sys.argv[1]) if sys.argv[1:] else ACCOUNTS)))
