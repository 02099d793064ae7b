"""Rows that can't be read, or not in full: written by a newer version before a rollback, by hand, or damaged. Pure.

One such row stops nothing else. A row with a value that this version doesn't know is left as it is: it is told by nobody,
never rewritten and never deleted. Of a damaged row whatever can be read is used. Both are noted, in sentences for an
administrator.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from basics.times import parse
from findings.keys import from_key
from findings.packing import NotPacked, unpack

MOST_NAMED = 20
SHOWN_CHARACTERS = 80

Record = TypeVar("Record")
Word = TypeVar("Word", bound=StrEnum)


class UnreadableRow(ValueError):
    """A row that is left as it is; the text says which value is why."""


class Columns(Mapping[str, Any]):
    """The columns of a row, each read as what it should be. ``odd``: the names of those that are missing or aren't that."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self.odd: list[str] = []

    def __getitem__(self, name: str) -> Any:
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def text(self, name: str, default: str) -> str:
        """A text; ``default`` where there is none."""
        value = self._row.get(name)
        return value if isinstance(value, str) else self._other(name, default)

    def text_or_none(self, name: str) -> str | None:
        """A text that may be missing."""
        return self.text(name, "") or None if self._row.get(name) is not None else None

    def count(self, name: str, default: int) -> int:
        """A number that isn't negative."""
        stored = self._row.get(name)
        value = getattr(stored, "value", stored)  # the SDK wraps numbers of 64 bits
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        return self._other(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no."""
        value = self._row.get(name)
        return value if isinstance(value, bool) else self._other(name, default)

    def mark(self, name: str) -> bool:
        """A yes that is left out where it is a no."""
        return self.flag(name, False) if self._row.get(name) is not None else False

    def time(self, name: str) -> datetime | None:
        """A time that ought to be there."""
        value = self.time_or_none(name)
        if value is None and self._row.get(name) is None:
            self.odd.append(name)
        return value

    def time_or_none(self, name: str) -> datetime | None:
        """A time that may be missing, as a plain one in UTC: the SDK's own subclass can't be changed faithfully."""
        value = self._row.get(name)
        if value is None:
            return None
        if isinstance(value, datetime):
            return datetime.combine(value.date(), value.time(), UTC)
        return parsed_time(value) or self._other(name, None)

    def word(self, name: str, words: type[Word], default: Word | None = None) -> Word | None:
        """One of some words; ``default`` where there is none.

        Raises :class:`UnreadableRow` for another word: it means something, and nobody here knows what.
        """
        value = self._row.get(name)
        if value is None or value == "":
            return default
        try:
            return words(value)
        except ValueError:
            raise UnreadableRow(f'{name} "{readable(value)}"') from None

    def document(self) -> dict[str, Any] | None:
        """The packed document: None where the row was read without it, and empty where it can't be unpacked."""
        try:
            return unpack(self._row)
        except NotPacked:
            return self._other("data", {})

    def loaded(self, name: str, load: Callable[[str], Record], default: Record) -> Record:
        """What ``load`` makes of a text that may be missing; ``default`` where it raises ``ValueError``."""
        value = self._row.get(name)
        if value is None:
            return default
        try:
            return load(value)
        except (ValueError, TypeError):
            return self._other(name, default)

    def _other(self, name: str, default: Record) -> Record:
        self.odd.append(name)
        return default


class OddRows:
    """What was odd about the rows that were read. ``of``: what a partition is."""

    def __init__(self, of: str = "account") -> None:
        self._of = of
        self._sentences: dict[str, None] = {}
        self.noted = 0
        """How often a row was noted, the same one again included."""

    @property
    def sentences(self) -> list[str]:
        """A sentence for each of the first rows, and one that counts the others."""
        named = list(self._sentences)[:MOST_NAMED]
        more = len(self._sentences) - len(named)
        return [*named, f"{more} more rows can't be read, or not in full."] if more else named

    def read(self, table: str, row: Mapping[str, Any], parse: Callable[[Columns], Record]) -> Record | None:
        """What ``parse`` makes of a row; None, and a note, where it raises :class:`UnreadableRow`."""
        columns = Columns(row)
        try:
            record = parse(columns)
        except UnreadableRow as why:
            self.left(table, row, str(why))
            return None
        if columns.odd:
            self.salvaged(table, row, *columns.odd)
        return record

    def left(self, table: str, row: Mapping[str, Any], why: str) -> None:
        """Note a row that can't be read."""
        self._note(table, row, f"can't be read ({why}): it is left as it is")

    def salvaged(self, table: str, row: Mapping[str, Any], *columns: str) -> None:
        """Note a row of which some columns can't be read."""
        names = ", ".join(dict.fromkeys(columns))
        self._note(table, row, f"is damaged ({names}): what can be read of it is used")

    def dropped(self, table: str, row: Mapping[str, Any]) -> None:
        """Note a row that can't be read and that nobody needs, because what was in it can be found out again."""
        self._note(table, row, "can't be read: it counts as not there")

    def _note(self, table: str, row: Mapping[str, Any], what: str) -> None:
        self.noted += 1
        partition, key = (readable(from_key(str(row.get(name, "")))) for name in ("PartitionKey", "RowKey"))
        self._sentences[f"Row {key} of {self._of} {partition} in table {table} {what}."] = None


def columns_of(row: Mapping[str, Any]) -> Columns:
    """The columns of a row, unless it comes as such."""
    return row if isinstance(row, Columns) else Columns(row)


def parsed_time(text: object) -> datetime | None:
    """A time written as ISO 8601, in UTC; without a zone it is taken for UTC. None where it is none."""
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def readable(value: object) -> str:
    """A value of a row as one short line without control characters."""
    plain = "".join(c if c.isprintable() else " " for c in str(value)[: 4 * SHOWN_CHARACTERS])
    line = re.sub(r"\s+", " ", plain).strip()
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…"
