"""Reasons: which, in which order, with which effect, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.model import Effect, Reason
from tenant.model import Group, Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    MFA_MODERN,
    MODERN,
    POLICIES_GAP,
    REPORT_ONLY,
    SERVICE,
    SHAREPOINT,
    Json,
    judged,
    make_tenant,
    policy,
    reasons,
)

RISK = {"signInRiskLevels": ["high"]}
OUTSIDE = {"locations": {"includeLocations": ["All"], "excludeLocations": ["l1"]}}


def told(
    policies: Sequence[Json], /, *, allowed: str = "unknown", account: Mapping[str, Any] | None = None, **tenant: Any
) -> tuple[Reason, ...]:
    found = judged(make_tenant(policies, **tenant), replace(SERVICE, **(account or {})), app_passwords_allowed=allowed)
    return found.verdict.reasons


def names(found: Sequence[Reason], effect: Effect) -> list[str | None]:
    return [reason.policy_name for reason in found if reason.effect is effect]


def test_unconditional_policies_come_first_then_by_name_then_by_id() -> None:
    policies = [
        policy("b risk", conditions=RISK),
        policy("Z"),
        policy("id2", displayName="Same"),
        policy("id1", displayName="Same"),
        policy("a"),
        policy("A risk", conditions=RISK),
    ]
    found = told(policies)
    assert names(found, Effect.DEMANDS_MFA) == ["a", "Same", "Same", "Z", "A risk", "b risk"]
    assert [r.policy_id for r in found if r.effect is Effect.DEMANDS_MFA][1:3] == ["id1", "id2"]
    assert names(found, Effect.BLOCKS_LEGACY) == ["a", "Same", "Same", "Z", "A risk", "b risk"]


def test_security_defaults_come_first_and_the_policies_follow() -> None:
    found = told([policy("A")], security_defaults=True)
    assert (found[0].effect, found[0].policy_id) == (Effect.DEMANDS_MFA, None)
    assert names(found, Effect.DEMANDS_MFA) == [None, "A"]
    assert names(found, Effect.BLOCKS_LEGACY) == [None, "A"]


@pytest.mark.parametrize(
    ("policies", "tenant", "expected"),
    [
        ([policy(users=("someone",))], {"security_defaults": True}, 1),
        ([policy(apps=(SHAREPOINT,))], {"security_defaults": True}, 1),
        ([policy(grant=None)], {"security_defaults": True}, 1),
        ([policy(state=REPORT_ONLY)], {"security_defaults": True}, 0),
        ([policy(state="disabled")], {"security_defaults": True}, 0),
        ([], {"security_defaults": True}, 0),
        ([policy()], {"security_defaults": False}, 0),
    ],
)
@pytest.mark.parametrize("state", ["disabled", "enforced"])
def test_security_defaults_beside_an_enabled_policy_contradict(
    policies: list[Json], tenant: Mapping[str, Any], expected: int, state: str
) -> None:
    found = told(policies, account={"per_user_mfa": state}, **tenant)
    assert len([reason for reason in found if reason.effect is Effect.CONTRADICTORY_STATE]) == expected


@pytest.mark.parametrize(
    ("raw", "blocked"),
    [
        (policy(grant=("block",)), True),
        (policy(grant=("block",), clients=("browser",)), True),
        (policy(grant=("block",), clients=MODERN), True),
        (policy(grant=("block",), clients=None), True),
        (policy(grant=("block",), clients=("mobileAppsAndDesktopClients",)), False),
        (BLOCK_LEGACY, False),
        (policy(grant=("block",), conditions=OUTSIDE), False),
        (policy(grant=("block",), conditions=RISK), False),
        (policy(grant=("block",), apps=(SHAREPOINT,)), False),
        (policy(grant=("block",), not_users=("svc",)), False),
        (policy(grant=("block",), state=REPORT_ONLY), False),
        (policy(grant=("block",), conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}), False),
        (policy(grant=("block",), conditions={"newCondition": 1}), False),
        (policy(grant=("compliantDevice",)), False),
    ],
)
def test_a_block_of_browsers_is_told_and_changes_no_visibility(raw: Json, blocked: bool) -> None:
    for state, visibility in (("disabled", "not_offered"), ("enforced", "visible")):
        found = judged(make_tenant([raw]), replace(SERVICE, per_user_mfa=state))
        assert found.verdict.visibility == visibility
        assert bool(reasons(found, Effect.BLOCKS_INTERACTIVE)) is blocked


@pytest.mark.parametrize(
    "raw",
    [policy(grant=("block", "newControl")), policy(grant=("block",), grant_members={"newControls": ["x"]})],
    ids=["a control", "a kind of control"],
)
def test_a_block_beside_a_control_that_nobody_knows_is_not_told_as_certain(raw: Json) -> None:
    found = judged(make_tenant([raw]), SERVICE)
    assert found.verdict.usability == "conditional"
    assert not reasons(found, Effect.BLOCKS_INTERACTIVE)


def test_a_policy_reason_carries_policy_scope_circumstances_and_date() -> None:
    raw = policy(
        "id1",
        displayName="MFA outside",
        conditions=OUTSIDE,
        createdDateTime="2026-01-02T03:04:05Z",
        modifiedDateTime="2026-11-03T14:12:00.1234567Z",
    )
    found = judged(make_tenant([raw], named_locations={"l1": "Head office"}), SERVICE)
    (demand,) = reasons(found, Effect.DEMANDS_MFA)
    (block,) = reasons(found, Effect.BLOCKS_LEGACY)
    assert (demand.policy_id, demand.policy_name, demand.scope) == ("id1", "MFA outside", "all users")
    assert demand.since == datetime(2026, 11, 3, 14, 12, 0, 123456, tzinfo=UTC)
    assert demand.circumstances == ()
    assert len(block.circumstances) == 1
    assert "Head office" in block.circumstances[0]
    assert '"MFA outside"' in demand.text


def test_without_a_change_the_creation_is_since_when() -> None:
    (reason,) = (r for r in told([policy(createdDateTime="2026-01-02T03:04:05Z")]) if r.effect is Effect.DEMANDS_MFA)
    assert reason.since == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (policy(conditions=RISK), "high"),
        (policy(conditions={"insiderRiskLevels": "minor,elevated"}), "elevated"),
        (policy(conditions={"platforms": {"includePlatforms": ["macOS"]}}), "macOS"),
        (policy(conditions={"locations": {"includeLocations": ["AllTrusted"]}}), "trusted"),
        (policy(conditions={"locations": {"includeLocations": ["lost"]}}), "lost"),
        (policy(conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}), "device code flow"),
        (policy(conditions={"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}}), "device filter"),
        (policy(conditions={"newCondition": ["x"]}), "conditions.newCondition"),
        (policy(partialEnablementStrategy={"x": 1}), "partialEnablementStrategy"),
        (policy(grant=("mfa", "compliantDevice")), "device"),
        (policy(grant_members={"newMember": 1}), "newMember"),
        (policy(state="brandNew"), "brandnew"),
    ],
)
def test_a_circumstance_is_named(raw: Json, word: str) -> None:
    (reason,) = (r for r in told([raw]) if r.effect is Effect.DEMANDS_MFA)
    assert any(word in circumstance for circumstance in reason.circumstances)
    assert word in reason.text


@pytest.mark.parametrize(
    ("state", "registration", "carried"),
    [
        ("enforced", Registration(), True),
        ("enabled", Registration(report=("mobilePhone",)), True),
        ("enabled", Registration(report=()), True),
        ("enabled", Registration(), False),
        ("disabled", Registration(), False),
        (None, Registration(), False),
    ],
)
def test_the_attested_tenant_switch_is_the_first_reason_and_changes_nothing(
    state: str | None, registration: Registration, carried: bool
) -> None:
    account = {"per_user_mfa": state, "registration": registration}
    for tenant in ({}, {"security_defaults": True}, {"policies": POLICIES_GAP}):
        off = told([], allowed="no", account=account, **tenant)
        assert (off[0].effect is Effect.TENANT_SWITCH_OFF) is carried
        for other in ("yes", "unknown"):
            on = told([], allowed=other, account=account, **tenant)
            assert [reason.effect for reason in on] == [
                reason.effect for reason in off if reason.effect is not Effect.TENANT_SWITCH_OFF
            ]


def test_report_only_reasons_say_would() -> None:
    found = told([policy("A", state=REPORT_ONLY)])
    assert names(found, Effect.WOULD_DEMAND_MFA) == names(found, Effect.WOULD_BLOCK_LEGACY) == ["A"]
    assert not names(found, Effect.DEMANDS_MFA)
    assert not names(found, Effect.BLOCKS_LEGACY)


def test_every_account_gets_a_reason_in_words() -> None:
    cases: list[tuple[list[Json], dict[str, Any]]] = [
        ([], {}),
        ([MFA_MODERN], {}),
        ([], {"enabled": False}),
        ([], {"user_type": "Guest"}),
        ([], {"per_user_mfa": None}),
    ]
    for policies, account in cases:
        found = told(policies, account=account)
        assert found
        assert all(reason.text.strip().endswith((".", ")")) for reason in found)


@pytest.mark.parametrize(("member_of", "warned"), [(True, True), (False, False)])
def test_an_exclusion_by_a_rule_that_microsoft_has_retired_may_end_by_itself(member_of: bool, warned: bool) -> None:
    groups = {"gx": Group("gx", "MFA exceptions", dynamic=True, by_member_of=member_of)}
    found = told([policy(not_groups=("gx",))], account={"groups": frozenset({"gx"})}, groups=groups)
    (excluded,) = (one for one in found if one.effect is Effect.EXCLUDED)
    said = 'Who is in "MFA exceptions" comes from a memberOf rule, which Microsoft has retired on 3 Nov 2026'
    assert (said in excluded.text) is warned
