"""Tenant-wide settings: organization, Security Defaults, Conditional Access, authentication strengths, licences."""

from collections.abc import Mapping
from typing import Any

from localgraph.answers import Collection, collection, context, no_options, single
from localgraph.errors import GraphRefusal, no_such_segment
from localgraph.limits import CONDITIONAL_ACCESS
from localgraph.messages import Answer
from localgraph.query import parse_options
from localgraph.schema import Json
from localgraph.service import Call, Route
from localgraph.views import RawView

_DATES = "eq ge le gt lt"
_POLICIES = Collection(
    "policies",
    "conditionalAccessPolicy",
    "identity/conditionalAccess/policies",
    page=1000,
    top=1000,
    filters={
        "id": "eq in",
        "displayName": "eq ne in startswith endswith contains",
        "state": "eq ne in",
        "createdDateTime": _DATES,
        "modifiedDateTime": _DATES,
    },
    order=("displayName", "createdDateTime", "modifiedDateTime"),
)
_PLANS = Collection(
    "policyPlans", "conditionalAccessPolicyPlan", "identity/conditionalAccess/plans", page=1000, top=1000
)
_LOCATIONS = Collection(
    "namedLocations",
    "namedLocation",
    "identity/conditionalAccess/namedLocations",
    page=1000,
    top=1000,
    filters={"id": "eq in", "displayName": "eq startswith", "createdDateTime": _DATES, "modifiedDateTime": _DATES},
    order=("displayName",),
)
_STRENGTHS = Collection(
    "strengths",
    "authenticationStrengthPolicy",
    "policies/authenticationStrengthPolicies",
    filters={"id": "eq in", "policyType": "eq", "displayName": "eq startswith"},
)
_RECOMMENDATIONS = Collection(
    "recommendations",
    "recommendation",
    "directory/recommendations",
    filters={"id": "eq", "recommendationType": "eq", "status": "eq"},
)
_SKUS = Collection("subscribedSkus", "subscribedSku", "subscribedSkus")
_ORGANIZATION = Collection("organization", "organization", "organization", directory=True)
_POLICY_READERS = ("Policy.Read.ConditionalAccess", "Policy.Read.All")
_STRENGTH_READERS = ("Policy.Read.AuthenticationMethod", "Policy.Read.All")


def list_policies(call: Call) -> Answer:
    """GET /identity/conditionalAccess/policies."""
    shown = [one for one in call.tenant.policies if not _only_in_beta(call, one)]
    return collection(call, _POLICIES, shown, RawView(call.schema, _POLICIES.type))


def get_policy(call: Call) -> Answer:
    """GET /identity/conditionalAccess/policies/{id}."""
    found = _by_id(call.tenant.policies, call.keys["id"])
    if _only_in_beta(call, found):
        raise GraphRefusal(
            400,
            "BadRequest",
            "1037: The policy you requested contains preview features. Use the Beta endpoint to retrieve this policy.",
        )
    return single(call, _POLICIES.type, found, RawView(call.schema, _POLICIES.type), _POLICIES.context)


def list_plans(call: Call) -> Answer:
    """GET /identity/conditionalAccess/plans."""
    if call.tenant.policy_plans is None:
        raise no_such_segment("plans")
    return collection(call, _PLANS, call.tenant.policy_plans, RawView(call.schema, _PLANS.type))


def list_locations(call: Call) -> Answer:
    """GET /identity/conditionalAccess/namedLocations."""
    return collection(call, _LOCATIONS, call.tenant.named_locations, RawView(call.schema, "ipNamedLocation"))


def get_location(call: Call) -> Answer:
    """GET /identity/conditionalAccess/namedLocations/{id}."""
    found = _by_id(call.tenant.named_locations, call.keys["id"])
    return single(call, "namedLocation", found, RawView(call.schema, "namedLocation"), _LOCATIONS.context)


def list_strengths(call: Call) -> Answer:
    """GET /policies/authenticationStrengthPolicies, also below /identity/conditionalAccess."""
    return collection(call, _STRENGTHS, call.tenant.strengths, RawView(call.schema, _STRENGTHS.type))


def get_strength(call: Call) -> Answer:
    """GET /policies/authenticationStrengthPolicies/{id}."""
    found = _by_id(call.tenant.strengths, call.keys["id"])
    return single(call, _STRENGTHS.type, found, RawView(call.schema, _STRENGTHS.type), _STRENGTHS.context)


def get_security_defaults(call: Call) -> Answer:
    """GET /policies/identitySecurityDefaultsEnforcementPolicy."""
    found: Json = {
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "description": (
            "Security defaults is a set of basic identity security mechanisms recommended by Microsoft. When enabled, "
            "these recommendations will be automatically enforced in your organization."
        ),
    }
    if call.tenant.security_defaults is not None:
        found["isEnabled"] = call.tenant.security_defaults
    name = "identitySecurityDefaultsEnforcementPolicy"
    return single(call, name, found, RawView(call.schema, name), f"policies/{name}")


