"""Child processes that never outlive this one: each gets a process group, which is ended as a whole."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 15
"""How long a child may take to clean up after Ctrl-C before it is killed."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, a request to end (SIGTERM, SIGHUP) raises ``KeyboardInterrupt`` like Ctrl-C, so that ``finally`` runs."""
    # SIGINT too: a shell starts background jobs with it ignored, and children would inherit that.
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, _interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(command: Sequence[str], *, folder: Path, env: Mapping[str, str], quiet: bool) -> "subprocess.Popen[str]":
    """Starts ``command`` in a process group of its own; ``quiet`` collects its output for ``communicate``."""
    output = subprocess.PIPE if quiet else None
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL if quiet else None,
        stdout=output,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def run(command: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> int:
    """Runs ``command`` to its end with our own output, passes Ctrl-C on, and returns its exit code.

    Whatever the command leaves running in its group is killed.
    """
    process = start(command, folder=folder, env=env, quiet=False)
    try:
        return process.wait()
    except KeyboardInterrupt:
        interrupt(process)
        raise
    finally:
        kill(process)


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Asks the process group to end, as Ctrl-C does, and waits for ``GRACE_SECONDS`` at most."""
    _signal_group(process, signal.SIGINT)
    # A second Ctrl-C means: at once.
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(GRACE_SECONDS)


def kill(process: "subprocess.Popen[str]") -> None:
    """Kills what is left of the process group."""
    if sys.platform == "win32":
        process.kill()
    else:
        _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: "subprocess.Popen[str]", number: int) -> None:
    if sys.platform == "win32":
        process.send_signal(number)
    else:
        # The group is gone, or (macOS) consists of ended processes only.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
