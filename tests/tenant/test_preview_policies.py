"""Conditional Access is read from beta, where v1.0's list leaves policies out; and policy plans, where there are any."""

from dataclasses import replace

import pytest

from checks.judge import judge
from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.messages import LoggedRequest
from localgraph.server import LocalGraph
from tenant.model import Gap
from tenant.reader import Reading, read_tenant
from tenant.selection import Selection
from tests.checks.kit import NOW
from tests.tenant.reading import Naps, connect, gap_of, inputs, read

SVC = "svc@contoso.com"
BETA, V1 = r"beta/identity/conditionalAccess/policies", r"v1\.0/identity/conditionalAccess/policies"
PLANS = "conditionalAccess/plans"


def contoso() -> TenantBuilder:
    return TenantBuilder().user(SVC)


def answers(reading: Reading) -> tuple[str, str]:
    (one,) = judge(reading.tenant, reading.accounts, now=NOW)
    return str(one.verdict.visibility), str(one.verdict.usability)


def of_conditional_access(requests: list[LoggedRequest]) -> list[str]:
    return [request.path for request in requests if "conditionalAccess" in request.path]


async def test_a_policy_with_preview_features_counts() -> None:
    async with LocalGraph(contoso().policy("New", grant=["mfa"], preview=True).build()) as graph:
        reading = await read(graph, SVC)
        asked = of_conditional_access(graph.requests)
    assert answers(reading) == ("hidden", "blocked_by_policy")
    assert reading.gaps == ()
    assert asked == ["/beta/identity/conditionalAccess/policies", "/beta/identity/conditionalAccess/plans"]


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503, 0])
async def test_where_beta_cannot_be_read_the_list_of_v1_stands_and_some_may_be_missing_from_it(status: int) -> None:
    build = contoso().policy("Old", grant=["mfa"]).policy("New", grant=["mfa"], preview=True)
    async with LocalGraph(build.build()) as graph:
        graph.fail(BETA, status)
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.policies, Gap)
    assert [policy.display_name for policy in reading.tenant.policies] == ["Old"]
    assert inputs(reading) == ["conditional_access_preview_policies"]
    gap = gap_of(reading, "conditional_access_preview_policies")
    assert reading.tenant.unlisted_policies == gap
    assert gap.permission == ("Policy.Read.All" if status == 403 else None)
    assert answers(reading) == ("hidden", "blocked_by_policy")


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.BROKEN])
async def test_a_beta_answer_that_stays_spoilt_is_no_answer(how: Spoilt) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.spoil(BETA, how)
        assert inputs(await read(graph, SVC)) == ["conditional_access_preview_policies"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"grant": ["mfa"]}, ("hidden", "blocked_by_policy")),
        ({"grant": ["mfa"], "client_apps": ["browser"]}, ("hidden", "unknown")),
        ({"grant": ["block"], "client_apps": ["other"]}, ("unknown", "blocked_by_policy")),
        ({"grant": ["mfa"], "user_risk": ["high"]}, ("unknown", "unknown")),
        ({"grant": ["mfa"], "state": "report-only"}, ("unknown", "unknown")),
        ({"grant": ["mfa"], "state": "off"}, ("unknown", "unknown")),
    ],
)
async def test_a_policy_that_may_be_missing_could_hide_and_could_block(
    words: dict[str, object], expected: tuple[str, str]
) -> None:
    async with LocalGraph(contoso().policy("P", **words).build()) as graph:  # type: ignore[arg-type]
        graph.fail(BETA, 404)
        reading = await read(graph, SVC)
    assert answers(reading) == expected
    (one,) = judge(reading.tenant, reading.accounts, now=NOW)
    named = [gap.input for gap in one.verdict.missing]
    assert named == (["conditional_access_preview_policies"] if "unknown" in expected else [])


async def test_where_neither_list_can_be_read_that_is_one_gap() -> None:
    async with LocalGraph(contoso().policy("P", grant=["mfa"]).build()) as graph:
        graph.fail("conditionalAccess/policies", 403)
        reading = await read(graph, SVC)
        asked = of_conditional_access(graph.requests)
    assert inputs(reading) == ["conditional_access_policies"]
    assert len(asked) == 2
    assert answers(reading) == ("unknown", "unknown")


@pytest.mark.parametrize(("beta", "v1"), [(403, 403), (403, 404), (404, 403)])
async def test_a_refusal_for_lack_of_a_licence_counts_whichever_list_says_it(beta: int, v1: int) -> None:
    async with LocalGraph(TenantBuilder(skus=()).user(SVC).build()) as graph:
        graph.fail(BETA, beta)
        graph.fail(V1, v1)
        reading = await read(graph, SVC)
        asked = of_conditional_access(graph.requests)
    assert reading.tenant.policies == ()
    assert reading.gaps == ()
    assert not any("plans" in path for path in asked)


@pytest.mark.parametrize("items", [[None], ["x"], [{}], [{"id": None}], [{"id": 5}], [{"id": ""}], [["x"]]])
async def test_a_list_with_something_that_is_no_policy_is_no_list(items: list[object]) -> None:
    async with LocalGraph(contoso().policy("P", grant=["mfa"]).build()) as graph:
        graph.fail(BETA, 200, body={"value": items})
        assert inputs(await read(graph, SVC)) == ["conditional_access_preview_policies"]
        graph.fail("conditionalAccess/policies", 200, body={"value": items})
        reading = await read(graph, SVC)
    assert inputs(reading) == ["conditional_access_policies"]
    assert answers(reading) == ("unknown", "unknown")