def get_mfa_service(call: Call) -> Answer:
    """GET /policies/mfaServicePolicy, beta only and undocumented."""
    no_options(call)
    if call.tenant.mfa_service is None:
        raise GraphRefusal(404, "ResourceNotFound", "Resource not found for the segment 'mfaServicePolicy'.")
    options = parse_options("", single=True)
    text = context(call, "policies/mfaServicePolicy", options)
    return Answer(body={"@odata.context": f"{text}/$entity", **call.tenant.mfa_service})


def list_recommendations(call: Call) -> Answer:
    """GET /directory/recommendations, beta only."""
    return collection(call, _RECOMMENDATIONS, call.tenant.recommendations, RawView(call.schema, _RECOMMENDATIONS.type))


def list_skus(call: Call) -> Answer:
    """GET /subscribedSkus."""
    return collection(call, _SKUS, call.tenant.skus, RawView(call.schema, _SKUS.type))


def list_organization(call: Call) -> Answer:
    """GET /organization."""
    return collection(call, _ORGANIZATION, [_organization(call)], RawView(call.schema, "organization"))


def get_organization(call: Call) -> Answer:
    """GET /organization/{id}."""
    found = _by_id([_organization(call)], call.keys["id"])
    return single(call, "organization", found, RawView(call.schema, "organization"), "organization")


def _organization(call: Call) -> Json:
    tenant = call.tenant
    return {
        "id": tenant.id,
        "deletedDateTime": None,
        "displayName": tenant.name,
        "tenantType": "AAD",
        "countryLetterCode": "GB",
        "onPremisesSyncEnabled": True if any(_synced(user.extra) for user in tenant.users.values()) else None,
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": number == len(tenant.domains) - 1,
                "isInitial": number == 0,
                "name": name,
                "type": "Managed",
            }
            for number, name in enumerate(tenant.domains)
        ],
        "assignedPlans": [],
    }


def _synced(extra: Mapping[str, Any] | None) -> bool:
    return bool(extra and extra.get("onPremisesSyncEnabled"))


def _only_in_beta(call: Call, policy: Json) -> bool:
    return call.request.version == "v1.0" and policy["id"] in call.tenant.preview_policies


def _by_id(items: list[Json], id: str) -> Json:
    for item in items:
        if item["id"].lower() == id.lower():
            return item
    raise GraphRefusal(404, "ResourceNotFound", f"Resource '{id}' does not exist.")


ROUTES = (
    Route("GET", "/organization", list_organization, ("Organization.Read.All", "Directory.Read.All")),
    Route("GET", "/organization/{id}", get_organization, ("Organization.Read.All", "Directory.Read.All")),
    Route("GET", "/policies/identitySecurityDefaultsEnforcementPolicy", get_security_defaults, ("Policy.Read.All",)),
    Route("GET", "/policies/mfaServicePolicy", get_mfa_service, ("Policy.Read.All",), ("beta",)),
    Route(
        "GET",
        "/directory/recommendations",
        list_recommendations,
        ("DirectoryRecommendations.Read.All", "DirectoryRecommendations.ReadWrite.All"),
        ("beta",),
    ),
    Route("GET", "/identity/conditionalAccess/policies", list_policies, _POLICY_READERS, limit=CONDITIONAL_ACCESS),
    Route("GET", "/identity/conditionalAccess/policies/{id}", get_policy, _POLICY_READERS, limit=CONDITIONAL_ACCESS),
    Route("GET", "/identity/conditionalAccess/plans", list_plans, _POLICY_READERS, ("beta",), limit=CONDITIONAL_ACCESS),
    Route(
        "GET", "/identity/conditionalAccess/namedLocations", list_locations, _POLICY_READERS, limit=CONDITIONAL_ACCESS
    ),
    Route(
        "GET",
        "/identity/conditionalAccess/namedLocations/{id}",
        get_location,
        _POLICY_READERS,
        limit=CONDITIONAL_ACCESS,
    ),
    Route("GET", "/policies/authenticationStrengthPolicies", list_strengths, _STRENGTH_READERS),
    Route("GET", "/policies/authenticationStrengthPolicies/{id}", get_strength, _STRENGTH_READERS),
    Route(
        "GET",
        "/identity/conditionalAccess/authenticationStrength/policies",
        list_strengths,
        (*_STRENGTH_READERS, "Policy.Read.ConditionalAccess"),
    ),
    Route(
        "GET",
        "/subscribedSkus",
        list_skus,
        ("LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"),
    ),
)
