"""The tasks of ``dev.py``."""

import os
import sys
from collections.abc import Callable, Sequence

from devtools import azd, building, deploy, github, locking, notes, processes, whatsnew
from devtools.environment import DEVELOPMENT, RUNTIME, Environment, SetupError, make_environment
from devtools.node import ROOT
from devtools.quiet import INTERRUPTED

SETUP_FAILED = 3
WRONG_USAGE = 2
KEEP = "--keep"
"""The option with which what was started, or found, stays."""

LINTERS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy", "."],
    "imports": ["devtools.imports"],
}


PARALLEL = [f"--numprocesses={min(4, (os.cpu_count() or 1) + 1)}", "--dist=worksteal"]
"""For the whole suite. Each worker has an Azurite of its own; much of their time they wait for it."""


def run_task(arguments: Sequence[str], usage: str) -> int:
    """Makes the environment, runs the task named first in ``arguments`` with the others, and returns the exit code."""
    if arguments and arguments[0] in STANDALONE:
        return _standalone(STANDALONE[arguments[0]], arguments[1:])
    if not arguments or arguments[0] not in TASKS:
        asked_for_help = bool(arguments) and arguments[0] in {"-h", "--help", "help"}
        print(usage, file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else WRONG_USAGE
    requirements, task = TASKS[arguments[0]]
    try:
        with processes.ended_by_signals():
            needs_azurite = arguments[0] != "scan" or KEEP in arguments
            return task(make_environment(requirements, azurite=needs_azurite), arguments[1:])
    except SetupError as error:
        print(f"[dev.py] {error}", file=sys.stderr)
        return SETUP_FAILED
    except KeyboardInterrupt:
        print("[dev.py] Interrupted; everything that was started has been ended.", file=sys.stderr)
        return INTERRUPTED


def _standalone(task: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    try:
        with processes.ended_by_signals():
            return task(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


def demo(environment: Environment, arguments: Sequence[str]) -> int:
    """One scan of the demo tenant."""
    return _python(environment, "devtools.quiet", "demo", *arguments)


def scan(environment: Environment, arguments: Sequence[str]) -> int:
    """A scan of one's own tenant; with ``--keep`` what it finds is kept on this machine, for the next one to say what changed."""
    options = ["scan", "--propose", "--open", *(one for one in arguments if one != KEEP)]
    if KEEP not in arguments:
        return _python(environment, "devtools.quiet", "cli", *options)
    return _python(environment, "devtools.kept", _tenant_in(arguments), "cli", *options)


def _tenant_in(arguments: Sequence[str]) -> str:
    """The tenant that arguments name; ``default`` where they name none."""
    for index, one in enumerate(arguments):
        if one == "--tenant":
            return next(iter(arguments[index + 1 :]), "default")
        if one.startswith("--tenant="):
            return one.partition("=")[2]
    return "default"


def bench(environment: Environment, arguments: Sequence[str]) -> int:
    """The benchmarks."""
    return _python(environment, "devtools.quiet", "bench", *arguments)


def soak(environment: Environment, arguments: Sequence[str]) -> int:
    """Random stories against the real code."""
    return _python(environment, "devtools.quiet", "soak", *arguments)


def mutate(environment: Environment, arguments: Sequence[str]) -> int:
    """Small changes of the rules that tests must notice."""
    if not hasattr(os, "fork"):
        print(
            "[dev.py] mutate needs a system on which processes can fork: Linux, macOS, or Windows' WSL.",
            file=sys.stderr,
        )
        return WRONG_USAGE
    return _python(environment, "devtools.quiet", "mutants", *arguments)


def lint(environment: Environment, _arguments: Sequence[str]) -> int:
    """All linters, also after one has failed; 1 when one did."""
    return 1 if _failed_linters(environment) else 0


def test(environment: Environment, arguments: Sequence[str]) -> int:
    """The linters and all tests; with arguments only the tests they name. Coverage doubles the time: ``test --cov -n 3``."""
    if arguments:
        return _python(environment, "pytest", *arguments)
    failed = _failed_linters(environment)
    code = _python(environment, "pytest", *PARALLEL)
    if failed:
        print(f"Failed before the tests: {', '.join(failed)}", file=sys.stderr)
    return code or (1 if failed else 0)


def setup(_environment: Environment, _arguments: Sequence[str]) -> int:
    """Nothing more than the environment."""
    return 0


def _failed_linters(environment: Environment) -> list[str]:
    failed = []
    for name, (module, *rest) in LINTERS.items():
        print(f"--- {name}", flush=True)
        if _python(environment, module, *rest):
            failed.append(name)
    return failed


def _python(environment: Environment, module: str, *arguments: str) -> int:
    command = [environment.python, "-m", module, *arguments]
    return processes.run(command, folder=ROOT, env=environment.variables)


TASKS: dict[str, tuple[Sequence[str], Callable[[Environment, Sequence[str]], int]]] = {
    "demo": (RUNTIME, demo),
    "scan": (RUNTIME, scan),
    "test": (DEVELOPMENT, test),
    "lint": (DEVELOPMENT, lint),
    "bench": (DEVELOPMENT, bench),
    "soak": (DEVELOPMENT, soak),
    "mutate": (DEVELOPMENT, mutate),
    "setup": (DEVELOPMENT, setup),
}
"""Name of the task: the requirement files that it needs, and what it does."""

STANDALONE: dict[str, Callable[[Sequence[str]], int]] = {
    "package": building.package,
    "deploy": deploy.deploy,
    "lock": locking.lock,
    "sbom": locking.sbom,
    "whatsnew": whatsnew.whatsnew,
    "notes": notes.notes,
    "github": github.github,
    "azd": azd.main,
}
"""Tasks for administrators and for azd, which need neither Azurite nor the packages for development."""
