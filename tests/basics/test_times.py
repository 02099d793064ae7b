"""Times as text and back."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.times import NO_DATE, day, iso, parse


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_is_read_back_as_it_was_written(time: datetime) -> None:
    assert parse(iso(time)) == time.replace(microsecond=0)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (datetime(987, 6, 5, tzinfo=UTC), "0987-06-05T00:00:00Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59Z"),
        (datetime(2026, 11, 22, 8, 0, 0, 999, timezone(timedelta(hours=1))), "2026-11-22T07:00:00Z"),
        (datetime(2026, 11, 22, 7), "2026-11-22T07:00:00Z"),  # noqa: DTZ001  what has no zone is in UTC
    ],
)
def test_years_are_padded_and_zones_are_utc(time: datetime, text: str) -> None:
    assert iso(time) == text


@pytest.mark.parametrize("text", ["1-01-01T00:00:00Z", "01-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_a_year_that_an_older_version_did_not_pad_is_read(text: str) -> None:
    assert parse(text) == NO_DATE


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (date(2026, 11, 22), "22 Nov 2026"),
        (datetime(2026, 11, 22, 0, 30, tzinfo=timezone(timedelta(hours=1))), "21 Nov 2026"),
        (date(1, 1, 1), "1 Jan 1"),
    ],
)
def test_a_day_is_a_day_in_utc(of: date, text: str) -> None:
    assert day(of) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-1-01-01T00:00:00Z",
        "12345-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-12:00",
    ],
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        parse(text)
