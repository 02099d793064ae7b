"""What a policy does to mail, whatever the account: each condition and control, to the words that are told of it."""

from typing import Any

import pytest

from checks.policy import PolicyEffect, Strength, covers_mail, demands_mfa_somewhere, effect_of
from tenant.model import AuthenticationStrength, Gap
from tests.checks.kit import EXCHANGE, NOW, REPORT_ONLY, SHAREPOINT, STRENGTHS_GAP, Json, make_tenant, policy

OUTSIDE = {"locations": {"includeLocations": ["All"], "excludeLocations": ["l1"]}}
STRENGTHS = {
    "s-mfa": AuthenticationStrength("s-mfa", "Strong", "mfa"),
    "s-none": AuthenticationStrength("s-none", "Weak", "none"),
    "s-odd": AuthenticationStrength("s-odd", "Odd", "other"),
}
_LETTERS = {Strength.NONE: "N", Strength.CIRCUMSTANCES: "S", Strength.ALWAYS: "A"}


def effect(strengths: Any = STRENGTHS, **members: Any) -> PolicyEffect:
    """The effect of the policy that demands MFA of everybody for everything, with these members."""
    tenant = make_tenant([policy(**members)], strengths=strengths, named_locations={"l1": "Office"})
    (only,) = tenant.known_policies
    return effect_of(only, tenant, NOW.date())


def how_far(found: PolicyEffect) -> str:
    """Never, sometimes or always: MFA at the least, MFA at the most, a block of legacy clients."""
    return "".join(_LETTERS[one] for one in (found.mfa_least, found.mfa_most, found.legacy))


def beside(found: PolicyEffect) -> set[str]:
    """What else is to be known of it."""
    flags = {
        "browsers": found.blocks_interactive,
        "mfa doubtful": found.mfa_doubtful,
        "legacy doubtful": found.legacy_doubtful,
        "lapsed": found.lapsed,
    }
    return {name for name, is_so in flags.items() if is_so}


