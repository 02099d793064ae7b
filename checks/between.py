"""An answer between its least and its most: what can be said although something could not be read.

Every missing input is weighed twice, at its least hiding (or blocking) value and at its most. What holds at the least holds
for certain; what holds only at the most is open. A verdict is a table of such answers, the strongest first, and the first
row that holds decides (docs/verdicts.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from checks.landscape import Landscape, Situation
from checks.model import Effect, Reason


@dataclass(frozen=True, slots=True)
class Between:
    """Whether something is so, at the least and at the most, and why."""

    least: bool
    most: bool
    """True wherever ``least`` is."""
    because: Sequence[Reason] = ()
    """Why, at the least: each of these is certain."""
    one_of: Sequence[Reason] = ()
    """Why, where it is certain and none of the causes is: one of these it must be, and nobody can tell which."""

    def __or__(self, other: "Between") -> "Between":
        """Whether one or the other is so, with the reasons of both in this order."""
        if self is NO or other is NO:  # most are, and every account asks
            return other if self is NO else self
        return Between(
            self.least or other.least,
            self.most or other.most,
            (*self.because, *other.because),
            (*self.one_of, *other.one_of),
        )


NO = Between(least=False, most=False)
OPEN = Between(least=False, most=True)
YES = Between(least=True, most=True)

Row = TypeVar("Row")
Rows = Sequence[tuple[Row, Between]]


def first_that_holds(rows: Rows[Row]) -> Row | None:
    """The first row that holds; None where that is another one at the least than at the most.

    Rows needn't look at each other: whether a weaker one holds makes no difference where a stronger one does or may.
    """
    for row, answer in rows:
        if answer.most:
            return row if answer.least else None
    return None


def why(rows: Rows[Row], decided: Row | None) -> list[Reason]:
    """What is certain about every row, in their order; for the decided one, if nothing is, what it must be one of."""
    reasons: list[Reason] = []
    for row, answer in rows:
        reasons += answer.because or (answer.one_of if row is decided else ())
    return reasons


def reached(land: Landscape, situation: Situation, what: Effect, certain: int, possible: int) -> Between:
    """Whether a policy reaches the account that does ``what`` for certain or, at the most, one that possibly does."""
    reach = situation.reach
    if policies := reach.least & certain:
        return Between(True, True, land.worded(what, policies, certain, situation))
    if not reach.most & possible:
        return NO
    if one_reaches(situation, certain):
        return Between(True, True, one_of=land.worded(what, reach.most & certain, certain, situation))
    return OPEN


def one_reaches(situation: Situation, policies: int) -> bool:
    """Whether one of the policies reaches the account, whichever way the unread groups and roles are."""
    return all(world.least & policies for world in situation.reach.worlds)
