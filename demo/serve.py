"""A tenant's Microsoft Graph from a terminal.

    python -m demo serve [--port 8080] [--tenant demo] [--limits]

serves the demo company until Ctrl-C; ``--tenant large`` one of 100,000 users.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from demo.company import company
from localgraph.large import large_tenant
from localgraph.server import LocalGraph
from localgraph.service import TOKEN
from localgraph.tenant import LocalTenant

TENANTS: dict[str, Callable[[], LocalTenant]] = {"demo": company, "large": large_tenant}


async def serve(tenant: LocalTenant, port: int, *, limits: bool) -> None:
    """Serves a tenant until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
            break
    async with LocalGraph(tenant, limits=limits, port=port) as graph:
        print(f"{tenant.name} on {graph.url} (token: {TOKEN}). Ctrl-C ends it.", flush=True)
        await stop.wait()


def main(arguments: Sequence[str]) -> int:
    """Runs the server; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo serve", description="A local Microsoft Graph.")
    parser.add_argument("--port", type=int, default=0, help="0 (default): a free one")
    parser.add_argument("--tenant", choices=sorted(TENANTS), default="demo")
    parser.add_argument("--limits", action="store_true", help="throttle as Microsoft does")
    asked = parser.parse_args(arguments)
    try:
        asyncio.run(serve(TENANTS[asked.tenant](), asked.port, limits=asked.limits))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"Port {asked.port} can't be opened: {error.strerror}. Choose another one with --port.", file=sys.stderr)
        return 1
    return 0
