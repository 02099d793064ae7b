"""Times as Graph writes them."""

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """UTC with ``Z``, without fractions."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
