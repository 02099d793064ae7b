"""What is deployed: its size and how long a cold start imports it, before and after leaving out what the app can't reach."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measured import Measured
from devtools.package import LIBRARIES, build, pack, size

_CHILD = """
import time
began = time.perf_counter()
import function_app
print(time.perf_counter() - began)
"""


def import_seconds(package: Path) -> float:
    """The median of three imports of ``function_app`` from a package that can't be written to."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{package}{os.pathsep}{package / LIBRARIES}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-S", "-s", "-c", _CHILD]
    runs = [
        float(subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(4)
    ]
    return statistics.median(runs[1:])


def measure() -> list[Measured]:
    """Files, bytes and import time of the package as pip leaves it, trimmed, and with bytecode."""
    found: list[Measured] = []
    for title, trimmed, compiled, most in (
        ("everything that pip installs", False, False, ("", "", "", "")),
        ("trimmed", True, False, ("3,000", "60 MB", "", "20 MB")),
        ("trimmed, with bytecode (what is deployed)", True, True, ("5,000", "80 MB", "2 s", "30 MB")),
    ):
        with tempfile.TemporaryDirectory() as folder:
            package, archive = Path(folder, "package"), Path(folder, "package.zip")
            build(package, installed=True, trimmed=trimmed, compiled=compiled)
            files, total = size(package)
            seconds = import_seconds(package)
            pack(package, archive)
            found += [
                Measured(f"package, {title}: files", files, "", most[0]),
                Measured(f"package, {title}: size", total / 1e6, "MB", most[1]),
                Measured(f"package, {title}: importing function_app, median of 3", seconds, "s", most[2]),
                Measured(f"package, {title}: as a zip", archive.stat().st_size / 1e6, "MB", most[3]),
            ]
            shutil.rmtree(package)
    return found
