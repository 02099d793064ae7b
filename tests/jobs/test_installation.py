"""What the function app says is wrong with it, one thing after another taken away."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from alerts.episodes import Cause, ChannelRecord
from alerts.ledger import ChannelState, Ledger
from alerts.model import Alert
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from jobs.doctor import Level, Line
from jobs.installation import (
    channel_lines,
    examine_installation,
    held_line,
    last_scan_line,
    log_watch_line,
    next_scan_line,
    package_line,
    queue_line,
    surplus_lines,
    switched_off_lines,
)
from jobs.log_bookmark import Bookmark
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings, load_settings
from settings.model import env_name
from tenant.graph import Graph
from tenant.permissions import PERMISSIONS
from tenant.probes import Holding, Probed
from tests.test_function_app import EXPECTED

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALL = frozenset(one.name for one in PERMISSIONS) - {"Mail.Send"}
SETTINGS = {
    "SERVICE_ACCOUNTS": "svc@contoso.com",
    "APP_PASSWORDS_ALLOWED": "yes",
    "SCAN_SCHEDULE": "0 0 6 * * *",
    "TEAMS_WEBHOOK_URL": "https://example.com/?sig=hidden",
}


@pytest.fixture
def environment(storage: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {**SETTINGS, "AzureWebJobsStorage": storage}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def settings_with(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    for name, value in {**SETTINGS, **changes}.items():
        monkeypatch.setenv(name, value)
    return load_settings(require=frozenset())


def holding(*permissions: str) -> Callable[[Graph], Awaitable[frozenset[str]]]:
    """What the app's own token lists."""

    async def told(graph: Graph) -> frozenset[str]:
        return frozenset(permissions)

    return told


async def lines(environment: pytest.MonkeyPatch) -> dict[str, Line]:
    with LocalGraph(TenantBuilder().user("svc@contoso.com", mfa="enabled").build()).in_thread() as graph:
        environment.setenv("GRAPH_ENDPOINT", graph.url)
        return {line.topic: line for line in await examine_installation(datetime.now(UTC))}


async def test_where_all_is_well_every_line_is_fine(environment: pytest.MonkeyPatch, storage: str) -> None:
    now = datetime.now(UTC)
    done = RunRecord("r", RunStatus.COMPLETE, now - timedelta(hours=1), now, accounts_total=3)
    async with TableServiceClient.from_connection_string(storage) as tables:
        await tables.create_table_if_not_exists("runs")
        await RunStore(tables).save(done)
    environment.setattr(Graph, "app_permissions", holding(*ALL))
    found = await lines(environment)
    assert {line.level for line in found.values()} == {Level.OK}
    for topic in ("tables", "queue scans", "queue alerts-poison", "last scan", "next scan", "version", "clock"):
        assert topic in found
    assert {f"permission {one.name}" for one in PERMISSIONS} <= found.keys()
    assert not any("hidden" in str(line) for line in found.values())


async def test_messages_on_the_queues_are_counted_and_stay(environment: pytest.MonkeyPatch, storage: str) -> None:
    async with QueueServiceClient.from_connection_string(storage) as service:
        for name, number in (("scans", 2), ("scans-poison", 1)):
            await service.create_queue(name, metadata={"kept": "yes"})
            for _ in range(number):
                await service.get_queue_client(name).send_message("x")
        found = await lines(environment)
        assert "about 2 messages" in found["queue scans"].text
        assert (found["queue scans-poison"].level, bool(found["queue scans-poison"].fix)) == (Level.ATTENTION, True)
        properties = await service.get_queue_client("scans").get_queue_properties()
    assert (properties.approximate_message_count, properties.metadata) == (2, {"kept": "yes"})


async def test_a_token_that_is_no_apps_has_every_permission_asked_for(environment: pytest.MonkeyPatch) -> None:
    assert (await lines(environment))["permission Policy.Read.All"].text == "Granted."


