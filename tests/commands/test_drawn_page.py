"""Pages of prose on a terminal: nothing of their Markdown is left, no line is too long, no address is cut."""

import re

import pytest

from checks.pages import pages
from commands.drawn.page import render_page
from commands.questions import PAGE

PROSE = [*(page.markdown for page in pages()), PAGE.read_text(encoding="utf-8")]


def test_blocks_are_told_apart() -> None:
    page = """## A heading
A paragraph that goes *on*
in a **second** line, with *its own* [page](other.md#x) and a [place](https://example.com/a).

1. First.
2. Second, which is so long that it has to go on below, in line with its own first word.
- An item.

| name | means |
|---|---|
| `a * b` | [one](https://example.com) |
"""
    assert render_page(page, 60).splitlines() == [
        "A heading",
        'A paragraph that goes on in a second line, with "its own"',
        "page and a place (https://example.com/a).",
        "",
        "1. First.",
        "2. Second, which is so long that it has to go on below, in",
        "   line with its own first word.",
        "- An item.",
        "",
        "Name     Means",
        "`a * b`  one (https://example.com)",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.partition("\n")[2][:20])
def test_every_page_reads_well(page: str, width: int) -> None:
    shown = render_page(page, width)
    assert not re.search(r"^#|\*\*|\]\(", shown, re.MULTILINE)
    whole = set(re.findall(r"https://[^\s)`]+", shown))
    assert {one.rstrip(".,:;") for one in whole} == {
        one.rstrip(".,:;") for one in re.findall(r"https://[^\s)`]+", page)
    }
    assert max(map(len, shown.splitlines())) <= max(width, *map(len, shown.split()), 0) + len("10. ")
