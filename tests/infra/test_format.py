"""Bicep files stand as ``bicep format`` writes them, as far as that can be told without it.

Source: Azure/bicep, ``src/Bicep.Core/PrettyPrintV2``: lines of 120 characters, steps of two blanks. Lists and objects that begin on
a new line stay broken; the arguments of a function and the parts of a choice stay broken only where they have to.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.infra.bicep import BICEP_FILES, INFRA

WIDTH = 120
TEXT = r"'(?:[^'\\]|\\.|\$\{[^}]*\})*'"
UNBREAKABLE = re.compile(
    rf"\s*//.*|@\w+\({TEXT}\)|\s*{TEXT},?|(?:output|param|var|metadata) [\w ]+ = {TEXT}|\s*\w+: {TEXT}|resource \w+ {TEXT} = if \(.*\) \{{"
)
"""Lines in which nothing can be put on another one: the only argument of a function stays where it is."""
FORCED = re.compile(r"[\[{]$|//|'''")
"""What keeps everything around it broken."""


def lines_of(file: Path) -> list[str]:
    """The lines of a file, those of texts over several lines left out."""
    return re.sub(r"'''.*?'''", "''''''", file.read_text(encoding="utf-8"), flags=re.DOTALL).split("\n")


def indent(line: str) -> int:
    """Blanks before a line."""
    return len(line) - len(line.lstrip())


def flat(lines: list[str], between: str) -> str:
    """Lines as one, with something else than a blank behind the first."""
    return lines[0] + between + " ".join(line.strip() for line in lines[1:])


def broken(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """The arguments and choices that go over several lines, each with what it would be on one."""
    for number, line in enumerate(lines):
        rest = lines[number + 1 :]
        if line.endswith("("):
            size = next(at for at, one in enumerate(rest) if one.strip() and indent(one) <= indent(line)) + 1
            whole = lines[number : number + size + 1]
            yield whole, re.sub(r" (?=\)[,)]*$)", "", flat(whole, ""))
        elif rest and re.match(r" +\? ", rest[0]):
            size = next(at for at, one in enumerate(rest) if indent(one) < indent(rest[0]) or not one.strip())
            whole = lines[number : number + size + 1]
            yield whole, flat(whole, " ").removesuffix(",")


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_file_stands_as_the_formatter_writes_it(file: Path) -> None:
    lines = lines_of(file)
    assert lines[-1] == "", "one newline at the end"
    assert lines[-2] != ""
    assert [line for line in lines if line != line.rstrip() or "\t" in line or "\r" in line] == []
    assert [line for line in lines if indent(line) % 2] == []
    assert [line for one, line in pairwise(lines) if one == line == ""] == []
    assert [line for line in lines if len(line) > WIDTH and not UNBREAKABLE.fullmatch(line)] == [], "to be broken"
    fitting = [
        line
        for whole, line in broken(lines)
        if len(line) <= WIDTH and not any(FORCED.search(one) for one in whole[1:-1])
    ]
    assert fitting == [], "to be on one line each"
