"""Text that every encoding can carry."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.documents import DEEPEST, read_json
from basics.text import visible, well_formed, well_formed_json

ANY_TEXT = st.text(st.characters(codec=None))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(ANY_TEXT)
def test_well_formed_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    made = well_formed(text)
    assert made.encode("utf-8").decode("utf-8") == made
    assert well_formed(made) == made
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert made == text


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udfff", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_halves_are_joined_and_lone_ones_replaced(given: str, made: str) -> None:
    assert well_formed(given) == made


@given(ANY_JSON, st.booleans())
def test_json_is_read_with_all_its_texts_well_formed(value: Any, as_bytes: bool) -> None:
    written = json.dumps(value)
    read = read_json(written.encode() if as_bytes else written)
    assert read == well_formed_json(value)
    json.dumps(read, ensure_ascii=False).encode()


@given(ANY_JSON)
def test_surrogates_that_are_no_escapes_are_replaced_too(value: Any) -> None:
    json.dumps(read_json(json.dumps(value, ensure_ascii=False)), ensure_ascii=False).encode()


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_value_error(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_json(content)


@pytest.mark.parametrize("brackets", ["[]", '{"a":}'], ids=["lists", "objects"])
@pytest.mark.parametrize(
    ("levels", "readable"), [(DEEPEST, True), (DEEPEST + 1, False), (900, False), (100_000, False)]
)
def test_what_is_nested_too_deeply_is_no_json_that_anybody_reads(brackets: str, levels: int, readable: bool) -> None:
    opening, closing = brackets[:-1], brackets[-1]
    innermost = opening + ("1" if brackets.startswith("{") else "") + closing
    text = opening * (levels - 1) + innermost + closing * (levels - 1)
    if readable:
        assert read_json(text)
    else:
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json(text)


@pytest.mark.parametrize("given", [True, 7, None, {}])
def test_what_is_no_text_is_a_type_error(given: Any) -> None:
    with pytest.raises(TypeError):
        read_json(given)


@pytest.mark.parametrize("text", ["", "nul", '{"a"', "1" * 5000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        read_json(text)


UNSEEN_ONES = [
    *("\u3164", "\u115f", "\u1160", "\uffa0", "\u2800"),  # letters and a symbol that show as a gap
    *("\u200e", "\u200f", "\u061c", "\u202e", "\u2066"),  # direction
    *("\u200b", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u180b", "\U000e0041", "\U000e0100", "\ufe00"),
    *("\u200d", "\u200c", "\ufe0f", "\ufe0e", "\u200d\u200d", "\ufff9", "\U00013430"),  # what only other letters need
]


@pytest.mark.parametrize("character", UNSEEN_ONES, ids=ascii)
def test_what_nobody_sees_shows(character: str) -> None:
    assert visible(f"adm{character}in") == "adm\ufffdin"
    assert visible(f"adm{character}in", "") == "admin"


@pytest.mark.parametrize("text", ["می‌خواهم", "👩‍💻", "❤️", "क्‍ष", "naïve", "日本語", "a b", "1️⃣", "©️", "svc-👩‍💻"])
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert visible(text) == text
