"""MFA demands in the sign-in log that no readable policy explains."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.judge import judge
from checks.model import Effect
from checks.simulate import with_account_excluded, with_policy_enabled
from tenant.model import Account, AuditEvent, AuditTrail, Gap, Group, MfaDemand, Policy, RoleAssignment, Tenant
from tenant.policies import parse_policy
from tests.checks import test_properties as generated
from tests.checks.kit import (
    DEFAULTS_GAP,
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    NOW,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    SHAREPOINT,
    STRENGTHS_GAP,
    Json,
    answers,
    holds,
    judged,
    make_tenant,
    policy,
    reasons,
    shifts,
)

UNEXPLAINED = ("conditional", "usable")
NOTHING = ("not_offered", "usable")


def asked(provider: str = "multiConditionalAccess", *, days_ago: float = 1) -> Account:
    """The account, of which MFA was demanded."""
    return replace(SERVICE, mfa_demands=(MfaDemand(provider, NOW - timedelta(days=days_ago)),))


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("multiConditionalAccess", UNEXPLAINED),
        ("v1ConditionalAccess", UNEXPLAINED),
        ("MULTICONDITIONALACCESS", UNEXPLAINED),
        ("riskBasedPolicy", UNEXPLAINED),
        ("authenticationStrengths", UNEXPLAINED),
        ("unknownFutureValue", UNEXPLAINED),  # as it was kept while Graph wasn't asked for newer members
        ("mfaRegistrationRequiredByIdentityProtectionPolicy", UNEXPLAINED),
        ("enforcedForCspAdmins", UNEXPLAINED),
        ("user", NOTHING),
    ],
)
def test_which_providers_count(provider: str, expected: tuple[str, str]) -> None:
    assert answers(make_tenant(), asked(provider)) == expected


@pytest.mark.parametrize(
    ("days", "expected"), [(0, UNEXPLAINED), (29.9, UNEXPLAINED), (30, UNEXPLAINED), (30.1, NOTHING), (400, NOTHING)]
)
def test_evidence_is_no_older_than_30_days(days: float, expected: tuple[str, str]) -> None:
    assert answers(make_tenant(), asked(days_ago=days)) == expected


def test_evidence_is_a_reason_with_its_time() -> None:
    (reason,) = reasons(judged(make_tenant(), asked()), Effect.EVIDENCE)
    assert reason.since == NOW - timedelta(days=1)


def changed(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (policy(users=("svc",), apps=(SHAREPOINT,)), NOTHING),
        (policy(users=("someone",)), UNEXPLAINED),
        (policy(users=("someone",), modifiedDateTime=changed(5)), UNEXPLAINED),
        (policy(grant=("block",), apps=(SHAREPOINT,)), UNEXPLAINED),
        (policy(grant=None, modifiedDateTime=changed(0.5)), UNEXPLAINED),
        (policy(users=("someone",), modifiedDateTime=changed(0.5)), NOTHING),
        (policy(users=("someone",), modifiedDateTime=changed(1)), NOTHING),
        (policy(state="disabled", modifiedDateTime=changed(0.5)), NOTHING),
        (policy(state="disabled", modifiedDateTime=changed(5)), UNEXPLAINED),
        (policy(users=("someone",), grant=("block",), apps=(SHAREPOINT,), modifiedDateTime=changed(0.5)), UNEXPLAINED),
    ],
)
def test_a_policy_that_reaches_or_was_changed_since_explains_the_demand(raw: Json, expected: tuple[str, str]) -> None:
    assert answers(make_tenant([raw]), asked()) == expected


@pytest.mark.parametrize("other", [policy("A", users=("someone",)), policy("A", grant=("block",), apps=(SHAREPOINT,))])
def test_one_policy_of_several_explains_the_demand(other: Json) -> None:
    explaining = policy("B", apps=(SHAREPOINT,))
    for raw in ([other, explaining], [explaining, other], [other, other, explaining]):
        assert answers(make_tenant(raw), asked()) == NOTHING


def test_a_state_that_is_new_to_this_version_may_be_in_force() -> None:
    for state in ("aNewState", "zNewState"):
        assert answers(make_tenant([policy(state=state, apps=(SHAREPOINT,))]), asked()) == NOTHING


def test_the_newest_demand_that_nothing_explains_is_told() -> None:
    times = (3, 1, 2)
    account = replace(SERVICE, mfa_demands=tuple(one for days in times for one in asked(days_ago=days).mfa_demands))
    (reason,) = reasons(judged(make_tenant(), account), Effect.EVIDENCE)
    assert reason.since == NOW - timedelta(days=1)


def test_only_what_may_explain_the_demand_is_named_as_missing() -> None:
    of_a, of_b = (Gap("groups", text, "GroupMember.Read.All") for text in ("403", "500"))
    groups = {"ga": Group("ga", "A", gap=of_a), "gb": Group("gb", "B", gap=of_b)}
    raw = [
        policy("A", users=("someone",), not_groups=("ga",), apps=(SHAREPOINT,)),
        policy("B", users=(), groups=("gb",), apps=(SHAREPOINT,)),
    ]
    for order in (raw, raw[::-1]):
        assert judged(make_tenant(order, groups=groups), asked()).verdict.missing == (of_b,)


def test_evidence_adds_nothing_to_what_policies_say() -> None:
    hidden = judged(make_tenant([policy()]), asked("mfaRegistrationRequiredByIdentityProtectionPolicy"))
    assert hidden.verdict.visibility == "hidden"
    predicted = judged(
        make_tenant([policy(state=REPORT_ONLY)]), asked("mfaRegistrationRequiredByIdentityProtectionPolicy")
    )
    assert (predicted.verdict.visibility, predicted.verdict.predicted) == ("conditional", "hidden")


@pytest.mark.parametrize("state", ["enforced", "unknownFutureValue"])
def test_evidence_counts_only_where_per_user_mfa_is_disabled(state: str) -> None:
    without = answers(make_tenant(), replace(SERVICE, per_user_mfa=state))
    assert answers(make_tenant(), replace(asked(), per_user_mfa=state)) == without


def test_without_the_groups_a_later_move_of_another_group_may_be_what_excluded_the_account() -> None:
    held = RoleAssignment("svc", "r2", "Role r2", built_in=True, scope="/")
    excluding = policy(users=(), roles=(GLOBAL_ADMINISTRATOR, "r2"), not_roles=("r2",))
    tenant = make_tenant([excluding], role_assignments=(held,))
    known = trail(happened("group_added", 0.5, "g1", "r2"), happened("group_added", 3, "svc", "r2"))

    def visibility(account: Account) -> str:
        (one,) = judge(tenant, [account], now=NOW, trail=known)
        return str(one.verdict.visibility)

    account = asked(days_ago=1)
    assert visibility(replace(account, groups=frozenset({"g1"}))) == "not_offered"
    assert visibility(replace(account, groups=frozenset())) == "conditional"
    assert visibility(replace(account, groups=GROUPS_GAP)) == "unknown"


def test_accounts_with_equal_evidence_are_told_apart_by_their_groups() -> None:
    tenant = make_tenant([policy(users=(), groups=("g1",), apps=(SHAREPOINT,))])
    explained = replace(asked(), id="a", groups=frozenset({"g1"}))
    unexplained = replace(asked(), id="b")
    for order in ([explained, unexplained], [unexplained, explained]):
        found = {one.account.id: str(one.verdict.visibility) for one in judge(tenant, order, now=NOW)}
        assert found == {"a": "not_offered", "b": "conditional"}


STRENGTH = {"authenticationStrength": {"id": "s1"}}


@pytest.mark.parametrize(
    ("raw", "account", "tenant"),
    [
        (policy(users=(), groups=("g1",), apps=(SHAREPOINT,)), {"groups": GROUPS_GAP}, {}),
        (
            policy(users=(), groups=("g1",), apps=(SHAREPOINT,)),
            {},
            {"groups": {"g1": Group("g1", "Hidden", gap=Gap("groups", "403", "GroupMember.Read.All"))}},
        ),
        (policy(users=(), roles=(GLOBAL_ADMINISTRATOR,), apps=(SHAREPOINT,)), {}, {"role_assignments": ROLES_GAP}),
        (policy(apps=(SHAREPOINT,), grant=(), grant_members=STRENGTH), {}, {"strengths": STRENGTHS_GAP}),
        (policy(users=("someone",), apps=(EXCHANGE,)), {}, {"security_defaults": DEFAULTS_GAP}),
        (
            policy(users=("someone",), grant=(), grant_members=STRENGTH, modifiedDateTime=changed(0.5)),
            {},
            {"strengths": STRENGTHS_GAP},
        ),
    ],
    ids=["memberships", "group", "roles", "strength", "security defaults", "strength of a policy changed since"],
)
def test_an_unreadable_input_that_may_explain_the_evidence_leaves_the_answer_open(
    raw: Json, account: Mapping[str, Any], tenant: Mapping[str, Any]
) -> None:
    judgement = judged(make_tenant([raw], **tenant), replace(asked(), **account))
    assert judgement.verdict.visibility == "unknown"
    assert reasons(judgement, Effect.UNREADABLE)


def test_a_policy_without_grant_controls_explains_nothing_that_another_one_leaves_open() -> None:
    only_session = policy("A", users=("someone",), grant=None, modifiedDateTime=changed(0.5))
    by_strength = policy("B", users=("someone",), grant=(), grant_members=STRENGTH, modifiedDateTime=changed(0.5))
    judgement = judged(make_tenant([only_session, by_strength], strengths=STRENGTHS_GAP), asked())
    assert judgement.verdict.visibility == "unknown"


# Evidence that outlives the remedy: what was asked before somebody changed something says nothing about today.


def happened(
    kind: str, days_ago: float, who: str = "svc", container: str = "", before: Policy | None = None
) -> AuditEvent:
    when = NOW - timedelta(days=days_ago)
    return AuditEvent(when, kind, "ada@contoso.com", who, who, container_id=container, before=before)


def trail(*events: AuditEvent) -> AuditTrail:
    newest_first = sorted(events, key=lambda event: event.time, reverse=True)
    return AuditTrail(tuple(newest_first), NOW - timedelta(days=30))


def verdict(policies: list[Json], account: Account, known: AuditTrail | None, **tenant: Any) -> tuple[str, str]:
    (only,) = judge(make_tenant(policies, **tenant), [account], now=NOW, trail=known)
    return str(only.verdict.visibility), str(only.verdict.usability)


def test_a_group_that_cannot_be_read_and_that_the_policy_does_not_exclude_says_nothing_of_the_exclusion() -> None:
    """The account left the policy's scope by group gx, after the demand; what it did in another group is beside the point."""
    excluded = replace(asked(days_ago=15), groups=frozenset({"gx", "g1"}))
    known = trail(happened("group_added", 10, container="gx"), happened("group_added", 20, container="g1"))
    unread = {**GROUPS, "g1": Group("g1", "Hidden", gap=Gap("groups", "403", "GroupMember.Read.All"))}
    assert verdict([policy(not_groups=("gx",))], excluded, known, groups=unread) == NOTHING


