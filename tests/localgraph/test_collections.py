"""Pages, selection, order, annotations."""

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.localgraph.kit import EVENTUAL, talking


def crowd(count: int) -> TenantBuilder:
    build = TenantBuilder()
    for number in range(count):
        build.user(f"user{number:03d}@contoso.com", name=f"User {number:03d}", groups=["Crowd"])
    return build


@pytest.mark.parametrize(("query", "sizes"), [("", [100, 50]), ("&$top=70", [70, 70, 10]), ("&$top=999", [150])])
async def test_pages_follow_the_default_size_or_top(query: str, sizes: list[int]) -> None:
    async with talking(crowd(150)) as talk:
        pages = await talk.pages(f"/v1.0/users?$select=displayName{query}")
    assert [len(page) for page in pages] == sizes
    assert [item["displayName"] for page in pages for item in page] == [f"User {number:03d}" for number in range(150)]


async def test_a_page_size_can_be_forced_and_survives_a_larger_top() -> None:
    async with talking(crowd(5), page_sizes={"users": 2}) as talk:
        assert [len(page) for page in await talk.pages("/v1.0/users?$top=999")] == [2, 2, 1]


async def test_the_next_link_keeps_the_query_and_points_to_the_same_host() -> None:
    async with talking(crowd(3), page_sizes={"users": 1}) as talk:
        path = "/v1.0/users?$filter=startswith(userPrincipalName,'user')&$select=id&own=1"
        link = (await talk.get(path))["@odata.nextLink"]
        assert link.startswith(f"{talk.graph.url}/v1.0/users?")
        assert len(await talk.pages(path)) == 3
        assert all(set(item) == {"id"} for page in await talk.pages(path) for item in page)


async def test_members_have_pages_as_well() -> None:
    async with talking(crowd(5), page_sizes={"members": 2}) as talk:
        group = talk.graph.tenant.group("Crowd").id
        assert [len(page) for page in await talk.pages(f"/v1.0/groups/{group}/transitiveMembers?$select=id")] == [
            2,
            2,
            1,
        ]


async def test_the_context_names_what_was_selected() -> None:
    async with talking(crowd(1)) as talk:
        root = f"{talk.graph.url}/v1.0/$metadata#"
        assert (await talk.get("/v1.0/users"))["@odata.context"] == f"{root}users"
        assert (await talk.get("/v1.0/users?$select=id,mail"))["@odata.context"] == f"{root}users(id,mail)"
        single = await talk.get("/v1.0/users/user000@contoso.com?$select=id")
        assert single["@odata.context"] == f"{root}users(id)/$entity"


async def test_counting_needs_the_header_and_is_left_out_silently_without() -> None:
    async with talking(crowd(2)) as talk:
        assert "@odata.count" not in await talk.get("/v1.0/users?$count=true")
        assert (await talk.get("/v1.0/users?$count=true", headers=EVENTUAL))["@odata.count"] == 2


async def test_order_and_filter_together_are_an_advanced_query() -> None:
    path = "/v1.0/users?$orderby=displayName desc&$select=displayName"
    both = f"{path}&$filter=startswith(displayName,'User')"
    async with talking(crowd(3)) as talk:
        assert [item["displayName"] for item in await talk.value(path)] == ["User 002", "User 001", "User 000"]
        assert await talk.code(both) == "Request_UnsupportedQuery"
        assert len(await talk.value(f"{both}&$count=true", EVENTUAL)) == 3


async def test_options_may_leave_out_their_dollar_sign() -> None:
    async with talking(crowd(2)) as talk:
        assert await talk.value("/v1.0/users?select=displayName&top=1") == [{"displayName": "User 000"}]


async def test_unknown_enum_members_are_hidden_from_clients_that_do_not_ask_for_them() -> None:
    build = TenantBuilder().policy("P", grant=["riskRemediation", "mfa"], insider_risk="minor")
    path = "/v1.0/identity/conditionalAccess/policies"
    async with talking(build) as talk:
        (old,) = await talk.value(path)
        (new,) = await talk.value(path, {"Prefer": "include-unknown-enum-members"})
    assert old["grantControls"]["builtInControls"] == ["unknownFutureValue", "mfa"]
    assert new["grantControls"]["builtInControls"] == ["riskRemediation", "mfa"]
    assert old["conditions"]["insiderRiskLevels"] == new["conditions"]["insiderRiskLevels"] == "minor"


def test_a_server_on_its_own_thread_serves_and_ends() -> None:
    import httpx

    with LocalGraph(crowd(1).build()).in_thread() as graph:
        assert httpx.get(f"{graph.url}/v1.0/users", headers=graph.headers).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{graph.url}/v1.0/users")


@pytest.mark.parametrize(("still", "found"), [(False, 2), (True, 3)])
async def test_only_where_nobody_changes_the_tenant_a_search_is_made_once_for_all_its_pages(
    still: bool, found: int
) -> None:
    async with talking(crowd(3), page_sizes={"users": 1}, still=still) as talk:
        path = "/v1.0/users?$filter=startswith(userPrincipalName,'user')&$select=id"
        await talk.get(path)
        users = talk.graph.tenant.users
        del users[next(iter(users))]  # where ``still`` is said, it should never happen
        assert len(await talk.pages(path)) == found
