"""A scan that leaves an account unknown isn't complete, and says what is missing; and it says that there are policy plans."""

from typing import Any

import pytest

from jobs.scan import ScanRequest, scan
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import Settings
from tests.checks.kit import NOW

SVC = "svc@contoso.com"


async def scanned(build: TenantBuilder, *broken: tuple[str, int, object]) -> dict[str, Any]:
    """The document of a scan of which nothing is kept."""
    async with LocalGraph(build.build()) as graph:
        for pattern, status, body in broken:
            graph.fail(pattern, status, body=body)
        settings = Settings(graph_endpoint=graph.url, service_accounts=(SVC,))
        outcome = await scan(settings, ScanRequest("r", "test", store=False), clock=lambda: NOW)
    return outcome.document


BY_ROLE = {"include_roles": ["Global Reader"], "grant": ["mfa"]}
UNKNOWN: list[tuple[str, TenantBuilder, tuple[tuple[str, int, object], ...], list[str]]] = [
    ("an unknown state", TenantBuilder().user(SVC, mfa="suspended"), (), ["per_user_mfa"]),
    (
        "an unknown method alone",
        TenantBuilder().user(SVC, mfa="enabled"),
        (
            ("userRegistrationDetails", 404, None),
            ("/authentication/methods", 200, {"value": [{"id": "1", "@odata.type": "#microsoft.graph.brandNew"}]}),
        ),
        ["mfa_registration"],
    ),
    (
        "empty role definitions",
        TenantBuilder().user(SVC, roles=["Global Reader"]).policy("P", **BY_ROLE),  # type: ignore[arg-type]
        (("/roleDefinitions", 200, {"value": []}),),
        ["role_definitions"],
    ),
    (
        "a group that hides its members",
        TenantBuilder(hidden_members_readable=False)
        .user(SVC)
        .group("Secret", hidden=True)
        .policy("P", include_groups=["Secret"], grant=["mfa"]),
        (),
        ["groups"],
    ),
    (
        "state and memberships",
        TenantBuilder().user(SVC, groups=["G"]).policy("P", include_groups=["G"], grant=["mfa"]),
        (("/authentication/requirements", 403, None), ("/transitiveMemberOf", 403, None)),
        ["group_memberships", "per_user_mfa"],
    ),
    (
        "only the list of v1.0",
        TenantBuilder().user(SVC),
        (("beta/identity/conditionalAccess", 404, None),),
        ["conditional_access_preview_policies"],
    ),
]


@pytest.mark.parametrize(
    ("build", "broken", "inputs"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN]
)
async def test_every_unknown_leaves_a_gap_in_the_run(
    build: TenantBuilder, broken: tuple[tuple[str, int, object], ...], inputs: list[str]
) -> None:
    document = await scanned(build, *broken)
    (account,) = document["accounts"]
    assert "unknown" in (account["visibility"], account["usability"])
    assert not document["run"]["complete"]
    assert [gap["input"] for gap in document["run"]["gaps"]] == inputs
    unreadable = [reason["text"] for reason in account["reasons"] if reason["effect"] == "unreadable"]
    assert len(unreadable) >= len(inputs)  # once for each answer that it leaves open


async def test_policy_plans_are_noted_with_their_names() -> None:
    build = TenantBuilder().user(SVC).plan("Zero trust").plan("Old", state="disabled")
    document = await scanned(build)
    (note,) = document["run"]["notes"]
    assert '"Zero trust", "Old" (off)' in note
    assert document["run"]["complete"]
    (account,) = document["accounts"]
    assert (account["visibility"], account["usability"]) == ("conditional", "conditional")


async def test_without_plans_nothing_is_noted() -> None:
    document = await scanned(TenantBuilder().user(SVC), ("conditionalAccess/plans", 403, None))
    assert document["run"]["notes"] == []
    assert document["run"]["complete"]