async def test_storage_that_is_not_there_is_said_once_for_each_service(environment: pytest.MonkeyPatch) -> None:
    environment.setattr("connections.storage.CLIENT_OPTIONS", {"retry_total": 0})
    environment.setattr("connections.queues.opened", opened_without_patience)
    account = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YWJj;QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a"
    environment.setenv("AzureWebJobsStorage", account)
    found = await lines(environment)
    assert {name for name, line in found.items() if line.level is Level.WRONG} == {"tables", "queues"}


def opened_without_patience(kind: type[QueueServiceClient], connection: object, address: object) -> QueueServiceClient:
    account = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YWJj;QueueEndpoint=http://127.0.0.1:9/a"
    return kind.from_connection_string(account, retry_total=0)


async def test_the_second_names_that_app_service_gives_all_settings_are_not_mistyped(
    environment: pytest.MonkeyPatch,
) -> None:
    for field in Settings.model_fields:
        environment.setenv(f"APPSETTING_{env_name(field)}", "x")
    assert (await lines(environment))["settings"].text == "All settings that are set are understood."


async def test_settings_that_are_wrong_are_lines(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SCAN_SCHEDULE", "daily")
    found = await examine_installation(NOW)
    assert [(line.topic, line.level) for line in found if line.level is Level.WRONG] == [("settings", Level.WRONG)]


GRANTED, MISSING, UNPROBED = Holding.GRANTED, Holding.MISSING, Holding.UNPROBED


@pytest.mark.parametrize(
    ("name", "probe", "held", "level", "said"),
    [
        ("User.Read.All", GRANTED, {"User.Read.All"}, Level.OK, "holds it"),
        ("User.Read.All", MISSING, {"User.Read.All"}, Level.OK, "holds it"),
        ("User.Read.All", GRANTED, {"Directory.Read.All"}, Level.OK, "another permission"),
        ("User.Read.All", MISSING, set(), Level.WRONG, "No account can be judged."),
        ("AuditLog.Read.All", MISSING, set(), Level.ATTENTION, "Nothing is known of who changed what"),
        ("Application.Read.All", MISSING, set(), Level.OK, "Not needed"),
        ("Member.Read.Hidden", UNPROBED, set(), Level.OK, "Policies that name such a group"),
        ("Member.Read.Hidden", UNPROBED, {"Member.Read.Hidden"}, Level.OK, "holds it"),
        ("Mail.Send", UNPROBED, {"Mail.Send"}, Level.ATTENTION, "could send as every mailbox"),
        ("Mail.Send", UNPROBED, set(), Level.OK, "Not needed"),
    ],
)
def test_the_identitys_permissions_are_held_against_the_map(
    monkeypatch: pytest.MonkeyPatch, name: str, probe: Holding, held: set[str], level: Level, said: str
) -> None:
    permission = next(one for one in PERMISSIONS if one.name == name)
    line = held_line(
        Probed(permission, probe, "403" if probe is MISSING else ""), frozenset(held), settings_with(monkeypatch)
    )
    assert line.level is level
    assert said in line.text
    assert bool(line.fix) is (level is not Level.OK)


def test_mail_through_exchange_can_not_be_asked_for_and_the_line_says_what_can(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, ALERT_EMAIL_FROM="alerts@contoso.com", ALERT_EMAIL_TO="it@contoso.com")
    mail = next(one for one in PERMISSIONS if one.name == "Mail.Send")
    line = held_line(Probed(mail, UNPROBED), frozenset(), settings)
    assert line.level is Level.NOT_TRIED
    assert "alerts@contoso.com" in line.fix


def test_permissions_that_the_app_does_not_use_are_named() -> None:
    assert surplus_lines(ALL) == []
    (line,) = surplus_lines(ALL | {"Directory.ReadWrite.All"})
    assert (line.level, "Directory.ReadWrite.All" in line.text) == (Level.ATTENTION, True)


@pytest.mark.parametrize(
    ("newest", "done", "level", "said"),
    [
        (None, None, Level.WRONG, "No scan of everything was done"),
        (RunStatus.COMPLETE, RunStatus.COMPLETE, Level.OK, "26 Nov 2026, 11:00 UTC, 3 accounts"),
        (RunStatus.INCOMPLETE, RunStatus.INCOMPLETE, Level.ATTENTION, "1 input could not be read"),
        (RunStatus.FAILED, RunStatus.COMPLETE, Level.WRONG, "It failed 26 Nov 2026, 11:00 UTC: No connection."),
        (RunStatus.RUNNING, RunStatus.COMPLETE, Level.OK, "Done"),
        (RunStatus.COMPLETE, None, Level.WRONG, "in the last 36 hours"),
    ],
)
def test_the_last_scan(newest: RunStatus | None, done: RunStatus | None, level: Level, said: str) -> None:
    def run(status: RunStatus | None) -> RunRecord | None:
        began = NOW - timedelta(hours=2)
        gaps = ({"input": "groups"},) if status is RunStatus.INCOMPLETE else ()
        error = "No connection." if status is RunStatus.FAILED else None
        ended = NOW - timedelta(hours=1)
        return RunRecord("r", status, began, ended, accounts_total=3, gaps=gaps, error=error) if status else None

    line = last_scan_line(run(newest), run(done), NOW)
    assert (line.level, said in line.text) == (level, True), line


@pytest.mark.parametrize("gaps", [(), ({"input": "selection"},)], ids=["everything was read", "something was not"])
def test_a_last_scan_of_no_account_is_wrong(gaps: tuple[dict[str, str], ...]) -> None:
    status = RunStatus.INCOMPLETE if gaps else RunStatus.COMPLETE
    done = RunRecord("r", status, NOW - timedelta(hours=2), NOW - timedelta(hours=1), gaps=gaps)
    line = last_scan_line(done, done, NOW)
    assert (line.level, "0 accounts: nothing is watched" in line.text) == (Level.WRONG, True), line
    assert line.fix
    assert "SERVICE_ACCOUNT_PATTERNS" in line.fix


@pytest.mark.parametrize(
    ("schedule", "environment", "level", "said"),
    [
        ("0 0 6 * * *", {}, Level.OK, "27 Nov 2026, 06:00 UTC"),
        ("0 0 6 * * MON", {}, Level.ATTENTION, "30 Nov 2026, 06:00 UTC, in more than 36 hours"),
        (
            "0 0 6 * * MON-FRI",
            {},
            Level.ATTENTION,
            "27 Nov 2026, 06:00 UTC (0 0 6 * * MON-FRI); there are more than 36",
        ),
        ("0 0 6 27,29 * *", {}, Level.ATTENTION, "more than 36 hours between some"),
        ("0 0 6,18 * * *", {}, Level.OK, "26 Nov 2026, 18:00 UTC"),
        ("0 0 6 30 2 *", {}, Level.WRONG, "names no day"),
        ("0 0 6 * * *", {"AzureWebJobs.scheduled_scan.Disabled": "true"}, Level.ATTENTION, "switched off"),
        ("0 0 6 * * *", {"AzureWebJobs_scheduled_scan_Disabled": "1"}, Level.ATTENTION, "switched off"),
        ("0 0 6 * * *", {"AzureWebJobs.scheduled_scan.Disabled": "false"}, Level.OK, "06:00"),
    ],
)
def test_the_next_scan(
    monkeypatch: pytest.MonkeyPatch, schedule: str, environment: dict[str, str], level: Level, said: str
) -> None:
    line = next_scan_line(settings_with(monkeypatch, SCAN_SCHEDULE=schedule), environment, NOW)
    assert (line.level, said in line.text) == (level, True), line


@pytest.mark.parametrize(
    ("changes", "environment", "mark", "level", "said"),
    [
        ({"AUDIT_LOG": "off"}, {}, Bookmark(), Level.OK, "AUDIT_LOG is off"),
        ({"WATCH_SCHEDULE": "off"}, {}, Bookmark(), Level.OK, "WATCH_SCHEDULE is off"),
        ({}, {}, Bookmark(), Level.ATTENTION, "wasn't looked at yet"),
        ({}, {}, Bookmark(NOW), Level.OK, "Read up to 26 Nov 2026, 12:00 UTC"),
        ({}, {}, Bookmark(NOW - timedelta(days=1)), Level.ATTENTION, "Nobody looks at it"),
        ({}, {}, Bookmark(NOW, failing=NOW), Level.WRONG, "can't be read since"),
        ({}, {"AzureWebJobs.watch_audit_log.Disabled": "true"}, Bookmark(NOW), Level.ATTENTION, "switched off"),
        ({}, {"AzureWebJobs_watch_audit_log_Disabled": "1"}, Bookmark(), Level.ATTENTION, "switched off"),
        ({}, {"AzureWebJobs.scheduled_scan.Disabled": "true"}, Bookmark(NOW), Level.OK, "Read up to"),
    ],
)
def test_the_look_at_the_audit_log(
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    environment: dict[str, str],
    mark: Bookmark,
    level: Level,
    said: str,
) -> None:
    settings = settings_with(monkeypatch, **{"AUDIT_LOG": "on", **changes})
    line = log_watch_line(settings, environment, mark, NOW)
    assert (line.level, said in line.text) == (level, True), line
    assert bool(line.fix) is (level is not Level.OK)


def test_what_the_docs_say_to_pause_is_what_the_app_calls_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    paused = dict(re.findall(r"(AzureWebJobs\.\w+\.Disabled)=(true)", page))
    settings = settings_with(monkeypatch, AUDIT_LOG="on")
    assert "switched off" in next_scan_line(settings, paused, NOW).text
    assert "switched off" in log_watch_line(settings, paused, Bookmark(NOW), NOW).text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"AzureWebJobs.send_alerts.Disabled": "false"}, []),
        ({"AzureWebJobs.send_alerts.Disabled": "true"}, [("function send_alerts", Level.WRONG)]),
        ({"AzureWebJobs_send_alerts_Disabled": "1"}, [("function send_alerts", Level.WRONG)]),
        ({"AZUREWEBJOBS.RUN_SCAN.DISABLED": "True"}, [("function run_scan", Level.WRONG)]),
        ({"AzureWebJobs.scans_poison.Disabled": "true"}, [("function scans_poison", Level.ATTENTION)]),
        ({"AzureWebJobs.alerts_poison.Disabled": "true"}, [("function alerts_poison", Level.ATTENTION)]),
    ],
)
def test_a_function_behind_a_queue_that_is_switched_off_is_said(
    environment: dict[str, str], expected: list[tuple[str, Level]]
) -> None:
    found = switched_off_lines(environment)
    assert [(line.topic, line.level) for line in found] == expected
    assert all(line.fix for line in found)


