"""Elements of an Adaptive Card, for text that nobody can be trusted with.

A ``TextBlock`` and a ``Fact`` read their text as Markdown, so tenant text only goes into the runs of a ``RichTextBlock``,
which don't; both replace ``{{DATE(...)}}``, which ``text.without_templates`` breaks up.
https://adaptivecards.io/explorer/TextRun.html
"""

from collections.abc import Sequence
from typing import Any

from alerts.links import safe_url
from alerts.text import clean, without_templates

Json = dict[str, Any]


def run(text: str, limit: int, **style: Any) -> Json:
    """A piece of a line."""
    return {"type": "TextRun", "text": without_templates(clean(text, limit)), **style}


def spaced(text: str, limit: int, **style: Any) -> Json:
    """A piece of a line that begins with a space."""
    made = run(text, limit, **style)
    return {**made, "text": f" {made['text']}"}


def link(text: str, limit: int, url: str | None, **style: Any) -> Json:
    """A piece of a line that leads to ``url``; plain where that isn't a safe address."""
    target = safe_url(url)
    action = {"selectAction": {"type": "Action.OpenUrl", "url": target}} if target else {}
    return {**run(text, limit, **style), **action}


def line(*runs: Json, **style: Any) -> Json:
    """A paragraph made of runs."""
    return {"type": "RichTextBlock", "inlines": list(runs), **style}


def heading(text: str) -> Json:
    """A heading, announced as one by screen readers. For text of our own only."""
    return {
        "type": "TextBlock",
        "text": text,
        "style": "heading",
        "weight": "Bolder",
        "wrap": True,
        "spacing": "Large",
        "separator": True,
    }


def box(items: Sequence[Json], **style: Any) -> Json:
    """A container."""
    return {"type": "Container", "items": list(items), **style}


def buttons(*actions: Json) -> Json:
    """A row of buttons."""
    return {"type": "ActionSet", "actions": list(actions), "spacing": "Medium"}


def open_url(title: str, url: str, **style: Any) -> Json:
    """A button that opens an address, which must be safe. The title is our own."""
    return {"type": "Action.OpenUrl", "title": title, "url": url, **style}
