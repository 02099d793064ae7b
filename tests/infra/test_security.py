"""Secure by default: what the template must never stop doing."""

import json
import re
from typing import Any

import pytest

from tests.infra.bicep import BICEP_FILES, INFRA, literals, parsed, resource, resources

# Source: Microsoft Learn, "Azure built-in roles"; the same IDs in Azure-Samples/azure-functions-flex-consumption-samples,
# IaC/bicep/rbac.bicep (storage, monitoring).
BUILT_IN_ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
}
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def properties(file: str, symbol: str) -> dict[str, Any]:
    found: dict[str, Any] = resource(file, symbol).body["properties"]
    return found


def choice(value: dict[str, Any]) -> tuple[object, object]:
    """Both outcomes of ``condition ? a : b``."""
    operands = value["operator"]["operands"]
    return operands["true_value"], operands["false_value"]


def roles_given_to(principal: str) -> set[str]:
    """Names of the roles that the template assigns to the principal of that parameter."""
    written = json.loads((INFRA / "data" / "azure-roles.json").read_text(encoding="utf-8"))
    given = set()
    for item in resources():
        if (
            item.type == "Microsoft.Authorization/roleAssignments"
            and item.body["properties"]["principalId"] == principal
        ):
            repeated_over = parsed(item.file)["variables"][item.loop] if item.loop else None
            words = {str(literal) for literal in literals([item.body["properties"], repeated_over])}
            given |= {role["name"] for key, role in written.items() if key in words}
    return given


def test_role_ids_are_those_of_the_named_built_in_roles() -> None:
    written = json.loads((INFRA / "data" / "azure-roles.json").read_text(encoding="utf-8"))
    assert {role["name"]: role["id"] for role in written.values()} == BUILT_IN_ROLES


def test_the_app_gets_exactly_the_roles_it_needs() -> None:
    assert roles_given_to("identityPrincipalId") == {
        "Storage Blob Data Owner",
        "Storage Queue Data Contributor",
        "Storage Table Data Contributor",
        "Monitoring Metrics Publisher",
        "Key Vault Secrets User",
    }


def test_a_named_administrator_gets_data_and_secrets_and_nothing_else() -> None:
    assert roles_given_to("administratorPrincipalId") == {
        "Storage Queue Data Contributor",
        "Storage Table Data Contributor",
        "Key Vault Secrets Officer",
    }


def test_every_role_is_assigned_on_one_resource_never_on_the_group() -> None:
    assignments = [item for item in resources() if item.type == "Microsoft.Authorization/roleAssignments"]
    assert {item.body["scope"] for item in assignments} == {"account", "vault", "insights"}


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: file.name)
def test_no_key_is_ever_asked_for_or_passed_on(file: Any) -> None:
    text = file.read_text(encoding="utf-8")
    for forbidden in (
        "listKeys",
        "listAccountSas",
        "AccountKey",
        "SharedAccessSignature",
        "InstrumentationKey",
        "listSecrets",
    ):
        assert forbidden.lower() not in text.lower()


