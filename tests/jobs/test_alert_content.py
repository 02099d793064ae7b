"""What is told of changes, whatever version kept the account that goes with them."""

from dataclasses import replace
from typing import Any

import pytest

from findings.compare import compare
from jobs.alert_content import changes_alert
from settings import Settings
from tests.findings.build import account, seen


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"reasons": None, "remediation": 7, "cross_check": "x"},
        {"reasons": [None, {}, {"effect": "demands_mfa"}], "remediation": [{}], "cross_check": {}},
        {"reasons": [{"effect": "demands_mfa", "since": 7}], "remediation": [{"title": None, "steps": None}]},
    ],
)
def test_a_change_is_told_although_the_account_as_it_was_cannot_be_read(detail: dict[str, Any]) -> None:
    (change,) = compare(account(), [], [seen()], alert_id="alert-1").changes
    alert = changes_alert(Settings(), "alert-1", [replace(change, detail=detail)], None, first=False)
    (item,) = alert.items
    assert (item.check_id, item.user_principal_name) == ("APW-001", "svc-a1@contoso.example")
