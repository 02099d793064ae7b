"""What surrounds the code: CI, the hook before a commit, the editor, the changelog, templates."""

import configparser
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pathspec import GitIgnoreSpec

import dev

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS: list[dict[str, Any]] = [step for job in JOBS.values() for step in job["steps"]]
INFRA = ROOT / "infra"


def tracked() -> list[Path]:
    """Files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("the files of the repository are known to git only, and this is a copy without it")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_every_yaml_file_can_be_read() -> None:
    found = [file for file in tracked() if file.suffix in {".yml", ".yaml"}]
    assert {"ci.yml", "azure.yaml", ".pre-commit-config.yaml"} <= {file.name for file in found}
    for file in found:
        assert yaml.safe_load(file.read_text(encoding="utf-8")), file


def test_ci_tests_the_oldest_python_and_every_one_that_the_app_can_run_on() -> None:
    matrix = JOBS["test"]["strategy"]["matrix"]["python"]
    oldest = ".".join(map(str, dev.OLDEST))
    assert matrix[0] == oldest == PROJECT["tool"]["mypy"]["python_version"]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    allowed = re.search(
        r"@allowed\(\[([^\]]*)\]\)\s*param pythonVersion", (INFRA / "main.bicep").read_text(encoding="utf-8")
    )
    assert allowed
    deployed = set(re.findall(r"'([\d.]+)'", allowed.group(1)))
    assert deployed
    assert deployed <= set(matrix)


def test_ci_does_what_everybody_can_do_here() -> None:
    assert [step["run"] for step in JOBS["test"]["steps"] if "run" in step] == ["bash .ci/run"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("exec python3 dev.py test")


def test_ci_may_only_read_and_uses_named_versions_of_actions() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not [name for name, job in JOBS.items() if "permissions" in job]
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []
    assert all(step["with"]["persist-credentials"] is False for step in STEPS if "checkout" in step.get("uses", ""))


def test_ci_compiles_every_entry_of_the_infrastructure() -> None:
    (script,) = (step["run"] for step in JOBS["bicep"]["steps"] if "for entry in" in step.get("run", ""))
    globs = re.findall(r"infra/\S+\.bicep", script)
    compiled = {file for glob in globs for file in ROOT.glob(glob)}
    every = set(INFRA.rglob("*.bicep"))
    assert {file for file in every if file.parent.name != "modules"} == compiled
    used = {
        (file.parent / name).resolve()
        for file in compiled
        for name in re.findall(r"^module \w+ '([^']+)'", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert every - compiled <= used, "neither compiled nor used by what is"


def test_the_hook_before_a_commit_runs_the_linters_of_dev_py() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["entry"], hook["pass_filenames"]) == ("local", "python3 dev.py lint", False)


def test_files_are_written_as_the_editor_is_told() -> None:
    told = configparser.ConfigParser()
    told.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    assert (told["top"]["root"], told["*"]["end_of_line"], told["*"]["charset"]) == ("true", "lf", "utf-8")
    assert told["*.py"]["max_line_length"] == str(PROJECT["tool"]["ruff"]["line-length"])
    for file in tracked():
        if file.suffix == ".png":
            continue
        text = file.read_bytes().decode("utf-8")
        assert "\r" not in text, file
        assert not text or text.endswith("\n"), file
        assert not re.search(r"[ \t]$", text, re.MULTILINE), file
        assert not re.search(r"^ *\t", text, re.MULTILINE), file


def test_git_keeps_what_belongs_here_and_ignores_what_tools_leave() -> None:
    ignored = GitIgnoreSpec.from_lines((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert [file for file in tracked() if ignored.match_file(file.relative_to(ROOT).as_posix())] == []
    for left in (".venv/bin/python", "checks/__pycache__/judge.pyc", ".coverage", "local.settings.json", "out/x"):
        assert ignored.match_file(left)


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert versions[0] == ("Unreleased", "")
    assert all(date for _, date in versions[1:])
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_template_of_an_issue_is_offered() -> None:
    templates = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"))
    assert templates
    for template in templates:
        _, head, body = template.read_text(encoding="utf-8").split("---\n", 2)
        assert yaml.safe_load(head).keys() >= {"name", "about"}
        assert body.strip()


def test_commands_in_these_pages_exist() -> None:
    import cli

    known = {command.name for command in cli.COMMANDS}
    for page in [ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *(ROOT / ".github").rglob("*.md")]:
        named = set(re.findall(r"cli\.py ([a-z]+)", page.read_text(encoding="utf-8")))
        assert named <= known, page
