"""A plan instead of a pile: one cause is one item, one step solves many findings, and the numbers add up."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.catalog import known_checks
from checks.model import Way
from checks.plan import Cause, Problem, Subject, WayOut, plan
from checks.urgency import Deadline, Urgency, standing_of

CA001 = Cause("p-1", "CA001", datetime(2026, 11, 7, tzinfo=UTC), "niamh@contoso.com")
APP_ONLY = WayOut(Way.APP_ONLY, "Move the product to app-only sign-in")
ENFORCE = WayOut(Way.ENFORCE, "Set the account's per-user MFA to Enforced")
RELAY = WayOut(Way.RELAY, "Scanner has no OAuth: send through a connector")
ENDS = date(2026, 12, 31)


def problem(check: str, severity: str = "high", cause: Cause | None = None) -> Problem:
    deadline = Deadline("SMTP AUTH with a password", ENDS, False) if check in ("APW-010", "APW-016") else None
    what = deadline.what if deadline else ""
    return Problem(check, f"Title of {check}", severity, standing_of(check, severity, deadline), cause or Cause(), what)


def subject(number: int, *problems: Problem, ways: tuple[WayOut, ...] = (APP_ONLY,)) -> Subject:
    return Subject(f"a{number}", f"svc-{number}@contoso.com", problems, ways)


def test_what_one_policy_does_is_one_item_with_its_accounts_since_when_and_by_whom() -> None:
    hidden, refused = problem("APW-001", cause=CA001), problem("APW-015", cause=CA001)
    (item,) = plan([subject(1, hidden), subject(2, hidden, refused), subject(3, refused)]).items
    assert item.title == '"CA001" hides the app password option for 2 accounts and refuses sign-ins of 2 accounts'
    assert [name for _, name in item.accounts] == ["svc-1@contoso.com", "svc-2@contoso.com", "svc-3@contoso.com"]
    assert (item.policy_id, item.since, item.actor, item.findings) == ("p-1", CA001.since, CA001.actor, 4)


def test_what_differs_between_accounts_is_not_said_of_all() -> None:
    other = Cause("p-1", "CA001", datetime(2026, 11, 9, tzinfo=UTC), "tomasz@contoso.com")
    (item,) = plan([subject(1, problem("APW-001", cause=CA001)), subject(2, problem("APW-001", cause=other))]).items
    assert (item.since, item.actor) == (None, None)


def test_a_policy_is_called_as_the_first_account_has_it() -> None:
    renamed = Cause("p-1", "CA001 new", CA001.since, CA001.actor)
    (item,) = plan([subject(1, problem("APW-001", cause=CA001)), subject(2, problem("APW-001", cause=renamed))]).items
    assert item.title == '"CA001" hides the app password option for 2 accounts'


def test_one_date_is_one_item() -> None:
    (item,) = plan([subject(number, problem("APW-010")) for number in range(11)]).items
    assert item.title == "SMTP AUTH with a password ends on 31 Dec 2026: 11 accounts use it"
    assert item.standing.on == ENDS


def test_security_defaults_are_a_cause_with_a_name_and_no_policy() -> None:
    defaults = Cause(None, "Security Defaults")
    (item,) = plan([subject(1, problem("APW-002", cause=defaults))]).items
    assert item.title == "Security Defaults hide the app password option for 1 account"
    assert item.policy_id is None


def test_a_step_says_how_many_findings_it_solves_and_how_long_it_takes() -> None:
    scanners = [subject(n, problem("APW-007", cause=CA001), problem("APW-010"), ways=(RELAY,)) for n in range(6)]
    (step,) = plan(scanners).steps
    assert (step.title, step.findings, step.now, step.minutes) == (RELAY.title, 12, 6, 25)
    (move,) = plan([subject(1, problem("APW-001"))]).steps
    assert move.minutes is None  # that is up to the vendor


def test_the_first_step_fits_the_finding() -> None:
    stuck = subject(1, problem("APW-003"), problem("APW-010"), ways=(APP_ONLY, ENFORCE))
    steps = {step.title: step.findings for step in plan([stuck]).steps}
    assert steps == {ENFORCE.title: 1, APP_ONLY.title: 1}


def test_a_remedy_of_the_account_comes_before_what_is_only_about_the_finding_but_for_the_switch_of_the_tenant() -> None:
    steps = {check: plan([subject(1, problem(check))]).steps[0].title for check in ("APW-017", "APW-014")}
    assert steps["APW-017"] == APP_ONLY.title
    assert steps["APW-014"] != APP_ONLY.title


def test_what_solves_most_of_what_is_broken_now_comes_first() -> None:
    tidy = [subject(n, problem("APW-011", "medium"), ways=()) for n in range(9)]
    dated = [subject(10 + n, problem("APW-010"), ways=(RELAY,)) for n in range(5)]
    broken = [subject(20, problem("APW-001"))]
    assert [step.findings for step in plan([*tidy, *dated, *broken]).steps] == [1, 9, 5]


def test_where_nothing_is_open_there_is_no_plan() -> None:
    assert plan([subject(1)]) == plan([])
    assert plan([]).steps == ()


_problem = st.builds(
    problem,
    st.sampled_from([*sorted(known_checks()), "APW-999"]),
    st.sampled_from(["low", "medium", "high", "odd"]),
    st.sampled_from([CA001, Cause(), Cause("p-2", None), Cause(None, "Security Defaults")]),
)
_way = st.builds(WayOut, st.sampled_from(["", *Way]), st.sampled_from(["One", "Two", ""]), st.just(()))


@given(st.lists(st.tuples(st.lists(_problem, max_size=4), st.lists(_way, max_size=3)), max_size=8))
def test_each_finding_is_in_one_item_and_in_one_step(tenant: list[tuple[list[Problem], list[WayOut]]]) -> None:
    subjects = [subject(number, *problems, ways=tuple(ways)) for number, (problems, ways) in enumerate(tenant)]
    made, findings = plan(subjects), sum(len(one.problems) for one in subjects)
    assert sum(item.findings for item in made.items) == findings
    assert sum(step.findings for step in made.steps) == findings
    broken = sum(one.standing.urgency is Urgency.NOW for each in subjects for one in each.problems)
    assert sum(step.now for step in made.steps) == broken
    assert all(item.title and "{}" not in item.title for item in made.items)


@pytest.mark.parametrize("check", sorted(known_checks()))
def test_every_check_has_a_step_even_where_an_account_has_no_remedy(check: str) -> None:
    (step,) = plan([subject(1, problem(check), ways=())]).steps
    assert step.title
