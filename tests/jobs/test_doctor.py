"""Whether everything that a scan needs is in place, one thing after another taken away."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from checks.retirements import load_retirements, newest_reading, retirements
from commands.doctor import print_lines
from connections.storage import tables
from jobs import doctor
from jobs.doctor import Level, Line
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from localgraph.tenant import mfa_service_json
from settings import load_settings
from settings.values import StorageConnection
from tenant.permissions import PERMISSIONS, Permission
from tenant.probes import PROBES, UNPROBED
from tests.e2e.conftest import Answer, Installation

SVC = "svc@contoso.com"
GRAPH, TABLES = "Microsoft Graph", "tables"


@dataclass(slots=True)
class Place:
    """An installation where all is well."""

    graph: LocalGraph
    environment: pytest.MonkeyPatch

    def run(self, *arguments: str) -> Answer:
        return Installation(self.graph, None, "").run(*arguments)  # type: ignore[arg-type]

    def lines(self, *arguments: str) -> dict[str, dict[str, str]]:
        answer = self.run(*(arguments or ("doctor",)), "--format", "json")
        return {line["topic"]: line for line in json.loads(answer.out)["lines"]}

    def levels(self, *arguments: str) -> dict[str, str]:
        """What is not well."""
        well = (Level.OK.value, Level.NOT_TRIED.value)
        return {name: line["level"] for name, line in self.lines(*arguments).items() if line["level"] not in well}


@pytest.fixture
def place(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    tenant = TenantBuilder().user(SVC, mfa="enabled").policy("MFA", grant=["mfa"]).build()
    with LocalGraph(tenant).in_thread() as graph:
        settings = {
            "GRAPH_ENDPOINT": graph.url,
            "AzureWebJobsStorage": storage,
            "SERVICE_ACCOUNTS": SVC,
            "APP_PASSWORDS_ALLOWED": "yes",
            "TEAMS_WEBHOOK_URL": "https://example.com/?sig=hidden",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield Place(graph, monkeypatch)


def test_where_all_is_well_nothing_asks_for_attention(place: Place) -> None:
    answer = place.run("doctor")
    assert answer.code == 0, answer.out
    head, *rows = answer.out.splitlines()
    assert head.split() == ["State", "What", "Found"]
    assert {line.split("  ")[0].strip() for line in rows} <= {"ok", "not tried", ""}
    assert "hidden" not in answer.out
    assert place.graph.mails == []


async def test_the_probe_of_the_tables_leaves_nothing_behind(place: Place) -> None:
    assert (await doctor.examine())[1].level is Level.OK
    async with tables(load_settings()) as service:
        assert [row async for row in service.get_table_client("runs").list_entities()] == []


@pytest.mark.parametrize(
    ("name", "value", "topic", "level"),
    [
        ("SERVICE_ACCOUNTS", "", "settings", "wrong"),
        ("GRAPH_CLOUD", "mars", "settings", "wrong"),
        ("AzureWebJobsStorage", "", "settings", "wrong"),
        ("GRAPH_ENDPOINT", "http://127.0.0.1:9", GRAPH, "wrong"),
        ("APP_PASSWORDS_ALLOWED", "no", "app-password switch", "attention"),
        ("TEAMS_WEBHOOK_URL", "", "channels", "attention"),
        ("TEAMS_WEBHOOK_URL", "@Microsoft.KeyVault(SecretUri=https://v)", "channel Teams", "wrong"),
        ("ALERT_EMAIL_TO", "it@contoso.com", "channel mail", "wrong"),
        ("PRODUCTS_FILE", "/nonexistent/products.json", "settings", "wrong"),
        ("SERVICE_ACCOUNT_PATERNS", "svc-*", "settings", "attention"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_one_line_with_a_fix(
    place: Place, name: str, value: str, topic: str, level: str
) -> None:
    place.environment.setattr("tenant.graph.Pace.after_silence", lambda _: None)
    place.environment.setenv(name, value)
    assert place.levels() == {topic: level}
    assert place.lines()[topic]["fix"]
    assert place.run("doctor").code == doctor.EXIT_CODES[Level(level)]


@pytest.mark.parametrize(
    ("attested", "readable", "on", "level", "said"),
    [
        ("", True, True, "ok", "Microsoft Graph says that users may create them."),
        ("", True, False, "ok", "Microsoft Graph says that users may not create them."),
        ("yes", True, False, "attention", "is off, and the setting APP_PASSWORDS_ALLOWED says yes"),
        ("no", False, True, "ok", "You attested that users may not create them"),
        ("", False, True, "attention", "Nobody has said whether the tenant allows app passwords"),
    ],
)
def test_the_tenant_switch_is_read_where_that_is_possible(
    place: Place, attested: str, readable: bool, on: bool, level: str, said: str
) -> None:
    place.environment.setenv("APP_PASSWORDS_ALLOWED", attested)
    place.graph.tenant.mfa_service = mfa_service_json(app_passwords=on) if readable else None
    line = place.lines()["app-password switch"]
    assert (line["level"], bool(line["fix"])) == (level, level == "attention")
    assert said in line["text"]


@pytest.mark.parametrize(
    ("days", "level", "age"),
    [(-9, Level.OK, "0 days"), (1, Level.OK, "1 day"), (365, Level.OK, "365 days"), (366, Level.ATTENTION, "366 days")],
)
def test_dates_that_nobody_has_read_for_a_year_ask_for_attention(days: int, level: Level, age: str) -> None:
    read = newest_reading(retirements())
    line = doctor.dates_line(read + timedelta(days=days))
    assert (line.level, bool(line.fix)) == (level, level is Level.ATTENTION)
    assert f"last read on {read}, {age} ago" in line.text


def test_dates_that_can_not_be_used_are_a_line_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "retirements", lambda: load_retirements("{"))
    line = doctor.dates_line(date(2026, 11, 26))
    assert (line.level, bool(line.fix)) == (Level.WRONG, True)
    assert "can't be used" in line.text


def test_storage_that_is_not_there_is_said_of_tables_and_queues(place: Place) -> None:
    place.environment.setenv(
        "AzureWebJobsStorage",
        "AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a",
    )
    assert place.levels() == {TABLES: "wrong", "queues": "wrong"}


@pytest.mark.parametrize("permission", [one for one in PERMISSIONS if one.name in PROBES], ids=lambda one: one.name)
def test_a_permission_that_is_missing_is_named_with_what_is_lost(place: Place, permission: Permission) -> None:
    place.environment.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins,consents")
    place.graph.deny(permission.name)
    topic = f"permission {permission.name}"
    line = place.lines("permissions", "--check")[topic]
    assert line["level"] == ("attention" if permission.optional else "wrong")
    assert permission.without in line["text"]
    # That one and no other, in either shell.
    one = (f" --also {permission.name}", f" -Also {permission.name}") if permission.optional else ("", "")
    assert line["fix"] == (
        f"As Privileged Role Administrator, run infra/grant-permissions.sh{one[0]}, in PowerShell "
        f"./infra/grant-permissions.ps1{one[1]}."
    )


def test_granted_and_needed_agree_when_only_the_required_ones_are_held(place: Place) -> None:
    place.graph.grant(*(one.name for one in PERMISSIONS if not one.optional))
    assert place.levels("permissions", "--check") == {
        "permission AuditLog.Read.All": "attention",
        "permission DirectoryRecommendations.Read.All": "attention",
    }
    place.environment.setenv("SERVICE_ACCOUNT_DISCOVERY", "consents")
    assert "permission Application.Read.All" in place.levels("permissions", "--check")
    assert place.run("permissions", "--check").code == 1


def test_every_permission_is_probed_or_says_why_not() -> None:
    assert {one.name for one in PERMISSIONS} == PROBES.keys() | UNPROBED.keys()
    assert not PROBES.keys() & UNPROBED.keys()


@pytest.mark.parametrize("status", [429, 500, 400, 404])
def test_an_answer_that_is_no_refusal_leaves_the_permission_open(
    place: Place, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenant.graph.Pace.after", lambda *_: None)
    place.graph.fail("servicePrincipals|roleDefinitions", status, code="UnknownError")
    place.environment.setenv("SERVICE_ACCOUNT_DISCOVERY", "consents")
    lines = place.lines("permissions", "--check")
    assert lines["permission RoleManagement.Read.Directory"]["level"] == "attention"
    assert lines["permission RoleManagement.Read.Directory"]["text"].startswith("Cannot tell")
    assert lines["permission Application.Read.All"]["level"] == "not tried"


def test_a_tenant_without_licence_is_no_missing_permission(place: Place) -> None:
    place.graph.fail("userRegistrationDetails", 403, code="Authentication_RequestFromNonPremiumTenantOrB2CTenant")
    place.graph.fail("subscribedSkus", 200, body={"value": []})
    lines = place.lines()
    assert lines["permission AuditLog.Read.All"]["level"] == "not tried"
    assert "no Microsoft Entra ID P1" in lines["licence"]["text"]


@pytest.mark.parametrize(
    ("ahead", "level"), [(-301, Level.WRONG), (-299, Level.OK), (0, Level.OK), (299, Level.OK), (301, Level.WRONG)]
)
def test_a_clock_may_be_five_minutes_off(ahead: int, level: Level) -> None:
    class Answered:
        clock_ahead = timedelta(seconds=ahead)

    assert doctor._clock(Answered()).level is level  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        (StorageConnection(queue_uri="https://a.queue.core.windows.net"), "https://a.queue.core.windows.net"),
        (StorageConnection("UseDevelopmentStorage=true"), "http://127.0.0.1:10001/devstoreaccount1"),
        (StorageConnection("AccountName=a;AccountKey=a2V5=="), "https://a.queue.core.windows.net"),
        (
            StorageConnection("AccountName=a;EndpointSuffix=core.usgovcloudapi.net"),
            "https://a.queue.core.usgovcloudapi.net",
        ),
        (StorageConnection("TableEndpoint=https://a;SharedAccessSignature=s"), None),
    ],
)
def test_the_address_of_the_queues(connection: StorageConnection, address: str | None) -> None:
    assert doctor.queue_address(connection) == address


def test_a_line_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_lines([Line("x", Level.WRONG, "a\x1b[2Jb\nc", "d\x07")], "table") == 2
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.isprintable() for row in rows] == [True, True]