@pytest.mark.parametrize(
    "provider",
    [
        "securityDefaults",
        "mfaRegistrationRequiredBySecurityDefaults",
        "baselineProtection",
        "mfaRegistrationRequiredByBaselineProtection",
    ],
)
def test_security_defaults_that_are_off_now_explain_a_demand_of_theirs(provider: str) -> None:
    assert answers(make_tenant(), asked(provider, days_ago=29)) == NOTHING


@pytest.mark.parametrize(
    ("changed_days_ago", "asked_days_ago", "expected"),
    [(10, 29, NOTHING), (10, 10, NOTHING), (10, 9, UNEXPLAINED), (None, 1, NOTHING)],
)
def test_a_policy_that_excludes_the_account_by_a_list_explains_what_is_older_than_its_last_change(
    changed_days_ago: float | None, asked_days_ago: float, expected: tuple[str, str]
) -> None:
    excluding = policy(not_users=("svc",), modifiedDateTime=changed(changed_days_ago) if changed_days_ago else None)
    assert answers(make_tenant([excluding]), asked(days_ago=asked_days_ago)) == expected


@pytest.mark.parametrize("times", [{"createdDateTime": changed(10)}, {"modifiedDateTime": "soon"}])
def test_a_policy_that_was_never_changed_was_last_changed_when_it_was_created(times: Json) -> None:
    excluding = policy(not_users=("svc",), **times)
    expected = UNEXPLAINED if "createdDateTime" in times else NOTHING
    assert answers(make_tenant([excluding]), asked(days_ago=1)) == expected


