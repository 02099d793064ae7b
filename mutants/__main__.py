"""``python3 dev.py mutate``: changes the rules in small ways, and says which changes no test notices.

Options: ``--sample N`` places to change (by default 200), ``--seed N`` (by default drawn), ``--module FILE ...`` only these,
``--seconds S`` at most, ``--workers W``. Exit code 1 where fewer than 95 % die, or the tests fail without any change; mutants
that are listed as equivalent don't count, nor do those that can't be imported.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mutants.equivalents import Equivalent, entry_for, listed, outdated
from mutants.making import Mutant, as_diff, mutants_of, mutated, sample
from mutants.running import Bench, BrokenBaseline, Outcome, Trial

ROOT = Path(__file__).parent.parent
ENOUGH = 0.95
"""So many of the sampled mutants must die."""

PURE_FINDINGS = ("accepted", "clocks", "compare", "flapping", "keys", "model", "odd", "packing", "run_record", "sight")
"""The modules of ``findings/`` that need no storage."""

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "out")


def main(arguments: list[str], root: Path = ROOT, equivalents: Sequence[Equivalent] | None = None) -> int:
    """Try mutants of the project in ``root``. Returns the exit code."""
    asked = _arguments(arguments, root)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    entries = listed() if equivalents is None else equivalents
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "project"
        shutil.copytree(root, copy, ignore=NOT_COPIED)
        files = asked.module or pure_modules(copy)
        every = mutants_of(copy, files)
        chosen = sample(every, asked.sample, seed)
        print(f"Seed {seed}: {len(chosen)} of {len(every)} mutants of {len(files)} files", flush=True)
        for entry in outdated(entries, copy):
            print(
                f"Listed as equivalent, but there is no such mutant (any more): {entry.file}: {entry.line}", flush=True
            )
        os.chdir(copy)
        sys.path[:] = [place for place in sys.path if Path(place).resolve() != root]
        try:
            return _judge(copy, chosen, entries, asked)
        except BrokenBaseline as broken:
            print(broken, file=sys.stderr)
            return 1
        finally:
            os.chdir(root)


def pure_modules(root: Path) -> list[str]:
    """The files whose mutants must die: the rules, and what is pure of the comparison."""
    checks = sorted(file.relative_to(root).as_posix() for file in (root / "checks").glob("*.py"))
    return [*checks, *(f"findings/{name}.py" for name in PURE_FINDINGS)]


def _judge(root: Path, chosen: Sequence[Mutant], entries: Sequence[Equivalent], asked: argparse.Namespace) -> int:
    bench = Bench(root, asked.workers)
    bench.prepare([mutant.file for mutant in chosen])
    sources = {file: (root / file).read_text(encoding="utf-8") for file in {mutant.file for mutant in chosen}}
    trials = [Trial(mutant.file, mutated(sources[mutant.file], mutant), mutant.row) for mutant in chosen]
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for result in bench.run(trials, until=began + (asked.seconds or 10**9)):
        trial, mutant = trials[result.number], chosen[result.number]
        before = sources[trial.file]
        entry = entry_for(entries, trial.file, before, trial.text)
        if entry is not None and result.outcome is Outcome.SURVIVED:
            counts["equivalent"] += 1
        else:
            counts[result.outcome] += 1
        if counts.total() % 25 == 0:
            print(f"{counts.total()} of {len(trials)} tried", file=sys.stderr, flush=True)
        if entry is not None and result.outcome is not Outcome.SURVIVED:
            print(f"Listed as equivalent, but a test notices it: {entry.file}: {entry.line}", flush=True)
        if entry is None and result.outcome is Outcome.SURVIVED:
            print(f"\nSurvived ({mutant.operator}):", *as_diff(trial.file, before, trial.text), sep="\n", flush=True)
    return _tell(counts, time.monotonic() - began)


def _tell(counts: Counter[str], seconds: float) -> int:
    tried = counts.total()
    dead = counts[Outcome.KILLED] + counts[Outcome.TIMEOUT]
    counted = dead + counts[Outcome.SURVIVED]
    share = dead / counted if counted else 1.0
    print(
        f"\n{tried} mutants in {seconds:.0f} s ({seconds / max(tried, 1):.1f} s each): {dead} of {counted} died "
        f"({share:.1%}), {counts[Outcome.TIMEOUT]} of them by timeout; {counts[Outcome.SURVIVED]} survived. "
        f"Not counted: {counts['equivalent']} equivalent, {counts[Outcome.UNIMPORTABLE]} that can't be imported.",
        flush=True,
    )
    return 0 if share >= ENOUGH else 1


def _arguments(arguments: list[str], root: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py mutate", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many places to change")
    parser.add_argument("--seed", type=int, help="which places")
    parser.add_argument("--module", nargs="+", metavar="FILE", help="only these files, such as checks/scope.py")
    parser.add_argument("--seconds", type=float, help="begin no more after so long")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    asked = parser.parse_args(arguments)
    if unknown := [file for file in asked.module or () if not (root / file).is_file()]:
        parser.error(f"there is no file {unknown[0]} (from the root of the project, such as checks/scope.py)")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
