"""The audit log as it is watched: one request for everything that may matter, and rows of any shape."""

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant import audits
from tenant.graph import Graph, GraphRefused
from tenant.log_events import LogEvent, Target, TooManyEvents, events_of, expression, parse, read_lately

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
        return events_of((await read_lately(client, SINCE)).rows, NOW)


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


@pytest.mark.parametrize(
    ("activity", "service", "for_all"),
    [
        ("Authentication Strength Policy Update", "Authentication Methods", True),
        ("authentication strength combination configuration create", "Authentication Methods", True),
        ("MFA Service Policy Update", "Authentication Methods", True),
        ("Update User RIsk and MFA Registration Policy", "AAD Management UX", True),
        ("Update security defaults", "Core Directory", True),
        ("User registered security info", "Authentication Methods", False),
        ("Set Company Information", "Core Directory", False),
    ],
)
@pytest.mark.parametrize("time", [NOW.isoformat(), None], ids=["with its time", "without a time"])
def test_what_counts_for_everybody_does_so_by_its_name_whatever_its_targets_are_called(
    activity: str, service: str, for_all: bool, time: str | None
) -> None:
    """Microsoft documents the activities, and neither the targets of these nor what their properties are called."""
    trusted = {"displayName": "MfaServicePolicy", "oldValue": None, "newValue": '{"allowAppPasswords": true}'}
    target = {"id": "X", "type": "Other", "modifiedProperties": [{**trusted, "oldValue": trusted["newValue"]}]}
    event = parse(row(activity, service=service, targetResources=[target], activityDateTime=time), NOW)
    assert event is not None
    assert event.about_tenant is for_all


def test_a_switch_of_the_tenant_counts_without_a_time_as_well() -> None:
    changed = {"displayName": "IsApplicationPasswordBlocked", "oldValue": "false", "newValue": "true"}
    target = {"id": "X", "type": "Directory", "modifiedProperties": [changed]}
    event = parse(row("Set Company Information", targetResources=[target], activityDateTime="soon"), NOW)
    assert event is not None
    assert event.about_tenant


def test_a_membership_without_a_time_still_says_to_which_group() -> None:
    member, outer = {"id": "INNER", "type": "Group"}, {"id": "OUTER", "type": "Group"}
    event = parse(row("Add member to group", targetResources=[member, outer], activityDateTime=None), NOW)
    assert event is not None
    assert event.container == "outer"


def test_events_without_an_id_are_told_apart_by_what_they_say() -> None:
    one, other = (
        parse(row("Update user", id=None, targetResources=[{"id": id, "type": "User"}]), NOW) for id in ("a", "b")
    )
    again = parse(
        row("Update user", id=None, targetResources=[{"id": "a", "type": "User"}]), NOW + timedelta(minutes=5)
    )
    assert one
    assert other
    assert again
    assert one.id == again.id != other.id


async def test_an_event_that_the_log_shows_twice_is_one(graph: LocalGraph) -> None:
    graph.tenant.audits = [row("Update user"), row("Update user")]
    assert len(await read(graph)) == 1


def test_the_filter_asks_for_every_activity_of_which_causes_are_made() -> None:
    asked = unquote(expression(SINCE)).casefold()
    known = {name for name, kind in audits._KINDS.items() if not kind.startswith("policy_")}
    of_a_service = {"update per-user multifactor authentication state", "mfa service policy update"}
    assert [name for name in sorted(known - of_a_service) if f"'{name}'" not in asked] == []
    spelt = {*audits._ACTIVITIES} - {"Update per-user multifactor authentication state", "MFA Service Policy Update"}
    assert [name for name in sorted(spelt) if f"'{name}'" not in unquote(expression(SINCE))] == []
