"""What the product asks of Microsoft Graph, what its map of permissions says, what is documented, and what is granted: the same."""

import json
import re
from pathlib import Path

import pytest

from demo.company import company, demo_settings
from localgraph.builder import TenantBuilder
from localgraph.messages import LoggedRequest
from localgraph.routes import ROUTES
from localgraph.server import LocalGraph
from tenant.permissions import ENDPOINTS, PERMISSIONS, Endpoint
from tenant.probes import PROBES
from tests.e2e.conftest import Installation
from tests.tenant.permission_map import endpoint_of

ROOT = Path(__file__).parent.parent
SVC, BATCH = "svc@contoso.com", "POST /$batch"
REACHED_WITHOUT_ENDPOINT = {"Member.Read.Hidden"}
"""Permissions that open more of an endpoint rather than one of their own."""


def _asked(requests: list[LoggedRequest]) -> dict[tuple[str, str, str], Endpoint | None]:
    """Method, version and path of every request, and its entry in the map."""
    asked = [
        (one.method, one.version, one.path.removeprefix(f"/{one.version}")) for one in requests if one.template != BATCH
    ]
    return {one: endpoint_of(*one) for one in asked}


def _run(graph: LocalGraph, *arguments: str, **settings: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr("tenant.turns.SECONDS", 0.0)  # the local Graph throttles nobody here
        environment.setattr("tenant.turns.CONDITIONAL_ACCESS_SECONDS", 0.0)
        for name, value in {"GRAPH_ENDPOINT": graph.url, **settings}.items():
            environment.setenv(name, value)
        Installation(graph, None, "").run(*arguments)  # type: ignore[arg-type]


def _company() -> list[LoggedRequest]:
    """The demo company, with everything that looks for accounts that nobody listed, and a mail."""
    everywhere = {"SERVICE_ACCOUNT_DISCOVERY": "signins,consents", "SERVICE_ACCOUNT_DISCOVERY_ALERTS": "all"}
    with LocalGraph(company()).in_thread() as graph:
        _run(graph, "scan", "--no-store", **{**demo_settings(), **everywhere})
        sender = next(user.upn for user in graph.tenant.users.values() if user.mailbox is not None)
        _run(graph, "alerts", "test", ALERT_EMAIL_FROM=sender, ALERT_EMAIL_TO="it@contoso.com")
        return list(graph.requests)


def _plainer() -> list[LoggedRequest]:
    """A tenant whose policies can't be read, then one where Graph knows no casts and no new address of strengths."""
    tenant = (
        TenantBuilder(hidden_members_readable=False)
        .user(SVC, groups=["Inner"])
        .group("Inner")
        .group("Outer", members=["Inner"])
        .policy("MFA", include_groups=["Outer"], grant=["mfa"])
        .policy("Strength", grant_members={"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002"}})
        .build()
    )
    group = next(id for id, group in tenant.groups.items() if group.name == "Outer")
    with LocalGraph(tenant).in_thread() as graph:
        selection = {"SERVICE_ACCOUNTS": SVC, "SERVICE_ACCOUNT_GROUPS": group}
        graph.fail(r"conditionalAccess/policies", 403)
        _run(graph, "scan", "--no-store", **selection)
        graph.heal()
        graph.fail(r"/microsoft\.graph|/policies/authenticationStrength", 400)
        _run(graph, "scan", "--no-store", **selection)
        _run(graph, "simulate", "--group", f"{SVC}=Outer", **selection)
        graph.heal()
        _run(graph, "simulate", "--group", f"{SVC}=Outer", **selection)
        return list(graph.requests)


def _many_awaiting() -> list[LoggedRequest]:
    """A few accounts, then many, that await registration and whose own methods may not be read."""
    names = [f"svc-{number}@contoso.com" for number in range(8)]
    build = TenantBuilder()
    for name in names:
        build.user(name, mfa="enabled")
    with LocalGraph(build.build()).in_thread() as graph:
        graph.deny("UserAuthenticationMethod.Read.All")
        _run(graph, "scan", "--no-store", SERVICE_ACCOUNTS=names[0])
        _run(graph, "scan", "--no-store", SERVICE_ACCOUNTS=",".join(names))
        return list(graph.requests)


def _doctor() -> list[LoggedRequest]:
    with LocalGraph(TenantBuilder().user(SVC).build()).in_thread() as graph:
        _run(graph, "permissions", "--check", SERVICE_ACCOUNTS=SVC)
        return list(graph.requests)


@pytest.fixture(scope="module")
def requests() -> list[LoggedRequest]:
    """Everything that the product ever asks, members of batches included."""
    return [*_company(), *_plainer(), *_many_awaiting(), *_doctor()]


@pytest.fixture(scope="module")
def asked(requests: list[LoggedRequest]) -> dict[tuple[str, str, str], Endpoint | None]:
    """The same, each once, with its entry in the map."""
    return _asked(requests)


def test_everything_is_asked_with_the_members_that_are_newer_than_the_version_of_the_api(
    requests: list[LoggedRequest],
) -> None:
    assert {one.template for one in requests if one.headers.get("prefer") != "include-unknown-enum-members"} == set()


def test_nothing_is_asked_that_is_not_in_the_map(asked: dict[tuple[str, str, str], Endpoint | None]) -> None:
    assert {request for request, endpoint in asked.items() if endpoint is None} == set()


def test_nothing_is_in_the_map_that_is_never_asked(asked: dict[tuple[str, str, str], Endpoint | None]) -> None:
    assert [f"{one.method} {one.path}" for one in ENDPOINTS if one not in asked.values()] == []


def test_no_permission_is_wanted_that_opens_nothing() -> None:
    opening = {one.permission for one in ENDPOINTS}
    assert {one.name for one in PERMISSIONS} - opening == REACHED_WITHOUT_ENDPOINT
    assert opening <= {one.name for one in PERMISSIONS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_the_local_graph_lets_the_permission_in(endpoint: Endpoint) -> None:
    """The local Graph has a table of its own, from Microsoft's reference."""
    template = re.sub(r"/microsoft\.graph\.\w+$", "", endpoint.path)
    opened = {
        name
        for route in ROUTES
        if route.method == endpoint.method and endpoint.version in route.versions
        if re.sub(r"\{\w+\}", "{}", route.template) == re.sub(r"\{\w+\}", "{}", template)
        for name in route.permissions
    }
    assert endpoint.permission in opened


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_asks_for_what_the_permission_opens(name: str) -> None:
    for version, path in PROBES[name]:
        found = endpoint_of("GET", version, path.partition("?")[0])
        assert found
        assert found.permission == name


def test_the_documentation_lists_the_permissions_of_the_map() -> None:
    rows = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([\w.]+)`( \(optional\))? \|", rows, re.MULTILINE))
    assert {name: bool(optional) for name, optional in documented.items()} == {
        one.name: one.optional for one in PERMISSIONS
    }


def test_the_deployment_grants_the_permissions_of_the_map() -> None:
    """All but the one for mail, which is granted in Exchange Online for one mailbox."""
    granted = json.loads((ROOT / "infra" / "data" / "graph-permissions.json").read_text(encoding="utf-8"))
    for kind, optional in (("required", False), ("optional", True)):
        wanted = {one.name for one in PERMISSIONS if one.optional is optional} - {"Mail.Send"}
        assert {one["value"] for one in granted[kind]} == wanted
