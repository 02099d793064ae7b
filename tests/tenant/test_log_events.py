"""The audit log as it is watched: one request for everything that may matter, and rows of any shape."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.graph import Graph, GraphRefused
from tenant.log_events import LogEvent, Target, TooManyEvents, expression, parse, read_events

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
SINCE = NOW - timedelta(hours=1)
Json = dict[str, Any]


def row(activity: str, minutes: int = 5, *, service: str = "Core Directory", **more: Any) -> Json:
    """An event so many minutes before ``NOW``."""
    return {
        "id": f"{activity} {minutes}",
        "activityDisplayName": activity,
        "activityDateTime": (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "loggedByService": service,
        "category": "UserManagement",
        "result": "success",
        "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}, "app": None},
        "targetResources": [],
        **more,
    }


@pytest.fixture
async def graph() -> AsyncIterator[LocalGraph]:
    tenant = TenantBuilder().build()
    tenant.now = NOW
    async with LocalGraph(tenant) as running:
        yield running


async def read(graph: LocalGraph) -> list[LogEvent]:
    async with Graph.connect(graph.url, authority="", local_token="local-development-token") as client:
        return await read_events(client, SINCE, NOW)


async def test_one_request_asks_for_all_that_may_matter_oldest_first(graph: LocalGraph) -> None:
    graph.tenant.audits = [
        row("Update user"),
        row("Something new", service="Conditional Access", minutes=7),
        row("Add application"),
        row("Update user", minutes=61),
        row("User registered security info", service="Authentication Methods", minutes=9),
    ]
    found = await read(graph)
    assert [event.activity for event in found] == ["User registered security info", "Something new", "Update user"]
    assert len(graph.requests) == 1


async def test_where_the_filter_is_refused_everything_of_the_time_is_read(graph: LocalGraph) -> None:
    graph.tenant.audits = [row("Add application"), row("Update user", minutes=61)]
    graph.fail(r"directoryAudits.*loggedByService", 400)
    assert [event.activity for event in await read(graph)] == ["Add application"]


async def test_any_other_refusal_is_raised(graph: LocalGraph) -> None:
    graph.deny("AuditLog.Read.All")
    with pytest.raises(GraphRefused):
        await read(graph)


async def test_a_log_that_is_too_long_says_so(graph: LocalGraph) -> None:
    graph.tenant.audits = [row("Update user", id=str(number)) for number in range(30)]
    graph.page_sizes["directoryAudits"] = 2
    with pytest.raises(TooManyEvents):
        await read(graph)
    graph.page_sizes["directoryAudits"] = 3
    assert len(await read(graph)) == 30


def test_the_filter_names_services_and_activities() -> None:
    assert expression(SINCE).startswith(
        "activityDateTime ge 2026-11-26T08:00:00Z and (loggedByService eq 'Conditional Access' or "
    )
    assert " or activityDisplayName eq 'Add member to group' or " in unquote(expression(SINCE))
    assert expression(SINCE, refined=False) == "activityDateTime ge 2026-11-26T08:00:00Z"


def test_an_event_says_who_did_what_to_whom_and_what_it_set() -> None:
    target = {
        "id": "ID-1",
        "type": "User",
        "userPrincipalName": "svc@contoso.com",
        "modifiedProperties": [
            {"displayName": "UserPrincipalName", "oldValue": '["svc@contoso.com"]', "newValue": '["svc-2@contoso.com"]'}
        ],
    }
    event = parse(row("Update user", targetResources=[target]), NOW)
    assert event is not None
    assert (event.actor, event.service, event.time) == ("ada@contoso.com", "Core Directory", NOW - timedelta(minutes=5))
    assert event.targets == (Target("id-1", "user", "svc@contoso.com", {"userprincipalname": "svc-2@contoso.com"}),)


def test_a_membership_says_to_which_group() -> None:
    member = {
        "id": "ID-1",
        "type": "User",
        "userPrincipalName": "svc@contoso.com",
        "modifiedProperties": [{"displayName": "Group.ObjectID", "oldValue": None, "newValue": '"GROUP-1"'}],
    }
    event = parse(row("Add member to group", targetResources=[member, {"id": "GROUP-1", "type": "Group"}]), NOW)
    assert event is not None
    assert event.container == "group-1"


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        ({"result": "failure"}, None),
        ({"activityDateTime": None}, NOW),
        ({"activityDateTime": "soon"}, NOW),
        ({"initiatedBy": None}, NOW - timedelta(minutes=5)),
        ({"targetResources": [None, 5, {"id": 7, "modifiedProperties": "x"}]}, NOW - timedelta(minutes=5)),
        ({"id": None}, NOW - timedelta(minutes=5)),
    ],
)
def test_a_row_that_cannot_be_read_in_full_still_happened(broken: Json, left: datetime | None) -> None:
    event = parse({**copy.deepcopy(row("Update user")), **broken}, NOW)
    assert (event.time if event else None) == left
    assert event is None or event.id