OLD = changed(200)
EXCLUDING = policy(not_groups=("gx",), modifiedDateTime=OLD)
NESTED = {"gx": frozenset({"inner"})}
MEMBER, NESTED_MEMBER = {"groups": frozenset({"gx"})}, {"groups": frozenset({"gx", "inner"})}


@pytest.mark.parametrize(
    ("events", "account", "asked_days_ago", "expected"),
    [
        ((), MEMBER, 1, NOTHING),
        ((happened("group_added", 5, container="gx"),), MEMBER, 6, NOTHING),
        ((happened("group_added", 5, container="gx"),), MEMBER, 4, UNEXPLAINED),
        ((happened("group_added", 5, "other", "gx"),), MEMBER, 4, NOTHING),
        ((happened("group_added", 5, container="gy"),), MEMBER, 4, NOTHING),
        (
            (happened("group_added", 5, container="gx"), happened("group_removed", 8, container="gx")),
            MEMBER,
            6,
            NOTHING,
        ),
        ((happened("group_added", 5, "inner", "gx"),), NESTED_MEMBER, 6, NOTHING),
        ((happened("group_added", 5, "inner", "gx"),), NESTED_MEMBER, 4, UNEXPLAINED),
        ((happened("group_added", 5, container="inner"),), NESTED_MEMBER, 4, UNEXPLAINED),
        ((happened("group_added", 5, container="inner"),), MEMBER, 4, NOTHING),
    ],
)
def test_a_policy_that_excludes_by_a_group_explains_what_is_older_than_the_membership_or_all_where_its_time_is_unknown(
    events: tuple[AuditEvent, ...], account: Mapping[str, Any], asked_days_ago: float, expected: tuple[str, str]
) -> None:
    one = replace(asked(days_ago=asked_days_ago), **account)
    assert verdict([EXCLUDING], one, trail(*events), nesting=NESTED) == expected
    assert verdict([EXCLUDING], one, None, nesting=NESTED) == NOTHING


