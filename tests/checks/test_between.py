"""Answers between their least and their most, and the tables that they make."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.between import NO, OPEN, YES, Between, first_that_holds, one_reaches, reached, why
from checks.landscape import Landscape, Situation
from checks.model import Effect, Reason, Usability, Visibility
from tenant.model import Account, MfaDemand
from tests.checks.kit import (
    GLOBAL_ADMINISTRATOR,
    GROUPS_GAP,
    NOW,
    REPORT_ONLY,
    SERVICE,
    STRENGTHS_GAP,
    Json,
    holds,
    judged,
    make_tenant,
    policy,
    reasons,
)

ENDS = [NO, OPEN, YES]


def because(*texts: str) -> tuple[Reason, ...]:
    return tuple(Reason(text, Effect.DEMANDS_MFA) for text in texts)


_reasons = st.lists(st.sampled_from("abc"), max_size=2).map(lambda texts: because(*texts))
_answers = st.one_of(
    st.sampled_from(ENDS),
    st.builds(Between, st.just(True), st.just(True), _reasons, _reasons),
    st.builds(Between, st.just(False), st.booleans(), st.just(()), st.just(())),
)


def same(one: Between, other: Between) -> bool:
    """Equal, whether the reasons are in a list or in a tuple."""
    ends = (one.least, one.most) == (other.least, other.most)
    return ends and list(one.because) == list(other.because) and list(one.one_of) == list(other.one_of)


# --- one or the other --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "either"),
    [
        (NO, NO, NO),
        (NO, OPEN, OPEN),
        (NO, YES, YES),
        (OPEN, OPEN, OPEN),
        (OPEN, YES, YES),
        (YES, YES, YES),
    ],
)
def test_the_stronger_of_two_answers_is_the_answer(one: Between, other: Between, either: Between) -> None:
    assert same(one | other, either)
    assert same(other | one, either)


def test_the_reasons_of_both_stand_in_the_order_of_the_answers() -> None:
    one = Between(True, True, because("a", "b"), because("c"))
    other = Between(True, True, because("d"), because("e"))
    assert same(one | other, Between(True, True, because("a", "b", "d"), because("c", "e")))


@given(_answers)
def test_what_is_not_so_adds_nothing(answer: Between) -> None:
    assert same(NO | answer, answer)
    assert same(answer | NO, answer)


@given(_answers, _answers, _answers)
def test_answers_can_be_grouped_in_any_way(one: Between, two: Between, three: Between) -> None:
    assert same((one | two) | three, one | (two | three))


@given(_answers, _answers)
def test_what_holds_at_the_least_holds_at_the_most(one: Between, other: Between) -> None:
    either = one | other
    assert either.most or not either.least


# --- tables ------------------------------------------------------------------------------------------------------------


def table(*answers: Between) -> list[tuple[int, Between]]:
    return [*enumerate(answers), (len(answers), YES)]


@pytest.mark.parametrize(
    ("answers", "decided"),
    [
        ((), 0),
        ((YES,), 0),
        ((NO, YES), 1),
        ((NO, NO), 2),
        ((YES, OPEN), 0),
        ((OPEN,), None),
        ((OPEN, YES), None),
        ((NO, OPEN, YES), None),
    ],
)
def test_the_first_row_that_holds_decides_unless_one_above_it_is_open(
    answers: Sequence[Between], decided: int | None
) -> None:
    assert first_that_holds(table(*answers)) == decided


def test_a_table_without_a_row_that_holds_decides_nothing() -> None:
    assert first_that_holds([(0, NO)]) is None


@given(st.lists(_answers, max_size=4))
def test_a_table_is_decided_where_its_least_and_its_most_agree(answers: list[Between]) -> None:
    rows = table(*answers)
    at_the_least = next(row for row, answer in rows if answer.least)
    at_the_most = next(row for row, answer in rows if answer.most)
    assert first_that_holds(rows) == (at_the_least if at_the_least == at_the_most else None)


@given(st.lists(st.lists(st.sampled_from([False, True, None]), max_size=2), max_size=4))
def test_what_is_decided_stands_whatever_the_missing_inputs_turn_out_to_be(inputs: list[list[bool | None]]) -> None:
    """Each row holds if one of its inputs does; None is an input that is missing."""

    def answer(row: list[bool | None]) -> Between:
        either = NO
        for value in row:
            either |= OPEN if value is None else YES if value else NO
        return either

    missing = sum(row.count(None) for row in inputs)
    outcomes = set()
    for values in product([False, True], repeat=missing):
        turned_out = iter(values)
        read = [[next(turned_out) if value is None else value for value in row] for row in inputs]
        outcomes.add(next((number for number, row in enumerate(read) if any(row)), len(read)))
    decided = first_that_holds(table(*map(answer, inputs)))
    assert outcomes == {decided} if decided is not None else len(outcomes) > 1


def test_certain_reasons_of_every_row_are_told_in_order() -> None:
    rows = table(Between(True, True, because("a")), OPEN, Between(True, True, because("b", "c")))
    assert why(rows, 0) == list(because("a", "b", "c"))
    assert why(rows, None) == list(because("a", "b", "c"))


def test_what_it_must_be_one_of_is_told_of_the_decided_row_only() -> None:
    rows = table(Between(True, True, one_of=because("a", "b")), Between(True, True, one_of=because("c")))
    assert why(rows, 0) == list(because("a", "b"))
    assert why(rows, None) == []


def test_what_it_must_be_one_of_is_not_told_where_something_is_certain() -> None:
    rows = table(Between(True, True, because("a"), because("b", "c")))
    assert why(rows, 0) == list(because("a"))


# --- policies that reach an account ------------------------------------------------------------------------------------

FOR_THE_GROUP = policy("A", users=(), groups=("g1",))
FOR_EVERYBODY_ELSE = policy("B", not_groups=("g1",))
UNREAD = replace(SERVICE, groups=GROUPS_GAP)
MEMBER = replace(SERVICE, groups=frozenset({"g1"}))


def reaching(account: Account, *policies: Json, certain: int = -1) -> Between:
    """Whether one of the policies reaches the account; ``certain``: those that are sure to demand MFA, one bit each."""
    land = Landscape(make_tenant(policies), NOW.date())
    roles = land.scopes.roles_of(account)
    situation = Situation(account, roles, land.scopes.reach(account, roles))
    everything = (1 << len(policies)) - 1
    answer = reached(land, situation, Effect.DEMANDS_MFA, certain & everything, everything)
    assert one_reaches(situation, certain & everything) is answer.least
    return answer


def names(reasons: Sequence[Reason]) -> list[str | None]:
    return [reason.policy_name for reason in reasons]


@pytest.mark.parametrize(
    ("account", "policies", "certain", "one_of"),
    [
        (MEMBER, [FOR_THE_GROUP], ["A"], []),
        (MEMBER, [FOR_THE_GROUP, policy("C")], ["A", "C"], []),
        (UNREAD, [policy("C"), FOR_THE_GROUP], ["C"], []),
        (UNREAD, [FOR_THE_GROUP, FOR_EVERYBODY_ELSE], [], ["A", "B"]),
    ],
    ids=["a member", "a member, and everybody", "perhaps a member, and everybody", "one for members, one for others"],
)
def test_a_policy_surely_reaches_the_account(
    account: Account, policies: list[Json], certain: list[str], one_of: list[str]
) -> None:
    answer = reaching(account, *policies)
    assert (answer.least, answer.most) == (True, True)
    assert (names(answer.because), names(answer.one_of)) == (certain, one_of)


def test_an_unread_membership_leaves_open_whether_a_policy_reaches_the_account() -> None:
    assert reaching(UNREAD, FOR_THE_GROUP) == OPEN


def test_a_policy_that_only_possibly_demands_it_leaves_it_open() -> None:
    assert reaching(MEMBER, FOR_THE_GROUP, certain=0) == OPEN


def test_a_policy_that_only_possibly_demands_it_is_not_one_of_several() -> None:
    assert reaching(UNREAD, FOR_THE_GROUP, FOR_EVERYBODY_ELSE, certain=0b01) == OPEN


def test_policies_for_others_do_not_reach_the_account() -> None:
    assert reaching(SERVICE, FOR_THE_GROUP, policy("C", users=("someone",))) == NO


# --- the rows of the two verdicts ------------------------------------------------------------------------------------------

BOTH_WAYS = (FOR_THE_GROUP, FOR_EVERYBODY_ELSE)
PREDICTED_BOTH_WAYS = tuple({**raw, "state": REPORT_ONLY} for raw in BOTH_WAYS)
UNREAD_STRENGTH = {"authenticationStrength": {"id": "s1"}}
RISK = {"userRiskLevels": ["high"]}


def asked(account: Account) -> Account:
    """The account, of which something that no policy explains demanded MFA."""
    return replace(account, mfa_demands=(MfaDemand("enforcedForCspAdmins", NOW),))


@pytest.mark.parametrize(
    ("policies", "security_defaults"),
    [((), True), (BOTH_WAYS, False)],
    ids=["Security Defaults", "one of two policies"],
)
def test_sign_in_evidence_is_no_reason_where_something_demands_mfa_for_certain(
    policies: tuple[Json, ...], security_defaults: bool
) -> None:
    judgement = judged(make_tenant(policies, security_defaults=security_defaults), asked(UNREAD))
    assert judgement.verdict.visibility is Visibility.HIDDEN
    assert not reasons(judgement, Effect.EVIDENCE)


def test_a_policy_in_force_is_not_predicted_as_well() -> None:
    raw = policy(groups=("g1",), roles=(GLOBAL_ADMINISTRATOR,))
    judgement = judged(make_tenant([raw], role_eligibilities=(holds(GLOBAL_ADMINISTRATOR),)), MEMBER)
    assert judgement.verdict.predicted is None
    assert not reasons(judgement, Effect.WOULD_DEMAND_MFA)


def test_a_prediction_may_rest_on_one_of_several_policies() -> None:
    judgement = judged(make_tenant(PREDICTED_BOTH_WAYS), UNREAD)
    assert judgement.verdict.visibility is Visibility.PREDICTED
    assert judgement.verdict.predicted is Visibility.HIDDEN
    assert names(reasons(judgement, Effect.WOULD_DEMAND_MFA)) == ["A", "B"]


def test_a_prediction_rests_on_what_is_certain_where_something_is() -> None:
    perhaps = policy("Microsoft-managed", users=(), groups=("g1",), state=REPORT_ONLY)
    certain = policy("C", conditions=RISK, state=REPORT_ONLY)
    verdict = judged(make_tenant([perhaps, certain]), UNREAD).verdict
    assert (verdict.visibility, verdict.predicted) == (Visibility.PREDICTED, Visibility.CONDITIONAL)
    assert not verdict.predicted_by_microsoft


@pytest.mark.parametrize(
    ("policies", "state", "effect"),
    [
        (BOTH_WAYS, "enabled", Effect.DEMANDS_MFA),
        (PREDICTED_BOTH_WAYS, REPORT_ONLY, Effect.WOULD_DEMAND_MFA),
    ],
    ids=["hidden", "predicted"],
)
def test_a_policy_of_an_unread_strength_is_never_one_of_several(
    policies: tuple[Json, ...], state: str, effect: Effect
) -> None:
    strength = policy("Microsoft-managed", state=state, grant=(), grant_members=UNREAD_STRENGTH)
    judgement = judged(make_tenant([*policies, strength], strengths=STRENGTHS_GAP), UNREAD)
    assert names(reasons(judgement, effect)) == ["A", "B"]
    assert not judgement.verdict.predicted_by_microsoft


def test_only_what_is_usable_is_about_to_be_blocked() -> None:
    report_only = policy("A", state=REPORT_ONLY, grant=("block",))
    assert judged(make_tenant([report_only]), SERVICE).verdict.would_be_blocked
    verdict = judged(make_tenant([report_only, policy("B", conditions=RISK)]), SERVICE).verdict
    assert verdict.usability is Usability.CONDITIONAL
    assert not verdict.would_be_blocked
