"""Finding accounts by group, pattern and attribute."""

from dataclasses import dataclass

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import Graph
from tenant.reader import Reading
from tenant.selection import Selection
from tests.tenant.reading import account, gap_of, inputs, read


@dataclass(frozen=True)
class Match:
    name: str
    value: str


def company() -> TenantBuilder:
    return (
        TenantBuilder()
        .user("svc-backup@contoso.com", groups=["Inner"])
        .user("SVC-scan@contoso.com", employeeType="Service")
        .user(
            "o'svc@contoso.com", onPremisesExtensionAttributes={"extensionAttribute7": "it's"}, department="IT & more"
        )
        .user("person@contoso.com")
        .user("person@fabrikam.com")
        .group("Outer", members=["Inner"])
        .group("Inner", members=["Outer"])  # in a circle
        .group("Empty")
    )


def found(reading: Reading) -> list[str]:
    return [one.user_principal_name for one in reading.accounts]


def group_id(graph: LocalGraph, name: str) -> str:
    return next(id for id, group in graph.tenant.groups.items() if group.name == name)


PATTERNS = [
    ("svc-*", ["svc-backup@contoso.com", "SVC-scan@contoso.com"]),
    ("*@fabrikam.com", ["person@fabrikam.com"]),
    ("*-SCAN@*", ["SVC-scan@contoso.com"]),
    ("o'*", ["o'svc@contoso.com"]),
    ("*'svc@contoso.com", ["o'svc@contoso.com"]),
    ("svc-*@fabrikam.com", []),
    ("person@contoso.com", ["person@contoso.com"]),
    ("a&b#*", []),
]


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS, ids=[pattern for pattern, _ in PATTERNS])
async def test_a_pattern_finds_the_accounts_that_it_matches(pattern: str, expected: list[str]) -> None:
    async with LocalGraph(company().build()) as graph:
        reading = await read(graph, selection=Selection(patterns=(pattern,)))
    assert reading.gaps == ()
    assert found(reading) == expected
    assert {one.selected_by for one in reading.accounts} <= {(f"pattern: {pattern}",)}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS, ids=[pattern for pattern, _ in PATTERNS])
@pytest.mark.parametrize("status", [400, 501])
async def test_a_pattern_finds_the_same_where_graph_refuses_filters(
    pattern: str, expected: list[str], status: int
) -> None:
    async with LocalGraph(company().build(), page_sizes={"users": 2}) as graph:
        graph.fail(r"GET /v1\.0/users\?.*filter=", status)
        reading = await read(graph, selection=Selection(patterns=(pattern,)))
    assert reading.gaps == ()
    assert found(reading) == expected
    assert all(one.enabled is True for one in reading.accounts), "found by name only, then read whole"


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match("employeeType", "service"), ["SVC-scan@contoso.com"]),
        (Match("extensionAttribute7", "it's"), ["o'svc@contoso.com"]),
        (Match("department", "IT & more"), ["o'svc@contoso.com"]),
        (Match("department", "nowhere"), []),
    ],
)
@pytest.mark.parametrize("filters", [True, False])
async def test_an_attribute_finds_the_accounts_that_have_it(match: Match, expected: list[str], filters: bool) -> None:
    async with LocalGraph(company().build()) as graph:
        if not filters:
            graph.fail(r"GET /v1\.0/users\?.*filter=", 400)
        reading = await read(graph, selection=Selection(attribute=match))
    assert reading.gaps == ()
    assert found(reading) == expected
    assert {one.selected_by for one in reading.accounts} <= {(f"attribute: {match.name}={match.value}",)}


@pytest.mark.parametrize("refused", [None, r"/microsoft\.graph\.user\?(?!.*count)", r"/microsoft\.graph\.user"])
async def test_a_group_finds_its_members_nested_ones_included(refused: str | None) -> None:
    async with LocalGraph(company().build(), page_sizes={"members": 1}) as graph:
        if refused:
            graph.fail(refused, 400)
        outer = group_id(graph, "Outer")
        reading = await read(graph, selection=Selection(groups=(outer.upper(),)))
    assert reading.gaps == ()
    assert found(reading) == ["svc-backup@contoso.com"]
    assert reading.accounts[0].selected_by == ("group: Outer",)


async def test_an_empty_group_selects_nobody_and_is_no_gap() -> None:
    async with LocalGraph(company().build()) as graph:
        reading = await read(graph, selection=Selection(groups=(group_id(graph, "Empty"),)))
    assert (reading.accounts, reading.gaps) == ((), ())