BY_NAME = policy(not_users=("svc",), modifiedDateTime=changed(3))
OF_OTHERS = parse_policy(policy(users=("someone",), modifiedDateTime=OLD))
OF_ALL = parse_policy(policy(modifiedDateTime=OLD))


def evidence(policies: list[Json], known: AuditTrail | None, **account: Any) -> tuple[bool, float | None]:
    """Whether it takes no log to tell that nothing explains the demand; how many days ago a change that may explain it was."""
    one = replace(asked(days_ago=4), **account)
    (only,) = judge(make_tenant(policies, nesting=NESTED), [one], now=NOW, trail=known)
    found = only.verdict
    if found.explained_unseen is None:
        return found.needs_no_log, None
    return found.needs_no_log, min((NOW - found.explained_unseen) / timedelta(days=1), 1000)


@pytest.mark.parametrize(
    ("policies", "events", "account", "expected"),
    [
        # Nothing explains the demand, and nobody needs the log to know; it needs it for how long the account is excluded.
        ([], (), {}, (True, None)),
        ([EXCLUDING], (), {"groups": frozenset({"gx"}), "per_user_mfa": "enforced"}, (False, None)),
        ([EXCLUDING], (happened("group_added", 5, container="gx"),), MEMBER, (False, None)),
        ([policy(not_users=("svc",), modifiedDateTime=OLD)], (), {}, (True, None)),
        # Something may explain it, which the log would have to say.
        ([EXCLUDING], (), MEMBER, (False, 1000)),
        ([EXCLUDING], (happened("group_added", 5, "other", "gx"),), MEMBER, (False, 1000)),
        ([BY_NAME], (), {}, (False, 3)),
        ([EXCLUDING, policy("O", users=("someone",), modifiedDateTime=changed(3))], (), MEMBER, (False, 3)),
        ([EXCLUDING, policy("O", users=("someone",), modifiedDateTime=changed(9))], (), MEMBER, (False, 1000)),
        # What explains it is known.
        ([EXCLUDING], (happened("group_added", 3, container="gx"),), MEMBER, (False, None)),
        ([EXCLUDING], (happened("group_added", 3, "inner", "gx"),), NESTED_MEMBER, (False, None)),
        ([policy(apps=(SHAREPOINT,), modifiedDateTime=OLD)], (), {}, (False, None)),
        ([policy(users=(), groups=("g1",))], (happened("group_removed", 3, container="g1"),), {}, (False, None)),
        ([], (happened("policy_deleted", 3, "p", before=OF_ALL),), {}, (False, None)),
        # What the policy was before it was changed is known: it reached others, or everybody.
        ([BY_NAME], (happened("policy_updated", 3, "p", before=OF_OTHERS),), {}, (False, None)),
        ([BY_NAME], (happened("policy_updated", 3, "p", before=OF_ALL),), {}, (False, None)),
    ],
)
def test_of_evidence_it_is_known_whether_it_takes_the_audit_log_and_whether_it_is_explained_for_certain(
    policies: list[Json],
    events: tuple[AuditEvent, ...],
    account: Mapping[str, Any],
    expected: tuple[bool, float | None],
) -> None:
    assert evidence([{**one, "id": "p"} if one is BY_NAME else one for one in policies], trail(*events), **account) == (
        expected
    )


