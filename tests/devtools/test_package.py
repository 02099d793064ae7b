"""The deployed package works by itself, and holds nothing that the app can't reach."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools.building import DEFAULT_PYTHON
from devtools.package import LIBRARIES, build, reachable, size, trim
from jobs.doctor import Level
from jobs.installation import package_line
from localgraph.server import LocalGraph
from tests.e2e.conftest import BACKUP, MAILER, VISIBLE, small_tenant
from tests.test_function_app import EXPECTED

MOST_FILES, MOST_BYTES = 3_000, 60_000_000

INDEX = """
import json, sys, sysconfig, function_app
own = (sys.argv[1], sysconfig.get_path("stdlib"))
files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
print(json.dumps({
    "functions": sorted(one.get_function_name() for one in function_app.app.get_functions()),
    "elsewhere": [file for file in files if file and not file.startswith(own)],
}))
"""
SCAN = """
import asyncio, json, sys
from jobs.scan import ScanRequest, scan
from settings import load_settings
document = asyncio.run(scan(load_settings(require=frozenset()), ScanRequest("r", "test", store=False))).document
print(json.dumps(document, default=str))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "app"
    build(target, installed=True, compiled=False)
    return target


def run(package: Path, code: str, **settings: str) -> Any:
    """Run code that finds the package and the standard library, and nothing else of this environment."""
    paths = {"PYTHONPATH": os.pathsep.join((str(package), str(package / LIBRARIES)))}
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **paths, **settings}
    command = [sys.executable, "-S", "-s", "-c", code, str(package)]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_function_is_found_in_the_package_alone(package: Path) -> None:
    found = run(package, INDEX)
    assert found["functions"] == sorted(EXPECTED)
    assert found["elsewhere"] == []


def test_a_scan_runs_from_the_package_alone(package: Path) -> None:
    with LocalGraph(small_tenant().build()).in_thread() as graph:
        settings = {"GRAPH_ENDPOINT": graph.url, "SERVICE_ACCOUNTS": ",".join((BACKUP, MAILER, VISIBLE))}
        document = run(package, SCAN, **settings)
        assert {one["user_principal_name"]: one["visibility"] for one in document["accounts"]} == {
            BACKUP: "hidden",
            MAILER: "stuck",
            VISIBLE: "visible",
        }
        assert document["run"]["complete"]
        graph.deny("Policy.Read.All")
        gaps = run(package, SCAN, **settings)["run"]["gaps"]
    refused = next(gap for gap in gaps if gap["input"] == "security_defaults")
    assert refused["error"].startswith("403 Authorization_RequestDenied: "), "a refusal is read by generated models"


def test_the_package_is_small(package: Path) -> None:
    files, total = size(package)
    assert files < MOST_FILES
    assert total < MOST_BYTES
    folders = {part for file in package.rglob("*") for part in file.relative_to(package).parts}
    assert not folders & {"tests", "__pycache__", "demo", "docs", ".git"}


def test_the_package_says_what_it_is(package: Path) -> None:
    assert json.loads((package / "built.json").read_text(encoding="utf-8")).keys() == {"version", "commit", "python"}
    line = package_line(package / "built.json", f"{DEFAULT_PYTHON}.1")
    assert (line.level, line.text.startswith("Version ")) == (Level.OK, True)


def test_a_package_is_not_built_over_another(package: Path) -> None:
    with pytest.raises(SystemExit, match="not empty"):
        build(package, installed=True)


def test_only_what_the_app_can_reach_stays(tmp_path: Path) -> None:
    files = {
        "msgraph/__init__.py": "from .client import Client",
        "msgraph/client.py": "from .generated.base import Base\nif TYPE_CHECKING:\n    from .generated.only_typed import T",
        "msgraph/generated/base.py": "def users(self):\n    from .users.builder import Builder",
        "msgraph/generated/users/builder.py": "",
        "msgraph/generated/only_typed.py": "",
        "msgraph/generated/list-of-everything.txt": "",
        "msgraph/generated/models/error.py": "def parse():\n    from .detail import Detail",
        "msgraph/generated/models/detail.py": "from ...generated.models import other",
        "msgraph/generated/models/other.py": "",
        "msgraph/generated/models/user.py": "",
        "httpx/__init__.pyi": "",
        "httpx/tests/test_httpx.py": "",
        "httpx/client.py": "",
    }
    for name, text in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text, encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text("from msgraph import Client\nfrom msgraph.generated.models.error import Error", encoding="utf-8")
    assert reachable(tmp_path / "site", [app]) >= {"msgraph.client", "msgraph.generated.models.detail"}
    trim(tmp_path / "site", [app])
    left = {str(file.relative_to(tmp_path / "site")) for file in (tmp_path / "site").rglob("*") if file.is_file()}
    assert left == {
        "msgraph/__init__.py",
        "msgraph/client.py",
        "msgraph/generated/base.py",
        "msgraph/generated/models/error.py",
        "msgraph/generated/models/detail.py",
        "msgraph/generated/models/other.py",
        "httpx/client.py",
    }
