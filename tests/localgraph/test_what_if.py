"""``evaluate``: which policies apply, and why others don't."""

from typing import Any

import pytest

from localgraph.builder import TenantBuilder
from localgraph.ids import APPS
from localgraph.schema import Json, schema
from tests.localgraph.conformity import problems
from tests.localgraph.kit import Talk, talking

PATH = "/v1.0/identity/conditionalAccess/evaluate"
OFFICE, ELSEWHERE = "192.0.2.10", "198.51.100.7"
TENANT = (
    TenantBuilder()
    .user("a@contoso.com", groups=["Apps"])
    .user("b@contoso.com", groups=["Free"])
    .group("All apps", members=["Apps"])
    .location("Office", ranges=["192.0.2.0/24"], trusted=True)
    .location("France", countries=["FR"])
    .policy("everybody", exclude_groups=["Free"], grant=["mfa"])
    .policy("nested", include_groups=["All apps"], grant=["mfa"])
    .policy("role", include_roles=["Global Administrator"], grant=["mfa"])
    .policy("legacy", client_apps=["exchangeActiveSync", "other"], grant=["block"])
    .policy("outside", locations=["All"], exclude_locations=["AllTrusted"], grant=["mfa"])
    .policy("abroad", locations=["France"], grant=["block"])
    .policy("risk", sign_in_risk=["high"], grant=["mfa"])
    .policy("platform", platforms=["iOS"], grant=["mfa"])
    .policy("other app", apps=["Azure management"], grant=["mfa"])
    .policy("office apps", apps=["Office365"], grant=["mfa"])
    .policy("action", user_actions=["urn:user:registersecurityinfo"], grant=["mfa"])
    .policy("device code", flows="deviceCodeFlow", grant=["block"])
    .policy("report", state="report-only", grant=["mfa"])
    .policy("off", state="off", grant=["mfa"])
    .policy("workload", service_principals=["ServicePrincipalsInMyTenant"], grant=["block"])
    .policy("new", conditions={"somethingNew": ["x"]}, grant=["mfa"])
    .build()
)


def request(upn: str = "a@contoso.com", context: Json | None = None, **conditions: Any) -> Json:
    given = {"clientAppType": "other", "ipAddress": ELSEWHERE, "country": "US", "signInRiskLevel": "none"}
    app = {"@odata.type": "#microsoft.graph.applicationContext", "includeApplications": [APPS["Exchange Online"]]}
    return {
        "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": TENANT.user(upn).id},
        "signInContext": app if context is None else context,
        "signInConditions": {**given, **conditions},
    }


async def applied(talk: Talk, body: Json) -> set[str]:
    answers = (await talk.post(PATH, {**body, "appliedPoliciesOnly": True}))["value"]
    return {item["displayName"] for item in answers}


ALWAYS = {"everybody", "nested", "outside", "office apps", "report"}
FREE = ALWAYS - {"everybody", "nested"}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (request(), ALWAYS | {"legacy"}),
        (request("b@contoso.com"), FREE | {"legacy"}),
        (request(clientAppType="browser"), ALWAYS),
        (request(clientAppType="browser", ipAddress=OFFICE), ALWAYS - {"outside"}),
        (request(clientAppType="browser", country="FR"), ALWAYS | {"abroad"}),
        (request(clientAppType="browser", signInRiskLevel="high"), ALWAYS | {"risk"}),
        (request(clientAppType="browser", devicePlatform="iOS"), ALWAYS | {"platform"}),
        (request(clientAppType="browser", authenticationFlow={"transferMethod": "deviceCodeFlow"}), ALWAYS | {"device code"}),
        (
            request(context={"@odata.type": "#microsoft.graph.userActionContext", "userAction": "registerSecurityInformation"}),
            {"action"},
        ),
    ],
)  # fmt: skip
async def test_the_policies_that_apply(body: Json, names: set[str]) -> None:
    async with talking(TENANT) as talk:
        assert await applied(talk, body) == names


async def test_every_policy_comes_with_the_reasons_why_it_does_not_apply() -> None:
    async with talking(TENANT) as talk:
        answers = (await talk.post(PATH, request(clientAppType="browser", ipAddress=OFFICE)))["value"]
    assert len(answers) == len(TENANT.policies)
    reasons = {item["displayName"]: item["analysisReasons"] for item in answers if not item["policyApplies"]}
    assert reasons == {
        "role": "users",
        "legacy": "clientApps",
        "outside": "location",
        "abroad": "location",
        "risk": "signInRisk",
        "platform": "notEnoughInformation",
        "other app": "application",
        "action": "application",
        "device code": "authenticationFlow",
        "off": "policyNotEnabled",
        "workload": "workloadIdentities",
        "new": "notEnoughInformation",
    }
    assert {item["analysisReasons"] for item in answers if item["policyApplies"]} == {"notSet"}
    known = [item for item in answers if item["displayName"] != "new"]
    assert [found for item in known for found in problems(schema("v1.0"), "whatIfAnalysisResult", item)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {**request(), "surprise": 1},
        {**request(), "signInIdentity": None},
        {**request(), "signInIdentity": {"userId": TENANT.user("a@contoso.com").id}},
        {**request(), "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": "a@contoso.com"}},
        {**request(), "signInContext": {"@odata.type": "#microsoft.graph.applicationContext"}},
        {**request(), "signInContext": {"includeApplications": ["x"]}},
        {**request(), "appliedPoliciesOnly": "yes"},
        request(clientAppType="SMTP"),
        request(nonsense=1),
        request(country=None),
        request(ipAddress="somewhere"),
    ],
)
async def test_a_request_that_graph_would_refuse_is_refused(broken: Json) -> None:
    async with talking(TENANT) as talk:
        await talk.post(PATH, broken, 400)


async def test_without_premium_licences_it_is_refused() -> None:
    async with talking(TenantBuilder(skus=[]).user("a@contoso.com")) as talk:
        await talk.post(PATH, request(), 403)
