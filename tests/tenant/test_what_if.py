"""Asking Microsoft's What If: what is sent, what its answer means, and its limit of one request per second."""

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import GraphRefused
from tenant.turns import OutOfTurns, Turns
from tenant.what_if import ask_what_if, explain
from tests.tenant.reading import connect

SVC = "svc@contoso.com"


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def turns(self, budget: int = 10) -> Turns:
        return Turns(budget, requests=1, seconds=1.0, clock=self, sleep=self.sleep)


def tenant(skus: tuple[str, ...] = ("SPE_E5",)) -> TenantBuilder:
    return (
        TenantBuilder(skus=skus)
        .user(SVC)
        .location("Offices", ranges=("203.0.113.0/25",), trusted=True)
        .policy("MFA in browsers", grant=["mfa"], client_apps=["browser"])
        .policy("Block legacy", grant=["block"], client_apps=["other"])
        .policy("Outside", grant=["mfa"], locations=["All"], exclude_locations=["AllTrusted"])
        .policy("Reporting", grant=["mfa"], state="enabledForReportingButNotEnforced")
        .policy("Off", grant=["mfa"], state="disabled")
    )


@pytest.mark.parametrize(("client", "applies"), [("browser", ["MFA in browsers"]), ("other", ["Block legacy"])])
async def test_only_policies_in_force_that_surely_apply_count(client: str, applies: list[str]) -> None:
    clock = Clock()
    async with LocalGraph(tenant().build(), limits=True, clock=clock) as graph, connect(graph.url) as graph_client:
        answer = await ask_what_if(graph_client, clock.turns(), graph.tenant.user(SVC).id, client)
        outside = graph.tenant.policy("Outside")["id"]
    assert answer.client_app == client
    assert [policy.display_name for policy in answer.applies] == applies
    assert answer.undecided == {outside}


async def test_it_is_never_asked_more_than_once_a_second() -> None:
    clock = Clock()
    async with LocalGraph(tenant().build(), limits=True, clock=clock) as graph, connect(graph.url) as client:
        turns, id = clock.turns(4), graph.tenant.user(SVC).id
        for _ in range(4):
            await ask_what_if(client, turns, id, "browser")
        assert client.throttled == 0
        assert clock.now == 3
        assert turns.left == 0
        with pytest.raises(OutOfTurns):
            await ask_what_if(client, turns, id, "browser")


async def test_a_tenant_without_a_licence_is_told_in_words() -> None:
    async with LocalGraph(tenant(("O365_BUSINESS_ESSENTIALS",)).build()) as graph, connect(graph.url) as client:
        with pytest.raises(GraphRefused) as raised:
            await ask_what_if(client, Clock().turns(), graph.tenant.user(SVC).id, "browser")
    assert explain(raised.value).startswith("What If needs a Microsoft Entra ID P1 licence in the tenant (")


async def test_a_missing_permission_is_told_as_graph_does() -> None:
    async with LocalGraph(tenant().build()) as graph, connect(graph.url) as client:
        graph.deny("Policy.Read.All", "Policy.Read.ConditionalAccess")
        with pytest.raises(GraphRefused) as raised:
            await ask_what_if(client, Clock().turns(), graph.tenant.user(SVC).id, "browser")
    assert explain(raised.value) == str(raised.value)
