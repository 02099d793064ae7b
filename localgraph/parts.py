"""The JSON of what a tenant has beside users, groups and policies: locations, strengths, subscriptions, applications."""

from collections.abc import Sequence

from localgraph.ids import SERVICE_PLANS, make_id
from localgraph.schema import Json

CREATED = "2024-03-04T09:30:00Z"
"""When things were created that don't say."""
_COMBINATIONS = {
    "Multifactor authentication": (
        "windowsHelloForBusiness",
        "fido2",
        "x509CertificateMultiFactor",
        "deviceBasedPush",
        "password,microsoftAuthenticatorPush",
        "password,softwareOath",
        "password,hardwareOath",
        "password,sms",
    ),
    "Passwordless MFA": ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush"),
    "Phishing-resistant MFA": ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"),
}


def location_json(id: str, name: str, ranges: Sequence[str], countries: Sequence[str], *, trusted: bool) -> Json:
    """A named location: countries (two letters) where there are some, else IP ranges (CIDR)."""
    base = {"id": id, "displayName": name, "createdDateTime": CREATED, "modifiedDateTime": CREATED}
    if countries:
        return {
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            **base,
            "countriesAndRegions": list(countries),
            "countryLookupMethod": "clientIpAddress",
            "includeUnknownCountriesAndRegions": False,
        }
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        **base,
        "isTrusted": trusted,
        "ipRanges": [_ip_range(text) for text in ranges],
    }


def built_in_strength(id: str, name: str) -> Json:
    """One of Microsoft's authentication strengths."""
    return strength_json(id, name, "builtIn", "mfa", _COMBINATIONS[name])


def strength_json(id: str, name: str, kind: str, requirements: str, combinations: Sequence[str]) -> Json:
    """An authentication strength; ``kind`` is its ``policyType``, ``requirements`` its ``requirementsSatisfied``."""
    return {
        "id": id,
        "createdDateTime": "2021-12-01T08:00:00Z",
        "modifiedDateTime": "2021-12-01T08:00:00Z",
        "displayName": name,
        "description": f"{name}.",
        "policyType": kind,
        "requirementsSatisfied": requirements,
        "allowedCombinations": list(combinations),
        "combinationConfigurations": [],
    }


def sku_json(tenant_id: str, account: str, sku_id: str, name: str, status: str, plans: Sequence[str]) -> Json:
    """A subscription with service plans of ``localgraph.ids.SERVICE_PLANS``; ``status`` is its ``capabilityStatus``."""
    return {
        "id": f"{tenant_id}_{sku_id}",
        "accountId": tenant_id,
        "accountName": account,
        "skuId": sku_id,
        "skuPartNumber": name,
        "appliesTo": "User",
        "capabilityStatus": status,
        "consumedUnits": 48,
        "prepaidUnits": {"enabled": 75, "suspended": 0, "warning": 0, "lockedOut": 0},
        "subscriptionIds": [make_id(account, "subscription", name)],
        "servicePlans": [
            {
                "servicePlanId": SERVICE_PLANS[plan],
                "servicePlanName": plan,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            }
            for plan in plans
        ],
    }


def service_principal_json(id: str, name: str, app_id: str | None, owner: str) -> Json:
    """An application in a tenant; ``owner`` is the tenant that owns it."""
    return {
        "id": id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "appId": app_id or make_id("app", name),
        "appDisplayName": name,
        "appOwnerOrganizationId": owner,
        "displayName": name,
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMultipleOrgs",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
    }


def app_role_json(id: str, principal_id: str, principal_name: str, app_id: str, app: str, created: str) -> Json:
    """The assignment of a user to an application (the object id of its service principal)."""
    return {
        "id": id,
        "deletedDateTime": None,
        "appRoleId": "00000000-0000-0000-0000-000000000000",
        "createdDateTime": created,
        "principalDisplayName": principal_name,
        "principalId": principal_id,
        "principalType": "User",
        "resourceDisplayName": app,
        "resourceId": app_id,
    }


def _ip_range(text: str) -> Json:
    version = "iPv6" if ":" in text else "iPv4"
    return {"@odata.type": f"#microsoft.graph.{version}CidrRange", "cidrAddress": text}
