"""``cli.py questions``: what administrators ask, with the answers of docs/questions.md."""

import argparse
import re
from pathlib import Path

from commands.arguments import Commands
from commands.output import DONE, put

COUNT = 12
PAGE = Path(__file__).parent.parent / "docs" / "questions.md"


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("questions", help="what administrators ask about app passwords, and the answers")
    one.add_argument("number", nargs="?", type=int, choices=range(1, COUNT + 1), metavar=f"1..{COUNT}")
    one.set_defaults(command=_questions)


async def _questions(options: argparse.Namespace) -> int:
    answers = _answers()
    put("\n".join(answers if options.number is None else answers[options.number - 1 : options.number]))
    return DONE


def _answers() -> list[str]:
    """Each question with its answer, as it is written; links become what they are called."""
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"\[([^\]]+)\]\((?!https)[^)]*\)", r"\1", part).rstrip() + "\n" for part in parts]
