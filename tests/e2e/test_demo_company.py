"""The demo company's verdicts are what somebody worked out by hand before anything judged it."""

import pytest

from demo.company import company, demo_settings
from demo.expected import EXPECTED, Expected
from demo.graph import LocalGraph
from tests.e2e.conftest import Answer, Installation


@pytest.fixture(scope="module")
def scanned() -> Answer:
    """One scan of the demo company that keeps nothing."""
    with LocalGraph(company()).in_thread() as graph, pytest.MonkeyPatch.context() as environment:
        for name, value in {**demo_settings(), "GRAPH_ENDPOINT": graph.url}.items():
            environment.setenv(name, value)
        return Installation(graph, None, "").run("scan", "--no-store", "--format", "json")  # type: ignore[arg-type]


def test_the_scan_finds_exactly_the_service_accounts(scanned: Answer) -> None:
    found = {account["user_principal_name"] for account in scanned.document["accounts"]}
    assert found == {expected.upn for expected in EXPECTED}


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected.upn)
def test_each_account_is_judged_as_expected(scanned: Answer, expected: Expected) -> None:
    account = scanned.account(expected.upn)
    assert (account["visibility"], account["usability"]) == (expected.visibility, expected.usability), expected.why
    assert {finding["check_id"] for finding in account["findings"]} - {"APW-010", "APW-012"} == set(expected.checks)
    deciding = [
        one["policy_name"] for one in account["reasons"] if one["effect"] in ("demands_mfa", "would_demand_mfa")
    ]
    blocking = [one["policy_name"] for one in account["reasons"] if one["effect"] == "blocks_legacy"]
    assert next(iter(deciding), None) == expected.decided_by
    assert next(iter(blocking), None) == expected.blocked_by
