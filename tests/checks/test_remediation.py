"""The ways out, in their order, with what each one costs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.model import Finding, Remedy, Severity
from checks.remediation import with_ways_out
from checks.usage import RETIRED
from tenant.model import Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    MFA_MODERN,
    REPORT_ONLY,
    SERVICE,
    STATE_GAP,
    Json,
    judged,
    make_tenant,
    policy,
)

STUCK = {"per_user_mfa": "enabled", "registration": Registration(report=("mobilePhone",))}
PENDING = {"per_user_mfa": "enabled", "registration": Registration(report=())}


def ways(*policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any) -> tuple[Remedy, ...]:
    return judged(make_tenant(policies, **tenant), replace(SERVICE, **(account or {}))).remediation


def words(remedy: Remedy) -> str:
    return " ".join([remedy.title, *remedy.steps, remedy.trade_off])


def place(remedies: tuple[Remedy, ...], word: str) -> int:
    """The first remedy whose title speaks of the word."""
    return next(index for index, remedy in enumerate(remedies) if word in remedy.title.lower())


@pytest.mark.parametrize(
    ("policies", "account"),
    [
        ([policy()], {}),
        ([MFA_MODERN], {}),
        ([policy(conditions={"userRiskLevels": ["high"]})], {}),
        ([policy(state=REPORT_ONLY)], {}),
        ([], STUCK),
        ([], PENDING),
        ([BLOCK_LEGACY], {"per_user_mfa": "enforced"}),
        ([policy(state=REPORT_ONLY, clients=("other",), grant=("block",))], {"per_user_mfa": "enforced"}),
        ([policy(state=REPORT_ONLY, clients=("other",), grant=("block",))], {}),
    ],
)
def test_modern_ways_come_first_and_a_plain_exclusion_last(policies: list[Json], account: Mapping[str, Any]) -> None:
    remedies = ways(*policies, account=account)
    order = [place(remedies, word) for word in ("app-only", "oauth", "relay", "per-user mfa", "exclude")]
    assert order == sorted(order)
    assert order[0] == 0
    assert order[-1] == len(remedies) - 1
    assert all(remedy.trade_off and remedy.steps and remedy.url.startswith("https://") for remedy in remedies)


def test_the_per_user_way_shows_todays_clicks_and_its_price() -> None:
    remedies = ways(policy())
    per_user = words(remedies[place(remedies, "per-user mfa")])
    for word in (
        "Enforced",
        "Security info",
        "Add sign-in method",
        "App password",
        "CIS",
        "Microsoft",
        "owner",
        "end date",
    ):
        assert word.lower() in per_user.lower().replace("security-info", "security info")
    assert "sign" in remedies[place(remedies, "per-user mfa")].steps[-1].lower()


def test_the_per_user_way_names_the_policies_to_be_excluded_from() -> None:
    remedies = ways(MFA_MODERN, BLOCK_LEGACY)
    per_user = words(remedies[place(remedies, "per-user mfa")])
    assert '"Block legacy"' in per_user
    assert '"MFA modern"' not in per_user


def test_a_stuck_account_is_set_to_enforced_and_warned_of_the_detour() -> None:
    remedies = ways(account=STUCK)
    per_user = words(remedies[place(remedies, "per-user mfa")])
    assert "set it to Enforced" in per_user
    assert "existing app passwords may be lost" in per_user


@pytest.mark.parametrize("account", [{}, {"per_user_mfa": "enforced"}, STUCK, PENDING])
def test_under_security_defaults_the_per_user_way_is_called_impossible(account: Mapping[str, Any]) -> None:
    remedies = ways(account=account, security_defaults=True)
    assert place(remedies, "app-only") == 0
    assert not any(remedy.title.lower().startswith(("only if", "last resort")) for remedy in remedies)
    assert "Security Defaults" in words(remedies[-1])
    assert "can't work" in words(remedies[-1])
    assert not any("Add sign-in method" in words(remedy) for remedy in remedies)


@pytest.mark.parametrize(
    ("policies", "account"),
    [
        ([], {}),
        ([], {"per_user_mfa": "enforced"}),
        ([], {"enabled": False}),
        ([policy()], {"user_type": "Guest"}),
        ([BLOCK_LEGACY], {}),
    ],
)
def test_where_nothing_is_wrong_nothing_is_to_be_done(policies: list[Json], account: Mapping[str, Any]) -> None:
    assert ways(*policies, account=account) == ()


def test_an_open_answer_asks_for_the_permission_first() -> None:
    remedies = ways(account={"per_user_mfa": STATE_GAP})
    assert "Policy.Read.All" in words(remedies[0])


def test_a_retired_protocol_has_ways_out_where_no_policy_is_in_the_way() -> None:
    fine = judged(make_tenant([]), replace(SERVICE, per_user_mfa="enforced"))
    retired = Finding(RETIRED, "", Severity.HIGH, "", "")
    assert with_ways_out(fine).remediation == ()
    ways_out = with_ways_out(replace(fine, findings=(retired,))).remediation
    assert [place(ways_out, word) for word in ("app-only", "oauth", "relay")] == [0, 1, 2]
    assert len(ways_out) == 3


@pytest.mark.parametrize("check_id", ["APW-009", "APW-011", "APW-099"])
def test_another_finding_adds_no_ways_out(check_id: str) -> None:
    fine = judged(make_tenant([]), replace(SERVICE, per_user_mfa="enforced"))
    assert with_ways_out(replace(fine, findings=(Finding(check_id, "", Severity.HIGH, "", ""),))).remediation == ()


def test_a_retired_protocol_adds_nothing_to_ways_out_that_are_there() -> None:
    hidden = judged(make_tenant([policy()]), SERVICE)
    retired = Finding(RETIRED, "", Severity.HIGH, "", "")
    assert with_ways_out(replace(hidden, findings=(*hidden.findings, retired))).remediation == hidden.remediation
