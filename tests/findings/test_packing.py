"""JSON documents inside an entity."""

import zlib
from datetime import date
from random import Random
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.packing import (
    ACCOUNT_BYTES,
    DETAIL_BYTES,
    PROPERTY_BYTES,
    SHORTENED,
    NotPacked,
    clean,
    is_packed,
    pack,
    unpack,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def noise(characters: int, seed: int = 1) -> str:
    """Text that doesn't compress to less than half."""
    return Random(seed).randbytes(characters // 2).hex()


@given(st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_a_document_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert unpack(pack(document)) == document


def test_a_large_document_is_cut_into_properties_and_comes_back_as_it_was() -> None:
    document = {"text": noise(400_000)}
    properties = pack(document)
    assert [len(value) for value in properties.values()][:-1] == [PROPERTY_BYTES] * (len(properties) - 1)
    assert len(properties) > 2
    assert unpack(dict(reversed(properties.items())) | {"RowKey": "account", "data": b"another"}) == document


def test_an_entity_without_a_document_has_none() -> None:
    assert unpack({"RowKey": "account", "display_name": "data00"}) is None


def test_a_read_only_mapping_is_a_document_too() -> None:
    assert unpack(pack(MappingProxyType({"a": MappingProxyType({"b": 1})}))) == {"a": {"b": 1}}


def test_what_json_cannot_say_is_an_error() -> None:
    with pytest.raises(TypeError, match="can't hold date"):
        pack({"day": date(2026, 11, 22)})


def test_the_end_of_the_reasons_goes_first_and_is_counted() -> None:
    reasons = [{"text": noise(400, number)} for number in range(1000)]
    document = {"id": "a1", "reasons": reasons, "remediation": [1, 2, 3]}
    kept = unpack(pack(document, 20_000))
    assert kept
    assert 0 < len(kept["reasons"]) < 1000
    assert kept["reasons"] == reasons[: len(kept["reasons"])]
    assert kept["reasons_omitted"] == 1000 - len(kept["reasons"])
    assert (kept["id"], kept["remediation"]) == ("a1", [1, 2, 3])
    one_more = dict(document, reasons=reasons[: len(kept["reasons"]) + 1])
    assert sum(map(len, pack(one_more, 10**9).values())) > 20_000 - 100


def test_when_the_reasons_are_not_enough_the_next_list_goes() -> None:
    document = {"reasons": [noise(1000)], "remediation": [noise(1000, number) for number in range(100)]}
    kept = unpack(pack(document, 10_000))
    assert kept
    assert (kept["reasons"], kept["reasons_omitted"]) == ([], 1)
    assert len(kept["remediation"]) + kept["remediation_omitted"] == 100


def test_a_document_that_cannot_be_shortened_keeps_its_plain_values() -> None:
    document = {"id": "a1", "name": noise(10_000), "odd": {"text": noise(100_000)}, "enabled": True}
    kept = unpack(pack(document, 10_000))
    assert kept
    assert (kept["id"], kept["enabled"], kept["omitted"]) == ("a1", True, ["odd"])
    assert len(kept["name"]) == 1000


@given(st.text(st.characters()), st.integers(min_value=1, max_value=20))
def test_a_cleaned_text_can_be_stored_and_is_never_too_long(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    cleaned.encode("utf-8")
    assert len(cleaned) <= limit
    assert clean(cleaned, limit) == cleaned
    if len(text) <= limit and text.isprintable():
        assert cleaned == text


@pytest.mark.parametrize(
    ("name", "part"),
    [("data00", True), ("data7", True), ("data", False), ("data0x", False), ("Data00", False), ("xdata00", False)],
)
def test_parts_of_a_document_are_known_by_their_names(name: str, part: bool) -> None:
    assert is_packed(name) is part


@pytest.mark.parametrize(
    "value", [b"", b"no zlib", zlib.compress(b"{"), zlib.compress(b"[]"), zlib.compress(b"7"), "x", 7]
)
def test_what_is_no_document_is_an_error_of_its_own(value: object) -> None:
    with pytest.raises(NotPacked):
        unpack({"data00": value})


def test_a_document_that_fits_to_the_byte_is_left_whole() -> None:
    document = {"reasons": [noise(100, number) for number in range(9)], "gaps": [1]}
    size = sum(map(len, pack(document, 10**9).values()))
    assert unpack(pack(document, size)) == document
    kept = unpack(pack(document, size - 1))
    assert kept
    assert (len(kept["reasons"]), kept["reasons_omitted"], kept["gaps"]) == (8, 1, [1])


def test_a_document_whose_last_list_is_cut_to_fit_to_the_byte_keeps_that_list() -> None:
    document = {SHORTENED[-1]: [noise(200, number) for number in range(9)]}
    cut = {SHORTENED[-1]: document[SHORTENED[-1]][:5], f"{SHORTENED[-1]}_omitted": 4}
    size = sum(map(len, pack(cut, 10**9).values()))
    assert unpack(pack(document, size)) == cut


def test_as_many_items_as_fit_are_kept() -> None:
    document = {"reasons": [noise(200, number) for number in range(50)]}
    for limit in (400, 1000, 2500, 5000):
        properties = pack(document, limit)
        kept = unpack(properties)
        assert kept
        count = len(kept["reasons"])
        assert sum(map(len, properties.values())) <= limit
        one_more = {"reasons": document["reasons"][: count + 1], "reasons_omitted": 49 - count}
        assert sum(map(len, pack(one_more, 10**9).values())) > limit


def test_lists_are_cut_in_their_order_and_tuples_like_lists() -> None:

    def ten(seed: int) -> tuple[str, ...]:
        return tuple(noise(300, seed + number) for number in range(10))

    document = {"rows": ten(0), "gaps": ten(100), "reasons": ten(200), "notes": ["kept"]}
    kept = unpack(pack(document, 3000))
    assert kept
    assert (kept["reasons"], kept["reasons_omitted"]) == ([], 10)
    assert 0 < len(kept["gaps"]) < 10
    assert (len(kept["rows"]), kept["notes"]) == (10, ["kept"])
    assert "rows_omitted" not in kept


def test_an_empty_list_or_what_is_none_is_not_cut() -> None:
    document = {"reasons": [], "gaps": "no list", "remediation": [noise(4000)]}
    kept = unpack(pack(document, 1000))
    assert kept == {"reasons": [], "gaps": "no list", "remediation": [], "remediation_omitted": 1}


@pytest.mark.parametrize(
    ("text", "limit", "cleaned"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a\ud800b", 9, "a\ufffdb"), ("😀", 2, "😀")],
)
def test_a_cleaned_text_is_cut_and_ends_with_a_sign(text: str, limit: int, cleaned: str) -> None:
    assert clean(text, limit) == cleaned


def test_plain_values_are_cut_and_every_other_is_named() -> None:
    document = {"n": 7, "text": "x" * 1001, "list": [noise(9000)], "object": {"a": noise(9000)}, "tuple": ()}
    kept = unpack(pack(document, 3000))
    assert kept == {"n": 7, "text": "x" * 999 + "…", "omitted": ["list", "object", "tuple"]}


def test_a_property_holds_64_kibibytes_and_an_account_four_of_them() -> None:
    whole = pack({"text": noise(400_000)})
    assert len(whole["data00"]) == 65_536
    rows = [noise(2000, number) for number in range(400)]
    size = sum(map(len, pack({"rows": rows}).values()))
    assert 262_144 - 2000 < size <= 262_144
    assert (PROPERTY_BYTES, ACCOUNT_BYTES, DETAIL_BYTES) == (65_536, 262_144, 49_152)


def test_a_text_is_cut_after_two_thousand_characters() -> None:
    assert clean("x" * 2000) == "x" * 2000
    assert clean("x" * 2001) == "x" * 1999 + "…"


def test_plain_values_that_fit_to_the_byte_are_left_whole() -> None:
    document = {"a": noise(4000)}
    size = sum(map(len, pack(document).values()))
    assert unpack(pack(document, size)) == document
    assert unpack(pack(document, size - 1)) != document
