"""The audit log over several scans: since when and by whom, what is asked again, and what happens when it can't be read."""

import copy
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from evidence.audit_log import groups_that_count
from evidence.store import StoredEvidence
from findings.store import FindingStore
from localgraph.audit_events import events_between
from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.schema import Json
from localgraph.server import LocalGraph
from tenant.audits import AuditQuestion, AuditReader
from tenant.graph import Graph
from tenant.log_events import read_lately
from tenant.model import Tenant
from tenant.policies import parse_policy
from tenant.turns import Turns
from tests.evidence.changing import AUDITS, NOW, OTHER, SVC, account, asked, joined, scanned
from tests.jobs import log_histories

TOKEN = "local-development-token"


async def test_the_audit_log_is_read_only_where_it_is_asked_for(graph: LocalGraph) -> None:
    document = await scanned(graph)
    assert asked(graph, AUDITS) == []
    assert account(document)["app_password_events"] is None
    assert account(document)["reasons"][0]["actor"] is None


async def test_a_membership_in_the_log_says_since_when_and_by_whom(graph: LocalGraph) -> None:
    document = await scanned(graph, audit_log="on")
    reason = account(document)["reasons"][0]
    assert (reason["since"], reason["actor"]) == ("2026-11-20T09:15:00Z", "ada@contoso.com")
    assert 'the account was added to the group "Service accounts", by ada@contoso.com.' in reason["cause"]
    assert len(asked(graph, AUDITS)) == 4
    assert document["run"]["complete"]


async def test_an_event_that_two_pages_repeat_happened_once(graph: LocalGraph) -> None:
    created = {
        **joined(graph, SVC, "2026-11-19T09:00:00.0000000Z"),
        "activityDisplayName": "Create application password for user",
        "targetResources": [{"id": graph.tenant.user(SVC).id, "type": "User", "userPrincipalName": SVC}],
    }
    times = [f"2026-11-{day}T09:00:00.0000000Z" for day in (17, 18, 19)]
    graph.tenant.audits = [{**created, "id": time, "activityDateTime": time} for time in times]
    graph.page_sizes["directoryAudits"] = 1
    repeated = graph.spoil("directoryAudits", Spoilt.REPEATED)
    document = await scanned(graph, audit_log="on")
    assert repeated.hits > 3
    assert [one["time"] for one in account(document)["app_password_events"]] == [
        f"2026-11-{day}T09:00:00Z" for day in (19, 18, 17)
    ]


async def test_findings_and_their_history_say_since_when_and_by_whom(graph: LocalGraph, storage: str) -> None:
    document = await scanned(graph, storage, audit_log="on")
    cause = account(document)["reasons"][0]["cause"]
    graph.tenant.policies.clear()
    await scanned(graph, storage, 1, audit_log="on")
    async with TableServiceClient.from_connection_string(storage) as service:
        store = FindingStore(service)
        (finding,) = [one async for one in store.load_findings(now=NOW, account=SVC)]
        told = [(one.kind.value, one.cause) for one in await store.history(finding.account_id)]
    assert (finding.public()["status"], finding.public()["cause"]) == ("resolved", cause)
    assert sorted(told) == [("opened", cause), ("resolved", None)]


async def test_the_next_scan_reads_what_came_since_and_still_knows_what_expired(
    graph: LocalGraph, storage: str
) -> None:
    await scanned(graph, storage, audit_log="on")
    graph.tenant.audits = [joined(graph, OTHER, "2026-12-20T08:00:00.0000000Z")]
    graph.requests.clear()
    document = await scanned(graph, storage, 29, audit_log="on")
    assert len(asked(graph, AUDITS)) == 4
    assert all(
        "2026-11-22T05%3A00%3A00Z" in one.query or "2026-11-22T05:00:00Z" in one.query for one in asked(graph, AUDITS)
    )
    assert account(document)["reasons"][0]["since"] == "2026-11-20T09:15:00Z"
    assert account(document, OTHER)["reasons"][0]["since"] == "2026-12-20T08:00:00Z"


