"""How old the facts are that a report rests on: what Microsoft and the makers of products said when somebody last looked."""

from datetime import date

from checks.facts import HOLDS, facts_as_of
from reports import times


def facts_line(day: date) -> str:
    """Since when the facts are known, in a sentence for a report of that day; and that they are old, if they are."""
    read = facts_as_of()
    said = f"Facts as of {times.day(read)}"
    if day - read <= HOLDS:
        return f"{said}: Microsoft's dates, pages, errors and products were looked at then, or later."
    return (
        f"{said}, {(day - read).days:,} days ago: Microsoft may have changed its mind since. Install a newer version."
    )
