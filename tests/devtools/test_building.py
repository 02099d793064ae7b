"""Which machine and which Python may build the package."""

import sys
import zipfile
from pathlib import Path

import pytest

from devtools import building
from devtools.package import FUNCIGNORE, PLATFORM, install, pack
from tests.infra.bicep import INFRA, parsed

HERE = ".".join(map(str, sys.version_info[:2]))
OTHER = "3.98"


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def test_the_package_is_for_the_python_of_the_template() -> None:
    assert parsed(INFRA / "main.bicep")["parameters"]["pythonVersion"]["default"] == building.DEFAULT_PYTHON


def test_the_python_of_the_app_builds_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert building.interpreter(HERE) == sys.executable
    assert building.interpreter(OTHER) == sys.executable
    program(tmp_path, f"python{OTHER}", f"echo {OTHER} /opt/python")
    assert building.interpreter(OTHER) == "/opt/python"


@pytest.mark.parametrize("script", ["exit 127", "echo 3.97 /opt/python", "true"])
def test_a_name_that_leads_to_no_such_python_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, f"python{OTHER}", script)
    assert building.interpreter(OTHER) == sys.executable


def test_on_windows_the_launcher_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "py", f'[ "$1" = -{OTHER} ] && echo {OTHER} /opt/python')
    assert building.interpreter(OTHER) == "/opt/python"


def test_libraries_are_those_for_the_machines_of_azure_whatever_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("devtools.package.subprocess.run", lambda command, **_: called.append(command))
    install(tmp_path, "3.12")
    words = " ".join(called[0])
    assert f"--python-version 3.12 --python-platform {PLATFORM}" in words
    assert "--only-binary :all:" in words


def test_azd_keeps_the_bytecode_and_the_zip_has_nothing_of_azd(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    (folder / "checks" / "__pycache__").mkdir(parents=True)
    (folder / ".funcignore").write_text(FUNCIGNORE, encoding="utf-8")
    (folder / "checks" / "__pycache__" / "a.pyc").touch()
    pack(folder, tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as packed:
        assert packed.namelist() == ["checks/__pycache__/a.pyc"]
    assert all(line.startswith("#") for line in FUNCIGNORE.splitlines())


def test_a_step_that_fails_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(building, "CACHE", tmp_path)
    program(tmp_path, "python", "exit 1")
    monkeypatch.setattr(building, "interpreter", lambda _: str(tmp_path / "python"))
    assert building.package(["--python", HERE]) == 1
    assert "On Debian and Ubuntu install the package python3-venv." in capfd.readouterr().err
