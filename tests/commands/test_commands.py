"""The command line as a whole: every command is there, it starts from anywhere and at once, and what is no command is told in words."""

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from checks.model import Severity
from commands import main as main_module
from commands.line.parts import SEVERITIES, WAYS, Command, Options, Work
from tenant.person import Way
from tests.e2e.conftest import run_cli

ROOT = Path(__file__).parents[2]
COMMANDS = [command.name for command in cli.COMMANDS]
LIGHT = {"click", "commands", "basics", "cli"}
"""What help and completion may import, besides what comes with Python."""


def run(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )


def every(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """A command and everything below it, by what is typed."""
    yield name, command
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from every(inner, f"{name} {inner.name}".strip())


EVERY = dict(every(cli.LINE))
WORKING = {name: command for name, command in EVERY.items() if command.callback}


def work_of(command: click.Command) -> Work:
    assert command.callback
    given = {parameter.name: None for parameter in command.params if parameter.name != "help"}
    work: Work = command.callback(**given)
    return work


def test_help_names_every_command_also_from_another_folder(tmp_path: Path) -> None:
    answer = run(tmp_path, "--help")
    assert answer.returncode == 0, answer.stderr
    shown = [line.split()[0] for line in answer.stdout.splitlines() if line.startswith("  ") and line.strip()]
    assert [name for name in shown if name in COMMANDS] == COMMANDS


@pytest.mark.parametrize("name", WORKING)
def test_every_command_has_help_and_a_function_that_does_it(name: str) -> None:
    help = run_cli(*name.split(), "--help")
    assert (help.code, help.err) == (0, "")
    assert help.out.startswith(f"Usage: cli.py {name} ")
    assert max(map(len, help.out.splitlines())) <= 80
    assert run_cli(*name.split(), "-h").out == help.out
    assert inspect.iscoroutinefunction(work_of(WORKING[name]).function())


@pytest.mark.parametrize("name", WORKING)
def test_every_command_can_be_told_to_say_less_or_more(name: str) -> None:
    options = {option for parameter in WORKING[name].params for option in parameter.opts}
    assert {"-q", "--quiet", "-v", "--verbose"} <= options


def test_words_that_stand_here_so_that_help_is_quick_are_those_of_the_app() -> None:
    assert list(SEVERITIES) == sorted((level.value for level in Severity), key=lambda level: Severity(level).rank)
    assert list(WAYS) == [way.value for way in Way]


@pytest.mark.parametrize("arguments", ["--help", "scan --help", "--version", "nonsense"])
def test_what_only_talks_of_the_command_line_imports_nothing_of_the_app(arguments: str) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import cli; before = set(sys.builtin_module_names); "
        f"cli.main({arguments.split()!r}); print(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(ROOT)], capture_output=True, text=True, check=True)
    imported = set(done.stderr.splitlines()[-1].split())
    ours = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}
    assert imported & (ours | {"azure", "msgraph", "pydantic", "rich", "asyncio", "jinja2"}) <= LIGHT


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_project(option: str, tmp_path: Path) -> None:
    answer = run(tmp_path, option)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f'version = "{answer.stdout.removeprefix("app-password-watch ").strip()}"' in (
        ROOT / "pyproject.toml"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("alerts",),
        ("scan", "--nonsense"),
        ("scan", "too", "many"),
        ("scan", "--fail-on", "never"),
        ("scan", "--format"),
        ("scan", "--tenant", "not a tenant"),
        ("forget", "svc-a@contoso.com", "--yes", "--dry-run"),
        ("forget",),
        ("compensate", "svc-a@contoso.com"),
        ("compensate", "svc-a@contoso.com", "--location", "Office", "--address", "203.0.113.7"),
        ("compensate", "svc-a@contoso.com", "--address", "here"),
        ("questions", "13"),
        ("exceptions", "remove"),
        ("exceptions", "remove", "abc", "--account", "svc-a@contoso.com"),
        ("exceptions", "remove", "abc", "--check", "APW-001"),
        ("findings", "--history"),
        ("findings", "--history", "--account", "svc-a@contoso.com", "--format", "csv"),
        ("explain", "AADSTS53003", "--sign-in", "browser"),
        ("scan", "--account", "svc-a@contoso.com", "--no-store", "--tenant", "contoso.com"),
        ("doctor", "--deployed", "--sign-in", "browser"),
        ("simulate",),
        ("exchange", "import"),
        ("exchange", "import", "x.csv", "--taken", "2999-01-01"),
    ],
)
def test_what_is_called_wrongly_ends_with_2_and_says_why(arguments: tuple[str, ...]) -> None:
    answer = run_cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(("Usage: cli.py", "Error: ", "--check goes with --account", "Say what to simulate"))
    assert "Traceback" not in answer.err
    assert "your attention" not in answer.err, "no setting is wrong"


def test_what_is_missing_is_called_what_help_calls_it() -> None:
    assert "one of ID and --account is needed" in run_cli("exceptions", "remove").err


@pytest.mark.parametrize("name", WORKING)
def test_every_option_says_what_it_is_for(name: str) -> None:
    silent = [one.opts[-1] for one in WORKING[name].params if isinstance(one, click.Option) and not one.help]
    assert silent == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("start", ["import cli", "from commands.installed import main; sys.exit(main())"])
def test_ending_it_while_it_starts_is_no_error(start: str) -> None:
    program = (
        "import builtins, sys; sys.path.insert(0, sys.argv.pop(1)); real = builtins.__import__\n"
        "def stopped(name, *rest, **more):\n"
        "    if name == 'click':\n        raise KeyboardInterrupt\n"
        "    return real(name, *rest, **more)\n"
        f"builtins.__import__ = stopped\n{start}"
    )
    done = subprocess.run([sys.executable, "-c", program, str(ROOT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ("scan --account svc-a@contoso.com", True),
        ("scan --account svc-a@contoso.com --no-store", False),
        ("doctor", False),
        ("simulate --waiting", False),
    ],
)
def test_who_interrupts_is_told_of_what_was_kept_where_something_is(
    monkeypatch: pytest.MonkeyPatch, arguments: str, kept: bool
) -> None:
    def interrupted(_work: Work) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "_run", interrupted)
    answer = run_cli(*arguments.split())
    assert answer.code == 130
    more = " What was kept so far stays; the next scan goes on from there."
    assert answer.err == f"Interrupted.{more if kept else ''}\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("arguments", ["--help", "scan --help", "--version", "checks"])
def test_a_pipe_that_is_closed_is_no_error(arguments: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(ROOT / "cli.py"), *arguments.split()]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_words_of_a_log_may_begin_with_a_hyphen_and_a_mistyped_option_is_still_told() -> None:
    words = Command("x", "x", "a:b", [click.Argument(["text"], nargs=-1), click.Option(["--file"])])
    work: Work = words.main(["-ERR no such user", "--", "-x"], standalone_mode=False)
    assert [one.strip() for one in work.options.text] == ["-ERR no such user", "-x"]
    assert words.main(["--file=a b"], standalone_mode=False).options.file == "a b"
    with pytest.raises(click.UsageError):
        words.main(["--fil", "x"], standalone_mode=False)


def test_bytes_that_are_no_utf8_become_text_that_is() -> None:
    command = Command("x", "x", "a:b", [click.Option(["--account"], multiple=True), click.Option(["--owner"])])
    options: Options = command.main(["--account", "a\udcff", "--owner", "\udc80"], standalone_mode=False).options
    assert (options.account, options.owner) == (["a\ufffd"], "\ufffd")
