"""What azd runs: waits for roles that are new, says what is left to do, starts the first scan, and never fails."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools import azd, azure
from devtools.azure import Azure, AzureError
from devtools.tasks import STANDALONE, run_task
from jobs.messages import read_scan
from tests.devtools.azure_stand_in import TOKEN, StandIn
from tests.infra.bicep import INFRA, parsed

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MANIFEST = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
VALUES = {
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "rg",
    "STORAGE_ACCOUNT_NAME": "sta",
    "IDENTITY_PRINCIPAL_ID": "the-identity",
    "FUNCTION_APP_URL": "https://func-a.example",
}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(
        azure, "command", lambda *words: f'{{"token": "{TOKEN}"}}' if words[:3] == ("azd", "auth", "token") else None
    )
    with StandIn() as stand_in:
        yield stand_in
    assert stand_in.refused == []


def given(age: float, principal: str = "the-identity") -> dict[str, Any]:
    time = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    return {"principalId": principal, "createdOn": time}


@pytest.mark.parametrize(
    ("assignments", "seconds"),
    [
        ([], 0),
        ([given(10)], azd.ROLES_TAKE - 10),
        ([given(10_000), given(200)], azd.ROLES_TAKE - 200),
        ([given(azd.ROLES_TAKE + 1)], 0),
        ([given(10, "somebody-else")], 0),
        ([{"principalId": "the-identity"}], 0),
    ],
)
def test_only_new_roles_are_waited_for(assignments: list[dict[str, Any]], seconds: float) -> None:
    assert azd.seconds_to_wait(assignments, "the-identity", NOW) == seconds


def test_it_waits_for_the_roles_of_the_app(stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.assignments = [{"principalId": "the-identity", "createdOn": datetime.now(UTC).isoformat()}]
    slept: list[float] = []
    azd.wait(Azure(prefer=("azd",), arm=stand_in.url), VALUES, sleep=slept.append)
    assert 290 < slept[0] <= azd.ROLES_TAKE
    assert "waiting" in capsys.readouterr().out


def test_the_first_scan_is_a_message_that_the_app_understands(stand_in: StandIn) -> None:
    run_id = azd.start_scan(Azure(prefer=("azd",), arm=stand_in.url), f"{stand_in.url}/queue/")
    (message,) = stand_in.messages
    assert message["run_id"] == run_id
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", run_id)
    assert read_scan(json.dumps(message).encode()).trigger == "by hand"


@pytest.mark.parametrize("statuses", [[403] * 20, [404], [500]])
def test_a_queue_that_cannot_be_used_is_told(stand_in: StandIn, statuses: list[int]) -> None:
    stand_in.queue = statuses
    with pytest.raises(AzureError, match=f"The queue answered {statuses[0]}"):
        azd.start_scan(Azure(prefer=("azd",), arm=stand_in.url), f"{stand_in.url}/queue", sleep=lambda _: None)


@pytest.mark.parametrize(
    ("settings", "shell", "powershell"),
    [
        ({}, "--also AuditLog.Read.All", "-Also AuditLog.Read.All"),
        ({"AUDIT_LOG": "off"}, "", ""),
        ({"SERVICE_ACCOUNT_DISCOVERY": "signins"}, "--optional", "-Optional"),
        (
            {"SERVICE_ACCOUNT_DISCOVERY": " , ", "AUDIT_LOG": "on"},
            "--also AuditLog.Read.All",
            "-Also AuditLog.Read.All",
        ),
    ],
)
def test_the_end_says_the_grant_that_the_settings_need_for_both_shells(
    settings: dict[str, str], shell: str, powershell: str
) -> None:
    said = azd.steps({**VALUES, **settings})
    assert re.search(rf"infra/grant-permissions\.sh --identity the-identity ?{re.escape(shell)}$", said, re.MULTILINE)
    assert re.search(rf"grant-permissions\.ps1 -Identity the-identity ?{re.escape(powershell)}$", said, re.MULTILINE)
    assert "https://func-a.example/api/health" in said


def test_the_end_names_the_report_once_people_can_sign_in() -> None:
    assert "https://func-a.example/api/report" not in azd.steps(VALUES)
    assert "https://func-a.example/api/report" in azd.steps({**VALUES, "AUTH_CLIENT_ID": "x"})


@pytest.mark.parametrize(("addresses", "told"), [("", True), (" , ", True), ("it@contoso.com", False)])
def test_the_end_says_that_nobody_is_told_when_the_app_itself_is_in_trouble(addresses: str, told: bool) -> None:
    said = azd.steps({**VALUES, "OPERATIONS_EMAILS": addresses})
    assert ("azd env set OPERATIONS_EMAILS" in said) is told


def test_the_end_starts_the_first_scan(stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    values = {**VALUES, "STORAGE_QUEUE_ENDPOINT": f"{stand_in.url}/queue/"}
    azd.next_steps(Azure(prefer=("azd",), arm=stand_in.url), values, ask=lambda _: "")
    assert len(stand_in.messages) == 1
    assert "The first scan is on its way" in capsys.readouterr().out


@pytest.mark.parametrize("region", ["westeurope", "West Europe", "EASTUS"])
def test_a_region_that_has_the_plan_is_fine(stand_in: StandIn, region: str) -> None:
    azd.check_region(Azure(prefer=("azd",), arm=stand_in.url), {**VALUES, "AZURE_LOCATION": region})


def test_a_region_without_the_plan_stops_azd_before_anything_is_made(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    monkeypatch.setattr(azd, "azd_values", lambda: {**VALUES, "AZURE_LOCATION": "Mars"})
    assert azd.main(["check"]) == 1
    assert (
        "mars hasn't the Flex Consumption plan. These regions have it: eastus, westeurope." in capsys.readouterr().err
    )


@pytest.mark.parametrize("values", [{}, VALUES])
def test_a_region_that_nobody_chose_yet_is_none_to_check(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(azd, "azd_values", lambda: values)
    monkeypatch.setattr(azure, "command", lambda *_: None)
    assert azd.main(["check"]) == 0
    assert "run azd provision" not in capsys.readouterr().out


@pytest.mark.parametrize("regions", [[], ["West Europe"]])
def test_where_regions_cannot_be_asked_azd_goes_on(
    stand_in: StandIn, regions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.regions = regions
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    monkeypatch.setattr(
        azd,
        "azd_values",
        lambda: {**VALUES, "AZURE_SUBSCRIPTION_ID": "other" if regions else "s", "AZURE_LOCATION": "x"},
    )
    assert azd.main(["check"]) == 0


DEPLOYED: dict[str, Any] = {
    "environmentName": "contoso",
    "serviceAccountPatterns": "svc-*",
    "operationsEmails": "it@contoso.com",
    "alertEmailFrom": "o'neil@contoso.com",
    "scanSchedule": "0 0 6 * * *",
    "auditLog": "off",
    "scanOverdueHours": 36,
    "privateNetwork": True,
    "diagnosticLogs": True,
    "authTenantId": "t",
    "tags": {},
    "webhookSecret": None,
}
KNOWN = {
    **VALUES,
    "AZURE_ENV_NAME": "contoso",
    "FUNCTION_APP_NAME": "func-contoso",
    "SERVICE_ACCOUNT_PATTERNS": "svc-*",
    "OPERATIONS_EMAILS": "it@contoso.com",
    "ALERT_EMAIL_FROM": "o'neil@contoso.com",
    "AUDIT_LOG": "off",
    "PRIVATE_NETWORK": "true",
}
"""An azd environment that holds all that is deployed."""


def check(stand_in: StandIn, values: dict[str, str]) -> None:
    azd.check_values(Azure(prefer=("azd",), arm=stand_in.url), values)


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in KNOWN.items() if name not in names}


def test_a_lost_environment_stops_azd_before_values_go_back_to_their_defaults(stand_in: StandIn) -> None:
    stand_in.recorded = {"app-password-watch": DEPLOYED}
    with pytest.raises(azd.Lost) as stopped:
        check(stand_in, {**VALUES, "AZURE_ENV_NAME": "contoso"})
    told = str(stopped.value).splitlines()
    assert "contoso is deployed already" in told[0]
    assert told[1:] == [
        "  azd env set SERVICE_ACCOUNT_PATTERNS 'svc-*'",
        "  azd env set AUDIT_LOG 'off'",
        '  azd env set ALERT_EMAIL_FROM "o\'neil@contoso.com"',
        "  azd env set OPERATIONS_EMAILS 'it@contoso.com'",
        "  azd env set PRIVATE_NETWORK 'true'",
    ]


@pytest.mark.parametrize("name", ["OPERATIONS_EMAILS", "ALERT_EMAIL_FROM", "PRIVATE_NETWORK"])
@pytest.mark.parametrize("meant", [None, ""])
def test_what_would_be_emptied_or_opened_is_stopped_unless_it_is_said(
    stand_in: StandIn, name: str, meant: str | None
) -> None:
    stand_in.recorded = {"app-password-watch": DEPLOYED}
    if meant is None:
        with pytest.raises(azd.Lost, match=f"azd env set {name} "):
            check(stand_in, without(name))
    else:
        check(stand_in, {**KNOWN, name: meant})


def test_another_default_of_a_newer_version_stops_nobody_who_never_set_it(stand_in: StandIn) -> None:
    stand_in.recorded = {"app-password-watch": {**DEPLOYED, "maximumInstanceCount": 40}}
    check(stand_in, KNOWN)


def test_an_environment_that_never_met_the_installation_keeps_choices_too(stand_in: StandIn) -> None:
    stand_in.recorded = {"app-password-watch": DEPLOYED}
    check(stand_in, without("AUDIT_LOG"))
    with pytest.raises(azd.Lost, match="azd env set AUDIT_LOG 'off'"):
        check(stand_in, without("AUDIT_LOG", "FUNCTION_APP_NAME"))


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({}, "teams-webhook-url,webhook-secret,webhook-url"),
        ({"TEAMS_WEBHOOK_URL": "x"}, "teams-webhook-url,webhook-secret,webhook-url"),
        ({"TEAMS_WEBHOOK_URL": "x", "WEBHOOK_URL": "x", "WEBHOOK_SECRET": "x"}, None),
        ({"STORED_SECRETS": "teams-webhook-url"}, None),
    ],
)
def test_secrets_that_the_vault_was_expected_to_hold_stay_expected(
    stand_in: StandIn, values: dict[str, str], asked: str | None
) -> None:
    expected = ["teams-webhook-url", "webhook-url"]
    stand_in.recorded = {
        "app-password-watch": {**DEPLOYED, "storedSecrets": "webhook-secret"},
        "app": {"expectedSecrets": expected},
    }
    if asked is None:
        check(stand_in, {**KNOWN, **values})
    else:
        with pytest.raises(azd.Lost, match=f"azd env set STORED_SECRETS '{asked}'"):
            check(stand_in, {**KNOWN, **values})


@pytest.mark.parametrize("recorded", [{}, {"app-password-watch": {**DEPLOYED, "environmentName": "other"}}])
def test_a_new_installation_has_nothing_to_lose(stand_in: StandIn, recorded: dict[str, dict[str, Any]]) -> None:
    stand_in.recorded = recorded
    check(stand_in, {**VALUES, "AZURE_ENV_NAME": "contoso"})


def test_the_group_is_found_as_the_template_names_it(stand_in: StandIn) -> None:
    values = {"AZURE_SUBSCRIPTION_ID": "s", "AZURE_ENV_NAME": "My_Env.1"}
    assert azd.group_of({**values, "AZURE_RESOURCE_GROUP": ""}) == "rg-My-Env-1"
    assert azd.group_of({**values, "AZURE_RESOURCE_GROUP": "tools"}) == "tools"


def test_a_group_may_have_letters_that_addresses_have_not(stand_in: StandIn) -> None:
    check(stand_in, {**VALUES, "AZURE_ENV_NAME": "contoso", "AZURE_RESOURCE_GROUP": "rg-prüfung (alt)"})


def test_azd_ends_with_what_would_be_lost_and_every_reason_at_once(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.recorded = {"app-password-watch": DEPLOYED}
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    monkeypatch.setattr(azd, "azd_values", lambda: {**without("OPERATIONS_EMAILS"), "AZURE_LOCATION": "Mars"})
    assert azd.main(["check"]) == 1
    told = capsys.readouterr().err
    assert "azd env set OPERATIONS_EMAILS 'it@contoso.com'" in told
    assert "mars hasn't the Flex Consumption plan" in told


def test_a_value_of_the_shell_counts_as_azd_counts_it(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.recorded = {"app-password-watch": DEPLOYED}
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    monkeypatch.setattr(azd, "azd_values", lambda: {**without("OPERATIONS_EMAILS"), "AZURE_LOCATION": "westeurope"})
    assert azd.main(["check"]) == 1
    monkeypatch.setenv("OPERATIONS_EMAILS", "it@contoso.com")
    assert azd.main(["check"]) == 0


def test_what_is_compared_is_what_the_template_deploys() -> None:
    """Azure keeps a deployment by the name of its module, with its parameters by theirs."""
    modules = parsed(INFRA / "main.bicep")["modules"], parsed(INFRA / "resources.bicep")["modules"]
    assert modules[0]["resources"]["config"]["name"].strip("'") == azd.RESOURCES
    assert modules[1]["app"]["config"]["name"].strip("'") == azd.APP
    assert "expectedSecrets" in parsed(INFRA / "modules" / "app.bicep")["parameters"]
    compared = azd.parameters()
    assert compared["operationsEmails"] == ("OPERATIONS_EMAILS", "")
    assert compared["watchSchedule"] == ("WATCH_SCHEDULE", "0 */5 * * * *")
    known = parsed(INFRA / "resources.bicep")["parameters"].keys() | {"resourceGroupName"}
    assert compared.keys() <= known


@pytest.mark.parametrize("task", ["wait", "next"])
@pytest.mark.parametrize("printed", [None, "{}", "[]", "no json", '{"AZURE_SUBSCRIPTION_ID": "s"}'])
def test_a_hook_never_fails(
    task: str, printed: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(azure, "command", lambda *words: printed if words[:2] == ("azd", "env") else None)
    assert azd.main([task]) == 0
    assert "run azd provision" in capsys.readouterr().out


def test_without_a_sign_in_a_hook_does_not_fail_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(azd, "azd_values", lambda: VALUES)
    monkeypatch.setattr(azure, "command", lambda *_: None)
    assert azd.main(["wait"]) == 0
    assert "Nobody is signed in" in capsys.readouterr().out


def hooks() -> list[tuple[str, dict[str, Any]]]:
    service = MANIFEST["services"]["app"]
    return [*MANIFEST["hooks"].items(), *service["hooks"].items()]


@pytest.mark.parametrize(("name", "hook"), hooks(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_hook_runs_the_same_in_both_shells(name: str, hook: dict[str, Any]) -> None:
    posix, windows = hook["posix"], hook["windows"]
    assert (posix["shell"], windows["shell"]) == ("sh", "pwsh")
    assert posix["run"].removeprefix("python3 ") == windows["run"].removeprefix("python ")
    assert posix.get("interactive") == windows.get("interactive")
    # Whatever Python the machine has, dev.py says in a sentence that it is too old; a module would only fail.
    file, task, *words = posix["run"].removeprefix("python3 ").split()
    assert file == "dev.py"
    assert task in STANDALONE
    assert task != "azd" or set(words) <= set(azd.TASKS)


def test_what_azd_runs_is_told_apart_by_dev_py(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_task(["azd", "dance"], usage="") == 2
    assert "dev.py azd check" in capsys.readouterr().err


def test_azd_deploys_the_package_that_the_project_builds() -> None:
    from devtools.building import FOLDER

    service = MANIFEST["services"]["app"]
    assert (service["remoteBuild"], service["dist"]) == (False, FOLDER.relative_to(ROOT).as_posix())
    assert service["hooks"]["prepackage"]["posix"]["run"] == "python3 dev.py package"
    assert MANIFEST["hooks"]["postup"]["posix"]["interactive"] is True
    assert MANIFEST["requiredVersions"]["azd"] == ">= 1.23.13"
