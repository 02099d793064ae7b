"""Documentation for administrators: what it names exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, parsed, resource
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
    filled_in_by_the_reader = {"APP_ID", "GROUP_OBJECT_ID", "OBJECT_ID", "TENANT_ID"}
    short = {"RESOURCE_GROUP": "AZURE_RESOURCE_GROUP"}
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL):
        shell = re.sub(r"\$\{?(?:env:)?\w+|\b[A-Z_]+=|azd env set \w+|name=\w+", "", block)
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


BASH_ONLY = re.compile(r"\\$|&&|\$\(|\$\{|^\w+=\S+ |^for |^cp |\.sh\b|\| base64|<<", re.MULTILINE)
"""What PowerShell doesn't understand, as far as these pages need it."""
BLOCK = re.compile(r"^([^\n]*)\n\n?```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


EVERY_PAGE = ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
FOR_WINDOWS = re.compile(r"[()&|<>^%]")
"""What the batch file that ``az`` is on Windows takes for its own, whatever quotes PowerShell was given around it.

Source: https://github.com/Azure/azure-cli/issues/8506, https://github.com/Azure/azure-cli/issues/14783.
"""


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_command_works_in_powershell_or_stands_there_for_both(page: str) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks or page not in {"README.md", "docs/deploy.md", "docs/operations.md"}
    for number, (before, language, block) in enumerate(blocks):
        if language or not BASH_ONLY.search(block):
            continue
        assert "bash" in before, f"{page}: say that this is for bash:\n{block}"
        assert blocks[number + 1][1] == "powershell", f"{page}: and for PowerShell?\n{block}"


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_script_for_bash_is_never_named_without_the_one_for_powershell(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for paragraph in re.split(r"\n\n|\n(?=\||- )", text):
        for script in re.findall(r"`(?:infra/)?([\w-]+)\.sh [^`]*`", paragraph):
            assert f"{script}.ps1 " in paragraph, paragraph


def test_the_step_that_a_deployment_ends_with_is_for_both_shells() -> None:
    text = (INFRA / "resources.bicep").read_text(encoding="utf-8")
    (step,) = re.findall(r"^output nextStep .*$", text, re.MULTILINE)
    assert "infra/grant-permissions.sh --identity" in step
    assert "./infra/grant-permissions.ps1 -Identity" in step


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_command_for_az_holds_what_its_batch_file_on_windows_takes_for_its_own(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block for _, language, block in BLOCK.findall(text) if not language and not BASH_ONLY.search(block)]
    commands = re.findall(r"^az .*$", "\n".join(blocks), re.MULTILINE) + re.findall(r"`(az [^`\n]*)`", text)
    assert [command for command in commands if FOR_WINDOWS.search(command)] == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_command_has_a_bare_comma_of_which_powershell_makes_several_words(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block for _, language, block in BLOCK.findall(text) if not language and not BASH_ONLY.search(block)]
    lines = "\n".join(blocks).splitlines() + re.findall(r"`((?:az|azd|gh|python3?) [^`\n]*)`", text)
    commands = [line.partition(" # ")[0] for line in lines if re.match(r"(?:az|azd|gh|git|python3?) ", line)]
    assert [command for command in commands if "," in re.sub(r"\"[^\"]*\"|'[^']*'", "", command)] == []


def test_a_newcomer_on_windows_is_told_what_python_is_called_there() -> None:
    for page in ("README.md", "docs/deploy.md", "docs/operations.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "`python` on Windows" in text.partition("python3 dev.py")[0] + text.partition("```")[0], page


def test_the_way_to_the_first_card_has_at_most_ten_steps_each_with_what_one_sees() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    steps = re.split(r"^## (?=\d+\. )", page.partition("\n---\n")[0], flags=re.MULTILINE)[1:]
    assert [int(step.partition(".")[0]) for step in steps] == [*range(1, len(steps) + 1)]
    assert len(steps) <= 10
    assert [step.splitlines()[0] for step in steps if "you see:" not in step.lower()] == []


def test_wherever_the_administrator_is_named_it_is_said_that_by_default_it_is_whoever_deploys() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = [one for one in re.split(r"\n\n|\n(?=- )", text) if "administratorPrincipalId" in one]
    assert named
    assert [one for one in named if "whoever deployed" not in one] == []


def test_who_upgrades_is_told_what_becomes_of_sign_in_and_of_what_starts_scans() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.partition("### An older installation")[2].partition("\n## ")[0]
    login = set(resource("app.bicep", "authentication").body["properties"]["login"]) - {"tokenStore"}
    schedules = set(re.findall(r"\b\w+_SCHEDULE\b", (INFRA / "resources.bicep").read_text("utf-8"))) - {"SCAN_SCHEDULE"}
    assert login
    assert schedules
    assert [name for name in (*login, *schedules) if name not in table] == []


def test_nobody_is_sent_to_the_command_that_builds_in_azure_whatever_it_is_told() -> None:
    for page in PAGES:
        for block in re.findall(r"^```.*?^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            assert "config-zip" not in block, page.name


def test_whose_reference_is_mended_is_told_how_the_app_hears_of_it() -> None:
    """References are read once a day: mended and not fetched, a channel stays broken until then."""
    from settings.problems import unresolved

    assert "docs/deploy.md, step 6" in unresolved("TEAMS_WEBHOOK_URL")
    step = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## 6. ")[2].partition("\n## ")[0]
    assert "configreferences/appsettings/refresh" in step


def test_who_sets_a_deleted_secret_again_is_told_to_recover_it_first() -> None:
    """The vault keeps a deleted secret, and with it the name, for a week: setting it is refused until then."""
    from alerts.channel import set_again
    from settings.problems import unresolved

    for said in (set_again("teams"), set_again("webhook"), unresolved("TEAMS_WEBHOOK_URL")):
        assert "recovered" in said
        assert "docs/deploy.md, step 6" in said
    step = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## 6. ")[2].partition("\n## ")[0]
    assert "az keyvault secret recover --vault-name KEY_VAULT_NAME --name" in step
    for page in PAGES:
        for row in re.findall(
            r"^.*(?:delete (?:its|the) secret|secret was deleted).*$", page.read_text("utf-8"), re.MULTILINE
        ):
            assert "recover" in row, f"{page.name}: {row}"


def test_nobody_is_told_to_restart_the_app_for_a_secret() -> None:
    for page in PAGES:  # for a permission it helps: the token goes with the process
        assert not re.search(r"restart the app(?! and wait an hour)", page.read_text(encoding="utf-8")), page.name


def test_messages_that_are_explained_are_still_written() -> None:
    said_by_azure = {
        "Key based authentication",
        "RoleAssignmentExists",
        "Authorization failed",
        "MissingSubscription",
        "403 Auth",
        "403 … required scopes",
        "This request is not authorized",
        "az rest",
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
