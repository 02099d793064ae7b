"""The HTTP functions, asked as the worker asks them."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables.aio import TableServiceClient

from connections.storage import StorageUnavailable, ensure_tables
from findings.run_record import DONE, RunRecord, RunStatus
from findings.runs import RunStore
from functions import acting, http_api, operations, queues
from functions.access import OPERATOR, READER
from functions.page import COOKIE, carried, remembered
from functions.requests import LARGEST_BODY
from jobs import views
from jobs.doctor import Level, Line
from jobs.messages import AlertMessage, BadMessage
from jobs.tell import waiting_alerts
from reports.served import Message
from settings import Settings, load_settings
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, Installation
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


@pytest.mark.parametrize("form", ["json", "csv", "ocsf"])
def test_nothing_found_is_no_all_clear_where_nothing_was_looked_at(installation: Installation, form: str) -> None:
    unscanned = asyncio.run(http_api.findings(request(format=form)))
    assert (unscanned.status_code, "no finished scan yet" in answer(unscanned)["error"]) == (404, True)
    installation.scan()
    mistyped = asyncio.run(http_api.findings(request(format=form, account="svc-bakcup@contoso.com")))
    assert mistyped.status_code == 404
    assert 'No scan has seen the account "svc-bakcup@contoso.com"' in answer(mistyped)["error"]
    quiet = asyncio.run(http_api.findings(request(format=form, account=BACKUP, status="resolved")))
    assert quiet.status_code == 200


def test_twenty_who_ask_at_once_get_one_list_and_what_changes_is_in_the_next(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    made, make = [], views.findings_page

    async def counted(*about: Any) -> Any:
        made.append(about)
        return await make(*about)

    monkeypatch.setattr(views, "findings_page", counted)

    async def ask() -> None:
        found = await asyncio.gather(*(http_api.findings(request()) for _ in range(20)))
        assert [one.status_code for one in found] == [200] * 20
        assert len({one.get_body() for one in found}) == len(made) == 1
        accepted = {"account": BACKUP, "check": "APW-001", "reason": "moves", "owner": "Ada", "until": UNTIL}
        assert (await http_api.exceptions(request("PUT", accepted))).status_code == 200
        (one,) = answer(await http_api.findings(request(account=BACKUP)))["findings"]
        assert one["exception"]["owner"] == "Ada"
        again = answer(await http_api.findings(request()))["findings"]
        assert [one["exception"]["owner"] for one in again if one["exception"]] == ["Ada"]

    asyncio.run(ask())


def test_those_who_ask_at_once_share_the_look_whether_the_tables_are_there(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    looks: list[Iterable[str]] = []

    async def counted(service: TableServiceClient, names: Iterable[str]) -> timedelta:
        looks.append(names)
        return await ensure_tables(service, names)

    monkeypatch.setattr("jobs.views.ensure_tables", counted)

    async def openings(number: int) -> int:
        async def one() -> None:
            async with views.opened(load_settings()):
                pass

        looks.clear()
        await asyncio.gather(*(one() for _ in range(number)))
        return len(looks)

    async def ask() -> list[int]:
        return [await openings(20), await openings(1), await openings(1)]

    assert asyncio.run(ask()) == [2, 1, 1], (
        "the first, and all who came while it looked; whoever comes later looks anew"
    )


def test_whoever_opens_the_storage_account_with_another_key_has_a_look_of_their_own(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    right = load_settings()
    monkeypatch.setenv("AzureWebJobsStorage", re.sub("AccountKey=[^;]*", "AccountKey=d3Jvbmc=", installation.storage))
    wrong = load_settings()

    async def one(settings: Settings) -> str:
        try:
            async with views.opened(settings):
                return "opened"
        except StorageUnavailable:
            return "refused"

    async def ask() -> list[str]:
        return await asyncio.gather(*map(one, (right, wrong, right, wrong)))

    assert asyncio.run(ask()) == ["opened", "refused"] * 2


def test_that_the_first_who_asked_for_findings_is_gone_is_nothing_to_the_others(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    make = views.findings_page

    async def ask() -> list[int]:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow(*about: Any) -> Any:
            began.set()
            await go_on.wait()
            return await make(*about)

        monkeypatch.setattr(views, "findings_page", slow)
        first = asyncio.create_task(http_api.findings(request()))
        await began.wait()
        others = [asyncio.create_task(http_api.findings(request())) for _ in range(3)]
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        go_on.set()
        return [one.status_code for one in await asyncio.gather(*others)]

    assert asyncio.run(ask()) == [200] * 3


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
    wanted = {"account": BACKUP, "check": "apw-001", "reason": "going", "owner": "Ada", "until": UNTIL}
    made = answer(asyncio.run(http_api.exceptions(request("PUT", wanted))))
    listed = answer(asyncio.run(http_api.exceptions(request())))["exceptions"]
    assert [one["id"] for one in listed] == [made["id"]]
    other = {**wanted, "reason": "stays after all"}
    refused = asyncio.run(http_api.exceptions(request("PUT", other)))
    assert refused.status_code == 409
    assert made["id"] in answer(refused)["error"]
    assert answer(asyncio.run(http_api.exceptions(request("PUT", wanted)))) == made
    replaced = answer(asyncio.run(http_api.exceptions(request("PUT", {**other, "replace": True}))))
    ended = answer(asyncio.run(http_api.exceptions(request("DELETE", id=replaced["id"]))))
    assert ended["ended_by"] == "local"
    many: tuple[Any, ...] = (
        {**wanted, "until": "2036-01-01"},
        {**wanted, "reason": " "},
        {**wanted, "check": ""},
        {**wanted, "until": "soon"},
        {**wanted, "replace": "yes"},
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


def test_tests_and_examinations_are_so_many_in_a_minute(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_api, "TESTS_A_MINUTE", 2)
    monkeypatch.setattr(http_api, "EXAMINATIONS_A_MINUTE", 1)
    asked = [asyncio.run(http_api.test_alert(request("POST"))).status_code for _ in range(2)]
    from_page = {"content-type": operations.FORM, "origin": "http://localhost", "host": "localhost"}
    form = request("POST", headers={**from_page, "sec-fetch-site": "same-origin"}, route={"action": "test"})
    asked.append(asyncio.run(acting.act(form)).response.status_code)
    assert asked == [200, 200, 429]
    assert len(installation.receiver.calls) == 2
    assert [asyncio.run(http_api.doctor(request())).status_code for _ in range(2)] == [200, 429]


def test_channels_are_tested_though_nobody_can_count(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:9/a")
    (channel,) = answer(asyncio.run(http_api.test_alert(request("POST"))))["channels"]
    assert channel["delivered"]


def health() -> tuple[int, bytes]:
    response = asyncio.run(http_api.health(request()))
    return response.status_code, response.get_body()


OK, NOT_OK = (200, b"ok"), (503, b"not ok")


def keep_runs(storage: str, *runs: RunRecord) -> None:
    async def save() -> None:
        async with TableServiceClient.from_connection_string(storage) as service:
            for run in runs:
                await RunStore(service).save(run)

    asyncio.run(save())


def test_health_says_ok_only_after_a_scan_and_nothing_else(installation: Installation) -> None:
    before = health()
    installation.scan("--account", BACKUP)
    partly = health()
    installation.scan()
    assert (before, partly, health()) == (NOT_OK, NOT_OK, OK)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param({}, OK, id="complete"),
        pytest.param({"status": RunStatus.INCOMPLETE}, OK, id="incomplete"),
        pytest.param({"status": RunStatus.FAILED}, NOT_OK, id="failed"),
        pytest.param({"status": RunStatus.SKIPPED}, NOT_OK, id="skipped"),
        pytest.param({"status": RunStatus.RUNNING, "finished": None}, NOT_OK, id="running"),
        pytest.param({"partial": True}, NOT_OK, id="one account"),
        pytest.param({"started": timedelta(hours=-37), "finished": timedelta(hours=-35)}, OK, id="began long ago"),
        pytest.param({"finished": timedelta(hours=-37)}, NOT_OK, id="too old"),
        pytest.param({"finished": timedelta(minutes=1)}, OK, id="a clock a minute ahead"),
        pytest.param({"finished": timedelta(hours=1)}, NOT_OK, id="a clock an hour ahead"),
        pytest.param({"finished": timedelta(days=400)}, NOT_OK, id="a clock a year ahead"),
    ],
)
def test_health_means_that_a_scan_of_everything_was_done_lately(
    installation: Installation, storage: str, run: dict[str, Any], expected: tuple[int, bytes]
) -> None:
    now = datetime.now(UTC)
    given: dict[str, Any] = {"started": timedelta(hours=-2), "finished": timedelta(hours=-1), **run}
    times = {name: now + given.pop(name) for name in ("started", "finished") if given[name] is not None}
    keep_runs(storage, RunRecord(**{"id": "run", "status": RunStatus.COMPLETE, "accounts_total": 3, **given, **times}))
    assert health() == expected


def test_neither_what_goes_on_nor_what_failed_since_hides_a_scan_that_was_done(
    installation: Installation, storage: str
) -> None:
    now = datetime.now(UTC)
    done = RunRecord("done", RunStatus.COMPLETE, now - timedelta(hours=30), now - timedelta(hours=29), accounts_total=3)
    later = [replace(done, id=f"later {number}", finished=now, partial=True) for number in range(60)]
    others = [replace(done, id=one.value, status=one, finished=now) for one in RunStatus if one not in DONE]
    keep_runs(storage, done, *later, *others, replace(done, id="ahead", finished=now + timedelta(days=9)))
    assert health() == OK


def test_nine_days_of_failures_and_one_recheck_are_not_healthy(
    installation: Installation, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=day) for day in range(9)]
    keep_runs(
        storage,
        RunRecord("before", RunStatus.COMPLETE, now - timedelta(days=10), now - timedelta(days=10)),
        *(RunRecord(f"day {day}", RunStatus.FAILED, day, day, error="No connection.") for day in days),
    )
    asyncio.run(http_api.recheck(request("POST", {"accounts": [BACKUP]})))
    assert health() == NOT_OK
    assert "Not healthy: No scan of all accounts was done in the last 36 hours." in caplog.text


def test_settings_that_are_wrong_are_not_healthy_and_only_the_log_says_which(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", "not an account")
    assert health() == NOT_OK
    assert "SERVICE_ACCOUNTS" in caplog.text


def test_a_report_finds_the_last_scan_behind_any_number_of_rechecks(installation: Installation, storage: str) -> None:
    installation.scan()
    now = datetime.now(UTC)
    keep_runs(storage, *(RunRecord(f"{number}", RunStatus.COMPLETE, now, now, partial=True) for number in range(210)))
    report = answer(asyncio.run(http_api.report(request(format="json"))))
    assert len(report["accounts"]) == 3


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


async def test_of_many_rechecks_at_once_ten_are_done_and_refused_ones_count(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = await asyncio.gather(*(http_api.recheck(request("POST")) for _ in range(15)))
    assert sorted(one.response.status_code for one in answers) == [202] * 10 + [429] * 5
    assert sum(len(one.scans) for one in answers) == 10
    assert (await http_api.recheck(request("POST", {"accounts": [BACKUP]}))).response.status_code == 429
    assert installation.graph.http_requests == 0


@pytest.mark.parametrize("size", [LARGEST_BODY, LARGEST_BODY + 1])
def test_a_body_is_measured_wherever_it_is_sent(installation: Installation, size: int) -> None:
    installation.scan()
    body, refused = b" " * size, size > LARGEST_BODY
    asked = [
        http_api.findings(request(body=body)),
        http_api.report(request(body=body)),
        http_api.run(request(body=body, route={"id": "x"})),
        http_api.exceptions(request(body=body)),
        http_api.exceptions(request("DELETE", body=body, id="x")),
        http_api.health(request(body=body)),
        http_api.test_alert(request("POST", body)),
    ]
    assert [(asyncio.run(one).status_code == 413) for one in asked] == [refused] * len(asked)


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


def test_the_app_is_not_healthy_while_the_settings_of_a_channel_are_wrong(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    assert asyncio.run(http_api.health(request())).status_code == 200
    monkeypatch.setenv("WEBHOOK_URL", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/hook)")
    assert asyncio.run(http_api.health(request())).status_code == 503
    assert "Alerts can't go to webhook" in caplog.text


def test_the_app_is_not_healthy_for_a_week_after_a_channel_lost_its_settings(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    assert asyncio.run(http_api.health(request())).status_code == 200
    for name in ("WEBHOOK_URL", "WEBHOOK_SECRET"):
        monkeypatch.delenv(name)
    asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    assert asyncio.run(http_api.health(request())).status_code == 503
    assert "Alerts went to webhook, whose settings are gone since" in caplog.text
    monkeypatch.setattr("alerts.episodes.MEANT", timedelta())
    assert asyncio.run(http_api.health(request())).status_code == 503, "no channel is left, which nobody means"
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", f"{installation.receiver.url}/teams?sig=x")
    assert asyncio.run(http_api.health(request())).status_code == 200


@pytest.mark.parametrize("status", [404, 503], ids=["it refuses", "it fails"])
def test_the_app_is_not_healthy_while_no_channel_works(
    installation: Installation, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", f"{installation.receiver.url}/webhook")
    installation.receiver.status = status
    (message,) = asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    asyncio.run(queues.send_alert(message.encode()))
    answered = asyncio.run(http_api.health(request()))
    assert (answered.status_code, answered.get_body()) == (503, b"not ok")
    assert "Not healthy: Alerts don't get through to webhook since" in caplog.text
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", f"{installation.receiver.url}/teams?sig=x")
    assert asyncio.run(http_api.health(request())).status_code == 200, "another channel tells of it"


def test_a_table_of_alerts_that_cannot_be_read_is_said_in_a_sentence(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    (account,) = (one.id for one in installation.graph.tenant.users.values() if one.upn == BACKUP)

    def busy(*_: object) -> None:
        raise HttpResponseError("The server is busy.")

    monkeypatch.setattr("alerts.table.AlertTable.query", busy)
    assert health() == NOT_OK
    assert "Not healthy: Table Storage at " in caplog.text
    history = asyncio.run(http_api.account_history(request(route={"id": account}, format="json")))
    assert (history.status_code, answer(history)["error"].startswith("Table Storage at ")) == (502, True)
    lines = answer(asyncio.run(http_api.doctor(request())))["lines"]
    (line,) = (one for one in lines if one["text"].startswith("Table Storage at "))
    assert (line["topic"], line["level"]) == ("tables", "wrong")
    assert {"last scan", "next scan"} <= {one["topic"] for one in lines}


def test_the_app_is_not_healthy_while_what_sends_alerts_is_switched_off(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    monkeypatch.setenv("AzureWebJobs_send_alerts_Disabled", "true")
    assert health() == NOT_OK
    assert "Not healthy: No alert is sent: the function send_alerts is switched off." in caplog.text
    monkeypatch.setenv("AzureWebJobs_send_alerts_Disabled", "false")
    assert health() == OK


def test_a_scan_that_failed_for_good_is_recorded_and_told_once(installation: Installation) -> None:
    installation.graph.fail(r"GET /v1\.0/", 0)
    installation.graph.fail(r"POST /v1\.0/", 0)
    message = queues.scheduled_scan().encode()
    with pytest.raises(Exception, match="can't be reached"):
        asyncio.run(queues.run_scan(message))
    for _ in range(2):
        asyncio.run(queues.scan_failed(message))
        for alert_id in asyncio.run(waiting_alerts(load_settings())):
            asyncio.run(queues.send_alert(AlertMessage(alert_id).text.encode()))
    (call,) = installation.receiver.calls
    data = json.loads(call.body)["data"]
    assert data["headline"] == "Can't see anything: the scans fail"
    assert "can't be reached" in data["notes"][0]


def test_a_message_of_somebody_else_is_refused() -> None:
    with pytest.raises(BadMessage, match="not from this app"):
        asyncio.run(queues.run_scan(b'{"hello": 1}'))


FORM = {"Content-Type": "application/x-www-form-urlencoded", "Host": "app.azurewebsites.net"}
PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "https://app.azurewebsites.net"}


def act(action: str, body: bytes, headers: dict[str, str]) -> func.HttpResponse:
    """What a form of the page is answered."""
    asked = request("POST", body, headers={**FORM, **headers}, route={"action": action})
    return asyncio.run(acting.act(asked)).response


@pytest.mark.parametrize(
    ("action", "body", "headers", "status"),
    [
        pytest.param("test", b"", {**PAGE, **header(OPERATOR)}, 303, id="an Operator on the page"),
        pytest.param("test", b"", PAGE, 401, id="nobody"),
        pytest.param("test", b"", {**PAGE, **header(READER)}, 403, id="a Reader"),
        pytest.param("recheck", b"account=" + BACKUP.encode(), {**PAGE, **header(READER)}, 403, id="a Reader rechecks"),
        pytest.param("scan", b"", {**PAGE, **header(READER)}, 403, id="a Reader scans"),
        pytest.param("accept", b"", {**PAGE, **header(READER)}, 403, id="a Reader accepts"),
        pytest.param("end", b"id=x", {**PAGE, **header(READER)}, 403, id="a Reader ends"),
        pytest.param("test", b"", header(OPERATOR), 403, id="a program in the page's name"),
        pytest.param("test", b"", {**header(OPERATOR), "Cookie": "AppServiceAuthSession=x"}, 403, id="no origin"),
        pytest.param("test", b"", {**header(OPERATOR), "Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param("test", b"", {**header(OPERATOR), "Sec-Fetch-Site": "same-site"}, 403, id="a neighbour"),
        pytest.param("test", b"", {**header(OPERATOR), "Sec-Fetch-Site": "none"}, 403, id="an address bar"),
        pytest.param("test", b"", {**header(OPERATOR), "Origin": "https://evil.example"}, 403, id="another origin"),
        pytest.param("test", b"", {**header(OPERATOR), "Origin": "null"}, 403, id="a sandbox"),
        pytest.param(
            "test", b"", {**PAGE, **header(OPERATOR), "Origin": "https://evil.example"}, 403, id="a contradiction"
        ),
        pytest.param("test", b"", {**PAGE, "X-MS-CLIENT-PRINCIPAL": "e30="}, 401, id="a principal that is none"),
        pytest.param("test", b"", {**PAGE, **header(OPERATOR, issuer="github")}, 401, id="another provider"),
        pytest.param("test", b"", {**PAGE, **header("operator")}, 403, id="a role in other letters"),
        pytest.param(
            "test", b"{}", {**PAGE, **header(OPERATOR), "Content-Type": "text/plain"}, 415, id="a body of another kind"
        ),
        pytest.param("delete", b"", {**PAGE, **header(OPERATOR)}, 404, id="a form that isn't there"),
        pytest.param("", b"", {**PAGE, **header(OPERATOR)}, 404, id="no form"),
        pytest.param("end", b"id=no", {**PAGE, **header(OPERATOR)}, 404, id="an exception that isn't there"),
        pytest.param("recheck", b"account=", {**PAGE, **header(OPERATOR)}, 400, id="no account"),
        pytest.param("accept", b"account=x", {**PAGE, **header(OPERATOR)}, 400, id="half an exception"),
        pytest.param("accept", b"\xff=\xfe", {**PAGE, **header(OPERATOR)}, 400, id="not UTF-8"),
        pytest.param("accept", b"&".join([b"a=b"] * 30), {**PAGE, **header(OPERATOR)}, 400, id="many fields"),
        pytest.param("accept", b"a=" + b"x" * 70_000, {**PAGE, **header(OPERATOR)}, 413, id="70 KB"),
    ],
)
def test_only_an_operator_on_the_apps_own_page_gets_something_done(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    for name, value in {**AZURE, "ALERT_PRIVATE_NETWORKS": "127.0.0.0/8"}.items():  # where the receiver is
        monkeypatch.setenv(name, value)
    plain = act(action, body, headers)
    assert plain.status_code == status
    assert len(installation.receiver.calls) == (status == 303)
    if status == 303:
        assert plain.headers["Location"] == "../report"
        return
    assert "default-src 'none'" in plain.headers["Content-Security-Policy"]
    assert b"That was not done" in plain.get_body()
    spoken = act(action, body, {**headers, "Accept": "application/json"})
    assert (spoken.status_code, bool(answer(spoken)["error"])) == (status, True)


ELSEWHERE = {**header(OPERATOR), "Host": "app.azurewebsites.net", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: http_api.recheck(request("POST", headers=ELSEWHERE)), id="recheck"),
        pytest.param(lambda: http_api.exceptions(request("PUT", {}, headers=ELSEWHERE)), id="accept"),
        pytest.param(lambda: http_api.exceptions(request("DELETE", headers=ELSEWHERE, id="x")), id="end"),
        pytest.param(lambda: http_api.test_alert(request("POST", headers=ELSEWHERE)), id="test alert"),
        pytest.param(lambda: http_api.doctor(request(headers=ELSEWHERE)), id="doctor"),
        pytest.param(lambda: http_api.findings(request(headers=ELSEWHERE)), id="findings"),
        pytest.param(lambda: http_api.report(request(headers=ELSEWHERE)), id="report"),
    ],
)
def test_no_function_answers_a_page_of_another_site(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    found = asyncio.run(ask())
    response = getattr(found, "response", found)
    assert (response.status_code, "another site" in answer(response)["error"]) == (403, True)
    assert installation.receiver.calls == []


@pytest.mark.parametrize(
    "value", ["W1tb" * 2000, "", "x", "e30", "W10", "WzEsMl0", "W10=" * 1000, "\u00ff", 'WyI8Yj4iLCIi"']
)
def test_a_message_that_the_app_did_not_write_is_none(value: str) -> None:
    assert remembered({"Cookie": f"{COOKIE}={value}"}) is None


@pytest.mark.parametrize("text", ['It\'s <b>done</b>; "really" 表示, \x00', "x" * 5000, "表" * 5000])
def test_a_message_comes_back_as_it_was_written_in_a_cookie_that_browsers_keep(text: str) -> None:
    cookie = carried(Message(text, "id"))["Set-Cookie"]
    assert len(cookie) < 4096
    found = remembered({"cookie": f'a={{"b": 1}}; {cookie.partition(";")[0]}; c=d'})
    assert found is not None
    assert found.account == "id"
    assert found.text == text[: len(found.text)]
    assert len(found.text) == min(len(text), 2700 // len(text[-1].encode()))


@pytest.mark.parametrize(
    ("levels", "headline"),
    [
        ([Level.OK, Level.OK], "All is well."),
        ([Level.OK, Level.NOT_TRIED], "What could be tried is well."),
        ([Level.NOT_TRIED, Level.ATTENTION, Level.WRONG], "2 things ask for attention."),
    ],
)
def test_the_page_of_the_doctor_calls_nothing_well_that_was_not_tried(
    installation: Installation, levels: list[Level], headline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def examined(_: datetime) -> list[Line]:
        return [Line("topic", level, "text") for level in levels]

    monkeypatch.setattr(http_api, "examine_installation", examined)
    page = asyncio.run(http_api.doctor(request(format="html"))).get_body().decode()
    assert headline in page


def test_doctor_is_for_operators(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    assert asyncio.run(http_api.doctor(request(headers=header(READER)))).status_code == 403
    found = answer(asyncio.run(http_api.doctor(request(headers=header(OPERATOR)))))
    assert all(line.keys() == {"topic", "level", "text", "fix"} for line in found["lines"])
