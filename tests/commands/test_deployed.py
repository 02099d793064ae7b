"""``--deployed``: the app's run is asked for, followed, and told; and what it says is wrong with it."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands import deployed
from findings.run_record import RunRecord, RunStatus
from functions import queues
from functions.access import OPERATOR, READER
from jobs.messages import SCANS
from settings import Settings
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, Installation, installation  # noqa: F401 -- the fixture
from tests.functions.serving import serving
from tests.functions.test_access import AZURE

VALUES = {
    "STORAGE_QUEUE_ENDPOINT": "https://sta.queue.core.windows.net/",
    "STORAGE_TABLE_ENDPOINT": "https://sta.table.core.windows.net/",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(deployed, "LOOK", 0.02)
    monkeypatch.setenv("PATH", str(tmp_path))  # without azd


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A function app that takes each message at once; returns the messages."""
    messages: list[str] = []
    running: list[asyncio.Task[Any]] = []

    async def put(settings: Settings, queue: str, body: str, delay: timedelta) -> None:
        assert (queue, delay) == (SCANS, timedelta())
        messages.append(body)
        running.append(asyncio.create_task(queues.run_scan(body.encode())))

    monkeypatch.setattr(deployed, "put_later", put)
    return messages


def test_the_app_scans_and_what_came_of_it_is_printed(
    installation: Installation,  # noqa: F811
    app: list[str],
) -> None:
    found = installation.run("scan", "--deployed")
    (message,) = app
    run_id = json.loads(message)["run_id"]
    assert f"Run {run_id}: complete, 3 of 3 accounts." in found.out
    assert "App password option: " in found.out
    assert found.code == 1, "there are findings of high severity"


def test_what_somebody_accepted_fails_no_scan_of_the_apps_either(
    installation: Installation,  # noqa: F811
    app: list[str],
) -> None:
    assert installation.run("scan").code == 1
    for account in (BACKUP, MAILER):
        accepted = ("--account", account, "--reason", "replaced", "--owner", "Ada", "--until", UNTIL)
        assert installation.run("exceptions", "add", *accepted).code == 0
    assert installation.run("scan").code == 0
    found = installation.run("scan", "--deployed")
    assert "Open findings: 2 high." in found.out
    assert found.code == 0


def test_the_run_comes_as_json(installation: Installation, app: list[str]) -> None:  # noqa: F811
    found = installation.run("scan", "--deployed", "--format", "json", "--fail-on", "high")
    run = json.loads(found.out)
    assert (run["status"], run["trigger"], run["accounts_total"]) == ("complete", "by hand", 3)


