"""Which accounts a selection fits, without Graph."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant.selection import (
    PROPERTIES,
    Selection,
    extension_attribute,
    has_attribute,
    literal_ends,
    matches,
    properties_for,
    reasons_for,
    shows_attribute,
)


@dataclass(frozen=True)
class Match:
    name: str
    value: str


@pytest.mark.parametrize(
    ("pattern", "upn", "fits"),
    [
        ("svc-*", "SVC-backup@contoso.com", True),
        ("svc-*", "mysvc-backup@contoso.com", False),
        ("*-backup@*", "svc-Backup@contoso.com", True),
        ("*@contoso.com", "a@fabrikam.com", False),
        ("svc?@contoso.com", "svc1@contoso.com", True),
        ("svc?@contoso.com", "svc12@contoso.com", False),
        ("svc[12]@*", "svc2@contoso.com", True),
        ("резерв*", "РЕЗЕРВ@contoso.com", True),
        ("svc@contoso.com", "svc@contoso.com", True),
        ("*", "anybody@contoso.com", True),
    ],
)
def test_patterns_are_globs_without_case(pattern: str, upn: str, fits: bool) -> None:
    assert matches(pattern, upn) is fits


@pytest.mark.parametrize(
    ("pattern", "ends"),
    [
        ("svc-*", ("svc-", "")),
        ("*-backup@contoso.com", ("", "-backup@contoso.com")),
        ("svc*@contoso.com", ("svc", "@contoso.com")),
        ("*x*", ("", "")),
        ("svc@contoso.com", ("svc@contoso.com", "svc@contoso.com")),
        ("a[bc]d", ("a", "")),
        ("?", ("", "")),
    ],
)
def test_what_a_pattern_begins_and_ends_with(pattern: str, ends: tuple[str, str]) -> None:
    assert literal_ends(pattern) == ends


@given(st.text("ab*?[]@.", max_size=8), st.text("ab@.", max_size=8))
def test_the_literal_ends_never_lose_an_account(pattern: str, upn: str) -> None:
    prefix, suffix = literal_ends(pattern)
    if matches(pattern, upn):
        assert upn.startswith(prefix)
        assert upn.endswith(suffix)


@pytest.mark.parametrize(
    ("user", "match", "fits"),
    [
        ({"employeeType": "Service"}, Match("employeeType", "service"), True),
        ({"EmployeeType": "Service"}, Match("employeetype", "Service"), True),
        ({"employeeType": None}, Match("employeeType", "None"), False),
        ({}, Match("employeeType", ""), False),
        ({"onPremisesExtensionAttributes": {"extensionAttribute7": "svc"}}, Match("extensionAttribute7", "SVC"), True),
        ({"onPremisesExtensionAttributes": {"extensionAttribute7": "svc"}}, Match("EXTENSIONATTRIBUTE7", "svc"), True),
        ({"onPremisesExtensionAttributes": {"extensionAttribute7": "svc"}}, Match("extensionAttribute1", "svc"), False),
        ({"onPremisesExtensionAttributes": None}, Match("extensionAttribute7", "svc"), False),
        ({"extensionAttribute7": "svc"}, Match("extensionAttribute7", "svc"), False),
    ],
)
def test_attributes_are_compared_without_case(user: dict[str, object], match: Match, fits: bool) -> None:
    assert has_attribute(user, match) is fits


@pytest.mark.parametrize(
    ("user", "asked", "match", "shown"),
    [
        ({"city": "Ulm"}, "id,city", Match("city", "x"), True),
        ({"city": None}, "id,city", Match("city", "x"), True),
        ({}, "id,city", Match("city", "x"), True),  # a directory extension without a value is left out
        ({}, "id", Match("city", "x"), False),
        ({"city": {"x": 1}}, "id,city", Match("city", "x"), False),
        ({"city": ["Ulm"]}, "id,city", Match("city", "x"), False),
        ({"accountEnabled": True}, PROPERTIES, Match("accountEnabled", "true"), True),
        ({"onPremisesExtensionAttributes": {}}, PROPERTIES, Match("extensionAttribute3", "x"), True),
        ({"onPremisesExtensionAttributes": None}, PROPERTIES, Match("extensionAttribute3", "x"), True),
        ({"onPremisesExtensionAttributes": "x"}, PROPERTIES, Match("extensionAttribute3", "x"), False),
    ],
)
def test_a_property_that_is_not_shown_is_no_other_value(
    user: dict[str, object], asked: str, match: Match, shown: bool
) -> None:
    assert shows_attribute(user, asked, match) is shown


def test_extension_attributes_get_graphs_spelling() -> None:
    assert extension_attribute("EXTENSIONattribute12") == "extensionAttribute12"
    assert extension_attribute("employeeType") is None


@pytest.mark.parametrize(
    ("match", "added"),
    [
        (None, ""),
        (Match("extensionAttribute3", "x"), ""),
        (Match("employeeType", "x"), ""),
        (Match("city", "x"), ",city"),
    ],
)
def test_the_property_that_selects_is_read_too(match: Match | None, added: str) -> None:
    assert properties_for(Selection(attribute=match)) == PROPERTIES + added


def test_an_account_remembers_every_way_in_which_it_is_selected() -> None:
    user = {"id": "U1", "userPrincipalName": "svc-backup@contoso.com", "employeeType": "service"}
    selection = Selection(
        accounts=("SVC-backup@contoso.com",),
        groups=("G1", "G2", "G3"),
        patterns=("svc-*", "*-x", "*backup*"),
        attribute=Match("employeeType", "service"),
    )
    assert reasons_for(user, frozenset({"g1", "g2"}), selection, {"g1": "Backup apps"}) == (
        "list",
        "group: Backup apps",
        "group: G2",
        "pattern: svc-*",
        "pattern: *backup*",
        "attribute: employeeType=service",
    )
