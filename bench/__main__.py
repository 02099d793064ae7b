"""All benchmarks: ``python3 dev.py bench`` prints a table; with ``--write`` it also goes to ``docs/benchmarks.md``."""

import sys
from pathlib import Path

from bench import judging, keeping, packaging, scanning, starting
from bench.measured import Measured, as_table
from tests.reports import measure as report

TARGET = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main(arguments: list[str]) -> int:
    """Measure everything. Returns the exit code."""
    measured: list[Measured] = []
    for part in (judging, keeping, starting, packaging):
        print(f"Measuring: {part.__name__}", file=sys.stderr, flush=True)
        measured += part.measure()
    print("Measuring: the report", file=sys.stderr, flush=True)
    measured += [Measured(one.what, one.value, one.unit, f"{one.bound:g} {one.unit}") for one in report.measure()]
    print("Measuring: reading", file=sys.stderr, flush=True)
    table = f"{as_table(measured)}\n\n## Reading, beside the bound\n\n{scanning.NOTE}\n\n{scanning.table()}"
    print(table)
    if "--write" in arguments:
        written = TARGET.read_text(encoding="utf-8")
        kept = written[written.index("\n## The sign-in log") :]  # what other commands measured
        TARGET.write_text(
            "# Benchmarks\n\nMade by `python3 dev.py bench --write`. Times depend on the machine; counts and sizes don't.\n\n"
            f"{table}\n{kept}",
            encoding="utf-8",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
