"""The groups that policies name, and how they nest."""

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import Graph, GraphUnreachable
from tenant.model import Gap
from tenant.reader import Reading
from tests.tenant.reading import account, gap_of, inputs, read

SVC = "svc@contoso.com"
GONE = "99999999-9999-4999-8999-999999999999"


def group_id(graph: LocalGraph, name: str) -> str:
    return next(id for id, group in graph.tenant.groups.items() if group.name == name)


def nesting(graph: LocalGraph, reading: Reading) -> dict[str, set[str]]:
    """The nesting by name, groups without groups in them left out."""
    names = {id: group.name for id, group in graph.tenant.groups.items()}
    found = {names[id]: {names[child] for child in children} for id, children in reading.tenant.nesting.items()}
    return {name: children for name, children in found.items() if children}


async def test_a_group_that_is_gone_is_an_answer() -> None:
    tenant = TenantBuilder().user(SVC).policy("MFA", include_groups=[GONE], grant=["mfa"]).build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    assert reading.tenant.groups[GONE].deleted
    assert reading.gaps == ()


@pytest.mark.parametrize("body", [None, b"<html>Not found</html>"])
async def test_a_group_of_which_something_is_not_found_is_not_gone(body: bytes | None) -> None:
    tenant = TenantBuilder().user(SVC).group("Apps").policy("MFA", include_groups=["Apps"], grant=["mfa"]).build()
    async with LocalGraph(tenant) as graph:
        graph.fail(r"GET /v1\.0/groups/[^/]+$", 404, code="UnknownError", body=body)
        reading = await read(graph, SVC)
        apps = reading.tenant.groups[group_id(graph, "Apps")]
    assert (apps.deleted, apps.gap) == (False, gap_of(reading, "groups"))


async def test_a_group_that_an_account_is_in_is_not_gone_whatever_its_own_address_says() -> None:
    tenant = TenantBuilder().user(SVC, groups=["Apps"]).policy("MFA", include_groups=["Apps"]).build()
    async with LocalGraph(tenant) as graph:
        graph.fail(r"GET /v1\.0/groups/[^/]+$", 404)
        reading = await read(graph, SVC)
        apps = group_id(graph, "Apps")
    assert (reading.tenant.groups[apps].deleted, reading.tenant.groups[apps].display_name) == (False, "Apps")


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_a_group_that_cannot_be_read_carries_its_gap(status: int) -> None:
    tenant = TenantBuilder().user(SVC).group("Apps").policy("MFA", exclude_groups=["Apps"]).build()
    async with LocalGraph(tenant) as graph:
        graph.fail(r"GET /v1\.0/groups/[^/]+$", status)
        reading = await read(graph, SVC)
        apps = group_id(graph, "Apps")
    gap = reading.tenant.groups[apps].gap
    assert gap is not None
    assert gap.error.startswith(f"{status} ")
    assert gap_of(reading, "groups") == gap


async def test_an_answer_about_another_group_is_none_about_this_one() -> None:
    tenant = TenantBuilder().user(SVC).group("Apps").policy("MFA", exclude_groups=["Apps"]).build()
    async with LocalGraph(tenant) as graph:
        graph.fail(
            r"GET /v1\.0/groups/[^/]+$", 200, body={"id": GONE, "displayName": "Another", "visibility": "Public"}
        )
        reading = await read(graph, SVC)
        apps = group_id(graph, "Apps")
    assert reading.tenant.groups[apps].gap == gap_of(reading, "groups")


async def test_groups_of_policies_that_reach_nobody_are_not_read() -> None:
    tenant = (
        TenantBuilder()
        .user(SVC)
        .group("Apps")
        .policy("Off", state="off", include_groups=["Apps"])
        .policy("Workloads", include_groups=["Apps"], service_principals=["ServicePrincipalsInMyTenant"])
        .build()
    )
    async with LocalGraph(tenant) as graph:
        await read(graph, SVC)
        assert not [one for one in graph.requests if one.template == "GET /groups/{id}"]


async def test_nesting_is_read_down_to_the_groups_of_the_accounts_in_spite_of_circles() -> None:
    tenant = (
        TenantBuilder()
        .user(SVC, groups=["Backup apps"])
        .group("All service accounts", members=["Apps", "People"])
        .group("Apps", members=["Backup apps", "All service accounts"])
        .group("People", members=["Board"])
        .policy("MFA", include_groups=["All service accounts"])
        .build()
    )
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
        assert nesting(graph, reading) == {
            "All service accounts": {"Apps"},
            "Apps": {"Backup apps", "All service accounts"},
        }
    assert reading.gaps == ()
    assert hash(tuple(reading.tenant.nesting.values())), "frozen, as the model says"


async def test_nesting_is_found_where_graph_does_not_filter_members_by_type() -> None:
    build = TenantBuilder().user(SVC, groups=["Inner"]).group("Outer", members=[SVC, "Inner"])
    async with LocalGraph(build.policy("MFA", include_groups=["Outer"]).build()) as graph:
        graph.fail(r"/members/microsoft\.graph\.group", 400)
        assert nesting(graph, await read(graph, SVC)) == {"Outer": {"Inner"}}


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_nesting_that_cannot_be_read_is_no_gap(status: int) -> None:
    build = TenantBuilder().user(SVC, groups=["Inner"]).group("Outer", members=["Inner"])
    async with LocalGraph(build.policy("MFA", include_groups=["Outer"]).build()) as graph:
        graph.fail("/members", status)
        reading = await read(graph, SVC)
        assert nesting(graph, reading) == {}
    assert reading.gaps == ()