async def test_a_group_that_a_policy_names_later_is_read_from_the_beginning(graph: LocalGraph, storage: str) -> None:
    await scanned(graph, storage, audit_log="on")
    new = TenantBuilder(now=NOW).group("New").build()
    graph.tenant.groups |= new.groups
    (group,) = new.groups
    graph.tenant.policies[0]["conditions"]["users"]["includeGroups"].append(group)
    graph.requests.clear()
    await scanned(graph, storage, 1, audit_log="on")
    queries = [one.query for one in asked(graph, AUDITS) if group in one.query]
    assert ["2026-10-24T07" in query for query in queries] == [True]
    assert len(asked(graph, AUDITS)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        {"since": "soon"},
        {"since": None, "rows": 7},
        {"read": [1], "rows": [None, {"id": 1}, {"id": "x", "activityDateTime": None}]},
        {"read": {"policies": 7, "activities": "soon"}},
        {"rows": "text"},
    ],
)
async def test_what_cannot_be_read_of_what_was_kept_is_read_anew(
    graph: LocalGraph, storage: str, damage: dict[str, Any]
) -> None:
    await scanned(graph, storage, audit_log="on")
    async with TableServiceClient.from_connection_string(storage) as service:
        evidence = StoredEvidence(service)
        await evidence.remember("audits", {**await evidence.recall("audits"), **damage})
    graph.requests.clear()
    document = await scanned(graph, storage, 1, audit_log="on")
    assert document["run"]["complete"]
    assert len(asked(graph, AUDITS)) == 4
    assert account(document)["reasons"][0]["since"] == "2026-11-20T09:15:00Z"
    graph.requests.clear()
    await scanned(graph, storage, 2, audit_log="on")
    assert all("2026-11-23T05" in one.query for one in asked(graph, AUDITS))


async def test_findings_still_resolve_while_the_audit_log_is_unreadable(graph: LocalGraph, storage: str) -> None:
    await scanned(graph, storage, audit_log="on")
    graph.deny("AuditLog.Read.All")
    graph.tenant.policies.clear()
    document = await scanned(graph, storage, 1, audit_log="on")
    assert account(document)["findings"] == []
    (gap,) = [one for one in document["run"]["gaps"] if one["input"] == "audit_log"]
    assert gap["permission"] == "AuditLog.Read.All"
    assert "Directory.Read.All as well" in gap["error"]


def test_groups_count_with_those_nested_in_them_and_only_of_policies_that_reach_somebody() -> None:
    on, off = (
        parse_policy(
            {
                "id": state,
                "state": state,
                "conditions": {
                    "users": {"includeGroups": [state], "excludeGroups": ["X"]},
                    "applications": {"includeApplications": ["All"]},
                },
            }
        )
        for state in ("enabled", "disabled")
    )
    nesting = {"enabled": frozenset({"inner"}), "inner": frozenset({"enabled", "innermost"})}
    assert groups_that_count(Tenant(policies=(on, off), nesting=nesting)) == ["enabled", "inner", "innermost", "x"]


def updated(graph: LocalGraph, upn: str, time: str, **more: Any) -> dict[str, Any]:
    """A change of per-user MFA that the log shows only as an update of the user."""
    required = '[{"RelyingParty":"*","State":2}]'
    changed = [{"displayName": "StrongAuthenticationRequirement", "oldValue": "[]", "newValue": required}]
    target = {"id": graph.tenant.user(upn).id, "type": "User", "userPrincipalName": upn, "modifiedProperties": changed}
    return {
        **joined(graph, upn, time),
        "id": f"updated{upn}{time}",
        "activityDisplayName": "Update user",
        "category": "UserManagement",
        "targetResources": [target],
        **more,
    }


async def test_per_user_mfa_that_only_an_update_of_the_user_shows_is_found_and_told_once(graph: LocalGraph) -> None:
    graph.tenant.user(SVC).mfa = "enforced"
    time = "2026-11-21T09:00:00.0000000Z"
    named = {"id": "2", "activityDisplayName": "Enable Strong Authentication"}
    graph.tenant.audits = [updated(graph, SVC, time), updated(graph, SVC, time, **named)]
    document = await scanned(graph, audit_log="on")
    (reason,) = (one for one in account(document)["reasons"] if one["effect"] == "per_user_state")
    assert reason["cause"] == (
        "Since 21 Nov 2026, 09:00 UTC, when per-user MFA was set to Enforced for the account, by ada@contoso.com."
    )
    users = [
        one for one in asked(graph, AUDITS) if "Update" in one.query and "user" in one.query and "any(" in one.query
    ]
    assert len(users) == 1, "few accounts are asked for by their ids"


