"""Whether an app password would work: what an open answer names as missing, and what is told beside an answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.landscape import Landscape, Situation
from checks.model import Effect, Usability
from checks.usability import UsabilityAnswer, usability_of
from tenant.model import Gap, Group, Tenant
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    LICENCES_GAP,
    MODERN,
    NOW,
    POLICIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    Json,
    make_tenant,
    policy,
)

LEGACY = ("exchangeActiveSync", "other")
HIDDEN_GROUP = {**GROUPS, "g4": Group("g4", "Secret", hidden_membership=True)}
RISK = {"userRiskLevels": ["high"]}
UNREAD = {"groups": GROUPS_GAP}


def block(name: str = "Block", **members: Any) -> Json:
    return policy(name, **{"clients": LEGACY, "grant": ("block",), **members})


def answer(tenant: Tenant, **account: Any) -> UsabilityAnswer:
    land, asked = Landscape(tenant, NOW.date()), replace(SERVICE, **account)
    roles = land.scopes.roles_of(asked)
    return usability_of(land, Situation(asked, roles, land.scopes.reach(asked, roles)))


def without_policies(raw: list[Json], tenant: Mapping[str, Any]) -> Tenant:
    made = make_tenant(raw, **{key: value for key, value in tenant.items() if key != "policies"})
    return replace(made, policies=tenant["policies"]) if "policies" in tenant else made


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "missing"),
    [
        ([], {}, {"security_defaults": DEFAULTS_GAP}, [DEFAULTS_GAP]),
        ([], {}, {"policies": POLICIES_GAP}, [POLICIES_GAP]),
        ([], {}, {"licences": LICENCES_GAP}, [LICENCES_GAP]),
        ([], {}, {"security_defaults": DEFAULTS_GAP, "licences": LICENCES_GAP}, [DEFAULTS_GAP, LICENCES_GAP]),
        ([block(users=(), groups=("g1",))], UNREAD, {}, [GROUPS_GAP]),
        ([block(not_groups=("g1",))], UNREAD, {}, [GROUPS_GAP]),
        (
            [block(users=(), roles=(GLOBAL_ADMINISTRATOR,))],
            {},
            {"role_assignments": ROLES_GAP},
            [ROLES_GAP],
        ),
        (
            [
                block("Certain in some circumstances", conditions=RISK),
                block(users=(), groups=("g1",)),
                # What follows leaves nothing open about app passwords: neither is its group to be read.
                policy("MFA in browsers", users=(), groups=("g4",), clients=MODERN),
                block("Report-only", users=(), groups=("g4",), state=REPORT_ONLY),
            ],
            UNREAD,
            {"groups": HIDDEN_GROUP},
            [GROUPS_GAP],
        ),
        (
            [
                block(users=(), roles=(GLOBAL_ADMINISTRATOR,)),
                policy("MFA in browsers", users=(), groups=("g4",), clients=MODERN),
                block("Report-only", users=(), groups=("g4",), state=REPORT_ONLY),
                block("Reached", conditions=RISK, groups=("g4",)),
            ],
            {},
            {"groups": HIDDEN_GROUP, "role_assignments": ROLES_GAP},
            [ROLES_GAP],
        ),
    ],
)
def test_an_open_answer_names_what_is_missing_and_nothing_else(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], missing: list[Gap]
) -> None:
    found = answer(without_policies(policies, tenant), **account)
    assert found.usability is Usability.UNKNOWN
    unread = [reason for reason in found.reasons if reason.effect is Effect.UNREADABLE]
    assert [reason.permission for reason in unread] == [gap.permission for gap in missing]
    assert all("it could change whether an app password works" in reason.text for reason in unread)
    assert found.reasons[: len(unread)] == unread


@pytest.mark.parametrize(
    ("policies", "tenant", "usability", "effects"),
    [
        ([], {}, "usable", []),
        ([BLOCK_LEGACY], {}, "blocked_by_policy", ["blocks_legacy"]),
        ([block(conditions=RISK)], {}, "conditional", ["blocks_legacy"]),
        ([block("A", conditions=RISK), block("B")], {}, "blocked_by_policy", ["blocks_legacy", "blocks_legacy"]),
        ([block(state=REPORT_ONLY)], {}, "usable", ["would_block_legacy"]),
        ([block(state=REPORT_ONLY, conditions=RISK)], {}, "usable", []),
        ([block("A"), block("B", state=REPORT_ONLY)], {}, "blocked_by_policy", ["blocks_legacy", "would_block_legacy"]),
        ([block(not_users=("svc",))], {}, "usable", ["excluded"]),
        ([block(not_users=("svc",), state=REPORT_ONLY)], {}, "usable", []),
        ([policy(grant=("block",), clients=MODERN)], {}, "usable", ["blocks_interactive"]),
        ([policy(grant=("block",), clients=MODERN, state=REPORT_ONLY)], {}, "usable", []),
        ([], {"security_defaults": True}, "blocked_by_security_defaults", ["blocks_legacy"]),
        ([BLOCK_LEGACY], {"security_defaults": DEFAULTS_GAP}, "blocked_by_policy", ["blocks_legacy"]),
    ],
)
def test_an_answer_and_what_is_told_with_it(
    policies: list[Json], tenant: Mapping[str, Any], usability: str, effects: list[str]
) -> None:
    found = answer(make_tenant(policies, **tenant))
    assert (found.usability, [reason.effect for reason in found.reasons]) == (usability, effects)


@pytest.mark.parametrize(
    ("policies", "about_to"),
    [
        ([block("A", state=REPORT_ONLY), block("B", state=REPORT_ONLY)], ["A", "B"]),
        ([block("A", state=REPORT_ONLY, conditions=RISK)], []),
        ([block("A", state=REPORT_ONLY, users=("x",))], []),
        ([block("A", state=REPORT_ONLY), block("B")], []),
        ([block("A", state=REPORT_ONLY), block("B", conditions=RISK)], []),
    ],
)
def test_what_is_usable_may_be_about_to_be_blocked(policies: list[Json], about_to: list[str]) -> None:
    assert [effect.policy.display_name for effect in answer(make_tenant(policies)).would_block] == about_to


def test_security_defaults_decide_and_the_policies_follow_as_reasons() -> None:
    found = answer(make_tenant([BLOCK_LEGACY], security_defaults=True))
    assert found.usability is Usability.BLOCKED_BY_SECURITY_DEFAULTS
    assert found.reasons[0].policy_name is None
    assert "Block legacy" in [reason.policy_name for reason in found.reasons if reason.effect is Effect.BLOCKS_LEGACY]
