"""Columns of a row, each read as what it should be; and what is said of rows that can't be read."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest

from findings.odd import (
    MOST_NAMED,
    Columns,
    OddRows,
    UnreadableRow,
    columns_of,
    parsed_time,
    readable,
)
from findings.packing import pack
from tests.findings.build import NOW


class Word(StrEnum):
    ONE = "one"


def loaded(text: str) -> int:
    return int(text)


@pytest.mark.parametrize(
    ("read", "value", "result", "odd"),
    [
        (lambda row: row.text("x", "d"), "text", "text", False),
        (lambda row: row.text("x", "d"), "", "", False),
        (lambda row: row.text("x", "d"), 7, "d", True),
        (lambda row: row.text("x", "d"), None, "d", True),
        (lambda row: row.text_or_none("x"), "text", "text", False),
        (lambda row: row.text_or_none("x"), "", None, False),
        (lambda row: row.text_or_none("x"), None, None, False),
        (lambda row: row.text_or_none("x"), 7, None, True),
        (lambda row: row.count("x", 1), 3, 3, False),
        (lambda row: row.count("x", 1), 1, 1, False),
        (lambda row: row.count("x", 1), 0, 0, False),
        (lambda row: row.count("x", 1), -1, 1, True),
        (lambda row: row.count("x", 1), SimpleNamespace(value=5), 5, False),
        (lambda row: row.count("x", 1), True, 1, True),
        (lambda row: row.count("x", 1), 2.5, 1, True),
        (lambda row: row.count("x", 1), None, 1, True),
        (lambda row: row.flag("x", True), False, False, False),
        (lambda row: row.flag("x", False), True, True, False),
        (lambda row: row.flag("x", True), None, True, True),
        (lambda row: row.flag("x", True), 0, True, True),
        (lambda row: row.mark("x"), True, True, False),
        (lambda row: row.mark("x"), False, False, False),
        (lambda row: row.mark("x"), None, False, False),
        (lambda row: row.mark("x"), 1, False, True),
        (lambda row: row.time("x"), NOW, NOW, False),
        (lambda row: row.time("x"), NOW.isoformat(), NOW, False),
        (lambda row: row.time("x"), None, None, True),
        (lambda row: row.time("x"), "never", None, True),
        (lambda row: row.time_or_none("x"), None, None, False),
        (lambda row: row.time_or_none("x"), NOW, NOW, False),
        (lambda row: row.time_or_none("x"), 7, None, True),
        (lambda row: row.word("x", Word), "one", Word.ONE, False),
        (lambda row: row.word("x", Word), None, None, False),
        (lambda row: row.word("x", Word, Word.ONE), "", Word.ONE, False),
        (lambda row: row.loaded("x", loaded, -1), "7", 7, False),
        (lambda row: row.loaded("x", loaded, -1), None, -1, False),
        (lambda row: row.loaded("x", loaded, -1), "seven", -1, True),
        (lambda row: row.loaded("x", loaded, -1), [], -1, True),
    ],
)
def test_a_column_is_read_as_what_it_should_be_or_noted(read: Any, value: Any, result: Any, odd: bool) -> None:
    columns = Columns({} if value is None else {"x": value})
    found = read(columns)
    assert (found, type(found)) == (result, type(result))
    assert columns.odd == (["x"] if odd else [])


@pytest.mark.parametrize("value", ["two", 7, False])
def test_a_word_that_nobody_knows_makes_the_row_unreadable(value: Any) -> None:
    with pytest.raises(UnreadableRow, match=f'x "{value}"'):
        Columns({"x": value}).word("x", Word)


def test_a_time_of_the_sdk_becomes_a_plain_one() -> None:
    class Their(datetime):
        """With more than the standard library's."""

    found = Columns({"x": Their(2026, 11, 22, 7, 0, 0, 5, UTC)}).time("x")
    assert type(found) is datetime
    assert found == datetime(2026, 11, 22, 7, 0, 0, 5, UTC)