@pytest.mark.parametrize(
    ("members", "far", "more", "mfa", "legacy"),
    [
        ({}, "AAA", set(), (), ()),
        ({"apps": (EXCHANGE,)}, "AAA", set(), (), ()),
        ({"apps": ("Office365",)}, "AAA", set(), (), ()),
        ({"apps": (SHAREPOINT,)}, "NNN", set(), (), ()),
        ({"apps": ()}, "NNN", set(), (), ()),
        ({"not_apps": (EXCHANGE,)}, "NNN", set(), (), ()),
        ({"not_apps": ("Office365",)}, "NNN", set(), (), ()),
        ({"not_apps": (SHAREPOINT,)}, "AAA", set(), (), ()),
        (
            {"app_members": {"applicationFilter": {"mode": "include", "rule": "x"}}},
            "SSS",
            set(),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
        ),
        (
            {"apps": (EXCHANGE,), "app_members": {"applicationFilter": {"mode": "include", "rule": "x"}}},
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {"apps": (EXCHANGE,), "app_members": {"applicationFilter": {"mode": "exclude", "rule": "x"}}},
            "SSS",
            set(),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
        ),
        (
            {"apps": (SHAREPOINT,), "app_members": {"applicationFilter": {"mode": "exclude", "rule": "x"}}},
            "NNN",
            set(),
            (),
            (),
        ),
        (
            {"apps": (SHAREPOINT,), "app_members": {"applicationFilter": {"mode": "include", "rule": "x"}}},
            "SSS",
            set(),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
        ),
        (
            {"apps": (), "app_members": {"applicationFilter": {"mode": "exclude", "rule": "x"}}},
            "SSS",
            set(),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
            ("only where its application filter selects Exchange Online, which this product can't evaluate",),
        ),
        (
            {"apps": (), "app_members": {"includeUserActions": ["urn:user:registersecurityinfo"], "includeNew": ["x"]}},
            "NNN",
            {"mfa doubtful", "legacy doubtful"},
            (),
            (),
        ),
        (
            {"apps": (), "app_members": {"includeAuthenticationContextClassReferences": ["c1"], "includeNew": ["x"]}},
            "NNN",
            {"mfa doubtful", "legacy doubtful"},
            (),
            (),
        ),
        (
            {"apps": (SHAREPOINT,), "app_members": {"includeNew": ["x"]}},
            "NNN",
            {"mfa doubtful", "legacy doubtful"},
            (),
            (),
        ),
        ({"clients": None}, "AAA", set(), (), ()),
        ({"clients": ()}, "AAA", set(), (), ()),
        ({"clients": ("browser",)}, "AAN", set(), (), ()),
        ({"clients": ("mobileAppsAndDesktopClients",)}, "AAN", set(), (), ()),
        ({"clients": ("other",)}, "NNA", set(), (), ()),
        ({"clients": ("exchangeActiveSync",)}, "NNS", set(), (), ("only for Exchange ActiveSync clients",)),
        ({"clients": ("easSupported",)}, "NNS", set(), (), ("only for Exchange ActiveSync clients",)),
        (
            {"clients": ("new",)},
            "SSS",
            {"mfa doubtful", "legacy doubtful"},
            ('only for client apps that this version doesn\'t know ("new")',),
            ('only for client apps that this version doesn\'t know ("new")',),
        ),
        (
            {"clients": ("browser", "new")},
            "AAS",
            {"legacy doubtful"},
            (),
            ('only for client apps that this version doesn\'t know ("new")',),
        ),
        (
            {"clients": ("other", "new")},
            "SSA",
            {"mfa doubtful"},
            ('only for client apps that this version doesn\'t know ("new")',),
            (),
        ),
        (
            {"clients": ("exchangeActiveSync", "new")},
            "SSS",
            {"mfa doubtful"},
            ('only for client apps that this version doesn\'t know ("new")',),
            ("only for Exchange ActiveSync clients",),
        ),
        ({"grant": None}, "NNN", set(), (), ()),
        ({"grant": ()}, "NNN", set(), (), ()),
        ({"grant": ("block",)}, "NNA", {"browsers"}, (), ()),
        ({"grant": ("compliantDevice",)}, "NNA", set(), (), ()),
        (
            {"grant": ("mfa", "compliantDevice")},
            "SSA",
            set(),
            ("only if no other control is met instead (a compliant device)",),
            (),
        ),
        ({"grant": ("mfa", "compliantDevice"), "operator": "AND"}, "AAA", set(), (), ()),
        ({"grant": ("passwordChange",)}, "AAA", set(), (), ()),
        ({"grant": ("riskRemediation",)}, "AAA", set(), (), ()),
        (
            {"grant": ("new",)},
            "SSS",
            set(),
            ("it requires new, which this version doesn't know; it may mean MFA",),
            (
                "it requires new, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        (
            {"grant": ("mfa", "new")},
            "SSS",
            set(),
            ("only if no other control is met instead (new, which this version doesn't know)",),
            (
                "it requires multifactor authentication or new, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        ({"grant": ("mfa", "new"), "operator": "AND"}, "AAA", set(), (), ()),
        (
            {"grant": ("compliantDevice", "new")},
            "SSS",
            set(),
            ("it requires a compliant device or new, which this version doesn't know; it may mean MFA",),
            (
                "it requires a compliant device or new, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        (
            {"grant": ("compliantDevice", "new"), "operator": "AND"},
            "SSA",
            set(),
            ("it requires a compliant device and new, which this version doesn't know; it may mean MFA",),
            (),
        ),
        (
            {"grant": ("block", "new")},
            "SSS",
            set(),
            ("it requires new, which this version doesn't know; it may mean MFA",),
            (
                "it requires new, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        (
            {"grant": ("mfa", "compliantDevice"), "operator": None},
            "SSA",
            set(),
            ("only if no other control is met instead (a compliant device)",),
            (),
        ),
        ({"grant": ("mfa",), "operator": None}, "AAA", set(), (), ()),
        (
            {"grant": ("mfa",), "grant_members": {"newMember": {"x": 1}}},
            "SSS",
            set(),
            ("only if no other control is met instead (newMember, which this version doesn't know)",),
            (
                "it requires multifactor authentication or newMember, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        (
            {"grant": ("mfa", "compliantDevice"), "operator": "AND", "grant_members": {"newMember": {"x": 1}}},
            "SSS",
            set(),
            ('beside grant controls that this version doesn\'t know ("newMember")',),
            (
                "it requires multifactor authentication, a compliant device and newMember, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        (
            {"grant": (), "grant_members": {"newMember": {"x": 1}}},
            "SSS",
            set(),
            ("it requires newMember, which this version doesn't know; it may mean MFA",),
            (
                "it requires newMember, which this version doesn't know; it may block legacy authentication to Exchange Online",
            ),
        ),
        ({"grant": (), "grant_members": {"termsOfUse": ["t"]}}, "NNA", set(), (), ()),
        (
            {"grant": ("mfa",), "grant_members": {"termsOfUse": ["t"]}},
            "SSA",
            set(),
            ("only if no other control is met instead (terms of use)",),
            (),
        ),
        ({"grant": (), "grant_members": {"customAuthenticationFactors": ["duo"]}}, "NNA", set(), (), ()),
        (
            {"grant": ("mfa",), "grant_members": {"customAuthenticationFactors": ["duo"]}},
            "SSA",
            set(),
            ("only if no other control is met instead (a custom control)",),
            (),
        ),
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}}},
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-none", "displayName": ""}}},
            "NNA",
            set(),
            (),
            (),
        ),
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-odd", "displayName": ""}}},
            "SSA",
            set(),
            (
                'it requires the authentication strength "Odd", of which this version doesn\'t know what it stands for; it may mean MFA',
            ),
            (),
        ),
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-gone", "displayName": ""}}},
            "SSA",
            set(),
            (
                "it requires the authentication strength s-gone, which isn't among the tenant's authentication strengths; it may mean MFA",
            ),
            (),
        ),
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-gone", "displayName": "Named"}}},
            "SSA",
            set(),
            (
                "it requires the authentication strength \"Named\", which isn't among the tenant's authentication strengths; it may mean MFA",
            ),
            (),
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "x", "displayName": "X", "requirementsSatisfied": "mfa"}
                },
            },
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "x", "displayName": "X", "requirementsSatisfied": "none"}
                },
            },
            "NNA",
            set(),
            (),
            (),
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "x", "displayName": "X", "requirementsSatisfied": "mfa,none"}
                },
            },
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002", "displayName": ""}
                },
            },
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {
                "grant": ("compliantDevice",),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
            },
            "SSA",
            set(),
            ("only if no other control is met instead (a compliant device)",),
            (),
        ),
        (
            {
                "grant": ("compliantDevice",),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
                "operator": "AND",
            },
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {"grant": ("mfa",), "grant_members": {"authenticationStrength": {"id": "s-none", "displayName": ""}}},
            "SSA",
            set(),
            ('only if no other control is met instead (the authentication strength "Weak")',),
            (),
        ),
        (
            {"grant": ("mfa",), "grant_members": {"authenticationStrength": {"id": "s-odd", "displayName": ""}}},
            "SSA",
            set(),
            (
                'only if no other control is met instead (the authentication strength "Odd", of which this version doesn\'t know what it stands for)',
            ),
            (),
        ),
        (
            {
                "grant": ("mfa",),
                "grant_members": {"authenticationStrength": {"id": "s-odd", "displayName": ""}},
                "operator": "AND",
            },
            "AAA",
            set(),
            (),
            (),
        ),
        (
            {"conditions": {"signInRiskLevels": ["high"]}},
            "SSS",
            set(),
            ("only when the sign-in risk is high",),
            ("only when the sign-in risk is high",),
        ),
        (
            {"conditions": {"userRiskLevels": ["high"]}},
            "SSS",
            set(),
            ("only when the user risk is high",),
            ("only when the user risk is high",),
        ),
        (
            {"conditions": {"insiderRiskLevels": "minor"}},
            "SSS",
            set(),
            ("only when the insider risk is minor",),
            ("only when the insider risk is minor",),
        ),
        ({"conditions": OUTSIDE}, "AAS", set(), (), ("from everywhere except Office",)),
        (
            {"conditions": {"locations": {"includeLocations": ["l1"], "excludeLocations": []}}},
            "SSS",
            set(),
            ("only from Office",),
            ("only from Office",),
        ),
        (
            {"conditions": {"platforms": {"includePlatforms": ["android"], "excludePlatforms": []}}},
            "SSS",
            set(),
            ("only on Android",),
            ("only on Android (scanners and mail libraries present no platform, so that it hardly concerns them)",),
        ),
        (
            {"conditions": {"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["android"]}}},
            "SSS",
            set(),
            ("on every device platform except Android",),
            (
                "on every device platform except Android (scanners and mail libraries present no platform, so that it reaches them)",
            ),
        ),
        (
            {"conditions": {"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}}},
            "SSS",
            set(),
            ("only on devices that its device filter selects",),
            ("only on devices that its device filter selects",),
        ),
        (
            {"conditions": {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}},
            "SSN",
            set(),
            ("only for device code flow",),
            (),
        ),
        (
            {"conditions": {"authenticationFlows": {"transferMethods": "newFlow"}}},
            "SSS",
            set(),
            ('only for "newFlow"',),
            ('only for "newFlow"',),
        ),
        ({"conditions": {"authenticationFlows": {"transferMethods": "none"}}}, "AAA", set(), (), ()),
        (
            {"conditions": {"new": 1}},
            "SSS",
            {"mfa doubtful", "legacy doubtful"},
            ('it has conditions that this version doesn\'t know ("conditions.new")',),
            ('it has conditions that this version doesn\'t know ("conditions.new")',),
        ),
        (
            {"state": "new"},
            "SSS",
            {"mfa doubtful", "legacy doubtful"},
            ('its state "new" is new to this version',),
            ('its state "new" is new to this version',),
        ),
        ({"state": REPORT_ONLY}, "AAA", set(), (), ()),
        ({"grant": ("block",), "clients": ("browser",)}, "NNN", {"browsers"}, (), ()),
        ({"grant": ("block",), "clients": ("mobileAppsAndDesktopClients",)}, "NNN", set(), (), ()),
        ({"grant": ("block",), "state": REPORT_ONLY}, "NNA", set(), (), ()),
        ({"grant": ("block",), "conditions": OUTSIDE}, "NNS", set(), (), ("from everywhere except Office",)),
        (
            {"grant": ("block",), "conditions": {"authenticationFlows": {"transferMethods": "newFlow"}}},
            "NNS",
            set(),
            (),
            ('only for "newFlow"',),
        ),
        (
            {"grant": ("block",), "conditions": {"new": 1}},
            "NNS",
            {"mfa doubtful", "legacy doubtful"},
            (),
            ('it has conditions that this version doesn\'t know ("conditions.new")',),
        ),
        ({"grant": ("approvedApplication",)}, "NNN", {"lapsed"}, (), ()),
        ({"grant": ("approvedApplication",), "clients": ("browser",)}, "NNN", set(), (), ()),
        ({"grant": ("approvedApplication", "mfa")}, "AAA", set(), (), ()),
        ({"grant": ("approvedApplication", "compliantDevice")}, "NNA", set(), (), ()),
        ({"grant": ("approvedApplication",), "clients": ("exchangeActiveSync",)}, "NNN", {"lapsed"}, (), ()),
    ],
)
def test_what_a_policy_does_to_mail(
    members: dict[str, Any], far: str, more: set[str], mfa: tuple[str, ...], legacy: tuple[str, ...]
) -> None:
    found = effect(**members)
    assert (how_far(found), beside(found)) == (far, more)
    assert (found.mfa_circumstances, found.legacy_circumstances) == (mfa, legacy)
    assert found.matters is (far != "NNN" or "browsers" in more)
    assert found.gap is None
    # What is only perhaps MFA, or perhaps a block, says so; the words are those of the circumstance.
    for open_, circumstances in ((found.mfa_open, mfa), (found.legacy_open, legacy)):
        told = [one for one in circumstances if one.startswith("it requires ")]
        assert told == ([f"it requires {open_}"] if open_ else [])
    assert found.exempt == ("from everywhere except Office" if members.get("conditions") == OUTSIDE else None)
    assert found.report_only is (members.get("state") == REPORT_ONLY)


@pytest.mark.parametrize(
    ("members", "far", "is_open", "mfa", "says"),
    [
        (
            {"grant": (), "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}}},
            "NAA",
            True,
            (),
            "the authentication strength s-mfa, which could not be read; it may mean MFA",
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "x", "displayName": "X", "requirementsSatisfied": "mfa"}
                },
            },
            "AAA",
            False,
            (),
            None,
        ),
        (
            {"grant": ("mfa",), "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}}},
            "SAA",
            True,
            ("only if no other control is met instead (the authentication strength s-mfa, which could not be read)",),
            None,
        ),
        (
            {
                "grant": ("mfa",),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
                "operator": "AND",
            },
            "AAA",
            False,
            (),
            None,
        ),
        (
            {
                "grant": ("compliantDevice",),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
            },
            "NSA",
            True,
            (
                "it requires a compliant device or the authentication strength s-mfa, which could not be read; it may mean MFA",
            ),
            "a compliant device or the authentication strength s-mfa, which could not be read; it may mean MFA",
        ),
        (
            {
                "grant": ("compliantDevice",),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
                "operator": "AND",
            },
            "NAA",
            True,
            (),
            "a compliant device and the authentication strength s-mfa, which could not be read; it may mean MFA",
        ),
        (
            {
                "grant": (),
                "grant_members": {
                    "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002", "displayName": ""}
                },
            },
            "AAA",
            False,
            (),
            None,
        ),
        (
            {
                "grant": (),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
                "clients": ("other",),
            },
            "NNA",
            False,
            (),
            "the authentication strength s-mfa, which could not be read; it may mean MFA",
        ),
        (
            {
                "grant": (),
                "grant_members": {"authenticationStrength": {"id": "s-mfa", "displayName": ""}},
                "conditions": {"signInRiskLevels": ["high"]},
            },
            "NSS",
            True,
            ("only when the sign-in risk is high",),
            "the authentication strength s-mfa, which could not be read; it may mean MFA",
        ),
    ],
)
def test_a_strength_that_is_unread_leaves_open_whether_it_is_mfa(
    members: dict[str, Any], far: str, is_open: bool, mfa: tuple[str, ...], says: str | None
) -> None:
    found = effect(STRENGTHS_GAP, **members)
    assert how_far(found) == far
    assert found.gap == (STRENGTHS_GAP if is_open else None)
    assert (found.mfa_circumstances, found.mfa_open) == (mfa, says)


@pytest.mark.parametrize(
    ("raw", "strengths", "least", "most"),
    [
        (policy(), STRENGTHS, True, True),
        (policy(apps=(SHAREPOINT,)), STRENGTHS, True, True),
        (policy(grant=("mfa", "compliantDevice")), STRENGTHS, True, True),
        (policy(grant=("compliantDevice",)), STRENGTHS, False, False),
        (policy(grant=None), STRENGTHS, False, False),
        (policy(grant=(), grant_members={"authenticationStrength": {"id": "s-mfa"}}), STRENGTHS_GAP, False, True),
        (policy(grant=("mfa",), grant_members={"authenticationStrength": {"id": "s-mfa"}}), STRENGTHS_GAP, True, True),
    ],
)
def test_what_may_explain_a_demand_demands_mfa_of_anyone_for_anything(
    raw: Json, strengths: dict[str, AuthenticationStrength] | Gap, least: bool, most: bool
) -> None:
    tenant = make_tenant([raw], strengths=strengths)
    (only,) = tenant.known_policies
    assert demands_mfa_somewhere(only, tenant) == (least, most)
    assert covers_mail(only) is (raw["conditions"]["applications"]["includeApplications"] == ["All"])
