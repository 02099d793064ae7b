"""The command line as a whole: every command is there, and it starts from anywhere."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cli

ROOT = Path(__file__).parents[2]
COMMANDS = [module.__name__.partition(".")[2] for module in cli.COMMANDS]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_file_of_commands_that_adds_one_is_shown() -> None:
    files = (file.stem for file in (ROOT / "commands").glob("*.py"))
    adding = {name for name in files if hasattr(import_module(f"commands.{name}"), "add")}
    assert set(COMMANDS) == adding
    assert len(COMMANDS) == len(adding)


def test_help_names_every_command_also_from_another_folder(tmp_path: Path) -> None:
    answer = run(tmp_path, "--help")
    assert answer.returncode == 0, answer.stderr
    shown = [line.split()[0] for line in answer.stdout.splitlines() if line.startswith("    ") and line.strip()]
    assert [name for name in shown if name in COMMANDS] == COMMANDS


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("alerts",), ("scan", "--nonsense")])
def test_what_is_no_command_shows_how_it_is_used(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: cli.py")