@pytest.mark.parametrize(
    ("row", "document", "odd"),
    [(pack({"a": 1}), {"a": 1}, []), ({}, None, []), ({"data00": b"x"}, {}, ["data"]), ({"data00": 7}, {}, ["data"])],
)
def test_the_document_of_a_row(row: dict[str, Any], document: Any, odd: list[str]) -> None:
    columns = Columns(row)
    assert (columns.document(), columns.odd) == (document, odd)


def test_columns_are_a_mapping_and_made_once() -> None:
    columns = Columns({"a": 1, "b": 2})
    assert (dict(columns), len(columns), columns["a"]) == ({"a": 1, "b": 2}, 2, 1)
    assert columns_of(columns) is columns
    assert dict(columns_of({"c": 3})) == {"c": 3}


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22T07:00:00.123456+00:00", NOW),
        ("2026-11-22T07:00:00.123456", NOW),
        ("2026-11-22T09:00:00.123456+02:00", NOW),
        ("no time", None),
        ("", None),
        ("9999-12-31T23:59:59-23:59", None),
        (7, None),
        (None, None),
    ],
)
def test_a_time_is_read_in_utc_or_not_at_all(text: object, time: datetime | None) -> None:
    found = parsed_time(text)
    assert found == time
    assert found is None or found.tzinfo is UTC
    assert parsed_time(NOW.astimezone(timezone(timedelta(hours=-3))).isoformat()) == NOW


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a", "a"),
        ("  a \n\t b\x00c  ", "a b c"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        # what is far behind isn't looked at, however much space stands before it
        (" " * 319 + "x", "x"),
        (" " * 320 + "x", ""),
        (7, "7"),
    ],
)
def test_a_value_is_shown_as_one_short_line(value: object, line: str) -> None:
    assert readable(value) == line


ROW = {"PartitionKey": "a1", "RowKey": "finding;APW!002D001"}


def test_each_way_in_which_a_row_is_odd_has_its_sentence() -> None:
    odd = OddRows("tenant")
    odd.left("findings", ROW, "status")
    odd.salvaged("findings", ROW, "title", "cause", "title")
    odd.dropped("sight", {})
    assert odd.sentences == [
        "Row finding;APW-001 of tenant a1 in table findings can't be read (status): it is left as it is.",
        "Row finding;APW-001 of tenant a1 in table findings is damaged (title, cause): what can be read of it is used.",
        "Row  of tenant  in table sight can't be read: it counts as not there.",
    ]


@pytest.mark.parametrize(("rows", "last"), [(MOST_NAMED, "a19"), (MOST_NAMED + 1, "1 more rows"), (30, "10 more rows")])
def test_the_first_rows_are_named_and_the_others_counted(rows: int, last: str) -> None:
    odd = OddRows()
    for number in range(rows):
        odd.dropped("t", {"PartitionKey": f"a{number}"})
    assert len(odd.sentences) == min(rows, MOST_NAMED + 1)
    assert last in odd.sentences[-1]


def test_a_row_is_read_or_noted() -> None:
    odd = OddRows()
    assert odd.read("t", {**ROW, "x": "one"}, lambda columns: columns.word("x", Word)) is Word.ONE
    assert (odd.sentences, odd.noted) == ([], 0)
    assert odd.read("t", {**ROW, "x": 7}, lambda columns: columns.text("x", "d")) == "d"
    assert odd.read("t", {**ROW, "x": "two"}, lambda columns: columns.word("x", Word)) is None
    assert [sentence.partition("table t ")[2] for sentence in odd.sentences] == [
        "is damaged (x): what can be read of it is used.",
        'can\'t be read (x "two"): it is left as it is.',
    ]
    odd.dropped("t", {**ROW, "x": "two"})
    odd.dropped("t", {**ROW, "x": "two"})
    assert (len(odd.sentences), odd.noted) == (3, 4)
