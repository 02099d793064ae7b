"""What a scheduled scan says of changes that the audit log had shown long before it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from findings.compare import compare
from findings.model import ChangeKind
from jobs.overlooked import newest_event, overlooked, says_when
from tests.findings.build import DAY, NOW, account, seen

LAST = NOW - DAY
SHOWN = {"effect": "demands_mfa", "since": (NOW - timedelta(hours=5)).isoformat(), "cause": "Hidden since ..."}


def said(reason: dict[str, Any], kind: ChangeKind = ChangeKind.OPENED, times: int = 1) -> str | None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    whole = replace(change, kind=kind, detail={"reasons": [reason], "remediation": [{"title": "a lot"}]})
    little = replace(whole, detail=says_when(whole.detail))
    found = overlooked([whole] * times, LAST, NOW)
    assert overlooked([little] * times, LAST, NOW) == found, "a scan holds no more of it"
    assert "remediation" not in little.detail
    return found


def test_what_the_log_showed_hours_ago_is_counted() -> None:
    assert said(SHOWN) == (
        "1 finding began with a change that the audit log showed over an hour before this scan, and that no look at it found: doctor "
        "says when it was last looked at."
    )
    assert (said(SHOWN, times=3) or "").startswith("3 findings began with a change")


@pytest.mark.parametrize(
    "other",
    [
        {"since": (NOW - timedelta(minutes=59)).isoformat()},
        {"since": (LAST - timedelta(minutes=1)).isoformat()},
        {"since": None},
        {"since": 7},
        {"since_is_policy_date": True},
        {"cause": None},
        {"effect": "excluded"},
    ],
)
def test_anything_else_is_not(other: dict[str, Any]) -> None:
    assert said({**SHOWN, **other}) is None


def test_what_ended_is_not() -> None:
    assert said(SHOWN, ChangeKind.RESOLVED) is None


@pytest.mark.parametrize("detail", [{}, {"reasons": None}, {"reasons": [None, 5]}])
def test_an_account_that_cannot_be_read_says_nothing(detail: dict[str, Any]) -> None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    assert overlooked([replace(change, detail=detail)], LAST, NOW) is None


def test_when_the_newest_change_behind_findings_was() -> None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    earlier, later = (SHOWN | {"since": (NOW - timedelta(minutes=since)).isoformat()} for since in (90, 6))
    own_date = SHOWN | {"since": NOW.isoformat(), "since_is_policy_date": True}
    changes = [replace(change, detail={"reasons": [one]}) for one in (later, earlier, own_date)]
    assert newest_event(changes) == NOW - timedelta(minutes=6)
    assert newest_event([replace(change, kind=ChangeKind.RESOLVED, detail={"reasons": [later]})]) is None
    assert newest_event([]) is None
