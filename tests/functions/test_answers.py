"""Who gets an answer packed, and who is told that they have it already."""

import pytest

from functions.answers import accepts_gzip, has_it, tag


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip; q=1.0", True),
        ("gzip;q=0.001", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("*, gzip;q=0", False),
        ("*;q=0", False),
    ],
)
def test_only_who_takes_gzip_gets_it(wanted: str, *, expected: bool) -> None:
    assert accepts_gzip({"Accept-Encoding": wanted}) is expected
    assert accepts_gzip({}) is False


@pytest.mark.parametrize(
    ("known", "mark", "expected"),
    [
        ('W/"a"', "a", True),
        ('"a"', "a", True),
        ('"b", W/"a"', "a", True),
        ('"b"', "a", False),
        ("a", "a", False),
        ("", "a", False),
        ("*", "a", False),
        ('W/"None"', None, False),
    ],
)
def test_only_what_somebody_has_is_not_sent_again(known: str, mark: str | None, *, expected: bool) -> None:
    assert has_it({"if-none-match": known}, mark) is expected


def test_what_cannot_be_told_has_no_name() -> None:
    assert tag(None) == {}
    assert tag("a") == {"ETag": 'W/"a"'}
