"""Failures on demand, permissions, throttling."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from localgraph.builder import TenantBuilder
from localgraph.errors import GraphRefusal
from localgraph.faults import Spoilt
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


async def test_an_answer_may_be_cut_or_bare_or_broken_off() -> None:
    async with talking(TENANT) as talk:
        whole = (await talk.client.get(POLICIES)).text
        talk.graph.spoil("policies", Spoilt.CUT, times=1)
        half = (await talk.client.get(POLICIES)).text
        assert whole.startswith(half)
        assert 0 < len(half) < len(whole)
        talk.graph.spoil("policies", Spoilt.BARE, times=1)
        bare = await talk.client.get(POLICIES)
        assert (bare.status_code, bare.content) == (200, b"")
        broken = talk.graph.spoil("policies", Spoilt.BROKEN)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            await talk.client.get(POLICIES)
        await talk.get("/v1.0/users/a@contoso.com")
        assert broken.hits == 1


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.BROKEN, Spoilt.LOST])
async def test_a_member_may_be_spoilt_and_the_others_are_whole(how: Spoilt) -> None:
    requests = [{"id": name, "method": "GET", "url": f"/users/{name}@contoso.com"} for name in "ab"]
    async with talking(TENANT) as talk:
        talk.graph.spoil("users/a@", how)
        body = await talk.post("/v1.0/$batch", {"requests": requests})
        answers = {item["id"]: item for item in body["responses"]}
        assert answers["b"]["body"]["userPrincipalName"] == "b@contoso.com"
        if how is Spoilt.LOST:
            assert set(answers) == {"b"}
        else:
            assert answers["a"]["status"] == (504 if how is Spoilt.BROKEN else 200)
            assert not isinstance(answers["a"].get("body"), dict) or how is Spoilt.BROKEN


async def test_a_refusal_is_not_spoilt() -> None:
    async with talking(TENANT) as talk:
        talk.graph.spoil("users", Spoilt.CUT)
        await talk.code("/v1.0/users/nobody@contoso.com", 404)


async def test_pages_may_repeat_what_the_page_before_ended_with() -> None:
    async with talking(TENANT, page_sizes={"users": 1}) as talk:
        talk.graph.spoil("GET /v1.0/users", Spoilt.REPEATED)
        for _ in range(2):
            pages = await talk.pages("/v1.0/users?$select=userPrincipalName")
            names = [[user["userPrincipalName"] for user in page] for page in pages]
            assert names == [["a@contoso.com"], ["a@contoso.com", "b@contoso.com"]]


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=2), timedelta(days=-1)])
async def test_answers_tell_the_time_which_may_be_another_one(ahead: timedelta) -> None:
    async with talking(TENANT) as talk:
        talk.graph.date_skew = ahead
        told = parsedate_to_datetime((await talk.client.get(POLICIES)).headers["Date"])
    assert abs(told - ahead - datetime.now(UTC)) < timedelta(seconds=10)


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
