"""A plan instead of a pile: one cause is one item, one step solves many findings, and the numbers add up."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.catalog import known_checks
from checks.model import Way
from checks.plan import Cause, Item, Problem, Step, Subject, WayOut, plan
from checks.urgency import Deadline, Standing, Urgency, standing_of

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
    assert item.policy_name == "CA001"


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


DEFAULTS = Cause(None, "Security Defaults")
OF_POLICY = {
    "APW-001": "hides the app password option for {}",
    "APW-002": "hides the app password option for {}",
    "APW-005": "hides the app password option in some circumstances for {}",
    "APW-006": "would hide the app password option for {}",
    "APW-007": "blocks legacy authentication for {} with the app password option",
    "APW-013": "would block legacy authentication for {}",
    "APW-015": "refuses sign-ins of {}",
}


@pytest.mark.parametrize(("check", "does"), OF_POLICY.items())
@pytest.mark.parametrize(("accounts", "counted"), [(1, "1 account"), (2, "2 accounts"), (1200, "1,200 accounts")])
def test_what_a_policy_does_is_told_with_its_accounts(check: str, does: str, accounts: int, counted: str) -> None:
    (item,) = plan([subject(number, problem(check, cause=CA001)) for number in range(accounts)]).items
    assert item.title == f'"CA001" {does.format(counted)}'
    assert (item.policy_id, item.policy_name, item.checks) == ("p-1", "CA001", (check,))


@pytest.mark.parametrize(
    ("cause", "title"),
    [
        (CA001, '"CA001" {}'),
        (Cause("p-2", None), '"A policy without a name" {}'),
        (Cause("p-2", ""), '"A policy without a name" {}'),
        (Cause(None, "Gone"), '"Gone" {}'),
    ],
)
def test_a_policy_is_named_where_it_has_a_name(cause: Cause, title: str) -> None:
    (item,) = plan([subject(1, problem("APW-001", cause=cause))]).items
    assert item.title == title.format("hides the app password option for 1 account")
    assert (item.policy_id, item.policy_name) == (cause.policy_id, cause.policy_name)


def test_what_one_policy_does_is_told_the_worst_first_and_in_the_plural_of_security_defaults() -> None:
    account = subject(1, *(problem(check, cause=DEFAULTS) for check in ("APW-015", "APW-007", "APW-002")))
    (item,) = plan([account, subject(2, problem("APW-015", cause=DEFAULTS))]).items
    assert item.title == (
        "Security Defaults hide the app password option for 1 account, "
        "block legacy authentication for 1 account with the app password option and refuse sign-ins of 2 accounts"
    )
    assert item.checks == ("APW-002", "APW-007", "APW-015")
    assert (item.policy_id, item.policy_name, item.findings) == (None, "Security Defaults", 4)


@pytest.mark.parametrize(
    ("check", "one", "several"),
    [
        (
            "APW-003",
            "1 account is stuck: per-user MFA is Enabled and not Enforced",
            "2 accounts are stuck: per-user MFA is Enabled and not Enforced",
        ),
        ("APW-004", "1 account has no MFA method registered yet", "2 accounts have no MFA method registered yet"),
        ("APW-008", "1 account can't be judged completely", "2 accounts can't be judged completely"),
        ("APW-009", "Per-user MFA of 1 account was switched off", "Per-user MFA of 2 accounts was switched off"),
        ("APW-011", "1 account holds a directory role", "2 accounts hold a directory role"),
        ("APW-012", "1 account is used by people as well", "2 accounts are used by people as well"),
        (
            "APW-014",
            "App passwords are switched off for the whole tenant: 1 account would have the option",
            "App passwords are switched off for the whole tenant: 2 accounts would have the option",
        ),
        ("APW-015", "Sign-ins of 1 account are refused", "Sign-ins of 2 accounts are refused"),
        (
            "APW-017",
            "A recommendation of Microsoft's would hide the option from 1 account",
            "A recommendation of Microsoft's would hide the option from 2 accounts",
        ),
        # A policy is behind these, and nobody knows which.
        ("APW-001", "Title of APW-001: 1 account", "Title of APW-001: 2 accounts"),
        ("APW-999", "Title of APW-999: 1 account", "Title of APW-999: 2 accounts"),
    ],
)
@pytest.mark.parametrize("cause", [Cause(), Cause(None, None, CA001.since, CA001.actor)])
def test_findings_without_a_policy_are_told_by_their_check(check: str, one: str, several: str, cause: Cause) -> None:
    titles = [plan([subject(n, problem(check, cause=cause)) for n in range(k)]).items[0].title for k in (1, 2)]
    assert titles == [one, several]


def test_a_policy_is_no_cause_of_what_no_policy_does() -> None:
    (item,) = plan([subject(1, problem("APW-003", cause=CA001))]).items
    assert item.title == "1 account is stuck: per-user MFA is Enabled and not Enforced"
    assert (item.policy_id, item.policy_name) == (None, None)


def dated(check: str, what: str, standing: Standing) -> Problem:
    return Problem(check, f"Title of {check}", "high", standing, Cause(), what)


AHEAD, LATER, ENDED = (
    Standing(Urgency.LATER, ENDS),
    Standing(Urgency.LATER),
    Standing(Urgency.NOW),
)


@pytest.mark.parametrize(
    ("check", "what", "standing", "one", "several"),
    [
        ("APW-010", "SMTP", AHEAD, "SMTP ends on 31 Dec 2026: 1 account uses it", "2 accounts use it"),
        ("APW-010", "SMTP", ENDED, "SMTP has ended: 1 account uses it", "2 accounts use it"),
        (
            "APW-010",
            "basic authentication",
            LATER,
            "Basic authentication has been retired, and sign-ins still get in: 1 account uses it",
            "2 accounts use it",
        ),
        (
            "APW-010",
            "IMAP and POP",
            AHEAD,
            "IMAP and POP end on 31 Dec 2026: 1 account uses them",
            "2 accounts use them",
        ),
        (
            "APW-010",
            "IMAP and POP",
            LATER,
            "IMAP and POP have been retired, and sign-ins still get in: 1 account uses them",
            "2 accounts use them",
        ),
        ("APW-010", "IMAP and POP", ENDED, "IMAP and POP have ended: 1 account uses them", "2 accounts use them"),
        (
            "APW-016",
            "voice call",
            AHEAD,
            "Voice call ends on 31 Dec 2026: 1 account has no other MFA method",
            "2 accounts have no other MFA method",
        ),
        (
            "APW-016",
            "text message and voice call",
            ENDED,
            "Text message and voice call have ended: 1 account has no other MFA method",
            "2 accounts have no other MFA method",
        ),
        ("APW-010", "", ENDED, "Title of APW-010: 1 account", "2 accounts"),
        ("APW-016", "", AHEAD, "Title of APW-016: 1 account", "2 accounts"),
        ("APW-999", "SMTP", AHEAD, "Title of APW-999: 1 account", "2 accounts"),
    ],
)
def test_what_ends_is_told_with_its_day_or_that_it_is_over(
    check: str, what: str, standing: Standing, one: str, several: str
) -> None:
    titles = [plan([subject(n, dated(check, what, standing)) for n in range(k)]).items[0].title for k in (1, 2)]
    assert titles == [one, f"{one.rpartition(': ')[0]}: {several}"]


def test_what_ends_on_other_days_or_by_another_name_are_items_of_their_own() -> None:
    later = Standing(Urgency.LATER, date(2027, 4, 1))
    items = plan(
        [
            subject(1, dated("APW-010", "SMTP", AHEAD)),
            subject(2, dated("APW-010", "EWS", AHEAD)),
            subject(3, dated("APW-010", "SMTP", later)),
            subject(4, dated("APW-010", "SMTP", ENDED)),
            subject(5, dated("APW-010", "SMTP", AHEAD)),
        ]
    ).items
    assert [(one.title, one.standing) for one in items] == [
        ("SMTP has ended: 1 account uses it", ENDED),
        ("SMTP ends on 31 Dec 2026: 2 accounts use it", AHEAD),
        ("EWS ends on 31 Dec 2026: 1 account uses it", AHEAD),
        ("SMTP ends on 1 Apr 2027: 1 account uses it", later),
    ]


def test_what_a_policy_does_today_and_what_it_would_do_are_items_of_their_own() -> None:
    account = subject(1, *(problem(check, cause=CA001) for check in ("APW-006", "APW-001", "APW-005")))
    assert [(one.standing.urgency, one.checks) for one in plan([account]).items] == [
        (Urgency.NOW, ("APW-001",)),
        (Urgency.LATER, ("APW-006",)),
        (Urgency.TIDY, ("APW-005",)),
    ]


def test_an_item_has_all_its_accounts_by_name_and_the_worst_severity() -> None:
    members = [
        Subject("b", "Zeta", (problem("APW-001", "low", CA001),)),
        Subject("d", "alpha", (problem("APW-001", "high", CA001),)),
        Subject("c", "Beta", (problem("APW-001", "odd", CA001),)),
        Subject("a", "beta", (problem("APW-015", "high", CA001), problem("APW-001", "medium", CA001))),
    ]
    (item,) = plan(members).items
    assert item == Item(
        title='"CA001" hides the app password option for 4 accounts and refuses sign-ins of 1 account',
        standing=Standing(Urgency.NOW),
        severity="high",
        policy_id="p-1",
        policy_name="CA001",
        since=CA001.since,
        actor=CA001.actor,
        checks=("APW-001", "APW-015"),
        findings=5,
        accounts=(("d", "alpha"), ("a", "beta"), ("c", "Beta"), ("b", "Zeta")),
    )


@pytest.mark.parametrize(
    ("severities", "worst"),
    [(("low", "medium"), "medium"), (("medium", "low"), "medium"), (("odd", "low"), "low"), (("odd",), "odd")],
)
def test_a_severity_of_another_version_is_below_all(severities: tuple[str, ...], worst: str) -> None:
    accounts = [subject(n, problem("APW-001", severity, CA001)) for n, severity in enumerate(severities)]
    assert plan(accounts).items[0].severity == worst


def item_of(name: str, *, urgency: Urgency, severity: str, on: date | None = None, accounts: int = 1) -> list[Subject]:
    standing = Standing(urgency, on)
    return [
        Subject(f"{name}{n}", f"{name}{n}", (Problem(f"APW-9{name}", name, severity, standing, Cause()),))
        for n in range(accounts)
    ]


def test_items_stand_by_urgency_severity_day_accounts_and_title() -> None:
    expected = [
        item_of("0", urgency=Urgency.NOW, severity="low", accounts=3),
        item_of("1", urgency=Urgency.UNKNOWN, severity="high", accounts=9),
        item_of("2", urgency=Urgency.LATER, severity="high", on=date(2027, 4, 1)),
        item_of("3", urgency=Urgency.LATER, severity="high", accounts=4),
        item_of("4", urgency=Urgency.LATER, severity="medium", on=ENDS, accounts=2),
        item_of("5", urgency=Urgency.LATER, severity="medium", on=date(2027, 4, 1), accounts=3),
        item_of("6", urgency=Urgency.TIDY, severity="low", accounts=2),
        item_of("7", urgency=Urgency.TIDY, severity="low"),
        item_of("8", urgency=Urgency.TIDY, severity="low"),
    ]
    items = plan([one for members in reversed(expected) for one in members]).items
    assert [one.checks for one in items] == [(f"APW-9{number}",) for number in range(9)]


@pytest.mark.parametrize(
    ("way", "minutes"),
    [
        (Way.GRANT, (5, 5, 5, 5, 5)),
        (Way.ENFORCE, (5, 5, 10, 10, 15)),
        (Way.REGISTER, (10, 20, 30, 40, 50)),
        (Way.METHOD, (10, 20, 30, 40, 50)),
        (Way.RELAY, (15, 20, 20, 25, 25)),
        *((way, (None,) * 5) for way in (Way.APP_ONLY, Way.OAUTH, Way.PER_USER, Way.EXCLUDE, Way.EWS)),
    ],
)
def test_how_long_a_step_takes_for_one_to_five_accounts(way: Way, minutes: tuple[int | None, ...]) -> None:
    solved = {
        Way.GRANT: "APW-008",
        Way.ENFORCE: "APW-003",
        Way.REGISTER: "APW-004",
        Way.METHOD: "APW-016",
        Way.EWS: "APW-010",
    }.get(way, "APW-001")
    steps = [
        plan([subject(n, problem(solved), ways=(WayOut(way, "Do it"),)) for n in range(accounts)]).steps
        for accounts in range(1, 6)
    ]
    assert [[(one.way, one.minutes) for one in made] for made in steps] == [[(way, each)] for each in minutes]


@pytest.mark.parametrize(
    ("check", "way", "minutes"),
    [
        ("APW-014", "switch", (5, 5, 5, 5, 5)),
        ("APW-008", "look", (None,) * 5),
        ("APW-009", "ask", (None,) * 5),
        ("APW-011", "role", (5, 5, 10, 10, 15)),
        ("APW-012", "people", (None,) * 5),
        ("APW-017", "dismiss", (5, 5, 5, 5, 5)),
        ("APW-001", "page", (None,) * 5),
    ],
)
def test_what_no_remedy_is_about_has_a_step_of_its_own(check: str, way: str, minutes: tuple[int | None, ...]) -> None:
    plans = [plan([subject(n, problem(check), ways=()) for n in range(accounts)]) for accounts in range(1, 6)]
    assert [[(one.way, one.minutes) for one in made.steps] for made in plans] == [[(way, each)] for each in minutes]
    (step,) = plans[0].steps
    assert bool(step.steps) is (way != "page")
    assert way != "page" or step.title == "Read what to do about APW-001: Title of APW-001"


_OPTION = {*(f"APW-00{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)), "APW-013"}
_BY_MOVING = {*_OPTION, "APW-010", "APW-015", "APW-016", "APW-017"}


@pytest.mark.parametrize(
    ("way", "solves"),
    [
        (Way.APP_ONLY, _BY_MOVING),
        (Way.OAUTH, _BY_MOVING),
        (Way.RELAY, _BY_MOVING),
        ("", _BY_MOVING),
        (Way.ENFORCE, {"APW-003"}),
        (Way.REGISTER, {"APW-004"}),
        (Way.METHOD, {"APW-016"}),
        (Way.GRANT, {"APW-008"}),
        (Way.EWS, {"APW-010"}),
        (Way.PER_USER, _OPTION),
        (Way.EXCLUDE, _OPTION),
        ("of another version", set()),
    ],
)
def test_a_remedy_is_the_step_for_what_it_solves_and_for_nothing_else(way: str, solves: set[str]) -> None:
    remedy = WayOut(way, "The remedy")
    by_it = {
        check
        for check in [*known_checks(), "APW-999"]
        if plan([subject(1, problem(check), ways=(remedy,))]).steps[0].title == remedy.title
    }
    assert by_it == solves


@pytest.mark.parametrize(
    ("check", "way"), [("APW-003", Way.ENFORCE), ("APW-004", Way.REGISTER), ("APW-016", Way.METHOD)]
)
def test_the_small_step_that_fits_comes_before_a_better_way_and_otherwise_the_best_way_comes_first(
    check: str, way: Way
) -> None:
    small, other = WayOut(way, "Small"), WayOut(Way.OAUTH, "Move it")
    account = subject(1, problem(check), problem("APW-010"), ways=(APP_ONLY, other, small))
    assert {one.title for one in plan([account]).steps} == {"Small", APP_ONLY.title}
    assert {one.title for one in plan([replace(account, ways=(other, APP_ONLY))]).steps} == {"Move it"}


def test_a_step_has_its_accounts_and_only_the_first_of_what_differs_between_them() -> None:
    alike = WayOut(Way.RELAY, "Relay", ("Open the portal.", "Add a connector."), "https://x.example")
    other = replace(alike, steps=("Open the portal.", "Ask the vendor."))
    accounts = [subject(2, problem("APW-001"), ways=(alike,)), subject(1, problem("APW-010"), ways=(alike,))]
    step = Step(
        title="Relay",
        way=Way.RELAY,
        steps=alike.steps,
        url=alike.url,
        minutes=20,
        findings=2,
        now=1,
        accounts=(("a1", "svc-1@contoso.com"), ("a2", "svc-2@contoso.com")),
    )
    assert plan(accounts).steps == (step,)
    (differing,) = plan([*accounts, subject(3, problem("APW-001"), ways=(other,))]).steps
    assert differing.steps == ("Open the portal.",)


def test_what_differs_in_a_step_is_told_as_the_first_account_has_it() -> None:
    one = WayOut(Way.RELAY, "Relay", ("Open the portal.", "Wait."), "https://one.example")
    other = replace(one, steps=("Ask the vendor.",), url="https://other.example")
    (step,) = plan([subject(2, problem("APW-001"), ways=(one,)), subject(1, problem("APW-001"), ways=(other,))]).steps
    assert (step.steps, step.url) == (("Open the portal.",), "https://one.example")


def step_of(title: str, way: str, *, now: int = 0, later: int = 0) -> Subject:
    broken = [problem("APW-001")] * now
    waiting = [problem("APW-006")] * later
    return Subject(title, title, (*broken, *waiting), (WayOut(way, title),))


def test_steps_stand_by_what_is_broken_by_what_they_solve_by_minutes_and_by_title() -> None:
    expected = [
        step_of("G", Way.OAUTH, now=2),
        step_of("F", Way.OAUTH, now=1, later=4),
        step_of("E", Way.RELAY, now=1, later=1),
        step_of("C", Way.OAUTH, now=1, later=1),
        step_of("D", Way.OAUTH, now=1, later=1),
        step_of("A", Way.RELAY, later=3),
        step_of("B", Way.OAUTH, later=2),
    ]
    assert [one.title for one in plan(expected[::-1]).steps] == ["G", "F", "E", "C", "D", "A", "B"]


def test_of_steps_that_solve_as_much_the_shorter_comes_first() -> None:
    stuck = subject(1, problem("APW-003"), ways=(WayOut(Way.ENFORCE, "Z"),))
    new = subject(2, replace(problem("APW-004", "medium")), ways=(WayOut(Way.REGISTER, "A"),))
    assert [(one.title, one.minutes) for one in plan([new, stuck]).steps] == [("Z", 5), ("A", 10)]


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


def test_refused_sign_ins_are_one_item_since_the_first_of_them_began() -> None:
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (19, 17, 21)]
    refused = [replace(problem("APW-015"), refused_since=day) for day in [*days, None]]
    (item,) = plan([subject(number, one) for number, one in enumerate(refused)]).items
    assert item.since == datetime(2026, 11, 17, tzinfo=UTC)


def test_when_refusals_began_is_not_said_of_what_a_policy_does_besides() -> None:
    hidden = problem("APW-001", cause=replace(CA001, since=None))
    refused = replace(problem("APW-015", cause=hidden.cause), refused_since=datetime(2026, 11, 17, tzinfo=UTC))
    (item,) = plan([subject(1, hidden, refused)]).items
    assert item.since is None
    (item,) = plan([subject(1, replace(refused, cause=CA001)), subject(2, refused)]).items
    assert item.since is None, "the policy's date and the log's are two things"
