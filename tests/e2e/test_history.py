"""The history of an account, by the command line and over HTTP, from what scans, people and alerts left behind."""

import asyncio
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.data.tables.aio import TableServiceClient

from alerts.table import AlertTable
from findings.tables import Table
from functions import http_api
from functions.access import OPERATOR, READER
from reports.plain import plain_headers
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, VISIBLE, Installation
from tests.e2e.test_http import answer, request
from tests.e2e.test_kept_page import using
from tests.functions.test_access import AZURE, header


def page(id: str, headers: dict[str, str] | None = None, **params: str) -> func.HttpResponse:
    asked = request("GET", b"", headers, {"id": id}, **params)
    return asyncio.run(http_api.account_history(asked))


def id_of(installation: Installation, name: str) -> str:
    return str(installation.graph.tenant.user(name).id)


def kinds(document: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in document["events"]]


def told(installation: Installation, *more: str) -> dict[str, Any]:
    found = installation.run("findings", "--account", BACKUP, "--history", "--format", "json", *more)
    assert found.code == 0, found.err
    return found.document


def test_it_tells_what_was_found_told_accepted_and_resolved(installation: Installation) -> None:
    installation.scan()
    accept = ("--account", BACKUP, "--check", "APW-001", "--reason", "replaced in March", "--owner", "Ada")
    installation.run("exceptions", "add", *accept, "--until", UNTIL)
    installation.run("exceptions", "remove", "--account", BACKUP, "--check", "APW-001")
    installation.scan()
    installation.graph.tenant.policies.clear()
    installation.graph.tenant.changed()
    installation.scan()
    document = told(installation)
    assert document["account"]["user_principal_name"] == BACKUP
    assert document["account"]["open_findings"] == 0
    assert [one for one in kinds(document) if one not in ("alert", "policy")] == [
        "resolved",
        "exception_ended",
        "accepted",
        "opened",
    ]
    assert kinds(document).count("alert") == 2
    alert = next(one for one in document["events"] if one["kind"] == "alert")
    assert alert["text"].endswith(" went to the webhook.")
    table = installation.run("findings", "--account", BACKUP.upper(), "--history").out
    for said in (f"History of {BACKUP}.", "replaced in March", "Resolved", "went to the webhook"):
        assert said in table


def test_a_channel_that_fails_is_told_with_why(installation: Installation) -> None:
    installation.receiver.status = 500
    installation.scan()
    (failed,) = [one for one in told(installation)["events"] if one["kind"].startswith("alert")]
    assert failed["label"] == "Alert not delivered"
    assert failed["text"].endswith(" could not be delivered so far: the webhook.")
    assert len(failed["notes"]) == 1
    installation.receiver.status = 202
    installation.scan()
    assert "alert" in kinds(told(installation))
    assert "alert_failed" not in kinds(told(installation))


def test_the_page_is_for_readers_and_operators_and_nobody_else(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    id = id_of(installation, BACKUP)
    assert [page(id, header(role)).status_code for role in (READER, OPERATOR)] == [200, 200]
    assert [page(id, given).status_code for given in (header(), header("Admin"), {})] == [403, 403, 401]
    found = page(id, header(READER))
    assert {name: found.headers[name] for name in plain_headers()} == plain_headers()
    assert BACKUP.partition("@")[0] in found.get_body().decode()
    assert "App password option hidden by Conditional Access" in found.get_body().decode()


def test_the_same_is_answered_as_json(installation: Installation) -> None:
    installation.scan()
    found = page(id_of(installation, BACKUP), format="json")
    assert answer(found) == told(installation)
    assert page(id_of(installation, BACKUP), format="csv").status_code == 400


@pytest.mark.parametrize(
    "id", ["none", "00000000-0000-0000-0000-000000000000", "x" * 3000, "<script>", "\ud800", "a'b;c"]
)
def test_an_account_that_nobody_knows_is_one_sentence(installation: Installation, id: str) -> None:
    installation.scan()
    shown = page(id)
    assert (shown.status_code, shown.mimetype) == (404, "text/html")
    assert "No scan has seen the account" in shown.get_body().decode()
    assert "<script>" not in shown.get_body().decode()
    refused = page(id, format="json")
    assert refused.status_code == 404
    assert answer(refused)["error"].startswith("No scan has seen the account")


def test_nothing_but_the_accounts_own_rows_and_its_alerts_are_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    asked: list[tuple[str, Any]] = []
    for table in (Table, AlertTable):

        def query(self: Any, conditions: str, values: Any, *more: Any, real: Any = table.query, **named: Any) -> Any:
            asked.append((conditions, values))
            return real(self, conditions, values, *more, **named)

        monkeypatch.setattr(table, "query", query)
    assert page(id_of(installation, BACKUP)).status_code == 200
    # The caller's turn aside: the account with its findings, its history, its exceptions, and its one alert.
    own = [one for one in asked if one[0].startswith("PartitionKey eq ")]
    assert len(own) == len(asked) == 4


def test_a_finding_that_cannot_be_read_is_not_taken_for_none(installation: Installation) -> None:
    installation.scan()
    id = id_of(installation, BACKUP)

    async def as_a_newer_version_left_it(service: TableServiceClient) -> None:
        table = Table(service, "findings")
        row = await table.get(id, "finding;APW-001")
        assert row is not None
        await table.upsert({**row, "status": "postponed"})

    using(as_a_newer_version_left_it)
    account = told(installation)["account"]
    assert (account["open_findings"], account["unreadable_findings"]) == (0, 1)
    drawn = installation.run("findings", "--account", BACKUP, "--history").out
    for shown in (drawn, page(id).get_body().decode()):
        assert "No finding is open" not in shown
        assert "1 finding can't be read by this version." in " ".join(shown.replace("&#39;", "'").split())


def test_an_account_that_is_gone_keeps_its_history(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.watch.GRACE", timedelta(0))
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    installation.scan()
    document = told(installation)
    assert document["account"]["watched"] is False
    (ended,) = [one for one in document["events"] if one["kind"] == "resolved"]
    assert ended["text"] == "The account is no longer selected as a service account."


@pytest.mark.parametrize(
    "arguments",
    [
        ("--history",),
        ("--history", "--account", BACKUP, "--format", "csv"),
        ("--history", "--account", BACKUP, "--check", "APW-001"),
        ("--history", "--account", "nobody@contoso.com"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused(installation: Installation, arguments: tuple[str, ...]) -> None:
    installation.scan()
    refused = installation.run("findings", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert "Traceback" not in refused.err
