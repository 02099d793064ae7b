"""The demo company's verdicts are what somebody worked out by hand before anything judged it."""

import pytest

from demo.company import company, demo_settings
from demo.company_unlisted import UNLISTED
from demo.expected import EXPECTED, Expected
from localgraph.server import LocalGraph
from tests.e2e.conftest import Answer, Installation


@pytest.fixture(scope="module")
def scanned() -> Answer:
    """One scan of the demo company that keeps nothing."""
    with LocalGraph(company()).in_thread() as graph, pytest.MonkeyPatch.context() as environment:
        for name, value in {**demo_settings(), "GRAPH_ENDPOINT": graph.url}.items():
            environment.setenv(name, value)
        environment.setattr("tenant.turns.SECONDS", 0.0)  # this Graph has no limits
        environment.setattr("tenant.turns.CONDITIONAL_ACCESS_SECONDS", 0.0)
        environment.setenv("WHAT_IF_BUDGET", "100")
        return Installation(graph, None, "").run("scan", "--no-store", "--format", "json")  # type: ignore[arg-type]


def test_the_scan_finds_exactly_the_service_accounts(scanned: Answer) -> None:
    found = {account["user_principal_name"] for account in scanned.document["accounts"]}
    assert found == {expected.upn for expected in EXPECTED}


def test_the_scan_proposes_what_nobody_listed_and_leaves_break_glass_out(scanned: Answer) -> None:
    proposals = scanned.document["proposals"]
    names = {one["user_principal_name"].split("@")[0]: one["left_out_because"] for one in proposals}
    assert {name for name, why in names.items() if not why} == set(UNLISTED)
    assert {name for name, why in names.items() if why} == {"bg-alpha", "bg-bravo"}


def test_the_scan_names_products_and_what_their_use_means(scanned: Answer) -> None:
    backup = scanned.account("svc-codetwo-backup@alderleaf.example")
    assert [product["name"] for product in backup["products"]] == ["CodeTwo Backup"]
    assert backup["remediation"][0]["title"] == "Let CodeTwo Backup sign in as an application"
    shared = scanned.account("invoices@alderleaf.example")
    assert {"APW-010", "APW-012"} <= {finding["check_id"] for finding in shared["findings"]}


def test_the_scan_says_since_when_and_by_whom(scanned: Answer) -> None:
    backup = scanned.account("svc-codetwo-backup@alderleaf.example")
    (hidden,) = [reason for reason in backup["reasons"] if reason["effect"] == "demands_mfa"]
    assert hidden["actor"] == "niamh.o'brien@alderleaf.example"
    assert hidden["cause"].startswith("Hidden since ")
    assert "was switched from report-only to on, by niamh.o'brien@alderleaf.example." in hidden["cause"]
    assert hidden["since"][11:] == "14:12:00Z"
    assert hidden["since_is_policy_date"] is False
    scanner = scanned.account("svc-scan-gdansk@alderleaf.example")
    (blocked,) = [reason for reason in scanner["reasons"] if reason["effect"] == "blocks_legacy"]
    assert 'removed from the group "Legacy authentication exceptions", by tomasz.kowalczyk@' in blocked["cause"]
    old = scanned.account("svc-automation@alderleaf.example")["reasons"][0]
    assert (old["actor"], old["since_is_policy_date"]) == (None, True)
    assert "the audit log doesn't reach back that far" in old["cause"]


def test_the_scan_shows_the_app_passwords_that_came_and_went(scanned: Answer) -> None:
    (created,) = scanned.account("svc-scan-bristol@alderleaf.example")["app_password_events"]
    assert created["kind"] == "created"
    assert scanned.account("svc-codetwo-backup@alderleaf.example")["app_password_events"] == []


def test_microsofts_what_if_contradicts_no_verdict(scanned: Answer) -> None:
    checks = {one["user_principal_name"].split("@")[0]: one["cross_check"] for one in scanned.document["accounts"]}
    assert {check["result"] for check in checks.values() if check} == {"agrees", "not_checked"}
    assert checks["svc-codetwo-backup"]["text"].startswith("Confirmed by Microsoft's What If, ")
    assert checks["svc-crm"]["result"] == "not_checked"  # the risk of the sign-in decides, and What If isn't told it
    assert checks["svc-boardroom"] is None  # nothing to confirm: the verdict is open


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected.upn)
def test_each_account_is_judged_as_expected(scanned: Answer, expected: Expected) -> None:
    account = scanned.account(expected.upn)
    assert (account["visibility"], account["usability"]) == (expected.visibility, expected.usability), expected.why
    by_use = {"APW-010", "APW-012", "APW-015"}
    assert {finding["check_id"] for finding in account["findings"]} - by_use == set(expected.checks)
    deciding = [
        one["policy_name"] for one in account["reasons"] if one["effect"] in ("demands_mfa", "would_demand_mfa")
    ]
    blocking = [one["policy_name"] for one in account["reasons"] if one["effect"] == "blocks_legacy"]
    assert next(iter(deciding), None) == expected.decided_by
    assert next(iter(blocking), None) == expected.blocked_by
    refused = [finding for finding in account["findings"] if finding["check_id"] == "APW-015"]
    assert [f'by the policy "{expected.refused_by}"' in one["summary"] for one in refused] == (
        [True] if expected.refused_by else []
    )


def test_the_scan_says_since_when_an_account_is_refused_and_that_the_log_agrees(scanned: Answer) -> None:
    scanner = scanned.account("svc-scan-gdansk@alderleaf.example")
    (finding,) = [one for one in scanner["findings"] if one["check_id"] == "APW-015"]
    assert finding["severity"] == "high"
    assert finding["summary"].startswith("All ")
    assert "The last that got in was on " in finding["summary"]
    assert "198.51.100.20 (PL)" in finding["summary"]
    (client,) = scanner["sign_ins"]
    assert [ending["kind"] for ending in client["endings"]] == ["refused", "let_in"]
    assert client["got_in"] > 0
    checks = [one["sign_in_check"] for one in scanned.document["accounts"] if one["sign_in_check"]]
    assert {one["result"] for one in checks} == {"agrees"}
