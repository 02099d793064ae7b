"""What the command line writes, and where: on any console, into any pipe, and into files that nobody else reads."""

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from commands.output import is_colourful, write
from tests.e2e.conftest import BACKUP, Installation, installation, run_cli

__all__ = ["installation"]
ROOT = Path(__file__).parents[2]


def started(*arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL
    )


def test_names_are_written_in_utf8_whatever_the_code_page_is(installation: Installation) -> None:
    out, err = started("scan", "--no-store", PYTHONIOENCODING="cp1252").communicate(timeout=60)
    assert "表示" in out.decode("utf-8"), err
    assert b"Traceback" not in err


def test_a_pipe_that_is_closed_ends_nothing_else(installation: Installation) -> None:
    process = started("scan", "--format", "html")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 1  # what was found is still what it ends with
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert installation.told()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights by folder")
@pytest.mark.parametrize("there_before", [False, True])
def test_what_is_written_only_its_owner_may_read(
    installation: Installation, tmp_path: Path, there_before: bool
) -> None:
    files = [tmp_path / name for name in ("scan.html", "report.html", "findings.csv", "scan.json")]
    if there_before:
        for file in files:
            file.write_text("open to all", encoding="utf-8")
            file.chmod(0o644)
    scan, report, findings, snapshot = map(str, files)
    assert installation.run("scan", "--format", "html", "--output", scan).code == 1
    assert installation.run("report", "--output", report).code == 0
    assert installation.run("findings", "--format", "csv", "--output", findings).code == 0
    assert installation.run("snapshot", "save", snapshot).code == 0
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_device_keeps_its_rights() -> None:
    before = Path(os.devnull).stat().st_mode
    write("x", Path(os.devnull))
    assert Path(os.devnull).stat().st_mode == before


def test_a_dash_is_standard_output(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    installation.scan()
    assert installation.run("report", "--output", "-").out.startswith("<!doctype html>")
    assert "APW-001" in installation.run("findings", "--format", "csv", "--output", "-").out
    assert installation.run("snapshot", "save", "-").out.startswith("{")
    assert list(tmp_path.iterdir()) == []


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "colourful"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colourful: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_colourful(Terminal()) is colourful  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("scan", "--output", "nowhere/report.html"), "there is no folder nowhere"),
        (("scan", "--output", "."), ". is a folder"),
        (("report", "--output", "nowhere/report.html"), "there is no folder nowhere"),
        (("discover", "--output", "nowhere/x.json"), "there is no folder nowhere"),
        (("snapshot", "save", "nowhere/x.json"), "there is no folder nowhere"),
        (("scan", "--account", "svc-backup"), '"svc-backup": write user principal names'),
        (("scan", "--account", "svc-*@contoso.com"), "patterns belong in SERVICE_ACCOUNT_PATTERNS"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_tenant_is_read(
    installation: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    why: str,
) -> None:
    import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    assert why in capsys.readouterr().err
    assert installation.graph.requests == []


def test_a_first_scan_is_told_what_does_without_settings() -> None:
    answer = run_cli("scan")
    assert (answer.code, answer.out) == (2, "")
    assert "SERVICE_ACCOUNT_ATTRIBUTE; or name some with --account, or take what looks like" in answer.err
    assert "to use a managed identity; or keep nothing with --no-store." in answer.err
    assert "--no-store" not in run_cli("findings").err, "which has no such option"


@pytest.mark.parametrize("arguments", [("scan", "--account", BACKUP, "--no-store"), ("checks",), ("permissions",)])
def test_every_command_names_a_setting_that_is_mistyped(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT_PATERNS", "svc-*")
    said = "SERVICE_ACCOUNT_PATERNS is not a setting, so nothing reads it. Did you mean SERVICE_ACCOUNT_PATTERNS?"
    assert said in installation.run(*arguments).err


def test_doctor_names_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT_PATERNS", "svc-*")
    monkeypatch.setenv("GRAPH_ENDPOINT", "http://127.0.0.1:9")
    answer = run_cli("doctor")
    assert (answer.out + answer.err).count("SERVICE_ACCOUNT_PATERNS") == 1


def test_a_snapshot_says_why_it_is_incomplete(installation: Installation, tmp_path: Path) -> None:
    installation.graph.deny("RoleManagement.Read.Directory")
    answer = installation.run("snapshot", "save", str(tmp_path / "x.json"))
    assert answer.code == 3
    assert "Could not read: Directory role assignments: 403" in answer.err


def test_quiet_tells_what_was_found_and_what_went_wrong_and_not_how_it_went(installation: Installation) -> None:
    installation.graph.deny("RoleManagement.Read.Directory")
    loud, quiet = installation.scan("--no-store"), installation.scan("--no-store", "-q")
    assert "Reading the tenant from" in loud.err
    assert [one["visibility"] for one in loud.document["accounts"]] == [
        one["visibility"] for one in quiet.document["accounts"]
    ]
    assert quiet.err.startswith("Could not read: Directory role assignments: 403")
    assert "Reading the tenant from" in installation.scan("--no-store").err, "it holds for one command"
    assert "--nonsense" in installation.run("scan", "-q", "--nonsense").err


def test_verbose_tells_each_request_and_where_an_error_came_from(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = logging.getLogger("httpx")
    monkeypatch.setattr(requests, "handlers", [])
    level = requests.level
    answer = installation.scan("--no-store", "-v")
    requests.setLevel(level)
    assert "HTTP Request: GET" in answer.err
    assert "HTTP Request" not in answer.out
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    assert "Traceback" in installation.run("scan", "-v").err
    answer = installation.run("scan")
    assert (answer.code, "Traceback" in answer.err) == (2, False)


def test_a_summary_is_short_and_only_a_table(installation: Installation) -> None:
    answer = installation.run("scan", "--no-store", "--summary")
    assert answer.code == 1
    assert BACKUP not in answer.out
    assert "Accounts" in answer.out
    wrong = installation.run("scan", "--no-store", "--summary", "--format", "json")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--summary" in wrong.err
