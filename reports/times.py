"""Times as people read them: always with their zone, which is UTC."""

from datetime import UTC, date, datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse(text: str) -> datetime:
    """An ISO 8601 time (``2026-11-22T07:00:00Z``); without a zone it is taken for UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(time: datetime) -> str:
    """A time as ISO 8601 in UTC, to the second, with ``Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: date) -> str:
    """``22 Nov 2026``; a time counts in UTC."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def moment(time: datetime) -> str:
    """``22 Nov 2026, 07:00 UTC``."""
    return f"{day(time)}, {time.astimezone(UTC):%H:%M} UTC"


def since(earlier: datetime, now: datetime) -> str:
    """When the last scan was, seen from this one: ``07:00 UTC today``, ``yesterday``, ``19 Nov 2026``."""
    days = (now.astimezone(UTC).date() - earlier.astimezone(UTC).date()).days
    if days == 0:
        return f"{earlier.astimezone(UTC):%H:%M} UTC today"
    return "yesterday" if days == 1 else day(earlier)
