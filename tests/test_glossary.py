"""Every word that a report, a card or a mail has of its own is in the glossary, and what it says isn't said."""

import re
from pathlib import Path

import pytest

from alerts import wording
from reports import words

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TEMPLATES = sorted((*(ROOT / "reports" / "templates").iterdir(), *(ROOT / "alerts" / "templates").iterdir()))
SAID = sorted(
    path
    for folder in ("alerts", "checks", "jobs", "reports")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".html", ".js", ".txt", ".json", ".md"}
)
"""Where what people read is written."""


def table(title: str) -> dict[str, str]:
    """The rows of the tables under a heading; of all of them for an empty one."""
    part = GLOSSARY if not title else GLOSSARY.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", part, re.MULTILINE)
    return {first: second for first, second in rows if first not in ("word", "not") and not first.startswith("---")}


DEFINED = {word for row in table("") for word in (row, *row.split(", "))}


@pytest.mark.parametrize(
    "label",
    [
        *(one.label for known in (words.OPTION, words.WORKS, words.USABILITY, words.URGENCY) for one in known.values()),
        *(one for known in (words.EFFECT, words.PERHAPS, words.SEVERITY, words.CHANGE) for one in known.values()),
        *(one for known in (words.ENDING, wording.URGENCY, wording.LABELS) for one in known.values()),
    ],
)
def test_every_word_for_a_verdict_a_change_or_a_place_is_explained(label: str) -> None:
    assert label in DEFINED


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_heading_of_a_template_is_explained(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    for heading in re.findall(r"<h2[^>]*>([A-Z][^<{]+)", text):
        assert any(heading.strip() == word.removesuffix(" …") for word in DEFINED), heading


@pytest.mark.parametrize("said", [one for one in table("What isn't said") if "(" not in one])
def test_what_is_not_said_is_said_nowhere(said: str) -> None:
    found = [path.name for path in SAID if said.casefold() in path.read_text(encoding="utf-8").casefold()]
    assert found == []


def test_reports_and_alerts_have_the_same_words_for_when_something_breaks() -> None:
    assert {name: one.label for name, one in words.URGENCY.items()} == wording.URGENCY
