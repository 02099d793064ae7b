"""Long lists in pages: each names where the next one begins."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import azure.functions as func

from functions.parameters import Number, Parameter
from functions.requests import BadRequest

MOST = 1000
"""Items of a page, and of one whose size nobody names."""
CHANGED = "The list has changed, and what after names isn't in it any more: begin again without after."
LIMIT = Number("limit", "How many items at most.", MOST)
AFTER = Parameter("after", "The next of the page before.")
Item = TypeVar("Item")


def page_of(
    req: func.HttpRequest, items: Sequence[Item], id_of: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """The page that ``limit`` and ``after`` ask for, and the ``after`` of the next one; None behind the last.

    ``after`` is the id of the last item that the caller has. Raises :class:`BadRequest`, also where that isn't in the list any more.
    """
    limit, after = LIMIT.of(req), AFTER.of(req)
    start = 0
    if after:
        ids = [id_of(item) for item in items]
        if after not in ids:
            raise BadRequest(CHANGED, 409)
        start = ids.index(after) + 1
    page = list(items[start : start + limit])
    return page, id_of(page[-1]) if page and start + limit < len(items) else None
