"""How an alert that is too large for one message is cut into several. Pure.

The changes and, after them, the inputs that could not be read are counted through: an entry is one of either. A cut says at
which entry each message begins. It is kept with the delivery (``alerts/ledger.py``), so that a version of this product that
would cut elsewhere goes on where the one before it stopped.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from alerts.model import Alert, AlertGap, AlertItem

WHOLE = (0,)
"""The cut of an alert that goes in one message."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the messages that carry an alert."""

    number: int
    """From 1."""
    total: int
    start: int
    """Its first entry."""
    end: int
    """The entry after its last."""

    def items(self, alert: Alert) -> tuple[AlertItem, ...]:
        """The changes that it carries."""
        return alert.items[self.start : self.end]

    def gaps(self, alert: Alert) -> tuple[AlertGap, ...]:
        """The unreadable inputs that it carries."""
        before = len(alert.items)
        return alert.gaps[max(self.start - before, 0) : max(self.end - before, 0)]

    def id(self, alert: Alert) -> str:
        """Its own id, the same on every attempt; that of the first is the alert's."""
        return alert.id if self.number == 1 else f"{alert.id}.{self.number}"


def parts_of(alert: Alert, starts: Sequence[int] = WHOLE) -> tuple[Part, ...]:
    """The parts of an alert that is cut at these entries; all of its entries are in them, each once."""
    ends = (*starts[1:], len(alert.items) + len(alert.gaps))
    return tuple(
        Part(number, len(starts), start, end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    )


def fitting(sizes: Iterable[int], room: int) -> Iterator[int]:
    """The entries at which a message begins, so that none holds more than ``room``, or else a single entry.

    Args:
        sizes: How much each entry takes.
        room: How much a message holds.
    """
    yield 0
    left = room
    for entry, size in enumerate(sizes):
        if entry and size > left:
            yield entry
            left = room
        left -= size
