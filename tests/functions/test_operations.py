"""What can be asked over HTTP is declared, described and answered in the same way."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from findings.model import FindingState, Status
from functions import acting, operations
from functions.access import OPERATOR
from functions.bodies import LONGEST_NAME, MOST_ACCOUNTS, accounts_of, exception_of
from functions.operations import OPERATIONS
from functions.parameters import Choice
from functions.requests import BadRequest
from tests.functions.serving import functions
from tests.openapi import document, schema_of

DOCS = Path(__file__).parents[2] / "docs"
EXCEPTION = {"account": "a", "check": "apw-001", "reason": "r", "owner": "o", "until": "2027-01-31"}


def triggers() -> set[tuple[str, str]]:
    """Function and method of everything that can be asked."""
    found = set()
    for function in functions():
        for binding in json.loads(function.get_function_json())["bindings"]:
            found |= {(function.get_function_name(), method) for method in binding.get("methods", ())}
    return found


def test_what_functions_take_is_declared_and_nothing_else() -> None:
    assert triggers() == OPERATIONS.keys()


def test_the_document_is_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_the_http_page_names_the_role_and_every_parameter_of_each() -> None:
    text = (DOCS / "http.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+) (/api/[^`?]+)[^`]*` \|([^|]*)\|", text, re.MULTILINE)
    shown = {(method, path): cell.partition(",")[0].strip() for method, path, cell in rows}
    paths = document()["paths"]
    for path, methods in paths.items():
        for method, found in methods.items():
            role = shown[method.upper(), path]
            assert found["description"] == (f"App role: {role}." if role else "Anybody may ask.")
            for parameter in found.get("parameters", ()):
                assert re.search(rf"\b{parameter['name']}\b", text), parameter["name"]


def test_the_page_has_exactly_these_forms() -> None:
    assert set(operations.ACTION.choices) == acting._DEEDS.keys()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[" ".join(key) for key in OPERATIONS])
def test_every_choice_has_its_default_among_its_words(operation: operations.Operation) -> None:
    for parameter in operation.parameters:
        if isinstance(parameter, Choice):
            assert parameter.default is None or parameter.default in parameter.choices


def test_a_finding_is_as_described() -> None:
    schemas: dict[str, Any] = {}
    whole = {**schema_of(operations.FindingsPage, schemas), "components": {"schemas": schemas}}
    time = datetime(2026, 11, 26, tzinfo=UTC)
    state = FindingState("a", "u", "d", "APW-001", "t", "high", Status.OPEN, time, time, time, time, "f", "s", "r")
    page = {"schema": 1, "findings": [state.public()], "next": None}
    validator = Draft202012Validator(whole)
    validator.validate(json.loads(json.dumps(page)))
    assert not validator.is_valid({**page, "more": 1})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "Write the accounts"),
        ({}, "Write the accounts"),
        ({"accounts": "a"}, "Write the accounts"),
        ({"accounts": []}, "Write the accounts"),
        ({"accounts": None}, "Write the accounts"),
        ({"accounts": [" "]}, "An account is"),
        ({"accounts": ["a", 1]}, "An account is"),
        ({"accounts": ["x" * (LONGEST_NAME + 1)]}, "An account is"),
        ({"accounts": ["a"] * (MOST_ACCOUNTS + 1)}, f"At most {MOST_ACCOUNTS}"),
    ],
)
def test_what_is_wrong_with_accounts_is_said(body: Any, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        accounts_of(body)


def test_accounts_are_names_without_what_is_around_them() -> None:
    assert accounts_of(None) == ()
    assert accounts_of({"accounts": [" svc@contoso.com\n"], "more": 1}) == ("svc@contoso.com",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"account": None}, "needs account"),
        ({"reason": 1}, "needs account"),
        ({"until": None}, "until is not a date"),
        ({"until": 20270131}, "until is not a date"),
        ({"until": "soon"}, "until is not a date"),
        ({"check": 1}, "needs account"),
        ({"check": " "}, "check is empty"),
        ({"replace": "yes"}, "replace is true or false"),
        ({"replace": 1}, "replace is true or false"),
    ],
)
def test_what_is_wrong_with_an_exception_is_said(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        exception_of({**EXCEPTION, **changes})


def test_an_exception_without_a_check_is_for_all() -> None:
    assert exception_of(EXCEPTION)["check_id"] == "APW-001"
    assert exception_of({**EXCEPTION, "check": None})["check_id"] is None
    assert exception_of({name: value for name, value in EXCEPTION.items() if name != "check"})["check_id"] is None
    assert operations.ACCEPT.role == OPERATOR
