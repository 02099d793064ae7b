"""Which checks are decided where something is unread: what was seen, what is passed, and what stays open."""

from dataclasses import replace
from typing import Any

import pytest

from checks.decided import undecided
from tenant.model import Registration, RoleAssignment
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    METHODS_GAP,
    MFA_MODERN,
    POLICIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
)

OF_GROUP = policy(users=(), groups=("g1",), clients=("browser",))
WOULD_HIDE = policy(state=REPORT_ONLY, clients=("browser",))
UNNAMED = RoleAssignment("svc", GLOBAL_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, None, "/")


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "seen", "open_"),
    [
        ({}, [MFA_MODERN], {}, {"APW-001"}, set()),
        ({}, [], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-002"}),
        ({}, [MFA_MODERN], {"security_defaults": DEFAULTS_GAP}, {"APW-001", "APW-008"}, {"APW-002"}),
        ({}, [WOULD_HIDE], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-002", "APW-006"}),
        ({}, [], {"policies": POLICIES_GAP}, {"APW-008"}, {"APW-001", "APW-005", "APW-006", "APW-013"}),
        ({}, [], {"policies": POLICIES_GAP, "security_defaults": True}, {"APW-002"}, set()),
        ({"per_user_mfa": "enforced"}, [], {"security_defaults": DEFAULTS_GAP}, {"APW-008"}, {"APW-007"}),
        ({"per_user_mfa": "enforced"}, [BLOCK_LEGACY], {"security_defaults": DEFAULTS_GAP}, {"APW-007"}, set()),
        (
            {"per_user_mfa": STATE_GAP},
            [],
            {},
            {"APW-008"},
            {"APW-003", "APW-004", "APW-009"},
        ),
        (
            {"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)},
            [],
            {},
            {"APW-008"},
            {"APW-003", "APW-004"},
        ),
        (
            {"per_user_mfa": "enabled", "registration": Registration(METHODS_GAP, METHODS_GAP)},
            [BLOCK_LEGACY],
            {},
            {"APW-007", "APW-008"},
            {"APW-003", "APW-004"},
        ),
        ({}, [], {"role_assignments": ROLES_GAP}, set(), {"APW-011"}),
        (
            {"groups": GROUPS_GAP},
            [OF_GROUP],
            {"groups": GROUPS, "role_assignments": (holds(GLOBAL_ADMINISTRATOR, by="g2"),)},
            {"APW-008"},
            {"APW-001", "APW-011"},
        ),
    ],
)
def test_a_check_is_decided_by_what_decides_it(
    account: dict[str, Any], policies: list[Json], tenant: dict[str, Any], seen: set[str], open_: set[str]
) -> None:
    found = judged(make_tenant(policies, **tenant), replace(SERVICE, **account), app_passwords_allowed="yes")
    assert {one.check_id for one in found.findings} == seen
    assert undecided(found, log_read=True, on_evidence=False) == open_


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "inexact"),
    [
        ({}, [MFA_MODERN], {}, set()),
        ({}, [MFA_MODERN], {"security_defaults": DEFAULTS_GAP}, {"APW-001"}),
        ({}, [], {"policies": POLICIES_GAP, "security_defaults": True}, {"APW-002"}),
        ({"groups": GROUPS_GAP}, [MFA_MODERN, {**OF_GROUP, "id": "other"}], {"groups": GROUPS}, {"APW-001"}),
        ({}, [MFA_MODERN], {"role_assignments": (UNNAMED,)}, {"APW-011"}),
    ],
)
def test_causes_are_exact_where_nothing_could_add_one(
    account: dict[str, Any], policies: list[Json], tenant: dict[str, Any], inexact: set[str]
) -> None:
    assert judged(make_tenant(policies, **tenant), replace(SERVICE, **account)).verdict.inexact == inexact


def test_which_input_is_missing_is_no_news_of_the_account() -> None:
    one = judged(make_tenant(security_defaults=DEFAULTS_GAP), SERVICE).findings
    other = judged(make_tenant(policies=POLICIES_GAP), SERVICE).findings
    assert [finding.fingerprint for finding in one] == [finding.fingerprint for finding in other]
