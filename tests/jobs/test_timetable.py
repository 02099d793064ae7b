"""When a timer fires next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.timetable import next_time
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


def test_every_number_of_a_field_is_read() -> None:
    assert cron_numbers("0-10/5 1,2 3 * mar 5-1")[0::5] == [[0, 5, 10], [1, 2, 3, 4, 5]]
