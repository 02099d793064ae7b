"""Failures on demand, permissions, throttling."""

import httpx
import pytest

from localgraph.builder import TenantBuilder
from localgraph.errors import GraphRefusal
from localgraph.limits import CONDITIONAL_ACCESS, REPORTS, Limits
from tests.localgraph.kit import talking

TENANT = TenantBuilder().user("a@contoso.com").user("b@contoso.com").policy("P", grant=["mfa"]).build()
POLICIES = "/v1.0/identity/conditionalAccess/policies"


async def test_a_failure_strikes_the_requests_it_names_as_often_as_was_said() -> None:
    async with talking(TENANT) as talk:
        fault = talk.graph.fail(r"GET /v1\.0/users/a@", 503, times=2, retry_after=7)
        first = await talk.client.get("/v1.0/users/a@contoso.com")
        assert (first.status_code, first.headers["Retry-After"]) == (503, "7")
        await talk.get("/v1.0/users/b@contoso.com")
        await talk.code("/v1.0/users/a@contoso.com", 503)
        await talk.get("/v1.0/users/a@contoso.com")
        assert fault.hits == 2


async def test_a_failure_strikes_members_of_batches_and_may_look_at_the_query() -> None:
    requests = [
        {"id": "1", "method": "GET", "url": "/users?$select=id,perUserMfaState"},
        {"id": "2", "method": "GET", "url": "/users?$select=id"},
    ]
    async with talking(TENANT) as talk:
        talk.graph.fail("perUserMfaState", 429, retry_after=3)
        body = await talk.post("/v1.0/$batch", {"requests": requests})
    answers = {item["id"]: item for item in body["responses"]}
    assert (answers["1"]["status"], answers["1"]["headers"]["Retry-After"]) == (429, "3")
    assert answers["2"]["status"] == 200


async def test_a_failure_may_be_a_body_a_lie_or_a_dead_line() -> None:
    async with talking(TENANT) as talk:
        talk.graph.fail("users/a@", 200, body={"unexpected": True})
        assert await talk.get("/v1.0/users/a@contoso.com") == {"unexpected": True}
        talk.graph.fail("users/b@", 502, body=b"<html>Bad gateway</html>")
        assert (await talk.client.get("/v1.0/users/b@contoso.com")).text == "<html>Bad gateway</html>"
        talk.graph.fail("policies", 0)
        with pytest.raises(httpx.RemoteProtocolError):
            await talk.client.get(POLICIES)
        talk.graph.heal()
        assert len(await talk.value(POLICIES)) == 1


async def test_a_whole_envelope_can_fail() -> None:
    async with talking(TENANT) as talk:
        talk.graph.fail(r"POST /v1\.0/\$batch", 500, times=1)
        requests = {"requests": [{"id": "1", "method": "GET", "url": "/users"}]}
        await talk.post("/v1.0/$batch", requests, 500)
        await talk.post("/v1.0/$batch", requests)


async def test_a_denied_permission_closes_its_endpoints_and_no_others() -> None:
    async with talking(TENANT) as talk:
        talk.graph.deny("Policy.Read.ConditionalAccess")
        assert await talk.code(POLICIES, 403) == "Authorization_RequestDenied"
        await talk.get("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy")
        await talk.get("/beta/users/a@contoso.com/authentication/requirements")


async def test_only_what_is_granted_is_open() -> None:
    async with talking(TENANT) as talk:
        talk.graph.grant("Policy.Read.All")
        await talk.get(POLICIES)
        await talk.get("/beta/users/a@contoso.com/authentication/requirements")
        await talk.code("/v1.0/users", 403)
        talk.graph.grant("UserAuthenticationMethod.Read.All")
        await talk.code("/beta/users/a@contoso.com/authentication/requirements", 403)
        await talk.get("/v1.0/users/a@contoso.com/authentication/methods")


def test_conditional_access_takes_one_request_a_second_and_does_not_say_when_to_come_back() -> None:
    now = [100.0]
    limits = Limits(True, lambda: now[0])
    limits.check(CONDITIONAL_ACCESS)
    now[0] += 0.9
    with pytest.raises(GraphRefusal) as refused:
        limits.check(CONDITIONAL_ACCESS)
    assert (refused.value.status, refused.value.headers) == (429, {})
    now[0] += 0.1
    limits.check(CONDITIONAL_ACCESS)


def test_reports_take_five_requests_in_ten_seconds_and_say_when_to_come_back() -> None:
    now = [100.0]
    limits = Limits(True, lambda: now[0])
    for _ in range(5):
        limits.check(REPORTS)
        now[0] += 1
    with pytest.raises(GraphRefusal) as refused:
        limits.check(REPORTS)
    assert refused.value.headers == {"Retry-After": "5"}
    now[0] += 5
    limits.check(REPORTS)


async def test_limits_count_each_member_of_a_batch_and_are_off_by_default() -> None:
    url = "/users/a@contoso.com/authentication/methods"
    body = {"requests": [{"id": str(number), "method": "GET", "url": url} for number in range(7)]}
    async with talking(TENANT, limits=True) as talk:
        answers = (await talk.post("/v1.0/$batch", body))["responses"]
        assert sorted(item["status"] for item in answers) == [200] * 5 + [429] * 2
        assert await talk.value(POLICIES)
        throttled = await talk.client.get("/v1.0/identity/conditionalAccess/namedLocations")
        assert throttled.status_code == 429
        assert "Retry-After" not in throttled.headers
    async with talking(TENANT) as talk:
        answers = (await talk.post("/v1.0/$batch", body))["responses"]
        assert {item["status"] for item in answers} == {200}
