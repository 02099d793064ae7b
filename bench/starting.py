"""What a cold start costs: importing the app."""

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
    ]