async def test_only_groups_that_may_hold_another_of_an_accounts_groups_are_asked() -> None:
    build = TenantBuilder().group("Everybody", members=["Department"]).policy("MFA", include_groups=["Everybody"])
    for number in range(30):
        build.user(f"svc{number}@contoso.com", groups=[f"Own {number}", "Department"])
        build.policy(f"P{number}", include_groups=[f"Own {number}"])
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, *(f"svc{number}@contoso.com" for number in range(30)))
        asked = [one for one in graph.requests if one.template == "GET /groups/{id}/members"]
        assert nesting(graph, reading) == {"Everybody": {"Department"}}
    assert len(asked) == 2


# Hidden membership


def with_hidden_group(*, readable: bool) -> TenantBuilder:
    return (
        TenantBuilder(hidden_members_readable=readable)
        .user(SVC, groups=["Secret"])
        .user("other@contoso.com")
        .group("Secret", hidden=True)
        .policy("MFA", include_groups=["Secret"])
    )


async def test_a_group_that_hides_its_members_is_marked() -> None:
    async with LocalGraph(with_hidden_group(readable=False).build()) as graph:
        reading = await read(graph, SVC, "other@contoso.com")
        secret = group_id(graph, "Secret")
    assert reading.tenant.groups[secret].hidden_membership
    assert account(reading, "svc").groups == frozenset()


async def test_a_hidden_group_that_shows_its_members_to_us_is_not_hidden() -> None:
    async with LocalGraph(with_hidden_group(readable=True).build()) as graph:
        reading = await read(graph, SVC, "other@contoso.com")
        secret = group_id(graph, "Secret")
    assert not reading.tenant.groups[secret].hidden_membership
    assert account(reading, "svc").groups == frozenset({secret})
    assert account(reading, "other").groups == frozenset()


async def test_the_members_of_a_hidden_group_count_where_only_the_group_lists_them() -> None:
    async with LocalGraph(with_hidden_group(readable=True).build()) as graph:
        graph.fail("/transitiveMemberOf", 200, body={"value": []})
        reading = await read(graph, SVC, "other@contoso.com")
        secret = group_id(graph, "Secret")
    assert not reading.tenant.groups[secret].hidden_membership
    assert account(reading, "svc").groups == frozenset({secret})


async def test_an_empty_list_of_a_hidden_group_proves_nothing() -> None:
    async with LocalGraph(with_hidden_group(readable=True).build()) as graph:
        graph.fail("/transitiveMember", 200, body={"value": []})
        reading = await read(graph, SVC)
        secret = group_id(graph, "Secret")
    assert reading.tenant.groups[secret].hidden_membership


@pytest.mark.parametrize(
    ("held", "hidden"), [({"Member.Read.Hidden"}, False), ({"GroupMember.Read.All"}, True), (None, True)]
)
async def test_a_hidden_group_without_members_is_empty_for_an_app_that_may_see_them(
    held: set[str] | None, hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def app_permissions(_graph: Graph) -> frozenset[str] | None:
        return None if held is None else frozenset(held)

    monkeypatch.setattr(Graph, "app_permissions", app_permissions)
    tenant = TenantBuilder().user(SVC).group("Secret", hidden=True).policy("MFA", include_groups=["Secret"]).build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
        secret = group_id(graph, "Secret")
    assert reading.tenant.groups[secret].hidden_membership == hidden


async def test_a_token_that_cannot_be_had_shows_no_hidden_members(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app_permissions(_graph: Graph) -> frozenset[str] | None:
        raise GraphUnreachable("no token")

    monkeypatch.setattr(Graph, "app_permissions", app_permissions)
    tenant = TenantBuilder().user(SVC).group("Secret", hidden=True).policy("MFA", include_groups=["Secret"]).build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
        secret = group_id(graph, "Secret")
    assert reading.tenant.groups[secret].hidden_membership


async def test_memberships_that_cannot_be_read_stay_unread_beside_a_hidden_group() -> None:
    async with LocalGraph(with_hidden_group(readable=True).build()) as graph:
        graph.fail("/transitiveMemberOf", 403)
        reading = await read(graph, SVC)
    assert isinstance(account(reading, "svc").groups, Gap)
    assert inputs(reading) == ["group_memberships"]


@pytest.mark.parametrize(
    ("rule", "dynamic", "by_member_of"),
    [
        (None, False, False),
        ('(user.department -eq "IT")', True, False),
        ("user.memberof -any (group.objectId -in ['g'])", True, True),
        ("user.MemberOf -any (group.objectId -in ['g'])", True, True),
    ],
)
async def test_a_group_that_a_policy_names_says_whether_a_rule_fills_it(
    rule: str | None, dynamic: bool, by_member_of: bool
) -> None:
    build = TenantBuilder().group("Exceptions", rule=rule).user("svc@contoso.com")
    build.policy("MFA", exclude_groups=["Exceptions"], grant=["mfa"])
    async with LocalGraph(build.build()) as graph:
        groups = (await read(graph, "svc@contoso.com")).tenant.groups
    (group,) = (one for one in groups.values() if one.display_name == "Exceptions")
    assert (group.dynamic, group.by_member_of) == (dynamic, by_member_of)
