"""A local Graph in a process of its own, so that its work isn't counted as the product's.

``python -m bench.serving USERS ACCOUNTS POLICIES LIMITS LATENCY`` prints its address and serves until its input ends. LIMITS: ``none``,
``documented``, or ``lenient``, where an account's own authentication methods aren't limited like reports.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localgraph.large import large_tenant
from localgraph.server import LocalGraph

ROOT = Path(__file__).parent.parent


@contextmanager
def serving(users: int, accounts: int, policies: int, limits: str, latency: float) -> Iterator[str]:
    """The address of such a Graph."""
    command = [sys.executable, "-m", "bench.serving", *map(str, (users, accounts, policies, limits, latency))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


async def _serve(users: int, accounts: int, policies: int, limits: str, latency: float) -> None:
    tenant = large_tenant(users, accounts, policies)
    _ = tenant.membership  # Graph has its index of who is in what before anybody asks
    graph = LocalGraph(
        tenant,
        limits=limits != "none",
        methods_limited=limits == "documented",
        latency=latency,
        still=True,
    )
    async with graph:
        print(graph.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    _, many, few, some, how, wait = sys.argv
    asyncio.run(_serve(int(many), int(few), int(some), how, float(wait)))
