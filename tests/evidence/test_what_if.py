"""What If over several scans: who is asked about within the budget, and how long an answer holds."""

from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from evidence.store import StoredEvidence
from localgraph.server import LocalGraph
from tests.evidence.changing import OTHER, SVC, THIRD, WHAT_IF, account, asked, scanned


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


@pytest.mark.parametrize(
    "row",
    [
        7,
        {"of": []},
        {"of": [], "result": "postponed", "text": "x", "date": "2026-11-22"},
        {"of": [], "result": "agrees", "text": "x", "date": "soon"},
        {"of": [], "result": "agrees", "text": None, "date": 20261122},
        {"of": [], "result": ["agrees"], "text": "x", "date": "2026-11-22"},
    ],
)
async def test_an_answer_that_cannot_be_read_is_asked_for_again(graph: LocalGraph, storage: str, row: Any) -> None:
    await scanned(graph, storage, what_if_budget=20)
    async with TableServiceClient.from_connection_string(storage) as service:
        evidence = StoredEvidence(service)
        await evidence.remember("what_if", dict.fromkeys(await evidence.recall("what_if"), row) | {"another": row})
    document = await scanned(graph, storage, 1, what_if_budget=20)
    assert document["run"]["complete"]
    assert {one["cross_check"]["date"] for one in document["accounts"] if one["cross_check"]} == {"2026-11-23"}
