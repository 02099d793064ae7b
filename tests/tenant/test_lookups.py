"""What a question about a tenant names is looked up: in few requests, and never taken for missing because Graph refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.server import LocalGraph
from tenant.lookups import GraphLookups
from tenant.model import Gap, GroupDetails, Policy
from tenant.policies import parse_policy
from tenant.reader import Reading, read_tenant
from tenant.selection import Selection
from tests.tenant.reading import account, connect
from tests.tenant.test_groups import group_id

SVC, ADA = "svc@contoso.com", "ada@contoso.com"
GONE = "99999999-9999-4999-8999-999999999999"


def contoso() -> TenantBuilder:
    return (
        TenantBuilder(hidden_members_readable=False)
        .user(SVC, groups=["Apps"])
        .user(ADA, groups=["Exempt"])
        .user("zoe@contoso.com", groups=["Exempt"])
        .group("Apps")
        .group("Exempt")
        .group("Above", members=["Exempt"])
        .group("Top", members=["Above"])
        .group("Secret", hidden=True, members=[ADA])
        .group("Dynamic", rule="(user.department -eq 1)")
        .group("On premises", onPremisesSyncEnabled=True)
        .group("It's 100 % & more")
        .group("Twice", id="11111111-1111-4111-8111-111111111111")
        .location("Office", ranges=["203.0.113.0/24"])
    )


@asynccontextmanager
async def asking(build: TenantBuilder | None = None) -> AsyncIterator[tuple[LocalGraph, Reading, GraphLookups]]:
    async with LocalGraph((build or contoso()).build()) as graph, connect(graph.url) as client:
        reading = await read_tenant(client, Selection(accounts=(SVC,)))
        graph.requests.clear()
        yield graph, reading, GraphLookups(client)


ALL = {"includeApplications": ["All"]}


def policy(locations: Any = None, strength: str = "", **users: Any) -> Policy:
    grant = {"operator": "OR", "authenticationStrength": {"id": strength}} if strength else None
    conditions = {"applications": ALL, "users": users, "locations": locations}
    return parse_policy({"displayName": "P", "conditions": conditions, "grantControls": grant})


def names_of(graph: LocalGraph, *names: str) -> list[str]:
    return [group_id(graph, name) for name in names]


async def test_the_groups_and_users_that_a_policy_names_are_looked_up() -> None:
    async with asking() as (graph, reading, lookups):
        exempt, secret = names_of(graph, "Exempt", "Secret")
        ada = next(user.id for user in graph.tenant.users.values() if user.upn == ADA)
        svc = account(reading, SVC).id
        found = await lookups.named_by(
            reading,
            [policy(includeGroups=[exempt, GONE, "Your group"], excludeGroups=[secret], includeUsers=[ada, GONE, svc])],
        )
        groups = found.reading.tenant.groups
        assert [(groups[id].display_name, groups[id].deleted) for id in (exempt, GONE, "your group")] == [
            ("Exempt", False),
            (GONE, True),
            ("your group", True),
        ]
        assert groups[secret].hidden_membership
        assert found.users == {svc: True, ada: True, GONE: False}
        assert found.reading.gaps == reading.gaps
        assert not [one for one in graph.requests if "your" in one.path.lower()]
        assert not [one for one in graph.requests if svc in one.path and one.template == "GET /users/{id}"]


async def test_fifty_names_take_a_handful_of_requests() -> None:
    async with asking() as (graph, reading, lookups):
        ids = [f"{number:08}-aaaa-4aaa-8aaa-aaaaaaaaaaaa" for number in range(50)]
        await lookups.named_by(reading, [policy(includeGroups=ids, excludeUsers=ids[:20])])
        assert len([one for one in graph.requests if one.template == "POST /$batch"]) == 4


async def test_nothing_is_asked_where_nothing_new_is_named() -> None:
    async with asking() as (graph, reading, lookups):
        (apps,) = names_of(graph, "Apps")
        await lookups.named_by(reading, [policy(includeUsers=["All"], includeGroups=[apps])])
        assert graph.requests == []


async def test_strengths_and_locations_are_read_where_only_further_policies_need_them() -> None:
    async with asking(contoso().strength("Ours", requirements="mfa")) as (graph, reading, lookups):
        office = graph.tenant.named_locations[0]["id"]
        ours = next(one["id"] for one in graph.tenant.strengths if one["displayName"] == "Ours")
        more = policy({"includeLocations": ["All"], "excludeLocations": [office]}, ours, includeUsers=["All"])
        tenant = (await lookups.named_by(reading, [more])).reading.tenant
        assert not isinstance(tenant.strengths, Gap)
        assert tenant.strengths[ours].requirements_satisfied == "mfa"
        assert tenant.named_locations == {office: "Office"}


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_what_graph_refuses_is_unknown_and_a_gap(status: int) -> None:
    async with asking() as (graph, reading, lookups):
        (exempt,) = names_of(graph, "Exempt")
        graph.fail(r"GET /v1\.0/(groups|users)/[^/]+(\?|$)", status)
        found = await lookups.named_by(reading, [policy(includeGroups=[exempt], includeUsers=[GONE])])
        assert found.reading.tenant.groups[exempt].gap is not None
        assert isinstance(found.users[GONE], Gap)
        assert {gap.input for gap in found.reading.gaps} == {"groups", "account_properties"}
        assert {gap.permission for gap in found.reading.gaps} == (
            {"GroupMember.Read.All", "User.Read.All"} if status == 403 else {None}
        )


async def test_what_is_not_found_without_graphs_word_for_it_is_no_missing_object() -> None:
    async with asking() as (graph, reading, lookups):
        (exempt,) = names_of(graph, "Exempt")
        graph.fail(r"GET /v1\.0/(groups|users)/[^/]+(\?|$)", 404, code="UnknownError")
        found = await lookups.named_by(reading, [policy(includeGroups=[exempt], includeUsers=[GONE])])
        assert isinstance(found.users[GONE], Gap)
        assert isinstance((await lookups.groups([exempt]))[exempt], Gap)


async def test_groups_are_found_by_their_names() -> None:
    async with asking(contoso().group("TWICE", id="22222222-2222-4222-8222-222222222222")) as (graph, _, lookups):
        found = await lookups.ids_of(["exempt", "It's 100 % & more", "Nobody", "Twice"])
        exempt, odd = names_of(graph, "Exempt", "It's 100 % & more")
        assert found["exempt"] == (exempt,)
        assert found["It's 100 % & more"] == (odd,)
        assert found["Nobody"] == ()
        assert isinstance(twice := found["Twice"], tuple)
        assert len(twice) == len([one for one in graph.tenant.groups.values() if one.name.lower() == "twice"])


async def test_a_name_that_may_not_be_looked_up_is_a_gap() -> None:
    async with asking() as (graph, _, lookups):
        graph.fail("GET /v1.0/groups", 403)
        (found,) = (await lookups.ids_of(["Exempt"])).values()
        assert isinstance(found, Gap)


async def details(lookups: GraphLookups, id: str) -> GroupDetails:
    found = (await lookups.groups([id]))[id]
    assert isinstance(found, GroupDetails)
    return found


async def test_a_group_is_known_with_what_it_is_in_and_who_is_in_it() -> None:
    async with asking() as (graph, _, lookups):
        exempt, above, top = names_of(graph, "Exempt", "Above", "Top")
        found = await details(lookups, exempt)
        assert found == GroupDetails(
            exempt, "Exempt", containers={above: "Above", top: "Top"}, members=(ADA, "zoe@contoso.com")
        )
        assert len([one for one in graph.requests if one.template == "POST /$batch"]) == 1


async def test_a_rule_or_an_on_premises_directory_that_says_who_is_in_a_group_is_known() -> None:
    async with asking() as (graph, _, lookups):
        dynamic, synchronised = [await details(lookups, id) for id in names_of(graph, "Dynamic", "On premises")]
        assert (dynamic.dynamic, dynamic.synchronised) == (True, False)
        assert (synchronised.dynamic, synchronised.synchronised) == (False, True)


async def test_a_group_that_does_not_exist_is_none_and_one_that_is_refused_a_gap() -> None:
    async with asking() as (graph, _, lookups):
        (exempt,) = names_of(graph, "Exempt")
        assert (await lookups.groups([GONE])) == {GONE: None}
        graph.fail(rf"GET /v1\.0/groups/{exempt}(\?|$)", 403)
        assert isinstance((await lookups.groups([exempt]))[exempt], Gap)


async def test_members_and_nesting_that_are_refused_are_gaps_of_their_own() -> None:
    async with asking() as (graph, _, lookups):
        (exempt,) = names_of(graph, "Exempt")
        graph.fail("transitiveMember", 403)
        found = await details(lookups, exempt)
        assert (found.containers, found.members, found.display_name) == ({}, (), "Exempt")
        assert found.containers_gap is not None
        assert found.containers_gap.permission == "GroupMember.Read.All"
        assert found.members_gap is not None


@pytest.mark.parametrize("spoilt", [Spoilt.CUT, Spoilt.BARE])
async def test_an_answer_that_cannot_be_read_is_no_empty_group(spoilt: Spoilt) -> None:
    async with asking() as (graph, _, lookups):
        (exempt,) = names_of(graph, "Exempt")
        graph.spoil("transitiveMember", spoilt)
        found = await details(lookups, exempt)
        assert found.containers_gap is not None
        assert found.members_gap is not None


async def test_a_group_is_known_where_graph_knows_no_casts() -> None:
    async with asking() as (graph, _, lookups):
        exempt, above, top = names_of(graph, "Exempt", "Above", "Top")
        graph.fail(r"/microsoft\.graph", 400)
        found = await details(lookups, exempt)
        assert (found.containers, found.members) == ({above: "Above", top: "Top"}, (ADA, "zoe@contoso.com"))


async def test_a_full_first_page_of_members_says_that_there_are_more() -> None:
    async with LocalGraph(contoso().build(), page_sizes={"members": 1}) as graph, connect(graph.url) as client:
        found = await details(GraphLookups(client), group_id(graph, "Exempt"))
        assert (len(found.members), found.more_members) == (1, True)
        assert len(found.containers) == 2


async def test_registrations_are_read_as_a_scan_reads_them() -> None:
    async with asking(TenantBuilder().user(SVC, methods=["phone"])) as (_, reading, lookups):
        id = account(reading, SVC).id
        assert (await lookups.registrations([id]))[id].own == (
            "#microsoft.graph.passwordAuthenticationMethod",
            "#microsoft.graph.phoneAuthenticationMethod",
        )
