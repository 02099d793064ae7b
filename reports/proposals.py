"""Accounts that nobody listed, for the terminal: why each is proposed, and what was recognised and left out."""

import textwrap
from collections.abc import Iterator

from reports import times
from reports.extras import Json
from reports.text import readable


def render_proposals(document: Json, width: int = 100) -> str:
    """The proposals of a document as text, no wider than ``width`` columns (60 at least)."""
    lines = list(proposal_lines(document, max(width, 60)))
    gaps = [f"Could not read {gap['input']}: {gap['error']}" for gap in document["run"]["gaps"] if gap.get("optional")]
    lines += [line for gap in gaps for line in textwrap.wrap(readable(gap), max(width, 60))]
    return "\n".join(lines or ["No account that nobody listed looks like a service account."]) + "\n"


def proposal_lines(document: Json, width: int) -> Iterator[str]:
    """The lines about proposals; none where there are none."""
    proposals = document.get("proposals", [])
    proposed = [one for one in proposals if not one["left_out_because"]]
    left_out = [one for one in proposals if one["left_out_because"]]
    if proposed:
        yield "Accounts that nobody listed and that look like service accounts"
        for one in proposed:
            yield from _wrapped(f"{_named(one)}, score {one['score']}", width, "  ")
            for signal in one["signals"]:
                yield from _wrapped(
                    f"{signal['weight']:+d}  {signal['text']}{_seen(signal)}", width, "    ", "        "
                )
    if left_out:
        yield "Recognised and left out"
        for one in left_out:
            yield from _wrapped(f"{_named(one)}: {one['left_out_because']}", width, "  ", "    ")


def _named(one: Json) -> str:
    name = one["display_name"]
    return f"{one['user_principal_name']} ({name})" if name else str(one["user_principal_name"])


def _seen(signal: Json) -> str:
    if not signal["last_seen"]:
        return ""
    often = "once" if signal["count"] == 1 else f"{signal['count']:,} times"
    return f" {often.capitalize()}, last on {times.day(times.parse(signal['last_seen']))}."


def _wrapped(text: str, width: int, indent: str, hang: str | None = None) -> list[str]:
    return textwrap.wrap(readable(text), width, initial_indent=indent, subsequent_indent=hang or indent)
