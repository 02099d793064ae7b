"""Which verdict becomes which finding, and how severe it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.catalog import CHECKS, state_before, switched_off
from checks.model import Effect
from checks.visibility import per_user_state
from tenant.model import Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    GLOBAL_ADMINISTRATOR,
    MFA_MODERN,
    POLICIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    Case,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
    reasons,
)

STUCK = {"per_user_mfa": "enabled", "registration": Registration(report=("softwareOneTimePasscode",))}
PENDING = {"per_user_mfa": "enabled", "registration": Registration(report=())}
VISIBLE = {"per_user_mfa": "enforced"}
RISK = {"userRiskLevels": ["high"]}
OUTSIDE = {"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}
MANAGED = "Microsoft-managed: Multifactor authentication for all users"
GA = GLOBAL_ADMINISTRATOR


def found(*policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any) -> dict[str, str]:
    members = {key: value for key, value in tenant.items() if key != "unreadable_policies"}
    made = make_tenant(policies, **members)
    if tenant.get("unreadable_policies"):
        made = replace(made, policies=POLICIES_GAP)
    judgement = judged(made, replace(SERVICE, **(account or {})))
    return {finding.check_id: str(finding.severity) for finding in judgement.findings}


def waiting(name: str = "P", **members: Any) -> Json:
    return policy(name, state=REPORT_ONLY, **members)


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "expected"),
    [
        ([], {}, {}, {}),
        ([], VISIBLE, {}, {}),
        ([policy()], {}, {}, {"APW-001": "high"}),
        ([MFA_MODERN], {}, {}, {"APW-001": "high"}),
        ([policy(conditions=OUTSIDE)], {}, {}, {"APW-001": "high"}),
        ([], {}, {"security_defaults": True}, {"APW-002": "high"}),
        ([policy()], {}, {"security_defaults": True}, {"APW-002": "high"}),
        ([], STUCK, {}, {"APW-003": "high"}),
        ([], PENDING, {}, {"APW-004": "medium"}),
        ([policy(conditions=RISK, clients=("browser",))], {}, {}, {"APW-005": "low"}),
        ([policy(grant=("mfa", "compliantDevice"))], {}, {}, {"APW-005": "low"}),
        ([BLOCK_LEGACY], {}, {}, {}),
        ([BLOCK_LEGACY], VISIBLE, {}, {"APW-007": "high"}),
        ([BLOCK_LEGACY], STUCK, {}, {"APW-003": "high", "APW-007": "high"}),
        ([BLOCK_LEGACY], PENDING, {}, {"APW-004": "medium", "APW-007": "high"}),
        ([], VISIBLE, {"security_defaults": True}, {"APW-007": "high"}),
        ([policy(conditions=OUTSIDE)], VISIBLE, {}, {}),
        ([], {"per_user_mfa": None}, {}, {"APW-008": "medium"}),
        ([], {"per_user_mfa": STATE_GAP}, {}, {"APW-008": "medium"}),
        ([], {}, {"unreadable_policies": True}, {"APW-008": "medium"}),
        ([], VISIBLE, {"unreadable_policies": True}, {"APW-008": "medium"}),
        ([], STUCK, {"unreadable_policies": True}, {"APW-003": "high", "APW-008": "medium"}),
        ([], {"enabled": False}, {"unreadable_policies": True}, {}),
    ],
)
def test_a_verdict_becomes_its_findings(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], expected: dict[str, str]
) -> None:
    assert found(*policies, account=account, **tenant) == expected


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([waiting(clients=("browser",))], {"APW-006": "medium"}),
        ([waiting(MANAGED, clients=("browser",))], {"APW-006": "high"}),
        ([waiting(MANAGED.upper(), clients=("browser",))], {"APW-006": "high"}),
        ([waiting("My copy of Microsoft-managed", clients=("browser",))], {"APW-006": "medium"}),
        ([waiting(clients=("browser",), templateId="t1")], {"APW-006": "medium"}),
        ([policy(MANAGED, state="disabled")], {}),
        ([waiting(clients=("browser",), conditions=RISK)], {"APW-006": "medium"}),
        (
            [policy("A", clients=("browser",), conditions=RISK), waiting(clients=("browser",))],
            {"APW-005": "low", "APW-006": "medium"},
        ),
        (
            [policy("A", clients=("browser",), conditions=RISK), waiting(MANAGED, clients=("browser",))],
            {"APW-005": "low", "APW-006": "high"},
        ),
        (
            [policy("A", clients=("browser",), conditions=RISK), waiting(clients=("browser",), conditions=RISK)],
            {"APW-005": "low"},
        ),
        (
            [
                policy("A", clients=("browser",), conditions=RISK),
                waiting("B", clients=("browser",)),
                waiting(MANAGED, clients=("browser",), conditions=RISK),
            ],
            {"APW-005": "low", "APW-006": "medium"},
        ),
        (
            [waiting("B", clients=("browser",)), waiting(MANAGED, clients=("browser",), conditions=RISK)],
            {"APW-006": "high"},
        ),
        ([policy("A", clients=("browser",)), waiting(clients=("browser",))], {"APW-001": "high"}),
        ([waiting()], {"APW-006": "medium", "APW-013": "medium"}),
        ([waiting(MANAGED)], {"APW-006": "high", "APW-013": "high"}),
        ([waiting(grant=("block",), clients=("other",))], {"APW-013": "medium"}),
        (
            [waiting("Microsoft-managed: Block legacy authentication", grant=("block",), clients=("other",))],
            {"APW-013": "high"},
        ),
        (
            [
                policy(
                    "Microsoft-managed: Block legacy authentication",
                    grant=("block",),
                    clients=("other",),
                    state="disabled",
                )
            ],
            {},
        ),
        ([waiting(grant=("block",), clients=("other",)), BLOCK_LEGACY], {}),
        ([waiting(grant=("block",), clients=("other",), not_users=("svc",))], {}),
        ([waiting(grant=None)], {}),
    ],
)
def test_what_is_not_yet_in_force_is_predicted(policies: list[Json], expected: dict[str, str]) -> None:
    assert found(*policies) == expected


def test_an_eligible_role_is_a_prediction() -> None:
    by_role = policy(users=(), roles=(GA,), clients=("browser",))
    assert found(by_role, role_eligibilities=(holds(GA),)) == {"APW-006": "medium"}


def test_a_report_only_block_threatens_a_visible_option_too() -> None:
    assert found(waiting(grant=("block",), clients=("other",)), account=VISIBLE) == {"APW-013": "medium"}


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ((holds(GA),), {"APW-011": "medium"}),
        ((holds(GA, scope="/administrativeUnits/au1"),), {"APW-011": "medium"}),
        ((holds("custom", built_in=False),), {"APW-011": "medium"}),
        ((holds("unread", built_in=None),), {"APW-011": "medium"}),
        ((holds(GA, by="g1"),), {"APW-011": "medium"}),
        ((holds(GA, by="someone"),), {}),
        ((holds(GA, by="g2"),), {}),
    ],
)
def test_any_active_directory_role_is_a_finding(assignments: tuple[Any, ...], expected: dict[str, str]) -> None:
    assert found(account={"groups": frozenset({"g1"})}, role_assignments=assignments) == expected


def test_eligible_and_unreadable_roles_are_no_role_finding() -> None:
    assert found(role_eligibilities=(holds(GA),)) == {}
    assert found(role_assignments=ROLES_GAP) == {}


def test_findings_carry_their_title_a_summary_and_a_fingerprint() -> None:
    titles = {check.id: check.title for check in CHECKS}
    for policies, account in (
        ([policy()], {}),
        ([BLOCK_LEGACY], VISIBLE),
        ([], STUCK),
        ([waiting()], {}),
        ([], {"per_user_mfa": None}),
    ):
        for finding in judged(make_tenant(policies), replace(SERVICE, **account)).findings:
            assert finding.title == titles[finding.check_id]
            assert finding.summary
            assert finding.fingerprint


def fingerprint(*policies: Json) -> str:
    (finding,) = judged(make_tenant(policies), SERVICE).findings
    return finding.fingerprint


def test_a_fingerprint_changes_with_the_causes_and_not_with_names() -> None:
    base = fingerprint(policy("id1"))
    assert fingerprint(policy("id1", displayName="Renamed", modifiedDateTime="2026-11-22T00:00:00Z")) == base
    assert fingerprint(policy("id2")) != base
    assert fingerprint(policy("id1"), policy("id2")) == fingerprint(policy("id2"), policy("id1"))
    assert fingerprint(policy("id1"), policy("id2")) != base


@pytest.mark.parametrize(
    ("remembered", "last", "state", "found_"),
    [
        (None, "enforced", "disabled", True),
        (None, "enabled", "Disabled", True),
        (None, "disabled", "disabled", False),
        (None, None, "disabled", False),
        ("enforced", "disabled", "disabled", True),
        (None, "enforced", "enabled", False),
        (None, "enforced", None, False),
        (None, "enforced", STATE_GAP, False),
        ("enforced", "disabled", "enforced", False),
    ],
)
def test_a_state_that_was_switched_off_is_a_finding(
    remembered: str | None, last: str | None, state: Any, found_: bool
) -> None:
    one = judged(make_tenant(), replace(SERVICE, per_user_mfa=state))
    finding = switched_off(one, state_before(remembered, last, per_user_state(one.account)))
    assert (finding is not None) is found_
    if finding:
        assert (finding.check_id, finding.severity) == ("APW-009", "high")


def test_what_was_switched_off_is_remembered_while_the_account_is_disabled_or_unreadable() -> None:
    assert switched_off(judged(make_tenant(), replace(SERVICE, enabled=False)), "enforced") is None
    assert state_before(None, "enforced", "disabled") == "enforced"
    assert state_before("enforced", "disabled", "disabled") == "enforced"
    assert state_before("enforced", "disabled", None) == "enforced"
    assert state_before("enforced", "disabled", "enforced") is None


UNCHANGED = [
    Case("visible", "visible", "usable", account=VISIBLE),
    Case("hidden", "hidden", "blocked_by_policy", (policy(),)),
]


@pytest.mark.parametrize("case", UNCHANGED, ids=lambda case: case.name)
@pytest.mark.parametrize("allowed", ["yes", "no", "unknown"])
def test_the_tenant_switch_never_changes_a_verdict(case: Case, allowed: str) -> None:
    judgement = judged(case.the_tenant, case.the_account, app_passwords_allowed=allowed)
    assert (judgement.verdict.visibility, judgement.verdict.usability) == (case.visibility, case.usability)
    off = reasons(judgement, Effect.TENANT_SWITCH_OFF)
    assert bool(off) is (allowed == "no" and case.visibility == "visible")