def test_a_run_that_fails_is_told(
    installation: Installation,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def put(settings: Settings, _queue: str, body: str, _delay: timedelta) -> None:
        await queues.scan_failed(body.encode())

    monkeypatch.setattr(deployed, "put_later", put)
    found = installation.run("scan", "--deployed")
    assert found.code == 2
    assert "failed, 0 of 0 accounts.\nIt never started." in found.out


def test_a_run_that_nobody_begins_is_not_waited_for_for_ever(
    installation: Installation,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def put(*_arguments: object) -> None:
        pass

    monkeypatch.setattr(deployed, "put_later", put)
    monkeypatch.setattr(deployed, "PATIENCE", timedelta(seconds=0.1))
    found = installation.run("scan", "--deployed")
    assert found.code == 2
    assert "is the app deployed?" in found.err


@pytest.mark.parametrize(
    "arguments", [("--account", "a@contoso.com"), ("--no-store",), ("--format", "csv"), ("--output", "x")]
)
def test_what_only_a_scan_from_here_can_do_is_refused(
    installation: Installation,  # noqa: F811
    arguments: tuple[str, ...],
) -> None:
    found = installation.run("scan", "--deployed", *arguments)
    assert found.code == 2
    assert "--deployed scans everything and keeps it" in found.err


def test_the_installation_of_azd_is_found_whatever_is_set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    monkeypatch.setattr(deployed, "_azd_values", lambda: VALUES)
    storage = deployed.installation(None).storage
    assert (storage.connection_string, storage.queue_uri) == (None, VALUES["STORAGE_QUEUE_ENDPOINT"])
    assert storage.table_uri == VALUES["STORAGE_TABLE_ENDPOINT"]
    named = deployed.installation("other").storage
    assert named.queue_uri == "https://other.queue.core.windows.net"


@pytest.mark.parametrize(
    ("cloud", "suffix"),
    [("usgov", "core.usgovcloudapi.net"), ("usgovdod", "core.usgovcloudapi.net"), ("china", "core.chinacloudapi.cn")],
)
def test_a_named_account_is_looked_for_in_the_cloud_of_the_tenant(
    monkeypatch: pytest.MonkeyPatch, cloud: str, suffix: str
) -> None:
    monkeypatch.setenv("GRAPH_CLOUD", cloud)
    storage = deployed.installation("sta").storage
    assert (storage.queue_uri, storage.table_uri) == (f"https://sta.queue.{suffix}", f"https://sta.table.{suffix}")


def test_a_storage_account_is_a_name_and_no_address(installation: Installation) -> None:  # noqa: F811
    found = installation.run("scan", "--deployed", "--storage-account", "sta.table.core.windows.net/")
    assert found.code == 2
    assert "3 to 24 small letters and digits" in found.err


def test_without_an_installation_it_asks_for_one(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("AzureWebJobsStorage")
    found = installation.run("scan", "--deployed")
    assert found.code == 2
    assert "Which installation?" in found.err


def test_a_summary_steers_no_terminal() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    run = RunRecord("r", RunStatus.FAILED, now, error="\x1b[31mred", notes=("a\nb",), severities={"high": 2, "low": 0})
    assert deployed.summary(run) == "Run r: failed, 0 of 0 accounts.\n?[31mred\nOpen findings: 2 high.\na?b"


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who did az login, in front of an app with App Service authentication."""

    async def token(resource: str) -> str:
        assert resource == "api://tenant/app-password-watch"
        return "token"

    monkeypatch.setattr(deployed, "az_token", token)
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)


ASK = ("doctor", "--deployed", "--resource", "api://tenant/app-password-watch", "--url")


def test_the_app_says_what_is_wrong_with_it(
    installation: Installation,  # noqa: F811
    signed_in: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCAN_SCHEDULE", "0 0 6 * * *")
    monkeypatch.setenv("COLUMNS", "300")
    with serving((OPERATOR,)) as app:
        before = installation.run(*ASK, app.url)
        installation.scan()
        after = installation.run(*ASK, app.url, "--format", "json")
    assert before.code == 2
    assert re.search(
        r"^wrong +last scan +No scan of everything was done in the last 36 hours\.\n +Fix: ", before.out, re.MULTILINE
    )
    lines = {line["topic"]: line["level"] for line in json.loads(after.out)["lines"]}
    assert (lines["last scan"], lines["next scan"], lines["queue scans"], lines["tables"]) == ("ok",) * 4


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((READER,), "The function app doesn't say (403): The app role Operator is missing"),
        (None, "The function app doesn't say (401): Sign in with Microsoft Entra ID first"),
    ],
)
def test_who_is_no_operator_is_told_why_it_does_not_say(
    installation: Installation,  # noqa: F811
    signed_in: None,
    roles: tuple[str, ...] | None,
    said: str,
) -> None:
    with serving(roles) as app:
        found = installation.run(*ASK, app.url)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://app.azurewebsites.net", "it begins with https://"),
        ("http://127.0.0.1:9", "can't be reached"),
    ],
)
def test_a_token_goes_nowhere_else(
    installation: Installation,  # noqa: F811
    signed_in: None,
    url: str,
    said: str,
) -> None:
    found = installation.run(*ASK, url)
    assert (found.code, said in found.err) == (2, True)


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b"{}", b"[]", b'{"lines": [{}]}', b'{"lines": []}', b""])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_an_answer_that_is_none_is_said(status: int, content: bytes) -> None:
    with pytest.raises(deployed.NotTold, match="step 9"):
        deployed.lines_in(status, content)


def test_without_an_installation_the_question_is_which(installation: Installation, signed_in: None) -> None:  # noqa: F811
    found = installation.run("doctor", "--deployed")
    assert (found.code, "Which installation?" in found.err) == (2, True)