def test_accounts_that_share_a_verdict_share_what_their_evidence_is_known_by() -> None:
    by_both = policy(not_users=("a",), not_groups=("gx",), modifiedDateTime=changed(3))
    known = trail(happened("policy_updated", 3, "p", before=OF_OTHERS), happened("group_added", 9, "b", "gx"))
    by_name, by_group = replace(asked(days_ago=1), id="a"), replace(asked(days_ago=1), id="b", groups=MEMBER["groups"])
    for order in ([by_name, by_group], [by_group, by_name]):
        found = judge(make_tenant([{**by_both, "id": "p"}]), order, now=NOW, trail=known)
        assert {one.account.id: one.verdict.needs_no_log for one in found} == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("excluding", "events", "asked_days_ago", "expected"),
    [
        # By a list and by a group: the older of the two is what excluded it.
        (policy(not_users=("svc",), not_groups=("gx",), modifiedDateTime=changed(20)), (), 10, UNEXPLAINED),
        # By two groups, of which one is known.
        (
            policy(not_groups=("gx", "gy"), modifiedDateTime=OLD),
            (happened("group_added", 20, container="gx"),),
            10,
            UNEXPLAINED,
        ),
        # It is in another group for longer, which the policy doesn't exclude; it holds another role for longer.
        (
            policy(not_groups=("gx",), modifiedDateTime=OLD),
            (happened("group_added", 5, container="gx"), happened("group_added", 20, container="gy")),
            10,
            NOTHING,
        ),
        (
            policy(not_roles=("r1",), modifiedDateTime=OLD),
            (happened("role_added", 5, container="r1"), happened("role_added", 20, container="r2")),
            10,
            NOTHING,
        ),
        # It isn't in a further group any more that the policy excludes.
        (
            policy(not_groups=("gx", "g1"), modifiedDateTime=OLD),
            (happened("group_added", 5, container="gx"), happened("group_removed", 20, container="g1")),
            10,
            NOTHING,
        ),
        # The policy was changed after the account came into the group.
        (
            policy(not_groups=("gx",), modifiedDateTime=changed(5)),
            (happened("group_added", 20, container="gx"),),
            10,
            NOTHING,
        ),
    ],
)
def test_what_excludes_an_account_in_two_ways_excludes_it_since_the_first(
    excluding: Json, events: tuple[AuditEvent, ...], asked_days_ago: float, expected: tuple[str, str]
) -> None:
    one = replace(asked(days_ago=asked_days_ago), groups=frozenset({"gx", "gy"}))
    assert verdict([excluding], one, trail(*events), role_assignments=(holds("r1"), holds("r2"))) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [((), NOTHING), ((happened("role_added", 5, container=GLOBAL_ADMINISTRATOR),), UNEXPLAINED)],
)
def test_an_exclusion_by_a_role_is_like_one_by_a_group(
    events: tuple[AuditEvent, ...], expected: tuple[str, str]
) -> None:
    excluding = policy(not_roles=(GLOBAL_ADMINISTRATOR,), modifiedDateTime=OLD)
    held = (holds(GLOBAL_ADMINISTRATOR),)
    assert verdict([excluding], asked(days_ago=4), trail(*events), role_assignments=held) == expected


UNDEFINED = (holds(GLOBAL_ADMINISTRATOR, built_in=None),)


@pytest.mark.parametrize(
    ("excluded", "held", "asked_days_ago", "expected"),
    [
        # Reached, or excluded since before the demand.
        ((GLOBAL_ADMINISTRATOR,), ROLES_GAP, 4, "unknown"),
        ((GLOBAL_ADMINISTRATOR,), UNDEFINED, 4, "unknown"),
        # Reached, or excluded since after it.
        ((GLOBAL_ADMINISTRATOR,), ROLES_GAP, 10, "not_offered"),
        ((GLOBAL_ADMINISTRATOR,), UNDEFINED, 10, "not_offered"),
        # Another role that the policy excludes it may hold only where its roles can't be read.
        ((GLOBAL_ADMINISTRATOR, "r2"), ROLES_GAP, 10, "unknown"),
        ((GLOBAL_ADMINISTRATOR, "r2"), UNDEFINED, 10, "not_offered"),
    ],
)
def test_an_exclusion_by_a_role_that_cannot_be_read_counts_both_ways(
    excluded: tuple[str, ...], held: Any, asked_days_ago: float, expected: str
) -> None:
    excluding = policy(not_roles=excluded, apps=(SHAREPOINT,), modifiedDateTime=OLD)
    moves = trail(happened("role_added", 5, container=GLOBAL_ADMINISTRATOR), happened("role_added", 20, container="r2"))
    found, _ = verdict([excluding], asked(days_ago=asked_days_ago), moves, role_assignments=held)
    assert found == expected


@pytest.mark.parametrize(
    ("moves", "asked_days_ago", "expected"),
    [
        # It holds the role itself, since nobody knows when, or came into it with another group.
        ((happened("role_added", 3, "g1", "r2"),), 1, "unknown"),
        ((happened("role_added", 3, "g1", "r2"),), 4, "not_offered"),
        # What came before its own move makes no difference.
        ((happened("role_added", 3, "svc", "r2"), happened("role_added", 20, "g1", "r2")), 10, "not_offered"),
    ],
)
def test_without_the_groups_a_role_that_the_account_holds_itself_excludes_it_since_the_last_move_that_may_be(
    moves: tuple[AuditEvent, ...], asked_days_ago: float, expected: str
) -> None:
    held = RoleAssignment("svc", "r2", "Role r2", built_in=True, scope="/")
    excluding = policy(not_roles=("r2",), apps=(SHAREPOINT,), modifiedDateTime=OLD)
    account = replace(asked(days_ago=asked_days_ago), groups=GROUPS_GAP)
    found, _ = verdict([excluding], account, trail(*moves), role_assignments=(held,))
    assert found == expected


