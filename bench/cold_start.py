"""Cold start in Microsoft's own Python worker: from the start of its process to the first request to Microsoft Graph.

``python -m bench.cold_start [RUNS]``, with a Python that has azure-functions-runtime (tests/fuzz/requirements.txt) beside the app's packages. What isn't
in it: the start of the Functions host, and how long a message waits on the queue until the host looks.
"""

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measured import Measured, as_table
from devtools.azurite import start_azurite
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph

ROOT, RUNS = Path(__file__).parent.parent, 5
_STAGES = (
    "start of the process to the functions known",
    "timer to the message on the queue",
    "message to the first request to Microsoft Graph",
)
_TIMER = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False})


def measure(runs: int = RUNS) -> list[Measured]:
    """The median of each stage and of their sum; the first run, which writes bytecode and makes the tables, doesn't count."""
    tenant = TenantBuilder().user("svc-scan@contoso.com", mfa="enforced", methods=["authenticator"]).build()
    with start_azurite() as azurite, LocalGraph(tenant).in_thread() as graph:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "GRAPH_ENDPOINT": graph.url,
            "AzureWebJobsStorage": azurite.new_account(),
            "SERVICE_ACCOUNT_PATTERNS": "svc-*",
            "SCAN_SCHEDULE": "0 0 5 * * *",
        }
        found = [_once(graph, environment) for _ in range(runs + 1)][1:]
    stages = [statistics.median(run[place] for run in found) for place in range(len(_STAGES))]
    total = statistics.median(map(sum, found))
    return [
        *(Measured(what, seconds, "s") for what, seconds in zip(_STAGES, stages, strict=True)),
        Measured("cold start to the first request to Microsoft Graph", total, "s"),
    ]


def _once(graph: LocalGraph, environment: dict[str, str]) -> tuple[float, ...]:
    """The seconds of each stage."""
    graph.http_requests = 0
    times = [time.monotonic()]
    with subprocess.Popen(
        [sys.executable, "-m", "bench.cold_start", "--worker"], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    ) as process:
        while graph.http_requests == 0 and process.poll() is None:
            time.sleep(0.001)
        asked = time.monotonic()
        output = process.communicate()[0]
    if process.returncode or not graph.http_requests:
        raise SystemExit(f"The worker ended with {process.returncode}, after {graph.http_requests} requests.")
    times += [*json.loads(output.splitlines()[-1]), asked]
    return tuple(later - earlier for earlier, later in itertools.pairwise(times))


async def _worker() -> None:
    """Load the app, fire its timer, and give the message to its queue; print when the first two were done."""
    from tests.fuzz.host import Worker

    worker = Worker()
    await worker.start()
    known = time.monotonic()
    answer = await worker.fire("scheduled_scan", json=_TIMER)
    queued = time.monotonic()
    done = await worker.fire("run_scan", string=answer.output_data[0].data.string or answer.output_data[0].data.json)
    if done.result.status != worker.messages.StatusResult.Success:
        raise SystemExit(done.result.exception.message)
    sys.stdout.write(f"{json.dumps([known, queued])}\n")


def main(arguments: Sequence[str]) -> None:
    """Measure, or be the worker that is measured."""
    if arguments == ["--worker"]:
        asyncio.run(_worker())
    else:
        print(as_table(measure(*map(int, arguments))))


if __name__ == "__main__":
    main(sys.argv[1:])
