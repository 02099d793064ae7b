"""Which of a policy's exclusion groups is a good place for a service account."""

import pytest

from checks.exclusion import ExclusionGroup, best_first, exclusion_group
from tenant.model import GroupDetails, RoleAssignment, Tenant
from tenant.policies import parse_policy
from tests.checks.kit import POLICIES_GAP, ROLES_GAP, make_tenant, policy

MFA = policy("MFA", not_groups=["g"])


def judged(group: GroupDetails, tenant: Tenant) -> ExclusionGroup:
    return exclusion_group(tenant, parse_policy(MFA), group)


@pytest.mark.parametrize(
    ("name", "members", "emergency"),
    [
        ("MFA exceptions", ("svc@contoso.com",), False),
        ("Break-glass accounts", (), True),
        ("CA-BreakGlassAccounts - Exclude", (), True),
        ("break_glass", (), True),
        ("CA001 exclude", ("svc@contoso.com", "EmergencyAdmin@contoso.com"), True),
        ("Notfallkonten", (), True),
        ("Glass works", (), False),
    ],
)
def test_a_group_of_break_glass_accounts_is_told_by_names(name: str, members: tuple[str, ...], emergency: bool) -> None:
    found = judged(GroupDetails("g", name, members=members), make_tenant([MFA]))
    assert found.for_emergencies is emergency
    assert any("break-glass" in caution for caution in found.cautions) is emergency


def test_what_else_a_membership_does_is_known_nested_groups_included() -> None:
    others = [
        policy("Zones", not_groups=["g"]),
        policy("Block", not_groups=["above"]),
        policy("Deleted", not_groups=["g"], deletedDateTime="2026-11-01T00:00:00Z"),
        policy("Devices", users=[], groups=["g"]),
        policy("Unrelated", not_groups=["x"]),
        policy("Workloads", not_groups=["g"], conditions={"clientApplications": {"includeServicePrincipals": ["x"]}}),
    ]
    roles = (RoleAssignment("g", "r1", "Global Reader"), RoleAssignment("somebody", "r2", "Other"))
    eligible = (RoleAssignment("above", "r3", ""),)
    tenant = make_tenant([MFA, *others], role_assignments=roles, role_eligibilities=eligible)
    found = judged(GroupDetails("g", "G", containers={"above": "Above"}), tenant)
    assert [one.display_name for one in found.also_excluded_from] == ["Block", "Zones"]
    assert [one.display_name for one in found.included_by] == ["Devices"]
    assert found.roles == ("Global Reader", "r3")
    assert found.cautions == ("Its members hold directory roles: Global Reader, r3.",)


@pytest.mark.parametrize("unread", ["role_assignments", "role_eligibilities"])
def test_roles_that_can_be_read_are_told_where_others_cannot(unread: str) -> None:
    held = (RoleAssignment("g", "r1", "Global Reader"),)
    known = {"role_assignments": held, "role_eligibilities": held, unread: ROLES_GAP}
    assert judged(GroupDetails("g", "G"), make_tenant([MFA], **known)).roles == ("Global Reader",)


def test_where_policies_are_unreadable_nothing_is_known_of_what_else_it_does() -> None:
    found = judged(GroupDetails("g", "G"), make_tenant(policies=POLICIES_GAP))
    assert (found.also_excluded_from, found.included_by) == ((), ())


def test_nobody_can_be_added_by_hand_where_a_rule_says_who_is_in_it() -> None:
    dynamic, synchronised = (
        judged(group, make_tenant([MFA]))
        for group in (GroupDetails("d", "D", dynamic=True), GroupDetails("s", "S", synchronised=True))
    )
    assert (dynamic.can_take, synchronised.can_take) == (False, True)
    assert dynamic.cautions != ()
    assert synchronised.cautions != ()


def test_the_group_that_does_the_least_else_comes_first() -> None:
    tenant = make_tenant(
        [MFA, policy("Block", not_groups=["twice"]), policy("Include", users=[], groups=["pulls"])],
        role_assignments=(RoleAssignment("powerful", "r", "Role"),),
    )
    groups = [
        GroupDetails("dynamic", "A", dynamic=True),
        GroupDetails("glass", "Break glass"),
        GroupDetails("powerful", "A"),
        GroupDetails("pulls", "A"),
        GroupDetails("twice", "A"),
        GroupDetails("synced", "A", synchronised=True),
        GroupDetails("last", "b"),
        GroupDetails("plain", "A"),
    ]
    found = best_first(judged(group, tenant) for group in groups)
    assert [one.group.id for one in found] == [
        "plain",
        "last",
        "synced",
        "twice",
        "pulls",
        "powerful",
        "glass",
        "dynamic",
    ]