@pytest.mark.parametrize("off", [{"state": "disabled"}, {"state": REPORT_ONLY}, {"users": ("someone",)}])
def test_a_policy_that_would_not_reach_the_account_without_its_exclusion_explains_nothing_by_it(off: Any) -> None:
    excluding = policy(**{"not_groups": ("gx",), "modifiedDateTime": OLD, **off})
    assert verdict([excluding], replace(asked(), groups=frozenset({"gx"})), None) == UNEXPLAINED


@pytest.mark.parametrize(("asked_days_ago", "expected"), [(6, NOTHING), (4, UNEXPLAINED)])
def test_a_policy_explains_what_is_older_than_the_account_s_leaving_the_group_that_it_includes(
    asked_days_ago: float, expected: tuple[str, str]
) -> None:
    including = policy(users=(), groups=("g1",), modifiedDateTime=OLD)
    left = trail(happened("group_removed", 5, container="g1"))
    assert verdict([including], asked(days_ago=asked_days_ago), left) == expected
    assert verdict([including], asked(days_ago=asked_days_ago), None) == UNEXPLAINED


MFA, BLOCK = parse_policy(policy()), parse_policy(policy(grant=("block",)))
OFF = parse_policy(policy(state="disabled"))
OFF_SINCE_8 = parse_policy(policy(state="disabled", modifiedDateTime=changed(8)))


@pytest.mark.parametrize(
    ("event", "asked_days_ago", "expected"),
    [
        (happened("policy_deleted", 5, "p", before=MFA), 6, NOTHING),
        (happened("policy_deleted", 5, "p", before=MFA), 4, UNEXPLAINED),
        (happened("policy_deleted", 5, "p"), 6, NOTHING),
        (happened("policy_deleted", 5, "p"), 4, UNEXPLAINED),
        (happened("policy_deleted", 5, "p", before=BLOCK), 6, UNEXPLAINED),
        (happened("policy_deleted", 5, "p", before=OFF_SINCE_8), 6, UNEXPLAINED),
        (happened("policy_deleted", 5, "p", before=OFF_SINCE_8), 9, NOTHING),
        (happened("policy_deleted", 5, "p", before=OFF), 9, UNEXPLAINED),
        (happened("policy_updated", 5, "p", before=MFA), 6, NOTHING),
        (happened("policy_updated", 5, "p", before=MFA), 4, UNEXPLAINED),
        (happened("policy_updated", 5, "p", before=OFF_SINCE_8), 6, UNEXPLAINED),
        (happened("policy_updated", 5, "p"), 6, UNEXPLAINED),
        (happened("policy_added", 5, "p", before=MFA), 6, UNEXPLAINED),
    ],
)
def test_a_policy_that_the_log_shows_deleted_or_changed_since_explains_what_came_before(
    event: AuditEvent, asked_days_ago: float, expected: tuple[str, str]
) -> None:
    assert verdict([], asked(days_ago=asked_days_ago), trail(event)) == expected
    assert verdict([], asked(days_ago=asked_days_ago), None) == UNEXPLAINED


SOMEONE: Json = {"createdDateTime": changed(400), "modifiedDateTime": changed(300)}
OF_SOMEONE = parse_policy(policy("P", users=("someone",), **SOMEONE))
SINCE_5: Json = {"createdDateTime": changed(400), "modifiedDateTime": changed(5)}


