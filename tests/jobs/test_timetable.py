"""When a timer fires next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.timetable import longest_pause, next_time
from settings.values import cron_numbers, schedule

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0 0 6 * * *", "2026-11-27T06:00:00"),
        ("0 30 12 * * *", "2026-11-26T12:30:00"),
        ("0 0 12 * * *", "2026-11-27T12:00:00"),
        ("0 */5 * * * *", "2026-11-26T12:05:00"),
        ("0 7/20 * * * *", "2026-11-26T12:07:00"),
        ("0 0 6,18 * * *", "2026-11-26T18:00:00"),
        ("0 0 6 * * MON-FRI", "2026-11-27T06:00:00"),
        ("0 0 6 * * 0", "2026-11-29T06:00:00"),
        ("0 0 6 1 * *", "2026-12-01T06:00:00"),
        ("0 0 6 * jan *", "2027-01-01T06:00:00"),
        ("0 0 6 29 2 *", "2028-02-29T06:00:00"),
        ("0 0 6 13 * FRI", "2027-08-13T06:00:00"),
        ("30 59 23 31 12 *", "2026-12-31T23:59:30"),
        ("0 0 6 30 2 *", None),
    ],
)
def test_the_next_time_of_a_schedule(written: str, expected: str | None) -> None:
    found = next_time(schedule(written), NOW)
    assert (found and found.isoformat().removesuffix("+00:00")) == expected


@given(st.integers(0, 59), st.integers(0, 59), st.integers(0, 23), st.integers(0, 10 * 366 * 86400))
def test_a_daily_schedule_fires_within_a_day(second: int, minute: int, hour: int, later: int) -> None:
    after = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=later)
    found = next_time(f"{second} {minute} {hour} * * *", after)
    assert found is not None
    assert after < found + timedelta(seconds=1)
    assert found - after <= timedelta(days=1, seconds=1)
    assert (found.hour, found.minute, found.second) == (hour, minute, second)


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("0 0 6 * * *", 24),
        ("0 0 6,18 * * *", 12),
        ("0 0 6 * * MON-FRI", 72),
        ("0 0 0,22 * * 0,2,4,6", 26),
        ("0 0 6 1 * *", 31 * 24),
        ("0 0 6 26 11 *", 365 * 24),
    ],
)
def test_the_longest_pause_of_a_schedule_is_between_two_days(written: str, hours: int) -> None:
    assert longest_pause(schedule(written), NOW) == timedelta(hours=hours)


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=7),
    st.lists(st.integers(0, 23), min_size=1, max_size=3),
    st.integers(0, 400),
)
def test_no_pause_between_two_days_is_longer_than_the_longest(days: list[int], hours: list[int], later: int) -> None:
    written = f"0 0 {','.join(map(str, hours))} * * {','.join(map(str, days))}"
    now, pauses = NOW + timedelta(days=later), [timedelta()]
    for _ in range(25):
        before, now = now, next_time(written, now) or now
        pauses += [now - before] if before.date() != now.date() else []
    assert max(pauses[2:]) == longest_pause(written, NOW + timedelta(days=later))


def test_every_number_of_a_field_is_read() -> None:
    assert cron_numbers("0-10/5 1,2 3 * mar 5-1")[0::5] == [[0, 5, 10], [1, 2, 3, 4, 5]]
