"""The accounts of a document, of however many, in little memory.

Accounts that the same policies treat alike have the same reasons and the same remedies: each of these is kept once. What is an account's
own is written down as a line of text; beyond some megabytes these lines lie in a temporary file, which nobody else can open and which is gone
with the process. So memory grows with what differs, and no further than some tens of megabytes.
"""

import json
import marshal
from collections.abc import Iterator
from sys import intern
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

from basics.documents import read_json
from reports.document import Json

IN_MEMORY = 8 * 1024 * 1024
"""Bytes of lines that stay in memory."""
MOST_SHARED = 20_000
MOST_SHARED_BYTES = 16 * 1024 * 1024
"""Of what accounts have in common: what comes after these stands in the lines."""
_WORD = 40
"""Up to so many characters a text may be one of a few words, such as ``hidden``, which is kept once."""
_compact = json.JSONEncoder(separators=(",", ":")).encode


class Accounts:
    """Accounts of a document, put in by :meth:`add` in any order, and read in the order of their names, as often as one likes.

    Each reading makes new objects of them, but what they have in common is the same object in all: don't change it.
    """

    def __init__(self) -> None:
        self._lines = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  closed by close()
        self._places: list[tuple[str, int, int, int]] = []
        """Of each account: its name for comparing, its number, where its line begins, and how long it is."""
        self._shared: list[Json] = []
        self._numbers: dict[bytes, int] = {}
        self._sequences: dict[tuple[int, ...], list[Json]] = {}
        """The lists that were read, by the numbers of what is in them."""
        self._bytes = 0
        self._end = 0

    def __enter__(self) -> "Accounts":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lines.close()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, account: Json) -> None:
        """Put in an account: plain JSON."""
        line = _compact({name: self._written(value) for name, value in account.items()}).encode("ascii")
        self._places.append((account["user_principal_name"].casefold(), len(self._places), self._end, len(line)))
        self._lines.write(line)
        self._end += len(line)

    def __iter__(self) -> Iterator[Json]:
        for _, _, start, length in sorted(self._places):
            self._lines.seek(start)
            line = read_json(self._lines.read(length))
            yield {intern(name): self._read(value) for name, value in line.items()}

    def _written(self, value: Any) -> Any:
        """An object as the number of what is shared, and a list of objects as numbers; anything else in a list of its own, so that they
        can be told apart.
        """
        if isinstance(value, dict):
            number = self._number(value)
            return number if isinstance(number, int) else [[value]]
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return [self._number(item) for item in value]
        return [[value]]

    def _read(self, written: Any) -> Any:
        if isinstance(written, int):
            return self._shared[written]
        if isinstance(written[0], list):
            value = written[0][0]
            return intern(value) if isinstance(value, str) and len(value) <= _WORD else value
        if not all(isinstance(item, int) for item in written):
            return [self._shared[item] if isinstance(item, int) else item for item in written]
        numbers = tuple(written)
        known = self._sequences.get(numbers)
        if known is None:
            known = [self._shared[number] for number in numbers]
            if len(self._sequences) < MOST_SHARED:
                self._sequences[numbers] = known
        return known

    def _number(self, item: Json) -> int | Json:
        """The number of a shared object; the object itself once there are too many of them."""
        known = self._numbers.get(content := _content(item))
        if known is not None:
            return known
        if len(self._shared) >= MOST_SHARED or self._bytes + len(content) > MOST_SHARED_BYTES:
            return item
        self._bytes += len(content)
        self._shared.append(item)
        self._numbers[content] = len(self._shared) - 1
        return len(self._shared) - 1


def _content(item: Json) -> bytes:
    """The same for the same objects, and different for others: each account has some fifty, and JSON takes four times as long."""
    try:
        return marshal.dumps(item, _WITHOUT_REFERENCES)
    except ValueError:  # a text or number of a class of its own
        return _compact(item).encode("ascii")


_WITHOUT_REFERENCES = 2
"""Of marshal's formats the last that depends on what is in the object alone, and not on who else refers to it."""