@pytest.mark.parametrize(
    ("policies", "events", "expected"),
    [
        # The log shows whom it reached: somebody else, guests, nobody, everybody but the account.
        ([], [happened("policy_deleted", 5, "p", before=OF_SOMEONE)], UNEXPLAINED),
        (
            [],
            [happened("policy_deleted", 5, "p", before=parse_policy(policy(users=("GuestsOrExternalUsers",))))],
            UNEXPLAINED,
        ),
        ([], [happened("policy_deleted", 5, "p", before=parse_policy(policy(users=("None",))))], UNEXPLAINED),
        (
            [],
            [happened("policy_deleted", 5, "p", before=parse_policy(policy(not_users=("svc",), **SOMEONE)))],
            UNEXPLAINED,
        ),
        # Its members and its holders aren't read any more.
        (
            [],
            [happened("policy_deleted", 5, "p", before=parse_policy(policy(users=(), groups=("unheard-of",))))],
            NOTHING,
        ),
        ([], [happened("policy_deleted", 5, "p", before=parse_policy(policy(users=(), roles=("r9",))))], NOTHING),
        # Changed, but not in whom it reaches.
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [happened("policy_updated", 5, "p", before=OF_SOMEONE)],
            UNEXPLAINED,
        ),
        (
            [policy(not_users=("svc",), id="p", **SINCE_5)],
            [happened("policy_updated", 5, "p", before=parse_policy(policy(not_users=("svc",), **SOMEONE)))],
            UNEXPLAINED,
        ),
        # Until then it reached the account.
        ([policy(users=("someone",), id="p", **SINCE_5)], [happened("policy_updated", 5, "p", before=MFA)], NOTHING),
        ([policy(not_users=("svc",), id="p", **SINCE_5)], [happened("policy_updated", 5, "p", before=MFA)], NOTHING),
        # Of two changes the log shows one, or shows both.
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [happened("policy_updated", 7, "p", before=OF_SOMEONE)],
            NOTHING,
        ),
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [
                happened("policy_updated", 5, "p", before=parse_policy(policy(users=("someone",), **SINCE_5))),
                happened("policy_updated", 7, "p", before=OF_SOMEONE),
            ],
            UNEXPLAINED,
        ),
        # The log has the change within a minute of the policy's own time, or none that is it.
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [happened("policy_updated", 5 - 50 / 86400, "p", before=OF_SOMEONE)],
            UNEXPLAINED,
        ),
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [happened("policy_updated", 5 - 70 / 86400, "p", before=OF_SOMEONE)],
            NOTHING,
        ),
        # The change of another policy is none of this one.
        (
            [policy(users=("someone",), id="p", **SINCE_5)],
            [happened("policy_updated", 5, "q", before=OF_SOMEONE)],
            NOTHING,
        ),
    ],
)
def test_a_policy_explains_only_what_it_may_have_demanded_of_the_account(
    policies: list[Json], events: list[AuditEvent], expected: tuple[str, str]
) -> None:
    assert verdict(policies, asked(days_ago=6), trail(*events)) == expected


@pytest.mark.parametrize(
    "raw",
    [
        policy(users=("someone",), createdDateTime=changed(5)),
        policy(users=("someone",), createdDateTime=changed(5), modifiedDateTime=changed(5)),
        policy(not_users=("svc",), createdDateTime=changed(5)),
        policy(state="disabled", createdDateTime=changed(5)),
    ],
)
def test_what_was_created_after_the_demand_and_never_changed_explains_nothing(raw: Json) -> None:
    assert answers(make_tenant([raw]), asked(days_ago=6)) == UNEXPLAINED


def test_what_never_has_a_policy_is_explained_by_none() -> None:
    one = replace(asked("mfaRegistrationRequiredByIdentityProtectionPolicy", days_ago=9), groups=frozenset({"gx"}))
    assert verdict([EXCLUDING], one, trail(happened("policy_deleted", 5, "p"))) == UNEXPLAINED


UNREAD = {"gx": Group("gx", "Hidden", gap=Gap("groups", "403", "GroupMember.Read.All"))}


@pytest.mark.parametrize(
    ("policies", "events", "account", "expected"),
    [
        # Reached, or excluded since nobody knows when: explained either way.
        ([EXCLUDING], (), {}, "not_offered"),
        ([EXCLUDING], (), {"groups": GROUPS_GAP}, "not_offered"),
        # Excluded before the demand, or reached.
        ([EXCLUDING], (happened("group_added", 5, container="gx"),), {}, "unknown"),
        ([EXCLUDING], (happened("group_added", 5, container="gx"),), {"groups": GROUPS_GAP}, "unknown"),
        # Perhaps included by the unread group, and excluded by name since before the demand.
        ([policy(users=(), groups=("gx",), not_users=("svc",), modifiedDateTime=changed(20))], (), {}, "conditional"),
        # Included by the unread group, or not.
        ([policy(users=(), groups=("gx",), not_users=("svc",))], (), {}, "unknown"),
        # In the unread group, and excluded by it since nobody knows when, or never in the policy's scope.
        ([policy(users=(), groups=("gx",), not_groups=("gx",), modifiedDateTime=OLD)], (), {}, "unknown"),
        (
            [policy(users=(), groups=("gx",), not_groups=("gx",), modifiedDateTime=OLD)],
            (),
            {"groups": GROUPS_GAP},
            "unknown",
        ),
        # In the group directly, since nobody knows when, or through the nested one, since before the demand.
        ([EXCLUDING], (happened("group_added", 5, "inner", "gx"),), {"groups": GROUPS_GAP}, "unknown"),
        ([EXCLUDING], (happened("group_added", 5, "someone", "gx"),), {"groups": GROUPS_GAP}, "not_offered"),
        # It left what is included after the demand; or it is in it unseen, and has been excluded since before.
        (
            [policy(users=(), groups=("g1",), not_groups=("gx",), modifiedDateTime=OLD)],
            (happened("group_removed", 0.5, container="g1"), happened("group_added", 8, container="gx")),
            {"groups": GROUPS_GAP},
            "unknown",
        ),
    ],
)
def test_a_group_that_cannot_be_read_counts_both_ways(
    policies: list[Json], events: tuple[AuditEvent, ...], account: Mapping[str, Any], expected: str
) -> None:
    elsewhere = [
        {**one, "conditions": {**one["conditions"], "applications": {"includeApplications": [SHAREPOINT]}}}
        for one in policies
    ]
    (one,) = judge(
        make_tenant(elsewhere, groups=UNREAD, nesting=NESTED),
        [replace(asked(), **account)],
        now=NOW,
        trail=trail(*events),
    )
    assert one.verdict.visibility == expected
    assert bool(reasons(one, Effect.UNREADABLE)) == (expected == "unknown")


