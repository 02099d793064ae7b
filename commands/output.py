"""What commands write: results to stdout, everything else to stderr; and their exit codes (docs/json.md)."""

import sys
from collections.abc import Iterable
from pathlib import Path

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


def put(text: str) -> None:
    """Write a result."""
    text = well_formed(text)
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def write(text: str, output: Path | None) -> None:
    """Write a result into a file, or to stdout where none is named."""
    if output is None:
        put(text)
    else:
        output.write_text(well_formed(text), encoding="utf-8")


def say(text: str) -> None:
    """Tell how it goes, or what went wrong."""
    sys.stderr.write(f"{well_formed(text)}\n")


def plain(text: str) -> str:
    """The text without control characters, and what nobody sees: names come from the tenant and must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in visible(text, "?"))