@pytest.mark.parametrize(("held", "gaps"), [({"Member.Read.Hidden"}, 0), ({"GroupMember.Read.All"}, 1), (None, 1)])
async def test_a_group_that_hides_its_members_selects_nobody_for_certain_only_where_the_app_may_see_them(
    held: set[str] | None, gaps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def app_permissions(_graph: Graph) -> frozenset[str] | None:
        return None if held is None else frozenset(held)

    monkeypatch.setattr(Graph, "app_permissions", app_permissions)
    tenant = TenantBuilder().user("svc@contoso.com", groups=["Secret"]).group("Secret", hidden=True).build()
    async with LocalGraph(tenant) as graph:
        secret = group_id(graph, "Secret")
        shown = await read(graph, selection=Selection(groups=(secret,)))
        graph.fail("/transitiveMembers", 200, body={"value": []})
        hidden = await read(graph, selection=Selection(groups=(secret,)))
    assert (found(shown), shown.gaps, found(hidden)) == (["svc@contoso.com"], (), [])
    assert [(gap.input, f"group {secret}: it shows nobody" in gap.error) for gap in hidden.gaps] == [
        ("selection", True)
    ] * gaps


@pytest.mark.parametrize(("status", "permission"), [(403, "GroupMember.Read.All"), (500, None), (404, None)])
async def test_a_group_that_cannot_be_read_is_a_gap_of_the_selection(status: int, permission: str | None) -> None:
    async with LocalGraph(company().build()) as graph:
        outer = group_id(graph, "Outer")
        graph.fail("/transitiveMembers", status)
        reading = await read(graph, selection=Selection(groups=(outer,), accounts=("person@contoso.com",)))
    gap = gap_of(reading, "selection")
    assert f"group {outer}: {status} " in gap.error
    assert (gap.permission, gap.not_found, gap.tenant_wide) == (permission, False, True)
    assert found(reading) == ["person@contoso.com"]


async def test_searches_that_may_not_be_made_are_gaps_of_the_selection() -> None:
    async with LocalGraph(company().build()) as graph:
        graph.fail(r"GET /v1\.0/users$", 403)
        selection = Selection(patterns=("svc-*", "*x*"), attribute=Match("employeeType", "service"))
        reading = await read(graph, selection=selection)
    assert set(inputs(reading)) == {"selection"}
    assert {gap.permission for gap in reading.gaps} == {"User.Read.All"}
    text = " ".join(gap.error for gap in reading.gaps)
    assert all(what in text for what in ("pattern svc-*", "pattern *x*", "attribute employeeType"))


async def test_every_user_is_looked_at_once_for_all_patterns_that_need_it() -> None:
    async with LocalGraph(company().build()) as graph:
        reading = await read(graph, selection=Selection(patterns=("*backup*", "*scan*", "*nobody*")))
        lists = [one for one in graph.requests if one.template == "GET /users"]
    assert found(reading) == ["svc-backup@contoso.com", "SVC-scan@contoso.com"]
    assert len(lists) == 1


async def test_an_account_that_is_found_in_several_ways_is_one_with_all_its_reasons() -> None:
    async with LocalGraph(company().build()) as graph:
        inner = group_id(graph, "Inner")
        selection = Selection(
            accounts=("svc-backup@contoso.com",), groups=(inner,), patterns=("svc-*", "*backup*", "*@contoso.com")
        )
        reading = await read(graph, selection=selection)
    assert account(reading, "svc-backup").selected_by == (
        "list",
        "group: Inner",
        "pattern: svc-*",
        "pattern: *backup*",
        "pattern: *@contoso.com",
    )
    assert len(found(reading)) == len(set(found(reading)))


async def test_accounts_asked_for_one_by_one_are_read_alone_and_keep_the_reasons_of_the_selection() -> None:
    async with LocalGraph(company().build()) as graph:
        selection = Selection(accounts=("person@contoso.com",), patterns=("svc-*",))
        reading = await read(graph, selection=selection, only=["SVC-SCAN@contoso.com"])
    assert found(reading) == ["SVC-scan@contoso.com"]
    assert reading.accounts[0].selected_by == ("pattern: svc-*",)


async def test_a_selecting_group_counts_even_where_memberships_cannot_be_read() -> None:
    async with LocalGraph(company().build()) as graph:
        inner = group_id(graph, "Inner")
        graph.fail("/transitiveMemberOf", 403)
        reading = await read(graph, selection=Selection(groups=(inner,)))
    assert reading.accounts[0].selected_by == (f"group: {inner}",)


async def test_an_attribute_that_graph_does_not_know_spoils_only_itself() -> None:
    async with LocalGraph(company().build()) as graph:
        graph.fail("costCenter", 400, message="Could not find a property named 'costCenter'.")
        selection = Selection(accounts=("person@contoso.com",), attribute=Match("costCenter", "42"))
        reading = await read(graph, selection=selection)
    assert inputs(reading) == ["selection"]
    assert "costCenter" in reading.gaps[0].error
    assert account(reading, "person").enabled is True


async def test_an_account_that_a_search_found_is_not_unreadable_because_the_list_names_it_too() -> None:
    async with LocalGraph(company().build()) as graph:
        graph.fail(r"/users/[^/?]+\?", 403)
        selection = Selection(accounts=("SVC-backup@contoso.com",), patterns=("svc-b*",))
        reading = await read(graph, selection=selection)
    assert reading.gaps == ()
    assert [one.selected_by for one in reading.accounts] == [("list", "pattern: svc-b*")]


async def test_answers_without_an_id_are_no_accounts() -> None:
    async with LocalGraph(company().build()) as graph:
        graph.fail(r"GET /v1\.0/users$", 200, body={"value": [{"userPrincipalName": "svc-x@contoso.com"}]})
        graph.fail("/users/person@contoso.com$", 200, body={})
        selection = Selection(accounts=("person@contoso.com",), patterns=("svc-*",))
        reading = await read(graph, selection=selection)
    assert found(reading) == ["person@contoso.com"]
    assert inputs(reading) == ["account_properties", "selection"]
    assert 'no readable "id"' in reading.gaps[0].error
