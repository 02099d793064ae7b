"""What policies name by id, and what of it the tenant has."""

from typing import Any

import pytest

from tenant.model import Gap, Group, Policy, Tenant
from tenant.policies import parse_policy
from tenant.references import Reference, is_object_id, unresolved

HERE, GONE, UNREAD, OTHER = (f"{digit * 8}-aaaa-4aaa-8aaa-{digit * 12}" for digit in "1234")
GAP = Gap("groups", "403 Authorization_RequestDenied", "GroupMember.Read.All")
TENANT = Tenant(
    groups={HERE: Group(HERE, "Here"), GONE: Group(GONE, "", deleted=True), UNREAD: Group(UNREAD, "", gap=GAP)},
    named_locations={HERE: "Office"},
    role_names={HERE: "Global Reader"},
)
USERS: dict[str, bool | Gap] = {HERE: True, GONE: False, UNREAD: GAP}
ALL = {"includeApplications": ["All"]}


def policy(name: str = "P", *, strength: str = "", locations: Any = None, clients: Any = None, **users: Any) -> Policy:
    grant = {"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": strength}} if strength else None
    conditions = {
        "applications": ALL,
        "users": {"includeUsers": [], **users},
        "locations": locations,
        "clientApplications": clients,
    }
    return parse_policy({"id": name, "displayName": name, "conditions": conditions, "grantControls": grant})


def missing(*policies: Policy, tenant: Tenant = TENANT) -> list[tuple[str, str, str]]:
    return [(one.kind, one.id, one.use) for one in unresolved(tenant, USERS, policies).missing]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ({"includeGroups": [HERE]}, []),
        ({"includeGroups": [GONE]}, [("group", GONE, "included")]),
        ({"excludeGroups": [GONE]}, [("group", GONE, "excluded")]),
        ({"includeGroups": [GONE.upper()]}, [("group", GONE, "included")]),
        ({"includeGroups": ["<break-glass group>"]}, [("group", "<break-glass group>", "included")]),
        ({"includeUsers": [HERE, "All", "None", "GuestsOrExternalUsers", "AllAgentIdUsers"]}, []),
        ({"includeUsers": [GONE]}, [("user", GONE, "included")]),
        ({"excludeUsers": ["admin@contoso.com"]}, [("user", "admin@contoso.com", "excluded")]),
        ({"includeRoles": [HERE]}, []),
        ({"includeRoles": [OTHER]}, [("role", OTHER, "included")]),
        ({"excludeRoles": [OTHER]}, [("role", OTHER, "excluded")]),
        ({"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted", HERE]}}, []),
        ({"locations": {"includeLocations": [OTHER]}}, [("location", OTHER, "included")]),
        ({"locations": {"excludeLocations": [OTHER]}}, [("location", OTHER, "excluded")]),
        ({"locations": {"excludeLocations": ["00000000-0000-0000-0000-000000000000"]}}, []),
        ({"locations": {"excludeLocations": ["3d46dbda-8382-466a-856d-eb00cbc6b910"]}}, []),
        ({"strength": "00000000-0000-0000-0000-000000000004"}, []),
        ({"strength": OTHER}, [("authentication_strength", OTHER, "required")]),
        ({"includeGroups": [GONE], "clients": {"includeServicePrincipals": ["x"]}}, []),
    ],
)
def test_what_a_policy_names_and_the_tenant_lacks_is_found(
    named: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    assert missing(policy(**named)) == found


def test_what_could_not_be_looked_up_is_neither_there_nor_missing() -> None:
    blind = Tenant(groups=TENANT.groups, named_locations=GAP, strengths=GAP)  # no role definitions either
    found = unresolved(
        blind,
        USERS,
        [
            policy(
                includeGroups=[UNREAD, OTHER],
                includeUsers=[UNREAD, OTHER],
                includeRoles=[HERE],
                locations={"includeLocations": [HERE]},
                strength=OTHER,
            )
        ],
    )
    assert found.missing == ()
    assert [(one.kind, one.id) for one, _ in found.unknown] == [
        ("group", UNREAD),
        ("group", OTHER),
        ("location", HERE),
        ("role", HERE),
        ("user", UNREAD),
        ("user", OTHER),
        ("authentication_strength", OTHER),
    ]
    assert found.unknown[0][1] is GAP


def test_what_several_policies_name_is_said_once_and_what_they_include_comes_first() -> None:
    one, other = policy("One", excludeGroups=[GONE]), policy("Other", includeGroups=[OTHER], excludeGroups=[GONE])
    tenant = Tenant(groups={id: Group(id, "", deleted=True) for id in (GONE, OTHER)})
    assert unresolved(tenant, {}, [one, other]).missing == (
        Reference("group", OTHER, "included", (other,)),
        Reference("group", GONE, "excluded", (one, other)),
    )


@pytest.mark.parametrize(
    ("named", "nobody"),
    [
        ({"includeGroups": [GONE]}, True),
        ({"includeGroups": [GONE], "includeUsers": ["None"]}, True),
        ({"includeGroups": [GONE], "includeRoles": [OTHER], "includeUsers": [GONE]}, True),
        ({"includeGroups": [GONE, HERE]}, False),
        ({"includeGroups": [GONE, UNREAD]}, False),
        ({"includeGroups": [GONE], "includeUsers": ["All"]}, False),
        ({"includeGroups": [GONE], "includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "b2b"}}, False),
        ({"includeGroups": [GONE], "includeSomethingNew": ["x"]}, False),
        ({"includeUsers": ["None"]}, False),
        ({"includeUsers": ["All"], "excludeGroups": [GONE]}, False),
        ({"includeUsers": ["All"], "locations": {"includeLocations": [OTHER]}}, False),
    ],
)
def test_a_policy_all_of_whose_includes_are_missing_reaches_nobody(named: dict[str, Any], nobody: bool) -> None:
    one = policy(**named)
    assert unresolved(TENANT, USERS, [one]).reaching_nobody == ((one,) if nobody else ())


@pytest.mark.parametrize(
    ("text", "is_id"),
    [(HERE, True), (HERE.upper(), True), (HERE[:-1], False), (f"{HERE}\n", False), ("", False), ("All staff", False)],
)
def test_an_id_is_told_from_a_placeholder(text: str, is_id: bool) -> None:
    assert is_object_id(text) is is_id
