"""Times as text and back, for every year that can be written.

``strftime("%Y")`` doesn't pad: the year 1 becomes ``1``, which nothing reads back. Python's ISO 8601 does. Names of months
don't depend on the machine's language here.
"""

import re
from datetime import UTC, date, datetime

NO_DATE = datetime.min.replace(tzinfo=UTC)
"""What .NET writes where there is no date: ``0001-01-01T00:00:00Z``."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHORT_YEAR = re.compile(r"(?=\d{1,3}-)")


def iso(time: datetime) -> str:
    """A time in UTC as ISO 8601 to the second: ``2026-11-22T07:00:00Z``."""
    return f"{_utc(time).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def day(of: date) -> str:
    """A day as people read it: ``22 Nov 2026``; a time counts in UTC."""
    if isinstance(of, datetime):
        of = _utc(of)
    return f"{of.day} {_MONTHS[of.month - 1]} {of.year}"


def moment(time: datetime) -> str:
    """A time as people read it, with its zone: ``22 Nov 2026, 07:00 UTC``."""
    return f"{day(time)}, {_utc(time):%H:%M} UTC"


def parse(text: str) -> datetime:
    """An ISO 8601 time in UTC; without a zone it is taken for UTC. Raises ``ValueError`` for anything else.

    A year that isn't padded is read too: versions before this one kept ``1-01-01T00:00:00Z``.
    """
    if _SHORT_YEAR.match(text):
        text = text.rjust(len(text) + 4 - text.index("-"), "0")
    try:
        return _utc(datetime.fromisoformat(text))
    except OverflowError:
        raise ValueError(f"{text} lies outside of the calendar") from None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
