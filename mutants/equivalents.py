"""Mutants that no test can notice, because the code does the same: listed in ``equivalents.json``, each with its reason."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.making import Mutant, as_diff, mutants_of, mutated

LISTED = Path(__file__).with_name("equivalents.json")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """One entry: a line of a file, and the line that does the same."""

    file: str
    line: str
    """The line of the code, without the space around it; empty where the change only adds one."""
    mutant: str
    """What the mutant makes of it; empty where it takes the line away."""
    reason: str


def listed(path: Path = LISTED) -> list[Equivalent]:
    """All entries."""
    return [Equivalent(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def change_of(before: str, after: str) -> tuple[str, str]:
    """What goes and what comes in the lines that differ, without the space around them and in them."""
    lines = as_diff("", before, after, context=0)[2:]
    parts = [" ".join(line[1:].split()) for sign in "-+" for line in lines if line.startswith(sign)]
    gone = sum(line.startswith("-") for line in lines)
    return "\n".join(parts[:gone]), "\n".join(parts[gone:])


def entry_for(entries: Sequence[Equivalent], file: str, before: str, after: str) -> Equivalent | None:
    """The entry that speaks of this change of ``file``, if there is one."""
    change = change_of(before, after)
    return next((one for one in entries if one.file == file and (one.line, one.mutant) == change), None)


def outdated(entries: Iterable[Equivalent], root: Path) -> list[Equivalent]:
    """Entries that speak of no mutant that can be made of the code as it is."""
    entries = list(entries)
    files = {entry.file for entry in entries if (root / entry.file).exists()}
    mutants = {file: mutants_of(root, [file]) for file in files}
    return [entry for entry in entries if not _matches(entry, root, mutants.get(entry.file, []))]


def _matches(entry: Equivalent, root: Path, mutants: Sequence[Mutant]) -> bool:
    if not mutants:
        return False
    source = (root / entry.file).read_text(encoding="utf-8")
    rows = {
        number for number, line in enumerate(source.splitlines(), 1) if " ".join(line.split()) in entry.line.split("\n")
    }
    return any(
        change_of(source, mutated(source, mutant)) == (entry.line, entry.mutant)
        for mutant in mutants
        if mutant.row in rows
    )
