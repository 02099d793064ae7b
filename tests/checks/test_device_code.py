"""Which policies keep an account from signing in by device code, and what is to be done about each."""

from dataclasses import replace
from typing import Any

import pytest

from checks.device_code import DeviceCode, blocks_device_code
from tenant.policies import parse_policy
from tests.checks.kit import GROUPS_GAP, NOW, REPORT_ONLY, SERVICE, SHAREPOINT, Json, make_tenant, member_of, policy

FLOW = {"authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"}}
ONCE = 'By device code this works only once the account is excluded from the policy "{}", which blocks that flow.'
MAYBE = 'By device code this may not work: the policy "{}" blocks that flow in some circumstances, or may reach the account.'
OF_GROUP: dict[str, Any] = {"users": (), "groups": ("g1",)}


def refusing(name: str = "P", *, conditions: Json | None = None, **members: Any) -> Json:
    """A policy that blocks the device code flow for everybody, unless something else is said."""
    return policy(name, **{"grant": ("block",), "conditions": {**FLOW, **(conditions or {})}, **members})


@pytest.mark.parametrize(
    ("raw", "blocks"),
    [
        (refusing(), True),
        (refusing(grant=("BLOCK",)), True),
        (refusing(state=REPORT_ONLY), True),
        (refusing(conditions={"authenticationFlows": {"transferMethods": "DEVICECODEFLOW"}}), True),
        (refusing(state="disabled"), False),
        (refusing(conditions={"clientApplications": {"includeServicePrincipals": ["x"]}}), False),
        (refusing(conditions={"authenticationFlows": {"transferMethods": "authenticationTransfer"}}), False),
        (refusing(conditions={"authenticationFlows": None}), False),
        (refusing(grant=("mfa",)), False),
        (refusing(grant=None), False),
        (refusing(apps=(SHAREPOINT,)), False),
    ],
)
def test_only_a_block_of_the_flow_for_mail_keeps_it_out(raw: Json, blocks: bool) -> None:
    assert blocks_device_code(parse_policy(raw)) is blocks


@pytest.mark.parametrize(
    ("raw", "account", "step"),
    [
        (refusing(), {}, ONCE),
        (refusing(conditions={"locations": {"includeLocations": ["all"], "excludeLocations": []}}), {}, ONCE),
        (refusing(**OF_GROUP), member_of("g1"), ONCE),
        (refusing(**OF_GROUP), {"groups": GROUPS_GAP}, MAYBE),
        (refusing(state="brandNew"), {}, MAYBE),
        (refusing(conditions={"userRiskLevels": ["high"]}), {}, MAYBE),
        (refusing(conditions={"locations": {"includeLocations": ["l1"], "excludeLocations": []}}), {}, MAYBE),
        (refusing(conditions={"locations": {"includeLocations": ["All"], "excludeLocations": ["l1"]}}), {}, MAYBE),
        (refusing(**OF_GROUP), {}, None),
        (refusing(not_users=("svc",)), {}, None),
        (refusing(state=REPORT_ONLY), {}, None),
        (refusing(grant=("mfa",)), {}, None),
    ],
)
def test_a_policy_bars_the_way_for_whom_it_reaches(raw: Json, account: dict[str, Any], step: str | None) -> None:
    steps = DeviceCode(make_tenant([raw]), NOW.date()).steps(replace(SERVICE, **account))
    assert steps == ((step.format("P"),) if step else ())


def test_each_policy_is_told_by_name() -> None:
    policies = [refusing("b"), refusing("C", conditions={"signInRiskLevels": ["high"]}), refusing("A")]
    device_code = DeviceCode(make_tenant(policies), NOW.date())
    assert device_code.steps(SERVICE) == (ONCE.format("A"), ONCE.format("b"), MAYBE.format("C"))


def test_accounts_that_the_same_policies_reach_stand_alike() -> None:
    device_code = DeviceCode(make_tenant([refusing(**OF_GROUP)]), NOW.date())
    inside, outside = (replace(SERVICE, **member_of(group)) for group in ("g1", "g2"))
    assert device_code.position(inside) != device_code.position(outside)
    assert device_code.position(outside) == device_code.position(replace(outside, id="other", groups=frozenset()))
