"""Values in the addresses of Graph, so that none of them can say anything but itself."""

from urllib.parse import quote


def key_segment(value: str) -> str:
    """An id or user principal name as one path segment: odd characters, quotes and non-Latin letters encoded."""
    return quote(value, safe="@.-_~")


def literal(text: str) -> str:
    """A text as OData writes it in a filter."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
