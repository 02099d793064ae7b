"""``cli.py questions``: what administrators ask, with the answers of docs/questions.md."""

import re
from pathlib import Path

from commands.line.parts import Options
from commands.output import DONE, put

PAGE = Path(__file__).parent.parent / "docs" / "questions.md"


async def run(options: Options) -> int:
    """Show every answer, or one."""
    answers = _answers()
    put("\n".join(answers if options.number is None else answers[options.number - 1 : options.number]))
    return DONE


def _answers() -> list[str]:
    """Each question with its answer, as it is written; links become what they are called."""
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"\[([^\]]+)\]\((?!https)[^)]*\)", r"\1", part).rstrip() + "\n" for part in parts]