def test_each_function_that_runs_by_itself_is_looked_at() -> None:
    by_themselves = {name for name, (kind, _) in EXPECTED.items() if kind != "httpTrigger"}
    switched_off = {f"AzureWebJobs.{name}.Disabled": "true" for name in by_themselves}
    said = {line.topic.removeprefix("function ") for line in switched_off_lines(switched_off)}
    assert said | {"scheduled_scan", "watch_audit_log"} == by_themselves


@pytest.mark.parametrize(("hours", "level"), [(1, Level.OK), (35, Level.OK), (37, Level.WRONG)])
async def test_an_alert_that_nobody_takes_up_is_said_after_a_scan_should_have_put_it_on_the_queue_again(
    environment: pytest.MonkeyPatch, storage: str, hours: int, level: Level
) -> None:
    alert = Alert("waits", "t", "Contoso", datetime.now(UTC) - timedelta(hours=hours), "One finding.")
    async with TableServiceClient.from_connection_string(storage) as tables:
        await Ledger(tables).keep(alert, ["teams"])
        line = (await lines(environment))["channel Teams"]
        assert (line.level, "nobody has tried to send" in line.text) == (level, level is Level.WRONG)
        await Ledger(tables).claim(ChannelState("waits", "teams"), datetime.now(UTC))
    assert (await lines(environment))["channel Teams"].level is Level.OK


