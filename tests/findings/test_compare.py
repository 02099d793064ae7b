"""What changed about an account: tables of single steps, and properties of sequences of scans."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.compare import change_id, compare, no_longer_found
from findings.model import (
    AcceptedException,
    Change,
    ChangeKind,
    Comparison,
    FindingState,
    Flap,
    Observation,
    Silence,
    Status,
)
from findings.run_record import ANY_TIME, APART
from tests.findings.build import DAY, DOCUMENT, HOUR, NOW, account, seen

OPENED, CHANGED = ChangeKind.OPENED, ChangeKind.CHANGED
RESOLVED, REOPENED = ChangeKind.RESOLVED, ChangeKind.REOPENED
EVERY_CHECK = frozenset(f"APW-{number:03}" for number in range(1, 18))


def scan(
    previous: Sequence[FindingState],
    *observations: Observation,
    at: datetime = NOW,
    complete: bool = True,
    selected: bool = True,
    closing: str | None = None,
    resolution: str = no_longer_found(""),
    exceptions: Sequence[AcceptedException] = (),
    confirmed: Collection[str] = (),
    apart: timedelta = ANY_TIME,
    run_id: str = "run-1",
) -> Comparison:
    """``complete``: whether everything could be read that decides the checks."""
    return compare(
        account(at=at, complete=complete, selected=selected, run_id=run_id),
        previous,
        [replace(observation, exact=complete) for observation in observations],
        undecided=() if complete else EVERY_CHECK,
        confirmed=confirmed,
        apart=apart,
        alert_id=f"alert-{at.isoformat()}",
        closing=closing,
        resolution=lambda check_id: resolution,
        exceptions=exceptions,
    )


def accepted(
    until: date, check_id: str | None = "APW-001", account_id: str = "a1", name: str = "x"
) -> AcceptedException:
    return AcceptedException(name, account_id, "svc-a1", check_id, "Migration", "Ada", until, NOW - DAY, "Ada")


RANK = {"low": 1, "medium": 2, "high": 3}
OPEN = scan([], seen()).states
GONE = scan(OPEN, at=NOW + HOUR).states


@pytest.mark.parametrize(
    ("before", "observed", "complete", "closing", "kinds", "status"),
    [
        ((), [seen()], True, None, [OPENED], "open"),
        ((), [seen()], False, None, [OPENED], "open"),
        ((), [], True, None, [], None),
        (OPEN, [seen()], True, None, [], "open"),
        (OPEN, [seen()], False, None, [], "open"),
        (OPEN, [seen(fingerprint="policy-2")], True, None, [CHANGED], "open"),
        (OPEN, [seen(severity="low")], True, None, [CHANGED], "open"),
        (OPEN, [seen(fingerprint="policy-2")], False, None, [], "open"),
        (OPEN, [], True, None, [RESOLVED], "resolved"),
        (OPEN, [], False, None, [], "open"),
        (OPEN, [], True, "The account was deleted.", [RESOLVED], "resolved"),
        (OPEN, [], False, "The account was deleted.", [RESOLVED], "resolved"),
        (OPEN, [seen()], True, "The account is disabled.", [RESOLVED], "resolved"),
        (GONE, [], True, None, [], "resolved"),
        (GONE, [], False, None, [], "resolved"),
        (GONE, [], True, "The account was deleted.", [], "resolved"),
        (GONE, [seen()], True, None, [REOPENED], "open"),
        (GONE, [seen()], False, None, [REOPENED], "open"),
    ],
)
def test_each_step_of_a_finding(
    before: Sequence[FindingState],
    observed: Sequence[Observation],
    complete: bool,
    closing: str | None,
    kinds: Sequence[ChangeKind],
    status: str | None,
) -> None:
    outcome = scan(before, *observed, at=NOW + 2 * HOUR, complete=complete, closing=closing)
    assert [change.kind for change in outcome.changes] == kinds
    assert [state.status for state in outcome.states] == ([] if status is None else [status])


def test_a_new_finding_carries_everything_that_was_observed() -> None:
    (change,) = scan([], seen()).changes
    (state,) = OPEN
    assert (state.first_ever, state.first_seen, state.last_seen, state.changed_at) == (NOW, NOW, NOW, NOW)
    assert (state.title, state.summary, state.occurrences) == ("Title of APW-001", "APW-001 because of policy-1.", 1)
    assert (change.at, change.first_seen, change.run_id, change.detail) == (NOW, NOW, "run-1", DOCUMENT)
    assert change.silence is None


def test_a_finding_that_stays_open_only_moves_its_last_sight() -> None:
    (state,) = scan(OPEN, seen(), at=NOW + DAY).states
    assert state == replace(OPEN[0], last_seen=NOW + DAY)


def test_a_resolved_finding_says_why_and_keeps_its_history() -> None:
    (state,) = scan(OPEN, at=NOW + DAY, resolution="Per-user MFA is enforced now.").states
    assert (state.resolved_at, state.resolution) == (NOW + DAY, "Per-user MFA is enforced now.")
    assert (state.first_seen, state.last_seen) == (NOW, NOW)
    assert GONE[0].resolution == no_longer_found("APW-001")


def test_closing_gives_its_own_reason_even_when_something_was_unreadable() -> None:
    outcome = scan(OPEN, complete=False, closing="The account was deleted.", resolution="not this one")
    assert outcome.changes[0].resolution == "The account was deleted."


def test_a_reopened_finding_starts_anew_but_remembers_its_first_time() -> None:
    (state,) = scan(GONE, seen(), at=NOW + DAY).states
    assert (state.first_ever, state.first_seen, state.occurrences) == (NOW, NOW + DAY, 2)
    assert (state.resolved_at, state.resolution) == (None, None)


def test_a_partial_scan_keeps_the_words_that_belong_to_the_fingerprint() -> None:
    (state,) = scan(OPEN, seen(fingerprint="policy-2"), at=NOW + DAY, complete=False).states
    assert (state.summary, state.last_seen) == ("APW-001 because of policy-1.", NOW + DAY)


def test_a_change_of_severity_names_the_one_before() -> None:
    (change,) = scan(OPEN, seen(severity="medium"), at=NOW + DAY).changes
    assert (change.previous_severity, change.severity) == ("high", "medium")
    (change,) = scan(OPEN, seen(fingerprint="new"), at=NOW + DAY).changes
    assert change.previous_severity is None


def test_checks_of_one_account_change_independently() -> None:
    before = scan([], seen("APW-001"), seen("APW-007"), seen("APW-008")).states
    outcome = scan(before, seen("APW-007"), seen("APW-008", fingerprint="new"), seen("APW-010"), at=NOW + DAY)
    assert {change.check_id: change.kind for change in outcome.changes} == {
        "APW-001": RESOLVED,
        "APW-008": CHANGED,
        "APW-010": OPENED,
    }
    assert {state.check_id for state in outcome.touched} == {"APW-001", "APW-007", "APW-008", "APW-010"}


def test_what_stays_resolved_need_not_be_written_again() -> None:
    assert scan(GONE, at=NOW + DAY).touched == ()


def test_the_same_check_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="APW-001 was observed twice"):
        scan([], seen(), seen())


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        scan([], seen(), at=NOW.replace(tzinfo=None))


def test_ids_of_changes_never_change() -> None:
    # Alerts that are on their way carry them: this literal must never be edited.
    assert change_id("alert-1", "a1", "APW-001", OPENED) == "ec47b391-7746-5b36-a1cb-dd5a7ee754f9"


# Exceptions


def test_an_accepted_finding_opens_in_silence_and_shows_its_exception() -> None:
    outcome = scan([], seen(), exceptions=[accepted(NOW.date())])
    (change,), (state,) = outcome.changes, outcome.states
    assert (change.kind, change.silence, outcome.told) == (OPENED, Silence.EXCEPTION, ())
    assert state.open
    assert state.exception == change.exception == accepted(NOW.date())


@pytest.mark.parametrize("observed", [[], [seen(fingerprint="new")], [seen(severity="low")]])
def test_whatever_happens_to_an_accepted_finding_is_recorded_but_not_told(observed: list[Observation]) -> None:
    outcome = scan(OPEN, *observed, at=NOW + HOUR, exceptions=[accepted(NOW.date())])
    assert [change.silence for change in outcome.changes] == [Silence.EXCEPTION]


@pytest.mark.parametrize(
    "exception",
    [
        accepted(NOW.date() - DAY),
        accepted(NOW.date(), check_id="APW-007"),
        accepted(NOW.date(), account_id="a2"),
        replace(accepted(NOW.date()), ended_at=NOW - HOUR),
    ],
    ids=["out of date", "another check", "another account", "removed"],
)
def test_an_exception_that_does_not_apply_silences_nothing(exception: AcceptedException) -> None:
    assert [change.kind for change in scan([], seen(), exceptions=[exception]).told] == [OPENED]


def test_an_exception_without_a_check_covers_all_of_them() -> None:
    assert scan([], seen(), seen("APW-007"), exceptions=[accepted(NOW.date(), check_id=None)]).told == ()


def test_of_several_exceptions_the_one_that_holds_longest_is_shown() -> None:
    short, long = accepted(NOW.date(), name="short"), accepted(NOW.date() + DAY, check_id=None, name="long")
    (state,) = scan([], seen(), exceptions=[short, long]).states
    assert state.exception == long


@pytest.mark.parametrize("complete", [True, False])
def test_the_end_of_an_exception_is_told_once(complete: bool) -> None:
    exception = accepted(NOW.date())
    before = scan([], seen(), exceptions=[exception]).states
    ended = scan(before, seen(), at=NOW + DAY, complete=complete, exceptions=[exception])
    assert [(change.kind, change.exception) for change in ended.told] == [(ChangeKind.EXCEPTION_EXPIRED, exception)]
    assert ended.states[0].exception is None
    assert scan(ended.states, seen(), at=NOW + 2 * DAY, exceptions=[exception]).changes == ()


def test_a_removed_exception_ends_like_an_expired_one() -> None:
    before = scan([], seen(), exceptions=[accepted(NOW.date() + 30 * DAY)]).states
    assert [change.kind for change in scan(before, seen(), at=NOW + HOUR).told] == [ChangeKind.EXCEPTION_EXPIRED]


def test_an_exception_that_cannot_be_read_ends_nothing_and_silences_nothing() -> None:
    exception = accepted(NOW.date() + 30 * DAY)
    unread = replace(exception, unread=True)
    before = scan([], seen(), exceptions=[exception]).states
    after = scan(before, seen(), at=NOW + DAY, exceptions=[unread])
    assert (after.changes, after.states[0].exception) == ((), exception)
    gone = scan(after.states, at=NOW + 2 * DAY, exceptions=[unread])
    assert [change.kind for change in gone.told] == [ChangeKind.RESOLVED]
    new = scan([], seen(), exceptions=[unread])
    assert ([change.kind for change in new.told], new.states[0].exception) == ([ChangeKind.OPENED], None)


def test_the_end_of_an_exception_is_not_told_for_a_finding_that_is_gone() -> None:
    exception = accepted(NOW.date())
    before = scan([], seen(), exceptions=[exception]).states
    gone = scan(before, at=NOW + HOUR, exceptions=[exception])
    assert gone.states[0].exception is None
    assert scan(gone.states, at=NOW + DAY, exceptions=[exception]).changes == ()


def test_a_finding_that_is_gone_when_its_exception_ends_is_only_told_as_resolved() -> None:
    exception = accepted(NOW.date())
    before = scan([], seen(), exceptions=[exception]).states
    assert [change.kind for change in scan(before, at=NOW + DAY, exceptions=[exception]).changes] == [RESOLVED]


def test_an_exception_that_is_extended_does_not_end() -> None:
    before = scan([], seen(), exceptions=[accepted(NOW.date())]).states
    longer = accepted(NOW.date() + 10 * DAY, name="longer")
    assert scan(before, seen(), at=NOW + DAY, exceptions=[longer]).changes == ()


# Properties of sequences

CHECKS = ("APW-001", "APW-002", "APW-007")
SOME = settings(max_examples=50)
ONE_SCAN = st.tuples(
    st.lists(
        st.builds(seen, st.sampled_from(CHECKS), st.sampled_from(["low", "high"]), st.sampled_from(["p1", "p2"])),
        unique_by=lambda observation: observation.check_id,
    ),
    st.booleans(),
    st.integers(min_value=1, max_value=24 * 14),
)
SCANS = st.lists(ONE_SCAN, max_size=12)
Played = list[tuple[Sequence[FindingState], Sequence[Observation], bool, Comparison]]


def play(scans: Sequence[tuple[list[Observation], bool, int]]) -> Played:
    """Each scan with the states before it, what it saw, whether it was complete, and its outcome."""
    states: Sequence[FindingState] = ()
    at = NOW
    played: Played = []
    for observed, complete, hours in scans:
        at += timedelta(hours=hours)
        outcome = scan(states, *observed, at=at, complete=complete)
        played.append((states, observed, complete, outcome))
        states = outcome.states
    return played


@SOME
@given(SCANS, ONE_SCAN)
def test_the_same_observations_a_moment_later_change_nothing(
    scans: list[tuple[list[Observation], bool, int]], last: tuple[list[Observation], bool, int]
) -> None:
    _, observed, complete, outcome = play([*scans, last])[-1]
    again = scan(outcome.states, *observed, at=outcome_time(outcome) + timedelta(seconds=1), complete=complete)
    assert [change for change in again.changes if change.flapping is None] == []
    assert [state.status for state in again.states] == [state.status for state in outcome.states]


def outcome_time(outcome: Comparison) -> datetime:
    times = [max(state.last_seen, state.changed_at) for state in outcome.states]
    return max(times, default=NOW)


@SOME
@given(SCANS)
def test_what_is_undecided_is_never_resolved_and_only_changes_for_the_worse(
    scans: list[tuple[list[Observation], bool, int]],
) -> None:
    for before, _, complete, outcome in play(scans):
        if not complete:
            was_open = {state.check_id for state in before if state.open}
            assert was_open <= {state.check_id for state in outcome.states if state.open}
            assert not [change for change in outcome.changes if change.kind is RESOLVED]
            for change in outcome.changes:
                if change.kind is CHANGED and change.flapping is None:
                    assert RANK[change.severity] > RANK[change.previous_severity or ""]


@SOME
@given(SCANS)
def test_changes_fit_the_states_before_and_after(scans: list[tuple[list[Observation], bool, int]]) -> None:
    for before, _, _, outcome in play(scans):
        old = {state.check_id: state.status for state in before}
        new = {state.check_id: state.status for state in outcome.states}
        for change in outcome.changes:
            was, now = old.get(change.check_id), new[change.check_id]
            assert change.status is now
            if change.flapping is None:
                assert (was, now) == {
                    OPENED: (None, Status.OPEN),
                    CHANGED: (Status.OPEN, Status.OPEN),
                    RESOLVED: (Status.OPEN, Status.RESOLVED),
                    REOPENED: (Status.RESOLVED, Status.OPEN),
                }[change.kind]
        moved = {check_id for check_id in new if old.get(check_id) != new[check_id]}
        assert moved <= {change.check_id for change in outcome.changes}


@SOME
@given(SCANS, ONE_SCAN)
def test_after_a_complete_scan_exactly_what_it_saw_is_open(
    scans: list[tuple[list[Observation], bool, int]], last: tuple[list[Observation], bool, int]
) -> None:
    observed, _, hours = last
    *_, outcome = play([*scans, (observed, True, hours)])[-1]
    assert {(state.check_id, state.severity) for state in outcome.states if state.open} == {
        (observation.check_id, observation.severity) for observation in observed
    }


@SOME
@given(SCANS)
def test_nothing_is_ever_forgotten_and_times_stay_in_order(scans: list[tuple[list[Observation], bool, int]]) -> None:
    for before, _, _, outcome in play(scans):
        assert {state.check_id for state in before} <= {state.check_id for state in outcome.states}
        for state in outcome.states:
            assert state.first_ever <= state.first_seen <= state.last_seen
            assert state.first_seen <= state.changed_at
            assert (state.resolved_at is None) == state.open == (state.resolution is None)


@SOME
@given(SCANS)
def test_at_most_one_change_per_check_is_told_and_ids_are_unique(
    scans: list[tuple[list[Observation], bool, int]],
) -> None:
    ids = []
    for *_, outcome in play(scans):
        told = [change.check_id for change in outcome.told]
        assert len(told) == len(set(told))
        ids += [change.id for change in outcome.changes]
    assert len(ids) == len(set(ids))


@SOME
@given(SCANS)
def test_closing_leaves_nothing_open(scans: list[tuple[list[Observation], bool, int]]) -> None:
    played = play(scans)
    states = played[-1][-1].states if played else ()
    outcome = scan(states, seen(), at=NOW + 300 * DAY, selected=False, closing="The account was deleted.")
    assert not [state for state in outcome.states if state.open]
    assert {change.check_id for change in outcome.told} >= {state.check_id for state in states if state.open}


# What could not be read decides single checks, not whole scans


def test_only_what_is_undecided_is_protected() -> None:
    before = scan([], seen("APW-001"), seen("APW-011")).states
    outcome = compare(account(at=NOW + DAY), before, [], alert_id="a", undecided={"APW-011"})
    assert [(change.kind, change.check_id) for change in outcome.changes] == [(RESOLVED, "APW-001")]
    assert {state.check_id: state.status.value for state in outcome.states} == {
        "APW-001": "resolved",
        "APW-011": "open",
    }


def test_a_rise_in_severity_is_told_though_something_was_unreadable() -> None:
    before = scan([], seen(severity="medium")).states
    (change,) = scan(before, seen(severity="high"), at=NOW + DAY, complete=False).changes
    assert (change.kind, change.previous_severity, change.severity) == (CHANGED, "medium", "high")
    lower = scan(OPEN, seen(severity="low"), at=NOW + DAY, complete=False)
    assert (lower.changes, lower.states[0].severity) == ((), "high")


def test_causes_that_become_readable_are_no_news() -> None:
    before = scan([], seen(fingerprint="half of it"), complete=False).states
    outcome = scan(before, seen(fingerprint="all of it"), at=NOW + DAY)
    assert (outcome.changes, outcome.states[0].summary) == ((), "APW-001 because of all of it.")
    (change,) = scan(outcome.states, seen(fingerprint="another"), at=NOW + 2 * DAY).changes
    assert change.kind is CHANGED


@pytest.mark.parametrize(
    ("scans", "told"),
    [
        ("1", []),
        ("1 2", ["opened"]),
        ("1 1 1", []),  # a run that was repeated is the same scan
        ("1 -2", []),
        ("1 -2 3", []),
        ("1 -2 3 4", ["opened"]),  # of the first one nobody was told
        ("2 1", ["opened"]),  # whatever the ids of the runs are
        ("1 -2 3 -4 5 6 -7 8 9", ["opened", "resolved", "reopened"]),
        ("1 2 3 -4", ["opened", "resolved"]),
        ("1 2 -3 4 5", ["opened", "resolved", "reopened"]),
    ],
)
def test_what_one_scan_alone_could_not_read_is_a_hiccup(scans: str, told: Sequence[str]) -> None:
    states: Sequence[FindingState] = ()
    changes: list[Change] = []
    for hour, name in enumerate(scans.split()):
        seen_now = [] if name.startswith("-") else [seen("APW-008")]
        outcome = scan(states, *seen_now, at=NOW + hour * HOUR, confirmed={"APW-008"}, run_id=name.strip("-"))
        states, changes = outcome.states, [*changes, *outcome.told]
    assert [change.kind.value for change in changes] == told
    if told:
        assert changes[0].first_seen == changes[0].at - HOUR  # the day of the first sight
    if scans.split()[-1].startswith("-"):
        assert not states[0].open
    else:
        assert states[0].open  # kept at once, whether it is told yet or not


def test_a_scan_that_sees_for_certain_what_may_have_been_a_hiccup_tells_it_at_once() -> None:
    first = scan([], seen("APW-005"), complete=False, confirmed={"APW-005"}, run_id="1")
    (told,) = scan(first.states, seen("APW-005"), at=NOW + timedelta(minutes=1), apart=APART, run_id="2").told
    assert told.kind is OPENED


def test_what_may_be_a_hiccup_makes_no_finding_more_severe() -> None:
    known = scan([], seen("APW-006", "medium"))
    hiccup = scan(known.states, seen("APW-006", "high", "p2"), at=NOW + DAY, complete=False, confirmed={"APW-006"})
    over = scan(hiccup.states, seen("APW-006", "medium"), at=NOW + 2 * DAY)
    assert (hiccup.changes, over.changes) == ((), ())
    assert hiccup.states[0].severity == "medium"


def test_a_scan_that_does_not_look_at_the_account_confirms_no_hiccup() -> None:
    first = scan([], seen("APW-008"), confirmed={"APW-008"}, run_id="1")
    missed = scan(first.states, at=NOW + DAY, complete=False, run_id="2")
    assert (missed.changes, missed.states[0].pending) == ((), True)
    (told,) = scan(missed.states, seen("APW-008"), at=NOW + 2 * DAY, confirmed={"APW-008"}, run_id="3").told
    assert told.kind is OPENED


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        ("r0 r1", []),  # the same hiccup, looked at twice
        ("r0 r1 r29", []),
        ("r0 r1 r30", ["opened"]),
        ("r0 -r1 r2 r31", []),
        ("w0 r1", []),
        ("w0 r1 w60", ["opened"]),
        ("r0 w1", ["opened"]),
        ("w0 w1", ["opened"]),  # scans of everything are apart by themselves
    ],
)
def test_rechecks_within_half_an_hour_look_at_the_same_hiccup(minutes: str, told: Sequence[str]) -> None:
    states: Sequence[FindingState] = ()
    changes: list[Change] = []
    for number, one in enumerate(minutes.split()):
        seen_now, one = ([], one[1:]) if one.startswith("-") else ([seen("APW-008")], one)
        at = NOW + timedelta(minutes=int(one[1:]))
        apart = APART if one.startswith("r") else ANY_TIME
        outcome = scan(states, *seen_now, at=at, confirmed={"APW-008"}, run_id=f"run-{number}", apart=apart)
        states, changes = outcome.states, [*changes, *outcome.told]
    assert [change.kind.value for change in changes] == told


@pytest.mark.parametrize(("occurrences", "kind"), [(0, OPENED), (1, OPENED), (2, REOPENED)])
def test_what_nobody_was_told_of_before_is_opened(occurrences: int, kind: ChangeKind) -> None:
    first = scan([], seen("APW-008"), confirmed={"APW-008"}, run_id="1")
    known = [replace(state, occurrences=occurrences) for state in first.states]
    (told,) = scan(known, seen("APW-008"), at=NOW + DAY, confirmed={"APW-008"}, run_id="2").told
    assert told.kind is kind


@pytest.mark.parametrize(("occurrences", "left"), [(0, 0), (1, 0), (2, 1)])
def test_a_hiccup_does_not_count_and_nothing_counts_less_than_nothing(occurrences: int, left: int) -> None:
    first = scan([], seen("APW-008"), confirmed={"APW-008"}, run_id="1")
    known = [replace(state, occurrences=occurrences) for state in first.states]
    over = scan(known, at=NOW + DAY, confirmed={"APW-008"}, run_id="2")
    assert [state.occurrences for state in over.states] == [left]


def test_a_scan_is_one_of_everything_unless_it_says_otherwise() -> None:
    confirmed = {"APW-008"}
    first = compare(account(run_id="1"), [], [seen("APW-008")], alert_id="1", confirmed=confirmed)
    later = account(at=NOW + timedelta(minutes=1), run_id="2")
    again = compare(later, first.states, [seen("APW-008")], alert_id="2", confirmed=confirmed)
    assert len(again.told) == 1


def test_an_unreadable_account_that_came_and_went_is_told_once_it_stays_so() -> None:
    """Unreadable on days 0, 2 and 4, and then for good."""
    states: Sequence[FindingState] = ()
    told = []
    for day in range(12):
        seen_now = [seen("APW-008")] if day % 2 == 0 or day > 4 else []
        outcome = scan(states, *seen_now, at=NOW + day * DAY, confirmed={"APW-008"}, run_id=f"run-{day}")
        states = outcome.states
        told += [(day, change.flapping.value if change.flapping else change.kind.value) for change in outcome.told]
    assert told == [(5, "opened")]  # hiccups are no flapping either: they go to the history only
    assert states[0].open


def test_an_accepted_finding_is_not_told_by_the_second_scan() -> None:
    exception = accepted(NOW.date() + timedelta(days=9), "APW-008")
    first = scan([], seen("APW-008"), confirmed={"APW-008"}, run_id="1", exceptions=[exception])
    second = scan(
        first.states, seen("APW-008"), at=NOW + DAY, confirmed={"APW-008"}, run_id="2", exceptions=[exception]
    )
    assert (first.told, second.told) == ((), ())
    assert [state.pending for state in (*first.states, *second.states)] == [False, False]
    ended = scan(second.states, seen("APW-008"), at=NOW + 20 * DAY, confirmed={"APW-008"}, run_id="3")
    assert [change.kind for change in ended.told] == [ChangeKind.EXCEPTION_EXPIRED]


def test_a_finding_that_ends_with_the_watch_says_so() -> None:
    (closed,) = scan(OPEN, at=NOW + DAY, closing="The account was deleted.").changes
    (solved,) = scan(OPEN, at=NOW + DAY).changes
    assert (closed.closing, solved.closing) == (True, False)


@pytest.mark.parametrize("pattern", ["1 -1 1 -1", "1 -1 1"])
def test_what_flaps_is_said_to_have_ended_when_nobody_looks_any_more(pattern: str) -> None:
    states: Sequence[FindingState] = ()
    for hour, name in enumerate([*pattern.split(), "1", "-1"]):
        outcome = scan(states, *([] if name.startswith("-") else [seen()]), at=NOW + hour * HOUR)
        states = outcome.states
    assert states[0].flapping_since is not None
    ended = scan(states, at=NOW + 9 * HOUR, closing="The account was deleted.", selected=False)
    assert [(change.kind, change.closing, change.silence) for change in ended.changes] == [(RESOLVED, True, None)]
    assert ended.states[0].flapping_since is None


def test_a_cause_is_told_as_long_as_the_finding_is_open() -> None:
    caused = replace(seen(), cause="Since Monday, through Ada.")
    opened = scan([], caused)
    gone = scan(opened.states, at=NOW + HOUR)
    assert [change.cause for change in (*opened.changes, *gone.changes)] == ["Since Monday, through Ada.", None]
    assert gone.states[0].cause == "Since Monday, through Ada."


@pytest.mark.parametrize(("before", "now", "told"), [("critical", "low", True), ("low", "critical", False)])
def test_a_severity_of_another_version_is_below_all_where_something_was_unreadable(
    before: str, now: str, told: bool
) -> None:
    outcome = scan([replace(OPEN[0], severity=before)], seen(severity=now), at=NOW + DAY, complete=False)
    assert [change.kind for change in outcome.changes] == ([CHANGED] if told else [])


def test_what_opens_counts_as_an_event_though_something_was_unreadable() -> None:
    assert scan([], seen(), complete=False).states[0].transitions == (NOW,)
    assert scan(OPEN, seen(), at=NOW + HOUR, complete=False).states[0].transitions == (NOW,)


def test_what_began_to_flap_in_silence_is_said_to_flap_when_its_exception_ends() -> None:
    exception = accepted(NOW.date() + DAY)
    states: Sequence[FindingState] = ()
    for hour in range(5):
        observed = [seen()] if hour % 2 == 0 else []
        outcome = scan(states, *observed, at=NOW + hour * HOUR, exceptions=[exception])
        assert outcome.told == ()
        states = outcome.states
    assert states[0].flapping_since is not None
    (ended,) = scan(states, seen(), at=NOW + 6 * HOUR).changes
    assert (ended.kind, ended.flapping, ended.exception) == (ChangeKind.EXCEPTION_EXPIRED, Flap.STARTED, exception)
    calm = scan(scan([], seen(), exceptions=[exception]).states, seen(), at=NOW + 6 * HOUR).changes
    assert [(change.kind, change.flapping) for change in calm] == [(ChangeKind.EXCEPTION_EXPIRED, None)]


def test_what_flaps_waits_for_no_second_scan() -> None:
    flapping = replace(GONE[0], check_id="APW-008", flapping_since=NOW)
    outcome = scan([flapping], seen("APW-008"), at=NOW + 2 * HOUR, confirmed={"APW-008"}, run_id="run-2")
    assert [(change.kind, change.silence) for change in outcome.changes] == [(REOPENED, Silence.FLAPPING)]
    assert not outcome.states[0].pending


def test_a_hiccup_that_is_over_waits_for_nothing() -> None:
    first = scan([], seen("APW-008"), confirmed={"APW-008"}, run_id="1")
    over = scan(first.states, at=NOW + HOUR, confirmed={"APW-008"}, run_id="2")
    assert [state.pending for state in (*first.states, *over.states)] == [True, False]
    assert [change.silence for change in (*first.changes, *over.changes)] == [Silence.HICCUP, Silence.HICCUP]
