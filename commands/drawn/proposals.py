"""Accounts that nobody listed, for the terminal: why each is proposed, and what was recognised and left out."""

from commands.drawn.paper import Paper
from reports import times
from reports.extras import Json

_LEFT_OUT_BY = frozenset(
    {"selection", "conditional_access_policies", "conditional_access_preview_policies", "groups"}
    | {"role_assignments", "role_definitions"}
)
"""What says who is selected already, holds a role or is spared by every policy, and so isn't proposed."""


def unread(document: Json) -> list[Json]:
    """What could not be read of what proposals come from; what only verdicts on single accounts depend on is none of it."""
    gaps = document["run"]["gaps"]
    return [one for one in gaps if one.get("optional") or (one["input"] in _LEFT_OUT_BY and not one.get("account"))]


def render_proposals(document: Json, width: int | None = None) -> str:
    """The proposals of a document as text, no wider than ``width`` columns (60 at least; default: the terminal's)."""
    paper = Paper(width)
    draw_proposals(document, paper)
    for gap in unread(document):
        paper.write(f"Could not read {gap['input']}: {gap['error']}")
    return str(paper) or "No account that nobody listed looks like a service account.\n"


def draw_proposals(document: Json, paper: Paper) -> None:
    """Write what there is about proposals; nothing where there are none."""
    proposals = document.get("proposals", [])
    proposed = [one for one in proposals if not one["left_out_because"]]
    left_out = [one for one in proposals if one["left_out_because"]]
    if proposed:
        paper.write("Accounts that nobody listed and that look like service accounts")
        for one in proposed:
            paper.write(f"{_named(one)}, score {one['score']}", indent="  ")
            for signal in one["signals"]:
                paper.write(f"{signal['weight']:+d}  {signal['text']}{_seen(signal)}", indent="    ", hang="        ")
    if left_out:
        paper.write("Recognised and left out")
        for one in left_out:
            paper.write(f"{_named(one)}: {one['left_out_because']}", indent="  ", hang="    ")


def _named(one: Json) -> str:
    name = one["display_name"]
    return f"{one['user_principal_name']} ({name})" if name else str(one["user_principal_name"])


def _seen(signal: Json) -> str:
    if not signal["last_seen"]:
        return ""
    often = "once" if signal["count"] == 1 else f"{signal['count']:,} times"
    return f" {often.capitalize()}, last on {times.day(times.parse(signal['last_seen']))}."
