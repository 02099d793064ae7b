"""Microsoft's recommendation to switch off per-user MFA: asked once where it concerns somebody, and worth no verdict."""

from typing import Any

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.recommendations import advised
from tests.tenant.reading import read

SVC = "svc@contoso.com"
ASKED = "GET /directory/recommendations"


def one(kind: Any = "turnOffPerUserMFA", status: Any = "active", **more: Any) -> dict[str, Any]:
    return {"id": "t_Microsoft.Identity.IAM.Insights.X", "recommendationType": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ([], False),
        ([one()], True),
        ([one("switchFromPerUserMFA")], True),
        ([one("SwitchFromPerUserMfa", "ACTIVE")], True),
        ([one("unknownFutureValue", id="t_Microsoft.Identity.IAM.Insights.TurnOffPerUserMFA")], True),
        ([one("adminMFAV2")], False),
        ([one(status="dismissed")], False),
        ([one(status="completedByUser")], False),
        ([one(status="postponed")], False),
        ([one(status="planned"), one("switchFromPerUserMFA")], True),
        ([one(status="unknownFutureValue")], None),
        ([one(status=None)], None),
        ([one(status=5)], None),
        ([one("adminMFAV2", None)], False),
        ([one(None, id=None)], None),
        ([one(["turnOffPerUserMFA"], id=5)], None),
        ([one(None, id="t_Microsoft.Identity.IAM.Insights.AdminMFAV2")], False),
        ([one(None, "dismissed", id=None)], False),
        ([one(None)], False),  # its id says what it is about
        ([{}], None),
        ([one(7, id="t")], None),
        ([one("unknownFutureValue", id=None)], None),
        ([{"status": "completedBySystem"}], False),
        ([{}, one()], True),
    ],
)
def test_only_an_active_recommendation_about_it_counts(items: list[dict[str, Any]], answer: bool | None) -> None:
    assert advised(items) is answer


def asked(graph: LocalGraph) -> int:
    return sum("/directory/recommendations" in request.path for request in graph.requests)


@pytest.mark.parametrize(("state", "counts"), [("enforced", True), ("enabled", False), ("disabled", False)])
@pytest.mark.parametrize("refused", [False, True])
async def test_it_is_asked_once_and_counts_only_where_an_account_may_lose_the_option(
    state: str, counts: bool, refused: bool
) -> None:
    build = TenantBuilder().recommendation("turnOffPerUserMFA")
    for number in range(3):
        build.user(f"svc{number}@contoso.com", mfa=state, methods=["phone"])
    async with LocalGraph(build.build()) as graph:
        if refused:
            graph.fail(r"/directory/recommendations", 403)
        reading = await read(graph, *(f"svc{number}@contoso.com" for number in range(3)))
        assert asked(graph) == 1
    assert reading.tenant.advised_to_switch_off is (True if counts and not refused else None)
    assert [gap.input for gap in reading.gaps] == (["recommendations"] if counts and refused else [])


@pytest.mark.parametrize(
    ("status", "permission"), [(403, "DirectoryRecommendations.Read.All"), (404, None), (400, None), (503, None)]
)
async def test_a_refusal_leaves_it_open_and_the_run_complete(status: int, permission: str | None) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enforced", methods=["phone"]).build()) as graph:
        graph.fail(r"/directory/recommendations", status)
        reading = await read(graph, SVC)
    assert reading.tenant.advised_to_switch_off is None
    (gap,) = reading.gaps
    assert (gap.input, gap.optional, gap.permission) == ("recommendations", True, permission)


@pytest.mark.parametrize(
    "item",
    [{}, {"id": None, "recommendationType": None, "status": "active"}, one(status="brandNew"), one(status=None)],
    ids=["nothing", "no type", "status of tomorrow", "no status"],
)
async def test_one_that_does_not_say_what_it_is_or_whether_it_is_active_is_said_to_be_unread(
    item: dict[str, Any],
) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enforced", methods=["authenticator"]).build()) as graph:
        graph.fail(r"/directory/recommendations", 200, body={"value": [item]})
        reading = await read(graph, SVC)
    assert reading.tenant.advised_to_switch_off is None
    (gap,) = reading.gaps
    assert (gap.input, gap.optional, gap.permission) == ("recommendations", True, None)
