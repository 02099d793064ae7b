"""What stands on the queues, and what somebody else may put there."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.keys import to_key
from findings.runs import new_run_id
from jobs.messages import LOG, AlertMessage, BadMessage, ScanMessage, read_alert, read_scan
from tests.basics.test_text import ANY_JSON

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ODD = ANY_JSON | st.sampled_from(
    ["x" * 600, "", " ", "\n", "\ud800", True, -1, 10**30, "0001-01-01T00:00:00+14:00", [[]] * 9]
)
NAMES = ("run_id", "alert_id", "trigger", "waits", "channel", "retry_at", "asked")


@pytest.mark.parametrize(
    "body",
    [
        b'{"run_id": "a", "alert_id": "a", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        json.dumps({"run_id": "x" * 600, "alert_id": "x" * 600}).encode(),
        b'{"run_id": "a\\nb", "alert_id": "a\\u0000"}',
        b'{"run_id": "\\ud800", "alert_id": "\\ud800"}',
        b"[" * 100_000,
        b'"run_id alert_id"',
        b"7",
    ],
    ids=["deep", "600 characters", "line break", "lone surrogate", "only brackets", "a text", "a number"],
)
def test_what_this_app_does_not_write_is_a_bad_message(body: bytes) -> None:
    for read in (read_scan, read_alert):
        with pytest.raises(BadMessage):
            read(body)


@given(st.dictionaries(st.sampled_from(NAMES), ODD))
def test_every_message_is_read_as_something_that_can_be_kept_or_is_a_bad_one(message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    try:
        scan = read_scan(body)
        to_key(scan.run_id).encode()
        assert read_scan(scan.text.encode()) == scan
    except BadMessage:
        pass
    try:
        alert = read_alert(body)
        to_key(alert.alert_id + (alert.channel or "")).encode()
        assert read_alert(alert.text.encode()) == alert
    except BadMessage:
        pass


@given(st.binary(max_size=50))
def test_any_bytes_are_a_message_or_a_bad_one(body: bytes) -> None:
    for read in (read_scan, read_alert):
        with pytest.raises(BadMessage):
            read(body)


def test_what_this_app_writes_is_read_back() -> None:
    for scan in (ScanMessage(new_run_id(NOW), "request", 3), ScanMessage("run-1", LOG, 0, ("a", "b"), asked=NOW)):
        assert read_scan(scan.text.encode()) == scan
    alert = AlertMessage("5b8a7b3e-8a0e-5c8f-9f0a-000000000000", "teams", NOW)
    assert read_alert(alert.text.encode()) == alert


@pytest.mark.parametrize("asked", ["soon", 5, None, "0001-01-01T00:00:00+14:00"])
def test_a_scan_of_which_nobody_can_say_when_it_was_asked_for_is_one_all_the_same(asked: object) -> None:
    assert read_scan(json.dumps({"run_id": "run-1", "trigger": LOG, "asked": asked}).encode()).asked is None
