"""Which policies reach an account: users, nested groups, roles, exclusions; and who is never judged."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.judge import judge
from checks.model import Effect
from tenant.model import Account, Group, Registration
from tests.checks.kit import (
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS_GAP,
    NOW,
    POLICIES_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    STATE_GAP,
    SYNC_ROLE,
    Case,
    answers,
    holds,
    judge_case,
    judged,
    make_tenant,
    member_of,
    policy,
    reasons,
)

HIDDEN = ("hidden", "blocked_by_policy")
NOTHING = ("not_offered", "usable")
NOT_JUDGED = ("not_applicable", "not_checked")
GA = GLOBAL_ADMINISTRATOR
GUEST_TYPES = {
    "guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest",
    "externalTenants": {"membershipKind": "all"},
}


def scope(expected: tuple[str, str], name: str, raw: dict[str, Any], *groups: str, **tenant: Any) -> Case:
    return Case(name, *expected, (raw,), account=member_of(*groups), tenant=tenant)


def targeting(*roles: str, **members: Any) -> dict[str, Any]:
    return policy(users=(), roles=roles, **members)


USERS_AND_GROUPS = [
    scope(HIDDEN, "all users", policy()),
    scope(HIDDEN, "all in another case", policy(users=("ALL",))),
    scope(HIDDEN, "by id", policy(users=("svc",))),
    scope(HIDDEN, "by id in another case", policy(users=("SVC",))),
    scope(NOTHING, "another user", policy(users=("someone",))),
    scope(NOTHING, "nobody", policy(users=("None",))),
    scope(HIDDEN, "None beside a group", policy(users=("None",), groups=("g1",)), "g1"),
    scope(HIDDEN, "None beside an id", policy(users=("None", "svc"))),
    scope(NOTHING, "no assignment at all", policy(users=())),
    scope(
        NOTHING, "an exclusion that nobody knows includes nobody", policy(users=(), user_members={"excludeNew": ["x"]})
    ),
    scope(
        NOTHING,
        "an exclusion of guests that nobody knows includes nobody",
        policy(users=(), user_members={"excludeGuestsOrExternalUsers": {"new": "x"}}),
    ),
    scope(HIDDEN, "group", policy(users=(), groups=("g1",)), "g1"),
    scope(HIDDEN, "group in another case", policy(users=(), groups=("G1",)), "g1"),
    scope(NOTHING, "another group", policy(users=(), groups=("g2",)), "g1"),
    scope(HIDDEN, "nested group", policy(users=(), groups=("g2",)), "g1", "g2", nesting={"g2": frozenset({"g1"})}),
    scope(
        NOTHING,
        "group that no longer exists",
        policy(users=(), groups=("g9",)),
        groups={"g9": Group("g9", "", deleted=True)},
    ),
    scope(NOTHING, "guests only, by token", policy(users=("GuestsOrExternalUsers",))),
    scope(
        NOTHING, "guests only, by type", policy(users=(), user_members={"includeGuestsOrExternalUsers": GUEST_TYPES})
    ),
]

EXCLUSIONS = [
    scope(NOTHING, "all but the account", policy(not_users=("svc",))),
    scope(NOTHING, "named and excluded", policy(users=("svc",), not_users=("SVC",))),
    scope(HIDDEN, "all but someone else", policy(not_users=("someone",))),
    scope(NOTHING, "all but a group", policy(not_groups=("gx",)), "gx"),
    scope(NOTHING, "named, but in an excluded group", policy(users=("svc",), not_groups=("gx",)), "gx"),
    scope(
        NOTHING,
        "nested in an excluded group",
        policy(not_groups=("g2",)),
        "g1",
        "g2",
        nesting={"g2": frozenset({"g1"})},
    ),
    scope(
        HIDDEN,
        "excluded group that no longer exists",
        policy(not_groups=("g9",)),
        groups={"g9": Group("g9", "", deleted=True)},
    ),
    scope(NOTHING, "excluded by role", policy(not_roles=(GA,)), role_assignments=(holds(GA),)),
    scope(NOTHING, "role included and excluded", targeting(GA, not_roles=(GA,)), role_assignments=(holds(GA),)),
    scope(HIDDEN, "guests excluded", policy(user_members={"excludeGuestsOrExternalUsers": GUEST_TYPES})),
    scope(HIDDEN, "guests excluded by token", policy(not_users=("GuestsOrExternalUsers",))),
    Case("excluded from one policy, reached by another", *HIDDEN, (policy("A", not_users=("svc",)), policy("B"))),
]

ROLES = [
    scope(HIDDEN, "active role", targeting(GA), role_assignments=(holds(GA),)),
    scope(HIDDEN, "role in another case", targeting(GA.upper()), role_assignments=(holds(GA),)),
    scope(NOTHING, "another role", targeting(GA), role_assignments=(holds("r2"),)),
    scope(NOTHING, "somebody else's role", targeting(GA), role_assignments=(holds(GA, by="someone"),)),
    scope(
        NOTHING,
        "role over an administrative unit",
        targeting(GA),
        role_assignments=(holds(GA, scope="/administrativeUnits/au1"),),
    ),
    scope(NOTHING, "role over an object", targeting(GA), role_assignments=(holds(GA, scope="/app1"),)),
    scope(
        HIDDEN,
        "the same role over an administrative unit and over the tenant",
        targeting(GA),
        role_assignments=(holds(GA, scope="/administrativeUnits/au1"), holds(GA)),
    ),
    scope(NOTHING, "custom role", targeting("custom"), role_assignments=(holds("custom", built_in=False),)),
    scope(HIDDEN, "role through a group", targeting(GA), "g1", role_assignments=(holds(GA, by="g1"),)),
    scope(
        NOTHING,
        "role of a group that the account isn't in",
        targeting(GA),
        "g2",
        role_assignments=(holds(GA, by="g1"),),
    ),
    scope(("predicted", "usable"), "eligible role", targeting(GA), role_eligibilities=(holds(GA),)),
    scope(
        ("predicted", "usable"),
        "eligible through a group",
        targeting(GA),
        "g1",
        role_eligibilities=(holds(GA, by="g1"),),
    ),
    scope(
        ("predicted", "usable"),
        "eligible role and report-only",
        targeting(GA, state=REPORT_ONLY),
        role_eligibilities=(holds(GA),),
    ),
    scope(
        ("predicted", "usable"),
        "eligible role under a circumstance",
        targeting(GA, conditions={"userRiskLevels": ["high"]}),
        role_eligibilities=(holds(GA),),
    ),
    scope(
        NOTHING,
        "eligible role and a switched-off policy",
        targeting(GA, state="disabled"),
        role_eligibilities=(holds(GA),),
    ),
    scope(
        NOTHING,
        "eligible over an administrative unit",
        targeting(GA),
        role_eligibilities=(holds(GA, scope="/administrativeUnits/au1"),),
    ),
    scope(NOTHING, "eligible custom role", targeting("custom"), role_eligibilities=(holds("custom", built_in=False),)),
    scope(HIDDEN, "an eligible role doesn't exclude", policy(not_roles=(GA,)), role_eligibilities=(holds(GA),)),
    scope(
        NOTHING, "eligible, but excluded by name", targeting(GA, not_users=("svc",)), role_eligibilities=(holds(GA),)
    ),
    scope(
        NOTHING,
        "eligible for a role that the policy also excludes",
        targeting(GA, not_roles=(GA,)),
        role_eligibilities=(holds(GA),),
    ),
    scope(
        NOTHING,
        "eligible for a role that the policy also excludes, and perhaps active in it",
        targeting(GA, not_roles=(GA,)),
        role_eligibilities=(holds(GA),),
        role_assignments=ROLES_GAP,
    ),
    scope(
        NOTHING,
        "perhaps eligible for a role that the policy also excludes",
        targeting(GA, not_roles=(GA,)),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    scope(
        ("predicted", "usable"),
        "eligible for an excluded role and for one that isn't",
        targeting(GA, "r2", not_roles=(GA,)),
        role_eligibilities=(holds(GA), holds("r2")),
    ),
    scope(
        ("unknown", "usable"),
        "perhaps eligible for an excluded role or for one that isn't",
        targeting(GA, "r2", not_roles=(GA,)),
        role_eligibilities=ELIGIBILITIES_GAP,
    ),
    scope(HIDDEN, "eligible and active", targeting(GA), role_eligibilities=(holds(GA),), role_assignments=(holds(GA),)),
    Case(
        "eligible for a role that a legacy block targets",
        *NOTHING,
        (targeting(GA, clients=("other",), grant=("block",)),),
        tenant={"role_eligibilities": (holds(GA),)},
    ),
]


@pytest.mark.parametrize("case", [*USERS_AND_GROUPS, *EXCLUSIONS, *ROLES], ids=lambda case: case.name)
def test_a_scope_decides_whether_the_policy_counts(case: Case) -> None:
    assert judge_case(case) == (case.visibility, case.usability)


NESTED = {"g2": frozenset({"g1"}), "g3": frozenset({"g2"})}
CYCLE = {"g1": frozenset({"g2"}), "g2": frozenset({"g1"})}


@pytest.mark.parametrize(
    ("raw", "groups", "tenant", "expected"),
    [
        (policy(), (), {}, "all users"),
        (policy(users=("svc",)), (), {}, "named directly"),
        (policy(users=(), groups=("g1",)), ("g1",), {}, "group Backup apps"),
        (
            policy(users=(), groups=("g2",)),
            ("g1", "g2"),
            {"nesting": NESTED},
            "group Backup apps > All service accounts",
        ),
        (
            policy(users=(), groups=("g3",)),
            ("g1", "g2", "g3"),
            {"nesting": NESTED},
            "group Backup apps > All service accounts > Everything technical",
        ),
        (policy(users=(), groups=("g2",)), ("g2",), {"nesting": NESTED}, "group All service accounts"),
        (
            policy(users=(), roles=(GA,)),
            (),
            {"role_assignments": (holds(GA),), "role_names": {GA: "Global Administrator"}},
            "role Global Administrator",
        ),
        (
            policy(users=(), roles=(GA,)),
            ("g1",),
            {"role_assignments": (holds(GA, by="g1"),), "role_names": {GA: "Global Administrator"}},
            "role Global Administrator through group Backup apps",
        ),
    ],
)
def test_a_reason_says_how_the_account_came_into_the_scope(
    raw: dict[str, Any], groups: tuple[str, ...], tenant: Mapping[str, Any], expected: str
) -> None:
    account = replace(SERVICE, groups=frozenset(groups))
    (reason,) = reasons(judged(make_tenant([raw], **tenant), account), Effect.DEMANDS_MFA)
    assert reason.scope == expected


def test_a_chain_is_told_as_a_sentence() -> None:
    account = replace(SERVICE, groups=frozenset({"g1", "g2"}))
    tenant = make_tenant([policy(users=(), groups=("g2",))], nesting=NESTED)
    (reason,) = reasons(judged(tenant, account), Effect.DEMANDS_MFA)
    assert "member of Backup apps, which is nested in All service accounts" in reason.text


def test_groups_that_contain_each_other_end_the_chain() -> None:
    account = replace(SERVICE, groups=frozenset({"g1", "g2"}))
    tenant = make_tenant([policy(users=(), groups=("g2",))], nesting=CYCLE)
    (reason,) = reasons(judged(tenant, account), Effect.DEMANDS_MFA)
    assert reason.scope in ("group Backup apps > All service accounts", "group All service accounts")


@pytest.mark.parametrize(
    ("raw", "account", "tenant", "scope_"),
    [
        (policy(not_users=("svc",)), {}, {}, "named directly"),
        (policy(not_groups=("gx",)), member_of("gx"), {}, "group MFA exceptions"),
        (
            policy(not_groups=("g2",)),
            member_of("g1", "g2"),
            {"nesting": NESTED},
            "group Backup apps > All service accounts",
        ),
    ],
)
def test_an_exclusion_is_a_reason_with_its_way(
    raw: dict[str, Any], account: Mapping[str, Any], tenant: Mapping[str, Any], scope_: str
) -> None:
    (reason,) = reasons(judged(make_tenant([raw], **tenant), replace(SERVICE, **account)), Effect.EXCLUDED)
    assert (reason.policy_name, reason.scope) == ("P", scope_)


def test_a_group_that_no_longer_exists_is_worth_a_word() -> None:
    tenant = make_tenant([policy(users=(), groups=("g9",))], groups={"g9": Group("g9", "", deleted=True)})
    texts = [reason.text for reason in judged(tenant, SERVICE).verdict.reasons]
    assert any('"P"' in text and "no longer exists" in text for text in texts)


@pytest.mark.parametrize(
    "members",
    [
        {"enabled": False},
        {"user_type": "Guest"},
        {"user_type": "guest"},
        {"external_user_state": "Accepted"},
        {"external_user_state": "PendingAcceptance", "user_type": "Member"},
        {"user_principal_name": "svc_fabrikam.com#EXT#@contoso.onmicrosoft.com"},
        {"user_principal_name": "svc_fabrikam.com#ext#@contoso.onmicrosoft.com", "user_type": None},
        {"enabled": False, "per_user_mfa": "enforced"},
        {"enabled": False, "per_user_mfa": STATE_GAP},
    ],
)
@pytest.mark.parametrize(
    "tenant", [{}, {"security_defaults": True}, {"security_defaults": DEFAULTS_GAP}, {"policies": POLICIES_GAP}]
)
def test_disabled_accounts_and_guests_are_not_judged(members: Mapping[str, Any], tenant: Mapping[str, Any]) -> None:
    assert answers(make_tenant([policy()], **tenant), replace(SERVICE, **members)) == NOT_JUDGED
    assert not judged(make_tenant([policy()], **tenant), replace(SERVICE, **members)).findings


@pytest.mark.parametrize(
    "members", [{"user_type": None}, {"user_type": "Member"}, {"enabled": None}, {"external_user_state": ""}]
)
def test_members_are_judged(members: Mapping[str, Any]) -> None:
    assert answers(make_tenant([policy()]), replace(SERVICE, **members)) == HIDDEN


@pytest.mark.parametrize("state", ["disabled", "enabled", "enforced", None])
def test_an_account_that_graph_does_not_call_enabled_is_taken_for_enabled_and_says_so(state: str | None) -> None:
    def told(enabled: bool | None) -> str:
        account = replace(SERVICE, enabled=enabled, per_user_mfa=state, registration=Registration(report=()))
        return " ".join(reason.text for reason in judged(make_tenant([policy()]), account).verdict.reasons)

    assert "whether the account is enabled" in told(None)
    assert "whether the account is enabled" not in told(True)


SYNC = replace(SERVICE, user_principal_name="Sync_DC01_4f2a@contoso.onmicrosoft.com")
CLOUD_SYNC = replace(SERVICE, user_principal_name="ADToAADSyncServiceAccount@contoso.onmicrosoft.com")


@pytest.mark.parametrize(
    ("account", "tenant", "expected"),
    [
        (SERVICE, {"role_assignments": (holds(SYNC_ROLE),)}, NOT_JUDGED),
        (SYNC, {"role_assignments": (holds(SYNC_ROLE),)}, NOT_JUDGED),
        (SYNC, {"role_assignments": ()}, HIDDEN),
        (CLOUD_SYNC, {"role_assignments": ()}, HIDDEN),
        (SYNC, {"role_assignments": ROLES_GAP}, NOT_JUDGED),
        (CLOUD_SYNC, {"role_assignments": ROLES_GAP}, NOT_JUDGED),
        (
            replace(SYNC, user_principal_name="sync_dc01@CONTOSO.ONMICROSOFT.COM"),
            {"role_assignments": ROLES_GAP},
            NOT_JUDGED,
        ),
        (replace(SYNC, user_principal_name="Sync_DC01@contoso.com"), {"role_assignments": ROLES_GAP}, HIDDEN),
        (replace(SYNC, user_principal_name="synchro@contoso.onmicrosoft.com"), {"role_assignments": ROLES_GAP}, HIDDEN),
        (SERVICE, {"role_assignments": ROLES_GAP}, HIDDEN),
        (SERVICE, {"role_eligibilities": (holds(SYNC_ROLE),)}, HIDDEN),
    ],
)
def test_synchronization_accounts_are_known_by_role_and_by_name_only_without_roles(
    account: Account, tenant: Mapping[str, Any], expected: tuple[str, str]
) -> None:
    assert answers(make_tenant([policy()], **tenant), account) == expected


def test_accounts_that_are_judged_together_keep_their_own_answers() -> None:
    tenant = make_tenant(
        [policy(users=("named",), groups=("g1",), roles=(GA,))], role_assignments=(holds(GA, by="holder"),)
    )
    variants: list[tuple[dict[str, Any], str]] = [
        ({}, "not_offered"),
        (member_of("g1"), "hidden"),
        (member_of("g2"), "not_offered"),
        ({"id": "named"}, "hidden"),
        ({"id": "holder"}, "hidden"),
        ({"per_user_mfa": "enforced"}, "visible"),
        ({"per_user_mfa": "enabled", "registration": Registration(report=())}, "pending"),
        ({"per_user_mfa": "enabled", "registration": Registration(report=("mobilePhone",))}, "stuck"),
        ({"per_user_mfa": None}, "unknown"),
        ({"enabled": False}, "not_applicable"),
        ({"groups": GROUPS_GAP}, "unknown"),
    ]
    accounts = [replace(SERVICE, **members) for members, _ in variants]
    for order in (accounts, accounts[::-1]):
        found = {one.account: str(one.verdict.visibility) for one in judge(tenant, order, now=NOW)}
        assert [found[account] for account in accounts] == [expected for _, expected in variants]
