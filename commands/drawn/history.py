"""The history of an account, for the terminal."""

from commands.drawn.paper import Paper
from reports import times
from reports.history import AccountHistory, PublicEvent
from reports.history_page import standing

_INDENT = "  "


def render_history(history: AccountHistory, width: int | None = None, *, color: bool = False) -> str:
    """The history as text, newest first, no wider than ``width`` columns (60 at least; default: the terminal's)."""
    paper, account = Paper(width, color=color), history["account"]
    paper.write(f"History of {account['user_principal_name']}. {' '.join(standing(history))}")
    for one in history["events"]:
        paper.blank()
        paper.write(_head(one), one["severity"])
        for text in (one["text"], *one["notes"]):
            paper.write(text, indent=_INDENT)
    if not history["events"]:
        paper.write("Nothing that happened to it is kept.")
    return str(paper)


def _head(event: PublicEvent) -> str:
    at, about = times.moment(times.parse(event["at"])), event["check_id"] or ""
    if event["after"]:
        at = f"Between {times.moment(times.parse(event['after']))} and {at}"
    title = f": {event['title']}" if event["title"] else ""
    return f"{at}  {event['label']}{title}{f' ({about})' if about else ''}"
