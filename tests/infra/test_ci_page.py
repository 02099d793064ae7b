"""The workflows of docs/ci.md: well-formed, and their scans run as they stand."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.company import company
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.e2e.conftest import run_cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
GITHUB, DEVOPS = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
STEPS: list[dict[str, Any]] = GITHUB["jobs"]["scan"]["steps"]
SCANS = [
    next(step["run"] for step in STEPS if step.get("name") == "Scan"),
    next(step["inputs"]["inlineScript"] for step in DEVOPS["steps"] if step.get("displayName") == "Scan"),
]


def test_the_workflow_may_do_nothing_but_read_and_sign_in() -> None:
    assert GITHUB["permissions"] == {"contents": "read", "id-token": "write"}
    assert "${{ secrets" not in PAGE
    used = {step["uses"] for step in STEPS if "uses" in step}
    ours = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for action in used:
        if action.partition("@")[0] in ours:
            assert action in ours, f"{action} is another version than our own workflow uses"


@pytest.mark.parametrize("command", SCANS)
@pytest.mark.parametrize(("tenant", "code"), [("demo", 1), ("empty", 0), ("denied", 3), ("gone", 2)])
def test_the_scan_of_each_pipeline_ends_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, tenant: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    built = company() if tenant == "demo" else TenantBuilder().user("svc-a@contoso.com", mfa="enforced").build()
    with LocalGraph(built).in_thread() as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url if tenant != "gone" else "http://127.0.0.1:9")
        monkeypatch.setattr("tenant.pacing.Pace.after_silence", lambda self: None)
        if tenant == "denied":
            graph.deny("Policy.Read.All", "Policy.Read.ConditionalAccess")
        program, file, *arguments = shlex.split(command)
        assert (program, file) == ("python", "cli.py")
        assert run_cli(*arguments).code == code
    assert (tmp_path / "scan.html").exists() == (code != 2)
    assert re.search(rf"^\| {code} \|", PAGE, re.MULTILINE)