async def test_of_many_accounts_the_updates_are_asked_for_altogether(
    graph: LocalGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit_log.AT_ONCE", 2)
    graph.tenant.user(SVC).mfa = "enforced"
    graph.tenant.audits = [updated(graph, SVC, "2026-11-21T09:00:00.0000000Z")]
    document = await scanned(graph, audit_log="on")
    assert account(document)["reasons"][0]["actor"] == "ada@contoso.com"
    assert len(asked(graph, AUDITS)) == 4


def deleted(graph: LocalGraph, time: str) -> dict[str, Any]:
    """The deletion of the tenant's policy, which this does."""
    policy = graph.tenant.policies.pop()
    changed = [{"displayName": "ConditionalAccessPolicy", "oldValue": json.dumps(policy), "newValue": None}]
    target = {"id": policy["id"], "displayName": policy["displayName"], "type": "Policy", "modifiedProperties": changed}
    return {
        **joined(graph, SVC, time),
        "id": "deleted",
        "activityDisplayName": "Delete conditional access policy",
        "loggedByService": "Conditional Access",
        "targetResources": [target],
    }


async def test_what_a_deleted_policy_did_is_told_by_the_account_and_by_the_finding_that_is_over(
    graph: LocalGraph, storage: str
) -> None:
    graph.tenant.audits = []
    await scanned(graph, storage, audit_log="on")
    graph.tenant.audits = [deleted(graph, "2026-11-22T09:00:00.0000000Z")]
    document = await scanned(graph, storage, 1, audit_log="on")
    why = 'Not hidden any more since 22 Nov 2026, 09:00 UTC, when the policy "Require MFA" was deleted, by ada@contoso.com.'
    assert account(document)["visibility"] == "not_offered"
    assert account(document)["reasons"][0]["cause"] == why
    async with TableServiceClient.from_connection_string(storage) as service:
        store = FindingStore(service)
        (finding,) = [one async for one in store.load_findings(now=NOW, account=SVC)]
    assert (
        finding.public()["resolution"]
        == "The last scan found the account without any demand for MFA on mail (the option isn't offered then "
        f"either). {why}"
    )


@pytest.mark.parametrize("logged", [True, False])
async def test_what_ended_is_no_cause_of_what_began(graph: LocalGraph, storage: str, logged: bool) -> None:
    graph.tenant.user(SVC).mfa = "enforced"
    await scanned(graph, storage, audit_log="on")
    graph.tenant.user(SVC).mfa = "disabled"
    off = updated(graph, SVC, "2026-11-22T08:00:00.0000000Z", activityDisplayName="Disable Strong Authentication")
    off["targetResources"][0]["modifiedProperties"] = []
    graph.tenant.audits = [deleted(graph, "2026-11-22T09:00:00.0000000Z"), *([off] if logged else [])]
    await scanned(graph, storage, 1, audit_log="on")
    async with TableServiceClient.from_connection_string(storage) as service:
        found = [one async for one in FindingStore(service).load_findings(now=NOW, account=SVC)]
    (cause,) = (one.public()["cause"] for one in found if one.check_id == "APW-009")
    since = "Since 22 Nov 2026, 08:00 UTC, when per-user MFA was switched off for the account, by ada@contoso.com."
    assert cause == (since if logged else None)


async def test_one_look_at_the_log_answers_what_every_question_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenant.turns.SECONDS", 0.0)
    chance, now = random.Random(7), log_histories.NOW
    changed, rows = log_histories.tenant(), list[Json]()
    for number in range(60):
        was, changed = changed if number % 8 else log_histories.tenant(), copy.deepcopy(changed)
        chance.choice(log_histories.CHANGES)(changed, chance)
        now += timedelta(minutes=1)
        rows += events_between(was, changed, at=now, classic=number % 3 == 0)
    changed.audits, changed.now = rows[::-1], now + timedelta(minutes=1)
    groups, accounts = tuple(changed.groups), tuple(changed.users)
    questions = [
        *map(AuditQuestion, ("policies", "activities", "users")),
        AuditQuestion("groups", groups=groups),
        AuditQuestion("users", accounts=accounts),
    ]
    async with LocalGraph(changed) as graph, Graph.connect(graph.url, authority="", local_token=TOKEN) as client:
        since = log_histories.NOW
        apart = AuditReader(client, Turns())
        together = AuditReader(client, Turns(), await read_lately(client, since))
        for question in questions:
            expected = await apart.read(question, since, changed.now)
            assert sorted(map(str, await together.read(question, since, changed.now))) == sorted(map(str, expected))
            assert expected or question.about == "users", question


async def kept(storage: str) -> dict[str, Any]:
    async with TableServiceClient.from_connection_string(storage) as service:
        return await StoredEvidence(service).recall("audits")


async def keep(storage: str, what: dict[str, Any]) -> None:
    async with TableServiceClient.from_connection_string(storage) as service:
        await StoredEvidence(service).remember("audits", what)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=20), timedelta(days=400)], ids=str)
