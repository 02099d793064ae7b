"""Reading and judging 200 service accounts in a tenant of 100,000 users: requests, seconds, peak memory."""

import json
import subprocess
import sys
from pathlib import Path

from bench.measured import Measured
from localgraph.large import large_tenant
from localgraph.server import LocalGraph

USERS, ACCOUNTS, POLICIES = 100_000, 200, 195
ROOT = Path(__file__).parent.parent
_CHILD = """
import asyncio, json, sys, time
from bench.measured import peak_kb
from datetime import UTC, datetime
from checks.judge import judge
from tenant.graph import Graph
from tenant.reader import read_tenant
from tenant.selection import Selection

async def main():
    began = time.perf_counter()
    async with Graph.connect(sys.argv[1], authority="", local_token="local-development-token") as graph:
        reading = await read_tenant(graph, Selection(patterns=("svc-*",)))
        judged = judge(reading.tenant, reading.accounts, now=datetime.now(UTC))
        print(json.dumps({
            "accounts": len(judged), "requests": graph.requests, "seconds": time.perf_counter() - began,
            "peak": peak_kb() / 1024,
        }))

asyncio.run(main())
"""


def measure() -> list[Measured]:
    """One scan without storage, in a process of its own."""
    with LocalGraph(large_tenant(USERS, ACCOUNTS, POLICIES)).in_thread() as graph:
        command = [sys.executable, "-c", _CHILD, graph.url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    what = f"scan of {seen['accounts']} service accounts among {USERS:,} users"
    return [
        Measured(f"{what}: Graph requests", seen["requests"], "", f"{3 * -(-ACCOUNTS // 20) + 20}"),
        Measured(f"{what}: reading and judging", seen["seconds"], "s"),
        Measured(f"{what}: peak memory", seen["peak"], "MB", "200 MB"),
    ]
