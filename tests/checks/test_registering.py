"""What policies on registering security information mean for an account that has to open the Security info page."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.judge import judge
from checks.model import JudgedAccount
from tenant.model import Account, Gap, Group
from tests.checks.kit import (
    GLOBAL_ADMINISTRATOR,
    GROUPS_GAP,
    LOCATIONS_GAP,
    NOW,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    Json,
    judged,
    make_tenant,
    policy,
)

STUCK = policy("MFA", clients=("browser",))
MFA = "an MFA method of the account (or a Temporary Access Pass, if it has none)"
LOCATIONS = {"head": "Head office", "vpn": "VPN", "guest": "Guest Wi-Fi"}


def about(name: str = "R", **members: Any) -> Json:
    """A policy on registering security information: MFA for everybody, from everywhere."""
    return policy(name, apps=(), app_members={"includeUserActions": ["urn:user:registersecurityinfo"]}, **members)


def at(*include: str, but: tuple[str, ...] = ()) -> Json:
    return {"locations": {"includeLocations": list(include), "excludeLocations": list(but)}}


def per_user(one: JudgedAccount) -> tuple[str, ...]:
    return next((remedy.steps for remedy in one.remediation if "per-user MFA" in remedy.title), ())


def steps(*policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any) -> tuple[str, ...]:
    """What the way out says of them: what it doesn't say without them."""
    tenant = {"named_locations": LOCATIONS, **tenant}
    one = replace(SERVICE, **(account or {}))
    without = per_user(judged(make_tenant([STUCK], **tenant), one))
    assert without
    return tuple(
        step for step in per_user(judged(make_tenant([STUCK, *policies], **tenant), one)) if step not in without
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            about(grant=("block",)),
            'Exclude the account for as long as this takes: the policy "R" blocks registering security information, so no app '
            "password can be created.",
        ),
        (
            about(grant=("block",), conditions=at("All", but=("head", "vpn"))),
            'Open the Security info page from Head office or VPN: from anywhere else the policy "R" blocks registering security '
            "information.",
        ),
        (
            about(grant=("block",), conditions=at("All", but=("AllTrusted",))),
            'Open the Security info page from all trusted locations: from anywhere else the policy "R" blocks registering '
            "security information.",
        ),
        (
            about(grant=("block",), conditions=at("guest")),
            'Don\'t open the Security info page from Guest Wi-Fi: there the policy "R" blocks registering security information.',
        ),
        (
            about(grant=("block",), conditions=at("guest", but=("vpn",))),
            'Don\'t open the Security info page from Guest Wi-Fi (except VPN): there the policy "R" blocks registering security '
            "information.",
        ),
        (
            about(),
            f'Opening the Security info page takes {MFA}: the policy "R" requires it for registering security information.',
        ),
        (
            about(conditions=at("All", but=("head",))),
            f'Open the Security info page from Head office: from anywhere else it takes {MFA}, as the policy "R" requires it for '
            "registering security information.",
        ),
        (
            about(conditions=at("guest")),
            f'From Guest Wi-Fi, opening the Security info page takes {MFA}: there the policy "R" requires it for registering '
            "security information.",
        ),
        (
            about(grant=("compliantDevice", "domainJoinedDevice")),
            "Opening the Security info page takes a device that is marked as compliant or a device that is Microsoft Entra hybrid "
            'joined: the policy "R" requires it for registering security information.',
        ),
        (
            about(grant=("mfa", "compliantDevice"), operator="AND"),
            f"Opening the Security info page takes {MFA} and a device that is marked as compliant: the policy "
            '"R" requires it for registering security information.',
        ),
        (
            about(grant=("compliantApplication", "compliantDevice", "domainJoinedDevice"), operator=None),
            "Opening the Security info page takes an app with an app protection policy, a device that is marked as compliant or "
            'a device that is Microsoft Entra hybrid joined: the policy "R" requires it for registering security information.',
        ),
        (
            about(grant=("block",), conditions={"platforms": {"includePlatforms": ["android", "iOS"]}}),
            'Exclude the account for as long as this takes: the policy "R" (only on Android or iOS) blocks registering security '
            "information, so no app password can be created.",
        ),
    ],
)
def test_a_policy_on_registering_says_from_where_and_with_what(raw: Json, said: str) -> None:
    assert steps(raw) == (said,)


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        (
            {"authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002", "displayName": "Multifactor"}},
            MFA,
        ),
        (
            {"authenticationStrength": {"id": "s1", "displayName": "Phishing-resistant MFA"}},
            'a method that satisfies the authentication strength "Phishing-resistant MFA"',
        ),
        ({"authenticationStrength": {"id": "s1"}}, "a method that satisfies the authentication strength s1"),
        ({"builtInControls": ["compliantApplication"]}, "an app with an app protection policy"),
        ({"builtInControls": ["approvedApplication", "mfa"]}, MFA),
        (
            {"builtInControls": ["moonPhase"]},
            'what the grant control "moonPhase" asks for, which this version doesn\'t know',
        ),
        ({"termsOfUse": ["t1"]}, "consent to terms of use"),
        ({"customAuthenticationFactors": ["c1"]}, "what a custom control asks for"),
        ({"newControls": ["x"]}, "what this version doesn't know (newControls)"),
    ],
)
def test_everything_that_it_may_ask_for_has_words(grant: Json, words: str) -> None:
    (step,) = steps(about(grant=(), grant_members=grant))
    assert step == (
        f'Opening the Security info page takes {words}: the policy "R" requires it for registering security information.'
    )


