"""Whether a test notices a mutant: its tests, run in a process of their own that sees the changed module.

Nothing is written: each process is a fork that gets the changed text by an import hook. The fork has the libraries imported
already, which is most of what a short run costs.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.machinery import ModuleSpec, SourceFileLoader
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

from mutants.reach import Measuring, Reach

_FORK = multiprocessing.get_context("fork")

WALL_FACTOR = 10
"""A run may wait for other work on the machine so many times as long as it may compute."""
LEAST_SECONDS = 10
"""What a run may compute at least. A mutant that turns a loop endless needs all of it."""
SLOWER = 4
"""How many times slower than the unchanged code a run may be."""
MEMORY_BYTES = 4 << 30
"""A mutant that fills the memory dies; its machine doesn't."""

SHORT_PROFILE = "mutants"
"""Fewer random examples, the same in each run; a failing one isn't made smaller."""
hypothesis.settings.register_profile(
    SHORT_PROFILE,
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    """A test failed."""
    TIMEOUT = "timeout"
    """The tests didn't come to an end; this counts as killed."""
    UNIMPORTABLE = "unimportable"
    """The module can't be imported any more, which says nothing about tests."""
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run to be done: the tests of ``file`` with ``text`` in its place."""

    file: str
    text: str
    row: int
    """Where the text is another than that of the file."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the trial with this number came to."""

    number: int
    outcome: Outcome
    seconds: float


class BrokenBaseline(Exception):
    """The tests fail, or there are none, with the code as it is; says which and how."""


class _Order:
    """A plugin of pytest: only the tests asked for, and none that needs Azurite; those named after the file first, those
    with random input last.
    """

    def __init__(self, file: str, tests: Collection[str] | None) -> None:
        self._own = f"test_{Path(file).stem}.py"
        self._tests = tests

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [
            item
            for item in items
            if "azurite" not in getattr(item, "fixturenames", ())
            and (self._tests is None or item.nodeid in self._tests)
        ]
        chosen.sort(key=lambda item: (item.get_closest_marker("hypothesis") is not None, item.path.name != self._own))
        dropped = set(items) - set(chosen)
        if dropped:
            config.hook.pytest_deselected(items=sorted(dropped, key=lambda item: item.nodeid))
        items[:] = chosen


class _Changed(importlib.abc.MetaPathFinder):
    """Finds one module of the project, with another text than its file has."""

    def __init__(self, root: Path, trial: Trial) -> None:
        self._name = trial.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self._path = str(root / trial.file)
        self._text = trial.text

    def find_spec(self, fullname: str, _path: object, _target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._text)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text.encode()

    def get_data(self, _path: str | bytes) -> bytes:
        return self._text

    def path_stats(self, _path: str | bytes) -> Mapping[str, float]:
        raise OSError("what was compiled of the file isn't this text")


def tests_of(file: str) -> str:
    """The folder with the tests that concern a file of the project: ``tests/`` mirrors the folders."""
    return f"tests/{file.partition('/')[0]}"


class Bench:
    """Runs trials in a copy of the project. The current folder of this process must be the copy's."""

    def __init__(self, root: Path, workers: int) -> None:
        self._root = root
        self._workers = workers
        self._limits: dict[str, float] = {}
        self._reach: dict[str, Reach] = {}

    def prepare(self, files: Sequence[str]) -> None:
        """Runs the tests that concern ``files`` once with the code as it is, and imports the libraries that they need.

        Raises ``BrokenBaseline``.
        """
        for file in {tests_of(file): file for file in files}.values():
            ours, theirs = _FORK.Pipe(duplex=False)
            process = _FORK.Process(target=_run_unchanged, args=(self._root, file, theirs))
            process.start()
            theirs.close()
            try:
                code, said, seconds, modules, reach = ours.recv()
            except EOFError:
                raise BrokenBaseline(f"{tests_of(file)} ended the process that ran it") from None
            finally:
                process.join()
            if code != pytest.ExitCode.OK:
                raise BrokenBaseline(f"{tests_of(file)} fails with the code as it is (exit code {code}):\n{said}")
            self._limits[tests_of(file)] = LEAST_SECONDS + SLOWER * seconds
            self._reach[tests_of(file)] = reach
            _import(modules)

    def run(self, trials: Sequence[Trial], until: float) -> Iterator[Result]:
        """The results, as they come. Begins no more from ``until`` on, a time of ``time.monotonic``."""
        waiting = list(enumerate(trials))[::-1]
        running: dict[int, _Running] = {}
        try:
            while waiting or running:
                if time.monotonic() >= until:
                    waiting = []
                while waiting and len(running) < self._workers:
                    number, trial = waiting.pop()
                    tests = self._tests(trial)
                    if tests is not None and not tests:
                        yield Result(number, Outcome.SURVIVED, 0.0)
                        continue
                    limit = self._limits[tests_of(trial.file)]
                    running[number] = _Running(self._root, trial, tests, limit)
                if not running:
                    return
                nearest = min(one.ends for one in running.values()) - time.monotonic()
                wait([one.process.sentinel for one in running.values()], timeout=max(0.0, nearest))
                for number, one in list(running.items()):
                    if (outcome := one.outcome()) is not None:
                        del running[number]
                        yield Result(number, outcome, time.monotonic() - one.began)
        finally:
            for one in running.values():
                one.process.kill()

    def _tests(self, trial: Trial) -> frozenset[str] | None:
        source = (self._root / trial.file).read_text(encoding="utf-8")
        return self._reach[tests_of(trial.file)].tests(trial.file, source, trial.row)


class _Running:
    """A trial under way."""

    def __init__(self, root: Path, trial: Trial, tests: Collection[str] | None, cpu_seconds: float) -> None:
        self.began = time.monotonic()
        self.ends = self.began + cpu_seconds * WALL_FACTOR
        self.process: BaseProcess = _FORK.Process(target=_run_changed, args=(root, trial, tests, cpu_seconds))
        self.process.start()

    def outcome(self) -> Outcome | None:
        """What it came to, or None while it runs. Ends it where its time is over."""
        code = self.process.exitcode
        if code is None:
            if time.monotonic() < self.ends:
                return None
            self.process.kill()
            self.process.join()
            return Outcome.TIMEOUT
        return outcome_of(code)


def outcome_of(code: int) -> Outcome:
    """What the exit code of a run says; a negative one is a signal."""
    outcomes = {
        -signal.SIGXCPU: Outcome.TIMEOUT,
        pytest.ExitCode.OK: Outcome.SURVIVED,
        # The tests that ran the place have other names now, and nothing else complained.
        pytest.ExitCode.NO_TESTS_COLLECTED: Outcome.SURVIVED,
        # Tests that can't be imported interrupt the run before the first of them; a conftest.py ends it earlier still.
        pytest.ExitCode.INTERRUPTED: Outcome.UNIMPORTABLE,
        pytest.ExitCode.USAGE_ERROR: Outcome.UNIMPORTABLE,
    }
    return outcomes.get(code, Outcome.KILLED)


def _run_changed(root: Path, trial: Trial, tests: Collection[str] | None, cpu_seconds: float) -> None:
    """In a fork: ends it with pytest's exit code."""
    with open(os.devnull, "r+b") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    resource.setrlimit(resource.RLIMIT_CPU, (round(cpu_seconds), round(cpu_seconds) + 5))
    with contextlib.suppress(ValueError, OSError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.meta_path.insert(0, _Changed(root, trial))
    # Without what other ends of a process do: threads of libraries may still wait for something.
    os._exit(_pytest(trial.file, tests))


def _run_unchanged(root: Path, file: str, answer: Connection) -> None:
    """In a fork: sends exit code, output, seconds of computing, the modules that are no part of the project, and which tests
    run what.
    """
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        began = time.process_time()
        measuring = Measuring(root, file.partition("/")[0])
        code = _pytest(file, None, measuring)
        seconds = time.process_time() - began
        sys.stdout.flush()
        said.seek(0)
        answer.send((code, said.read().decode(errors="replace"), seconds, _foreign(root), measuring.reach()))
    answer.close()
    os._exit(0)


def _pytest(file: str, tests: Collection[str] | None, *plugins: object) -> int:
    """Runs these tests, or all that concern ``file``."""
    # Plain asserts: pytest can't rewrite what is imported already, and nobody reads why a test fails.
    options = ["-x", "-q", "--tb=short", "--assert=plain", "-p", "no:cacheprovider"]
    options += [f"--hypothesis-profile={SHORT_PROFILE}"]
    places = [tests_of(file)] if tests is None else sorted({name.partition("::")[0] for name in tests})
    return int(pytest.main([*options, *places], plugins=[_Order(file, tests), *plugins]))


def _foreign(root: Path) -> list[str]:
    """The modules that are imported and don't belong to the project: a mutant changes nothing in them."""
    return [
        name
        for name, module in sys.modules.items()
        if (file := getattr(module, "__file__", None)) and not Path(file).is_relative_to(root)
    ]


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        with contextlib.suppress(ImportError, ValueError):  # names that only their package can import
            importlib.import_module(name)
