"""Documentation for administrators: what it names exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, parsed
from tests.infra.update_generated import with_parameters

ROOT = INFRA.parent
PAGES = [
    ROOT / "docs" / f"{name}.md"
    for name in ("cost", "deploy", "limits", "national-clouds", "operations", "security", "troubleshooting")
]
OUTPUTS = set(parsed(INFRA / "main.bicep")["outputs"])
PARAMETERS = set(parsed(INFRA / "main.bicep")["parameters"])


def heading_anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_table_of_parameters_is_current() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert page == with_parameters(page), "run python -m tests.infra.update_generated"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), target
        assert not anchor or anchor in heading_anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    made_by_the_reader = {"infra/parameters.json"}
    for named in re.findall(r"\b(?:infra|docs|checks)/[\w./-]+\.\w+", page.read_text(encoding="utf-8")):
        assert named in made_by_the_reader or (ROOT / named).exists(), named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_outputs_that_are_named_exist(page: Path) -> None:
    filled_in_by_the_reader = {"APP_ID", "GROUP_OBJECT_ID", "OBJECT_ID", "TENANT_ID", "PREVIOUS_TAG_OR_COMMIT"}
    short = {"RESOURCE_GROUP": "AZURE_RESOURCE_GROUP"}
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL):
        shell = re.sub(r"\$\{?\w+|\b[A-Z_]+=|azd env set \w+|name=\w+", "", block)
        for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", shell):
            assert short.get(word, word) in OUTPUTS | filled_in_by_the_reader, word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_parameters_that_are_set_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    graph = {name for file in (INFRA / "graph").glob("*.bicep") for name in parsed(file)["parameters"]}
    for name in re.findall(r"--parameters (\w+)=|^ +(\w+Id)=", text, re.MULTILINE):
        assert set(name) & (PARAMETERS | graph), name
    environment = set(re.findall(r"\$\{(\w+)", (INFRA / "main.parameters.json").read_text(encoding="utf-8")))
    for name in re.findall(r"azd env set (\w+)", text):
        assert name in environment, name


def test_every_option_of_the_script_that_is_shown_exists() -> None:
    script = (INFRA / "grant-permissions.sh").read_text(encoding="utf-8")
    for page in PAGES:
        for line in re.findall(r"grant-permissions\.sh(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            for option in re.findall(r"--[\w-]+", line):
                assert f"{option})" in script, option


def test_zip_of_the_docs_leaves_out_what_the_package_leaves_out() -> None:
    left_out = set(re.findall(r"':!(\w+)'", (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")))
    ignored = {line.strip("/") for line in (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()}
    assert left_out <= ignored
    assert {"tests", "docs", "infra", "demo"} <= left_out


def test_messages_that_are_explained_are_still_written() -> None:
    said_by_azure = {
        "Key based authentication",
        "RoleAssignmentExists",
        "Authorization failed",
        "MissingSubscription",
        "403 Auth",
        "403 … required scopes",
    }
    written = [
        node.value
        for file in [*ROOT.glob("*.py"), *ROOT.glob("[!.]*/*.py")]
        if file.parent.name != "tests"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    explained = [
        cell for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for cell in re.findall(r"`([^`]+)`", row)
    ]
    messages = [one for one in explained if " " in one and not one.startswith(tuple(said_by_azure))]
    assert len(messages) > 15
    for message in messages:
        for part in message.split("…"):
            assert any(part.strip() in text for text in written), f"no code says {part.strip()!r} any more"