@pytest.mark.parametrize(
    "raw",
    [
        about(state="disabled"),
        about(state=REPORT_ONLY),
        about(users=("someone",)),
        about(not_users=("svc",)),
        about(clients=("other",)),
        about(grant=None),
        about(grant=()),
        about(grant=("approvedApplication",)),
        policy("R", apps=(), app_members={"includeUserActions": ["urn:user:registerdevice"]}),
        policy("R", apps=("someapp",)),
    ],
)
def test_other_policies_say_nothing(raw: Json) -> None:
    assert steps(raw) == ()


@pytest.mark.parametrize(
    ("raw", "account", "tenant", "certain"),
    [
        (about(users=(), groups=("g1",)), {"groups": frozenset({"g1"})}, {}, True),
        (about(users=(), groups=("g1",)), {"groups": GROUPS_GAP}, {}, False),
        (
            about(users=(), groups=("g1",)),
            {},
            {"groups": {"g1": Group("g1", "Hidden", gap=Gap("groups", "403", "GroupMember.Read.All"))}},
            False,
        ),
        (about(not_groups=("g1",)), {"groups": GROUPS_GAP}, {}, False),
        (about(users=(), roles=(GLOBAL_ADMINISTRATOR,)), {}, {"role_assignments": ROLES_GAP}, False),
        (about(users=(), user_members={"includeAgents": ["a"]}), {}, {}, False),
    ],
)
def test_a_policy_that_may_reach_the_account_is_said_to(
    raw: Json, account: Mapping[str, Any], tenant: Mapping[str, Any], certain: bool
) -> None:
    (step,) = steps(raw, account=account, **tenant)
    assert ("which may reach the account, requires it" in step) is not certain


def test_policies_stand_by_name_before_anything_that_is_to_be_done() -> None:
    tenant = make_tenant([STUCK, about("B"), about("A", grant=("block",))])
    found = per_user(judged(tenant, SERVICE))
    assert ['"A"' in found[0], '"B"' in found[1]] == [True, True]
    assert found[2].startswith("Register an MFA method for the account: ")


def test_places_that_cannot_be_read_are_told_by_their_ids() -> None:
    (step,) = steps(about(conditions=at("All", but=("head",))), named_locations=LOCATIONS_GAP)
    assert "from the location head: from anywhere else" in step


def test_accounts_with_one_verdict_are_told_apart_by_these_policies() -> None:
    tenant = make_tenant([STUCK, about(users=(), groups=("g1",))])
    inside, outside = (
        replace(SERVICE, id=id, groups=groups) for id, groups in (("a", frozenset({"g1"})), ("b", frozenset[str]()))
    )
    for order in ([inside, outside], [outside, inside]):
        found = {one.account.id: len(per_user(one)) for one in judge(tenant, order, now=NOW)}
        assert found["a"] == found["b"] + 1


@pytest.mark.parametrize(
    ("account", "tenant"),
    [({"per_user_mfa": "enforced"}, {}), ({"enabled": False}, {}), ({}, {"security_defaults": True})],
)
def test_where_no_way_out_leads_over_the_page_nothing_is_said(
    account: Mapping[str, Any], tenant: Mapping[str, Any]
) -> None:
    one: Account = replace(SERVICE, **account)
    remedies = judged(make_tenant([about()], **tenant), one).remediation
    assert not any("Security info page" in step for remedy in remedies for step in remedy.steps)
