"""Every unknown leaves a gap in the run, and names every input that is missing."""

from dataclasses import replace
from typing import Any

import pytest

from checks.missing import with_missing
from tenant.model import Account, Gap, Group, Registration, RoleAssignment, Tenant
from tests.checks.kit import (
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    METHODS_GAP,
    PLANS_GAP,
    POLICIES_GAP,
    PROPERTIES_GAP,
    REGISTRATION_GAP,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    judged,
    make_tenant,
    policy,
)

UNREAD_METHODS = Registration(REGISTRATION_GAP, METHODS_GAP)
BY_GROUP = policy(users=(), groups=("g1",))
BY_ROLE = policy(users=(), roles=(GLOBAL_ADMINISTRATOR,))
HIDING_GROUP = {**GROUPS, "g1": Group("g1", "Backup apps", hidden_membership=True)}
UNDEFINED = (RoleAssignment("svc", GLOBAL_ADMINISTRATOR, "", built_in=None),)
UNLISTED = Gap("conditional_access_preview_policies", "404")
DEFINITIONS = Gap("role_definitions", "500")


def named(tenant: Tenant, account: Account) -> list[str]:
    return sorted(gap.input for gap in judged(tenant, account).verdict.missing)


ONE_INPUT: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("an unknown state", {}, {"per_user_mfa": "suspended"}, ["per_user_mfa"]),
    ("no state", {}, {"per_user_mfa": None}, ["per_user_mfa"]),
    (
        "an unknown method alone",
        {},
        {"per_user_mfa": "enabled", "registration": Registration((), ("#x.newMethod",))},
        ["mfa_registration"],
    ),
    ("enabled, never asked", {}, {"per_user_mfa": "enabled"}, ["mfa_registration"]),
    ("a role without a definition", {"policies": (BY_ROLE,), "role_assignments": UNDEFINED}, {}, ["role_definitions"]),
    ("a group that hides its members", {"policies": (BY_GROUP,), "groups": HIDING_GROUP}, {}, ["groups"]),
    ("policies that may be missing", {"unlisted_policies": UNLISTED}, {}, ["conditional_access_preview_policies"]),
    ("the account itself", {}, {"properties": PROPERTIES_GAP}, ["account_properties"]),
]
SEVERAL: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "state and memberships",
        {"policies": (BY_GROUP,)},
        {"per_user_mfa": STATE_GAP, "groups": GROUPS_GAP},
        ["group_memberships", "per_user_mfa"],
    ),
    (
        "state and registration",
        {},
        {"per_user_mfa": STATE_GAP, "registration": UNREAD_METHODS},
        ["mfa_registration", "per_user_mfa"],
    ),
    (
        "state and Security Defaults",
        {"security_defaults": DEFAULTS_GAP},
        {"per_user_mfa": STATE_GAP},
        ["per_user_mfa", "security_defaults"],
    ),
    (
        "state, and a policy that hides whatever it is",
        {"policies": (policy(),)},
        {"per_user_mfa": STATE_GAP, "groups": GROUPS_GAP},
        ["per_user_mfa"],
    ),
    (
        "policies that may be missing and policy plans",
        {"unlisted_policies": UNLISTED, "unlisted_plans": PLANS_GAP},
        {},
        ["conditional_access_preview_policies", "policy_plans"],
    ),
    (
        "policy plans, which depend on no group and no role, and memberships",
        {"unlisted_plans": PLANS_GAP},
        {"groups": GROUPS_GAP},
        ["policy_plans"],
    ),
    (
        "state, and one source of the registration beside another that decides",
        {},
        {"per_user_mfa": STATE_GAP, "registration": Registration(("mobilePhone",), METHODS_GAP)},
        ["per_user_mfa"],
    ),
    (
        "roles and memberships",
        {"policies": (BY_ROLE,), "role_assignments": ROLES_GAP},
        {"groups": GROUPS_GAP},
        ["group_memberships", "role_assignments"],
    ),
    (
        "roles and their definitions",
        {"policies": (BY_ROLE,), "role_assignments": ROLES_GAP, "role_definitions": DEFINITIONS},
        {},
        ["role_assignments", "role_definitions"],
    ),
    (
        "eligible roles and memberships",
        {
            "policies": (BY_ROLE,),
            "role_eligibilities": ELIGIBILITIES_GAP,
        },
        {"groups": GROUPS_GAP},
        ["group_memberships", "role_eligibilities"],
    ),
    (
        "policies, and whom they may name",
        {"unreadable": POLICIES_GAP, "role_assignments": ROLES_GAP},
        {"groups": GROUPS_GAP},
        ["conditional_access_policies", "group_memberships", "role_assignments"],
    ),
    (
        "some policies, and whom they may name",
        {"unlisted_policies": UNLISTED, "role_eligibilities": ELIGIBILITIES_GAP},
        {},
        ["conditional_access_preview_policies", "role_eligibilities"],
    ),
]


@pytest.mark.parametrize(
    ("tenant", "account", "inputs"),
    [case[1:] for case in (*ONE_INPUT, *SEVERAL)],
    ids=[case[0] for case in (*ONE_INPUT, *SEVERAL)],
)
def test_an_unknown_names_every_input_that_is_missing(
    tenant: dict[str, Any], account: dict[str, Any], inputs: list[str]
) -> None:
    members = dict(tenant)
    built = make_tenant(members.pop("policies", ()), **{k: v for k, v in members.items() if k != "unreadable"})
    if "unreadable" in members:
        built = replace(built, policies=members["unreadable"])
    one = judged(built, replace(SERVICE, **account))
    assert "unknown" in (one.verdict.visibility.value, one.verdict.usability.value)
    assert sorted({gap.input for gap in one.verdict.missing}) == inputs
    assert len([reason for reason in one.verdict.reasons if reason.effect.value == "unreadable"]) >= len(inputs)
    assert {gap.input for gap in with_missing((), [one])} == set(inputs)


def test_nothing_is_named_where_nothing_is_unknown() -> None:
    tenant = make_tenant((policy(),), role_assignments=ROLES_GAP, strengths=Gap("authentication_strengths", "403"))
    assert named(tenant, replace(SERVICE, groups=GROUPS_GAP)) == []


def test_what_is_told_already_is_not_told_again() -> None:
    told = Gap("per_user_mfa", "403", "Policy.Read.All", tenant_wide=False)
    one = judged(make_tenant(), replace(SERVICE, per_user_mfa="suspended"))
    assert with_missing((told,), [one]) == (told,)
    assert len(with_missing((replace(told, optional=True),), [one])) == 2


def test_what_several_accounts_miss_is_told_once() -> None:
    odd = [
        judged(make_tenant(), replace(SERVICE, id=id, user_principal_name=id, per_user_mfa="suspended"))
        for id in ("one", "two")
    ]
    (gap,) = with_missing((), odd)
    assert gap == Gap("per_user_mfa", 'the unknown per-user MFA state "suspended" (for 2 accounts)', tenant_wide=False)
    (alone,) = with_missing((), odd[:1])
    assert alone.account_id == "one"


def test_an_input_of_the_tenant_is_told_without_an_account() -> None:
    tenant = make_tenant((BY_GROUP,), groups=HIDING_GROUP)
    (gap,) = with_missing((), [judged(tenant, SERVICE), judged(tenant, replace(SERVICE, id="two"))])
    assert (gap.input, gap.permission, gap.account_id) == ("groups", "Member.Read.Hidden", None)
