"""Since when and by whom: which event of the audit log a reason is put down to."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.causes import Causes
from checks.model import Effect, JudgedAccount, Reason
from tenant.model import Account, AuditEvent, AuditTrail
from tenant.policies import parse_policy
from tests.checks.kit import (
    MODERN,
    NOW,
    REPORT_ONLY,
    SERVICE,
    Json,
    holds,
    judged,
    make_tenant,
    member_of,
    policy,
    reasons,
)

START = NOW - timedelta(days=30)
ADA, BOB = "ada@contoso.com", "bob@contoso.com"


def day(number: int) -> datetime:
    return datetime(2026, 11, number, 14, 12, tzinfo=UTC)


def changed(number: int, before: Json | None, after: Json | None, **more: Any) -> AuditEvent:
    kind = "policy_updated" if before else "policy_added"
    old, new = (raw and parse_policy(raw) for raw in (before, after))
    return AuditEvent(day(number), kind, ADA, "p", "P", before=old or None, after=new or None, **more)


def moved(number: int, kind: str, group: str, *, who: str = "svc", actor: str = BOB) -> AuditEvent:
    return AuditEvent(day(number), kind, actor, who, f"name of {who}", container_id=group, container_name=group)


@dataclass(frozen=True)
class Case:
    name: str
    policy: Json
    events: tuple[AuditEvent, ...]
    since: int | None
    """The day of November; None: the policy's own date."""
    actor: str | None
    says: tuple[str, ...]
    account: dict[str, Any] | None = None
    nesting: dict[str, frozenset[str]] | None = None
    effect: Effect = Effect.DEMANDS_MFA


