"""``cli.py questions``: what administrators ask, with the answers of docs/questions.md."""

import re
from pathlib import Path

from commands.drawn.page import render_page
from commands.line.parts import Options
from commands.output import DONE, put

PAGE = Path(__file__).parent.parent / "docs" / "questions.md"


async def run(options: Options) -> int:
    """Show every answer, or one."""
    answers = _answers()
    put("\n".join(answers if options.number is None else answers[options.number - 1 : options.number]))
    return DONE


def _answers() -> list[str]:
    """Each question with its answer."""
    _, *parts = re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [render_page(part.rstrip()) for part in parts]
