r"""Checks every property name in ``infra/`` against Microsoft's own SDK models and writes ``azure_names.json``.

Run it after using a new resource type, API version or property; it stops at a name that the models don't have. The SDKs
are needed for this script only, so they live in an environment of their own:

    python -m venv names
    names/bin/pip install pycep-parser==0.7.0 azure-mgmt-web==8.0.0 azure-mgmt-storage==22.2.0 azure-mgmt-keyvault==11.0.0 \
        azure-mgmt-network==28.1.0 azure-mgmt-privatedns==1.2.0 azure-mgmt-loganalytics==13.0.0b7 \
        azure-mgmt-applicationinsights==4.1.0 azure-mgmt-monitor==7.0.0 azure-mgmt-msi==7.1.0 \
        azure-mgmt-authorization==4.0.0 azure-mgmt-resource==23.1.1 azure-mgmt-resource-locks==1.0.0
    names/bin/python -m tests.infra.update_azure_names
"""

import importlib
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.infra.bicep import Resource, paths, resources, written_values

TABLE = Path(__file__).with_name("azure_names.json")

MODELS = {
    "Microsoft.Authorization/locks@2020-05-01": ("azure-mgmt-resource-locks", "resource.locks", "ManagementLockObject"),
    "Microsoft.Authorization/roleAssignments@2022-04-01": (
        "azure-mgmt-authorization",
        "authorization.v2022_04_01",
        "RoleAssignmentCreateParameters",
    ),
    "Microsoft.Insights/actionGroups@2023-01-01": ("azure-mgmt-monitor", "monitor", "ActionGroupResource"),
    "Microsoft.Insights/components@2020-02-02": (
        "azure-mgmt-applicationinsights",
        "applicationinsights.v2020_02_02",
        "ApplicationInsightsComponent",
    ),
    "Microsoft.Insights/scheduledQueryRules@2026-03-01": (
        "azure-mgmt-monitor",
        "monitor",
        "ScheduledQueryRuleResource",
    ),
    "Microsoft.KeyVault/vaults/secrets@2025-05-01": (
        "azure-mgmt-keyvault",
        "keyvault.v2024_11_01",
        "SecretCreateOrUpdateParameters",
    ),
    "Microsoft.KeyVault/vaults@2025-05-01": (
        "azure-mgmt-keyvault",
        "keyvault.v2024_11_01",
        "VaultCreateOrUpdateParameters",
    ),
    "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30": ("azure-mgmt-msi", "msi.v2024_11_30", "Identity"),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01": (
        "azure-mgmt-privatedns",
        "privatedns",
        "VirtualNetworkLink",
    ),
    "Microsoft.Network/privateDnsZones@2024-06-01": ("azure-mgmt-privatedns", "privatedns", "PrivateZone"),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01": (
        "azure-mgmt-network",
        "network",
        "PrivateDnsZoneGroup",
    ),
    "Microsoft.Network/privateEndpoints@2025-05-01": ("azure-mgmt-network", "network", "PrivateEndpoint"),
    "Microsoft.Network/virtualNetworks@2025-05-01": ("azure-mgmt-network", "network", "VirtualNetwork"),
    "Microsoft.OperationalInsights/workspaces@2025-07-01": ("azure-mgmt-loganalytics", "loganalytics", "Workspace"),
    "Microsoft.Resources/resourceGroups@2025-04-01": (
        "azure-mgmt-resource",
        "resource.resources.v2022_09_01",
        "ResourceGroup",
    ),
    "Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "BlobContainer",
    ),
    "Microsoft.Storage/storageAccounts/blobServices@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "BlobServiceProperties",
    ),
    "Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "StorageQueue",
    ),
    "Microsoft.Storage/storageAccounts/queueServices@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "QueueServiceProperties",
    ),
    "Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "Table",
    ),
    "Microsoft.Storage/storageAccounts/tableServices@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "TableServiceProperties",
    ),
    "Microsoft.Storage/storageAccounts@2025-06-01": (
        "azure-mgmt-storage",
        "storage.v2024_01_01",
        "StorageAccountCreateParameters",
    ),
    "Microsoft.Web/serverfarms@2025-03-01": ("azure-mgmt-web", "web.v2024_04_01", "AppServicePlan"),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01": (
        "azure-mgmt-web",
        "web.v2024_04_01",
        "CsmPublishingCredentialsPoliciesEntity",
    ),
    "Microsoft.Web/sites/config@2025-03-01 appsettings": ("azure-mgmt-web", "web.v2024_04_01", "StringDictionary"),
    "Microsoft.Web/sites/config@2025-03-01 authsettingsV2": ("azure-mgmt-web", "web.v2024_04_01", "SiteAuthSettingsV2"),
    "Microsoft.Web/sites@2025-03-01": ("azure-mgmt-web", "web.v2024_04_01", "Site"),
}
"""Resource type -> package, module below azure.mgmt, model of the request body.

Some versions are newer than the SDK of their model: the compiler of Bicep takes the same bodies for them.
"""

