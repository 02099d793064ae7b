import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import MAX_MARKS, clean, cut, without_templates
from tests.alerts.samples import HOSTILE

ANY = st.text(st.characters(exclude_categories=[])) | st.sampled_from(HOSTILE)


@given(ANY, st.integers(2, 100))
def test_cleaned_text_is_one_short_visible_line(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert not [c for c in cleaned if unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"}]
    assert not [c for c in cleaned if unicodedata.category(c) == "Cf" and c not in "\u200c\u200d"]
    cleaned.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("svc-backup", "svc-backup"),
        ("  two\r\n lines\t", "two lines"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("\u2066left\u2069 \u200fright", "left right"),
        ("a\u2028b\u2029c", "a b c"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\ud800", "\ufffd"),
        ("a\x00b", "a b"),
        ("Ångström Łódź 東京", "Ångström Łódź 東京"),
    ],
)
def test_text_loses_what_could_deceive_and_nothing_else(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_heap_of_combining_marks_is_taken_down() -> None:
    assert clean("Z" + "\u0301" * 500) == "Z" + "\u0301" * MAX_MARKS


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab cd", 4, "ab…"),
        ("abe\u0301f", 4, "ab…"),
        ("ab👩\u200d💻cd", 5, "ab…"),
        ("ab👍🏽cd", 4, "ab…"),
        ("a🇩🇪🇫🇷x", 5, "a🇩🇪…"),
        ("e\u0301\u0301\u0301\u0301", 3, "e\u0301…"),
    ],
)
def test_cutting_keeps_what_people_see_as_one_character_whole(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(st.text("{}aDATE()", max_size=30))
def test_no_template_survives(text: str) -> None:
    assert "{{" not in without_templates(text)
