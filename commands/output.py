"""What commands write: results to stdout, everything else to stderr; and their exit codes (docs/json.md)."""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from basics.text import visible, well_formed
from commands.line.kinds import STDOUT
from commands.line.parts import SEVERITIES
from commands.line.reading import NEVER

DONE, FOUND, FAILED, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130
_REQUESTS = "httpx"
"""The logger that says each request to Microsoft Graph and what it answered."""
CHECKOUT = "cli.py"
"""What the command line is called in a checkout, and in every text."""
_COMMAND = re.compile(r"(?:\bpython )?\bcli\.py ")
_program = CHECKOUT
_quiet = False
_verbose = False


def exit_code(fail_on: str, found: Iterable[str], *, complete: bool) -> int:
    """The exit code of a scan that was done: a finding is told whether or not something was unreadable.

    Takes a severity or :data:`NEVER`, the severities of the open findings, and whether everything could be read.
    """
    if fail_on != NEVER and any(SEVERITIES.index(level) >= SEVERITIES.index(fail_on) for level in found):
        return FOUND
    return DONE if complete else INCOMPLETE


def be(*, quiet: bool, verbose: bool) -> None:
    """How much is told from now on besides results: nothing of how it goes, or each request as well."""
    global _quiet, _verbose
    _quiet, _verbose = quiet, verbose
    if verbose:
        import logging

        requests = logging.getLogger(_REQUESTS)
        requests.handlers = [logging.StreamHandler(sys.stderr)]
        requests.setLevel(logging.INFO)


def be_called(program: str) -> None:
    """What the command line was called as: texts that name a command name it so."""
    global _program
    _program = program


def as_called(text: str) -> str:
    """A text that says ``python cli.py``, for those who have a console script."""
    return text if _program == CHECKOUT else _COMMAND.sub(f"{_program} ", text)


def is_quiet() -> bool:
    """Whether nothing is told of how it goes."""
    return _quiet


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
    _write(sys.stdout, text if not text or text.endswith("\n") else f"{text}\n")


def write(text: str, output: Path | None) -> None:
    """Write a result into a file that only its owner may read, or to stdout where none or ``-`` is named. Raises ``OSError``."""
    with writing(output) as take:
        take(text)


@contextmanager
def writing(output: Path | None) -> Iterator[Callable[[str], object]]:
    """The same for a result that comes piece by piece: what takes the pieces. No file is touched before the first one."""
    if output is None or output == STDOUT:
        last = ""

        def to_stdout(piece: str) -> None:
            nonlocal last
            _write(sys.stdout, piece)
            last = piece or last

        yield to_stdout
        if last and not last.endswith("\n"):
            _write(sys.stdout, "\n")
        return
    with ExitStack() as stack:
        file: TextIO | None = None

        def to_file(piece: str) -> None:
            nonlocal file
            file = file or stack.enter_context(_opened(output))
            file.write(well_formed(piece))

        yield to_file


def _opened(output: Path) -> TextIO:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)  # one that was there before may have been open to others
    return open(descriptor, "w", encoding="utf-8")


def say(text: str) -> None:
    """Tell what somebody must know besides the result: what went wrong, or wasn't done."""
    _write(sys.stderr, f"{as_called(text)}\n")


def progress(text: str) -> None:
    """Tell how it goes, to who wants to know."""
    if not _quiet:
        say(text)


def origin(error: BaseException) -> None:
    """Where an error came from, to who wants to know; its sentence is told in any case."""
    if _verbose:
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())


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
