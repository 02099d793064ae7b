"""Which clock a scan goes by, where those of the machine, of the storage account and of Microsoft Graph differ."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs.clock import TOLERANCE, TrustedClock
from tests.findings.build import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
apart = st.timedeltas(-timedelta(days=40), timedelta(days=40)) | st.timedeltas(-12 * MINUTE, 12 * MINUTE)


def time_of(storage: timedelta, machine: timedelta, now: timedelta = timedelta()) -> timedelta:
    """What a scan takes for the time, where Graph's clock is right and the others are so far ahead; all since ``NOW``."""
    clock = TrustedClock(lambda: NOW + now + machine)
    clock.trust(machine - storage, "the storage account's")
    clock.trust_more(machine, "Microsoft Graph's")
    return clock() - NOW


@given(apart, apart)
def test_a_scan_goes_by_storage_and_by_graph_where_they_are_far_apart(storage: timedelta, machine: timedelta) -> None:
    time = time_of(storage, machine)
    if abs(storage) <= TOLERANCE:
        assert time == storage
    elif abs(storage) >= 2 * TOLERANCE:
        assert time == timedelta()
    else:
        assert abs(time) <= TOLERANCE


@given(apart, apart, apart, st.timedeltas(-20 * SECOND, 20 * SECOND), st.timedeltas(21 * SECOND, 10 * MINUTE))
def test_clocks_that_drift_across_the_limit_between_two_scans_do_not_turn_back_time(
    storage: timedelta, machine: timedelta, other_machine: timedelta, drift: timedelta, later: timedelta
) -> None:
    assert time_of(storage, machine) < time_of(storage + drift, other_machine, later)


def test_clocks_on_both_sides_of_five_minutes() -> None:
    assert time_of(TOLERANCE - SECOND, timedelta()) < time_of(TOLERANCE + SECOND, timedelta(), MINUTE)
    assert time_of(-TOLERANCE - SECOND, timedelta()) < time_of(-TOLERANCE + SECOND, timedelta(), MINUTE)
