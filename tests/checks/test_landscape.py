"""The policies of a tenant, sorted, and what is told of them beside any verdict."""

from dataclasses import replace
from typing import Any

import pytest

from checks.landscape import Landscape, Situation, Wordless
from checks.model import Effect, Reason, Severity, Usability, Verdict, Visibility
from tenant.model import Account, Gap, Group
from tests.checks.kit import (
    DEFAULTS_GAP,
    GLOBAL_ADMINISTRATOR,
    LICENCES_GAP,
    NOW,
    POLICIES_GAP,
    REPORT_ONLY,
    SERVICE,
    Json,
    holds,
    make_tenant,
    policy,
)


def situation_in(land: Landscape, account: Account = SERVICE) -> Situation:
    roles = land.scopes.roles_of(account)
    return Situation(account, roles, land.scopes.reach(account, roles))


def test_policies_stand_by_name_whatever_its_case_and_then_by_id() -> None:
    raw = [policy("b"), policy("C"), {**policy("A"), "id": "2"}, {**policy("A"), "id": "1"}, policy("s", grant=None)]
    land = Landscape(make_tenant(raw), NOW.date())
    assert [effect.policy.id for effect in land.effects] == ["1", "2", "b", "c"]
    assert [effect.policy.id for effect in land.those(0b1101)] == ["1", "b", "c"]
    assert list(land.those(0)) == []


@pytest.mark.parametrize(
    ("security_defaults", "state", "contradictory"),
    [
        (True, "enabled", True),
        (True, "disabled", False),
        (True, REPORT_ONLY, False),
        (True, "aNewState", False),
        (False, "enabled", False),
        (None, "enabled", False),
        (DEFAULTS_GAP, "enabled", False),
    ],
)
def test_security_defaults_beside_an_enabled_policy_contradict_it(
    security_defaults: Any, state: str, contradictory: bool
) -> None:
    tenant = make_tenant([policy(state=state)], security_defaults=security_defaults)
    assert bool(Landscape(tenant, NOW.date()).contradiction) is contradictory
    assert isinstance(tenant.policies, tuple)
    deleted = replace(tenant, policies=tuple(replace(one, deleted=True) for one in tenant.policies))
    assert Landscape(deleted, NOW.date()).contradiction == []


@pytest.mark.parametrize(
    ("state", "deleted", "told"),
    [("enabled", True, 1), ("enabled", False, 0), (REPORT_ONLY, True, 0)],
)
def test_a_group_that_no_longer_exists_is_told_of_what_is_in_force(state: str, deleted: bool, told: int) -> None:
    raw = policy(users=(), groups=("g9",), state=state)
    land = Landscape(make_tenant([raw], groups={"g9": Group("g9", "", deleted=deleted)}), NOW.date())
    assert len(land.reaching_nobody) == told


@pytest.mark.parametrize(
    ("tenant", "gaps"),
    [
        ({}, []),
        ({"security_defaults": DEFAULTS_GAP, "licences": LICENCES_GAP}, [DEFAULTS_GAP, LICENCES_GAP]),
        ({"licences": LICENCES_GAP}, [LICENCES_GAP]),
    ],
)
def test_what_is_missing_for_everybody(tenant: dict[str, Any], gaps: list[Gap]) -> None:
    assert Landscape(make_tenant(**tenant), NOW.date()).tenant_gaps() == gaps
    assert Landscape(replace(make_tenant(**tenant), policies=POLICIES_GAP), NOW.date()).tenant_gaps() == [
        *(gap for gap in gaps if gap is DEFAULTS_GAP),
        POLICIES_GAP,
        *(gap for gap in gaps if gap is LICENCES_GAP),
    ]


def test_unconditional_policies_are_told_first_and_each_part_by_name() -> None:
    risk = {"userRiskLevels": ["high"]}
    raw: list[Json] = [policy("A", conditions=risk), policy("B"), policy("C", conditions=risk), policy("D")]
    land = Landscape(make_tenant(raw), NOW.date())
    told = land.worded(Effect.DEMANDS_MFA, 0b1111, land.masks.mfa_least_always, situation_in(land))
    assert [reason.policy_name for reason in told] == ["B", "D", "A", "C"]


def test_what_reaches_the_account_for_certain_is_told_alike_whatever_role_it_is_eligible_for() -> None:
    raw = policy(groups=("g1",), users=(), roles=(GLOBAL_ADMINISTRATOR,))
    member = replace(SERVICE, groups=frozenset({"g1"}))
    told = []
    for eligibilities in ((), (holds(GLOBAL_ADMINISTRATOR),)):
        land = Landscape(make_tenant([raw], role_eligibilities=eligibilities), NOW.date())
        told.append(land.worded(Effect.DEMANDS_MFA, 1, 1, situation_in(land, member)))
    assert told[0] == told[1]
    assert told[0][0].scope == "group Backup apps"


def test_app_passwords_are_not_switched_off_unless_somebody_says_so() -> None:
    assert Landscape(make_tenant(), NOW.date()).switched_off is False
    assert Landscape(make_tenant(), NOW.date(), switched_off=True).switched_off is True


def test_whoever_wants_no_words_gets_none() -> None:
    land = Wordless(make_tenant([policy(not_users=("svc",)), policy("B")]), NOW.date())
    assert land.worded(Effect.DEMANDS_MFA, 0b11, 0b11, situation_in(land)) == []
    assert land.excluding(situation_in(land)) == []


def test_severities_are_ranked_from_one_to_three() -> None:
    assert [one.rank for one in (Severity.LOW, Severity.MEDIUM, Severity.HIGH)] == [1, 2, 3]


def test_a_verdict_says_no_more_than_it_was_told() -> None:
    verdict = Verdict(Visibility.UNKNOWN, Usability.UNKNOWN, ())
    said = (verdict.predicted_by_microsoft, verdict.would_be_blocked, verdict.would_be_blocked_by_microsoft)
    assert (*said, verdict.has_option, Reason("x", Effect.EVIDENCE).since_is_policy_date) == (False,) * 5
