"""Batches: an answer for every member, whatever happens to the others."""

from typing import Any

import pytest
from aiohttp import web

from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.server import LocalGraph
from localgraph.tenant import LocalTenant
from tenant.batch import Member, batch, collect
from tenant.graph import GraphError, GraphRefused
from tests.tenant.reading import Naps, connect
from tests.tenant.scripted import scripted


def company(users: int) -> LocalTenant:
    build = TenantBuilder()
    for number in range(users):
        build.user(f"u{number:02d}@contoso.com", groups=["Everybody", "Others"] if number == 0 else ())
    return build.build()


def members(users: int) -> list[Member]:
    return [Member(f"/users/u{number:02d}@contoso.com?$select=userPrincipalName") for number in range(users)]


def names(answers: list[Any]) -> list[Any]:
    return [answer.status if isinstance(answer, GraphRefused) else answer["userPrincipalName"] for answer in answers]


async def test_members_are_sent_twenty_at_a_time_and_answered_in_their_order() -> None:
    async with LocalGraph(company(45)) as local, connect(local.url) as graph:
        answers = await batch(graph, members(45))
        assert graph.requests == 3
    assert names(answers) == [f"u{number:02d}@contoso.com" for number in range(45)]


async def test_what_answers_say_they_cost_is_added_up() -> None:
    async with LocalGraph(company(2)) as local, connect(local.url) as graph:
        await batch(graph, [*members(2), Member("/users/u00@contoso.com")])
        assert graph.resource_units == 1 + 1 + 2
        await graph.get("/subscribedSkus")
        assert graph.resource_units == 4 + 3


async def test_no_members_are_no_request() -> None:
    async with LocalGraph(company(0)) as local, connect(local.url) as graph:
        assert await batch(graph, []) == []
        assert graph.requests == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_only_the_members_that_failed_are_sent_again(status: int) -> None:
    async with LocalGraph(company(20)) as local, connect(local.url) as graph:
        local.fail("/users/u0[37]@", status, times=2)
        answers = await batch(graph, members(20))
        assert names(answers) == [f"u{number:02d}@contoso.com" for number in range(20)]
        assert len(local.requests) == 1 + 20 + 1 + 2, "an envelope of twenty, then one of the two that failed"


async def test_a_member_that_holds_an_error_is_none_though_its_status_says_that_all_is_well() -> None:
    body = {"id": "x", "userPrincipalName": "u03@contoso.com", "error": {"code": "UnknownError"}}
    async with LocalGraph(company(20)) as local, connect(local.url) as graph:
        local.fail("/users/u03@", 200, body=body, times=1)
        assert names(await batch(graph, members(20))) == [f"u{number:02d}@contoso.com" for number in range(20)]
        assert len(local.requests) == 1 + 20 + 1 + 1, "it is sent again"
        local.fail("/users/u03@", 200, body=body)
        assert names(await batch(graph, members(4)))[3] == 200


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.LOST, Spoilt.BROKEN])
async def test_only_the_members_whose_answer_is_missing_or_cut_short_are_sent_again(how: Spoilt) -> None:
    async with LocalGraph(company(20)) as local, connect(local.url) as graph:
        local.spoil("/users/u0[37]@", how, times=2)
        answers = await batch(graph, members(20))
        assert names(answers) == [f"u{number:02d}@contoso.com" for number in range(20)]
        assert len(local.requests) == 1 + 20 + 1 + 2


@pytest.mark.parametrize(("how", "status"), [(Spoilt.CUT, 200), (Spoilt.BARE, 200), (Spoilt.LOST, 0)])
async def test_a_member_that_stays_cut_short_is_a_refusal_of_it_alone(how: Spoilt, status: int) -> None:
    naps = Naps()
    async with LocalGraph(company(3)) as local, connect(local.url, naps) as graph:
        local.spoil("/users/u01@", how)
        assert names(await batch(graph, members(3))) == ["u00@contoso.com", status, "u02@contoso.com"]
    assert naps.taken == [1, 1, 2], "the first round got somewhere, so that the patience of the second is fresh"


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.BROKEN, Spoilt.LOST])
async def test_an_envelope_that_is_cut_short_is_sent_again(how: Spoilt) -> None:
    async with LocalGraph(company(2)) as local, connect(local.url) as graph:
        local.spoil(r"\$batch", how, times=2)
        assert names(await batch(graph, members(2))) == ["u00@contoso.com", "u01@contoso.com"]


async def test_the_longest_time_that_a_member_asks_for_is_waited() -> None:
    naps = Naps()
    async with LocalGraph(company(3)) as local, connect(local.url, naps) as graph:
        local.fail("/users/u00@", 429, times=1, retry_after=3)
        local.fail("/users/u02@", 429, times=1, retry_after=8)
        assert names(await batch(graph, members(3))) == ["u00@contoso.com", "u01@contoso.com", "u02@contoso.com"]
    assert naps.taken == [8]


