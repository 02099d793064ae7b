"""Building tenants."""

import resource
import sys
import time

import pytest

from localgraph.builder import TenantBuilder
from localgraph.ids import ROLES, STRENGTHS
from localgraph.large import large_tenant
from localgraph.membership import Membership


def test_ids_come_from_names_and_are_always_the_same() -> None:
    one, two = (TenantBuilder().user("A@contoso.com").group("G").policy("P").build() for _ in range(2))
    assert one.user("a@CONTOSO.com").id == two.user("A@contoso.com").id
    assert one.group("G").id == two.group("G").id
    assert one.policy("P")["id"] == two.policy("P")["id"]
    other = TenantBuilder(domains=("fabrikam.onmicrosoft.com",)).group("G").build()
    assert other.group("G").id != one.group("G").id


def test_the_order_of_definitions_does_not_matter() -> None:
    built = (
        TenantBuilder()
        .policy("P", include_groups=["G"], exclude_users=["a@contoso.com"], locations=["L"], strength="S")
        .group("G", members=["a@contoso.com", "H"])
        .user("a@contoso.com")
        .location("L", ranges=["192.0.2.0/24"])
        .strength("S")
        .build()
    )
    conditions = built.policies[0]["conditions"]
    assert conditions["users"]["includeGroups"] == [built.group("G").id]
    assert conditions["users"]["includeUsers"] == []
    assert conditions["users"]["excludeUsers"] == [built.user("a@contoso.com").id]
    assert conditions["locations"]["includeLocations"] == [built.named_locations[0]["id"]]
    assert built.policies[0]["grantControls"]["authenticationStrength"]["displayName"] == "S"
    assert built.membership.members(built.group("G").id) == (built.user("a@contoso.com").id, built.group("H").id)


@pytest.mark.parametrize(
    "build",
    [
        TenantBuilder().group("G", members=["nobody@contoso.com"]),
        TenantBuilder().policy("P", include_groups=["Nothing"]),
        TenantBuilder().policy("P", include_users=["nobody@contoso.com"]),
        TenantBuilder().policy("P", include_roles=["Nothing"]),
        TenantBuilder().policy("P", locations=["Nothing"]),
        TenantBuilder().policy("P", strength="Nothing"),
        TenantBuilder().user("a@contoso.com", roles=["Nothing"]),
    ],
)
def test_a_name_that_nothing_has_is_an_error(build: TenantBuilder) -> None:
    with pytest.raises(KeyError, match=r"(?i)no(body|thing)"):
        build.build()


def test_a_method_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError, match="pigeon"):
        TenantBuilder().user("a@contoso.com", methods=["pigeon"])


def test_ids_pass_so_that_a_policy_may_name_what_is_gone() -> None:
    gone = "11111111-1111-4111-8111-111111111111"
    built = TenantBuilder().policy(
        "P", include_groups=[gone], include_roles=[ROLES["Global Reader"]], apps=["Office365"]
    )
    users = built.build().policies[0]["conditions"]["users"]
    assert users["includeGroups"] == [gone]
    assert users["includeRoles"] == [ROLES["Global Reader"]]


def test_without_scope_or_controls_a_policy_is_for_everybody_and_has_no_grant() -> None:
    built = TenantBuilder().policy("P").policy("S", strength="Passwordless MFA").build()
    assert built.policy("P")["conditions"]["users"]["includeUsers"] == ["All"]
    assert built.policy("P")["conditions"]["applications"]["includeApplications"] == ["All"]
    assert built.policy("P")["grantControls"] is None
    assert built.policy("S")["grantControls"]["authenticationStrength"]["id"] == STRENGTHS["Passwordless MFA"]


def test_a_tenant_can_be_changed_and_membership_follows() -> None:
    built = TenantBuilder().user("a@contoso.com").group("G").group("H", members=["G"]).build()
    me = built.user("a@contoso.com").id
    assert built.membership.transitive_containers(me) == ()
    built.add_member("G", "a@contoso.com")
    assert built.membership.transitive_containers(me) == (built.group("G").id, built.group("H").id)
    built.remove_member("H", "G")
    assert built.membership.transitive_containers(me) == (built.group("G").id,)


def test_membership_in_circles_ends_and_nobody_contains_itself() -> None:
    circle = Membership([("a", ["b"]), ("b", ["c", "user"]), ("c", ["a"])])
    assert set(circle.transitive_containers("user")) == {"a", "b", "c"}
    assert set(circle.transitive_members("a")) == {"b", "c", "user"}
    assert set(circle.transitive_containers("a")) == {"b", "c"}


def test_a_hundred_thousand_users_are_cheap() -> None:
    before, started = _peak(), time.perf_counter()
    tenant = large_tenant()
    staff = tenant.membership.transitive_members(tenant.group("All staff").id)
    assert len(tenant.users) == 100_000
    assert len(staff) == 99_800
    assert len(tenant.policies) == 195
    assert len([user for user in tenant.users.values() if user.upn.startswith("svc-")]) == 200
    assert time.perf_counter() - started < 60, "seconds on an idle machine; this only catches what doesn't scale"
    assert _peak() - before < 300


def _peak() -> float:
    """Peak memory in MB."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
