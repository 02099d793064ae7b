"""Arguments that several commands take, and what is wrong with them in words."""

import argparse
from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from basics.text import well_formed_json

Command = Callable[[argparse.Namespace], Coroutine[None, None, int]]
"""What a command does: takes its arguments, returns the exit code."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a file adds its commands."""


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, their texts well-formed: a terminal may hand over bytes that are no UTF-8. Names of files stay as they are."""
    options = parser.parse_args(arguments)
    return argparse.Namespace(**{name: well_formed_json(value) for name, value in vars(options).items()})


def iso_date(text: str) -> date:
    """A day, written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a date: write it as YYYY-MM-DD, e.g. 2027-03-31') from None


def account(text: str) -> str:
    """A user principal name or an object id."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: give a user principal name or an object id")
    return text.strip()


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """``--format``, the first one by default, and ``--output``."""
    parser.add_argument("--format", choices=formats, default=formats[0])
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")