async def test_a_policy_that_is_listed_twice_counts_once() -> None:
    raw: dict[str, object] = {"displayName": "P", "state": "enabled", "conditions": {}, "grantControls": None}
    build = contoso().policy(raw={**raw, "id": "ABC"}).policy(raw={**raw, "id": "abc"}).policy(raw={**raw, "id": "abc"})
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.policies, Gap)
    assert [policy.id for policy in reading.tenant.policies] == ["abc"]


@pytest.mark.usefixtures("limits_of_microsoft")
async def test_conditional_access_is_asked_once_a_second() -> None:
    build = contoso().location("Office").policy("P", grant=["mfa"], locations=["All"], exclude_locations=["Office"])
    naps = Naps()
    async with LocalGraph(build.build()) as graph, connect(graph.url, naps) as client:
        await read_tenant(client, Selection(accounts=(SVC,)))
        asked = of_conditional_access(graph.requests)
    assert len(asked) == 3
    assert len(naps.taken) == 2
    assert all(0.5 < nap <= 1.0 for nap in naps.taken)


# Plans


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("enabled", ("conditional", "conditional")),
        ("draft", ("conditional", "conditional")),
        (None, ("conditional", "conditional")),
        ("disabled", ("not_offered", "usable")),
        ("enabledForReportingButNotEnforced", ("predicted", "usable")),
    ],
)
async def test_a_plan_that_is_on_may_reach_anybody(state: str | None, expected: tuple[str, str]) -> None:
    async with LocalGraph(contoso().plan("Zero trust", state=state).build()) as graph:  # type: ignore[arg-type]
        reading = await read(graph, SVC)
    assert answers(reading) == expected
    assert reading.gaps == ()


async def test_a_plan_takes_nothing_from_what_a_policy_does_for_certain() -> None:
    async with LocalGraph(contoso().plan("Zero trust").policy("P", grant=["mfa"]).build()) as graph:
        assert answers(await read(graph, SVC)) == ("hidden", "blocked_by_policy")


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501, 502])
async def test_a_refusal_of_the_plans_alone_changes_nothing(status: int) -> None:
    async with LocalGraph(contoso().policy("P", grant=["mfa"], include_users=[SVC]).build()) as graph:
        whole = await read(graph, SVC)
        refused = graph.fail(PLANS, status)
        reading = await read(graph, SVC)
    assert reading.tenant.plans_unread is not None
    assert replace(reading, tenant=replace(reading.tenant, plans_unread=whole.tenant.plans_unread)) == whole
    assert refused.hits


@pytest.mark.parametrize("status", [429, 503, 504, 0])
async def test_plans_that_nobody_had_time_to_answer_for_are_no_refusal(status: int) -> None:
    async with LocalGraph(contoso().plan("Zero trust").build()) as graph:
        graph.fail(PLANS, status)
        reading = await read(graph, SVC)
    assert inputs(reading) == ["policy_plans"]
    assert answers(reading) == ("unknown", "unknown")
    assert reading.tenant.plans_unread is not None


@pytest.mark.parametrize("body", [{"value": [None]}, {"value": {}}, {}, {"value": 5}])
async def test_an_answer_about_plans_that_nothing_can_be_made_of_leaves_open_whether_there_are_any(
    body: object,
) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(PLANS, 200, body=body)
        reading = await read(graph, SVC)
    assert inputs(reading) == ["policy_plans"]
    assert answers(reading) == ("unknown", "unknown")
    assert reading.tenant.plans_unread is not None, "so that it isn't forgotten that there were some"


async def test_plans_that_cannot_be_read_change_no_answer_that_is_conditional_already() -> None:
    async with LocalGraph(contoso().policy("At risk", grant=["mfa"], user_risk=["high"]).build()) as graph:
        graph.fail(PLANS, 200, body={"value": [None]})
        reading = await read(graph, SVC)
    assert inputs(reading) == ["policy_plans"]
    assert answers(reading) == ("conditional", "conditional")


async def test_plans_and_policies_that_may_both_be_missing_are_both_named() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(BETA, 403)
        graph.fail(PLANS, 200, body={"value": [None]})
        reading = await read(graph, SVC)
    (one,) = judge(reading.tenant, reading.accounts, now=NOW)
    assert {gap.input for gap in one.verdict.missing} == {"conditional_access_preview_policies", "policy_plans"}


async def test_a_plan_without_an_id_counts_all_the_same() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(PLANS, 200, body={"value": [{}]})
        assert answers(await read(graph, SVC)) == ("conditional", "conditional")


async def test_what_a_plan_does_is_said_with_its_name() -> None:
    async with LocalGraph(contoso().plan("Zero trust").build()) as graph:
        reading = await read(graph, SVC)
    (one,) = judge(reading.tenant, [replace(account) for account in reading.accounts], now=NOW)
    assert {reason.policy_name for reason in one.verdict.reasons if reason.policy_id} == {"Zero trust"}
