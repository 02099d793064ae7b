"""MFA demands in the sign-in log that no readable policy explains."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.judge import judge
from checks.model import Effect
from tenant.model import Account, Gap, Group, MfaDemand
from tests.checks.kit import (
    DEFAULTS_GAP,
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    GROUPS_GAP,
    NOW,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    SHAREPOINT,
    STRENGTHS_GAP,
    Json,
    answers,
    judged,
    make_tenant,
    policy,
    reasons,
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
        (policy(users=("someone",), modifiedDateTime=changed(0.5)), NOTHING),
        (policy(state="disabled", modifiedDateTime=changed(0.5)), NOTHING),
        (policy(state="disabled", modifiedDateTime=changed(5)), UNEXPLAINED),
        (policy(users=("someone",), grant=("block",), apps=(SHAREPOINT,), modifiedDateTime=changed(0.5)), UNEXPLAINED),
    ],
)
def test_a_policy_that_reaches_or_was_changed_since_explains_the_demand(raw: Json, expected: tuple[str, str]) -> None:
    assert answers(make_tenant([raw]), asked()) == expected


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
