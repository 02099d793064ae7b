"""What Microsoft's own renderer makes of a card, in a real browser."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from alerts.model import Alert
from devtools.node import NodeMissing
from tests.alerts import samples
from tests.alerts.render.pictures import FLAGS, adaptivecards_js, card_page, chromium


class Card(HTMLParser):
    """The elements and the text inside the drawn card."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        drawn = re.search(r'<div id="card">(.*)</div>\s*<script>', page, re.DOTALL)
        assert drawn, page[:500]
        self.feed(drawn[1])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "onclick", "onerror"}}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def script() -> Path:
    if chromium() is None:
        pytest.skip("There is no chromium here (apt-get install chromium): cards are not drawn.")
    try:
        return adaptivecards_js()
    except (subprocess.SubprocessError, NodeMissing) as error:
        pytest.skip(f"The card renderer can't be fetched ({type(error).__name__}): cards are not drawn.")


def drawn(alert: Alert, script: Path, folder: Path) -> tuple[str, Card]:
    """The page after the card was drawn: its title, and the card."""
    browser = chromium()
    assert browser
    page = folder / "card.html"
    page.write_text(card_page(alert, script, "light"), encoding="utf-8")
    answer = subprocess.run(
        [browser, *FLAGS, "--dump-dom", page.as_uri()], capture_output=True, timeout=120, check=True, encoding="utf-8"
    )
    title = re.search(r"<title>(.*?)</title>", answer.stdout)
    assert title
    return title[1], Card(answer.stdout)


def test_hostile_names_stay_text_in_the_drawn_card(script: Path, tmp_path: Path) -> None:
    title, card = drawn(samples.hostile(), script, tmp_path)
    assert title == "0 complaints"
    assert card.tags <= {"div", "span", "button", "a"}
    assert all(link.startswith(("https://entra.microsoft.com/", samples.REPORT)) for link in card.links)
    assert "<script>alert(1)</script>" in card.text
    assert "[x](http://evil.example) **bold**" in card.text
    assert "{ {" in card.text
