"""What an error means, for the terminal."""

from checks.explain import Certainty
from commands.drawn.paper import Paper
from reports import times
from reports.document import Json

_SURE = {
    Certainty.CERTAIN: "",
    Certainty.LIKELY: "Likely: ",
    Certainty.POSSIBLE: "Possibly: ",
}
_INDENT, _HANG = "  ", "    "


def render_explanation(document: Json, width: int | None = None, *, color: bool = False) -> str:
    """The document of ``cli.py explain`` as text, no wider than ``width`` columns (60 at least; default: the terminal's)."""
    paper = Paper(width, color=color)
    account, matches = document["account"], document["matches"]
    if account:
        when = f", {times.moment(times.parse(account['read_at']))}" if account["read_at"] else ""
        source = "the last scan that was kept" if account["kept"] else "read now"
        paper.write(f"{account['user_principal_name']} ({source}{when}): {account['seen']}")
        paper.blank()
    if sum(one["certainty"] == Certainty.POSSIBLE for one in matches) > 1:
        paper.write("What was given doesn't decide between some of these: give all of the error's words.")
        paper.blank()
    for number, one in enumerate(matches):
        if number:
            paper.blank()
        _match(paper, one)
    if matches and (document["unknown"] or document["next"]):
        paper.blank()
    if document["unknown"]:
        paper.write(f"Not known to this version: {', '.join(document['unknown'])}. It isn't guessed at.")
    elif not matches:
        paper.write("Nothing in it is an error that this version knows. It isn't guessed at.")
    for step in document["next"]:
        paper.write(f"- {step}", indent=_INDENT, hang=_HANG, whole=True)
    return str(paper)


def _match(paper: Paper, one: Json) -> None:
    times_said = f", {one['times']:,} times" if one["times"] > 1 else ""
    paper.write(f"{_SURE[Certainty(one['certainty'])]}{one['title']}", "heading")
    paper.write(f'"{one["evidence"]}"{times_said}', indent=_INDENT)
    paper.write(one["means"], indent=_INDENT)
    for step in (*(f"This account: {sentence}" for sentence in one["account"]), *one["do"]):
        paper.write(f"- {step}", indent=_INDENT, hang=_HANG, whole=True)
    paper.write(
        f"{one['url']} (facts as of {times.day(times.parse(one['read']))})", "quiet", indent=_INDENT, whole=True
    )