def test_storage_has_no_account_keys_no_public_blobs_and_modern_tls() -> None:
    account = properties("storage.bicep", "account")
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["allowCrossTenantReplication"] is False
    assert account["isLocalUserEnabled"] is False
    assert account["supportsHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert properties("storage.bicep", "deployments")["publicAccess"] == "None"


def test_telemetry_takes_no_keys() -> None:
    assert properties("monitoring.bicep", "insights")["DisableLocalAuth"] is True
    assert properties("monitoring.bicep", "insights")["WorkspaceResourceId"]
    assert properties("monitoring.bicep", "workspace")["features"]["disableLocalAuth"] is True


def test_vault_goes_by_roles_and_can_undo_a_deletion() -> None:
    vault = properties("vault.bicep", "vault")
    assert vault["enableRbacAuthorization"] is True
    assert vault["enableSoftDelete"] is True
    assert not any(vault[name] for name in vault if name.startswith("enabledFor"))


def test_app_takes_https_only_and_no_publishing_passwords() -> None:
    site = properties("app.bicep", "site")
    assert site["httpsOnly"] is True
    config = site["siteConfig"]
    assert (config["minTlsVersion"], config["scmMinTlsVersion"]) == ("1.2", "1.2")
    assert config["cors"] == {"allowedOrigins": [], "supportCredentials": False}
    assert properties("app.bicep", "ftpPassword")["allow"] is False
    assert properties("app.bicep", "scmPassword")["allow"] is False


def test_the_site_has_none_of_the_properties_that_flex_consumption_refuses() -> None:
    # BadRequest 51021 in newer regions, in the words of Azure: "... is not allowed for Flex Consumption Sku". FTP stays off by
    # basicPublishingCredentialsPolicies/ftp.
    refused = {
        "alwaysOn",
        "ftpsState",
        "functionAppScaleLimit",
        "functionsRuntimeScaleMonitoringEnabled",
        "javaVersion",
        "linuxFxVersion",
        "netFrameworkVersion",
        "nodeVersion",
        "powerShellVersion",
        "preWarmedInstanceCount",
        "pythonVersion",
        "use32BitWorkerProcess",
        "windowsFxVersion",
    }
    assert not refused & properties("app.bicep", "site")["siteConfig"].keys()


def test_app_has_one_identity_and_uses_it_for_storage_package_and_secrets() -> None:
    assert resource("app.bicep", "site").body["identity"]["type"] == "UserAssigned"
    site = properties("app.bicep", "site")
    assert site["keyVaultReferenceIdentity"] == "identityId"
    assert site["functionAppConfig"]["deployment"]["storage"]["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": "identityId",
    }
    settings = parsed(INFRA / "modules" / "app.bicep")["variables"]["identitySettings"]["value"]
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert "AzureWebJobsStorage" not in settings


def test_nobody_is_let_in_without_signing_in_except_to_health() -> None:
    settings = properties("app.bicep", "authentication")
    assert settings["platform"]["enabled"] is True
    validation = settings["globalValidation"]
    assert validation["requireAuthentication"] is True
    assert validation["excludedPaths"] == ["/api/health"]
    assert set(choice(validation["unauthenticatedClientAction"])) == {"Return401", "RedirectToLoginPage"}
    assert settings["httpSettings"]["requireHttps"] is True


def test_sign_in_needs_no_client_secret() -> None:
    registration = properties("app.bicep", "authentication")["identityProviders"]["azureActiveDirectory"][
        "registration"
    ]
    without, with_registration = choice(registration["clientSecretSettingName"])
    assert without is None
    assert with_registration == "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
    variables = parsed(INFRA / "modules" / "app.bicep")["variables"]
    _, settings = choice(variables["authSettings"]["value"])
    assert settings == {
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "identityClientId",
        "WEBSITE_AUTH_AAD_ALLOWED_TENANTS": "authTenantId",
    }


def test_the_template_never_claims_that_authentication_is_on() -> None:
    # App Service itself sets WEBSITE_AUTH_ENABLED, and functions/access.py believes it. Written into the settings it would stay
    # "True" after somebody switched authentication off, and a forged header would be believed.
    assert not any("WEBSITE_AUTH_ENABLED" in file.read_text(encoding="utf-8") for file in BICEP_FILES)


def test_private_network_closes_storage_and_vault_to_the_internet() -> None:
    for file, symbol in (("storage.bicep", "account"), ("vault.bicep", "vault")):
        settings = properties(file, symbol)
        assert choice(settings["publicNetworkAccess"]) == ("Disabled", "Enabled")
        assert choice(settings["networkAcls"]["defaultAction"]) == ("Deny", "Allow")
    endpoints = parsed(INFRA / "modules" / "network.bicep")["variables"]["endpoints"]["value"]
    assert {endpoint["group"] for endpoint in endpoints} == {"blob", "queue", "table", "vault"}


def test_the_app_in_a_private_network_keeps_its_way_out_to_microsoft_graph() -> None:
    """Newer versions of the API make subnets private that don't say otherwise, and there is no gateway."""
    subnets = {one["name"].strip("'"): one["properties"] for one in properties("network.bicep", "network")["subnets"]}
    assert {name: one.get("defaultOutboundAccess") for name, one in subnets.items()} == {
        "functions": True,
        "endpoints": True,
    }


def test_network_names_follow_the_cloud() -> None:
    text = (INFRA / "modules" / "network.bicep").read_text(encoding="utf-8")
    assert not re.search(r"windows\.net|azure\.net|usgovcloudapi|azure\.cn", text)
    sign_in = (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8")
    assert "microsoftonline" not in sign_in


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: file.name)
def test_parameters_that_carry_secrets_are_marked_secure(file: Any) -> None:
    for name, parameter in parsed(file)["parameters"].items():
        carries = re.search(r"webhook(Url|Secret)$|password$|token$|key$", name, re.IGNORECASE) is not None
        secure = any(decorator["type"] == "secure" for decorator in parameter["decorators"])
        assert secure == carries, name


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: file.name)
def test_outputs_carry_no_secret(file: Any) -> None:
    secure = {
        name
        for name, parameter in parsed(file)["parameters"].items()
        if any(decorator["type"] == "secure" for decorator in parameter["decorators"])
    }
    words = {word for one in literals(parsed(file).get("outputs", {})) for word in re.findall(r"\w+", str(one))}
    assert not secure & words