@pytest.mark.parametrize(
    ("content", "level", "said"),
    [
        (None, Level.OK, "A checkout"),
        ({"version": "1.2.0", "commit": "v1.2.0", "python": "3.13"}, Level.OK, "Version 1.2.0 (v1.2.0)"),
        ({"version": "1.2.0", "commit": "v1.2.0", "python": "3.12"}, Level.ATTENTION, "bytecode is of no use"),
        ({"version": "1.2.0"}, Level.ATTENTION, "can't be read"),
        ([], Level.ATTENTION, "can't be read"),
    ],
)
def test_the_package_says_what_it_is(tmp_path: Path, content: object, level: Level, said: str) -> None:
    file = tmp_path / "built.json"
    if content is not None:
        file.write_text(json.dumps(content), encoding="utf-8")
    line = package_line(file, "3.13.2")
    assert (line.level, said in line.text, bool(line.fix)) == (level, True, level is not Level.OK)


def record(name: str, cause: Cause | None, since: datetime | None = NOW) -> ChannelRecord:
    return ChannelRecord(name, since=since if cause else None, cause=cause, error="Teams refused it (403).")


@pytest.mark.parametrize(
    ("changes", "records", "expected"),
    [
        ({}, [], [("channel Teams", Level.OK)]),
        ({}, [record("teams", Cause.REFUSING)], [("channel Teams", Level.WRONG)]),
        ({}, [record("teams", None)], [("channel Teams", Level.OK)]),
        ({"TEAMS_WEBHOOK_URL": "@Microsoft.KeyVault(SecretUri=https://v)"}, [], [("channel Teams", Level.WRONG)]),
        ({"TEAMS_WEBHOOK_URL": "ftp://x"}, [], [("channel Teams", Level.WRONG)]),
        ({"TEAMS_WEBHOOK_URL": ""}, [], [("channels", Level.ATTENTION)]),
        (
            {"TEAMS_WEBHOOK_URL": ""},
            [record("teams", Cause.UNSET)],
            [("channel Teams", Level.ATTENTION), ("channels", Level.ATTENTION)],
        ),
        (
            {"ALERT_EMAIL_FROM": "a@contoso.com", "ALERT_EMAIL_TO": "b@contoso.com"},
            [],
            [("channel Teams", Level.OK), ("channel mail", Level.OK)],
        ),
    ],
)
def test_each_channel(
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    records: list[ChannelRecord],
    expected: list[tuple[str, Level]],
) -> None:
    found = channel_lines(settings_with(monkeypatch, **changes), {one.name: one for one in records})
    assert [(line.topic, line.level) for line in found] == expected
    assert all(bool(line.fix) is (line.level is not Level.OK) for line in found)
    assert not any("hidden" in str(line) for line in found)


@pytest.mark.parametrize(("channel", "recovered"), [("teams", True), ("webhook", True), ("email", False)])
def test_a_channel_that_is_gone_may_have_a_deleted_secret_to_recover(
    monkeypatch: pytest.MonkeyPatch, channel: str, recovered: bool
) -> None:
    settings = settings_with(monkeypatch, TEAMS_WEBHOOK_URL="")
    line = channel_lines(settings, {channel: record(channel, Cause.UNSET)})[0]
    assert line.fix.startswith("Set it again")
    assert ("recovered first (docs/deploy.md, step 6)" in line.fix) is recovered


def test_a_queue_that_is_not_there_yet_is_fine() -> None:
    assert queue_line("alerts-poison", None).level is Level.OK