@pytest.mark.parametrize("of_all", [True, False], ids=["of all questions", "of one"])
async def test_what_was_read_up_to_a_time_that_is_yet_to_come_is_read_anew(
    graph: LocalGraph, storage: str, ahead: timedelta, of_all: bool
) -> None:
    await scanned(graph, storage, audit_log="on")
    known = await kept(storage)
    about_groups = graph.tenant.group("Service accounts").id
    wrong = known["read"] if of_all else {about_groups: None}
    future = (NOW + timedelta(days=1) + ahead).isoformat()
    await keep(storage, {**known, "read": {**known["read"], **dict.fromkeys(wrong, future)}})
    between = joined(graph, OTHER, "2026-11-22T08:00:00.0000000Z")
    graph.tenant.audits = [between, *graph.tenant.audits]
    document = await scanned(graph, storage, 1, audit_log="on")
    assert account(document, OTHER)["reasons"][0]["since"] == "2026-11-22T08:00:00Z"
    after = await kept(storage)
    assert set(after["read"].values()) == {(NOW + timedelta(days=1)).isoformat()}
    assert after["since"] == "2026-10-24T07:00:00+00:00"


async def test_events_that_are_dropped_are_none_of_those_that_the_log_counts_as_read_for(
    graph: LocalGraph, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit_log.MOST_KEPT", 2)
    others = [joined(graph, OTHER, f"2026-11-21T0{hour}:00:00.0000000Z") for hour in (9, 8, 7)]
    for one in others:
        one["targetResources"][0]["id"] = "someone"
    graph.tenant.audits = [*others, *graph.tenant.audits]
    await scanned(graph, storage, audit_log="on")
    known = await kept(storage)
    assert [row["activityDateTime"][:13] for row in known["rows"]] == ["2026-11-20T09", "2026-11-21T09"]
    assert known["since"] == "2026-11-21T08:00:00+00:00"
    new = TenantBuilder(now=NOW).group("New").build()
    graph.tenant.groups |= new.groups
    graph.tenant.policies[0]["conditions"]["users"]["includeGroups"].extend(new.groups)
    await scanned(graph, storage, 1, audit_log="on")  # of the new group everything is read
    assert (await kept(storage))["since"] >= "2026-11-21T08:00:00+00:00"


async def test_a_scan_of_some_accounts_drops_nothing_that_another_may_need(
    graph: LocalGraph, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scanned(graph, storage, audit_log="on")
    before = await kept(storage)
    monkeypatch.setattr("evidence.audit_log.MOST_KEPT", 1)
    graph.tenant.audits = [joined(graph, OTHER, "2026-11-22T08:00:00.0000000Z"), *graph.tenant.audits]
    document = await scanned(graph, storage, 1, audit_log="on", accounts=(OTHER,))
    assert account(document, OTHER)["reasons"][0]["since"] == "2026-11-22T08:00:00Z"
    assert await kept(storage) == before


async def test_rows_that_did_not_fit_move_the_time_from_which_on_the_log_is_known(
    graph: LocalGraph, storage: str
) -> None:
    await scanned(graph, storage, audit_log="on")
    await keep(storage, {**await kept(storage), "rows_omitted": 3})
    await scanned(graph, storage, 1, audit_log="on")
    assert (await kept(storage))["since"] == NOW.isoformat()


@pytest.mark.parametrize(("days", "since"), [(29, "2026-10-23"), (32, "2026-11-24")])
async def test_a_log_that_was_not_read_for_longer_than_it_reaches_back_is_known_from_then_on(
    graph: LocalGraph, storage: str, days: int, since: str
) -> None:
    await scanned(graph, storage, audit_log="on")
    known = await kept(storage)
    assert known["since"].startswith("2026-10-23")
    await scanned(graph, storage, days, audit_log="on")
    assert (await kept(storage))["since"][:10] == since


async def test_what_can_be_read_of_what_was_kept_counts_while_the_log_is_refused(
    graph: LocalGraph, storage: str
) -> None:
    await scanned(graph, storage, audit_log="on")
    await keep(storage, {**await kept(storage), "since": "soon"})
    graph.deny("AuditLog.Read.All")
    document = await scanned(graph, storage, 1, audit_log="on")
    assert account(document)["reasons"][0]["since"] == "2026-11-20T09:15:00Z"
