"""Reasons: which, in which order, with which effect, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checks import reasons as say
from checks.judge import judge
from checks.model import Effect, Reason
from checks.tenant_switch import TenantSwitch
from tenant.model import Account, Gap, Group, MfaDemand, MfaService, Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    GROUPS,
    GROUPS_GAP,
    MFA_MODERN,
    MODERN,
    NOW,
    POLICIES_GAP,
    REPORT_ONLY,
    SERVICE,
    SHAREPOINT,
    STATE_GAP,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
    reasons,
)

RISK = {"signInRiskLevels": ["high"]}
OUTSIDE = {"locations": {"includeLocations": ["All"], "excludeLocations": ["l1"]}}


def told(
    policies: Sequence[Json], /, *, allowed: str = "unknown", account: Mapping[str, Any] | None = None, **tenant: Any
) -> tuple[Reason, ...]:
    found = judged(make_tenant(policies, **tenant), replace(SERVICE, **(account or {})), app_passwords_allowed=allowed)
    return found.verdict.reasons


def names(found: Sequence[Reason], effect: Effect) -> list[str | None]:
    return [reason.policy_name for reason in found if reason.effect is effect]


def test_unconditional_policies_come_first_then_by_name_then_by_id() -> None:
    policies = [
        policy("b risk", conditions=RISK),
        policy("Z"),
        policy("id2", displayName="Same"),
        policy("id1", displayName="Same"),
        policy("a"),
        policy("A risk", conditions=RISK),
    ]
    found = told(policies)
    assert names(found, Effect.DEMANDS_MFA) == ["a", "Same", "Same", "Z", "A risk", "b risk"]
    assert [r.policy_id for r in found if r.effect is Effect.DEMANDS_MFA][1:3] == ["id1", "id2"]
    assert names(found, Effect.BLOCKS_LEGACY) == ["a", "Same", "Same", "Z", "A risk", "b risk"]


def test_security_defaults_come_first_and_the_policies_follow() -> None:
    found = told([policy("A")], security_defaults=True)
    assert (found[0].effect, found[0].policy_id) == (Effect.DEMANDS_MFA, None)
    assert names(found, Effect.DEMANDS_MFA) == [None, "A"]
    assert names(found, Effect.BLOCKS_LEGACY) == [None, "A"]


@pytest.mark.parametrize(
    ("policies", "tenant", "expected"),
    [
        ([policy(users=("someone",))], {"security_defaults": True}, 1),
        ([policy(apps=(SHAREPOINT,))], {"security_defaults": True}, 1),
        ([policy(grant=None)], {"security_defaults": True}, 1),
        ([policy(state=REPORT_ONLY)], {"security_defaults": True}, 0),
        ([policy(state="disabled")], {"security_defaults": True}, 0),
        ([], {"security_defaults": True}, 0),
        ([policy()], {"security_defaults": False}, 0),
    ],
)
@pytest.mark.parametrize("state", ["disabled", "enforced"])
def test_security_defaults_beside_an_enabled_policy_contradict(
    policies: list[Json], tenant: Mapping[str, Any], expected: int, state: str
) -> None:
    found = told(policies, account={"per_user_mfa": state}, **tenant)
    assert len([reason for reason in found if reason.effect is Effect.CONTRADICTORY_STATE]) == expected


@pytest.mark.parametrize(
    ("raw", "blocked"),
    [
        (policy(grant=("block",)), True),
        (policy(grant=("block",), clients=("browser",)), True),
        (policy(grant=("block",), clients=MODERN), True),
        (policy(grant=("block",), clients=None), True),
        (policy(grant=("block",), clients=("mobileAppsAndDesktopClients",)), False),
        (BLOCK_LEGACY, False),
        (policy(grant=("block",), conditions=OUTSIDE), False),
        (policy(grant=("block",), conditions=RISK), False),
        (policy(grant=("block",), apps=(SHAREPOINT,)), False),
        (policy(grant=("block",), not_users=("svc",)), False),
        (policy(grant=("block",), state=REPORT_ONLY), False),
        (policy(grant=("block",), conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}), False),
        (policy(grant=("block",), conditions={"newCondition": 1}), False),
        (policy(grant=("compliantDevice",)), False),
    ],
)
def test_a_block_of_browsers_is_told_and_changes_no_visibility(raw: Json, blocked: bool) -> None:
    for state, visibility in (("disabled", "not_offered"), ("enforced", "visible")):
        found = judged(make_tenant([raw]), replace(SERVICE, per_user_mfa=state))
        assert found.verdict.visibility == visibility
        assert bool(reasons(found, Effect.BLOCKS_INTERACTIVE)) is blocked


@pytest.mark.parametrize(
    "raw",
    [policy(grant=("block", "newControl")), policy(grant=("block",), grant_members={"newControls": ["x"]})],
    ids=["a control", "a kind of control"],
)
def test_a_block_beside_a_control_that_nobody_knows_is_not_told_as_certain(raw: Json) -> None:
    found = judged(make_tenant([raw]), SERVICE)
    assert found.verdict.usability == "conditional"
    assert not reasons(found, Effect.BLOCKS_INTERACTIVE)


def test_a_policy_reason_carries_policy_scope_circumstances_and_date() -> None:
    raw = policy(
        "id1",
        displayName="MFA outside",
        conditions=OUTSIDE,
        createdDateTime="2026-01-02T03:04:05Z",
        modifiedDateTime="2026-11-03T14:12:00.1234567Z",
    )
    found = judged(make_tenant([raw], named_locations={"l1": "Head office"}), SERVICE)
    (demand,) = reasons(found, Effect.DEMANDS_MFA)
    (block,) = reasons(found, Effect.BLOCKS_LEGACY)
    assert (demand.policy_id, demand.policy_name, demand.scope) == ("id1", "MFA outside", "all users")
    assert demand.since == datetime(2026, 11, 3, 14, 12, 0, 123456, tzinfo=UTC)
    assert demand.circumstances == ()
    assert len(block.circumstances) == 1
    assert "Head office" in block.circumstances[0]
    assert '"MFA outside"' in demand.text


def test_without_a_change_the_creation_is_since_when() -> None:
    (reason,) = (r for r in told([policy(createdDateTime="2026-01-02T03:04:05Z")]) if r.effect is Effect.DEMANDS_MFA)
    assert reason.since == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (policy(conditions=RISK), "high"),
        (policy(conditions={"insiderRiskLevels": "minor,elevated"}), "elevated"),
        (policy(conditions={"platforms": {"includePlatforms": ["macOS"]}}), "macOS"),
        (policy(conditions={"locations": {"includeLocations": ["AllTrusted"]}}), "trusted"),
        (policy(conditions={"locations": {"includeLocations": ["lost"]}}), "lost"),
        (policy(conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}), "device code flow"),
        (policy(conditions={"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}}), "device filter"),
        (policy(conditions={"newCondition": ["x"]}), "conditions.newCondition"),
        (policy(partialEnablementStrategy={"x": 1}), "partialEnablementStrategy"),
        (policy(grant=("mfa", "compliantDevice")), "device"),
        (policy(grant_members={"newMember": 1}), "newMember"),
        (policy(state="brandNew"), "brandnew"),
    ],
)
def test_a_circumstance_is_named(raw: Json, word: str) -> None:
    (reason,) = (r for r in told([raw]) if r.effect is Effect.DEMANDS_MFA)
    assert any(word in circumstance for circumstance in reason.circumstances)
    assert word in reason.text


@pytest.mark.parametrize(
    ("state", "registration", "carried"),
    [
        ("enforced", Registration(), True),
        ("enabled", Registration(report=("mobilePhone",)), True),
        ("enabled", Registration(report=()), True),
        ("enabled", Registration(), False),
        ("disabled", Registration(), False),
        (None, Registration(), False),
    ],
)
def test_the_attested_tenant_switch_is_the_first_reason_and_changes_nothing(
    state: str | None, registration: Registration, carried: bool
) -> None:
    account = {"per_user_mfa": state, "registration": registration}
    for tenant in ({}, {"security_defaults": True}, {"policies": POLICIES_GAP}):
        off = told([], allowed="no", account=account, **tenant)
        assert (off[0].effect is Effect.TENANT_SWITCH_OFF) is carried
        for other in ("yes", "unknown"):
            on = told([], allowed=other, account=account, **tenant)
            assert [reason.effect for reason in on] == [
                reason.effect for reason in off if reason.effect is not Effect.TENANT_SWITCH_OFF
            ]


def test_report_only_reasons_say_would() -> None:
    found = told([policy("A", state=REPORT_ONLY)])
    assert names(found, Effect.WOULD_DEMAND_MFA) == names(found, Effect.WOULD_BLOCK_LEGACY) == ["A"]
    assert not names(found, Effect.DEMANDS_MFA)
    assert not names(found, Effect.BLOCKS_LEGACY)


def test_every_account_gets_a_reason_in_words() -> None:
    cases: list[tuple[list[Json], dict[str, Any]]] = [
        ([], {}),
        ([MFA_MODERN], {}),
        ([], {"enabled": False}),
        ([], {"user_type": "Guest"}),
        ([], {"per_user_mfa": None}),
    ]
    for policies, account in cases:
        found = told(policies, account=account)
        assert found
        assert all(reason.text.strip().endswith((".", ")")) for reason in found)


@pytest.mark.parametrize(("member_of", "warned"), [(True, True), (False, False)])
def test_an_exclusion_by_a_rule_that_microsoft_has_retired_may_end_by_itself(member_of: bool, warned: bool) -> None:
    groups = {"gx": Group("gx", "MFA exceptions", dynamic=True, by_member_of=member_of)}
    found = told([policy(not_groups=("gx",))], account={"groups": frozenset({"gx"})}, groups=groups)
    (excluded,) = (one for one in found if one.effect is Effect.EXCLUDED)
    said = 'Who is in "MFA exceptions" comes from a memberOf rule, which Microsoft has retired on 3 Nov 2026'
    assert (said in excluded.text) is warned


NOWHERE = {"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["all"]}}
NEW = {"newCondition": 1}
FOR_ALL = "(reaches the account: all users)"
MFA, LEGACY = "multifactor authentication for Exchange Online", "legacy authentication to Exchange Online"
WHATEVER = ", with or without an app password, because legacy clients can't do what it requires"
IN_TEST = "is in report-only mode; switched on, it"
HIGH = "only when the sign-in risk is high"
IT_HAS = 'it has conditions that this version doesn\'t know ("conditions.newCondition")'
CONTRADICT = (
    "its conditions contradict each other: it includes and excludes every platform, so it applies nowhere as it stands"
)
EXCEPT = "from everywhere except Head office"
NEW_CONTROL = "newControl, which this version doesn't know; it may"
APPROVED = "approved client app, which Microsoft has retired on 30 Jun 2026"
DEMANDS, BLOCKS = Effect.DEMANDS_MFA, Effect.BLOCKS_LEGACY
WOULD_DEMAND, WOULD_BLOCK = Effect.WOULD_DEMAND_MFA, Effect.WOULD_BLOCK_LEGACY


@pytest.mark.parametrize(
    ("raw", "account", "effect", "text", "understood"),
    [
        (policy(), {}, DEMANDS, f"requires {MFA} {FOR_ALL}.", True),
        (policy(), {}, BLOCKS, f"blocks {LEGACY}{WHATEVER} {FOR_ALL}.", True),
        (policy(grant=("Block",)), {}, BLOCKS, f"blocks {LEGACY}, with or without an app password {FOR_ALL}.", True),
        (
            policy(grant=("block",)),
            {},
            Effect.BLOCKS_INTERACTIVE,
            f"blocks interactive sign-in, so nobody can open the Security info page {FOR_ALL}.",
            True,
        ),
        (policy(state=REPORT_ONLY), {}, WOULD_DEMAND, f"{IN_TEST} would require {MFA} {FOR_ALL}.", True),
        (policy(state=REPORT_ONLY), {}, WOULD_BLOCK, f"{IN_TEST} would block {LEGACY} {FOR_ALL}.", True),
        (
            policy(users=(), roles=("r",)),
            {},
            WOULD_DEMAND,
            f"applies once the eligible role Reader is activated; it would require {MFA} "
            "(reaches the account: eligible role Reader).",
            True,
        ),
        (
            policy(users=(), groups=("g2",)),
            {"groups": frozenset({"g1", "g2"})},
            DEMANDS,
            f"requires {MFA} (reaches the account: member of All service accounts).",
            True,
        ),
        # Circumstances: what the policy does goes on, or says why.
        (policy(conditions=RISK), {}, DEMANDS, f"requires {MFA} {FOR_ALL}, {HIGH}.", True),
        (policy(conditions=RISK), {}, BLOCKS, f"blocks {LEGACY}{WHATEVER} {FOR_ALL}, {HIGH}.", True),
        (policy(conditions=OUTSIDE), {}, DEMANDS, f"requires {MFA} {FOR_ALL}, {EXCEPT}.", True),
        (policy(conditions=OUTSIDE), {}, BLOCKS, f"blocks {LEGACY}{WHATEVER} {FOR_ALL}, {EXCEPT}.", True),
        # What this version doesn't know.
        (policy(conditions=NEW), {}, DEMANDS, f"may require {MFA} {FOR_ALL}: {IT_HAS}.", False),
        (policy(conditions=NEW), {}, BLOCKS, f"may block {LEGACY}{WHATEVER} {FOR_ALL}: {IT_HAS}.", False),
        (
            policy(conditions=NEW, state=REPORT_ONLY),
            {},
            WOULD_DEMAND,
            f"{IN_TEST} might require {MFA} {FOR_ALL}: {IT_HAS}.",
            False,
        ),
        (policy(conditions={**NEW, **RISK}), {}, DEMANDS, f"may require {MFA} {FOR_ALL}, {HIGH}; {IT_HAS}.", False),
        (
            policy(state="brandNew"),
            {},
            DEMANDS,
            f'may require {MFA} {FOR_ALL}: its state "brandnew" is new to this version.',
            False,
        ),
        (policy(grant=("newControl",)), {}, DEMANDS, f"requires {NEW_CONTROL} mean MFA {FOR_ALL}.", False),
        (policy(grant=("newControl",)), {}, BLOCKS, f"requires {NEW_CONTROL} block {LEGACY} {FOR_ALL}.", False),
        (
            policy(grant=("newControl",), state=REPORT_ONLY),
            {},
            WOULD_DEMAND,
            f"{IN_TEST} would require {NEW_CONTROL} mean MFA {FOR_ALL}.",
            False,
        ),
        (
            policy(grant=("newControl",), conditions=RISK),
            {},
            BLOCKS,
            f"requires {NEW_CONTROL} block {LEGACY} {FOR_ALL}, {HIGH}.",
            False,
        ),
        (
            policy(grant=("newControl",), conditions=RISK),
            {},
            DEMANDS,
            f"requires {NEW_CONTROL} mean MFA {FOR_ALL}, {HIGH}.",
            False,
        ),
        (
            policy(grant=("mfa", "newControl")),
            {},
            DEMANDS,
            f"requires {MFA} {FOR_ALL}, only if no other control is met instead (newControl, which this version doesn't know).",
            True,
        ),
        (
            policy(apps=(), app_members={"includeNewThings": ["x"]}),
            {},
            DEMANDS,
            f"may require {MFA} {FOR_ALL}: it selects applications in a way that this version doesn't know; "
            'it has conditions that this version doesn\'t know ("conditions.applications.includeNewThings").',
            False,
        ),
        # What never comes stands first.
        (policy(conditions=NOWHERE), {}, DEMANDS, f"would require {MFA} {FOR_ALL}, but {CONTRADICT}.", True),
        (policy(conditions=NOWHERE), {}, BLOCKS, f"would block {LEGACY}{WHATEVER} {FOR_ALL}, but {CONTRADICT}.", True),
        (
            policy(conditions={**OUTSIDE, **NOWHERE, **RISK}),
            {},
            DEMANDS,
            f"would require {MFA} {FOR_ALL}, but {CONTRADICT}; {EXCEPT}; {HIGH}.",
            True,
        ),
        (
            policy(conditions={**NOWHERE, **NEW}),
            {},
            DEMANDS,
            f"would require {MFA} {FOR_ALL}, but {CONTRADICT}; {IT_HAS}.",
            False,
        ),
        # What Microsoft has retired.
        (
            policy(grant=("mfa", "approvedApplication")),
            {},
            DEMANDS,
            f"requires {MFA} {FOR_ALL}. No longer a way round it: {APPROVED}.",
            True,
        ),
        (
            policy(grant=("mfa", "approvedApplication")),
            {},
            BLOCKS,
            f"blocks {LEGACY}{WHATEVER} {FOR_ALL}.",
            True,
        ),
        (
            policy(grant=("mfa", "approvedApplication"), operator="AND"),
            {},
            DEMANDS,
            f"requires {MFA} {FOR_ALL}.",
            True,
        ),
        (
            policy(grant=("approvedApplication",)),
            {},
            Effect.EXCLUDED,
            f"{FOR_ALL} no longer blocks legacy authentication: it requires nothing but {APPROVED}.",
            True,
        ),
    ],
)
def test_the_whole_sentence_about_a_policy(
    raw: Json, account: dict[str, Any], effect: Effect, text: str, understood: bool
) -> None:
    tenant: dict[str, Any] = {
        "named_locations": {"l1": "Head office"},
        "role_eligibilities": (holds("r"),),
        "role_names": {"r": "Reader"},
    }
    found = [one for one in told([raw], account=account, **tenant) if one.effect is effect]
    assert [(one.text, one.understood) for one in found] == [(f'The policy "P" {text}', understood)]


def test_of_several_policies_that_may_reach_the_account_each_is_told_as_one_of_several() -> None:
    """Whichever of two groups the account is in, and it is in one for certain: nobody knows which policy it is."""
    named = policy("A", users=(), groups=("g1",), clients=MODERN)
    others = policy("B", not_groups=("g1",), clients=MODERN)
    found = told([named, others], account={"groups": GROUPS_GAP}, groups=GROUPS)
    of_several = (
        "requires multifactor authentication for Exchange Online (reaches the account: this policy or another one named "
        "here does, which of them could not be read)."
    )
    assert [one.text for one in found if one.effect is DEMANDS] == [
        f'The policy "{name}" {of_several}' for name in "AB"
    ]


def test_words_that_are_made_once_are_made_for_each_policy_effect_and_scope() -> None:
    policies = [policy("A"), policy("B"), policy("C", groups=("g1",), users=()), policy("D", not_groups=("g1",))]
    tenant = make_tenant(policies)
    said = {}
    for id, groups in (("a", ()), ("b", ("g1",)), ("c", ("g1", "g2"))):
        account = Account(id, id, per_user_mfa="disabled", groups=frozenset(groups))
        said[id] = [one.text for one in judged(tenant, account).verdict.reasons]
    assert any('"D" requires' in text for text in said["a"])
    assert not any('"C"' in text for text in said["a"])
    assert said["b"] == said["c"]
    assert any(
        '"C" requires multifactor authentication for Exchange Online (reaches the account: member of Backup apps)'
        in text
        for text in said["b"]
    )
    assert 'The account is excluded from the policy "D" (member of Backup apps).' in said["b"]


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("all users", "all users"),
        ("group A", "member of A"),
        ("group A > B", "member of A, which is nested in B"),
        ("group A > B > C", "member of A, which is nested in B, which is nested in C"),
        ("role A", "role A"),
    ],
)
def test_a_chain_of_groups_is_told_from_the_inside(scope: str, words: str) -> None:
    assert say.in_words(scope) == words


DISABLED = "Per-user MFA is Disabled. Microsoft offers app passwords only to accounts that are Enforced."
ENABLED = "Per-user MFA is Enabled, and not yet Enforced."
OFFERS = "Per-user MFA is Enforced, so the account's Security info page offers app passwords."
NO_OFFER = "Per-user MFA is Enforced, which is all that the option asks of the account."
ABSENT = " (Microsoft Graph didn't say whether the account is enabled; it is taken to be.)"
OTHERWISE = ' (The user list says "Enforced" instead; the documented state counts.)'


@pytest.mark.parametrize(
    ("account", "state", "switched_off", "text"),
    [
        ({}, "disabled", False, DISABLED),
        ({}, "enabled", False, ENABLED),
        ({}, "enforced", False, OFFERS),
        ({}, "enforced", True, NO_OFFER),
        ({"per_user_mfa_bulk": "Disabled"}, "disabled", False, DISABLED),
        ({"per_user_mfa_bulk": "Enforced"}, "disabled", False, DISABLED + OTHERWISE),
        ({"per_user_mfa_bulk": "Enforced"}, "enforced", False, OFFERS),
        ({"enabled": None}, "disabled", False, DISABLED + ABSENT),
        ({"enabled": None, "per_user_mfa_bulk": "Enforced"}, "enabled", True, ENABLED + OTHERWISE + ABSENT),
    ],
)
def test_what_the_state_means_and_what_was_odd_about_reading_it(
    account: dict[str, Any], state: str, switched_off: bool, text: str
) -> None:
    found = say.per_user_state(replace(SERVICE, **account), state, switched_off=switched_off)
    assert found == Reason(text, Effect.PER_USER_STATE)


STUCK = "Per-user MFA is Enabled although an MFA method is registered: the state is stuck"
UNTIL = " until it is set to Enforced (Entra ID > Users > Per-user MFA)."
PENDING = "Per-user MFA is Enabled and no MFA method is registered yet: the"


@pytest.mark.parametrize(
    ("account", "registered", "switched_off", "text"),
    [
        ({}, True, False, f"{STUCK}, and the option stays away{UNTIL}"),
        ({}, True, True, f"{STUCK}{UNTIL}"),
        ({}, False, False, f"{PENDING} option appears after the registration."),
        ({}, False, True, f"{PENDING} state becomes Enforced after the registration."),
        (
            {"per_user_mfa_bulk": "Enforced"},
            False,
            True,
            f"{PENDING} state becomes Enforced after the registration.{OTHERWISE}",
        ),
        ({"enabled": None}, True, True, f"{STUCK}{UNTIL}{ABSENT}"),
    ],
)
def test_what_enabled_means_depends_on_the_registration(
    account: dict[str, Any], registered: bool, switched_off: bool, text: str
) -> None:
    found = say.per_user_enabled(replace(SERVICE, **account), registered, switched_off=switched_off)
    assert found == Reason(text, Effect.PER_USER_STATE)


OFF_UNDER = (
    '"Allow users to create app passwords to sign in to non-browser apps" is off under Entra ID > Users > Per-user MFA > '
    "Service settings, so nobody is offered one. It leaves app passwords that exist working."
)


@pytest.mark.parametrize(
    ("service", "attested", "known"),
    [
        (None, "no", "attested by the setting APP_PASSWORDS_ALLOWED=no"),
        (MfaService(False), "unknown", "read from Microsoft Graph"),
        (MfaService(False), "no", "read from Microsoft Graph"),
        (MfaService(False), "yes", "read from Microsoft Graph; the setting APP_PASSWORDS_ALLOWED says yes"),
        (MfaService(False, remembered=NOW), "no", "read from Microsoft Graph on 22 Nov 2026"),
        (
            MfaService(False, remembered=NOW),
            "yes",
            "read from Microsoft Graph on 22 Nov 2026; the setting APP_PASSWORDS_ALLOWED says yes",
        ),
    ],
)
def test_how_it_is_known_that_the_switch_is_off(service: MfaService | None, attested: str, known: str) -> None:
    found = say.tenant_switch_off(TenantSwitch.of(service, attested))
    text = f"App passwords are switched off for the whole tenant ({known}): {OFF_UNDER}"
    assert found == Reason(text, Effect.TENANT_SWITCH_OFF)


@pytest.mark.parametrize(
    ("provider", "asked_by"),
    [
        ("multiConditionalAccess", "Conditional Access"),
        ("SecurityDefaults", "Security Defaults"),
        ("baselineProtection", "Baseline Protection, which came before Security Defaults"),
        ("enforcedForCspAdmins", "Microsoft's rule for administrators at partners"),
        ("brandNew", '"brandNew"'),
    ],
)
def test_who_asked_for_mfa_is_said(provider: str, asked_by: str) -> None:
    text = (
        "On 22 Nov 2026, 07:00 UTC a sign-in of the account was asked for multifactor authentication by "
        f"{asked_by}, which none of the readable policies explains."
    )
    assert say.evidence(MfaDemand(provider, NOW)) == Reason(text, Effect.EVIDENCE, since=NOW)


def test_what_is_missing_is_said_with_the_permission_that_opens_it() -> None:
    gap = Gap("policy_plans", "503", "Policy.Read.All")
    text = "Could not read the Conditional Access policy plans (503): it matters."
    granted = f"{text} Grant the application permission Policy.Read.All."
    assert say.unreadable(gap, "it matters") == Reason(granted, Effect.UNREADABLE, permission="Policy.Read.All")
    assert say.unreadable(replace(gap, permission=None), "it matters") == Reason(text, Effect.UNREADABLE)
    other = say.unreadable(Gap("of another version", "503", None), "it matters")
    assert other.text == "Could not read of another version (503): it matters."
    registration = say.unreadable_registration(Gap("mfa_registration", "503", None)).text
    assert registration == (
        "Could not read the account's MFA registration (503): Per-user MFA is Enabled, and whether an MFA method is "
        "registered decides what that means."
    )


def test_a_person_is_told_what_opens_an_input_to_a_person() -> None:
    gap = replace(STATE_GAP, for_a_person="Sign in again as a Global Reader.")
    assert say.unreadable(gap, "it matters") == Reason(
        "Could not read the per-user MFA state (403 Authorization_RequestDenied): it matters. Sign in again as a Global "
        "Reader.",
        Effect.UNREADABLE,
        permission="Policy.Read.All",
        for_a_person="Sign in again as a Global Reader.",
    )
    unopened = say.unreadable(replace(gap, permission=None), "it matters")
    assert unopened.text == "Could not read the per-user MFA state (403 Authorization_RequestDenied): it matters."
    account = replace(SERVICE, per_user_mfa=gap, enabled=None)
    found = say.unreadable_state(account)
    assert found.text.endswith(f"the option. Sign in again as a Global Reader.{ABSENT}")
    assert (found.permission, found.for_a_person) == (gap.permission, gap.for_a_person)


LISTED = ' The user list says "enforced", which Microsoft doesn\'t document and is not relied on.'


@pytest.mark.parametrize(
    ("account", "text"),
    [
        (
            {"per_user_mfa": None},
            "Microsoft Graph returned no per-user MFA state for the account, so nothing can be said.",
        ),
        (
            {"per_user_mfa": ""},
            "Microsoft Graph returned no per-user MFA state for the account, so nothing can be said.",
        ),
        (
            {"per_user_mfa": "odd"},
            'Microsoft Graph returned the unknown per-user MFA state "odd" for the account, so nothing can be said.',
        ),
        (
            {"per_user_mfa": "odd", "enabled": None, "per_user_mfa_bulk": "enforced"},
            'Microsoft Graph returned the unknown per-user MFA state "odd" for the account, so nothing can be said.'
            f"{ABSENT}{LISTED}",
        ),
        (
            {"per_user_mfa": STATE_GAP, "per_user_mfa_bulk": "enforced"},
            "Could not read the per-user MFA state (403 Authorization_RequestDenied): without it nothing can be said about "
            f"the option. Grant the application permission Policy.Read.All.{LISTED}",
        ),
        (
            {"per_user_mfa": STATE_GAP, "enabled": None},
            "Could not read the per-user MFA state (403 Authorization_RequestDenied): without it nothing can be said about "
            f"the option. Grant the application permission Policy.Read.All.{ABSENT}",
        ),
    ],
)
def test_a_state_that_means_nothing_is_said_to(account: dict[str, Any], text: str) -> None:
    permission = "Policy.Read.All" if account["per_user_mfa"] is STATE_GAP else None
    found = say.unreadable_state(replace(SERVICE, **account))
    assert found == Reason(text, Effect.UNREADABLE, permission=permission)


@pytest.mark.parametrize(
    ("groups", "end"),
    [
        ((), ""),
        (("gx",), ' Who is in "MFA exceptions" comes from {}: the exclusion may end by itself.'),
        (("gx", "gy"), ' Who is in "MFA exceptions" and "Others" comes from {}: the exclusion may end by itself.'),
    ],
)
def test_an_exclusion_names_the_groups_because_of_which_it_may_end(groups: tuple[str, ...], end: str) -> None:
    named = {"gx": "MFA exceptions", "gy": "Others", "sure": "Sure"}
    known = {id: Group(id, name, dynamic=True, by_member_of=id != "sure") for id, name in named.items()}
    member_of = frozenset(groups or ("sure",))
    found = told([policy(not_groups=tuple(named))], account={"groups": member_of}, groups=known)
    (excluded,) = (one for one in found if one.effect is Effect.EXCLUDED)
    rule = "a memberOf rule, which Microsoft has retired on 3 Nov 2026"
    assert excluded.text.endswith(f").{end.format(rule)}")
    assert (excluded.policy_id, excluded.policy_name) == ("p", "P")


def test_what_microsoft_retired_is_said_alike_of_all_accounts_that_a_policy_reaches_alike() -> None:
    raw = policy(users=(), groups=("g1", "g2"), grant=("approvedApplication",))
    tenant = make_tenant([raw])
    ids = ("a", "b", "c")
    accounts = [
        Account(id, id, per_user_mfa="disabled", groups=frozenset({group}))
        for id, group in zip(ids, ("g1", "g1", "g2"), strict=True)
    ]
    said = [reasons(one, Effect.EXCLUDED) for one in judge(tenant, accounts, now=NOW)]
    assert said[0] == said[1]
    assert [one.text for (one,) in said[1:]] == [
        f'The policy "P" (reaches the account: member of {group}) no longer blocks legacy authentication: it requires nothing '
        f"but {APPROVED}."
        for group in ("Backup apps", "All service accounts")
    ]


def test_a_group_that_is_gone_is_named() -> None:
    gone = {"g1": Group("g1", "Gone", deleted=True), "g2": Group("g2", "Gone too", deleted=True)}
    found = told([policy(users=(), groups=("g1", "g2"))], groups=gone)
    (excluded,) = (one for one in found if one.effect is Effect.EXCLUDED)
    assert excluded == Reason(
        'The policy "P" includes a group that no longer exists (g1, g2): nobody is in it.', Effect.EXCLUDED, "p", "P"
    )
