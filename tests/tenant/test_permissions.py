"""The one map from endpoint to permission."""

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import Graph, GraphRefused
from tenant.permissions import (
    DISAGREEMENTS,
    ENDPOINTS,
    PERMISSIONS,
    Disagreement,
    Endpoint,
    Permission,
    disagreements_table,
    permission_for,
    permissions_table,
)
from tenant.selection import Selection
from tests.tenant.permission_map import endpoint_of
from tests.tenant.reading import connect, read

SVC = "svc@contoso.com"


async def test_every_request_of_a_scan_is_in_the_map() -> None:
    tenant = (
        TenantBuilder(hidden_members_readable=False)
        .user(SVC, mfa="enabled", groups=["Inner"], roles=["Global Reader"])
        .group("Outer", members=["Inner"])
        .group("Secret", hidden=True)
        .location("Office", ranges=["203.0.113.0/24"])
        .policy("MFA", include_groups=["Outer", "Secret"], exclude_locations=["Office"], grant=["mfa"])
        .policy("Strength", grant_members={"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002"}})
        .build()
    )
    async with LocalGraph(tenant) as graph:
        group = next(id for id, group in tenant.groups.items() if group.name == "Outer")
        selection = Selection(accounts=(SVC,), groups=(group,), patterns=("s*", "*c*"))
        await read(graph, selection=selection)
        graph.fail("/policies|/microsoft.graph", 403)
        await read(graph, selection=selection)
        graph.heal()
        graph.fail(r"/microsoft\.graph|/policies/authenticationStrength", 400)
        await read(graph, selection=selection)
        seen = {
            (one.method, one.version, one.path.removeprefix(f"/{one.version}"))
            for one in graph.requests
            if one.template != "POST /$batch"
        }
    missing = {one for one in seen if endpoint_of(*one) is None}
    assert not missing
    assert {"subscribed_skus", "mfa_registration", "authentication_strengths", "named_locations"} <= {
        endpoint.input for one in seen if (endpoint := endpoint_of(*one))
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_every_endpoint_has_a_permission_that_is_explained(endpoint: Endpoint) -> None:
    assert endpoint.permission in {one.name for one in PERMISSIONS}


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda one: one.name)
def test_every_permission_says_what_it_is_for_and_what_is_lost_without_it(permission: Permission) -> None:
    assert permission.reason.endswith(".")
    assert permission.without.endswith(".")


async def test_the_permissions_that_are_not_optional_are_enough() -> None:
    tenant = TenantBuilder().user(SVC, mfa="enabled", groups=["Apps"]).policy("MFA", include_groups=["Apps"]).build()
    async with LocalGraph(tenant) as graph:
        graph.grant(*(one.name for one in PERMISSIONS if not one.optional))
        reading = await read(graph, SVC)
    assert reading.gaps == ()


async def test_each_permission_alone_opens_what_the_map_says_that_it_opens() -> None:
    tenant = TenantBuilder().user(SVC).group("Apps").build()
    known = {"/users": next(iter(tenant.users)), "/groups": next(iter(tenant.groups))}
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        for one in ENDPOINTS:
            if one.method == "GET":
                graph.grant(one.permission)
                id = next((id for of, id in known.items() if one.path.startswith(of)), "x")
                assert await _status(client, one.path.replace("{id}", id), one.version) != 403, one.path


async def _status(client: Graph, path: str, version: str) -> int:
    try:
        await client.get(path, version=version)
    except GraphRefused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize("one", DISAGREEMENTS, ids=lambda one: one.path)
def test_where_lists_disagree_is_an_endpoint_that_is_asked(one: Disagreement) -> None:
    assert any(endpoint.path.startswith(one.path.partition(",")[0]) for endpoint in ENDPOINTS)
    assert disagreements_table().count(f"| `{one.path}` |") == 1


@pytest.mark.parametrize(
    ("input_name", "permission"),
    [
        ("conditional_access_policies", "Policy.Read.All"),
        ("per_user_mfa", "Policy.Read.All"),
        ("mfa_registration", "UserAuthenticationMethod.Read.All"),
        ("group_memberships", "GroupMember.Read.All"),
        ("subscribed_skus", "Organization.Read.All"),
        ("no such input", None),
    ],
)
def test_the_permission_of_an_input(input_name: str, permission: str | None) -> None:
    assert permission_for(input_name) == permission


def test_the_table_has_a_row_for_every_permission() -> None:
    rows = permissions_table().splitlines()
    assert len(rows) == 2 + len(PERMISSIONS)
    assert all(row.count("|") == 4 for row in rows)
