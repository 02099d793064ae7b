"""What of an account's own policies stands in the way of a product that signs in as the account with OAuth."""

from dataclasses import replace
from typing import Any

import pytest

from checks.advice import fact
from checks.device_code import DeviceCode
from checks.judge import judge
from checks.obstacles import Obstacles
from checks.product_files import known_products
from checks.products import with_products
from tenant.model import SignInUse
from tests.checks.kit import (
    BLOCK_LEGACY,
    DEFAULTS_GAP,
    GROUPS_GAP,
    NOW,
    POLICIES_GAP,
    PREVIEWS_GAP,
    REPORT_ONLY,
    SERVICE,
    SHAREPOINT,
    Json,
    make_tenant,
    policy,
)

FLOW = {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}
BLOCK_FLOW = policy("Block device code flow", grant=("block",), conditions=FLOW)
MFA = policy("MFA for all")
DEVICE = policy("Known devices", grant=("compliantDevice",))
NEEDS = "blocks device code flow, which this needs"


def obstacles(
    way: str | None, *policies: Json, account: dict[str, Any] | None = None, **tenant: Any
) -> tuple[str, ...]:
    the_tenant = make_tenant(policies, **tenant)
    (judged,) = judge(the_tenant, [replace(SERVICE, **(account or {}))], now=NOW)
    return Obstacles(the_tenant, NOW.date()).of(judged, way)


@pytest.mark.parametrize("way", ["app_only", "none", None])
def test_policies_for_users_do_not_touch_an_application(way: str | None) -> None:
    assert obstacles(way, BLOCK_FLOW, MFA, DEVICE, security_defaults=True) == ()


def test_a_policy_that_blocks_device_code_flow_is_named() -> None:
    assert obstacles("device_code", BLOCK_FLOW) == (
        f'The policy "Block device code flow" {NEEDS}: exclude the account from it.',
    )
    assert obstacles("delegated", BLOCK_FLOW) == ()


def test_one_that_waits_is_announced() -> None:
    (said,) = obstacles("device_code", {**BLOCK_FLOW, "state": REPORT_ONLY})
    assert said.startswith('The policy "Block device code flow", once it is on, blocks device code flow')


@pytest.mark.parametrize(
    "raw",
    [
        BLOCK_FLOW,
        {**BLOCK_FLOW, "state": "enabledForSome"},
        {**BLOCK_FLOW, "state": "disabled"},
        policy("Elsewhere", grant=("block",), conditions=FLOW, apps=(SHAREPOINT,)),
        policy("Excluded", grant=("block",), conditions=FLOW, not_users=("svc",)),
        policy("MFA by device code", conditions=FLOW),
    ],
)
def test_the_way_out_of_a_product_and_the_way_by_oauth_know_the_same_policies(raw: Json) -> None:
    tenant = make_tenant([raw])
    steps = DeviceCode(tenant, NOW.date()).steps(SERVICE)
    assert bool(steps) is any(NEEDS in said for said in obstacles("device_code", raw))


@pytest.mark.parametrize(
    "raw",
    [
        {**BLOCK_FLOW, "state": "disabled"},
        policy("Elsewhere", grant=("block",), conditions=FLOW, apps=(SHAREPOINT,)),
        policy("Excluded", grant=("block",), conditions=FLOW, not_users=("svc",)),
        policy(
            "Transfer",
            grant=("block",),
            conditions={"authenticationFlows": {"transferMethods": "authenticationTransfer"}},
        ),
        BLOCK_LEGACY,
    ],
)
def test_what_does_not_reach_the_sign_in_is_no_obstacle(raw: Json) -> None:
    assert obstacles("device_code", raw) == ()


def test_what_may_reach_it_is_said_to() -> None:
    raw = policy("Some", users=(), groups=("g1",), grant=("block",), conditions=FLOW)
    assert obstacles("device_code", raw, account={"groups": GROUPS_GAP}) == (
        f'The policy "Some", which may reach the account, {NEEDS}.',
    )


