"""Which of some policies reach an account, and how certainly."""

from dataclasses import replace

from checks.scoped import ScopedPolicies
from tenant.policies import parse_policy
from tests.checks.kit import GROUPS_GAP, NOW, SERVICE, make_tenant, policy


def test_of_several_policies_each_is_said_to_reach_the_account_for_certain_or_perhaps() -> None:
    raw = [policy("A", users=("someone",)), policy("B"), policy("C", users=(), groups=("g1",)), policy("D")]
    scoped = ScopedPolicies(make_tenant(raw), map(parse_policy, raw), NOW.date())
    reaching = [(one.display_name, certain) for one, certain in scoped.reaching(replace(SERVICE, groups=GROUPS_GAP))]
    assert reaching == [("B", True), ("C", False), ("D", True)]
