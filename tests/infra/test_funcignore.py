"""The package: what a deployed app needs is in it, and nothing else."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pathspec import GitIgnoreSpec

from devtools import package

ROOT = Path(__file__).parents[2]
IGNORED = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text(encoding="utf-8").splitlines())


def tracked() -> list[str]:
    """Files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("the files of the repository are known to git only, and this is a copy without it")
    return listed.stdout.splitlines()


def packaged() -> set[str]:
    return {file for file in tracked() if not IGNORED.match_file(file)}


def modules_that_run() -> set[str]:
    """Every module of the project that function_app.py imports, directly or not, as files."""
    found: set[str] = set()
    waiting = ["function_app.py"]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                base = ROOT.joinpath(*name.split("."))
                candidates = (base.with_suffix(".py"), base / "__init__.py")
                waiting += [str(one.relative_to(ROOT)) for one in candidates if one.is_file()]
    return found


def test_everything_that_runs_is_packaged() -> None:
    missing = {file for file in modules_that_run() if IGNORED.match_file(file)}
    assert missing == set()
    assert {"function_app.py", "host.json", "requirements.txt"} <= packaged()


def test_data_beside_the_code_is_packaged() -> None:
    packages = {file.split("/")[0] for file in modules_that_run() if "/" in file}
    data = {file for file in tracked() if file.split("/")[0] in packages and not file.endswith(".py")}
    assert data
    assert data <= packaged()


@pytest.mark.parametrize(
    "place",
    [
        *(
            "tests/",
            "commands/",
            "demo/",
            "localgraph/",
            "bench/",
            "soak/",
            "mutants/",
            "devtools/",
            "docs/",
            "infra/",
            ".ci/",
            ".github/",
        ),
        *(
            "cli.py",
            "dev.py",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "README.md",
            "LICENSE",
            "pyproject.toml",
        ),
        *(".editorconfig", ".pre-commit-config.yaml", ".gitignore", ".funcignore"),
    ],
)
def test_what_only_people_and_developers_need_stays_out(place: str) -> None:
    assert [file for file in tracked() if file.startswith(place)]
    assert not [file for file in packaged() if file.startswith(place)]


def test_package_holds_code_and_what_stands_beside_it_only() -> None:
    packages = {file.split("/")[0] for file in modules_that_run() if "/" in file}
    loose = {file for file in packaged() if file.split("/")[0] not in packages}
    assert loose == {"function_app.py", "host.json", "requirements.txt"}


@pytest.mark.parametrize(
    "file",
    [
        ".azure/contoso/.env",
        ".env",
        ".git/config",
        ".venv/bin/python",
        "checks/__pycache__/judge.cpython-313.pyc",
        "local.settings.json",
        "app-password-watch_env/bin/python",
        *("teams.txt", "webhook-url.txt", "webhook-secret.txt", "trust.json", "accounts.json", "exception.json"),
    ],
)
def test_secrets_and_leftovers_stay_out(file: str) -> None:
    assert IGNORED.match_file(file)


PLANTED = [
    "{}report.html",
    "{}report.json",
    "{}report.csv",
    "{}findings.csv",
    "{}report.ocsf.jsonl",
    "{}scan.json",
    "{}contoso.snapshot.json",
    "{}scan.html",
]
"""What people make with the command line, named as the pages name it."""


@pytest.mark.parametrize("folder", ["", "reports/"])
@pytest.mark.parametrize("name", PLANTED)
def test_what_was_read_of_a_tenant_lands_neither_in_the_package_nor_in_git(name: str, folder: str) -> None:
    file = name.format(folder)
    assert IGNORED.match_file(file)
    assert GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()).match_file(file)


@pytest.mark.parametrize(
    "file",
    [
        f"{package}/contoso.{end}"
        for package in ("checks", "reports/schema", "jobs", "alerts/templates")
        for end in ("json", "html", "csv", "txt")
    ],
)
def test_the_package_takes_nothing_but_what_is_named(file: str) -> None:
    assert IGNORED.match_file(file)


def test_git_still_sees_every_file_of_the_repository() -> None:
    ignored = GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert [file for file in tracked() if ignored.match_file(file)] == []


def test_planted_reports_stay_out_of_a_package_that_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    expected = packaged()
    for file in {*expected, ".funcignore"}.intersection([*tracked(), ".funcignore"]):
        if (ROOT / file).is_file():
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, project / file)
    for planted in (name.format(folder) for name in PLANTED for folder in ("", "reports/", "checks/texts/", "jobs/")):
        (project / planted).write_text("tenant data", encoding="utf-8")
    monkeypatch.setattr(package, "ROOT", project)
    package.copy_app(tmp_path / "out")
    built = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert built == expected


def test_libraries_built_beside_the_code_go_along() -> None:
    assert not IGNORED.match_file(".python_packages/lib/site-packages/httpx/__init__.py")


def test_files_that_the_docs_have_people_make_are_no_part_of_the_repository() -> None:
    pages = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("deploy.md", "http.md"))
    named = set(re.findall(r"(?:--file |@)([\w-]+\.(?:txt|json))", pages))
    assert named >= {"teams.txt", "trust.json", "exception.json"}
    ignored = GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    for file in named:
        assert ignored.match_file(file), file
        assert IGNORED.match_file(file), file
