"""Accounts that are kept small come back as they were, in the order of their names; and what is made of them is the same."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import many
from jobs.many import Accounts
from reports.files import csv_pieces, json_pieces, render_csv, render_json
from tests.reports import hostile, samples

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.dictionaries(st.sampled_from("abcd"), VALUES | st.lists(st.dictionaries(st.just("x"), VALUES)), max_size=4)
ACCOUNTS = st.lists(st.tuples(st.text(max_size=3), MEMBERS), max_size=6)


def in_order(accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(accounts, key=lambda one: str(one["user_principal_name"]).casefold())


@given(ACCOUNTS, st.integers(0, 3), st.integers(0, 40))
def test_they_come_back_as_they_were(found: list[tuple[str, dict[str, Any]]], shared: int, in_memory: int) -> None:
    given_ = [{"user_principal_name": name, **members} for name, members in found]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "MOST_SHARED", shared)
        patch.setattr(many, "IN_MEMORY", in_memory)
        with Accounts() as accounts:
            for one in given_:
                accounts.add(one)
            assert len(accounts) == len(given_)
            assert list(accounts) == in_order(given_)
            assert list(accounts) == in_order(given_)


def test_what_they_have_in_common_is_one_object() -> None:
    with Accounts() as accounts:
        for name in "ab":
            accounts.add({"user_principal_name": name, "reasons": [{"text": "MFA"}, {"text": name}]})
        first, second = accounts
    assert first["reasons"][0] is second["reasons"][0]
    assert first["reasons"][1] != second["reasons"][1]


def test_what_is_equal_in_python_and_not_in_json_is_kept_apart() -> None:
    alike: list[Any] = [True, 1, 1.0, "1", None, "", [], {}]
    with Accounts() as accounts:
        for place, value in enumerate(alike):
            accounts.add({"user_principal_name": str(place), "reasons": [{"understood": value}]})
        found = [one["reasons"][0]["understood"] for one in accounts]
    assert [repr(one) for one in found] == [repr(one) for one in alike]


class _Word(StrEnum):
    HIGH = "high"


def test_it_is_the_same_whoever_else_holds_its_texts() -> None:
    texts = [["text", "the same"], ["".join(["te", "xt"]), "".join(["the ", "same"])], ["text", "the same"]]
    held = [texts[0]] * 3
    with Accounts() as accounts:
        for place, (name, value) in enumerate(texts):
            accounts.add({"user_principal_name": str(place), "reasons": [{name: value, "severity": _Word.HIGH}]})
        first, second, third = (one["reasons"][0] for one in accounts)
    assert held
    assert first is second is third


@pytest.mark.parametrize("shared", [0, 3, many.MOST_SHARED])
@pytest.mark.parametrize(
    "document",
    [samples.contoso(), samples.document([]), hostile.scan("</script>\u202e\u2028\x7f=1+1")[0], samples.many(200)[0]],
    ids=["contoso", "empty", "hostile", "many"],
)
def test_a_document_comes_piece_by_piece_as_it_comes_whole(
    document: dict[str, Any], shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MOST_SHARED", shared)
    whole = {**document, "accounts": in_order(document["accounts"])}
    with Accounts() as accounts:
        for one in document["accounts"]:
            accounts.add(one)
        assert "".join(json_pieces(document, accounts)) == render_json(whole)
        assert "".join(csv_pieces(document["run"], accounts)) == render_csv(whole)
