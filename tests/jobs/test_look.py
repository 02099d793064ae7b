"""What a whole scan makes of the evidence: verdicts that stay where it can't be read, proposals that are judged or not."""

from datetime import date, timedelta

import pytest

from evidence.store import PassingEvidence
from jobs.discover import discover
from jobs.scan import ScanRequest, scan
from localgraph.server import LocalGraph
from tests.evidence.changing import scanned, tenant
from tests.evidence.company import BROWSER, LISTED, NOW, Company, listed, settings, usage
from tests.evidence.conftest import company, graph

__all__ = ["company", "graph"]


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


async def test_a_missing_licence_leaves_the_document_as_it_was_and_is_said_in_words() -> None:
    company = Company(skus=("O365_BUSINESS_ESSENTIALS",))
    async with company.graph:
        request = ScanRequest("r", "test", store=False)
        without = await scan(settings(company, sources=frozenset()), request, clock=lambda: NOW)
        found = await scan(settings(company), request, clock=lambda: NOW)
    (gap,) = found.document["run"]["gaps"]
    assert "P1 licence" in gap["error"]
    assert gap["permission"] is None  # granting one would change nothing
    assert gap["optional"]
    assert found.document["run"]["complete"]
    assert found.document["accounts"] == without.document["accounts"]


async def test_findings_still_resolve_while_the_log_is_unreadable_and_its_own_stay(
    company: Company, storage: str
) -> None:
    chosen = settings(company, storage)
    await scan(chosen, ScanRequest("r1", "test"), clock=lambda: NOW)
    company.graph.deny("AuditLog.Read.All")
    company.tenant.policies.clear()
    second = await scan(chosen, ScanRequest("r2", "test"), clock=lambda: NOW + timedelta(days=3))
    (account,) = second.document["accounts"]
    assert [gap["input"] for gap in second.document["run"]["gaps"]] == ["sign_ins"]
    assert [(one["check_id"], one["status"]) for one in account["findings"]] == [("APW-010", "open")]


async def test_judging_one_account_agrees_with_the_last_scan_and_asks_nothing_of_the_log(
    company: Company, storage: str
) -> None:
    chosen = settings(company, storage)
    whole = await scan(chosen, ScanRequest("r1", "test"), clock=lambda: NOW)
    asked = len(company.asked)
    one = await scan(chosen, ScanRequest("r2", "test", accounts=(LISTED,)), clock=lambda: NOW)
    assert len(company.asked) == asked
    assert one.document["accounts"][0]["findings"] == whole.document["accounts"][0]["findings"]


async def test_proposed_accounts_are_judged_only_where_the_setting_says_all(company: Company, storage: str) -> None:
    confirmed = await scan(settings(company, storage), ScanRequest("r1", "test"), clock=lambda: NOW)
    assert [one["user_principal_name"] for one in confirmed.document["accounts"]] == [LISTED]
    chosen = settings(company, storage, service_account_discovery_alerts="all")
    everyone = await scan(chosen, ScanRequest("r2", "test"), clock=lambda: NOW)
    judged = {one["user_principal_name"]: one for one in everyone.document["accounts"]}
    assert {LISTED, "etage3@contoso.com", "orders@contoso.com"} <= judged.keys()
    assert judged["etage3@contoso.com"]["selected_by"] == ["discovery"]
    assert "APW-010" in [one["check_id"] for one in judged["etage3@contoso.com"]["findings"]]
    assert {one["user_principal_name"] for one in everyone.document["proposals"]} >= {"etage3@contoso.com"}


async def test_discover_answers_the_proposals_and_leaves_findings_alone(company: Company, storage: str) -> None:
    found = await discover(settings(company, storage), clock=lambda: NOW)
    assert set(found) == {"schema", "run", "proposals"}
    assert "etage3@contoso.com" in {one["user_principal_name"] for one in found["proposals"]}


async def test_without_the_setting_nothing_is_asked(company: Company) -> None:
    result = await scan(
        settings(company, sources=frozenset()), ScanRequest("r", "test", store=False), clock=lambda: NOW
    )
    assert company.asked == []
    assert result.document["proposals"] == []


async def test_what_demanded_mfa_reaches_the_verdict(company: Company) -> None:
    company.tenant.policies.clear()
    demand = [{"requirementProvider": "mfaRegistrationRequiredByIdentityProtectionPolicy", "detail": "x"}]
    row = company.row(LISTED, BROWSER, date(2026, 11, 20), interactive=True)
    company.tenant.sign_ins.append({**row, "authenticationRequirementPolicies": demand})
    found = await usage(company, PassingEvidence())
    (seen,) = listed(found).mfa_demands
    assert seen.provider == "mfaRegistrationRequiredByIdentityProtectionPolicy"
    result = await scan(settings(company), ScanRequest("r", "test", store=False), clock=lambda: NOW)
    (account,) = result.document["accounts"]
    assert account["visibility"] == "conditional"


def refused_lately(company: Company) -> None:
    """The listed account's sign-ins of the last two days were refused."""
    mine = company.tenant.user(LISTED).id
    for row in company.tenant.sign_ins:
        if row["userId"] == mine and row["createdDateTime"] >= "2026-11-20":
            row["status"] = {"errorCode": 53003}


async def test_refused_sign_ins_stay_a_finding_until_the_log_shows_one_that_got_in(
    company: Company, storage: str
) -> None:
    """Neither an unreadable log, nor one that nobody looks at, nor a policy that is gone ends it."""
    refused_lately(company)
    chosen = settings(company, storage)

    async def after(days: int, run: str, **more: frozenset[str]) -> list[tuple[str, str]]:
        looked = settings(company, storage, **more) if more else chosen
        found = await scan(looked, ScanRequest(run, "test"), clock=lambda: NOW + timedelta(days=days))
        findings = found.document["accounts"][0]["findings"]
        return [(one["severity"], one["status"]) for one in findings if one["check_id"] == "APW-015"]

    assert await after(0, "r0") == [("high", "open")]
    company.tenant.policies.clear()
    company.graph.deny("AuditLog.Read.All")
    assert await after(1, "r1") == [("high", "open")]
    assert await after(2, "r2", sources=frozenset()) == [("high", "open")]
    company.graph.heal()
    row = company.row(LISTED, "SMTP", date(2026, 11, 23))
    company.tenant.sign_ins.insert(0, row)
    assert await after(3, "r3") == [("medium", "open")]
    assert await after(8, "r8") == []
