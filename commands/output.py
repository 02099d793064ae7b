"""What commands write: results to stdout, everything else to stderr; and their exit codes (docs/json.md)."""

import sys
from pathlib import Path

DONE, FOUND, FAILED, INCOMPLETE = 0, 1, 2, 3


def put(text: str) -> None:
    """Write a result."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def write(text: str, output: Path | None) -> None:
    """Write a result into a file, or to stdout where none is named."""
    if output is None:
        put(text)
    else:
        output.write_text(text, encoding="utf-8")


def say(text: str) -> None:
    """Tell how it goes, or what went wrong."""
    sys.stderr.write(f"{text}\n")


def plain(text: str) -> str:
    """The text without control characters: names come from the tenant and must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