@pytest.mark.parametrize("file", sorted(INFRA.rglob("*.json")), ids=lambda file: file.name)
def test_json_files_hold_no_secret(file: Any) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"whsec_|sig=|AccountKey|https://(?!schema\.management\.azure\.com)", text)


def test_guids_live_in_the_checked_tables() -> None:
    app_roles = {role["id"] for role in json.loads((INFRA / "data" / "app-roles.json").read_text(encoding="utf-8"))}
    for file in BICEP_FILES:
        assert set(GUID.findall(file.read_text(encoding="utf-8"))) <= app_roles, file.name


def test_app_roles_are_those_that_the_code_asks_for() -> None:
    from functions.access import OPERATOR, READER

    app_roles = {
        role["value"]: role for role in json.loads((INFRA / "data" / "app-roles.json").read_text(encoding="utf-8"))
    }
    assert app_roles.keys() == {READER, OPERATOR}
    assert all(
        role["isEnabled"] and set(role["allowedMemberTypes"]) == {"User", "Application"} for role in app_roles.values()
    )
    variables = parsed(INFRA / "graph" / "app-registration.bicep")["variables"]
    assert variables["readerRoleId"]["value"] == app_roles[READER]["id"]
    assert variables["operatorRoleId"]["value"] == app_roles[OPERATOR]["id"]


def test_the_page_for_programs_gives_a_role_by_its_id() -> None:
    page = (INFRA.parent / "docs" / "http.md").read_text(encoding="utf-8")
    section = page.partition("## With a program")[2].partition("\n## ")[0]
    for role in json.loads((INFRA / "data" / "app-roles.json").read_text(encoding="utf-8")):
        assert re.search(rf"{role['id']}[^*]*\*{role['value']}\*", section)


def test_the_registration_and_the_app_agree_on_the_identifier() -> None:
    registration = (INFRA / "graph" / "app-registration.bicep").read_text(encoding="utf-8")
    template = (INFRA / "resources.bicep").read_text(encoding="utf-8")
    assert "var uniqueName = 'app-password-watch-${uniqueString(resourceGroup().id)}'" in registration
    assert "'api://${tenant().tenantId}/${uniqueName}'" in registration
    assert "'api://${authTenantId}/app-password-watch-${uniqueString(resourceGroup().id)}'" in template
    audiences = properties("app.bicep", "authentication")["identityProviders"]["azureActiveDirectory"]["validation"]
    assert choice(audiences["allowedAudiences"])[1] == ["authClientId", "api://${authClientId}", "authIdentifierUri"]


def test_people_get_tokens_through_the_tools_that_administrators_have() -> None:
    api = json.loads((INFRA / "data" / "api.json").read_text(encoding="utf-8"))["api"]
    (scope,) = api["oauth2PermissionScopes"]
    assert (scope["type"], scope["isEnabled"], GUID.fullmatch(scope["id"]) is not None) == ("User", True, True)
    assert {one["appId"]: one["delegatedPermissionIds"] for one in api["preAuthorizedApplications"]} == {
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46": [scope["id"]],  # Azure CLI
        "1950a258-227b-4e31-a9cf-717495945fc2": [scope["id"]],  # Azure PowerShell
    }
    assert api["requestedAccessTokenVersion"] == 2


def test_people_can_sign_in_without_consenting() -> None:
    registration = resource("app-registration.bicep", "registration").body
    assert registration["web"]["implicitGrantSettings"]["enableIdTokenIssuance"] is True
    consent = resource("app-registration.bicep", "consent").body
    assert (consent["consentType"], consent["scope"]) == ("AllPrincipals", "openid profile email")
    assert resource("app-registration.bicep", "principal").body["appRoleAssignmentRequired"] is True


def test_the_steps_by_hand_make_the_same_registration() -> None:
    page = (INFRA.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    for part in (
        "--identifier-uris IDENTIFIER_URI",
        "--enable-id-token-issuance true",
        "--body '@infra/data/api.json'",
        "--app-roles '@infra/data/app-roles.json'",
        "appRoleAssignmentRequired=true",
        "--scope 'openid profile email'",
    ):
        assert part in page, part
