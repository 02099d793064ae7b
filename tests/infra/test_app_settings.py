"""App settings: what the code reads is what the template sets, in both directions."""

import re
from typing import Any

import pytest

from settings import Settings
from settings.model import env_name
from settings.values import VAULT_SECRETS
from tests.infra.bicep import INFRA, literals, parsed
from tests.infra.evaluate import interpolated

NOT_SET_IN_AZURE = {
    "AzureWebJobsStorage": "a connection string holds the account key; Azure gets the addresses and an identity instead",
    "GRAPH_ENDPOINT": "another Microsoft Graph, for tests on one machine",
    "PRODUCTS_FILE": "a file that somebody adds to the package, and then the setting with it",
}
"""Settings that the code reads and that a deployment leaves alone, with the reason."""

READ_BY_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__credential",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    "WEBSITE_AUTH_AAD_ALLOWED_TENANTS",
}
"""Settings that the Functions host or App Service authentication reads. Source: Microsoft Learn, "App settings reference for
Azure Functions" and "Configure your App Service or Azure Functions app to use Microsoft Entra sign-in"."""


def variables() -> dict[str, Any]:
    found: dict[str, Any] = parsed(INFRA / "modules" / "app.bicep")["variables"]
    return found


def chosen(variable: str, branch: str) -> dict[str, Any]:
    """What a variable that is a choice holds in its ``true`` or ``false`` case."""
    found: dict[str, Any] = variables()[variable]["value"]["operator"]["operands"][f"{branch}_value"]
    return found


def module(name: str) -> dict[str, Any]:
    found: dict[str, Any] = parsed(INFRA / "resources.bicep")["modules"][name]["config"]["params"]
    return found


def set_by_the_template() -> set[str]:
    """Names of all app settings that a deployment can set."""
    written = {
        *variables()["identitySettings"]["value"],
        *variables()["expectedSettings"]["value"],
        *variables()["secretSettings"]["value"].values(),
        *module("app")["settings"],
    }
    for choice, branch in (("accountSettings", "true"), ("authSettings", "false"), ("reportSettings", "false")):
        written |= chosen(choice, branch).keys()
    return written


def test_every_setting_that_the_code_reads_is_set_or_has_a_reason_not_to_be() -> None:
    read = {env_name(field) for field in Settings.model_fields}
    assert read - set_by_the_template() == NOT_SET_IN_AZURE.keys()


def test_every_setting_that_the_template_sets_is_read() -> None:
    read = {env_name(field) for field in Settings.model_fields}
    assert set_by_the_template() - read == READ_BY_THE_PLATFORM


def test_settings_written_here_are_all_that_reach_the_app() -> None:
    tree = parsed(INFRA / "modules" / "app.bicep")
    configuration = tree["resources"]["configuration"]["config"]["properties"]["function"]
    assert configuration["type"] == "union"
    assert list(configuration["parameters"].values()) == [
        "identitySettings",
        "accountSettings",
        "authSettings",
        "vaultReferences",
        "expectedSettings",
        "reportSettings",
        "chosenSettings",
    ]
    assert "appSettings" not in set(literals(tree["resources"]["site"]["config"]))


def test_secrets_reach_the_app_as_references_to_the_vault() -> None:
    secrets = variables()["secretSettings"]["value"]
    names = {name.strip("'") for name in secrets}
    vault = parsed(INFRA / "modules" / "vault.bicep")["resources"]
    assert {
        resource["config"]["config"]["name"]
        for resource in vault.values()
        if resource["type"] == "Microsoft.KeyVault/vaults/secrets"
    } == names
    known = parsed(INFRA / "resources.bicep")["variables"]
    assert set(known["knownSecrets"]["value"]) == names
    assert names <= {str(one) for one in literals(known["secretsGiven"])}
    secret_fields = {
        env_name(name) for name, info in Settings.model_fields.items() if "Secret." in (info.description or "")
    }
    assert set(secrets.values()) == secret_fields - {"AzureWebJobsStorage"} == set(VAULT_SECRETS)
    assert "@Microsoft.KeyVault(SecretUri=" in (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8")
    assert not secret_fields & module("app")["settings"].keys()


def test_a_deployment_that_forgets_a_secret_keeps_its_channel() -> None:
    words = {str(one) for one in literals(variables()["vaultReferences"]["value"])}
    assert "secretSettings" in words
    assert "expectedSecrets" not in words, "a reference must not hang on what this deployment knows of"


def test_the_account_is_named_in_the_public_cloud_only() -> None:
    assert {"environment", "AzureCloud"} <= {str(one) for one in literals(variables()["inPublicCloud"])}
    assert variables()["accountSettings"]["value"]["operator"]["operands"]["condition"] == "inPublicCloud"
    assert chosen("accountSettings", "true") == {"AzureWebJobsStorage__accountName": "storageAccountName"}
    assert chosen("accountSettings", "false") == {}


@pytest.mark.parametrize(
    ("parameter", "field"), [("scanSchedule", "scan_schedule"), ("watchSchedule", "watch_schedule")]
)
def test_default_schedules_are_the_defaults_of_the_code(parameter: str, field: str) -> None:
    default = parsed(INFRA / "main.bicep")["parameters"][parameter]["default"]
    assert default == Settings.model_fields[field].default


@pytest.mark.parametrize(
    ("audit_log", "schedule", "expected"),
    [("on", "0 */5 * * * *", "0 */5 * * * *"), ("on", "off", "off"), ("off", "0 */5 * * * *", "off")],
)
def test_the_app_is_not_woken_for_an_audit_log_that_it_does_not_read(
    audit_log: str, schedule: str, expected: str
) -> None:
    text = (INFRA / "resources.bicep").read_text(encoding="utf-8")
    (value,) = re.findall(r"^ +WATCH_SCHEDULE: (.*)$", text, re.MULTILINE)
    assert interpolated(f"${{{value}}}", {"auditLog": audit_log, "watchSchedule": schedule}) == expected


def test_choices_are_the_choices_of_the_code() -> None:
    for parameter, field in (("graphCloud", "graph_cloud"), ("appPasswordsAllowed", "app_passwords_allowed")):
        decorators = parsed(INFRA / "main.bicep")["parameters"][parameter]["decorators"]
        allowed = next(one["argument"] for one in decorators if one["type"] == "allowed")
        assert set(allowed) == set(re.findall(r"'(\w+)'", str(Settings.model_fields[field].annotation)))
