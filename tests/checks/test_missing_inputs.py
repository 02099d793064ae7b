"""Inputs that could not be read: worked out both ways, and unknown only where the two answers differ."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.model import Effect
from tenant.model import Gap, Group
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    LICENCES_GAP,
    LOCATIONS_GAP,
    MFA_MODERN,
    PLANS_GAP,
    POLICIES_GAP,
    PREVIEWS_GAP,
    PROPERTIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    Case,
    Json,
    holds,
    judge_case,
    judged,
    make_tenant,
    member_of,
    policy,
    reasons,
)

GA = GLOBAL_ADMINISTRATOR
HIDDEN = ("hidden", "blocked_by_policy")
NOTHING = ("not_offered", "usable")
OPEN = ("unknown", "unknown")
GROUP_GAP = Gap("groups", "403 Authorization_RequestDenied", "GroupMember.Read.All")
UNREAD_GROUP = {**GROUPS, "g1": Group("g1", "Backup apps", gap=GROUP_GAP)}
SECRET_GROUP = {**GROUPS, "g1": Group("g1", "Backup apps", hidden_membership=True)}
RISK = {"userRiskLevels": ["high"]}


def by_group(**members: Any) -> Json:
    return policy(users=(), groups=("g1",), **members)


def by_role(**members: Any) -> Json:
    return policy(users=(), roles=(GA,), **members)


def case(
    expected: tuple[str, str], name: str, *policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any
) -> Case:
    return Case(name, *expected, policies, account or {}, tenant)


SECURITY_DEFAULTS = [
    case(OPEN, "Security Defaults, nothing else", security_defaults=DEFAULTS_GAP),
    case(
        HIDDEN,
        "Security Defaults beside MFA for all: the block that was read stands",
        policy(),
        security_defaults=DEFAULTS_GAP,
    ),
    case(("hidden", "unknown"), "Security Defaults beside modern MFA", MFA_MODERN, security_defaults=DEFAULTS_GAP),
    case(
        ("unknown", "blocked_by_policy"),
        "Security Defaults beside a legacy block",
        BLOCK_LEGACY,
        security_defaults=DEFAULTS_GAP,
    ),
    case(OPEN, "Security Defaults beside a risk policy", policy(conditions=RISK), security_defaults=DEFAULTS_GAP),
    case(
        OPEN,
        "an enabled policy for others doesn't prove that Security Defaults are off",
        policy(users=("someone",)),
        security_defaults=DEFAULTS_GAP,
    ),
]

POLICIES = [
    case(OPEN, "policies", policies=POLICIES_GAP),
    case(
        ("hidden", "blocked_by_security_defaults"),
        "policies under Security Defaults",
        policies=POLICIES_GAP,
        security_defaults=True,
    ),
    case(OPEN, "policies and Security Defaults", policies=POLICIES_GAP, security_defaults=DEFAULTS_GAP),
    case(OPEN, "policies that use preview features", unlisted_policies=PREVIEWS_GAP),
    case(HIDDEN, "such policies beside MFA for all", policy(), unlisted_policies=PREVIEWS_GAP),
    case(OPEN, "such policies beside MFA at risk", policy(conditions=RISK), unlisted_policies=PREVIEWS_GAP),
    case(("hidden", "unknown"), "such policies beside modern MFA", MFA_MODERN, unlisted_policies=PREVIEWS_GAP),
    case(
        ("unknown", "blocked_by_policy"),
        "such policies beside a legacy block",
        BLOCK_LEGACY,
        unlisted_policies=PREVIEWS_GAP,
    ),
    case(
        ("visible", "unknown"),
        "such policies, Enforced",
        account={"per_user_mfa": "enforced"},
        unlisted_policies=PREVIEWS_GAP,
    ),
]

# A policy plan that is on is a policy that is not fully understood: it makes an answer conditional at most.
PLANS = [
    case(OPEN, "policy plans", unlisted_plans=PLANS_GAP),
    case(("conditional", "conditional"), "plans beside MFA at risk", policy(conditions=RISK), unlisted_plans=PLANS_GAP),
    case(HIDDEN, "plans beside MFA for all", policy(), unlisted_plans=PLANS_GAP),
    case(("hidden", "unknown"), "plans beside modern MFA", MFA_MODERN, unlisted_plans=PLANS_GAP),
    case(
        ("unknown", "blocked_by_policy"),
        "plans beside a legacy block",
        BLOCK_LEGACY,
        unlisted_plans=PLANS_GAP,
    ),
    case(
        ("unknown", "unknown"), "plans beside a report-only policy", policy(state=REPORT_ONLY), unlisted_plans=PLANS_GAP
    ),
    case(
        OPEN,
        "plans beside MFA at risk and policies that may be missing",
        policy(conditions=RISK),
        unlisted_plans=PLANS_GAP,
        unlisted_policies=PREVIEWS_GAP,
    ),
]

MEMBERSHIPS = [
    case(OPEN, "memberships, group policy", by_group(), account={"groups": GROUPS_GAP}),
    case(
        ("unknown", "usable"),
        "memberships, modern group policy",
        by_group(clients=("browser",)),
        account={"groups": GROUPS_GAP},
    ),
    case(
        ("not_offered", "unknown"),
        "memberships, group block",
        by_group(clients=("other",), grant=("block",)),
        account={"groups": GROUPS_GAP},
    ),
    case(OPEN, "memberships, group exclusion", policy(not_groups=("g1",)), account={"groups": GROUPS_GAP}),
    case(HIDDEN, "memberships, everybody", policy(), account={"groups": GROUPS_GAP}),
    case(
        HIDDEN,
        "memberships, but another policy proves it",
        policy("A", not_groups=("g1",)),
        policy("B"),
        account={"groups": GROUPS_GAP},
    ),
    case(NOTHING, "memberships, but excluded by name", by_group(not_users=("svc",)), account={"groups": GROUPS_GAP}),
    case(NOTHING, "memberships, group policy without mail", by_group(apps=("x",)), account={"groups": GROUPS_GAP}),
    case(NOTHING, "memberships, switched-off policy", by_group(state="disabled"), account={"groups": GROUPS_GAP}),
    case(
        NOTHING,
        "memberships, group that no longer exists",
        by_group(),
        account={"groups": GROUPS_GAP},
        groups={"g1": Group("g1", "", deleted=True)},
    ),
    case(
        ("unknown", "usable"),
        "memberships, report-only group policy",
        by_group(state=REPORT_ONLY),
        account={"groups": GROUPS_GAP},
    ),
    case(
        OPEN,
        "memberships, role held by others",
        by_role(),
        account={"groups": GROUPS_GAP},
        role_assignments=(holds(GA, by="g1"),),
    ),
    case(
        NOTHING,
        "memberships, role held by another user",
        by_role(),
        account={"groups": GROUPS_GAP},
        role_assignments=(holds(GA, by="admin"),),
        role_eligibilities=(holds(GA, by="admin"),),
        role_holding_users=frozenset({"admin"}),
    ),
    case(NOTHING, "memberships, nobody holds the role", by_role(), account={"groups": GROUPS_GAP}),
    case(
        NOTHING,
        "memberships, others hold another role",
        by_role(),
        account={"groups": GROUPS_GAP},
        role_assignments=(holds("r2", by="g1"),),
    ),
    case(
        HIDDEN,
        "memberships, role of its own",
        by_role(),
        account={"groups": GROUPS_GAP},
        role_assignments=(holds(GA), holds(GA, by="g1")),
    ),
    case(
        ("unknown", "usable"),
        "memberships, eligible role of others",
        by_role(),
        account={"groups": GROUPS_GAP},
        role_eligibilities=(holds(GA, by="g1"),),
    ),
    case(
        ("conditional", "unknown"),
        "memberships, one answer stands",
        policy("A", clients=("browser",), conditions=RISK),
        by_group(name="B", clients=("other",), grant=("block",)),
        account={"groups": GROUPS_GAP},
    ),
]

BOTH_WAYS = [
    case(
        HIDDEN,
        "memberships, one policy for the group and one for everybody else",
        by_group(name="A"),
        policy("B", not_groups=("g1",)),
        account={"groups": GROUPS_GAP},
    ),
    case(
        HIDDEN,
        "a group, one policy for it and one for everybody else",
        by_group(name="A"),
        policy("B", not_groups=("g1",)),
        groups=UNREAD_GROUP,
    ),
    case(
        HIDDEN,
        "roles, one policy for the role and one for everybody else",
        by_role(name="A"),
        policy("B", not_roles=(GA,)),
        role_assignments=ROLES_GAP,
    ),
    case(
        ("unknown", "blocked_by_policy"),
        "memberships, MFA for everybody else only",
        by_group(name="A", grant=("block",)),
        policy("B", not_groups=("g1",)),
        account={"groups": GROUPS_GAP},
    ),
    case(
        ("unknown", "unknown"),
        "memberships, only in some circumstances for the group",
        by_group(name="A", conditions=RISK),
        policy("B", not_groups=("g1",)),
        account={"groups": GROUPS_GAP},
    ),
    case(
        ("predicted", "usable"),
        "memberships, both in report-only mode",
        by_group(name="A", state=REPORT_ONLY),
        policy("B", not_groups=("g1",), state=REPORT_ONLY),
        account={"groups": GROUPS_GAP},
    ),
    case(
        NOTHING,
        "memberships, included and excluded through the same group",
        by_group(not_groups=("g1",)),
        account={"groups": GROUPS_GAP},
    ),
    case(
        OPEN,
        "memberships, one policy for a group and one for everybody but another",
        by_group(name="A"),
        policy("B", not_groups=("g2",)),
        account={"groups": GROUPS_GAP},
    ),
]

GROUP = [
    case(OPEN, "a group that a policy names", by_group(), groups=UNREAD_GROUP),
    case(OPEN, "a group that a policy excludes", policy(not_groups=("g1",)), groups=UNREAD_GROUP),
    case(HIDDEN, "a group that the account lists", by_group(), account=member_of("g1"), groups=UNREAD_GROUP),
    case(
        NOTHING,
        "an excluded group that the account lists",
        policy(not_groups=("g1",)),
        account=member_of("g1"),
        groups=UNREAD_GROUP,
    ),
    case(NOTHING, "a group that no policy names", policy(users=(), groups=("g2",)), groups=UNREAD_GROUP),
    case(OPEN, "a group with hidden members", by_group(), groups=SECRET_GROUP),
    case(
        OPEN,
        "a group with hidden members that holds a role",
        by_role(),
        groups=SECRET_GROUP,
        role_assignments=(holds(GA, by="g1"),),
    ),
    case(
        NOTHING,
        "a group with hidden members that holds another role",
        by_role(),
        groups=SECRET_GROUP,
        role_assignments=(holds("r2", by="g1"),),
    ),
    case(HIDDEN, "everybody, beside an unread group", policy(groups=("g1",)), groups=UNREAD_GROUP),
]

ROLES = [
    case(OPEN, "roles, role policy", by_role(), role_assignments=ROLES_GAP),
    case(OPEN, "roles, role exclusion", policy(not_roles=(GA,)), role_assignments=ROLES_GAP),
    case(HIDDEN, "roles, no policy names one", policy(), role_assignments=ROLES_GAP),
    case(NOTHING, "roles, no policy", role_assignments=ROLES_GAP),
    case(NOTHING, "roles, role policy without mail", by_role(apps=("x",)), role_assignments=ROLES_GAP),
    case(NOTHING, "roles, but excluded by name", by_role(not_users=("svc",)), role_assignments=ROLES_GAP),
    case(("unknown", "usable"), "roles, report-only", by_role(state=REPORT_ONLY), role_assignments=ROLES_GAP),
    case(OPEN, "definition of an active role", by_role(), role_assignments=(holds(GA, built_in=None),)),
    case(
        OPEN,
        "definition of a role that excludes",
        policy(not_roles=(GA,)),
        role_assignments=(holds(GA, built_in=None),),
    ),
    case(
        NOTHING, "definition of a role that no policy names", by_role(), role_assignments=(holds("r2", built_in=None),)
    ),
]

ELIGIBLE = [
    case(("unknown", "usable"), "eligibilities, role policy", by_role(), role_eligibilities=ELIGIBILITIES_GAP),
    case(
        ("unknown", "usable"),
        "eligibilities, report-only",
        by_role(state=REPORT_ONLY),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    case(HIDDEN, "eligibilities, role exclusion", policy(not_roles=(GA,)), role_eligibilities=ELIGIBILITIES_GAP),
    case(
        HIDDEN,
        "eligibilities, already active",
        by_role(),
        role_assignments=(holds(GA),),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    case(HIDDEN, "eligibilities, everybody", policy("A"), by_role(name="B"), role_eligibilities=ELIGIBILITIES_GAP),
    case(NOTHING, "eligibilities, no role policy", policy(users=("someone",)), role_eligibilities=ELIGIBILITIES_GAP),
    case(
        NOTHING,
        "eligibilities, legacy block by role",
        by_role(clients=("other",), grant=("block",)),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    case(
        ("predicted", "usable"),
        "eligibilities, but a report-only policy for all",
        policy("A", state=REPORT_ONLY),
        by_role(name="B"),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    case(
        ("unknown", "usable"),
        "definition of an eligible role",
        by_role(),
        role_eligibilities=(holds(GA, built_in=None),),
    ),
]

HARMLESS = [
    case(
        ("hidden", "conditional"),
        "named locations",
        policy(conditions={"locations": {"includeLocations": ["All"], "excludeLocations": ["x"]}}),
        named_locations=LOCATIONS_GAP,
    ),
    case(HIDDEN, "strengths that no policy needs", policy(), strengths=Gap("authentication_strengths", "403")),
]

CASES = [*SECURITY_DEFAULTS, *POLICIES, *PLANS, *MEMBERSHIPS, *BOTH_WAYS, *GROUP, *ROLES, *ELIGIBLE, *HARMLESS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_missing_input_leaves_open_only_what_it_could_change(case: Case) -> None:
    assert judge_case(case) == (case.visibility, case.usability)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "unknown" in (case.visibility, case.usability)], ids=lambda case: case.name
)
def test_an_open_answer_is_a_finding_that_names_an_input(case: Case) -> None:
    judgement = judged(case.the_tenant, case.the_account)
    assert "APW-008" in {finding.check_id for finding in judgement.findings}
    assert reasons(judgement, Effect.UNREADABLE)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "unknown" not in (case.visibility, case.usability)], ids=lambda case: case.name
)
def test_a_closed_answer_names_nothing_as_missing(case: Case) -> None:
    judgement = judged(case.the_tenant, case.the_account)
    assert not reasons(judgement, Effect.UNREADABLE)
    assert "APW-008" not in {finding.check_id for finding in judgement.findings}


@pytest.mark.parametrize(
    ("policies", "account", "tenant", "permissions"),
    [
        (
            [],
            {},
            {"security_defaults": DEFAULTS_GAP, "policies": POLICIES_GAP},
            {DEFAULTS_GAP.permission, POLICIES_GAP.permission},
        ),
        (
            [],
            {},
            {"policies": POLICIES_GAP, "licences": LICENCES_GAP},
            {POLICIES_GAP.permission, LICENCES_GAP.permission},
        ),
        ([], {"per_user_mfa": STATE_GAP}, {"security_defaults": DEFAULTS_GAP}, {"Policy.Read.All"}),
        ([], {"per_user_mfa": STATE_GAP}, {"policies": POLICIES_GAP}, {"Policy.Read.All", POLICIES_GAP.permission}),
        ([], {"properties": PROPERTIES_GAP}, {}, {"User.Read.All"}),
        ([by_group()], {"groups": GROUPS_GAP}, {}, {"GroupMember.Read.All"}),
        ([by_group()], {}, {"groups": SECRET_GROUP}, {"Member.Read.Hidden"}),
        (
            [by_group(name="A"), by_role(name="B")],
            {"groups": GROUPS_GAP},
            {"role_assignments": ROLES_GAP},
            {"GroupMember.Read.All", ROLES_GAP.permission},
        ),
        ([by_role()], {}, {"role_eligibilities": ELIGIBILITIES_GAP}, {ELIGIBILITIES_GAP.permission}),
    ],
)
def test_an_open_answer_names_every_missing_input_and_its_permission(
    policies: list[Json], account: Mapping[str, Any], tenant: Mapping[str, Any], permissions: set[str]
) -> None:
    if "policies" in tenant:
        policies = []
    judgement = judged(make_tenant(policies, **tenant), replace(SERVICE, **account))
    unread = reasons(judgement, Effect.UNREADABLE)
    assert {reason.permission for reason in unread} == permissions
    assert all(reason.permission and reason.permission in reason.text for reason in unread)


@pytest.mark.parametrize(
    ("raw", "tenant"),
    [
        (by_role(not_groups=("g1",)), {"groups": UNREAD_GROUP, "role_eligibilities": (holds(GA),)}),
        (by_role(groups=("g1",)), {"groups": UNREAD_GROUP, "role_eligibilities": (holds(GA, by="g1"),)}),
    ],
    ids=["that excludes from an eligible role's policy", "that holds an eligible role"],
)
def test_an_unread_group_is_named(raw: Json, tenant: Mapping[str, Any]) -> None:
    unread = reasons(judged(make_tenant([raw], **tenant), SERVICE), Effect.UNREADABLE)
    assert {reason.permission for reason in unread} == {"GroupMember.Read.All"}


def test_where_one_of_several_policies_decides_none_is_said_to_reach_the_account_for_certain() -> None:
    tenant = make_tenant([by_group(name="A"), policy("B", not_groups=("g1",))])
    judgement = judged(tenant, replace(SERVICE, groups=GROUPS_GAP))
    assert [finding.check_id for finding in judgement.findings] == ["APW-001"]
    for effect in (Effect.DEMANDS_MFA, Effect.BLOCKS_LEGACY):
        found = reasons(judgement, effect)
        assert [reason.policy_name for reason in found] == ["A", "B"]
        assert all("could not be read" in (reason.scope or "") for reason in found)


def test_what_is_unreadable_stands_first_where_it_decides() -> None:
    judgement = judged(make_tenant([BLOCK_LEGACY], security_defaults=DEFAULTS_GAP), SERVICE)
    assert judgement.verdict.reasons[0].effect is Effect.UNREADABLE


def test_every_group_that_hides_its_members_is_named() -> None:
    hidden = {"g1": Group("g1", "First", hidden_membership=True), "g2": Group("g2", "Second", hidden_membership=True)}
    policies = [by_group(name="A"), policy("B", users=(), groups=("g2",))]
    texts = " ".join(
        reason.text for reason in reasons(judged(make_tenant(policies, groups=hidden), SERVICE), Effect.UNREADABLE)
    )
    assert '"First"' in texts
    assert '"Second"' in texts
