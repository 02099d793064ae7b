"""Which folder may import which: the contracts in pyproject.toml, each broken once on purpose."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.tasks import LINTERS

ROOT = Path(__file__).parents[2]
OPTIONS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
PACKAGES: list[str] = OPTIONS["root_packages"]
CONTRACTS = {contract["id"]: contract for contract in OPTIONS["contracts"]}
AROUND = {"demo", "bench", "soak", "mutants", "localgraph", "localentra", "devtools"}
PRODUCT = set(PACKAGES) - AROUND
LAYERS = [set(layer.split(" | ")) for layer in CONTRACTS["downwards"]["layers"]]

VIOLATIONS = [
    ("downwards", "tenant/new.py", "import checks.judge"),
    ("downwards", "tenant/new.py", "from findings.model import Change"),
    ("downwards", "findings/new.py", "import settings"),
    ("downwards", "evidence/new.py", "from reports import words"),
    ("downwards", "evidence/new.py", "def read() -> None:\n    from connections.graph import graph_for"),
    ("downwards", "connections/new.py", "import jobs.scan"),
    ("downwards", "jobs/new.py", "import functions.queues"),
    ("downwards", "commands/new.py", "import functions.access"),
    ("entries", "jobs/new.py", "import function_app"),
    ("entries", "demo/new.py", "from cli import main"),
    ("pure-checks", "checks/new.py", "import httpx"),
    ("pure-checks", "checks/new.py", "from azure.data.tables import TableClient"),
    ("pure-checks", "checks/new.py", "from tenant.graph import Graph"),
    ("pure-checks", "tenant/methods.py", "import asyncio"),
    ("product", "jobs/new.py", "from localgraph.server import LocalGraph"),
    ("product", "commands/new.py", "import devtools.processes"),
    ("product", "alerts/new.py", "from tests.alerts import samples"),
    ("localgraph", "localgraph/new.py", "from tenant.model import Account"),
    ("localgraph", "localgraph/new.py", "from demo.company import company"),
    ("localgraph", "localentra/new.py", "from tenant.person import Person"),
    ("localgraph", "devtools/new.py", "from settings import load_settings"),
    ("no-circles", "findings/keys.py", "from findings import store"),
]
"""A contract, and a line in a file that breaks it."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the project, to be broken."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in PACKAGES:
        others = shutil.ignore_patterns("__pycache__", "node_modules", "*.md", "*.json", "*.html")
        shutil.copytree(ROOT / name, folder / name, ignore=others)
    return folder


@pytest.fixture
def project(copied: Path) -> Iterator[Path]:
    """The same, mended again after each test."""
    before = {file: file.read_bytes() for file in copied.rglob("*.py")}
    yield copied
    for file in copied.rglob("*.py"):
        if file not in before:
            file.unlink()
    for file, content in before.items():
        file.write_bytes(content)


def checked(folder: Path) -> "subprocess.CompletedProcess[str]":
    """As ``dev.py lint`` does it."""
    return subprocess.run(
        [sys.executable, "-m", *LINTERS["imports"]],
        cwd=folder,
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_project_keeps_its_contracts(project: Path) -> None:
    answer = checked(project)
    assert answer.returncode == 0, answer.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in answer.stdout


@pytest.mark.parametrize(("contract", "file", "line"), VIOLATIONS)
def test_a_broken_contract_is_told_with_its_import(project: Path, contract: str, file: str, line: str) -> None:
    with (project / file).open("a", encoding="utf-8") as changed:
        changed.write(f"{line}\n")
    answer = checked(project)
    assert answer.returncode == 1
    assert f"{CONTRACTS[contract]['name']} BROKEN" in answer.stdout
    assert f".{Path(file).stem} -> " in answer.stdout


def test_every_contract_is_broken_once() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(CONTRACTS)


def test_no_folder_with_code_is_forgotten() -> None:
    assert {file.parent.name for file in ROOT.glob("*/__init__.py")} == set(PACKAGES)
    assert len(set(PACKAGES)) == len(PACKAGES)
    assert set[str]().union(*LAYERS) == PRODUCT | {"demo", "bench", "soak", "mutants"}
    assert set(CONTRACTS["entries"]["source_modules"]) == set(PACKAGES)
    assert set(CONTRACTS["product"]["source_modules"]) == PRODUCT
    assert set(CONTRACTS["product"]["forbidden_modules"]) == AROUND | {"tests"}
    assert set(CONTRACTS["localgraph"]["forbidden_modules"]) == PRODUCT | {"demo", "bench", "soak", "mutants", "tests"}
    assert set(CONTRACTS["no-circles"]["ancestors"]) == PRODUCT | {"localgraph", "localentra", "demo"}


@pytest.mark.parametrize(
    ("file", "folders"),
    [("function_app.py", {"functions"}), ("cli.py", {"commands"}), ("dev.py", {"devtools"})],
)
def test_entries_import_what_they_start_and_nothing_else(file: str, folders: set[str]) -> None:
    """They are modules and no packages, so the library doesn't look into them."""
    found = set()
    for statement in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            found.add((statement.module or "").partition(".")[0])
    assert found - sys.stdlib_module_names - {"azure"} == folders
