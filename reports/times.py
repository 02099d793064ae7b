"""Times as people read them: always with their zone, which is UTC."""

from datetime import UTC, datetime

from basics.times import day, moment, parse

__all__ = ["day", "moment", "parse", "since"]


def since(earlier: datetime, now: datetime) -> str:
    """When the last scan was, seen from this one: ``07:00 UTC today``, ``yesterday``, ``19 Nov 2026``."""
    days = (now.astimezone(UTC).date() - earlier.astimezone(UTC).date()).days
    if days == 0:
        return f"{earlier.astimezone(UTC):%H:%M} UTC today"
    return "yesterday" if days == 1 else day(earlier)
