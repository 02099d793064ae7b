"""``python3 dev.py soak``: plays random stories on all cores, and prints the shortest one that breaks a promise.

Options: ``--scenarios N`` stories (by default 200), ``--seed N`` (by default drawn), ``--seconds S`` at most, ``--workers W``,
``--year``: as many simulated years in place of short stories, ``--kills K``: processes that are killed for real.
Exit code 1 where a promise was broken.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter

from soak.crew import BATCH, Job, Report, outcome, shortest, story_of, work_on_all
from soak.kills import run as run_kills
from soak.play import Violation, stage
from soak.steps import written


def main(arguments: list[str]) -> int:
    """Play stories. Returns the exit code."""
    asked = _arguments(arguments)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    print(
        f"Seed {seed}: {asked.scenarios} {'years' if asked.year else 'stories'} on {asked.workers} workers", flush=True
    )
    began = time.monotonic()
    until = began + (asked.seconds or 10**9)
    size = 1 if asked.year else BATCH
    jobs = [
        Job(seed, first, min(first + size, asked.scenarios), asked.year, until)
        for first in range(0, asked.scenarios, size)
    ]
    counts: Counter[str] = Counter()
    broken: Report | None = None
    for report in work_on_all(jobs, asked.workers):
        counts += report.counts
        if report.violation is not None:
            broken = report
            break
    print(f"{time.monotonic() - began:.0f} seconds: {json.dumps(dict(sorted(counts.items())))}", flush=True)
    if broken is not None and broken.violation is not None:
        _tell(seed, broken.number, broken.violation, year=asked.year)
        return 1
    return _kill(asked.kills, seed) if asked.kills else 0


def _tell(seed: int, number: int, violation: Violation, *, year: bool) -> None:
    """Print the broken promise and the shortest story that breaks it."""
    story = story_of(seed, number, year=year)
    print(f"Story {number} of seed {seed}, after step {violation.step}: {violation.what}", flush=True)
    print(f"Making it shorter ({len(story)} steps) ...", flush=True)
    with stage() as on:
        short = shortest(story, violation, on)
        found = outcome(short, on) or violation
    print(f"{found.what}\n\n{written(short)}", flush=True)


def _kill(kills: int, seed: int) -> int:
    """Processes that are killed for real."""
    return 1 if run_kills(kills, seed, print) else 0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200, help="how many stories")
    parser.add_argument("--seed", type=int, help="which stories")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--year", action="store_true", help="a scan a day for a year, in each story")
    parser.add_argument(
        "--kills", type=int, default=0, help="so many processes killed at any moment, after the stories"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
