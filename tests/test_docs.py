"""The documentation says what the code does."""

import ast
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

import cli
from checks.catalog import CHECKS, SWITCHED_OFF
from checks.pages import pages
from connections.storage import TABLES
from findings import contents, lease, rate, waiting
from findings.model import FindingState, Status
from findings.run_record import RunRecord, RunStatus
from findings.runs import RUN
from findings.seen import SEEN
from findings.sight_store import SIGHT
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


def test_the_json_page_names_every_partition_of_the_runs() -> None:
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `runs` \| ([^|]+) \|", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {
        *(RUN, lease.PARTITION, SIGHT, SEEN, waiting.PARTITION, contents.PARTITION, rate.PARTITION)
    }


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
    anchored = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text)
    assert [link for link in anchored if link[1] not in _anchors(page.parent / link[0] if link[0] else page)] == []


def test_the_readme_leads_to_every_page() -> None:
    led_to, ahead = set[Path](), {ROOT / "README.md"}
    while ahead:
        page = ahead.pop()
        led_to.add(page)
        found = re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        ahead |= {(page.parent / one).resolve() for one in found} - led_to
    assert {page.name for page in DOCS.glob("*.md")} - {page.name for page in led_to} == set()


def test_the_readme_shows_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^python cli\.py (\w+)", readme, re.MULTILINE))
    assert shown == {command.name for command in cli.COMMANDS}


OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]+")


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_shows_exists(page: Path) -> None:
    for line in re.findall(r"cli\.py ([a-z][^`\n]*)", page.read_text(encoding="utf-8")):
        words = re.sub(r"\s#\s.*|[\"'].*", "", line).split()
        names, known = _options(cli.LINE, words)
        assert names, f"{page.name}: there is no cli.py {line}"
        assert {option for option in OPTION.findall(" ".join(words)) if option not in known} == set(), line


def _options(command: click.Command, words: list[str]) -> tuple[list[str], set[str]]:
    """The names of the command that ``words`` begin with, and the options that it and the commands above it take."""
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    name = words[0].strip(".,:;)") if words else ""
    if isinstance(command, click.Group) and name in command.commands:
        names, more = _options(command.commands[name], words[1:])
        return [name, *names], known | more
    return [], known


def test_the_changelog_says_nothing_twice() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^[ -] [^\n]*\n\n(- [^\n]*)", text, re.MULTILINE) == [], "an empty line cuts a list in two"
    entries = [" ".join(one.split()) for one in re.split(r"^- ", text, flags=re.MULTILINE)[1:]]
    first = [re.split(r"(?<=[.:;]) ", one)[0] for one in entries]
    assert sorted({one for one in first if first.count(one) > 1}) == []


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = {file.parent.name for file in ROOT.glob("*/__init__.py")}
MADE_BY_PEOPLE = {"infra/parameters.json", ".github/workflows/scan.yml"}
"""Files that the pages tell people to make."""


def paths_in(text: str) -> set[str]:
    """What stands in code quotes and is a file or a folder of the project."""
    spans = set(re.findall(r"`([\w.-]+(?:/[\w.-]*)*)`", text))
    tops = {path.name for path in ROOT.iterdir() if path.is_dir()}
    return {
        span for span in spans if re.search(r"\.py$|\.md$", span) or (span.partition("/")[0] in tops and "/" in span)
    }


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = paths_in(page.read_text(encoding="utf-8"))
    assert {path for path in named if not (ROOT / path).exists()} <= MADE_BY_PEOPLE


def test_every_function_that_contributing_names_is_in_its_file() -> None:
    named = re.findall(r"`([A-Za-z_][\w.]*)`\s+\(`([\w/]+\.py)`\)", CONTRIBUTING)
    assert len(named) > 30
    assert [(name, file) for name, file in named if name not in _defined_in(file)] == []


def _defined_in(file: str) -> set[str]:
    """Functions, classes, and methods as ``Class.method``."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return found | {
        f"{one.name}.{method.name}"
        for one in tree.body
        if isinstance(one, ast.ClassDef)
        for method in one.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_contributing_says_what_every_folder_is_for() -> None:
    table = CONTRIBUTING.partition("## What each folder is for")[2].partition("\n## ")[0]
    explained = {
        name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in re.findall(r"(\w+)/", row)
    }
    assert explained == FOLDERS | {"tests", "infra", "docs"}


def test_the_picture_of_imports_is_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    picture = re.findall(r"```\n(.*?)```", CONTRIBUTING, re.DOTALL)[1]
    beside = FOLDERS - {name for layer in layers for name in layer.split(" | ")}
    drawn = [[name for name in re.findall(r"(\w+)/", line) if name not in beside] for line in picture.splitlines()]
    assert [set(line) for line in drawn] == [set(layer.split(" | ")) for layer in layers]


def test_the_tests_lie_in_the_folders_that_they_test() -> None:
    folders = {file.parent.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").glob("*/**/test_*.py")}
    assert folders == FOLDERS - {"bench"} | {"e2e", "fuzz", "infra", "mutations"}
