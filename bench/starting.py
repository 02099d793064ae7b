"""What starting costs: importing the app, and what the command line says before it needs the app."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from bench.measured import Measured

ROOT = Path(__file__).parent.parent
_CHILD = """
import time
from bench.measured import peak_kb
began = time.perf_counter()
import function_app
print(time.perf_counter() - began, peak_kb() / 1024)
"""


def measure() -> list[Measured]:
    """The median of five imports of ``function_app``, and the memory afterwards."""
    runs = []
    for _ in range(6):
        command = [sys.executable, "-c", _CHILD]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        runs.append([float(value) for value in done.stdout.split()])
    seconds, peak = (statistics.median(run[place] for run in runs[1:]) for place in (0, 1))
    return [
        Measured("importing function_app (median of 5, files cached)", seconds, "s", "0.6 s"),
        Measured("memory after importing function_app", peak, "MB"),
        Measured(
            "cli.py --version, processor time (best of 20, with bytecode)", processor_time("--version"), "s", "0.15 s"
        ),
        Measured("cli.py --help, processor time (best of 20, with bytecode)", processor_time("--help"), "s", "0.3 s"),
        Measured(
            "cli.py scan --help, processor time (best of 20, with bytecode)",
            processor_time("scan", "--help"),
            "s",
            "0.3 s",
        ),
    ]


def processor_time(*arguments: str, runs: int = 20) -> float:
    """The seconds of processor time, in the program and in the system for it, that a command takes at best: others use this
    machine as well. The first run, which writes the bytecode, doesn't count.
    """
    times, command = [], [sys.executable, str(ROOT / "cli.py"), *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(runs + 1):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=variables)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"cli.py {' '.join(arguments)} ended with {process.returncode}")
        times.append(used.ru_utime + used.ru_stime)
    return min(times[1:])
