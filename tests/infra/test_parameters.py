"""What parameters become: names that Azure allows, and one sentence for everything that can't be meant."""

import re
from typing import Any

import pytest

from tests.infra.bicep import INFRA, literals, parsed
from tests.infra.evaluate import Failed, Scope, interpolated
from tests.infra.update_generated import with_repeated_parameters

# Source: Microsoft Learn, "Naming rules and restrictions for Azure resources".
ALLOWED = {
    "identity": r"[A-Za-z0-9][\w-]{2,127}",
    "workspaceName": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "insightsName": r"[\w.()-]{0,254}[\w()-]",
    "storage": r"[a-z0-9]{3,24}",
    "vault": r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "network": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "planName": r"[A-Za-z0-9-]{1,60}",
    "app": r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
}
"""Parameter of a module that is a name, or the module whose parameter ``name`` it is -> what Azure takes."""
ODD_NAMES = ["contoso-prod", "My Env.1", "prod_eu", "Contoso", "a", "-", "Zürich", "x" * 32, "İ" * 32, "a--b", "1.2.3"]
ODD_NAMES += ["Microsoft 365", "prod-WINDOWS", "winwindowsdows"]
RESERVED = re.compile("microsoft|windows", re.IGNORECASE)
"""Source: Microsoft Learn, "Resolve errors for reserved resource names"."""
SELECTION = {"serviceAccountPatterns": "svc-*"}


def variables(**parameters: Any) -> Scope:
    return Scope(INFRA / "resources.bicep", {"environmentName": "contoso-prod", **SELECTION, **parameters})


def names(scope: Scope) -> dict[str, str]:
    """The names that ``resources.bicep`` gives its modules."""
    found = {}
    for module, item in parsed(INFRA / "resources.bicep")["modules"].items():
        parameters = item["config"].get("config", item["config"])["params"]
        for name, value in parameters.items():
            if name == "name" or name in ALLOWED:
                text = str(scope[value]) if value in scope or "$" not in value else interpolated(value, scope)
                found[name if name in ALLOWED else module] = text
    return found


@pytest.mark.parametrize("name", ODD_NAMES)
def test_whatever_azd_takes_as_a_name_becomes_names_that_azure_takes(name: str) -> None:
    scope = variables(environmentName=name)
    _ = scope["functionAppName"], scope["suffix"]
    made = names(scope)
    assert made.keys() == ALLOWED.keys()
    assert {kind: text for kind, text in made.items() if not re.fullmatch(ALLOWED[kind], text, re.ASCII)} == {}
    assert [text for text in made.values() if RESERVED.search(text)] == []
    assert len(f"pe-{made['network']}-vault") <= 64
    group = Scope(INFRA / "main.bicep", {"environmentName": name})
    assert re.fullmatch(r"[A-Za-z0-9-]+", group["cleanName"])
    assert group["cleanName"] == scope["spelledName"]


def test_an_installation_keeps_its_names_when_it_is_deployed_again() -> None:
    # Before names were cleaned, only letters, digits and hyphens could be deployed. Azure doesn't tell the case of a name's letters,
    # but guid() and uniqueString() do: an assignment of a role would be made a second time, which Azure refuses.
    for name in ("contoso-prod", "Contoso--Prod-", "a1"):
        assert variables(environmentName=name)["cleanName"] == name
        assert Scope(INFRA / "main.bicep", {"environmentName": name})["cleanName"] == name


def test_the_app_is_called_by_a_host_name_as_browsers_write_it() -> None:
    scope = variables(environmentName="Contoso")
    assert scope["functionAppName"] == f"func-contoso-{scope['suffix']}"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"serviceAccountPatterns": ""}, "Nothing says which accounts are service accounts"),
        ({"serviceAccountPatterns": " , "}, "Nothing says which accounts are service accounts"),
        ({"serviceAccountAttribute": "extensionAttribute7"}, "serviceAccountAttribute is written as name=value."),
        ({"serviceAccountGroups": "Backup apps"}, "which Backup apps is not."),
        ({"serviceAccountDiscovery": "signins,mail"}, "takes signins and consents, not mail."),
        ({"storedSecrets": "teams-webhook-url, teams"}, "webhook-url, webhook-secret, not teams."),
        ({"storedSecrets": "webhook-url"}, "A webhook needs webhook-url and webhook-secret"),
        ({"webhookUrl": "https://hook"}, "A webhook needs webhook-url and webhook-secret"),
        ({"operationsEmails": "it@contoso.com,ops"}, "take mail addresses, which ops is not."),
        ({"alertEmailFrom": "alerts@contoso.com"}, "Alerts by mail need alertEmailFrom and alertEmailTo"),
        ({"alertEmailTo": "it@contoso.com"}, "Alerts by mail need alertEmailFrom and alertEmailTo"),
        ({"whatIfBudget": "many"}, "whatIfBudget is a whole number from 0 to 200, not many."),
        ({"whatIfBudget": "201"}, "whatIfBudget is a whole number from 0 to 200, not 201."),
        ({"scanSchedule": "0 6 * * *"}, "scanSchedule has six fields"),
        ({"watchSchedule": "*/5 * * * *"}, "watchSchedule is off, or has six fields"),
        ({"watchSchedule": ""}, "watchSchedule is off, or has six fields"),
        (
            {"privateNetwork": True, "networkAddressPrefix": "10.0.0.0/26"},
            "/24 or larger, e.g. 10.90.0.0/24, not 10.0.0.0/26.",
        ),
        ({"privateNetwork": True, "networkAddressPrefix": "10.0.0.0"}, "/24 or larger"),
        ({"moreTags": "owner"}, "moreTags is written as name=value, which owner is not."),
        ({"moreTags": "a=b, =Ada"}, "moreTags is written as name=value, which =Ada is not."),
    ],
)
def test_what_cannot_be_meant_stops_the_deployment_in_a_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Failed) as failed:
        _ = variables(**parameters)["suffix"]
    assert sentence in str(failed.value)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"privateNetwork": True},
        {"privateNetwork": True, "networkAddressPrefix": "10.0.0.0/8"},
        {"networkAddressPrefix": "not asked for"},
        {
            "operationsEmails": ",",
            "alertEmailTo": " ,",
            "storedSecrets": ",",
            "moreTags": ",",
            "serviceAccountGroups": ",",
        },
        {
            "serviceAccounts": "a@contoso.com,",
            "serviceAccountGroups": "3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10,",
            "serviceAccountAttribute": "extensionAttribute7=service",
            "serviceAccountDiscovery": "Signins, consents,",
            "alertEmailFrom": "alerts@contoso.com",
            "alertEmailTo": "it@contoso.com,",
            "operationsEmails": "it@contoso.com",
            "storedSecrets": "webhook-url,webhook-secret,",
            "moreTags": "owner=Ada,",
            "privateNetwork": True,
            "watchSchedule": "off",
        },
    ],
)
def test_what_can_be_meant_is_deployed(parameters: dict[str, Any]) -> None:
    scope = variables(**parameters)
    assert scope["problems"] == []
    assert scope["suffix"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Failed) as failed:
        _ = variables(storedSecrets="teams", whatIfBudget="x")["functionAppName"]
    assert str(failed.value).count("not ") == 2


