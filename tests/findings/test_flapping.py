"""Findings that come and go."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from findings.compare import compare
from findings.flapping import LIMIT, QUIET, WINDOW
from findings.model import Change, ChangeKind, FindingState, Flap, Silence, Status
from tests.findings.build import DAY, HOUR, NOW, account, seen


def alternate(
    times: Iterable[datetime], states: Sequence[FindingState] = (), *, present: bool = True
) -> tuple[Sequence[FindingState], list[Change]]:
    """Complete scans at ``times``, in which the finding is there, gone, there, ..."""
    changes: list[Change] = []
    for at in times:
        outcome = compare(account(at=at), states, [seen()] if present else [], alert_id=f"alert-{at.isoformat()}")
        states = outcome.states
        changes += outcome.changes
        present = not present
    return states, changes


def watch(
    states: Sequence[FindingState], at: datetime, *, complete: bool = True
) -> tuple[Sequence[FindingState], Sequence[Change]]:
    """A scan in which nothing moves."""
    still = [replace(seen(), exact=complete)] if states[0].open else []
    undecided = () if complete else {states[0].check_id}
    outcome = compare(account(at=at), states, still, alert_id=f"alert-{at.isoformat()}", undecided=undecided)
    return outcome.states, outcome.changes


HOURLY = [NOW + number * HOUR for number in range(50)]


def test_a_finding_that_comes_and_goes_is_told_a_few_times_and_then_announced_as_flapping() -> None:
    _, changes = alternate(HOURLY[:LIMIT])
    assert [(change.kind, change.flapping) for change in changes] == [
        (ChangeKind.OPENED, None),
        (ChangeKind.RESOLVED, None),
        (ChangeKind.REOPENED, None),
        (ChangeKind.CHANGED, Flap.STARTED),
    ]
    assert changes[-1].status is Status.RESOLVED


def test_while_it_flaps_every_transition_is_recorded_and_none_is_told() -> None:
    _, changes = alternate(HOURLY)
    assert len(changes) == len(HOURLY)
    assert {change.silence for change in changes[LIMIT:]} == {Silence.FLAPPING}
    assert {change.kind for change in changes[LIMIT:]} == {ChangeKind.REOPENED, ChangeKind.RESOLVED}


def test_flapping_between_two_causes_is_damped_too() -> None:
    states: Sequence[FindingState] = ()
    told: list[Change] = []
    for number, at in enumerate(HOURLY):
        observed = [seen(fingerprint=f"policy-{number % 2}")]
        outcome = compare(account(at=at), states, observed, alert_id=at.isoformat())
        states = outcome.states
        told += outcome.told
    assert len(told) == LIMIT
    assert told[-1].flapping is Flap.STARTED


def test_transitions_far_apart_are_not_flapping() -> None:
    _, changes = alternate(NOW + number * WINDOW / (LIMIT - 1) for number in range(20))
    assert [change for change in changes if change.flapping or change.silence] == []


def test_once_it_stays_open_one_change_says_so() -> None:
    states, _ = alternate(HOURLY[: LIMIT + 1])
    last = states[0].changed_at
    states, changes = watch(states, last + QUIET - HOUR)
    assert changes == ()
    states, changes = watch(states, last + QUIET)
    assert [(change.kind, change.flapping, change.status) for change in changes] == [
        (ChangeKind.CHANGED, Flap.SETTLED, Status.OPEN)
    ]
    assert states[0].flapping_since is None
    assert watch(states, last + QUIET + HOUR)[1] == ()


def test_once_it_stays_away_one_change_says_so() -> None:
    states, _ = alternate(HOURLY[:LIMIT])
    _, (change,) = watch(states, states[0].changed_at + QUIET)
    assert (change.kind, change.flapping) == (ChangeKind.RESOLVED, Flap.SETTLED)
    assert change.resolution


def test_a_partial_scan_does_not_find_it_settled() -> None:
    states, _ = alternate(HOURLY[:LIMIT])
    assert watch(states, NOW + 30 * DAY, complete=False)[1] == ()


def test_after_settling_counting_starts_afresh() -> None:
    states, _ = alternate(HOURLY[:LIMIT])
    settled = states[0].changed_at + QUIET
    states, _ = watch(states, settled)
    _, changes = alternate([settled + HOUR, settled + 2 * HOUR], states)
    assert [(change.kind, change.silence) for change in changes] == [
        (ChangeKind.REOPENED, None),
        (ChangeKind.RESOLVED, None),
    ]


def test_the_end_of_an_account_is_told_even_while_its_finding_flaps() -> None:
    states, _ = alternate(HOURLY[: LIMIT + 1])
    gone = account(at=NOW + DAY, selected=False)
    outcome = compare(gone, states, [], alert_id="last", closing="The account was deleted.")
    assert [(change.kind, change.resolution) for change in outcome.told] == [
        (ChangeKind.RESOLVED, "The account was deleted.")
    ]
    assert outcome.states[0].flapping_since is None


def test_an_account_that_is_switched_off_and_on_flaps_like_any_other() -> None:
    states: Sequence[FindingState] = ()
    told: list[Change] = []
    for number, at in enumerate(HOURLY):
        closing = "The account is disabled." if number % 2 else None
        outcome = compare(account(at=at), states, [seen()], alert_id=at.isoformat(), closing=closing)
        states = outcome.states
        told += outcome.told
    assert len(told) == LIMIT


@given(st.lists(st.integers(min_value=1, max_value=24 * 10), max_size=60))
def test_what_was_told_last_is_true_once_everything_is_quiet(distances: list[int]) -> None:
    """Whoever only reads alerts knows the state in the end, and hears little on the way."""
    at, times = NOW, []
    for hours in distances:
        at += hours * HOUR
        times.append(at)
    states, changes = alternate(times)
    if not states:
        return
    _, quiet = watch(states, at + QUIET)
    told = [change for change in [*changes, *quiet] if change.silence is None]
    assert told[-1].status is states[0].status
    assert len(told) <= LIMIT * (1 + (at + QUIET - NOW) / QUIET)


def test_four_events_within_a_week_flap_and_three_quiet_days_settle() -> None:
    _, changes = alternate([NOW, NOW + 2 * DAY, NOW + 4 * DAY, NOW + 7 * DAY - HOUR])
    assert [change.flapping for change in changes] == [None, None, None, Flap.STARTED]
    _, changes = alternate([NOW, NOW + 2 * DAY, NOW + 4 * DAY, NOW + 7 * DAY])
    assert [change.flapping for change in changes] == [None] * 4
    states, _ = alternate(HOURLY[:4])
    assert watch(states, states[0].changed_at + 3 * DAY - HOUR)[1] == ()
    assert len(watch(states, states[0].changed_at + 3 * DAY)[1]) == 1
