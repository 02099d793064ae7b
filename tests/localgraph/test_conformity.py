"""Everything that is served for the demo company looks as Microsoft's schema says."""

from functools import cache
from typing import Any

import pytest

from demo.company import company
from localgraph.schema import schema
from localgraph.tenant import LocalTenant
from tests.localgraph.conformity import problems
from tests.localgraph.kit import Talk, talking

ALL_MEMBERS = {"Prefer": "include-unknown-enum-members"}
UNKNOWN_ON_PURPOSE = "/conditions/workstationAttestation isn't declared by conditionalAccessConditionSet"
PEOPLE = (
    "id,userPrincipalName,displayName,accountEnabled,userType,externalUserState,onPremisesSyncEnabled,createdDateTime,"
    "employeeType,department,onPremisesExtensionAttributes,assignedLicenses,passwordPolicies,isResourceAccount,"
    "signInActivity,identities,otherMails,mail,businessPhones,perUserMfaState"
)
COLLECTIONS = (
    ("/organization", "organization"),
    ("/subscribedSkus", "subscribedSku"),
    ("/users?$top=999", "user"),
    (f"/users?$top=500&$select={PEOPLE}", "user"),
    ("/groups?$top=999", "group"),
    ("/identity/conditionalAccess/policies", "conditionalAccessPolicy"),
    ("/identity/conditionalAccess/namedLocations", "namedLocation"),
    ("/policies/authenticationStrengthPolicies", "authenticationStrengthPolicy"),
    ("/roleManagement/directory/roleDefinitions?$top=999", "unifiedRoleDefinition"),
    ("/roleManagement/directory/roleAssignments?$expand=principal", "unifiedRoleAssignment"),
    ("/roleManagement/directory/roleAssignmentScheduleInstances", "unifiedRoleAssignmentScheduleInstance"),
    ("/roleManagement/directory/roleEligibilityScheduleInstances", "unifiedRoleEligibilityScheduleInstance"),
    ("/reports/authenticationMethods/userRegistrationDetails", "userRegistrationDetails"),
    ("/servicePrincipals", "servicePrincipal"),
    ("/oauth2PermissionGrants", "oAuth2PermissionGrant"),
    ("/auditLogs/directoryAudits", "directoryAudit"),
    ("/auditLogs/signIns", "signIn"),
)


@cache
def tenant() -> LocalTenant:
    return company()


async def wrong(talk: Talk, version: str, path: str, type_name: str) -> list[str]:
    pages = await talk.client.get(f"/{version}{path}", headers=ALL_MEMBERS)
    assert pages.status_code == 200, pages.text
    items: list[Any] = pages.json()["value"]
    assert items, "an empty collection proves nothing"
    found = {problem for item in items for problem in problems(schema(version), type_name, item)}
    return sorted(found - {UNKNOWN_ON_PURPOSE})


@pytest.mark.parametrize(("path", "type_name"), COLLECTIONS)
@pytest.mark.parametrize("version", ["v1.0", "beta"])
async def test_a_collection_conforms(version: str, path: str, type_name: str) -> None:
    async with talking(tenant()) as talk:
        assert await wrong(talk, version, path, type_name) == []


async def test_non_interactive_sign_ins_conform() -> None:
    path = "/auditLogs/signIns?$filter=signInEventTypes/any(t:t eq 'nonInteractiveUser')"
    async with talking(tenant()) as talk:
        assert await wrong(talk, "beta", path, "signIn") == []


async def test_what_belongs_to_one_user_conforms() -> None:
    async with talking(tenant()) as talk:
        for upn in (
            "svc-scan-osaka@alderleaf.example",
            "svc-automation@alderleaf.example",
            "niamh.o'brien@alderleaf.example",
        ):
            path = f"/users/{upn}"
            assert await wrong(talk, "v1.0", f"{path}/transitiveMemberOf", "directoryObject") == []
            assert await wrong(talk, "v1.0", f"{path}/authentication/methods", "authenticationMethod") == []
            found = await talk.get(f"/beta{path}/authentication/requirements")
            assert list(problems(schema("beta"), "strongAuthenticationRequirements", found)) == []
        crm = "/users/svc-crm@alderleaf.example/appRoleAssignments"
        assert await wrong(talk, "v1.0", crm, "appRoleAssignment") == []
        app = next(id for id, one in tenant().service_principals.items() if one["displayName"] == "Stampwell Labels")
        assert await wrong(talk, "v1.0", f"/servicePrincipals/{app}/appRoleAssignedTo", "appRoleAssignment") == []


async def test_single_objects_conform() -> None:
    async with talking(tenant()) as talk:
        path = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"
        found = await talk.get(path)
        assert list(problems(schema("v1.0"), "identitySecurityDefaultsEnforcementPolicy", found)) == []


def test_the_checker_itself_finds_what_is_wrong() -> None:
    broken = {
        "id": 7,
        "nonsense": 1,
        "conditions": None,
        "state": "off",
        "createdDateTime": "yesterday",
        "displayName": "P",
    }
    assert set(problems(schema("v1.0"), "conditionalAccessPolicy", broken)) == {
        "/id: 7 is no String",
        "/nonsense isn't declared by conditionalAccessPolicy",
        "/conditions must not be null",
        "/state: 'off' is no member of conditionalAccessPolicyState",
        "/createdDateTime: 'yesterday' is no DateTimeOffset",
    }