async def test_a_member_that_stays_throttled_is_an_error_and_the_others_are_answers() -> None:
    naps = Naps()
    async with LocalGraph(company(3)) as local, connect(local.url, naps) as graph:
        local.fail("/users/u01@", 429)
        assert names(await batch(graph, members(3))) == ["u00@contoso.com", 429, "u02@contoso.com"]
    assert 60 <= sum(naps.taken) <= 100


async def test_a_limit_that_lets_few_members_through_at_a_time_is_sat_out() -> None:
    """As the report endpoints do: five requests in ten seconds."""
    rounds: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        sent = [one["id"] for one in (await request.json())["requests"]]
        rounds.append(len(sent))
        late = {"status": 429, "headers": {"Retry-After": "100"}, "body": {"error": {"code": "TooManyRequests"}}}
        good = {"status": 200, "body": {"ok": True}}
        return web.json_response({"responses": [{"id": id, **(late if sent.index(id) >= 5 else good)} for id in sent]})

    naps = Naps()
    async with scripted(answer) as server, connect(server.url, naps) as graph:
        assert await batch(graph, members(20)) == [{"ok": True}] * 20
    assert rounds == [20, 15, 10, 5]
    assert naps.taken == [100, 100, 100]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
async def test_a_refused_member_is_an_error_and_never_empty(status: int) -> None:
    naps = Naps()
    async with LocalGraph(company(2)) as local, connect(local.url, naps) as graph:
        local.fail("/users/u01@", status, code="Code", message="Message.")
        answers = await batch(graph, members(2))
    assert names(answers) == ["u00@contoso.com", status]
    assert str(answers[1]) == f"{status} Code: Message."
    assert naps.taken == []


async def test_an_envelope_that_fails_fails_its_members_and_no_others() -> None:
    async with LocalGraph(company(40)) as local, connect(local.url) as graph:
        local.fail(r"POST /v1\.0/\$batch", 403, times=1)
        statuses = [
            answer.status if isinstance(answer, GraphRefused) else 200 for answer in await batch(graph, members(40))
        ]
    assert sorted(statuses) == [200] * 20 + [403] * 20


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"responses": []},
        {"responses": None},
        {"responses": [{"id": "7", "status": 200, "body": {}}]},
        {"responses": [None, "text"]},
        {"responses": [{"id": "0"}]},
        {"responses": [{"id": "0", "status": 200}]},
        {"responses": [{"id": "0", "status": 200, "body": "text"}]},
        {"responses": [{"id": "0", "status": 204, "body": {}}]},
        {"responses": [{"id": "0", "status": "good", "body": {}}]},
        {"responses": [{"id": "0", "status": 403, "body": None, "headers": None}]},
    ],
)
async def test_a_member_without_a_proper_answer_is_an_error(response: dict[str, Any]) -> None:
    async with scripted(lambda request: web.json_response(response)) as server, connect(server.url) as graph:
        (answer,) = await batch(graph, members(1))
    assert isinstance(answer, GraphError)


async def test_the_beta_version_has_envelopes_of_its_own() -> None:
    async with LocalGraph(company(1)) as local, connect(local.url) as graph:
        (answer,) = await batch(graph, [Member("/users/u00@contoso.com/authentication/requirements")], version="beta")
    assert isinstance(answer, dict)
    assert answer["perUserMfaState"] == "disabled"


async def first_page_and_rest(local: LocalGraph) -> list[dict[str, Any]] | GraphError:
    async with connect(local.url) as graph:
        (first,) = await batch(graph, [Member("/users/u00@contoso.com/transitiveMemberOf?$select=id,displayName")])
        return await collect(graph, first)


async def test_the_further_pages_of_a_members_answer_are_read() -> None:
    async with LocalGraph(company(1), page_sizes={"members": 1}) as local:
        items = await first_page_and_rest(local)
        assert local.http_requests == 2
    assert not isinstance(items, GraphError)
    assert {item["displayName"] for item in items} == {"Everybody", "Others"}


async def test_what_the_further_pages_repeat_is_there_once() -> None:
    async with LocalGraph(company(1), page_sizes={"members": 1}) as local:
        local.spoil("transitiveMemberOf", Spoilt.REPEATED)
        items = await first_page_and_rest(local)
    assert not isinstance(items, GraphError)
    assert sorted(item["displayName"] for item in items) == ["Everybody", "Others"]


async def test_a_further_page_that_fails_makes_the_whole_list_an_error() -> None:
    async with LocalGraph(company(1), page_sizes={"members": 1}) as local:
        local.fail("skiptoken", 403)
        assert isinstance(await first_page_and_rest(local), GraphRefused)
