"""The plan as it is read off kept accounts, whatever wrote them down."""

import copy
from typing import Any

import pytest

from reports.plan import plan_object
from tests.reports import samples


def accounts() -> list[dict[str, Any]]:
    return copy.deepcopy(samples.contoso()["accounts"])


def test_the_plan_does_not_depend_on_whether_accounts_share_objects() -> None:
    shared = accounts()
    assert plan_object([*shared, *shared]) == plan_object([*accounts(), *accounts()])


@pytest.mark.parametrize("name", ["url", "steps"])
def test_a_remedy_with_an_object_where_a_text_belongs_stops_nothing(name: str) -> None:
    odd = accounts()
    for one in odd:
        for remedy in one["remediation"]:
            remedy[name] = [{"text": "Ask."}]
    assert plan_object(odd)["causes"] == plan_object(accounts())["causes"]
