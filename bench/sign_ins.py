"""Reading a sign-in log of millions as evidence and for discovery: requests, rows and memory, scan after scan.

``python -m bench.sign_ins [USERS ACCOUNTS SIGN_INS]`` prints the table. Graph allows five requests in ten seconds for the log, and a scan
spends 150 of them at most: a long log takes several scans, each of which goes on where the last one stopped. Waiting for turns is left out.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.large_log import serving

ROOT = Path(__file__).parent.parent
USERS, ACCOUNTS, SIGN_INS = 100_000, 200, 2_000_000
_CHILD = """
import asyncio, json, sys, time
from datetime import UTC, datetime, timedelta
from bench.measured import peak_kb
from evidence.store import PassingEvidence
from evidence.usage import read_usage
from settings import Settings
from tenant.graph import Graph
from tenant.reader import read_tenant
from tenant.selection import Selection
from tenant.turns import Turns

async def at_once(seconds): pass

class Counted(Turns):
    taken = 0
    async def take(self):
        await super().take()
        self.taken += 1

async def main():
    url, storage = sys.argv[1], PassingEvidence()
    chosen = Settings(graph_endpoint=url, service_account_patterns=("svc-*",), audit_log="off",
                      service_account_discovery=frozenset({"signins", "consents"}))
    async with Graph.connect(url, authority="", local_token="local-development-token") as graph:
        reading = await read_tenant(graph, Selection(patterns=("svc-*",)))
        now, scans = datetime.now(UTC), []
        for day in (0, 0, 0, 1):
            turns, cpu, began = Counted(sleep=at_once), time.process_time(), graph.requests
            usage = await read_usage(graph, chosen, reading, storage, now + timedelta(days=day), turns=turns)
            scans.append({
                "log": turns.taken, "others": graph.requests - began - turns.taken, "cpu": time.process_time() - cpu,
                "complete": usage.complete, "whole": len(usage.whole), "peak": peak_kb() / 1024,
                "proposals": len(usage.proposals),
                "sign_ins": sum(use.count for one in usage.reading.accounts for use in one.sign_ins),
            })
        print(json.dumps(scans))

asyncio.run(main())
"""
_SCANS = ("first scan", "second, on the same day", "third, on the same day", "on the next day")


def scans(users: int, accounts: int, sign_ins: int) -> list[dict[str, Any]]:
    """What four scans in a row come to, in a process of their own."""
    with serving(users, accounts, sign_ins) as url:
        command = [sys.executable, "-c", _CHILD, url]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def table(users: int = USERS, accounts: int = ACCOUNTS, sign_ins: int = SIGN_INS) -> str:
    """The scans as a Markdown table."""
    rows = [
        f"| {users:,} users, {accounts} accounts, {sign_ins:,} sign-ins | Requests to the log | Other requests of discovery | Sign-ins of the accounts | Accounts known whole | CPU | Peak |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in zip(_SCANS, scans(users, accounts, sign_ins), strict=True):
        left = "" if one["complete"] else ", the rest later"
        rows.append(
            f"| {name}{left} | {one['log']} | {one['others']} | {one['sign_ins']:,} | {one['whole']} | {one['cpu']:.1f} s | {one['peak']:.0f} MB |"
        )
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    """The table, of a tenant of other sizes where three numbers are given. Returns the exit code."""
    print(table(*map(int, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
