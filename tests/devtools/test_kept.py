"""``dev.py scan``: what it makes, what it runs, and where what it finds is kept."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devtools import processes, tasks
from devtools.environment import RUNTIME, Environment
from devtools.kept import data_folder, folder_for, only_one
from localgraph.server import LocalGraph
from tests.e2e.conftest import small_tenant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "home/.local/share/app-password-watch"),
        ("linux", {"XDG_DATA_HOME": "data"}, "data/app-password-watch"),
        ("darwin", {}, "home/Library/Application Support/app-password-watch"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/app-password-watch"),
        ("win32", {}, "home/AppData/Local/app-password-watch"),
    ],
)
def test_data_is_kept_where_the_platform_keeps_a_users_data(
    platform: str, variables: dict[str, str], folder: str
) -> None:
    assert data_folder(platform, variables, Path("home")) == Path(folder)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("contoso.com", "contoso.com"), ("Contoso.COM", "contoso.com"), ("../../etc", "_.._etc"), ("", "default")],
)
def test_each_tenant_has_a_folder_of_its_own_that_nobody_else_reads(tmp_path: Path, name: str, folder: str) -> None:
    made = folder_for(name, tmp_path / "data")
    assert made == tmp_path / "data" / folder
    if os.name == "posix":
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_only_one_uses_a_folder_at_a_time(tmp_path: Path) -> None:
    with only_one(tmp_path) as first, only_one(tmp_path) as second:
        assert (first, second) == (True, False)
    with only_one(tmp_path) as again:
        assert again


@pytest.mark.parametrize(
    ("arguments", "module", "azurite"),
    [
        (("--sign-in", "browser"), ("devtools.quiet", "cli"), False),
        (("--keep",), ("devtools.kept", "default", "cli"), True),
        (("--keep", "--tenant", "contoso.com"), ("devtools.kept", "contoso.com", "cli"), True),
        (("--tenant=contoso.com", "--keep"), ("devtools.kept", "contoso.com", "cli"), True),
    ],
)
def test_a_scan_needs_azurite_only_where_something_is_kept(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], module: tuple[str, ...], azurite: bool
) -> None:
    made, ran = [], []

    def make(requirements: Sequence[str], *, azurite: bool) -> Environment:
        made.append((requirements, azurite))
        return Environment("python", {})

    def run(command: Sequence[str], **_: object) -> int:
        ran.append(tuple(command))
        return 0

    monkeypatch.setattr(tasks, "make_environment", make)
    monkeypatch.setattr(processes, "run", run)
    assert tasks.run_task(["scan", *arguments], "") == 0
    others = tuple(one for one in arguments if one != "--keep")
    assert made == [(RUNTIME, azurite)]
    assert ran == [("python", "-m", *module, "scan", "--propose", "--open", *others)]


@pytest.fixture
def tenant_url() -> Iterator[str]:
    with LocalGraph(small_tenant().build()).in_thread() as graph:
        yield graph.url


def test_the_second_scan_says_what_changed_since_the_first(tmp_path: Path, tenant_url: str) -> None:
    variables = {
        **os.environ,
        "GRAPH_ENDPOINT": tenant_url,
        "SERVICE_ACCOUNT_PATTERNS": "svc-*",
        "XDG_DATA_HOME": str(tmp_path),
        "LOCALAPPDATA": str(tmp_path),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "devtools.kept", "contoso.com", "cli"]

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    first = run("scan", "--format", "json")
    assert first.returncode == 1, first.stderr
    assert "What is found is kept in" in first.stderr
    later = run("findings")
    assert later.returncode == 0, later.stderr
    assert " svc-backup " in later.stdout
    folder = tmp_path / "app-password-watch" / "contoso.com"
    with only_one(folder) as free:  # nothing of it is left running
        assert free
