"""The README's commands, copied, on the demo that is left running."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.__main__ import settings_line
from tests.e2e.conftest import run_cli

ROOT = Path(__file__).parents[2]
BLOCK = (ROOT / "README.md").read_text(encoding="utf-8").partition("## From a terminal")[2].partition("\n## ")[0]
COMMANDS = [line for line in BLOCK.partition("```\n")[2].partition("```")[0].splitlines() if line]
QUICK = """
import sys
import demo.__main__, tenant.turns
tenant.turns.SECONDS = tenant.turns.CONDITIONAL_ACCESS_SECONDS = 0.0  # this Graph has no limits
sys.exit(demo.__main__.main(["--keep"]))
"""
SOON = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
CODES = {"scan": {1}, "doctor": {0, 1}, "permissions": {0, 1}, "snapshot": {0, 3}, "discover": {3}}
"""The demo company has findings of high severity, an account that can't be read and a group that hides who is in it; its doctor has something to say."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The settings that a demo prints which is left running."""
    log = tmp_path_factory.mktemp("demo") / "out"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", QUICK],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=out,
            env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUNBUFFERED": "1"},
            encoding="utf-8",
        )
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith(("export ", "$env:")))
            yield dict(one.partition("=")[::2] for one in shlex.split(line)[1:])
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.close()
            process.wait(30)


def test_the_settings_are_one_line_for_each_shell() -> None:
    settings = {"A": "svc-*", "B": "it's; x"}
    line = settings_line(settings, powershell=False)
    shown = subprocess.run(
        ["bash", "-c", f'{line}; printf "%s|%s" "$A" "$B"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "svc-*|it's; x"
    assert settings_line(settings, powershell=True) == "$env:A = 'svc-*'; $env:B = 'it''s; x'"


@pytest.mark.skipif(sys.platform == "win32", reason="reads the line for bash")
def test_every_command_of_the_readme_works_as_it_stands(
    kept: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(COMMANDS) > 12
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    for command in COMMANDS:
        command = re.sub(r"20\d\d-\d\d-\d\d", SOON, command)
        program, file, *arguments = shlex.split(re.sub(r"\s+# .*", "", command))
        assert (program, file) == ("python", "cli.py")
        answer = run_cli(*arguments)
        assert answer.code in CODES.get(arguments[0], {0}), (command, answer.err)
        assert "Traceback" not in answer.err
    assert (tmp_path / "report.html").stat().st_mode & 0o077 == 0
