"""Reading the audit log: what is asked, what an entry means, and what happens where Graph doesn't play along."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from demo.company import company
from localgraph.ids import make_id
from localgraph.server import LocalGraph
from localgraph.tenant import LocalTenant
from tenant.audits import AuditQuestion, AuditReader, parse_event, reduced
from tenant.graph import GraphRefused
from tenant.turns import OutOfTurns, Turns
from tests.tenant.reading import Naps, connect

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
START = NOW - timedelta(days=30)
Json = dict[str, Any]


def entry(activity: str, *targets: Json, **more: Any) -> Json:
    return {
        "id": "1",
        "activityDisplayName": activity,
        "activityDateTime": "2026-11-03T14:12:00.1234567Z",
        "result": "success",
        "initiatedBy": {"user": {"userPrincipalName": "ada@contoso.com", "id": "A", "ipAddress": "192.0.2.1"}},
        "targetResources": list(targets),
        **more,
    }


def target(id: str, name: str | None = None, kind: str = "User", **changed: tuple[Any, Any]) -> Json:
    return {
        "id": id,
        "displayName": name,
        "type": kind,
        "userPrincipalName": f"{id}@contoso.com" if kind == "User" else None,
        "modifiedProperties": [
            {"displayName": property, "oldValue": old, "newValue": new}
            for property, (old, new) in ((property.replace("_", "."), values) for property, values in changed.items())
        ],
    }


ON, REPORTING = json.dumps({"state": "enabled"}), json.dumps({"state": "enabledForReportingButNotEnforced"})
POLICY = target("P", "Require MFA", "Policy", ConditionalAccessPolicy=(REPORTING, ON))
IN_GROUP = target("U", Group_ObjectID=(None, '"G"'), Group_DisplayName=(None, '"Backup apps"'))
OUT_OF_GROUP = target("U", Group_ObjectID=('"G"', None), Group_DisplayName=('"Backup apps"', None))
IN_ROLE = target("U", Role_TemplateId=(None, '"T"'), Role_DisplayName=(None, '"Reader"'))


@pytest.mark.parametrize(
    ("row", "kind", "target_id", "container"),
    [
        (entry("Update Conditional Access policy", POLICY), "policy_updated", "p", ""),
        (entry("update conditional access policy", POLICY), "policy_updated", "p", ""),
        (entry("Delete conditional access policy", POLICY), "policy_deleted", "p", ""),
        (entry("Enable Strong Authentication", target("U")), "mfa_enabled", "u", ""),
        (entry("Create application password for user", target("U")), "app_password_created", "u", ""),
        (entry("Add member to group", IN_GROUP, target("G", None, "Group")), "group_added", "u", "g"),
        (entry("Add member to group", target("G", None, "Group"), IN_GROUP), "group_added", "u", "g"),
        (entry("Add member to group", target("U"), target("G", "Backup apps", "Group")), "group_added", "u", "g"),
        (entry("Remove member from group", OUT_OF_GROUP), "group_removed", "u", "g"),
        (entry("Add member to role", IN_ROLE, target("R", "Reader", "Role")), "role_added", "u", "t"),
    ],
)
def test_what_an_entry_means(row: Json, kind: str, target_id: str, container: str) -> None:
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert event is not None
        assert (event.kind, event.target_id, event.container_id) == (kind, target_id, container)
        assert (event.actor, event.time.isoformat()[:16]) == ("ada@contoso.com", "2026-11-03T14:12")
        assert event.container_name == {"g": "Backup apps", "t": "Reader", "": ""}[container]


def test_a_change_of_a_policy_says_what_it_was_and_what_it_became() -> None:
    event = parse_event(entry("Update Conditional Access policy", POLICY))
    assert event is not None
    assert event.before is not None
    assert event.after is not None
    assert (event.before.state, event.after.state) == ("enabledforreportingbutnotenforced", "enabled")


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null", "[" * 100_000])
def test_a_change_that_nobody_can_read_is_still_a_change(text: str) -> None:
    changed = target("P", "Require MFA", "Policy", ConditionalAccessPolicy=(text, text))
    event = parse_event(entry("Update Conditional Access policy", changed))
    assert event is not None
    assert (event.before, event.after) == (None, None)


@pytest.mark.parametrize(
    ("value", "detail"), [('{"isEnabled": true}', "on"), ("false", "off"), ("True", "on"), ("", ""), ("[]", "")]
)
def test_security_defaults_are_on_or_off_where_the_log_says_so(value: str, detail: str) -> None:
    event = parse_event(entry("Update security defaults", target("S", None, "Policy", isEnabled=(None, value))))
    assert event is not None
    assert (event.kind, event.detail) == ("security_defaults", detail)


@pytest.mark.parametrize(
    "row",
    [
        {},
        entry("Update user", target("U")),
        entry("Enable Strong Authentication"),
        entry("Enable Strong Authentication", target("U"), result="failure"),
        entry("Enable Strong Authentication", target("U"), activityDateTime="yesterday"),
        entry("Add member to group", target("U")),
        {"activityDisplayName": 7, "targetResources": "x", "initiatedBy": []},
    ],
)
def test_what_is_about_something_else_is_no_event(row: Json) -> None:
    assert parse_event(row) is None


@pytest.mark.parametrize(
    ("initiated", "actor"),
    [
        (
            {"user": None, "app": {"displayName": "Microsoft Managed Policy Manager"}},
            "Microsoft Managed Policy Manager",
        ),
        ({"user": None, "app": {"displayName": None, "servicePrincipalId": "5f1c"}}, "5f1c"),
        ({"user": {"id": "a7", "userPrincipalName": None}, "app": None}, "a7"),
        ({"user": {"id": "a7", "userPrincipalName": "", "displayName": "Ada"}, "app": None}, "Ada"),
        ({"user": None, "app": None}, None),
    ],
)
def test_who_or_what_did_it_is_told_by_the_best_name_there_is(initiated: Json, actor: str | None) -> None:
    row = entry("Add conditional access policy", POLICY, initiatedBy=initiated)
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert event is not None
        assert event.actor == actor


def test_addresses_are_not_kept() -> None:
    assert "192.0.2.1" not in json.dumps(reduced(entry("Add member to group", IN_GROUP)))


@pytest.fixture(scope="module")
def tenant() -> LocalTenant:
    return company(NOW)


@pytest.fixture
def graph(tenant: LocalTenant) -> Iterator[LocalGraph]:
    with LocalGraph(tenant, limits=True).in_thread() as running:
        yield running


async def read(graph: LocalGraph, question: AuditQuestion, turns: Turns | None = None) -> list[Json]:
    async with connect(graph.url) as client:
        return await AuditReader(client, turns or Turns(sleep=Naps())).read(question, START, NOW)


def asked(graph: LocalGraph) -> list[str]:
    return [unquote(one.query) for one in graph.requests]


EXCEPTIONS = make_id("alderleafinstruments.onmicrosoft.com", "group", "Legacy authentication exceptions")


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        (AuditQuestion("policies"), {"policy_added", "policy_updated"}),
        (AuditQuestion("accounts"), {"mfa_enabled", "mfa_disabled", "app_password_created", "app_password_deleted"}),
        (AuditQuestion("groups", (EXCEPTIONS,)), {"group_removed"}),
        (AuditQuestion("groups", ("00000000-0000-0000-0000-000000000001",)), set()),
    ],
)
async def test_each_question_is_filtered_by_time_and_by_what_matters(
    graph: LocalGraph, question: AuditQuestion, kinds: set[str]
) -> None:
    rows = await read(graph, question)
    assert {event.kind for row in rows if (event := parse_event(row))} == kinds
    (query,) = asked(graph)
    assert "activityDateTime ge 2026-10-23T07:00:00Z and activityDateTime lt 2026-11-22T07:00:00Z and " in query


async def test_where_groups_cannot_be_filtered_all_memberships_are_read_and_the_others_dropped(
    graph: LocalGraph,
) -> None:
    graph.fail(r"any\(", 400)
    rows = await read(graph, AuditQuestion("groups", (EXCEPTIONS,)))
    assert [event.container_id for row in rows if (event := parse_event(row))] == [EXCEPTIONS]


async def test_a_refusal_is_raised(graph: LocalGraph) -> None:
    graph.deny("AuditLog.Read.All")
    with pytest.raises(GraphRefused):
        await read(graph, AuditQuestion("groups", (EXCEPTIONS,)))
    assert len(asked(graph)) == 1


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_a_long_answer_is_asked_for_in_halves_and_never_throttled(
    tenant: LocalTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    with LocalGraph(tenant, limits=True, clock=clock).in_thread() as graph:
        turns = Turns(60, clock=clock, sleep=clock.sleep)
        whole = await read(graph, AuditQuestion("policies"), turns)
        graph.page_sizes["directoryAudits"] = 1
        monkeypatch.setattr("tenant.audits.MOST_PAGES", 2)
        async with connect(graph.url) as client:
            rows = await AuditReader(client, turns).read(AuditQuestion("policies"), START, NOW)
            assert client.throttled == 0
        spans = {query.partition(" and loggedBy")[0] for query in asked(graph) if "loggedBy" in query}
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in whole)
    assert len(spans) > 2
    assert clock.now >= 20


async def test_no_more_is_asked_than_the_scan_may_spend(graph: LocalGraph) -> None:
    graph.page_sizes["directoryAudits"] = 1
    with pytest.raises(OutOfTurns):
        await read(graph, AuditQuestion("policies"), Turns(3, sleep=Naps()))
    assert len(asked(graph)) == 3
