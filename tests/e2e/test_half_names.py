"""Names that end in half a surrogate pair: JSON carries them, and UTF-8 doesn't."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.receiver import Receiver
from functions import http_api
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.e2e.conftest import BACKUP, MAILER, Installation
from tests.e2e.test_http import answer, request

HALF = "half a pair \ud83d"


@pytest.fixture
def named(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation in a tenant in which everything that has a name has only half of it."""
    tenant = (
        TenantBuilder()
        .role(f"role {HALF}", built_in=True)
        .group(f"group {HALF}")
        .user(BACKUP, name=HALF, groups=[f"group {HALF}"], roles=[f"role {HALF}"])
        .user(MAILER, name=HALF, mfa="enabled", eligible_roles=[f"role {HALF}"])
        .policy(f"policy {HALF}", id=f"id {HALF}", include_groups=[f"group {HALF}"], grant=["mfa"])
        .policy(
            f"report-only {HALF}",
            include_roles=[f"role {HALF}"],
            grant=["mfa"],
            state="enabledForReportingButNotEnforced",
        )
        .build()
    )
    with LocalGraph(tenant).in_thread() as graph, Receiver().in_thread() as receiver:
        for name, value in {
            **receiver.settings,
            "GRAPH_ENDPOINT": graph.url,
            "AzureWebJobsStorage": storage,
            "SERVICE_ACCOUNTS": ",".join((BACKUP, MAILER)),
            "ALERT_EMAIL_FROM": "alerts@contoso.com",
            "ALERT_EMAIL_TO": "admins@contoso.com",
            "AUDIT_LOG": "on",
        }.items():
            monkeypatch.setenv(name, value)
        yield Installation(graph, receiver, storage)


@pytest.mark.parametrize("form", ["json", "table", "csv", "html", "ocsf"])
def test_a_scan_of_half_names_is_written_in_every_form(named: Installation, form: str, tmp_path: Path) -> None:
    file = tmp_path / "scan"
    printed = named.run("scan", "--format", form)
    assert printed.code == 1, printed.err
    assert "half a pair" in printed.out
    printed.out.encode()
    assert named.run("scan", "--format", form, "--output", str(file)).code == 1
    assert "half a pair" in file.read_text(encoding="utf-8")
    paths = [call.path for call in named.receiver.calls]
    assert {"/teams", "/webhook"} <= set(paths)
    assert ("opened", BACKUP, "APW-001") in named.told()


@pytest.mark.parametrize(
    "arguments",
    [
        ("findings", "--status", "all", "--format", "json"),
        ("findings", "--status", "all", "--format", "csv"),
        ("findings", "--status", "all", "--format", "ocsf"),
        ("findings", "--account", BACKUP, "--history"),
        ("findings", "--account", BACKUP, "--history", "--format", "json"),
        ("findings", "--status", "all"),
        ("simulate", "--waiting"),
        ("simulate", "--waiting", "--format", "json"),
        ("discover",),
        ("doctor",),
        ("report", "--output", "report.html"),
    ],
    ids=" ".join,
)
def test_what_was_kept_of_half_names_is_shown(
    named: Installation, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named.scan().code == 1
    answer = named.run(*arguments)
    assert "Traceback" not in answer.err
    answer.out.encode()


@pytest.mark.parametrize("how", [(), ("--pseudonymise",)])
def test_a_snapshot_of_half_names_is_judged_as_the_tenant_is(
    named: Installation, how: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "snapshot.json"
    saved = named.run("snapshot", "save", *how, str(file))
    assert saved.code == 0, saved.err
    loaded = named.run("snapshot", "load", str(file), "--format", "json")
    verdicts = [one["visibility"] for one in json.loads(loaded.out)["accounts"]]
    assert verdicts == [one["visibility"] for one in named.scan("--no-store").document["accounts"]] or how


def test_half_names_are_answered_over_http(named: Installation) -> None:
    named.scan()
    found = asyncio.run(http_api.recheck(request("POST", {"accounts": [BACKUP]})))
    assert found.response.status_code == 200
    assert "half a pair" in json.dumps(answer(found.response))
    for form in ("json", "csv", "ocsf"):
        listed = asyncio.run(http_api.findings(request(format=form)))
        assert listed.status_code == 200
        assert BACKUP in listed.get_body().decode()
    assert asyncio.run(http_api.report(request())).status_code == 200
