"""Since when and by whom: which event of the audit log a reason is put down to."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.causes import Causes
from checks.model import Effect, JudgedAccount, Reason
from tenant.model import Account, AuditEvent, AuditTrail, MfaDemand, Registration
from tenant.policies import parse_policy
from tests.checks.kit import (
    GROUPS_GAP,
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
OFF_FOR_GROUP = {**FOR_GROUP, "state": "disabled"}
FOR_OUTER = policy("P", id="p", users=(), groups=("g2",), clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
WITH_EXCEPTIONS = policy("P", id="p", not_groups=("gx",), clients=MODERN, modifiedDateTime="2026-06-01T08:00:00Z")
AT_RISK = policy("P", id="p", clients=MODERN, conditions={"userRiskLevels": ["high"]})
AT_MORE_RISK = policy("P", id="p", clients=MODERN, conditions={"userRiskLevels": ["high", "medium"]})
FOR_TWO = {**FOR_GROUP, "conditions": policy(users=(), groups=("g1", "g2"), clients=MODERN)["conditions"]}
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
            "Hidden since 3 Nov 2026, 14:12 UTC, when",
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
        "a policy that was deleted and restored meanwhile",
        MFA,
        (AuditEvent(day(9), "policy_deleted", BOB, "p", "P"), changed(3, REPORTING, MFA)),
        3,
        ADA,
        ("switched from report-only to on",),
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
        "a circumstance that was taken away",
        MFA,
        (changed(9, AT_RISK, MFA), changed(3, None, AT_RISK)),
        9,
        ADA,
        ("Hidden since 9 Nov 2026",),
    ),
    Case(
        "a circumstance that was added: before, it was hidden all the more",
        AT_RISK,
        (changed(9, MFA, AT_RISK), changed(3, REPORTING, MFA)),
        3,
        ADA,
        ("Hidden in some circumstances since 3 Nov 2026",),
    ),
    Case(
        "another circumstance",
        AT_RISK,
        (changed(9, AT_MORE_RISK, AT_RISK), changed(3, None, AT_MORE_RISK)),
        3,
        ADA,
        ("Hidden in some circumstances since 3 Nov 2026",),
    ),
    Case(
        "a membership of another group that the account isn't in as it was read",
        FOR_TWO,
        (moved(8, "group_added", "g2"), moved(5, "group_added", "g1")),
        5,
        BOB,
        ('added to the group "g1", by bob@contoso.com.',),
        MEMBER,
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
        ("since 8 Nov 2026", "; before that, on 5 Nov 2026, 14:12 UTC, the account was added", f", by {BOB}."),
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
        "a group, whatever its id is, that was put into the policy's group",
        FOR_OUTER,
        (moved(6, "group_added", "g2", who="z1"),),
        6,
        BOB,
        ('the group "name of z1" was added to the group "g2"',),
        member_of("z1", "g2"),
        {"g2": frozenset({"z1"})},
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
        "a second group of the same policy",
        FOR_TWO,
        (moved(8, "group_added", "g2"),),
        None,
        None,
        ("own date",),
        IN_TWO,
    ),
    Case(
        "two groups of the same policy, one after the other",
        FOR_TWO,
        (moved(8, "group_added", "g2"), moved(5, "group_added", "g1")),
        5,
        BOB,
        ('the account was added to the group "g1"',),
        IN_TWO,
    ),
    Case(
        "a group of a policy that names the account as well",
        {**FOR_GROUP, "conditions": policy(users=("svc",), groups=("g1",), clients=MODERN)["conditions"]},
        (moved(8, "group_added", "g1"),),
        None,
        None,
        ("own date",),
        MEMBER,
    ),
    Case(
        "a group that was put into one in which the account was itself",
        FOR_OUTER,
        (moved(8, "group_added", "g2", who="g1"), moved(5, "group_added", "g2")),
        5,
        BOB,
        ('the account was added to the group "g2"',),
        IN_TWO,
        {"g2": frozenset({"g1"})},
    ),
    Case(
        "an account that was put into a group through which it was in the policy's group already",
        FOR_OUTER,
        (moved(8, "group_added", "g2"),),
        None,
        None,
        ("own date",),
        IN_TWO,
        {"g2": frozenset({"g1"})},
    ),
    Case(
        "groups that are in each other",
        FOR_OUTER,
        (moved(8, "group_added", "g2", who="g1"),),
        None,
        None,
        ("own date",),
        IN_TWO,
        {"g2": frozenset({"g1"}), "g1": frozenset({"g2"})},
    ),
    Case(
        "an exception that was taken away before the account would have been one",
        MFA,
        (moved(9, "group_added", "gx"), changed(6, WITH_EXCEPTIONS, MFA)),
        None,
        None,
        ("own date",),
        member_of("gx"),
    ),
    Case(
        "a membership from before the policy was switched on the last time",
        FOR_GROUP,
        (
            changed(9, OFF_FOR_GROUP, FOR_GROUP),
            changed(8, FOR_GROUP, OFF_FOR_GROUP),
            moved(5, "group_added", "g1"),
            changed(3, OFF_FOR_GROUP, FOR_GROUP),
        ),
        9,
        ADA,
        ("since 9 Nov 2026", "; before that, on 5 Nov 2026, 14:12 UTC, the account was added"),
        MEMBER,
    ),
    Case(
        "a policy that is on although the log shows only that it was switched off",
        {**MFA, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (changed(9, MFA, OFF), changed(3, REPORTING, MFA)),
        None,
        None,
        ("own date", "20 Nov 2026, 08:00 UTC", "shows nothing that explains it"),
    ),
    Case(
        "a change after the last one that the log shows, and that left everything as it was",
        {**MFA, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (changed(3, REPORTING, MFA),),
        3,
        ADA,
        ("switched from report-only to on",),
    ),
    Case(
        "a change after one that the log doesn't describe",
        {**MFA, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (replace(changed(3, OFF, MFA), before=None, after=None),),
        None,
        None,
        ("own date", "shows nothing that explains it"),
    ),
    Case(
        "a membership, and a policy that was changed later in a way that the log doesn't show",
        {**FOR_GROUP, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (moved(5, "group_added", "g1"),),
        None,
        None,
        ("own date", "20 Nov 2026, 08:00 UTC", "shows nothing that explains it"),
        MEMBER,
    ),
    Case(
        "a membership after such a change",
        {**FOR_GROUP, "modifiedDateTime": "2026-11-02T08:00:00Z"},
        (moved(5, "group_added", "g1"),),
        5,
        BOB,
        ("since 5 Nov 2026",),
        MEMBER,
    ),
    Case(
        "an account that left a group which had been an exception until then",
        WITH_EXCEPTIONS,
        (moved(8, "group_removed", "g1"), moved(6, "group_added", "gx", who="g1")),
        8,
        BOB,
        ('the account was removed from the group "g1"',),
    ),
    Case(
        "an exception ended for a group that the account came into later",
        WITH_EXCEPTIONS,
        (moved(8, "group_added", "g1"), moved(6, "group_removed", "gx", who="g1")),
        None,
        None,
        ("own date",),
        MEMBER,
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
        "an account that left the exceptions before the policy was switched on",
        WITH_EXCEPTIONS,
        (changed(9, {**WITH_EXCEPTIONS, "state": "disabled"}, WITH_EXCEPTIONS), moved(6, "group_removed", "gx")),
        9,
        ADA,
        ("since 9 Nov 2026", "; before that, on 6 Nov 2026, 14:12 UTC, the account was removed from the group"),
    ),
    Case(
        "an account that lost a role that excepted it",
        policy("P", id="p", not_roles=("r1",), clients=MODERN),
        (moved(6, "role_removed", "r1"),),
        6,
        BOB,
        (f'Hidden since 6 Nov 2026, 14:12 UTC, when the role "r1" was taken from the account, by {BOB}.',),
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
    Case("an expired log", MFA, (), None, None, ("1 Jun 2026, 08:00 UTC", "own date", "doesn't reach back that far")),
    Case(
        "a log that shows nothing",
        {**MFA, "modifiedDateTime": "2026-11-20T08:00:00Z"},
        (),
        None,
        None,
        ("own date", "shows nothing that explains it"),
    ),
    Case(
        "a log that reaches back as far as the policy's own date",
        {**MFA, "modifiedDateTime": START.isoformat()},
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
        ("Excluded since 6 Nov 2026",),
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


@pytest.mark.parametrize("trail", [None, AuditTrail((), START)], ids=["without the log", "with it"])
def test_a_policy_without_a_date_of_its_own_is_given_none(trail: AuditTrail | None) -> None:
    tenant = make_tenant([policy()])
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert (reason.since, reason.since_is_policy_date, reason.cause) == (None, False, None)


def test_a_role_that_the_account_was_given() -> None:
    tenant = make_tenant([FOR_ROLE], role_assignments=(holds("r1"),))
    trail = AuditTrail((moved(4, "role_added", "r1"),), START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert (reason.since, reason.actor) == (day(4), BOB)


def test_without_the_groups_of_an_account_no_membership_is_told() -> None:
    tenant = make_tenant([FOR_ROLE], role_assignments=(holds("r1"),))
    trail = AuditTrail((moved(4, "role_added", "r1"),), START)
    unread = judged(tenant, replace(SERVICE, groups=GROUPS_GAP))
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(unread), Effect.DEMANDS_MFA)
    assert (reason.since, reason.actor) == (None, None)


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
    assert (reason.cause or "").startswith("Since 9 Nov 2026, 14:12 UTC, when per-user MFA was" if actor else "")


OF_OTHERS = tuple(
    AuditEvent(day(12), kind, BOB, "other", "other", "off")
    for kind in ("mfa_disabled", "policy_deleted", "user_updated")
)
"""Newer events that have nothing to do with it."""


@pytest.mark.parametrize(("detail", "actor"), [("on", ADA), ("", ADA), ("off", None)])
def test_security_defaults_are_put_down_to_whoever_switched_them_on(detail: str, actor: str | None) -> None:
    tenant = make_tenant(security_defaults=True)
    events = (*OF_OTHERS, AuditEvent(day(2), "security_defaults", ADA, "sd", "Security Defaults", detail))
    trail = AuditTrail(events, START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert reason.actor == actor


def test_only_the_newest_change_of_security_defaults_counts() -> None:
    tenant = make_tenant(security_defaults=True)
    trail = AuditTrail((defaults(3, "off"), defaults(2, "on")), START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, SERVICE)), Effect.DEMANDS_MFA)
    assert reason.actor is None


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


@pytest.mark.parametrize(
    ("state", "kind", "detail", "says"),
    [
        ("enforced", "mfa_enabled", "enforced", "when per-user MFA was set to Enforced for the account"),
        ("enforced", "mfa_enabled", "enabled", "when per-user MFA was set to Enabled for the account"),
        ("enabled", "mfa_enabled", "enabled", "when per-user MFA was set to Enabled for the account"),
        ("Disabled", "mfa_disabled", "disabled", "when per-user MFA was switched off for the account"),
        ("enforced", "mfa_changed", "", "when the per-user MFA state of the account was changed"),
        ("disabled", "mfa_changed", "", "when the per-user MFA state of the account was changed"),
        ("enabled", "mfa_enabled", "enforced", None),
        ("enforced", "mfa_disabled", "disabled", None),
        ("unknownFutureValue", "mfa_changed", "", None),
    ],
)
def test_a_change_of_per_user_mfa_is_told_as_far_as_the_log_says_it(
    state: str, kind: str, detail: str, says: str | None
) -> None:
    tenant, account = make_tenant(), replace(SERVICE, per_user_mfa=state, registration=Registration(report=()))
    trail = AuditTrail((AuditEvent(day(9), kind, ADA, "svc", "svc", detail),), START)
    (reason, *_) = Causes(tenant, trail, NOW).explain(judged(tenant, account)).verdict.reasons
    assert reason.cause == (says and f"Since 9 Nov 2026, 14:12 UTC, {says}, by {ADA}.")


@pytest.mark.parametrize(
    ("detail", "cause", "actor"),
    [
        (
            "off",
            'Off since 9 Nov 2026, 14:12 UTC, when "Allow users to create app passwords" was switched off in the MFA service '
            f"settings, by {ADA}.",
            ADA,
        ),
        (
            "",
            f"Perhaps off since 9 Nov 2026, 14:12 UTC, when the MFA service settings were changed, by {ADA}: the log doesn't "
            "say what was changed.",
            None,
        ),
        ("on", None, None),
    ],
)
def test_the_tenant_switch_is_put_down_to_whoever_switched_it_off(
    detail: str, cause: str | None, actor: str | None
) -> None:
    tenant, account = make_tenant(), replace(SERVICE, per_user_mfa="enforced")
    trail = AuditTrail((*OF_OTHERS, AuditEvent(day(9), "tenant_switch", ADA, "", "", detail)), START)
    before = judged(tenant, account, app_passwords_allowed="no")
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(before), Effect.TENANT_SWITCH_OFF)
    assert (reason.cause, reason.actor) == (cause, actor)


ASKED = MfaDemand("mfaRegistrationRequiredByIdentityProtectionPolicy", day(9))


@pytest.mark.parametrize(
    ("demand", "changed_on", "cause"),
    [
        (ASKED, 8, f"was last changed on 8 Nov 2026, 14:12 UTC, by {ADA}."),
        (
            ASKED,
            10,
            f"was changed on 10 Nov 2026, 14:12 UTC, by {ADA}, after this sign-in: whether it still asks for it can't be read.",
        ),
        (ASKED, 9, f"was last changed on 9 Nov 2026, 14:12 UTC, by {ADA}."),
        (ASKED, None, None),
        (replace(ASKED, provider="enforcedForCspAdmins"), 8, None),
    ],
)
def test_what_became_of_the_registration_policy_stands_beside_its_demand(
    demand: MfaDemand, changed_on: int | None, cause: str | None
) -> None:
    tenant, account = make_tenant(), replace(SERVICE, mfa_demands=(demand,))
    events = (AuditEvent(day(changed_on), "mfa_registration_policy", ADA, "", ""),) if changed_on else ()
    (reason,) = reasons(
        Causes(tenant, AuditTrail((*OF_OTHERS, *events), START), NOW).explain(judged(tenant, account)), Effect.EVIDENCE
    )
    assert (reason.since, reason.actor) == (day(9), None)
    assert (reason.cause or "").removeprefix(
        "The policy of Identity Protection on registering for multifactor authentication "
    ) == (cause or "")


def test_of_two_demands_the_newest_is_told_and_nothing_of_what_is_behind_the_other() -> None:
    demands = (MfaDemand("enforcedForCspAdmins", day(9)), replace(ASKED, seen=day(7)))
    tenant, account = make_tenant(), replace(SERVICE, mfa_demands=demands)
    trail = AuditTrail((AuditEvent(day(6), "mfa_registration_policy", ADA, "", ""),), START)
    (reason,) = reasons(Causes(tenant, trail, NOW).explain(judged(tenant, account)), Effect.EVIDENCE)
    assert (reason.since, reason.cause) == (day(9), None)


def deleted(number: int, before: Json | None) -> AuditEvent:
    return AuditEvent(day(number), "policy_deleted", ADA, "p", "P", before=parse_policy(before) if before else None)


def defaults(number: int, detail: str) -> AuditEvent:
    return AuditEvent(day(number), "security_defaults", BOB, "sd", "", detail)


GROUPED = policy("G", id="g", users=(), groups=("g1",), clients=MODERN)


@pytest.mark.parametrize(
    ("today", "events", "says"),
    [
        ([], (deleted(9, MFA),), f'9 Nov 2026, 14:12 UTC, when the policy "P" was deleted, by {ADA}.'),
        ([OFF], (changed(9, MFA, OFF),), f'when the policy "P" was switched from on to off, by {ADA}.'),
        ([REPORTING], (changed(9, MFA, REPORTING),), 'when the policy "P" was switched from on to report-only'),
        ([], (defaults(9, "off"),), f"when Security Defaults were switched off, by {BOB}."),
        ([], (defaults(9, "off"), deleted(5, MFA)), "9 Nov 2026, 14:12 UTC, when Security Defaults"),
        ([], (deleted(9, MFA), defaults(5, "off")), "9 Nov 2026, 14:12 UTC, when the policy"),
        (
            [],
            (deleted(9, OFF), changed(5, MFA, OFF)),
            '5 Nov 2026, 14:12 UTC, when the policy "P" was switched from on',
        ),
        (
            [GROUPED],
            (moved(9, "group_removed", "g1"),),
            f'9 Nov 2026, 14:12 UTC, when the account was removed from the group "g1", by {BOB}.',
        ),
        ([GROUPED], (moved(9, "group_added", "g1"),), None),
        ([{**GROUPED, "state": "disabled"}], (moved(9, "group_removed", "g1"),), None),
        ([], (deleted(9, None),), None),
        ([], (deleted(9, REPORTING),), None),
        ([], (defaults(9, ""),), None),
        ([], (defaults(9, "on"), defaults(5, "off")), None),
        ([], (deleted(9, OFF),), None),
        ([], (deleted(9, policy(users=("someone",), clients=MODERN)),), None),
        ([], (deleted(9, policy(grant=("block",), clients=MODERN)),), None),
        ([], (defaults(9, "on"),), None),
        ([MFA], (deleted(9, {**MFA, "id": "q"}),), None),
        ([], (), None),
    ],
)
def test_what_ended_is_told_of_an_account_from_which_nothing_hides_the_option_any_more(
    today: list[Json], events: tuple[AuditEvent, ...], says: str | None
) -> None:
    tenant = make_tenant(today)
    after = Causes(tenant, AuditTrail(events, START), NOW).explain(judged(tenant, SERVICE))
    (state,) = reasons(after, Effect.PER_USER_STATE)
    assert state.cause == after.verdict.ended
    assert (after.verdict.ended or "").startswith("Not hidden any more since " if says else "")
    assert (says is None) == (after.verdict.ended is None)
    assert (says or "") in (after.verdict.ended or "")
    assert (state.since, state.actor) == (None, None)


GROUPED_SINCE_12 = {**GROUPED, "createdDateTime": day(12).isoformat()}
GROUPED_ON_AGAIN = {**GROUPED, "modifiedDateTime": day(12).isoformat()}
OFF_GROUPED = {**GROUPED, "state": "disabled"}


def of_group(number: int, before: Json | None, after: Json | None) -> AuditEvent:
    return replace(changed(number, before, after), target_id="g", target_name="G")


@pytest.mark.parametrize(
    ("today", "account", "events", "says"),
    [
        ([GROUPED_SINCE_12], {}, (of_group(12, None, GROUPED), moved(9, "group_removed", "g1")), None),
        ([GROUPED_SINCE_12], {}, (moved(9, "group_removed", "g1"),), None),
        ([GROUPED_ON_AGAIN], {}, (of_group(12, OFF_GROUPED, GROUPED), moved(9, "group_removed", "g1")), None),
        (
            [GROUPED_ON_AGAIN],
            {},
            (moved(13, "group_removed", "g1"), of_group(12, OFF_GROUPED, GROUPED)),
            f'13 Nov 2026, 14:12 UTC, when the account was removed from the group "g1", by {BOB}.',
        ),
        (
            [OFF_GROUPED],
            MEMBER,
            (moved(12, "group_added", "g1"), of_group(9, GROUPED, OFF_GROUPED), moved(5, "group_removed", "g1")),
            f'5 Nov 2026, 14:12 UTC, when the account was removed from the group "g1", by {BOB}.',
        ),
        ([OFF_GROUPED], MEMBER, (moved(12, "group_added", "g1"), of_group(9, GROUPED, OFF_GROUPED)), None),
        (
            [WITH_EXCEPTIONS],
            member_of("gx"),
            (moved(12, "group_added", "gx"), changed(9, MFA, WITH_EXCEPTIONS)),
            f'12 Nov 2026, 14:12 UTC, when the account was added to the group "gx", by {BOB}.',
        ),
        ([{**OFF, "modifiedDateTime": day(14).isoformat()}], {}, (changed(12, OFF, MFA), changed(9, MFA, OFF)), None),
    ],
    ids=[
        "a policy that was made after the account left its group",
        "the same, and the log doesn't show it yet",
        "a policy that was off when the account left its group",
        "a group that was left while its policy was on",
        "a policy that was switched off while the account wasn't in its group",
        "the same, and nobody knows when it left",
        "an exception",
        "a policy that was switched off in a way that the log doesn't show yet",
    ],
)
def test_what_ended_hid_the_option_until_then(
    today: list[Json], account: dict[str, Any], events: tuple[AuditEvent, ...], says: str | None
) -> None:
    judged_today = judged(make_tenant(today), replace(SERVICE, **account))
    ended = Causes(make_tenant(today), AuditTrail(events, START), NOW).explain(judged_today).verdict.ended
    assert (says is None) == (ended is None)
    assert (says or "") in (ended or "")


def test_what_ended_is_told_after_who_switched_per_user_mfa_off() -> None:
    events = (deleted(9, MFA), AuditEvent(day(5), "mfa_disabled", BOB, "svc", "svc"))
    tenant = make_tenant()
    after = Causes(tenant, AuditTrail(events, START), NOW).explain(judged(tenant, SERVICE))
    (state,) = reasons(after, Effect.PER_USER_STATE)
    assert state.cause == (
        f"Since 5 Nov 2026, 14:12 UTC, when per-user MFA was switched off for the account, by {BOB}. "
        f'Not hidden any more since 9 Nov 2026, 14:12 UTC, when the policy "P" was deleted, by {ADA}.'
    )
    assert (state.since, state.actor) == (day(5), BOB)


def test_nothing_has_ended_for_an_account_that_has_the_option() -> None:
    tenant = make_tenant()
    enforced = replace(SERVICE, per_user_mfa="enforced")
    after = Causes(tenant, AuditTrail((deleted(9, MFA),), START), NOW).explain(judged(tenant, enforced))
    assert after.verdict.ended is None
