"""What earlier scans read of the tenant counts where it can't be read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobs.remembered import COUNTS_FOR, NOTHING, Remembered
from tenant.model import Gap, Group, MfaService, Policy, RoleAssignment, Tenant
from tenant.reader import Reading
from tests.checks.kit import NOW, make_tenant

REFUSED = Gap("policy_plans", "403 Forbidden", "Policy.Read.All")
OFF = Remembered(False, NOW - timedelta(days=1))
WITH_GROUPS = replace(
    make_tenant(),
    policies=(Policy(id="p", display_name="P", state="enabled", exclude_groups=frozenset({"outer"})),),
    nesting={"outer": frozenset({"inner"})},
    role_assignments=(RoleAssignment("HOLDER", "role", "A role"), RoleAssignment("ada", "role", "A role")),
    groups={"holder": Group("holder", "A group that holds a role")},
)
PLAN = replace(Policy(id="p", display_name="Plan", state="enabled"), plan=True)


def applied(what: Remembered, tenant: Tenant) -> Reading:
    return what.applied_to(Reading(tenant, (), ()), NOW)


def test_a_switch_that_cannot_be_read_is_as_it_was_read_last_and_that_is_told() -> None:
    reading = applied(OFF, make_tenant())
    assert reading.tenant.mfa_service == MfaService(False, remembered=OFF.read_at)
    assert [(gap.input, gap.optional) for gap in reading.gaps] == [("mfa_service", True)]


def test_what_is_read_counts_before_what_is_remembered() -> None:
    tenant = replace(make_tenant(), mfa_service=MfaService(True))
    assert applied(OFF, tenant) == Reading(tenant, (), ())


def test_what_was_read_long_ago_counts_no_more_and_is_still_missed() -> None:
    reading = applied(Remembered(False, NOW - COUNTS_FOR - timedelta(days=1)), make_tenant())
    assert reading.tenant.mfa_service is None
    assert [gap.input for gap in reading.gaps] == ["mfa_service"]


def test_what_nobody_ever_read_is_not_missed() -> None:
    assert applied(NOTHING, replace(make_tenant(), plans_unread=REFUSED)).gaps == ()


def test_plans_that_were_there_are_a_missing_input_where_they_are_refused() -> None:
    reading = applied(Remembered(plans=True), replace(make_tenant(), plans_unread=REFUSED))
    assert reading.tenant.unlisted_plans == REFUSED
    assert reading.gaps == (REFUSED,)
    assert applied(Remembered(plans=True), make_tenant()).gaps == ()


@pytest.mark.parametrize(
    ("kept", "passing", "unlisted"),
    [
        (NOTHING.kept, True, True),
        (NOTHING.kept, False, False),  # refused: there are none
        ({}, False, True),
        ({}, True, True),
        (Remembered(plans=True).kept, False, True),
    ],
)
def test_plans_that_may_be_there_are_missed_until_graph_says_otherwise(
    kept: dict[str, Any], passing: bool, unlisted: bool
) -> None:
    unread = replace(REFUSED, passing=passing)
    reading = applied(Remembered.of(kept).doubting_plans(kept), replace(make_tenant(), plans_unread=unread))
    assert (reading.tenant.unlisted_plans is not None) is unlisted


@pytest.mark.parametrize(
    ("before", "tenant", "after"),
    [
        (NOTHING, make_tenant(), NOTHING),
        (NOTHING, WITH_GROUPS, Remembered(groups=frozenset({"outer", "inner", "holder"}))),
        (
            Remembered(groups=frozenset({"g"})),
            replace(make_tenant(), policies=REFUSED),
            Remembered(groups=frozenset({"g"})),
        ),
        (Remembered(groups=frozenset({"g"})), make_tenant(), NOTHING),
        (NOTHING, replace(make_tenant(), mfa_service=MfaService(True)), Remembered(True, NOW)),
        (OFF, make_tenant(), OFF),
        (OFF, replace(make_tenant(), mfa_service=MfaService(False, remembered=OFF.read_at)), OFF),
        (NOTHING, replace(make_tenant(), policies=(PLAN,)), Remembered(plans=True)),
        (Remembered(plans=True), make_tenant(), NOTHING),
        (Remembered(plans=True), replace(make_tenant(), plans_unread=REFUSED), Remembered(plans=True)),
        (Remembered(plans=True), replace(make_tenant(), policies=REFUSED), Remembered(plans=True)),
        (NOTHING, replace(make_tenant(), policies=(PLAN,), plans_unread=REFUSED), Remembered(plans=True)),
    ],
)
def test_what_is_known_after_a_scan(before: Remembered, tenant: Tenant, after: Remembered) -> None:
    assert before.after(tenant, NOW) == after


@pytest.mark.parametrize(
    ("kept", "known"),
    [
        (OFF.kept, OFF),
        (Remembered(plans=True).kept, Remembered(plans=True)),
        (Remembered(groups=frozenset({"b", "a"})).kept, Remembered(groups=frozenset({"a", "b"}))),
        ({"groups": ["a", 5, None]}, Remembered(groups=frozenset({"a"}))),
        (
            Remembered(carried_since=NOW, selecting=frozenset({"s"})).kept,
            Remembered(carried_since=NOW, selecting=frozenset({"s"})),
        ),
        ({"carried_since": "long ago", "selecting": "s"}, NOTHING),
        ({"groups": "a"}, NOTHING),
        ({}, NOTHING),
        ({"allowed": "no", "read_at": NOW.isoformat()}, NOTHING),
        ({"allowed": False, "read_at": "yesterday"}, NOTHING),
        ({"allowed": False, "read_at": 5, "plans": "x"}, NOTHING),
    ],
)
def test_what_a_run_holds_of_it_is_read_as_far_as_it_can_be(kept: dict[str, Any], known: Remembered) -> None:
    assert Remembered.of(kept) == known