def test_every_name_hangs_on_the_parameters_being_right() -> None:
    for name, item in parsed(INFRA / "resources.bicep")["modules"].items():
        words = {str(one) for one in literals(item["config"])}
        text = " ".join(words)
        assert name == "alerts" or "suffix" in text or "functionAppName" in text, name


def test_empty_entries_of_lists_are_no_entries() -> None:
    scope = variables(operationsEmails="it@contoso.com, ops@contoso.com,", storedSecrets=" teams-webhook-url ,")
    assert scope["operationsAddresses"] == ["it@contoso.com", "ops@contoso.com"]
    assert scope["secretNames"] == ["teams-webhook-url"]
    assert variables()["operationsAddresses"] == []


def test_secrets_that_are_given_and_those_that_are_named_are_expected() -> None:
    scope = variables(storedSecrets="webhook-url,webhook-secret", teamsWebhookUrl="https://teams")
    assert set(scope["secretNames"]) == {"teams-webhook-url", "webhook-url", "webhook-secret"}


@pytest.mark.parametrize(
    ("parameters", "who", "kind"),
    [
        ({}, "id-of-the-deployer", "User"),
        ({"administratorPrincipalId": "none"}, "", "none"),
        ({"administratorPrincipalId": "a-group"}, "a-group", ""),
        ({"administratorPrincipalId": "a", "administratorPrincipalType": "Group"}, "a", "Group"),
    ],
)
def test_whoever_deploys_administers_unless_somebody_else_or_nobody_is_named(
    parameters: dict[str, str], who: str, kind: str
) -> None:
    scope = variables(**parameters)
    assert scope["administratorId"] == who
    assert not who or scope["administratorType"] == kind


def test_tags_can_be_written_as_text() -> None:
    scope = variables(moreTags="owner = Ada, url=https://x?a=b,", tags={"cost": "42"})
    assert scope["allTags"] == {"cost": "42", "owner": "Ada", "url": "https://x?a=b"}


def test_tags_are_those_of_the_group_too_for_a_deployment_replaces_what_stands_there() -> None:
    given = {"environmentName": "a", "moreTags": "owner = Ada, url=https://x?a=b,", "tags": {"cost": "42"}}
    assert Scope(INFRA / "main.bicep", given)["allTags"] == variables(**given)["allTags"]
    group = parsed(INFRA / "main.bicep")["resources"]["group"]["config"]
    assert "allTags" in group["tags"]["function"]["parameters"].values()


@pytest.mark.parametrize("schedule", ["off", " Off ", "0 */5 * * * *", " 0  0 6 * * *"])
def test_the_audit_log_is_looked_at_by_a_schedule_or_not_at_all(schedule: str) -> None:
    assert variables(watchSchedule=schedule)["problems"] == []


def test_both_entries_take_the_same_parameters_because_one_repeats_the_other() -> None:
    template = (INFRA / "main.bicep").read_text(encoding="utf-8")
    assert template == with_repeated_parameters(template), "run python -m tests.infra.update_generated"


def test_azd_finds_the_group() -> None:
    group = parsed(INFRA / "main.bicep")["resources"]["group"]["config"]
    assert {"'azd-env-name'": "environmentName"} in group["tags"]["function"]["parameters"].values()


def test_stricter_rules_of_the_linter_are_the_same_for_every_template() -> None:
    import json

    rules = [
        json.loads((INFRA / place / "bicepconfig.json").read_text("utf-8"))["analyzers"] for place in ("", "graph")
    ]
    assert rules[0] == rules[1]
    assert {rule["level"] for rule in rules[0]["core"]["rules"].values()} == {"warning"}