READ_BY_HAND: dict[str, tuple[str, dict[str, list[str]]]] = {
    "Microsoft.Insights/diagnosticSettings@2021-05-01-preview": (
        "github.com/Azure/bicep-types-az, generated/monitor/microsoft.insights/2021-05-01-preview/types.md",
        {
            "properties": [],
            "properties.logs": [],
            "properties.logs.category": [],
            "properties.logs.enabled": [],
            "properties.workspaceId": [],
        },
    ),
    "Microsoft.Graph/appRoleAssignedTo@v1.0": (
        "github.com/microsoftgraph/msgraph-bicep-types, generated/microsoftgraph/microsoft.graph/v1.0/1.0.1-preview/types.md",
        {"appRoleId": [], "principalId": [], "resourceId": []},
    ),
    "Microsoft.Graph/applications/federatedIdentityCredentials@v1.0": (
        "github.com/microsoftgraph/msgraph-bicep-types, generated/microsoftgraph/microsoft.graph/v1.0/1.0.1-preview/types.md",
        {"audiences": [], "description": [], "issuer": [], "subject": []},
    ),
    "Microsoft.Graph/applications@v1.0": (
        "github.com/microsoftgraph/msgraph-bicep-types, generated/microsoftgraph/microsoft.graph/v1.0/1.0.1-preview/types.md",
        {
            "api": [],
            "appRoles": [],
            "displayName": [],
            "identifierUris": [],
            "signInAudience": [
                "AzureADMyOrg",
                "AzureADMultipleOrgs",
                "AzureADandPersonalMicrosoftAccount",
                "PersonalMicrosoftAccount",
            ],
            "uniqueName": [],
            "web": [],
            "web.implicitGrantSettings": [],
            "web.implicitGrantSettings.enableIdTokenIssuance": [],
            "web.redirectUris": [],
        },
    ),
    "Microsoft.Graph/oauth2PermissionGrants@v1.0": (
        "github.com/microsoftgraph/msgraph-bicep-types, generated/microsoftgraph/microsoft.graph/v1.0/1.0.1-preview/types.md",
        {"clientId": [], "consentType": ["AllPrincipals", "Principal"], "resourceId": []},
    ),
    "Microsoft.Graph/servicePrincipals@v1.0": (
        "github.com/microsoftgraph/msgraph-bicep-types, generated/microsoftgraph/microsoft.graph/v1.0/1.0.1-preview/types.md",
        {"appId": [], "appRoleAssignmentRequired": []},
    ),
}
"""Types without an SDK model: source, and property path -> allowed values (none listed: any)."""


def table_key(item: Resource) -> str:
    """The name of ``item`` in the table: ``sites/config`` is a different thing under each of its names."""
    is_config = item.type.endswith("sites/config")
    return f"{item.versioned} {item.body['name']}" if is_config else item.versioned


def known_values(model: Any, attribute: str) -> list[str]:
    """The members of the enumeration that the model's docstring names for ``attribute``; empty when it names none."""
    found = re.search(rf":(?:vartype|paramtype) {attribute}: str\s+or\s+~([\w.]+)\.(\w+)", model.__doc__ or "")
    if found is None:
        return []
    return [member.value for member in getattr(importlib.import_module(found[1]), found[2])]


def step(model: Any, module: Any, path: str) -> list[str]:
    """The allowed values of the property at ``path`` below ``model`` (none: any). Raises LookupError for no such name."""
    for attribute, mapped in model._attribute_map.items():
        key = mapped["key"].replace("\\.", "\N{BULLET}")
        if path == key:
            return known_values(model, attribute)
        if key.startswith(f"{path}."):
            return []
        if path.startswith(f"{key}."):
            rest, kind = path[len(key) + 1 :], mapped["type"]
            if kind.startswith("{"):
                inner = kind.strip("{}")
                _, _, below = rest.partition(".")
                return step(getattr(module, inner), module, below) if below else []
            inner_model = getattr(module, kind.strip("[]"), None)
            if inner_model is not None and hasattr(inner_model, "_attribute_map"):
                return step(inner_model, module, rest)
            if kind == "object":
                return []
    raise LookupError(path)


def main() -> int:
    """Writes the table; prints every name that Microsoft's models don't have and then returns 1."""
    table: dict[str, dict[str, Any]] = {}
    wrong: list[str] = []
    for item in resources():
        key = table_key(item)
        if key in READ_BY_HAND:
            source, names = READ_BY_HAND[key]
            table[key] = {"source": source, "properties": names}
            continue
        package, module_name, model_name = MODELS[key]
        module = importlib.import_module(f"azure.mgmt.{module_name}.models")
        entry = table.setdefault(
            key,
            {"source": f"{package} {version(package)}, azure.mgmt.{module_name}.models.{model_name}", "properties": {}},
        )
        for path, value in paths(item):
            try:
                allowed = step(getattr(module, model_name), module, path)
            except LookupError:
                wrong.append(f"{item.file.name}: {item.versioned} has no {path}")
                continue
            entry["properties"][path] = allowed
            strange = [one for one in written_values(item, value) if allowed and one not in allowed]
            wrong += [f"{item.file.name}: {path} can't be {one}; it can be {', '.join(allowed)}" for one in strange]
    sys.stderr.write(("\n".join(wrong) or f"{len(table)} resource types, all names known.") + "\n")
    if not wrong:
        TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
