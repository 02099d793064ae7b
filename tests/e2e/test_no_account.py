"""Settings that select nobody: nothing is watched, so nothing may look as if all were well."""

import asyncio
import json

import pytest

from functions import http_api
from tests.e2e.conftest import VISIBLE, Installation
from tests.e2e.test_first_channel import scan
from tests.e2e.test_http import request


@pytest.fixture
def mistyped(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svvc-*")
    return installation


def heard(installation: Installation) -> list[str]:
    """The headlines of what the webhook was told since the last time."""
    found = [json.loads(call.body)["data"]["headline"] for call in installation.receiver.calls]
    installation.receiver.calls.clear()
    return found


def health() -> int:
    return int(asyncio.run(http_api.health(request())).status_code)


def test_a_first_scan_that_finds_no_account_is_told_once(
    mistyped: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scan()
    (call,) = mistyped.receiver.calls
    assert "SERVICE_ACCOUNT_PATTERNS" in json.loads(call.body)["data"]["notes"][0]
    assert heard(mistyped) == ["Can't see any service account"]
    assert "found no service account, so nothing is watched. Check SERVICE_ACCOUNTS" in caplog.text
    for _ in range(2):
        scan()
    assert heard(mistyped) == []
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    scan()
    assert "The settings select service accounts again" in heard(mistyped)


def test_the_app_is_not_healthy_while_no_account_is_watched(
    mistyped: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scan()
    assert health() == 503
    assert "Not healthy: The last scan found no service account. Check SERVICE_ACCOUNTS" in caplog.text
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    scan()
    assert health() == 200


def test_no_account_because_of_a_failed_read_is_told_as_the_failed_read(mistyped: Installation) -> None:
    mistyped.graph.fail(r"/users\?.*startswith", 403, code="Authorization_RequestDenied")
    for _ in range(2):
        scan()
    assert heard(mistyped) != []
    assert "Can't see any service account" not in heard(mistyped)
    assert health() == 503
    mistyped.graph.heal()
    scan()
    assert any(one.startswith("Can't see any service account") for one in heard(mistyped))


def test_that_no_account_is_watched_is_not_taken_for_over_when_the_selection_cannot_be_read(
    mistyped: Installation,
) -> None:
    scan()
    heard(mistyped)
    mistyped.graph.fail(r"/users\?.*startswith", 403, code="Authorization_RequestDenied")
    scan()
    mistyped.graph.heal()
    scan()
    assert not any("select service accounts again" in one for one in heard(mistyped))


@pytest.mark.parametrize("form", ["table", "csv", "json", "ocsf"])
def test_the_command_line_says_that_nothing_was_judged(mistyped: Installation, form: str) -> None:
    answer = mistyped.run("scan", "--format", form)
    assert answer.code == 0
    assert "No service account was found, so nothing was judged. Check SERVICE_ACCOUNTS" in answer.err


def test_an_empty_list_of_findings_says_what_it_is_worth(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNTS", VISIBLE)
    installation.scan()
    well = installation.run("findings")
    assert (well.out.strip(), well.err) == ("No findings.", "")
    monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", installation.graph.tenant.group("Backup apps").id)
    installation.graph.fail("/groups", 403)
    assert installation.scan().code == 3
    unread = installation.run("findings")
    assert unread.out.strip() == "No findings."
    assert "The last scan could not read everything" in unread.err


def test_an_empty_list_of_findings_says_that_nothing_is_watched(mistyped: Installation) -> None:
    mistyped.scan()
    assert "The last scan found no service account. Check SERVICE_ACCOUNTS" in mistyped.run("findings").err


def test_an_empty_list_of_findings_says_that_only_single_accounts_were_scanned(installation: Installation) -> None:
    installation.scan("--account", VISIBLE)
    assert installation.run("findings").err.strip() == "Only single accounts were scanned so far."
