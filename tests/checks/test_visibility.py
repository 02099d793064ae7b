"""The option of an account whose per-user MFA is disabled: each condition of its table, and what an open answer names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.model import Effect, Verdict
from tenant.model import Gap, Group, MfaDemand, Registration
from tests.checks.kit import (
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    LICENCES_GAP,
    METHODS_GAP,
    MODERN,
    NOW,
    POLICIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    STRENGTHS_GAP,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
)

GA = GLOBAL_ADMINISTRATOR
RISK = {"userRiskLevels": ["high"]}
UNREAD = {"groups": GROUPS_GAP}
HIDDEN_GROUP = {**GROUPS, "g4": Group("g4", "Secret", hidden_membership=True)}
STRENGTH = {"authenticationStrength": {"id": "s1"}}
ELIGIBLE = {"role_eligibilities": (holds(GA),)}


def mfa(name: str = "MFA", **members: Any) -> Json:
    return policy(name, **{"clients": MODERN, **members})


def of_role(name: str = "Role", **members: Any) -> Json:
    return mfa(name, users=(), roles=(GA,), **members)


def of_group(name: str = "Group", group: str = "g1", **members: Any) -> Json:
    return mfa(name, users=(), groups=(group,), **members)


def verdict_of(policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any]) -> Verdict:
    made = make_tenant(policies, **{name: value for name, value in tenant.items() if name != "policies"})
    if "policies" in tenant:
        made = replace(made, policies=tenant["policies"])
    return judged(made, replace(SERVICE, **account)).verdict


@pytest.mark.parametrize(
    ("policies", "tenant", "visibility", "predicted"),
    [
        ([], {}, "not_offered", None),
        ([], {"security_defaults": None}, "not_offered", None),
        ([mfa()], {}, "hidden", None),
        ([mfa(conditions=RISK)], {}, "conditional", None),
        ([mfa("A"), mfa("B", conditions=RISK)], {}, "hidden", None),
        ([mfa(state=REPORT_ONLY)], {}, "predicted", "hidden"),
        ([mfa(state=REPORT_ONLY, conditions=RISK)], {}, "predicted", "conditional"),
        ([mfa("A", state=REPORT_ONLY), mfa("B", state=REPORT_ONLY, conditions=RISK)], {}, "predicted", "hidden"),
        ([mfa("A", conditions=RISK), mfa("B", state=REPORT_ONLY)], {}, "conditional", "hidden"),
        ([mfa("A", conditions=RISK), mfa("B", state=REPORT_ONLY, conditions=RISK)], {}, "conditional", "conditional"),
        ([mfa(state="disabled")], {}, "not_offered", None),
        ([mfa(users=("x",), state=REPORT_ONLY)], {}, "not_offered", None),
        ([of_role()], ELIGIBLE, "predicted", "hidden"),
        ([of_role(state=REPORT_ONLY)], ELIGIBLE, "predicted", "hidden"),
        ([of_role(conditions=RISK)], ELIGIBLE, "predicted", "conditional"),
        ([mfa("A", roles=(GA,))], ELIGIBLE, "hidden", None),
        ([mfa("A", roles=(GA,), conditions=RISK)], ELIGIBLE, "conditional", None),
        ([mfa("A", conditions=RISK), of_role("B")], ELIGIBLE, "conditional", "hidden"),
        ([of_role(not_users=("svc",))], ELIGIBLE, "not_offered", None),
        ([policy(grant=("block",), clients=("other",))], {}, "not_offered", None),
        ([policy(grant=("block",), clients=("other",), state=REPORT_ONLY)], {}, "not_offered", None),
    ],
)
def test_each_row_of_the_table_and_what_is_predicted_beside_it(
    policies: list[Json], tenant: Mapping[str, Any], visibility: str, predicted: str | None
) -> None:
    verdict = verdict_of(policies, {}, tenant)
    assert (verdict.visibility, verdict.predicted) == (visibility, predicted)
    told = [reason.effect for reason in verdict.reasons]
    assert (Effect.WOULD_DEMAND_MFA in told) is (predicted is not None)
    assert (Effect.DEMANDS_MFA in told) is (visibility in ("hidden", "conditional"))


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "visibility"),
    [
        ([], {}, {"security_defaults": DEFAULTS_GAP}, "unknown"),
        ([mfa()], {}, {"security_defaults": DEFAULTS_GAP}, "hidden"),
        ([], {}, {"policies": POLICIES_GAP}, "unknown"),
        ([], {}, {"policies": POLICIES_GAP, "security_defaults": True}, "hidden"),
        ([of_group()], UNREAD, {}, "unknown"),
        ([of_group("A"), mfa("B")], UNREAD, {}, "hidden"),
        ([of_group("A"), mfa("B", conditions=RISK)], UNREAD, {}, "unknown"),
        ([of_group("A", conditions=RISK), mfa("B", conditions=RISK)], UNREAD, {}, "conditional"),
        ([of_group("A", state=REPORT_ONLY), mfa("B", state=REPORT_ONLY)], UNREAD, {}, "predicted"),
        ([of_group("A", state=REPORT_ONLY), mfa("B", conditions=RISK)], UNREAD, {}, "conditional"),
        ([of_group(state=REPORT_ONLY)], UNREAD, {}, "unknown"),
        ([of_role()], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, "unknown"),
        ([of_role("A"), mfa("B")], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, "hidden"),
        ([mfa(not_roles=(GA,))], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, "hidden"),
        (
            [of_group("A", state=REPORT_ONLY), mfa("B", not_groups=("g1",), state=REPORT_ONLY)],
            UNREAD,
            {},
            "predicted",
        ),
        ([of_group("A"), mfa("B", not_groups=("g1",), state=REPORT_ONLY)], UNREAD, {}, "unknown"),
        (
            [mfa("A", not_groups=("g1", "g2")), mfa("B", not_groups=("g1",)), of_group("C", state=REPORT_ONLY)],
            UNREAD,
            {},
            "unknown",
        ),
    ],
)
def test_what_is_unread_leaves_a_row_open_unless_a_stronger_one_is_certain(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], visibility: str
) -> None:
    assert verdict_of(policies, account, tenant).visibility == visibility


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "missing"),
    [
        ([], {}, {"security_defaults": DEFAULTS_GAP}, {DEFAULTS_GAP}),
        ([], {}, {"policies": POLICIES_GAP, "licences": LICENCES_GAP}, {POLICIES_GAP, LICENCES_GAP}),
        ([of_group()], UNREAD, {}, {GROUPS_GAP}),
        ([of_group(state=REPORT_ONLY)], UNREAD, {}, {GROUPS_GAP}),
        ([of_role()], {}, {"role_assignments": ROLES_GAP}, {ROLES_GAP}),
        ([of_role()], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, {ELIGIBILITIES_GAP}),
        ([mfa(grant=(), grant_members=STRENGTH)], {}, {"strengths": STRENGTHS_GAP}, {STRENGTHS_GAP}),
        # What doesn't reach the account, or demands no MFA, leaves nothing open about the option.
        (
            [of_group(), mfa("For another", users=("x",), grant=(), grant_members=STRENGTH)],
            UNREAD,
            {"strengths": STRENGTHS_GAP},
            {GROUPS_GAP},
        ),
        (
            [of_role("A"), policy("Block", users=(), groups=("g4",), clients=("other",), grant=("block",))],
            {},
            {"groups": HIDDEN_GROUP, "role_assignments": ROLES_GAP},
            {ROLES_GAP},
        ),
        (
            [of_role("A"), mfa("Reached at times", groups=("g4",), conditions=RISK)],
            {},
            {"groups": HIDDEN_GROUP, "role_assignments": ROLES_GAP},
            {ROLES_GAP},
        ),
        (
            [of_role("A"), of_role("B", state=REPORT_ONLY, not_groups=("g4",))],
            {},
            {**ELIGIBLE, "groups": HIDDEN_GROUP, "role_assignments": ROLES_GAP},
            {ROLES_GAP, Gap("groups", "", "Member.Read.Hidden")},
        ),
    ],
)
def test_an_open_answer_names_what_is_missing_and_nothing_else(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], missing: set[Gap]
) -> None:
    verdict = verdict_of(policies, account, tenant)
    assert verdict.visibility == "unknown"
    unread = [reason for reason in verdict.reasons if "whether the option is hidden" in reason.text]
    assert {reason.permission for reason in unread} == {gap.permission for gap in missing}
    assert len(unread) == len(missing)


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "told"),
    [
        ([], {}, {}, []),
        ([of_group()], UNREAD, {}, ["group_memberships"]),
        ([of_role()], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, ["role_eligibilities"]),
        ([mfa("A"), of_group("B")], UNREAD, {}, []),
        ([], {"registration": Registration(METHODS_GAP, METHODS_GAP)}, {}, []),
    ],
)
def test_without_the_state_it_is_told_what_else_would_be_missing_if_it_were_disabled(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], told: list[str]
) -> None:
    verdict = verdict_of(policies, {"per_user_mfa": STATE_GAP, **account}, tenant)
    unread = [reason.text for reason in verdict.reasons if "whether the option is hidden" in reason.text]
    gaps = [gap for gap in verdict.missing if any(gap.permission and gap.permission in text for text in unread)]
    assert (len(unread), [gap.input for gap in gaps]) == (len(told), told)


DEMANDED = {"mfa_demands": (MfaDemand("enforcedForCspAdmins", NOW),)}


@pytest.mark.parametrize(
    ("policies", "tenant", "visibility", "told"),
    [
        ([], {}, "conditional", True),
        ([mfa(state=REPORT_ONLY)], {}, "conditional", True),
        ([mfa(users=("x",))], {}, "conditional", True),
        ([mfa()], {}, "hidden", False),
        ([mfa(conditions=RISK)], {}, "conditional", False),
        ([], {"security_defaults": True}, "hidden", False),
    ],
)
def test_a_demand_of_the_log_counts_where_nothing_is_certain_to_explain_it(
    policies: list[Json], tenant: Mapping[str, Any], visibility: str, told: bool
) -> None:
    verdict = verdict_of(policies, DEMANDED, tenant)
    assert verdict.visibility == visibility
    assert (Effect.EVIDENCE in [reason.effect for reason in verdict.reasons]) is told


@pytest.mark.parametrize(
    ("registration", "visibility", "has_option"),
    [
        (Registration(("microsoftAuthenticatorPush",)), "stuck", False),
        (Registration(()), "pending", False),
        (Registration(METHODS_GAP, METHODS_GAP), "unknown", True),
    ],
)
def test_an_enabled_account_has_the_option_even_where_nobody_can_tell_which(
    registration: Registration, visibility: str, has_option: bool
) -> None:
    verdict = verdict_of([], {"per_user_mfa": "enabled", "registration": registration}, {})
    assert (verdict.visibility, verdict.has_option) == (visibility, has_option)
    assert verdict_of([], {"per_user_mfa": None}, {}).has_option is False


def test_security_defaults_beside_a_policy_are_told_as_a_contradiction_and_only_then() -> None:
    both = verdict_of([mfa()], {}, {"security_defaults": True})
    alone = verdict_of([], {}, {"security_defaults": True})
    counts = [[reason.effect for reason in one.reasons].count(Effect.CONTRADICTORY_STATE) for one in (both, alone)]
    assert counts == [1, 0]
