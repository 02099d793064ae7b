"""What report-only policies would change: the quick way finds what the simple one finds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import judging
from checks.policy import REPORT_ONLY
from checks.simulate import Shift, shifts, waiting_policies, waiting_shifts, with_policy_enabled
from checks.visibility import visibility_of
from tenant.model import Account, Gap, Policy, Tenant
from tests.checks import test_properties as generated
from tests.checks.kit import NOW, POLICIES_GAP, SERVICE, make_tenant, policy
from tests.checks.kit import REPORT_ONLY as STATE

HOW: dict[str, Any] = {"app_passwords_allowed": "no", "now": NOW}


def one_by_one(tenant: Tenant, accounts: list[Account]) -> list[tuple[str, list[Shift]]]:
    """Every account judged twice for every policy."""
    return [
        (one.id, shifts(tenant, with_policy_enabled(tenant, one.id), accounts, **HOW))
        for one in waiting_policies(tenant)
    ]


def together(tenant: Tenant, accounts: list[Account]) -> list[tuple[str, list[Shift]]]:
    found = list(waiting_shifts(tenant, accounts, **HOW))
    assert [one.count for one in found] == [len(one.shifts) for one in found]
    return [(one.policy.id, [*one.shifts]) for one in found]


def policies_of(tenant: Tenant) -> tuple[Policy, ...]:
    assert not isinstance(tenant.policies, Gap)
    return tenant.policies


def all_waiting(tenant: Tenant) -> Tenant:
    return replace(tenant, policies=tuple(replace(one, state=REPORT_ONLY) for one in policies_of(tenant)))


_accounts = st.lists(
    st.tuples(generated._account, st.sampled_from(["svc", "someone", "a", "b", "c", "d"])).map(
        lambda both: replace(both[0], id=both[1], user_principal_name=f"{both[1]}@contoso.com")
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


@settings(deadline=None, max_examples=200)
@given(generated._tenant, st.booleans(), _accounts)
def test_both_ways_find_the_same(tenant: Tenant, waiting: bool, accounts: list[Account]) -> None:
    if waiting:
        tenant = all_waiting(tenant)
    assert together(tenant, accounts) == one_by_one(tenant, accounts)


@settings(deadline=None, max_examples=50)
@given(generated._tenant, _accounts, st.data())
def test_both_ways_find_the_same_where_something_is_unreadable(
    tenant: Tenant, accounts: list[Account], data: st.DataObject
) -> None:
    tenant = all_waiting(tenant)
    gaps = [gap for gap in generated.TENANT_GAPS if "policies" not in gap]
    poorer = data.draw(st.sampled_from([generated.without_groups(tenant), *(replace(tenant, **gap) for gap in gaps)]))
    some = [replace(one, **data.draw(st.sampled_from([{}, *generated.ACCOUNT_GAPS]))) for one in accounts]
    assert together(poorer, some) == one_by_one(poorer, some)


def test_both_ways_find_the_same_in_a_tenant_of_many_policies_and_groups() -> None:
    tenant, accounts = judging.make(60)
    some = [
        replace(one, per_user_mfa=("disabled", "enabled", "enforced")[number % 3])
        for number, one in enumerate(accounts[:120])
    ]
    few = replace(tenant, policies=policies_of(tenant)[::4])
    found = together(few, some)
    assert found == one_by_one(few, some)
    assert any(changed for _, changed in found)


def test_where_policies_are_unreadable_none_is_waiting() -> None:
    assert together(replace(make_tenant(), policies=POLICIES_GAP), [SERVICE]) == []


def alike(number: int) -> list[Account]:
    return [
        replace(SERVICE, id=f"id-{one}", user_principal_name=f"svc-{one}@contoso.com", per_user_mfa="disabled")
        for one in range(number)
    ]


@pytest.fixture
def judgements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that an answer is worked out."""
    found: list[str] = []

    def counted(*arguments: Any) -> Any:
        found.append(arguments[2].account.id)
        return visibility_of(*arguments)

    monkeypatch.setattr("checks.judge.visibility_of", counted)
    return found


def test_accounts_that_nothing_tells_apart_are_judged_once_for_all(judgements: list[str]) -> None:
    waiting = [policy(f"p{number}", state=STATE) for number in range(20)]
    (*_, last) = waiting_shifts(make_tenant(waiting), alike(500), **HOW, at_most=3)
    assert (last.count, len(last.shifts)) == (500, 3)
    assert len(judgements) <= 1 + 20 * 3  # before; and for each policy the answers, and the words before and after


def test_accounts_that_a_policy_does_not_reach_are_not_judged_for_it(judgements: list[str]) -> None:
    waiting = [policy(f"p{number}", state=STATE, users=["somebody else"]) for number in range(20)]
    assert [one.count for one in waiting_shifts(make_tenant(waiting), alike(500), **HOW)] == [0] * 20
    assert len(judgements) == 1


def test_an_account_that_only_a_waiting_policy_names_is_told_apart() -> None:
    waiting = policy("p", state=STATE, users=["id-7"])
    (found,) = waiting_shifts(make_tenant([waiting]), alike(20), **HOW)
    assert [shift.after.account.id for shift in found.shifts] == ["id-7"]
