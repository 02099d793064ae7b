"""What is said of a policy: words and not identifiers, the unknown by its name, nothing twice, and never more than is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import policy as rules
from checks.model import Effect, Reason
from checks.policy_words import known_controls
from tenant.model import MfaDemand, Registration
from tenant.policies import parse_policy
from tests.checks.kit import (
    DEFAULTS_GAP,
    GROUPS,
    LOCATIONS_GAP,
    NOW,
    REPORT_ONLY,
    SERVICE,
    STRENGTHS_GAP,
    Json,
    judged,
    make_tenant,
    policy,
    reasons,
)
from tests.checks.test_properties import _account, _policies

PLACES = {"l1": "Head office", "l2": "Branch"}
TRUSTED_IPS = "00000000-0000-0000-0000-000000000000"
COMPLIANT_NETWORK = "3d46dbda-8382-466a-856d-eb00cbc6b910"
PASSWORDLESS = {"id": "00000000-0000-0000-0000-000000000003", "displayName": "Passwordless MFA"}
MFA = 'The policy "P" requires multifactor authentication for Exchange Online (reaches the account: all users)'
PERHAPS_MFA = (
    'The policy "P" may require multifactor authentication for Exchange Online (reaches the account: all users)'
)
WOULD_MFA = (
    'The policy "P" would require multifactor authentication for Exchange Online (reaches the account: all users)'
)
BLOCKS = (
    'The policy "P" blocks legacy authentication to Exchange Online, with or without an app password '
    "(reaches the account: all users)"
)
ASKS_TOO_MUCH = BLOCKS.replace("app password", "app password, because legacy clients can't do what it requires")
KEEP_OUT = "it may block legacy authentication to Exchange Online (reaches the account: all users)."
MAY_MEAN = "it may mean MFA (reaches the account: all users)."


def locations(include: Sequence[str], exclude: Sequence[str] = ()) -> Json:
    return {"locations": {"includeLocations": list(include), "excludeLocations": list(exclude)}}


def platforms(include: Sequence[str], exclude: Sequence[str] = ()) -> Json:
    return {"platforms": {"includePlatforms": list(include), "excludePlatforms": list(exclude)}}


def strength(**members: Any) -> Json:
    return {"authenticationStrength": members}


def said(raw: Json, effect: Effect, **tenant: Any) -> Reason:
    (reason,) = reasons(judged(make_tenant([raw], **{"named_locations": PLACES, **tenant}), SERVICE), effect)
    return reason


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            policy(grant=("compliantNetwork",)),
            f"requires compliantNetwork, which this version doesn't know; {MAY_MEAN}",
        ),
        (
            policy(grant=("compliantNetwork", "compliantDevice")),
            f"requires a compliant device or compliantNetwork, which this version doesn't know; {MAY_MEAN}",
        ),
        (
            policy(grant=("compliantNetwork", "compliantDevice"), operator=None),
            f"requires a compliant device or compliantNetwork, which this version doesn't know; {MAY_MEAN}",
        ),
        (
            policy(grant=("compliantNetwork", "domainJoinedDevice"), operator="AND"),
            "requires a Microsoft Entra hybrid joined device and compliantNetwork, which this version doesn't know; "
            + MAY_MEAN,
        ),
        (
            policy(grant=("newA", "newB", "newA")),
            "requires newA or newB, which this version doesn't know; they may mean MFA (reaches the account: all users).",
        ),
        (
            policy(grant=(), grant_members={"newMember": 1}),
            f"requires newMember, which this version doesn't know; {MAY_MEAN}",
        ),
        (
            policy(grant=(), grant_members=strength(id="s9")),
            "requires the authentication strength s9, which isn't among the tenant's authentication strengths; "
            + MAY_MEAN,
        ),
        (
            policy(grant=(), grant_members=strength(id="s9", displayName="Custom", requirementsSatisfied="new")),
            'requires the authentication strength "Custom", of which this version doesn\'t know what it stands for; '
            + MAY_MEAN,
        ),
        (
            policy(grant=("newA",), grant_members=strength(id="s9", displayName="Custom")),
            "requires newA, which this version doesn't know, or the authentication strength \"Custom\", which isn't among the "
            "tenant's authentication strengths; they may mean MFA (reaches the account: all users).",
        ),
    ],
)
def test_what_nobody_knows_is_named_and_not_called_mfa(raw: Json, text: str) -> None:
    reason = said(raw, Effect.DEMANDS_MFA)
    assert reason.text == f'The policy "P" {text}'
    assert not reason.understood
    assert len(reason.circumstances) == 1


def test_an_unknown_control_beside_an_unread_strength_names_both() -> None:
    raw = policy(grant=("newA",), grant_members=strength(id="s9", displayName="Custom"))
    assert said(raw, Effect.DEMANDS_MFA, strengths=STRENGTHS_GAP).text.startswith(
        'The policy "P" requires newA, which this version doesn\'t know, or the authentication strength "Custom", which could '
        "not be read; they may mean MFA"
    )


def test_mfa_beside_an_unread_strength_is_called_mfa() -> None:
    raw = policy(grant=("mfa",), grant_members=strength(id="s9", displayName="Custom"))
    reason = said(raw, Effect.DEMANDS_MFA, strengths=STRENGTHS_GAP)
    assert reason.text == (
        f"{MFA}, only if no other control is met instead "
        '(the authentication strength "Custom", which could not be read).'
    )
    assert reason.understood


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            policy(grant=("compliantNetwork",)),
            f"requires compliantNetwork, which this version doesn't know; {KEEP_OUT}",
        ),
        (
            policy(grant=("mfa", "compliantNetwork")),
            f"requires multifactor authentication or compliantNetwork, which this version doesn't know; {KEEP_OUT}",
        ),
        (
            policy(grant=("newA",), grant_members=strength(id="s", displayName="Strong")),
            f'requires the authentication strength "Strong" or newA, which this version doesn\'t know; {KEEP_OUT}',
        ),
        (
            policy(operator="AND", grant_members={"newMember": 1}),
            f"requires multifactor authentication and newMember, which this version doesn't know; {KEEP_OUT}",
        ),
    ],
)
def test_what_nobody_knows_is_not_said_to_keep_legacy_clients_out(raw: Json, text: str) -> None:
    reason = said(raw, Effect.BLOCKS_LEGACY)
    assert reason.text == f'The policy "P" {text}'
    assert not reason.understood


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            policy(conditions={"newCondition": ["x"]}),
            f'{PERHAPS_MFA}: it has conditions that this version doesn\'t know ("conditions.newCondition").',
        ),
        (
            policy(clients=("newApp", "other")),
            f'{PERHAPS_MFA}, only for client apps that this version doesn\'t know ("newapp").',
        ),
        (policy(state="brandNew"), f'{PERHAPS_MFA}: its state "brandnew" is new to this version.'),
    ],
)
def test_a_policy_under_an_unknown_condition_only_may_require_mfa(raw: Json, text: str) -> None:
    reason = said(raw, Effect.DEMANDS_MFA)
    assert (reason.text, reason.understood) == (text, False)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (
            policy(grant=("newA",), state=REPORT_ONLY),
            "would require newA, which this version doesn't know; it may mean MFA",
        ),
        (policy(conditions={"new": ["x"]}, state=REPORT_ONLY), "might require multifactor authentication"),
        (policy(state=REPORT_ONLY), "would require multifactor authentication"),
    ],
)
def test_the_same_of_a_policy_that_is_not_in_force_yet(raw: Json, what: str) -> None:
    text = said(raw, Effect.WOULD_DEMAND_MFA).text
    assert text.startswith(f'The policy "P" is in report-only mode; switched on, it {what}')


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (policy(), f"{MFA}."),
        (policy(conditions=locations(["All"], ["l1"])), f"{MFA}, from everywhere except Head office."),
        (
            policy(conditions=locations(["All"], ["L1", "l1", "AllTrusted", TRUSTED_IPS])),
            f"{MFA}, from everywhere except Head office, all trusted locations or MFA trusted IPs.",
        ),
        (
            policy(conditions=locations([COMPLIANT_NETWORK.upper()])),
            f"{MFA}, only from all compliant network locations.",
        ),
        (policy(conditions=locations(["l1", "l2"], ["l2"])), f"{MFA}, only from Head office."),
        (
            policy(conditions=locations(["l1"], ["AllTrusted"])),
            f"{MFA}, only from Head office, but not from all trusted locations.",
        ),
        (
            policy(conditions=locations(["gone"])),
            f"{MFA}, only from a location that is not among the named locations (gone).",
        ),
        (policy(conditions=platforms(["android", "iOS", "ANDROID"])), f"{MFA}, only on Android or iOS."),
        (policy(conditions=platforms(["android", "iOS"], ["ios"])), f"{MFA}, only on Android."),
        (
            policy(conditions=platforms(["all"], ["windowsPhone", "macOS", "visionOS"])),
            f'{MFA}, on every device platform except Windows Phone, macOS or "visionOS".',
        ),
        (policy(conditions={"signInRiskLevels": ["high", "high"]}), f"{MFA}, only when the sign-in risk is high."),
        (
            policy(conditions={"insiderRiskLevels": "minor,elevated,newLevel"}),
            f'{MFA}, only when the insider risk is minor, elevated or "newLevel".',
        ),
        (
            policy(conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow,newFlow"}}),
            f'{MFA}, only for device code flow or "newFlow".',
        ),
        (
            policy(app_members={"applicationFilter": {"mode": "include", "rule": "x"}}),
            f"{MFA}, only where its application filter selects Exchange Online, which this product can't evaluate.",
        ),
        (
            policy(grant=("mfa", "compliantDevice", "compliantApplication"), grant_members={"termsOfUse": ["t"]}),
            f"{MFA}, only if no other control is met instead (a compliant device, an app protection policy or terms of use).",
        ),
        (
            policy(grant=("mfa", "compliantDevice"), grant_members={"authenticationStrength": PASSWORDLESS}),
            f"{MFA}, only if no other control is met instead (a compliant device).",
        ),
        (
            policy(grant=("mfa", "compliantNetwork")),
            f"{MFA}, only if no other control is met instead (compliantNetwork, which this version doesn't know).",
        ),
        (
            policy(operator="AND", grant_members={"newMember": 1}),
            f'{MFA}, beside grant controls that this version doesn\'t know ("newMember").',
        ),
        (
            policy(conditions=platforms(["iOS"], ["ios"])),
            f"{WOULD_MFA}, but its conditions contradict each other: it includes and excludes iOS, so it applies nowhere as it "
            "stands.",
        ),
        (
            policy(conditions=locations(["l1"], ["All"]) | {"signInRiskLevels": ["high"]}),
            f"{WOULD_MFA}, but its conditions contradict each other: it includes and excludes Head office, so it applies "
            "nowhere as it stands; only when the sign-in risk is high.",
        ),
        (
            policy(conditions=locations(["All"], ["All"])),
            f"{WOULD_MFA}, but its conditions contradict each other: it includes and excludes every location, so it applies "
            "nowhere as it stands.",
        ),
    ],
)
def test_a_demand_for_mfa_in_words(raw: Json, text: str) -> None:
    assert said(raw, Effect.DEMANDS_MFA).text == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            policy(grant=("block",), conditions=platforms(["android", "iOS"])),
            f"{BLOCKS}, only on Android or iOS (scanners and mail libraries present no platform, so that it hardly concerns "
            "them).",
        ),
        (
            policy(grant=("block",), conditions=platforms(["all"], ["windows", "macOS"])),
            f"{BLOCKS}, on every device platform except Windows or macOS (scanners and mail libraries present no platform, so "
            "that it reaches them).",
        ),
        (policy(conditions=locations(["All"], ["l1"])), f"{ASKS_TOO_MUCH}, from everywhere except Head office."),
        (policy(grant=("block",), clients=("exchangeActiveSync",)), f"{BLOCKS}, only for Exchange ActiveSync clients."),
        (policy(clients=("newApp", "other")), f"{ASKS_TOO_MUCH}."),
        (
            policy(clients=("browser", "newApp")),
            f'{ASKS_TOO_MUCH.replace("blocks", "may block")}, only for client apps that this version doesn\'t know ("newapp").',
        ),
    ],
)
def test_a_block_in_words(raw: Json, text: str) -> None:
    assert said(raw, Effect.BLOCKS_LEGACY).text == text


def test_exempt_places_are_no_circumstance_of_a_demand() -> None:
    exempt = policy(conditions=locations(["All"], ["l1"]))
    verdict = judged(make_tenant([exempt], named_locations=PLACES), SERVICE)
    assert verdict.verdict.visibility == "hidden"
    assert said(exempt, Effect.DEMANDS_MFA).circumstances == ()
    everywhere = judged(make_tenant([policy()]), SERVICE)
    assert verdict.findings[0].fingerprint == everywhere.findings[0].fingerprint


def test_a_place_whose_name_could_not_be_read_is_called_by_its_id_unless_it_is_a_fixed_one() -> None:
    raw = policy(conditions=locations(["All"], ["l1", TRUSTED_IPS]))
    text = said(raw, Effect.DEMANDS_MFA, named_locations=LOCATIONS_GAP).text
    assert text == f"{MFA}, from everywhere except the location l1 or MFA trusted IPs."


def test_every_control_that_a_rule_knows_has_words() -> None:
    assert known_controls() == rules._MFA_CONTROLS | rules._OTHER_CONTROLS


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("mfaRegistrationRequiredByIdentityProtectionPolicy", "by the registration policy of ID Protection,"),
        ("multiConditionalAccess", "by Conditional Access,"),
        ("brandNewProvider", 'by "brandNewProvider",'),
    ],
)
def test_who_asked_for_mfa_in_words(provider: str, words: str) -> None:
    account = replace(SERVICE, mfa_demands=(MfaDemand(provider, NOW),))
    (reason,) = reasons(judged(make_tenant(), account), Effect.EVIDENCE)
    assert words in reason.text


# --- once --------------------------------------------------------------------------------------------------------------

_LISTS = (
    ("users", "includeUsers"), ("users", "excludeUsers"), ("users", "includeGroups"), ("users", "excludeGroups"),
    ("users", "includeRoles"), ("applications", "includeApplications"), ("platforms", "includePlatforms"),
    ("locations", "includeLocations"), ("locations", "excludeLocations"),
)  # fmt: skip


def repeated(raw: Json, spelled: Any) -> Json:
    """The policy with every entry of its lists named twice, the second time perhaps in another spelling."""
    conditions = {name: dict(value) if isinstance(value, dict) else value for name, value in raw["conditions"].items()}
    for container, name in _LISTS:
        members = conditions.get(container)
        if members and members.get(name):
            members[name] = [*members[name], *map(spelled, members[name])]
    for name in ("clientAppTypes", "userRiskLevels"):
        conditions[name] = [*(conditions.get(name) or ()), *(conditions.get(name) or ())]
    grant = raw["grantControls"] and {
        **raw["grantControls"],
        "builtInControls": raw["grantControls"]["builtInControls"] * 2,
    }
    return {**raw, "conditions": conditions, "grantControls": grant}


@settings(deadline=None, max_examples=150)
@given(_policies, _account, st.booleans(), st.sampled_from([str, str.upper]))
def test_what_is_listed_twice_is_said_once(policies: list[Json], account: Any, defaults: bool, spelled: Any) -> None:
    once = make_tenant(policies, security_defaults=defaults, groups=GROUPS)
    twice = replace(once, policies=tuple(parse_policy(repeated(raw, spelled)) for raw in [*policies, *policies]))
    one, other = judged(once, account), judged(twice, account)
    assert other.verdict == one.verdict
    assert other.findings == one.findings
    assert len(set(other.verdict.reasons)) == len(other.verdict.reasons)


def test_two_versions_of_a_policy_under_one_id_both_count() -> None:
    off, on = policy(grant=("block",), clients=("other",)), policy()
    found = judged(make_tenant([off, on]), SERVICE).verdict
    assert (found.visibility, found.usability) == ("hidden", "blocked_by_policy")


def test_a_missing_input_is_said_once() -> None:
    account = replace(SERVICE, registration=Registration(None, None))
    found = judged(make_tenant([policy(), policy("Q")], security_defaults=DEFAULTS_GAP), account).verdict.reasons
    assert len({reason.text for reason in found}) == len(found)
