"""What commands write: results to stdout, everything else to stderr; and their exit codes (docs/json.md)."""

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from basics.text import visible, well_formed
from checks.model import Severity

DONE, FOUND, FAILED, INCOMPLETE = 0, 1, 2, 3
NEVER = "none"
"""The value of ``--fail-on`` with which no finding changes the exit code."""


def exit_code(fail_on: str, found: Iterable[str], *, complete: bool) -> int:
    """The exit code of a scan that was done: a finding is told whether or not something was unreadable.

    Takes a severity or :data:`NEVER`, the severities of the open findings, and whether everything could be read.
    """
    if fail_on != NEVER and any(Severity(level).rank >= Severity(fail_on).rank for level in found):
        return FOUND
    return DONE if complete else INCOMPLETE


STDOUT = Path("-")
"""The name of a file that means standard output."""


def speak_utf8() -> None:
    """Write UTF-8 whatever the console's code page: names of a tenant may hold any character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # what stands in for a stream may lack it
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def is_colourful(stream: TextIO) -> bool:
    """Whether colours are wanted: on a terminal that has some, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def put(text: str) -> None:
    """Write a result. Where nobody reads on (``| head``), the rest is dropped, and what else is to be done is done."""
    _write(sys.stdout, text if text.endswith("\n") else f"{text}\n")


def write(text: str, output: Path | None) -> None:
    """Write a result into a file that only its owner may read, or to stdout where none or ``-`` is named. Raises ``OSError``."""
    if output is None or output == STDOUT:
        put(text)
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)  # one that was there before may have been open to others
        file.write(well_formed(text))


def say(text: str) -> None:
    """Tell how it goes, or what went wrong."""
    _write(sys.stderr, f"{text}\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(well_formed(text))
        stream.flush()
    except BrokenPipeError:
        # Python would complain at its end, too, when it empties what is left.
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def plain(text: str) -> str:
    """The text without control characters, and what nobody sees: names come from the tenant and must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in visible(text, "?"))
