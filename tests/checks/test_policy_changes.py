"""What is told of a changed policy: what moved where, in the words of the portal."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.policy_changes import changed
from tenant.model import ApplicationFilter, GrantControls, Group, Policy, Tenant

ME = "me"
TENANT = Tenant(
    groups={"g1": Group("g1", "Service accounts"), "g2": Group("g2", "Break glass"), "g3": Group("g3", "g3")},
    role_names={"r1": "Exchange Administrator"},
)
BEFORE = Policy("p", "MFA for all", "enabled", exclude_groups=frozenset({"g1"}), include_users=frozenset({"all"}))
TAKEN_OUT = '"Service accounts" taken out of the excluded groups'


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ({}, "changed"),
        ({"display_name": "Renamed"}, "changed"),
        ({"state": "disabled"}, "switched from on to off"),
        ({"state": "enabledforreportingbutnotenforced"}, "switched from on to report-only"),
        ({"state": "newstate"}, "switched from on to newstate"),
        ({"exclude_groups": frozenset()}, f"changed ({TAKEN_OUT})"),
        ({"exclude_groups": frozenset(), "state": "disabled"}, f"switched from on to off and changed ({TAKEN_OUT})"),
        (
            {"exclude_groups": frozenset({"g2"})},
            f'changed ({TAKEN_OUT} and "Break glass" added to the excluded groups)',
        ),
        ({"exclude_groups": frozenset({"g1", "g3"})}, "changed (1 group added to the excluded groups)"),
        (
            {"exclude_groups": frozenset({"g1", "g2", "g3", "g4"})},
            'changed ("Break glass" and 2 other groups added to the excluded groups)',
        ),
        (
            {"include_users": frozenset({ME, "a", "b"})},
            "changed (all users taken out of the included users and the account and 2 other users added to the included users)",
        ),
        ({"exclude_users": frozenset({"a"})}, "changed (1 user added to the excluded users)"),
        ({"include_roles": frozenset({"r1"})}, 'changed ("Exchange Administrator" added to the included roles)'),
        ({"include_applications": frozenset({"all"})}, "changed (all resources added to the included resources)"),
        ({"include_applications": frozenset({"x"})}, "changed (1 application added to the included resources)"),
        ({"grant": GrantControls("OR", ("mfa",))}, "changed (other grant controls)"),
        ({"client_app_types": frozenset({"other"})}, "changed (other client apps)"),
        ({"exclude_locations": ("x",)}, "changed (other locations)"),
        ({"application_filter": ApplicationFilter("include", "x")}, "changed (other filter for applications)"),
        (
            {
                "exclude_groups": frozenset(),
                "user_risk_levels": ("high",),
                "device_filter": "x",
                "transfer_methods": ("y",),
                "include_platforms": ("z",),
            },
            f"changed ({TAKEN_OUT}, other device platforms, other filter for devices and 2 more)",
        ),
    ],
)
def test_says_what_moved_where(to: dict[str, Any], told: str) -> None:
    assert changed(BEFORE, replace(BEFORE, **to), ME, TENANT) == told


@given(st.frozensets(st.sampled_from(["g1", "g2", "g3", "x", ""])), st.frozensets(st.sampled_from(["g1", "x", "y"])))
def test_what_is_told_is_short_and_silent_only_where_nothing_moved(was: frozenset[str], now: frozenset[str]) -> None:
    told = changed(replace(BEFORE, exclude_groups=was), replace(BEFORE, exclude_groups=now), ME, TENANT)
    assert (told == "changed") == (was == now)
    assert len(told) < 200
