"""The wheel: one top-level name, everything that the command line reads, and a console script that works from anywhere."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from localgraph.server import LocalGraph
from tests.e2e.conftest import BACKUP, small_tenant

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = [one for one in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] if "/" not in one]
TOP = "app_password_watch"
SCRIPT = f"import sys; from {TOP} import main; sys.exit(main())"
"""What pip writes into the console script."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without the network by the backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture
def tenant() -> Iterator[LocalGraph]:
    with LocalGraph(small_tenant().build()).in_thread() as graph:
        yield graph


def run(installed: Path, folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SERVICE_")}
    return subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(installed), **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_it_has_one_top_level_name_and_every_file_of_its_folders(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    assert {name.partition("/")[0] for name in names} == {TOP, f"{TOP}-{PROJECT['project']['version']}.dist-info"}
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no Git repository")
    moved = "commands/installed.py"  # becomes __init__.py
    tracked = {f"{TOP}/{name}" for name in listed.stdout.split() if (ROOT / name).exists() and name != moved}
    assert tracked | {f"{TOP}/__init__.py", f"{TOP}/docs/questions.md"} == {
        name for name in names if name.startswith(f"{TOP}/")
    }


def test_it_has_every_folder_that_the_command_line_reaches() -> None:
    reached = set(FOLDERS)
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            imported = re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
            reached |= {name for name in imported if (ROOT / name / "__init__.py").exists()}
    assert reached == set(FOLDERS)


def test_it_needs_what_the_requirements_say(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    needed = set(re.findall(r"^Requires-Dist: (.*)$", metadata.read_text(encoding="utf-8"), re.MULTILINE))
    lines = [
        line.partition("#")[0].strip()
        for name in ("requirements.txt", "requirements-cli.txt")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    ]
    assert set(map(str, map(Requirement, needed))) == {str(Requirement(line)) for line in lines if line}


def test_the_backend_is_the_one_that_development_has() -> None:
    development = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert all(
        re.search(rf"^{re.escape(one)}\b", development, re.MULTILINE) for one in PROJECT["build-system"]["requires"]
    )


def test_the_console_script_knows_its_name_and_version(installed: Path, tmp_path: Path) -> None:
    (entries,) = installed.glob("*.dist-info/entry_points.txt")
    assert f"app-password-watch = {TOP}:main" in entries.read_text(encoding="utf-8")
    version = run(installed, tmp_path, "--version")
    assert (version.returncode, version.stdout) == (0, f"app-password-watch {PROJECT['project']['version']}\n")
    assert run(installed, tmp_path, "scan", "--help").stdout.startswith("Usage: app-password-watch scan ")
    assert run(installed, tmp_path, "nonsense").returncode == 2


def test_a_scan_from_another_folder(installed: Path, tmp_path: Path, tenant: LocalGraph) -> None:
    (tmp_path / "settings.py").write_text("raise SystemExit('the wrong settings')\n", encoding="utf-8")
    answer = run(
        installed, tmp_path, "scan", "--no-store", "--format", "html", "--output", "x.html",
        GRAPH_ENDPOINT=tenant.url, SERVICE_ACCOUNTS=BACKUP,
    )  # fmt: skip
    assert answer.returncode == 1, answer.stderr
    assert BACKUP in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_what_is_told_names_the_command_that_there_is(installed: Path, tmp_path: Path) -> None:
    answer = run(installed, tmp_path, "explain")
    assert answer.returncode == 2
    assert "Give an error: app-password-watch explain " in answer.stderr
    assert "cli.py" not in answer.stderr


@pytest.mark.parametrize("command", [("checks", "APW-001"), ("questions", "7"), ("explain", "53003"), ("permissions",)])
def test_pages_are_there(installed: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    answer = run(installed, tmp_path, *command)
    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout) > 100


@pytest.mark.parametrize(
    ("shell", "says"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --no-files")]
)
def test_a_shell_is_told_how_to_complete(installed: Path, tmp_path: Path, shell: str, says: str) -> None:
    answer = run(installed, tmp_path, _APP_PASSWORD_WATCH_COMPLETE=f"{shell}_source")
    assert says in answer.stdout, answer.stderr


def test_options_and_their_values_are_completed(installed: Path, tmp_path: Path) -> None:
    def completed(line: str, place: int) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(place), "_APP_PASSWORD_WATCH_COMPLETE": "bash_complete"}
        return [one.partition(",")[2] for one in run(installed, tmp_path, **words).stdout.split()]

    assert completed("app-password-watch sc", 1) == ["scan"]
    assert completed("app-password-watch scan --fail-on ", 3) == ["low", "medium", "high", "none"]
    assert "--sign-in" in completed("app-password-watch scan --s", 2)
