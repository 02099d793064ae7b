"""The HTTP functions, asked as the worker asks them."""

import asyncio
import json
from typing import Any

import azure.functions as func
import pytest

from functions import http_api, queues
from tests.e2e.conftest import BACKUP, MAILER, Installation
from tests.functions.test_access import AZURE, header


def request(
    method: str = "GET",
    body: Any = b"",
    headers: dict[str, str] | None = None,
    route: dict[str, str] | None = None,
    **params: str,
) -> func.HttpRequest:
    """A request; a body that isn't bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return func.HttpRequest(
        method,
        "http://localhost/api/x?secret=1",
        headers=headers or {},
        params=params,
        route_params=route,
        body=content,
    )


def answer(response: func.HttpResponse) -> Any:
    """The JSON of a response."""
    return json.loads(response.get_body())


def test_a_recheck_judges_the_account_and_asks_for_its_alert_to_be_sent(installation: Installation) -> None:
    found = asyncio.run(http_api.recheck(request("POST", {"accounts": [BACKUP]})))
    assert found.response.status_code == 200
    assert [one["visibility"] for one in answer(found.response)["accounts"]] == ["hidden"]
    assert found.scans == []
    for message in found.alerts:
        asyncio.run(queues.send_alert(message.encode()))
    assert installation.told() == [("opened", BACKUP, "APW-001")]


def test_a_recheck_without_a_body_starts_a_scan_that_can_be_followed(installation: Installation) -> None:
    found = asyncio.run(http_api.recheck(request("POST")))
    assert found.response.status_code == 202
    (message,) = found.scans
    run_id = json.loads(message)["run_id"]
    assert found.response.headers["Location"] == f"/api/runs/{run_id}"
    waiting = answer(asyncio.run(http_api.run(request(route={"id": run_id}))))
    assert (waiting["status"], waiting["trigger"], waiting["finished"]) == ("queued", "request", None)
    alerts = asyncio.run(queues.run_scan(message.encode()))
    run = answer(asyncio.run(http_api.run(request(route={"id": run_id}))))
    assert (run["status"], run["accounts_total"]) == ("complete", 3)
    for alert in alerts:
        asyncio.run(queues.send_alert(alert.encode()))
    assert sorted(installation.told()) == [("opened", BACKUP, "APW-001"), ("opened", MAILER, "APW-003")]


def test_a_scan_that_was_asked_for_and_never_starts_is_failed_in_the_end(installation: Installation) -> None:
    (message,) = asyncio.run(http_api.recheck(request("POST"))).scans
    asyncio.run(queues.scan_failed(message.encode()))
    run = answer(asyncio.run(http_api.run(request(route={"id": json.loads(message)["run_id"]}))))
    assert (run["status"], run["error"]) == ("failed", "It never started.")


def test_findings_are_filtered_and_come_as_json_or_csv(installation: Installation) -> None:
    installation.scan()
    found = answer(asyncio.run(http_api.findings(request(account=BACKUP.upper()))))["findings"]
    assert [(one["user_principal_name"], one["check_id"]) for one in found] == [(BACKUP, "APW-001")]
    csv = asyncio.run(http_api.findings(request(format="csv")))
    assert csv.mimetype == "text/csv"
    assert b"APW-003" in csv.get_body()
    assert asyncio.run(http_api.findings(request(severity="worst"))).status_code == 400
    mistyped = asyncio.run(http_api.findings(request(check="APW-01")))
    assert mistyped.status_code == 404
    assert 'no check "APW-01"' in answer(mistyped)["error"]


def test_every_csv_is_a_file_that_excel_reads_as_utf_8(installation: Installation) -> None:
    installation.scan()
    for ask, name in ((http_api.findings, "findings.csv"), (http_api.report, "report.csv")):
        csv = asyncio.run(ask(request(format="csv")))
        assert csv.get_body().startswith(b"\xef\xbb\xbf")
        assert csv.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_the_report_may_run_nothing_but_its_own_script(installation: Installation) -> None:
    installation.scan()
    report = asyncio.run(http_api.report(request()))
    assert report.status_code == 200
    assert "default-src 'none'" in report.headers["Content-Security-Policy"]
    assert report.headers["Cache-Control"] == "no-store"
    assert BACKUP.encode() in report.get_body()


def test_exceptions_are_made_listed_and_ended(installation: Installation) -> None:
    installation.scan()
    wanted = {"account": BACKUP, "check": "apw-001", "reason": "going", "owner": "Ada", "until": "2027-01-31"}
    made = answer(asyncio.run(http_api.exceptions(request("PUT", wanted))))
    listed = answer(asyncio.run(http_api.exceptions(request())))["exceptions"]
    assert [one["id"] for one in listed] == [made["id"]]
    ended = answer(asyncio.run(http_api.exceptions(request("DELETE", id=made["id"]))))
    assert ended["ended_by"] == "local"
    many: tuple[Any, ...] = (
        {**wanted, "until": "2036-01-01"},
        {**wanted, "reason": " "},
        {**wanted, "check": ""},
        {**wanted, "until": "soon"},
        [],
        None,
    )
    for wrong in many:
        assert asyncio.run(http_api.exceptions(request("PUT", wrong))).status_code == 400
    assert asyncio.run(http_api.exceptions(request("PUT", {**wanted, "account": "x@y.z"}))).status_code == 404


def test_a_test_alert_says_what_each_channel_answered(installation: Installation) -> None:
    (channel,) = answer(asyncio.run(http_api.test_alert(request("POST"))))["channels"]
    assert (channel["channel"], channel["delivered"]) == ("webhook", True)
    assert len(installation.receiver.calls) == 1


def test_health_says_ok_only_after_a_scan_and_nothing_else(installation: Installation) -> None:
    before = asyncio.run(http_api.health())
    installation.scan()
    after = asyncio.run(http_api.health())
    assert [(one.status_code, one.get_body()) for one in (before, after)] == [(503, b"not ok"), (200, b"ok")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"accounts": "svc@contoso.com"}, 400),
        ({"accounts": []}, 400),
        ({"accounts": [7]}, 400),
        ({"accounts": ["nobody@contoso.com"]}, 404),
        ({"accounts": ["a@contoso.com"] * 51}, 400),
        (b"[" * 60_000, 400),
        (b" " * 10 + b'"' + b"x" * 10_000_000 + b'"', 413),
    ],
    ids=["no json", "no list", "empty", "numbers", "unknown account", "too many", "deep", "10 MB"],
)
def test_a_bad_body_is_refused_in_a_sentence_and_never_logged(
    installation: Installation, caplog: pytest.LogCaptureFixture, body: Any, status: int
) -> None:
    found = asyncio.run(http_api.recheck(request("POST", body)))
    assert found.response.status_code == status
    assert answer(found.response)["error"].endswith((".", "list"))
    assert "xxxx" not in caplog.text
    assert "secret" not in caplog.text
    assert (found.scans, found.alerts) == ([], [])


@pytest.mark.parametrize(
    ("headers", "environment", "status"),
    [
        ({}, AZURE, 401),
        (header("Reader"), AZURE, 403),
        (header("Operator"), {"WEBSITE_SITE_NAME": "app"}, 403),
        (header("Operator"), {}, 401),
    ],
    ids=["no principal", "wrong role", "no authentication in front", "forged"],
)
def test_who_may_not_is_refused(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    environment: dict[str, str],
    status: int,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = asyncio.run(http_api.recheck(request("POST", {"accounts": [BACKUP]}, headers)))
    assert found.response.status_code == status
    assert installation.graph.http_requests == 0


def test_wrong_settings_are_not_told_to_the_caller(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountName=hunter2")
    found = asyncio.run(http_api.findings(request()))
    assert found.status_code == 500
    assert "AzureWebJobsStorage" not in answer(found)["error"]
    assert "AzureWebJobsStorage" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_scan_that_failed_for_good_is_recorded_and_told_once(installation: Installation) -> None:
    installation.graph.fail(r"GET /v1\.0/", 0)
    installation.graph.fail(r"POST /v1\.0/", 0)
    message = json.dumps(queues.scan_message("schedule")).encode()
    with pytest.raises(Exception, match="can't be reached"):
        asyncio.run(queues.run_scan(message))
    for _ in range(2):
        asyncio.run(queues.scan_failed(message))
    (notice,) = {call.body for call in installation.receiver.calls}
    assert len(installation.receiver.calls) == 1
    assert "failed" in json.loads(notice)["data"]["headline"]


def test_a_message_of_somebody_else_is_refused() -> None:
    with pytest.raises(queues.BadMessage, match="not from this app"):
        asyncio.run(queues.run_scan(b'{"hello": 1}'))
