"""Keys of entities."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.text import well_formed
from findings.keys import NO_KEY, from_key, join, prefix_range, time_key, time_of, to_key
from tests.findings.build import NOW

ANY_TEXT = st.text(st.characters(), max_size=80)


@given(ANY_TEXT)
def test_every_text_comes_back_from_its_key(text: str) -> None:
    assert from_key(to_key(text)) == well_formed(text)


@given(ANY_TEXT)
def test_a_key_holds_nothing_that_the_service_or_a_client_trips_over(text: str) -> None:
    key = to_key(text)
    assert not set(key) & set("/\\#?%'\";")
    assert all(ord(character) > 0x1F and not 0x7F <= ord(character) <= 0x9F for character in key)
    key.encode("utf-8")
    assert key != NO_KEY


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_composite_keys_differ_where_their_parts_do(parts: list[str], others: list[str]) -> None:
    assert (join(*parts) == join(*others)) == (parts == others)


@given(st.lists(ANY_TEXT, min_size=1, max_size=3), st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_a_range_holds_exactly_the_keys_that_begin_with_its_parts(prefix: list[str], parts: list[str]) -> None:
    limits = prefix_range(*prefix)
    inside = limits["low"] <= join(*parts) < limits["high"]
    assert inside == (parts[: len(prefix)] == prefix and len(parts) > len(prefix))


@given(st.datetimes(min_value=datetime(1601, 1, 1)), st.datetimes(min_value=datetime(1601, 1, 1)))  # noqa: DTZ001
def test_times_sort_as_keys(first: datetime, second: datetime) -> None:
    berlin = timezone(timedelta(hours=1))
    keys = time_key(first.replace(tzinfo=NOW.tzinfo)), time_key(second.replace(tzinfo=NOW.tzinfo))
    assert (keys[0] < keys[1]) == (first < second)
    assert time_key(NOW.astimezone(berlin)) == time_key(NOW)


@pytest.mark.parametrize(("text", "allowed"), [("x" * 512, True), ("x" * 513, False), ("😀" * 257, False)])
def test_a_key_is_at_most_as_long_as_the_service_allows(text: str, allowed: bool) -> None:
    if allowed:
        assert to_key(text) == text
    else:
        with pytest.raises(ValueError, match="too long for a key"):
            to_key(text)


def test_a_time_comes_back_from_its_key() -> None:
    assert time_key(NOW) == "20261122T070000.123456Z"
    assert time_of(time_key(NOW)) == NOW
    assert time_of(time_key(NOW)).tzinfo is UTC
    with pytest.raises(ValueError, match="does not match"):
        time_of("2026-11-22")


@pytest.mark.parametrize(
    ("text", "key"),
    [("a;b", "a!003Bb"), ("!", "!0021"), ("%", "!0025"), ("\x9f", "!009F"), ("\ufffe", "!FFFE"), ("é", "é")],
)
def test_awkward_characters_become_their_numbers(text: str, key: str) -> None:
    assert to_key(text) == key


def test_a_key_that_is_too_long_says_how_long_it_is() -> None:
    with pytest.raises(
        ValueError, match=r"^'x{40}'\.\.\. is too long for a key in Table Storage \(600 characters\)\.$"
    ):
        to_key("x" * 600)
