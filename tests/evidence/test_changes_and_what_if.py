"""The audit log and What If over several scans: what is asked again, what is remembered, and what is said where it can't be read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient
from pydantic import SecretStr

from evidence.audit_log import groups_that_count
from findings.store import FindingStore
from jobs.scan import ScanRequest, scan
from localgraph.builder import TenantBuilder
from localgraph.messages import LoggedRequest
from localgraph.schema import Json
from localgraph.server import LocalGraph
from settings import Settings
from tenant.model import Tenant
from tenant.policies import parse_policy

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
SVC, OTHER, THIRD = "svc@contoso.com", "svc-2@contoso.com", "svc-3@contoso.com"
AUDITS, WHAT_IF = "/auditLogs/directoryAudits", "/identity/conditionalAccess/evaluate"


def tenant(*, skus: tuple[str, ...] = ("SPE_E5",)) -> TenantBuilder:
    return (
        TenantBuilder(now=NOW, skus=skus)
        .group("Service accounts", members=[])
        .user(SVC, groups=["Service accounts"])
        .user(OTHER, groups=["Service accounts"])
        .user(THIRD)
        .policy("Require MFA", include_groups=["Service accounts"], grant=["mfa"], client_apps=["browser"])
    )


@pytest.fixture
async def graph(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalGraph]:
    monkeypatch.setattr("tenant.turns.SECONDS", 0.0)
    monkeypatch.setattr("jobs.look.WHAT_IF_SECONDS", 0.0)
    async with LocalGraph(tenant().build()) as running:
        running.tenant.audits = [joined(running, SVC, "2026-11-20T09:15:00.0000000Z")]
        yield running


def joined(graph: LocalGraph, upn: str, time: str) -> Json:
    group = graph.tenant.group("Service accounts")
    changed = [{"displayName": "Group.ObjectID", "oldValue": None, "newValue": f'"{group.id}"'}]
    changed.append({"displayName": "Group.DisplayName", "oldValue": None, "newValue": f'"{group.name}"'})
    member = {"id": graph.tenant.user(upn).id, "type": "User", "userPrincipalName": upn, "modifiedProperties": changed}
    return {
        "id": f"{upn}{time}",
        "activityDisplayName": "Add member to group",
        "activityDateTime": time,
        "category": "GroupManagement",
        "loggedByService": "Core Directory",
        "result": "success",
        "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}, "app": None},
        "targetResources": [member, {"id": group.id, "type": "Group", "modifiedProperties": []}],
    }


async def scanned(graph: LocalGraph, storage: str = "", days: int = 0, **chosen: Any) -> Json:
    names = chosen.pop("accounts", ())
    settings = Settings(
        graph_endpoint=graph.url,
        service_accounts=(SVC, OTHER, THIRD),
        storage_connection_string=SecretStr(storage) if storage else None,
        **chosen,
    )
    request = ScanRequest(f"r{days}", "test", accounts=names, store=bool(storage))
    return (await scan(settings, request, clock=lambda: NOW + timedelta(days=days))).document


def account(document: Json, upn: str = SVC) -> Json:
    return next(one for one in document["accounts"] if one["user_principal_name"] == upn)


def asked(graph: LocalGraph, path: str) -> list[LoggedRequest]:
    return [one for one in graph.requests if one.path.endswith(path)]


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
    assert len(asked(graph, AUDITS)) == 3
    assert document["run"]["complete"]


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
    assert len(asked(graph, AUDITS)) == 3
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
    assert len(asked(graph, AUDITS)) == 4


@pytest.mark.parametrize("skus", [("SPE_E5",), ("O365_BUSINESS_ESSENTIALS",)], ids=["permission", "licence"])
async def test_what_cannot_be_read_is_said_once_and_leaves_the_verdicts(
    skus: tuple[str, ...], graph: LocalGraph
) -> None:
    graph.tenant.skus = tenant(skus=skus).build().skus
    without = await scanned(graph)
    if graph.tenant.has_p1:
        graph.deny("AuditLog.Read.All")
    graph.fail("conditionalAccess/evaluate", 403, code="AccessDenied", message="Needs a premium licence.")
    found = await scanned(graph, audit_log="on", what_if_budget=20)
    gaps = {gap["input"]: gap for gap in found["run"]["gaps"]}
    assert len(gaps) == len(found["run"]["gaps"])
    assert "P1 licence" in gaps["what_if"]["error"]
    assert gaps["what_if"]["permission"] is None
    assert gaps.get("audit_log", {}).get("permission") == ("AuditLog.Read.All" if graph.tenant.has_p1 else None)
    assert all(gap["optional"] for gap in gaps.values())
    assert found["run"]["complete"]
    answers = ("visibility", "usability", "findings")
    for one, before in zip(found["accounts"], without["accounts"], strict=True):
        assert {name: one[name] for name in answers} == {name: before[name] for name in answers}
        assert one["cross_check"] is None


async def test_findings_still_resolve_while_the_audit_log_is_unreadable(graph: LocalGraph, storage: str) -> None:
    await scanned(graph, storage, audit_log="on")
    graph.deny("AuditLog.Read.All")
    graph.tenant.policies.clear()
    document = await scanned(graph, storage, 1, audit_log="on")
    assert account(document)["findings"] == []


async def test_what_if_is_asked_within_its_budget(graph: LocalGraph) -> None:
    document = await scanned(graph, what_if_budget=3)
    assert [one["cross_check"] and one["cross_check"]["result"] for one in document["accounts"]].count("agrees") == 1
    assert len(asked(graph, WHAT_IF)) == 2
    assert document["run"]["gaps"] == []


async def test_the_newest_findings_are_asked_about_first_and_answers_hold_a_week(
    graph: LocalGraph, storage: str
) -> None:
    await scanned(graph, storage, what_if_budget=0)
    graph.tenant.policies[0]["conditions"]["users"]["includeUsers"] = [graph.tenant.user(THIRD).id]
    first = await scanned(graph, storage, 1, what_if_budget=2)
    checked = [one["user_principal_name"] for one in first["accounts"] if one["cross_check"]]
    assert checked == [THIRD]
    second = await scanned(graph, storage, 2, what_if_budget=4)
    assert all(one["cross_check"]["result"] == "agrees" for one in second["accounts"])
    assert account(second, checked[0])["cross_check"]["date"] == "2026-11-23"
    graph.requests.clear()
    await scanned(graph, storage, 3, what_if_budget=20)
    assert asked(graph, WHAT_IF) == []
    last = await scanned(graph, storage, 9, what_if_budget=20)
    assert {one["cross_check"]["date"] for one in last["accounts"]} == {"2026-12-01"}


async def test_another_finding_makes_an_old_answer_worthless(graph: LocalGraph, storage: str) -> None:
    await scanned(graph, storage, what_if_budget=20)
    graph.tenant.user(SVC).mfa = "enabled"
    document = await scanned(graph, storage, 1, what_if_budget=0)
    assert account(document)["cross_check"] is None
    document = await scanned(graph, storage, 2, what_if_budget=20)
    assert account(document, OTHER)["cross_check"]["date"] == "2026-11-22"
    assert (account(document)["cross_check"] or {"date": "2026-11-24"})["date"] == "2026-11-24"


async def test_judging_one_account_forgets_no_other_answer(graph: LocalGraph, storage: str) -> None:
    await scanned(graph, storage, what_if_budget=20)
    await scanned(graph, storage, 8, what_if_budget=20, accounts=(OTHER,))
    graph.requests.clear()
    document = await scanned(graph, storage, 1, what_if_budget=20)
    assert account(document)["cross_check"]["date"] == "2026-11-22"


async def test_security_defaults_are_not_asked_about(graph: LocalGraph) -> None:
    graph.tenant.security_defaults = True
    document = await scanned(graph, what_if_budget=20)
    assert asked(graph, WHAT_IF) == []
    assert account(document)["cross_check"]["result"] == "not_checked"


def test_groups_count_with_those_nested_in_them_and_only_of_policies_that_reach_somebody() -> None:
    on, off = (
        parse_policy(
            {"id": state, "state": state, "conditions": {"users": {"includeGroups": [state], "excludeGroups": ["X"]}}}
        )
        for state in ("enabled", "disabled")
    )
    nesting = {"enabled": frozenset({"inner"}), "inner": frozenset({"enabled", "innermost"})}
    assert groups_that_count(Tenant(policies=(on, off), nesting=nesting)) == ["enabled", "inner", "innermost", "x"]
