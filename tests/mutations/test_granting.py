"""Grant what an unknown names and scan again: in the end nothing is unknown. Whatever is denied."""

import asyncio
import re
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checks.judge import judge
from checks.missing import with_missing
from checks.model import JudgedAccount
from tenant.model import Gap
from tenant.reader import read_tenant
from tenant.selection import Selection
from tests.checks.kit import NOW
from tests.mutations.canned import CannedGraph
from tests.mutations.tenants import NAMES, REFUSED, tenants

ADDRESSES = {
    "security_defaults": "identitySecurityDefaultsEnforcementPolicy",
    "conditional_access_policies": "conditionalAccess/policies",
    "conditional_access_preview_policies": "beta/identity/conditionalAccess/policies",
    "subscribed_skus": "/subscribedSkus",
    "authentication_strengths": "authenticationStrength",
    "role_assignments": "/roleAssignments",
    "role_eligibilities": "/roleEligibilityScheduleInstances",
    "role_definitions": "/roleDefinitions",
    "account_properties": r"/users/[^/]+\?",
    "per_user_mfa": "/authentication/requirements",
    "group_memberships": "/transitiveMemberOf",
    "groups": r"/groups/[^/?]+(\?|$)",
    "mfa_registration": "/authentication/methods|/userRegistrationDetails",
}
NOT_ASKED_FOR_WITHOUT = {
    "conditional_access_policies": {"authentication_strengths", "groups", "conditional_access_preview_policies"},
    "conditional_access_preview_policies": {"authentication_strengths", "groups"},
    "account_properties": {"per_user_mfa", "group_memberships", "mfa_registration"},
}
"""Input -> those that nobody asks for before it can be read, so that nobody can say that they are missing."""


@cache
def graphs() -> dict[str, CannedGraph]:
    return {name: CannedGraph(tenant) for name, tenant in tenants().items()}


def scanned(tenant: str, denied: frozenset[str]) -> tuple[list[JudgedAccount], tuple[Gap, ...]]:
    """The verdicts where some inputs are denied, and the gaps of the run."""
    graph = graphs()[tenant]
    patterns = [re.compile(ADDRESSES[name]) for name in denied]
    graph.refused = lambda address: any(pattern.search(address) for pattern in patterns)
    reading = asyncio.run(read_tenant(graph, Selection(accounts=NAMES)))
    judged = judge(reading.tenant, reading.accounts, now=NOW)
    return judged, with_missing(reading.gaps, judged)


def is_unknown(one: JudgedAccount) -> bool:
    return "unknown" in (one.verdict.visibility.value, one.verdict.usability.value)


def named(one: JudgedAccount) -> set[str]:
    return {gap.input for gap in one.verdict.missing}


_tenant = st.sampled_from(sorted(tenants()))
_denied = st.frozensets(st.sampled_from(sorted(ADDRESSES)), min_size=1, max_size=6)


@settings(max_examples=80)
@given(_tenant, _denied)
def test_granting_what_was_named_ends_with_nothing_unknown(tenant: str, denied: frozenset[str]) -> None:
    for _ in range(len(ADDRESSES)):
        judged, gaps = scanned(tenant, denied)
        unknown = [one for one in judged if is_unknown(one)]
        if not unknown:
            return
        told = {gap.input for gap in gaps if not gap.optional}
        for one in unknown:
            assert named(one) & denied, one.verdict
            assert named(one) <= told
            words = " ".join(reason.text for reason in one.verdict.reasons)
            assert all(gap.permission is None or gap.permission in words for gap in one.verdict.missing)
        denied -= {name for one in unknown for name in named(one)}
    pytest.fail("something is unknown for ever")


@settings(max_examples=60)
@given(_tenant, _denied, st.integers(0, len(NAMES) - 1))
@example("by_strength", frozenset({"mfa_registration", "per_user_mfa"}), 7)
def test_once_all_that_it_names_can_be_read_an_account_is_no_longer_unknown(
    tenant: str, denied: frozenset[str], place: int
) -> None:
    """In one step, but for what could not be asked for before."""
    one = scanned(tenant, denied)[0][place]
    if not is_unknown(one):
        return
    unasked = set().union(*(NOT_ASKED_FOR_WITHOUT.get(name, set()) for name in named(one)))
    after = scanned(tenant, denied - named(one) - unasked)[0][place]
    assert not is_unknown(after), (named(one), named(after))


def test_a_tenant_whose_policies_are_refused_names_its_licences_too() -> None:
    judged, gaps = scanned(REFUSED, frozenset({"conditional_access_policies", "subscribed_skus"}))
    plain = next(one for one in judged if one.account.user_principal_name == NAMES[0])
    assert named(plain) == {"conditional_access_policies", "subscribed_skus"}
    assert named(plain) <= {gap.input for gap in gaps}
