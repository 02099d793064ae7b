"""The documentation says what the code does."""

import re
from pathlib import Path

import pytest

from checks.catalog import CHECKS, SWITCHED_OFF
from checks.pages import pages
from tests.update_docs import DOCS, generated

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", sorted(generated()))
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == generated()[name], "run: python -m tests.update_docs"


def test_every_check_has_a_page_and_a_row_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (APW-\d{3}) \| [^|]* \| ([^|]*?) \|$", readme, re.MULTILINE))
    assert rows == {page.id: page.title for page in pages()}
    assert {check.id for check in CHECKS} | {SWITCHED_OFF} <= rows.keys()
    assert {check.id: check.title for check in CHECKS}.items() <= rows.items()


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