def test_unread_policies_are_no_all_clear() -> None:
    said = obstacles("device_code", policies=POLICIES_GAP)
    assert "could not all be read: one that blocks device code flow would." in said[0]
    assert "could not all be read." in obstacles("delegated", unlisted_policies=PREVIEWS_GAP)[0]
    assert obstacles("device_code", security_defaults=DEFAULTS_GAP) == (
        "Whether Security Defaults are on could not be read: they may refuse device code flow.",
    )


def test_security_defaults_refuse_device_code() -> None:
    said = obstacles("device_code", security_defaults=True)
    assert f"Security Defaults are on. {fact('security_defaults_device_code')}" in said
    assert not any("device code" in one for one in obstacles("delegated", security_defaults=True))


def test_mfa_that_is_demanded_is_somebodys_to_do() -> None:
    (said,) = obstacles("delegated", MFA)
    assert said.startswith('MFA is demanded of the account by the policy "MFA for all": whoever signs the product in')


@pytest.mark.parametrize(
    ("raw", "in_the_way"),
    [
        (DEVICE, True),
        (policy("Both", grant=("mfa", "compliantDevice"), operator="AND"), True),
        (policy("Either", grant=("mfa", "compliantDevice")), False),
        (policy("Legacy only", grant=("compliantDevice",), clients=("other",)), False),
        (policy("Retired", grant=("approvedApplication",)), False),
        (policy("Two devices", grant=("compliantDevice", "domainJoinedDevice")), True),
        ({**DEVICE, "state": REPORT_ONLY}, False),
    ],
)
def test_a_demand_for_a_known_device_cannot_be_met(raw: Json, in_the_way: bool) -> None:
    assert any("demands a known device" in said for said in obstacles("delegated", raw)) is in_the_way


def test_a_block_of_every_interactive_sign_in_is_named() -> None:
    said = obstacles("delegated", policy("Closed", grant=("block",)))
    assert (
        'Nobody can sign the product in as the account: the policy "Closed" blocks every interactive sign-in.' in said
    )


def test_conditions_of_a_policy_are_said() -> None:
    places = {"locations": {"includeLocations": ["All"], "excludeLocations": ["head"]}}
    raw = policy("Outside", grant=("block",), conditions={**FLOW, **places})
    (said,) = obstacles("device_code", raw, named_locations={"head": "Head office"})
    assert said.startswith('The policy "Outside" (')
    assert "Head office" in said
    assert NEEDS in said


@pytest.mark.parametrize(("state", "asked"), [("enforced", True), ("Enabled", True), ("disabled", False)])
def test_per_user_mfa_asks_as_well(state: str, asked: bool) -> None:
    said = obstacles("delegated", account={"per_user_mfa": state})
    assert any(one.startswith("MFA is demanded of the account by per-user MFA:") for one in said) is asked


def test_the_way_out_of_a_product_names_them() -> None:
    tenant = make_tenant([MFA, BLOCK_FLOW])
    use = SignInUse("svc", "Authenticated SMTP", "x", "", "BAV2ROPC", "background", 1, 1, NOW, NOW)
    scanner = replace(SERVICE, user_principal_name="ricoh@contoso.com", sign_ins=(use,))
    (judged,) = judge(tenant, [scanner], now=NOW)
    found = with_products(judged, known_products(), Obstacles(tenant, NOW.date()))
    steps = found.remediation[0].steps
    assert found.remediation[0].title == "Let Ricoh multifunction printer sign in with OAuth"
    assert any("SMTP.Send (delegated), offline_access" in step for step in steps)
    assert f'The policy "Block device code flow" {NEEDS}: exclude the account from it.' in steps
    assert any("MFA for all" in step for step in steps)


def test_a_product_without_oauth_is_said_to_have_none() -> None:
    tenant = make_tenant([MFA])
    use = SignInUse("svc", "Authenticated SMTP", "x", "", "BAV2ROPC", "background", 1, 1, NOW, NOW)
    cloud = replace(SERVICE, user_principal_name="nextcloud@contoso.com", sign_ins=(use,))
    (judged,) = judge(tenant, [cloud], now=NOW)
    first = with_products(judged, known_products(), Obstacles(tenant, NOW.date())).remediation[0]
    assert first.title == "Nextcloud has no OAuth: send through a connector"
    assert "connector" in first.steps[1]
