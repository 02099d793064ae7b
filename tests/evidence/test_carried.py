"""What was read of accounts one by one, kept for the next scan in real tables."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from azure.data.tables.aio import TableServiceClient
from hypothesis import given
from hypothesis import strategies as st

from evidence import carried
from evidence.carried import NAME, KeptAnswers, keep_answers, kept_answers
from evidence.store import PassingEvidence, StoredEvidence
from tenant.carried import Answers, Carried
from tenant.model import Registration

NOW = datetime(2026, 11, 26, 6, 0, 0, 123456, tzinfo=UTC)
IDS = st.text(min_size=1, max_size=8)
ANSWERS = st.builds(
    Answers,
    properties=st.text(max_size=4),
    state=st.sampled_from(["disabled", "Enabled", "enforced"]),
    groups=st.frozensets(IDS, max_size=4),
    registration=st.builds(
        Registration,
        report=st.none() | st.lists(st.text(max_size=3), max_size=3).map(tuple),
        own=st.none() | st.lists(st.text(max_size=3), max_size=3).map(tuple),
    ),
)
ONE = Answers("p", "disabled", frozenset({"g1", "g2"}), Registration(own=("#microsoft.graph.phone",)))


@pytest.fixture
async def store(storage: str) -> AsyncIterator[StoredEvidence]:
    async with TableServiceClient.from_connection_string(storage, retry_total=0) as client:
        yield StoredEvidence(client)


class Counting(PassingEvidence):
    """Notes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    async def remember(self, name: str, what: Any) -> None:
        self.written.append(name)
        await super().remember(name, what)


def answers(number: int) -> dict[str, Answers]:
    return {f"account-{n}": replace(ONE, properties=str(n)) for n in range(number)}


@given(st.dictionaries(IDS, ANSWERS, max_size=12), st.integers(min_value=1, max_value=4))
async def test_comes_back_as_it_was_kept(found: dict[str, Answers], in_a_part: int) -> None:
    groups = {group for one in found.values() for group in one.groups}
    kept = KeptAnswers(Carried(found, {id: f"Group {id}" for id in groups}), NOW - timedelta(days=1), NOW)
    evidence = PassingEvidence()
    with patch.object(carried, "IN_A_PART", in_a_part):
        await keep_answers(evidence, kept)
    again = await kept_answers(evidence)
    assert again is not None
    assert replace(again, parts=0) == kept


async def test_lies_in_the_table_and_is_gone_when_the_account_is_forgotten(store: StoredEvidence) -> None:
    assert await kept_answers(store) is None
    await keep_answers(store, KeptAnswers(Carried(answers(3), {"g1": "Mailers"}), NOW, NOW))
    assert await store.forget(["account-1"]) == 1
    again = await kept_answers(store)
    assert again is not None
    assert again.carried == Carried({id: one for id, one in answers(3).items() if id != "account-1"}, {"g1": "Mailers"})


async def test_only_the_parts_that_changed_are_written() -> None:
    evidence, kept = Counting(), KeptAnswers(Carried(answers(40)), NOW, NOW)
    with patch.object(carried, "IN_A_PART", 10):
        await keep_answers(evidence, kept)
        assert len(evidence.written) == 6
        before = await kept_answers(evidence)
        evidence.written.clear()
        changed = {**answers(40), "account-7": replace(ONE, state="enforced")}
        await keep_answers(evidence, KeptAnswers(Carried(changed), NOW, NOW + timedelta(days=1)), before)
        assert len(evidence.written) == 2
        assert evidence.written[-1] == NAME
    again = await kept_answers(evidence)
    assert again is not None
    assert again.carried.answers == changed


async def test_what_grew_into_more_parts_is_written_anew() -> None:
    evidence = Counting()
    with patch.object(carried, "IN_A_PART", 10):
        await keep_answers(evidence, KeptAnswers(Carried(answers(10)), NOW, NOW))
        before = await kept_answers(evidence)
        await keep_answers(evidence, KeptAnswers(Carried(answers(25)), NOW, NOW), before)
        again = await kept_answers(evidence)
    assert again is not None
    assert again.carried.answers == answers(25)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"groups": [], "accounts": "?"},
        {"groups": [["g", "G"]], "accounts": [["a", "p", "disabled", [1], None, None]]},
        {"groups": [["g", "G"]], "accounts": [["a", "p", "disabled", [-1], None, None]]},
        {"groups": [["g", "G"]], "accounts": [["a", "p", "on holiday", [0], None, None]]},
        {"groups": [["g", "G"]], "accounts": [["a", "p", None, [0], None, None]]},
        {"groups": [["g", "G"]], "accounts": [["a", "p"]]},
        {"groups": 5, "accounts": []},
    ],
)
async def test_of_a_part_that_cannot_be_read_nothing_is_carried_over(part: dict[str, Any]) -> None:
    evidence = PassingEvidence()
    await keep_answers(evidence, KeptAnswers(Carried(answers(2)), NOW, NOW))
    await evidence.remember(f"{NAME};000", part)
    again = await kept_answers(evidence)
    assert again is not None
    assert again.carried.answers == {}


@pytest.mark.parametrize(
    "head",
    [{"form": 2}, {"form": 1}, {"form": 1, "whole": "yesterday", "until": "2026-11-26T06:00:00Z", "parts": 1}],
)
async def test_what_another_version_kept_counts_as_nothing(head: dict[str, Any]) -> None:
    evidence = PassingEvidence()
    await evidence.remember(NAME, head)
    assert await kept_answers(evidence) is None
