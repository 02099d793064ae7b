"""CSV and JSON files: what is in them, that spreadsheets calculate nothing, and that the schemas tell the truth."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

import reports
from basics.cells import harmless
from reports.files import COLUMNS, render_csv, render_json
from tests.reports import hostile, samples

SCHEMAS = Path(str(reports.__file__)).parent / "schema"
_CALCULATED = "=+-@\uff1d\uff0b\uff0d\uff20"


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def schema(name: str) -> dict[str, Any]:
    """A published schema."""
    loaded: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return loaded


def test_there_is_a_row_for_each_finding_and_for_each_account_without_one() -> None:
    document = samples.contoso()
    found = rows(render_csv(document))
    expected = sum(len(account["findings"]) or 1 for account in document["accounts"])
    assert len(found) == expected
    assert sum(not row["check_id"] for row in found) == sum(not account["findings"] for account in document["accounts"])


def test_a_row_says_who_what_why_and_what_next() -> None:
    row = next(
        row for row in rows(render_csv(samples.contoso())) if row["user_principal_name"] == "svc-erp-mail@contoso.com"
    )
    assert row["severity"] == "high"
    assert row["check_id"] == "APW-001"
    assert row["visibility"] == "hidden"
    assert row["visibility_label"] == "Hidden"
    assert row["policies"] == f"{samples.ALL_USERS} | {samples.LEGACY}"
    assert row["next_step"] == "Move the product to app-only sign-in"
    assert row["exception_until"] == "2027-03-31"
    assert row["first_seen"] == "2026-10-13T07:00:09Z"


def test_lines_end_as_the_standard_asks() -> None:
    text = render_csv(samples.contoso())
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Backup", "Backup"),
        ("svc-backup@contoso.com", "svc-backup@contoso.com"),
        ("a - b = c", "a - b = c"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("  =1+1", "  '=1+1"),
        ('"=1+1', "\"'=1+1"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("a;=1+1", "a;'=1+1"),
        ("a,=1+1", "a,'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a | =1+1", "a | '=1+1"),
        ("", ""),
    ],
)
def test_formulas_are_made_text(cell: str, expected: str) -> None:
    assert harmless(cell) == expected


@given(hostile.names)
@settings(max_examples=60, deadline=None)
def test_no_cell_is_a_formula_whatever_the_separator_is_taken_for(name: str) -> None:
    text = render_csv(hostile.scan(name)[0])
    text.encode("utf-8-sig")
    found = rows(text)
    assert len(found) == len(rows(render_csv(samples.contoso())))
    cells = [cell for row in found for cell in row.values()]
    assert not [cell for cell in cells if cell[:1] in ("\t", "\r", "\n")]
    parts = [part for cell in cells for part in re.split(r"[;,|\t\r\n\v\f]", cell)]
    assert not [part for part in parts if re.match(rf"""[\s"]*[{re.escape(_CALCULATED)}]""", part)]


@given(hostile.names)
@settings(max_examples=60, deadline=None)
def test_json_comes_back_as_it_was_and_steers_nothing(name: str) -> None:
    document = hostile.scan(name)[0]
    text = render_json(document)
    text.encode("utf-8")
    assert json.loads(text) == document
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


@pytest.mark.parametrize("document", [samples.contoso(), samples.under_security_defaults(), samples.document([])])
def test_documents_fit_the_published_schema(document: dict[str, Any]) -> None:
    published = schema("scan.schema.json")
    Draft202012Validator.check_schema(published)
    assert [error.message for error in Draft202012Validator(published).iter_errors(document)] == []


def test_the_schema_refuses_what_is_not_a_scan() -> None:
    validator = Draft202012Validator(schema("scan.schema.json"))
    broken = samples.contoso()
    broken["accounts"][0]["visibility"] = "sometimes"
    del broken["accounts"][1]["reasons"]
    assert len(list(validator.iter_errors(broken))) == 2


def test_every_column_is_documented_in_order() -> None:
    fields = schema("findings.csv.json")["fields"]
    assert tuple(field["name"] for field in fields) == COLUMNS
    assert all(field["description"].endswith(".") for field in fields)
