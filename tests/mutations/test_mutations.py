"""A malformed answer never makes a verdict more reassuring, and nothing raises. More of it: ``python -m tests.mutations``."""

import random

from tests.mutations.check import mutations
from tests.mutations.mutate import mutated

COUNT = 400


async def test_no_verdict_becomes_more_reassuring_by_a_malformed_answer() -> None:
    found = [one async for one in mutations(COUNT, seed=1)]
    assert len(found) == COUNT
    assert [one for one in found if one is not None] == []


def test_a_mutation_changes_something_and_leaves_the_answer_itself_alone() -> None:
    body = {"value": [{"id": "1", "displayName": None, "conditions": {"users": {"includeUsers": ["All"]}}}]}
    for seed in range(200):
        how, spoilt = mutated(body, random.Random(seed))
        assert how
        assert spoilt != body
    assert body["value"][0]["id"] == "1"
