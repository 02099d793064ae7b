"""A page of prose for the terminal: what a browser makes of its Markdown, as lines that fit."""

import re
from collections.abc import Iterable
from itertools import groupby

from commands.drawn.paper import Paper

_HEADING = re.compile(r"#+ ")
_ITEM = re.compile(r"(?:\d+\.|-) ")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]*)\)")
_EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(?=\S)([^*]+)(?<=\S)\*{1,2}(?![\w*])")
_RULE = re.compile(r"\|[-|: ]+\|")


def render_page(markdown: str, width: int | None = None, *, color: bool = False) -> str:
    """Headings, paragraphs, lists and tables, no wider than ``width`` columns (60 at least; default: the terminal's).

    An address stays whole, since somebody copies it. Where a link leads within these pages only its name is shown.
    """
    paper = Paper(width, color=color)
    for kind, lines in groupby(markdown.splitlines(), _kind):
        if kind == "blank":
            paper.blank()
        elif kind == "table":
            _table(paper, list(lines))
        else:
            for block in _blocks(lines):
                _write(paper, block)
    return str(paper)


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    return "table" if line.startswith("|") else "prose"


def _blocks(lines: Iterable[str]) -> list[str]:
    """Headings, items and paragraphs; a line that begins none of them goes on with the one before."""
    found: list[str] = []
    for line in lines:
        if found and not (_HEADING.match(line) or _ITEM.match(line) or _HEADING.match(found[-1])):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.strip())
    return found


def _write(paper: Paper, block: str) -> None:
    text, heading, item = _shown(block), _HEADING.match(block), _ITEM.match(block)
    if heading:
        paper.write(text[heading.end() :], "heading")
    elif item:
        paper.write(text[item.end() :], indent=item[0], hang=" " * item.end(), whole=True)
    else:
        paper.write(text, whole=True)


def _table(paper: Paper, lines: list[str]) -> None:
    rows = [
        [_shown(cell.strip()) for cell in line.strip("|").split("|")] for line in lines if not _RULE.fullmatch(line)
    ]
    paper.table([cell.capitalize() for cell in rows[0]], rows[1:], whole=())


def _shown(text: str) -> str:
    linked = _LINK.sub(lambda link: f"{link[1]} ({link[2]})" if link[2].startswith("http") else link[1], text)
    return _EMPHASIS.sub(lambda said: f'"{said[1]}"' if " " in said[1] and said[0][1] != "*" else said[1], linked)
