"""The documentation says what the code does."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.catalog import CHECKS, SWITCHED_OFF
from checks.pages import pages
from connections.storage import TABLES
from findings.model import FindingState, RunRecord, RunStatus, Status
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


def shown_in(page: str) -> list[Any]:
    """The JSON examples of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [json.loads(found) for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def test_the_examples_of_the_http_page_have_the_members_that_are_answered() -> None:
    time = datetime(2026, 11, 22, tzinfo=UTC)
    state = FindingState("a", "u", "d", "APW-001", "t", "high", Status.OPEN, time, time, time, time, "f", "s", "r")
    examples = shown_in("http.md")
    (finding,) = next(one["findings"] for one in examples if "findings" in one)
    assert finding.keys() == state.public().keys()
    run = next(one for one in examples if "accounts_done" in one)
    assert run.keys() == RunRecord("r", RunStatus.COMPLETE, time).public().keys()


def test_the_http_page_names_every_function_and_status() -> None:
    text = (DOCS / "http.md").read_text(encoding="utf-8")
    routes = re.findall(
        r'@app\.route\(route="([^"]+)", methods=\[([^\]]*)\]', (ROOT / "function_app.py").read_text("utf-8")
    )
    assert routes
    for route, methods in routes:
        for method in re.findall(r"\w+", methods):
            assert re.search(rf"^\| `{method} /api/{re.escape(route)}[`?]", text, re.MULTILINE), (method, route)
    assert all(f"`{status.value}`" in text for status in RunStatus)


def test_the_json_page_names_every_column_table_and_queue() -> None:
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "reports" / "schema" / "findings.csv.json").read_text(encoding="utf-8"))
    assert ", ".join(f"`{field['name']}`" for field in schema["fields"]) in text.replace("\n", " ")
    assert set(TABLES) == set(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE))
    queues = re.findall(r'queue_name="([^"]+)"', (ROOT / "function_app.py").read_text("utf-8"))
    assert all(f"`{queue}`" in text for queue in queues)


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
    anchored = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text)
    assert [link for link in anchored if link[1] not in _anchors(page.parent / link[0] if link[0] else page)] == []


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
