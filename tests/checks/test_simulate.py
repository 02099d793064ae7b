"""What report-only policies would change: the quick way finds what the simple one finds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import judging
from checks.policy import REPORT_ONLY
from checks.simulate import (
    CannotSimulate,
    Shift,
    Unsure,
    groups_above,
    judged_both,
    waiting_policies,
    waiting_shifts,
    with_account_excluded,
    with_membership,
    with_policy_added,
    with_policy_enabled,
    with_security_defaults,
    with_state,
)
from checks.visibility import visibility_of
from tenant.model import Account, Gap, Group, GroupDetails, Policy, Tenant
from tenant.policies import parse_policy
from tests.checks import test_properties as generated
from tests.checks.kit import GROUPS_GAP, NOW, POLICIES_GAP, PROPERTIES_GAP, SERVICE, make_tenant, policy, shifts
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


def test_report_only_policies_are_waiting_by_name_and_no_others() -> None:
    states = {"p": STATE, "a": "disabled", "b": "enabled", "y": "aNewState", "z": "zNewState", "C": STATE}
    raw = [policy(name, state=state) for name, state in states.items()]
    raw.append(policy("deleted", state=STATE, deletedDateTime="2026-11-01T00:00:00Z"))
    assert [one.display_name for one in waiting_policies(make_tenant(raw))] == ["C", "p"]


def test_one_policy_of_several_is_switched_on_or_replaced() -> None:
    tenant = make_tenant([policy(name, state="disabled") for name in ("a", "p", "z")])
    switched_on = policies_of(with_policy_enabled(tenant, " P "))
    assert [(one.id, one.state) for one in switched_on] == [("a", "disabled"), ("p", "enabled"), ("z", "disabled")]
    added = policies_of(with_policy_added(tenant, parse_policy(policy("p", displayName="New"))))
    assert [one.display_name for one in added] == ["a", "z", "New"]


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


def test_nothing_that_nobody_is_shown_is_put_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise AssertionError("words")

    monkeypatch.setattr("checks.landscape.Landscape.worded", refuse)
    tenant = make_tenant([policy("on", clients=["browser"]), policy("p", state=STATE)])
    (found,) = waiting_shifts(tenant, alike(3), **HOW, at_most=0)
    assert (found.count, found.shifts) == (3, [])


def test_accounts_that_a_policy_does_not_reach_are_not_judged_for_it(judgements: list[str]) -> None:
    waiting = [policy(f"p{number}", state=STATE, users=["somebody else"]) for number in range(20)]
    assert [one.count for one in waiting_shifts(make_tenant(waiting), alike(500), **HOW)] == [0] * 20
    assert len(judgements) == 1


@pytest.mark.parametrize(
    "account", [{"properties": PROPERTIES_GAP}, {"enabled": False}, {"user_type": "Guest"}], ids=str
)
def test_a_waiting_policy_changes_nothing_for_an_account_of_which_none_decides_anything(
    account: dict[str, Any],
) -> None:
    tenant, one = make_tenant([policy("p", state=STATE)]), replace(SERVICE, **account)
    assert together(tenant, [one]) == one_by_one(tenant, [one]) == [("p", [])]


def test_an_account_that_only_a_waiting_policy_names_is_told_apart() -> None:
    waiting = policy("p", state=STATE, users=["id-7"])
    (found,) = waiting_shifts(make_tenant([waiting]), alike(20), **HOW)
    assert [shift.after.account.id for shift in found.shifts] == ["id-7"]


def answers(tenant: Tenant, after: Tenant, **how: Any) -> tuple[str, str]:
    """Visibility before and after."""
    (one,) = judged_both(tenant, after, [SERVICE], **how, **HOW)
    return one.before.verdict.visibility, one.after.verdict.visibility


def test_a_policy_that_is_added_is_on_and_not_deleted_whatever_its_file_says() -> None:
    tenant = make_tenant()
    for state in ("disabled", STATE, "enabled"):
        added = parse_policy(policy(state=state, deletedDateTime="2026-11-01T00:00:00Z"))
        assert answers(tenant, with_policy_added(tenant, added)) == ("not_offered", "hidden")


def test_a_policy_that_is_added_takes_the_place_of_one_with_its_id() -> None:
    tenant = make_tenant([policy("p")])
    added = parse_policy(policy("p", grant=["compliantDevice"]))
    after = with_policy_added(tenant, added)
    assert len(policies_of(after)) == 1
    assert answers(tenant, after) == ("hidden", "not_offered")


def test_policies_without_an_id_stand_beside_each_other() -> None:
    nameless = replace(parse_policy(policy()), id="")
    after = with_policy_added(with_policy_added(make_tenant(), nameless), replace(nameless, display_name="Other"))
    assert [one.display_name for one in policies_of(after)] == ["P", "Other"]


@pytest.mark.parametrize("read", [False, Gap("security_defaults", "403")])
def test_security_defaults_are_what_they_are_assumed_to_be(read: bool | Gap) -> None:
    tenant = make_tenant(security_defaults=read)
    before = "unknown" if isinstance(read, Gap) else "not_offered"
    assert answers(tenant, with_security_defaults(tenant, on=True)) == (before, "hidden")
    assert answers(tenant, with_security_defaults(tenant, on=False)) == (before, "not_offered")


@pytest.mark.parametrize("state", ["disabled", "enabled", "enforced"])
def test_a_state_that_is_assumed_is_all_that_is_known_of_it(state: str) -> None:
    contradicted = replace(SERVICE, per_user_mfa="enforced", per_user_mfa_bulk="enforced")
    assert with_state(contradicted, state) == replace(SERVICE, per_user_mfa=state)


TARGET = GroupDetails("g", "Target", containers={"above": "Above"})


@pytest.mark.parametrize(("named", "after"), [("g", "hidden"), ("above", "hidden"), ("x", "not_offered")])
def test_a_member_of_a_group_is_in_the_groups_above_it_too(named: str, after: str) -> None:
    tenant = make_tenant([policy(users=[], groups=[named])])
    with_groups, account = with_membership(tenant, SERVICE, TARGET)
    assert answers(tenant, with_groups, assumed={SERVICE.id: account}) == ("not_offered", after)


def test_the_way_into_a_group_above_is_told() -> None:
    tenant = make_tenant([policy(users=[], groups=["above"])])
    with_groups, account = with_membership(tenant, SERVICE, TARGET)
    (found,) = shifts(tenant, with_groups, [SERVICE], assumed={SERVICE.id: account}, **HOW)
    assert found.after.verdict.reasons[0].scope == "group Target > Above"


def test_a_membership_that_may_bring_others_leaves_open_what_they_decide() -> None:
    gap = Gap("groups", "403 Authorization_RequestDenied", "GroupMember.Read.All")
    tenant = make_tenant(
        [policy("Own", users=[], groups=["g"]), policy("Above", users=[], groups=["x"], grant=["block"])]
    )
    with_groups, account = with_membership(tenant, SERVICE, GroupDetails("g", "Target", containers_gap=gap))
    how: dict[str, Any] = {"assumed": {SERVICE.id: account}, "unsure": {SERVICE.id: Unsure(gap)}}
    (found,) = judged_both(tenant, with_groups, [SERVICE], **how, **HOW)
    assert (found.after.verdict.visibility, found.after.verdict.usability) == ("hidden", "blocked_by_policy")

    tenant = make_tenant([policy("Above", users=[], groups=["x"])])
    assert answers(tenant, with_groups_of(tenant, gap), **how) == ("not_offered", "unknown")
    gone = make_tenant([policy("Above", users=[], groups=["x"])], groups={"x": Group("x", "X", deleted=True)})
    assert answers(gone, with_groups_of(gone, gap), **how) == ("not_offered", "not_offered")


def with_groups_of(tenant: Tenant, gap: Gap) -> Tenant:
    return with_membership(tenant, SERVICE, GroupDetails("g", "Target", containers_gap=gap))[0]


def test_a_doubt_about_one_account_is_none_about_another() -> None:
    gap = Gap("groups", "403")
    tenant = make_tenant([policy(users=[], groups=["x"])])
    first, second = alike(2)
    found = judged_both(tenant, tenant, [first, second], unsure={first.id: Unsure(gap)}, **HOW)
    assert [one.after.verdict.visibility for one in found] == ["unknown", "not_offered"]
    assert [(one.differs, one.undecided) for one in found] == [(True, True), (False, False)]


def test_a_membership_of_an_account_whose_groups_are_unread_says_nothing() -> None:
    with pytest.raises(CannotSimulate, match="can't be read"):
        with_membership(make_tenant(), replace(SERVICE, groups=GROUPS_GAP), TARGET)


def test_an_exclusion_by_name_reaches_one_account_only() -> None:
    first, second = alike(2)
    tenant = make_tenant([policy("p")])
    found = shifts(tenant, with_account_excluded(tenant, first, "p"), [first, second], **HOW)
    assert [one.after.account.id for one in found] == [first.id]


def test_an_exclusion_leaves_out_nobody_who_is_excluded_already() -> None:
    tenant = make_tenant([policy("p", not_users=[SERVICE.id, "other"])])
    (excluding,) = policies_of(with_account_excluded(tenant, SERVICE, "p"))
    assert excluding.exclude_users == {SERVICE.id, "other"}


def test_where_policies_are_unreadable_nothing_can_be_done_with_them() -> None:
    unread = make_tenant(policies=POLICIES_GAP)
    changes: list[Callable[[], Tenant]] = [
        lambda: with_policy_added(unread, parse_policy(policy())),
        lambda: with_policy_enabled(unread, "p"),
        lambda: with_account_excluded(unread, SERVICE, "p"),
    ]
    for change in changes:
        with pytest.raises(CannotSimulate, match="can't be read"):
            change()
    assert answers(
        unread, with_security_defaults(unread, on=True), unsure={SERVICE.id: Unsure(Gap("groups", "403"))}
    ) == (
        "unknown",
        "hidden",
    )


@pytest.mark.parametrize("asked", ["q", "pp", "", "o"])
def test_a_policy_that_is_not_there_is_named(asked: str) -> None:
    tenant = make_tenant([policy("p")])
    said = f'There is no Conditional Access policy with the id "{asked}" in this tenant.'
    for change in (with_policy_enabled, lambda tenant, id: with_account_excluded(tenant, SERVICE, id)):
        with pytest.raises(CannotSimulate) as refused:
            change(tenant, asked)
        assert str(refused.value) == said
    assert with_policy_enabled(tenant, " P ") == with_policy_enabled(tenant, "p")


@pytest.mark.parametrize(
    ("memberships", "above"),
    [
        ([], None),
        ([{"other"}], None),
        ([GROUPS_GAP], None),
        ([{"g"}], {"g"}),
        ([{"g", "a", "b"}, {"g", "b", "c"}, {"c"}, GROUPS_GAP], {"g", "b"}),
    ],
)
def test_a_group_can_only_be_in_groups_that_all_its_members_are_in(memberships: list[Any], above: Any) -> None:
    accounts = [replace(SERVICE, groups=one if isinstance(one, Gap) else frozenset(one)) for one in memberships]
    assert groups_above(accounts, "g") == above


def test_only_the_groups_in_question_are_in_doubt() -> None:
    gap = Gap("groups", "403")
    tenant = make_tenant([policy(users=[], groups=["x"])])
    for groups, after in ((None, "unknown"), ({"x"}, "unknown"), ({"y"}, "not_offered"), (set(), "not_offered")):
        doubt = Unsure(gap, None if groups is None else frozenset(groups))
        assert answers(tenant, tenant, unsure={SERVICE.id: doubt}) == ("not_offered", after)


def test_two_doubts_are_one_about_the_groups_of_both() -> None:
    gap = Gap("groups", "403")
    some, other = Unsure(gap, frozenset("a")), Unsure(gap, frozenset("b"))
    assert some.and_also(other) == Unsure(gap, frozenset("ab"))
    assert some.and_also(Unsure(gap)) == Unsure(gap).and_also(some) == Unsure(gap)