MFA = policy("P", id="p", clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
OFF = {**MFA, "state": "disabled"}
REPORTING = {**MFA, "state": REPORT_ONLY}
FOR_GROUP = policy("P", id="p", users=(), groups=("g1",), clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
FOR_OUTER = policy("P", id="p", users=(), groups=("g2",), clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
WITH_EXCEPTIONS = policy("P", id="p", not_groups=("gx",), clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
FOR_ROLE = policy("P", id="p", users=(), roles=("r1",), clients=MODERN)
MEMBER, IN_TWO = member_of("g1"), member_of("g1", "g2")

CASES = (
    Case(
        "a policy that was switched on",
        MFA,
        (changed(3, REPORTING, MFA),),
        3,
        ADA,
        (
            "Hidden since 2026-11-03 14:12 UTC, when",
            'the policy "P" was switched from report-only to on',
            f", by {ADA}.",
        ),
    ),
    Case("a policy that was created", MFA, (changed(3, None, MFA),), 3, ADA, ('the policy "P" was created',)),
    Case(
        "a later change that hides nothing more",
        MFA,
        (changed(9, {**MFA, "displayName": "Old name"}, MFA), changed(3, REPORTING, MFA)),
        3,
        ADA,
        ("switched from report-only to on",),
    ),
    Case(
        "an exclusion that was taken away",
        MFA,
        (changed(9, policy("P", id="p", not_users=("svc",), clients=MODERN), MFA), changed(3, REPORTING, MFA)),
        9,
        ADA,
        ('the policy "P" was changed',),
    ),
    Case(
        "a change that the log doesn't describe",
        MFA,
        (replace(changed(9, OFF, MFA), before=None, after=None), changed(3, REPORTING, MFA)),
        9,
        ADA,
        ('the policy "P" was changed',),
    ),
    Case(
        "a membership",
        FOR_GROUP,
        (moved(5, "group_added", "g1"),),
        5,
        BOB,
        ('the account was added to the group "g1", by bob@contoso.com.',),
        MEMBER,
    ),
    Case(
        "a membership that ended the other way",
        FOR_GROUP,
        (moved(7, "group_removed", "g1"), moved(5, "group_added", "g1")),
        None,
        None,
        ("own date",),
        MEMBER,
    ),
    Case(
        "a policy and a membership: both, the later one first",
        FOR_GROUP,
        (changed(8, OFF, FOR_GROUP), moved(5, "group_added", "g1")),
        8,
        ADA,
        ("since 2026-11-08", "; before that, on 2026-11-05 14:12 UTC, the account was added", f", by {BOB}."),
        MEMBER,
    ),
    Case(
        "a group that was put into the policy's group",
        FOR_OUTER,
        (moved(6, "group_added", "g2", who="g1"),),
        6,
        BOB,
        ('the group "name of g1" was added to the group "g2"',),
        IN_TWO,
        {"g2": frozenset({"g1"})},
    ),
    Case(
        "an account that was put into a nested group",
        FOR_OUTER,
        (moved(6, "group_added", "g1"),),
        6,
        BOB,
        ('added to the group "g1"',),
        IN_TWO,
        {"g2": frozenset({"g1"})},
    ),
    Case(
        "an account that left the exceptions",
        WITH_EXCEPTIONS,
        (moved(6, "group_removed", "gx"),),
        6,
        BOB,
        ('the account was removed from the group "gx"',),
    ),
    Case(
        "somebody else's membership",
        FOR_GROUP,
        (moved(6, "group_added", "g1", who="other"),),
        None,
        None,
        ("reach back that far",),
        MEMBER,
    ),
    Case(
        "another group's membership, where the policy is for everybody",
        MFA,
        (moved(6, "group_added", "g1"),),
        None,
        None,
        ("reach back that far",),
        MEMBER,
    ),
    Case("an expired log", MFA, (), None, None, ("2026-06-01 08:00 UTC", "own date", "doesn't reach back that far")),
    Case(
        "a log that shows nothing",
        {**MFA, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (),
        None,
        None,
        ("own date", "shows nothing that explains it"),
    ),
    Case(
        "an exclusion isn't newer because the policy was switched on later",
        WITH_EXCEPTIONS,
        (changed(9, {**WITH_EXCEPTIONS, "state": REPORT_ONLY}, WITH_EXCEPTIONS), moved(6, "group_added", "gx")),
        6,
        BOB,
        ("Excluded since 2026-11-06",),
        member_of("gx"),
        effect=Effect.EXCLUDED,
    ),
)


def explained(case: Case, trail: AuditTrail | None) -> tuple[JudgedAccount, JudgedAccount]:
    tenant = make_tenant([case.policy], nesting=case.nesting or {})
    before = judged(tenant, replace(SERVICE, **(case.account or {})))
    return before, Causes(tenant, trail, NOW).explain(before)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_event_that_explains_a_reason(case: Case) -> None:
    before, after = explained(case, AuditTrail(case.events, START))
    (reason,) = reasons(after, case.effect)
    assert reason.actor == case.actor
    assert reason.since_is_policy_date is (case.since is None)
    if case.since is not None:
        assert reason.since == day(case.since)
    assert reason.cause is not None
    assert [text for text in case.says if text not in reason.cause] == [], reason.cause
    assert (after.verdict.visibility, after.findings) == (before.verdict.visibility, before.findings)


def test_without_the_log_the_policy_has_its_own_date_and_nothing_is_said_of_the_log() -> None:
    before, after = explained(CASES[0], None)
    (reason,) = reasons(after, Effect.DEMANDS_MFA)
    (unexplained,) = reasons(before, Effect.DEMANDS_MFA)
    assert (reason.since, reason.cause, reason.actor) == (unexplained.since, None, None)
    assert reason.since_is_policy_date
    assert after.app_password_events is None


def test_a_role_that_the_account_was_given() -> None:
    tenant = make_tenant([FOR_ROLE], role_assignments=(holds("r1"),))
    trail = AuditTrail((moved(4, "role_added", "r1"),), START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert (reason.since, reason.actor) == (day(4), BOB)


def _state_reason(account: Account, *events: AuditEvent) -> Reason:
    tenant = make_tenant()
    after = Causes(tenant, AuditTrail(events, START), NOW).explain(judged(tenant, account))
    (reason,) = reasons(after, Effect.PER_USER_STATE)
    return reason


@pytest.mark.parametrize(
    ("state", "kinds", "actor"),
    [
        ("disabled", ("mfa_disabled",), ADA),
        ("disabled", ("mfa_enabled", "mfa_disabled"), None),
        ("enforced", ("mfa_enabled", "mfa_disabled"), ADA),
        ("enforced", (), None),
    ],
)
def test_the_last_change_of_per_user_mfa_counts_where_it_fits(
    state: str, kinds: tuple[str, ...], actor: str | None
) -> None:
    events = [AuditEvent(day(9 - place), kind, ADA, "svc", "svc") for place, kind in enumerate(kinds)]
    reason = _state_reason(replace(SERVICE, per_user_mfa=state), *events)
    assert reason.actor == actor
    assert (reason.cause or "").startswith("Since 2026-11-09 14:12 UTC, when per-user MFA was" if actor else "")


@pytest.mark.parametrize(("detail", "actor"), [("on", ADA), ("", ADA), ("off", None)])
def test_security_defaults_are_put_down_to_whoever_switched_them_on(detail: str, actor: str | None) -> None:
    tenant = make_tenant(security_defaults=True)
    trail = AuditTrail((AuditEvent(day(2), "security_defaults", ADA, "sd", "Security Defaults", detail),), START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert reason.actor == actor


def test_app_passwords_that_came_and_went_are_listed_newest_first() -> None:
    events = (
        AuditEvent(day(9), "app_password_deleted", ADA, "svc", "svc"),
        AuditEvent(day(8), "mfa_enabled", ADA, "svc", "svc"),
        AuditEvent(day(7), "app_password_created", ADA, "svc", "svc"),
        AuditEvent(day(6), "app_password_created", ADA, "other", "other"),
    )
    tenant = make_tenant()
    after = Causes(tenant, AuditTrail(events, START), NOW).explain(judged(tenant, SERVICE))
    assert [event.kind for event in after.app_password_events or ()] == ["app_password_deleted", "app_password_created"]
