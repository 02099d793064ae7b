"""JSON batches."""

from typing import Any

import pytest

from localgraph.builder import TenantBuilder
from tests.localgraph.kit import talking

TENANT = TenantBuilder().user("svc@contoso.com", mfa="enforced", groups=["Apps"]).build()
ME = "/users/svc@contoso.com"


def member(id: str = "1", url: str = ME, **more: Any) -> dict[str, Any]:
    return {"id": id, "method": "GET", "url": url, **more}


async def test_every_member_has_its_own_answer_and_the_envelope_is_200() -> None:
    async with talking(TENANT) as talk:
        requests = [member("a"), member("b", "/nonsense"), member("c", f"{ME}?$top=1"), member("d", "users")]
        body = await talk.post("/v1.0/$batch", {"requests": requests})
    answers = {item["id"]: item for item in body["responses"]}
    assert {id: item["status"] for id, item in answers.items()} == {"a": 200, "b": 404, "c": 400, "d": 200}
    assert answers["a"]["body"]["userPrincipalName"] == "svc@contoso.com"
    assert answers["a"]["headers"]["Content-Type"] == "application/json"
    assert answers["b"]["body"]["error"]["code"] == "ResourceNotFound"


async def test_answers_come_in_no_order() -> None:
    async with talking(TENANT) as talk:
        ids = [str(number) for number in range(20)]
        body = await talk.post("/v1.0/$batch", {"requests": [member(id) for id in ids]})
    assert [item["id"] for item in body["responses"]] != ids
    assert sorted(item["id"] for item in body["responses"]) == sorted(ids)


async def test_members_are_of_the_version_of_the_envelope() -> None:
    request = {"requests": [member(url=f"{ME}/authentication/requirements")]}
    async with talking(TENANT) as talk:
        (old,) = (await talk.post("/v1.0/$batch", request))["responses"]
        (new,) = (await talk.post("/beta/$batch", request))["responses"]
        (wrong,) = (await talk.post("/beta/$batch", {"requests": [member(url=f"/beta{ME}")]}))["responses"]
    assert old["status"] == wrong["status"] == 404
    assert new["body"]["perUserMfaState"] == "enforced"


async def test_headers_are_those_of_the_member_and_not_of_the_envelope() -> None:
    url = "/users?$filter=endswith(userPrincipalName,'com')&$count=true&$select=id"
    requests = [member("with", url, headers={"ConsistencyLevel": "eventual"}), member("without", url)]
    async with talking(TENANT) as talk:
        answer = await talk.client.post(
            "/v1.0/$batch", json={"requests": requests}, headers={"ConsistencyLevel": "eventual"}
        )
    assert {item["id"]: item["status"] for item in answer.json()["responses"]} == {"with": 200, "without": 400}


async def test_a_post_inside_a_batch_needs_its_content_type() -> None:
    post = {"id": "1", "method": "POST", "url": f"{ME}/getMemberGroups", "body": {"securityEnabledOnly": False}}
    headers = {"Content-Type": "application/json"}
    async with talking(TENANT) as talk:
        (answer,) = (await talk.post("/v1.0/$batch", {"requests": [{**post, "headers": headers}]}))["responses"]
        assert answer["body"]["value"] == [TENANT.group("Apps").id]
        await talk.post("/v1.0/$batch", {"requests": [post]}, 400)


@pytest.mark.parametrize(
    "requests",
    [
        None,
        [],
        ["text"],
        [member(str(number)) for number in range(21)],
        [member(), member()],
        [member(id="")],
        [{"id": 1, "method": "GET", "url": ME}],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "url": ME}],
        [member(method="LOOK")],
        [member(url="https://graph.microsoft.com/v1.0/me")],
        [member(url="//elsewhere/users")],
        [member(url="/users?$filter=id eq 'x'")],
        [member(dependsOn=["2"])],
    ],
)
async def test_an_envelope_that_graph_would_refuse_is_refused(requests: Any) -> None:
    async with talking(TENANT) as talk:
        await talk.post("/v1.0/$batch", {"requests": requests}, 400)


async def test_a_member_whose_predecessor_failed_is_not_tried() -> None:
    requests = [member("1", "/nonsense"), member("2", dependsOn=["1"]), member("3")]
    async with talking(TENANT) as talk:
        body = await talk.post("/v1.0/$batch", {"requests": requests})
    assert {item["id"]: item["status"] for item in body["responses"]} == {"1": 404, "2": 424, "3": 200}


async def test_the_log_tells_members_from_envelopes() -> None:
    async with talking(TENANT) as talk:
        await talk.post("/v1.0/$batch", {"requests": [member("1"), member("2", f"{ME}/transitiveMemberOf")]})
        await talk.get("/v1.0/users")
        graph = talk.graph
    assert graph.http_requests == 2
    assert [(item.template, item.in_batch, item.status) for item in graph.requests] == [
        ("POST /$batch", False, 200),
        ("GET /users/{id}", True, 200),
        ("GET /users/{id}/transitiveMemberOf", True, 200),
        ("GET /users", False, 200),
    ]
    assert graph.seen_endpoints() == {
        ("GET /users/{id}", "v1.0"),
        ("GET /users/{id}/transitiveMemberOf", "v1.0"),
        ("GET /users", "v1.0"),
    }
    assert all("authorization" not in item.headers for item in graph.requests)