_moments = st.sampled_from([0.5, 3.0, 10.0, 40.0])
_event = st.builds(
    happened,
    st.sampled_from(["group_added", "group_removed", "role_added", "policy_deleted", "policy_updated"]),
    _moments,
    st.sampled_from(["svc", "g1", "g2", "someone"]),
    st.sampled_from(["", "g1", "g2", "gx", GLOBAL_ADMINISTRATOR, "r2"]),
    st.sampled_from([None, parse_policy(policy()), parse_policy(policy(state="disabled"))]),
)


@settings(deadline=None, max_examples=80)
@given(
    generated._tenant,
    generated._account,
    st.lists(_event, max_size=4),
    st.lists(_moments | st.none(), min_size=4, max_size=4),
    _moments,
)
def test_no_missing_input_contradicts_what_the_evidence_and_the_audit_log_say(
    tenant: Tenant, account: Account, events: list[AuditEvent], changes: list[float | None], seen: float
) -> None:
    policies = () if isinstance(tenant.policies, Gap) else tenant.policies
    times = [None if days is None else NOW - timedelta(days=days) for days in changes]
    timed = tuple(replace(one, modified=when) for one, when in zip(policies, times, strict=False))
    nested = {"gx": frozenset({"g1"}), "g2": frozenset({"g1"})}
    tenant = replace(tenant, policies=timed, nesting=nested)
    groups = frozenset() if isinstance(account.groups, Gap) else account.groups
    if "g1" in groups:
        groups |= {"gx", "g2"}
    one = replace(account, groups=groups, mfa_demands=asked(days_ago=seen).mfa_demands)

    def said(tenant: Tenant, account: Account) -> tuple[str, str]:
        (only,) = judge(tenant, [account], now=NOW, trail=trail(*events))
        return str(only.verdict.visibility), str(only.verdict.usability)

    before = said(tenant, one)
    for poorer, other in generated.less_readable(tenant, one):
        assert generated.stands(before, said(poorer, other)), (before, said(poorer, other))


def test_accounts_with_equal_evidence_are_told_apart_by_when_they_were_excluded() -> None:
    early, late = (replace(asked(days_ago=4), id=id, groups=frozenset({"gx"})) for id in ("a", "b"))
    known = trail(happened("group_added", 5, "a", "gx"), happened("group_added", 3, "b", "gx"))
    for order in ([early, late], [late, early]):
        found = {
            one.account.id: str(one.verdict.visibility)
            for one in judge(make_tenant([EXCLUDING]), order, now=NOW, trail=known)
        }
        assert found == {"a": "conditional", "b": "not_offered"}


def test_what_is_only_supposed_explains_nothing_of_what_was_seen() -> None:
    waiting = policy("W", id="w", state=REPORT_ONLY, apps=(SHAREPOINT,), modifiedDateTime=OLD)
    tenant = make_tenant([waiting])
    assert answers(tenant, asked()) == UNEXPLAINED
    switched_on = with_policy_enabled(tenant, "w")
    assert shifts(tenant, switched_on, [asked()], app_passwords_allowed="yes", now=NOW) == []
    hiding = make_tenant([policy("H", id="h", clients=("browser",), modifiedDateTime=OLD)])
    spared = with_account_excluded(hiding, asked(), "h")
    (shift,) = shifts(hiding, spared, [asked()], app_passwords_allowed="yes", now=NOW)
    assert shift.after.verdict.visibility == "not_offered"
