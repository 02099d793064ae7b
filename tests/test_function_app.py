"""The functions as the worker indexes them: names, triggers, bindings are a public interface."""

import json
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

import function_app
from settings import Settings
from tests.functions.serving import functions

EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "scheduled_scan": ("timerTrigger", {"schedule": "%SCAN_SCHEDULE%", "runOnStartup": False, "useMonitor": True}),
    "watch_audit_log": ("timerTrigger", {"schedule": "0 */5 * * * *", "runOnStartup": False, "useMonitor": False}),
    "run_scan": ("queueTrigger", {"queueName": "scans"}),
    "send_alerts": ("queueTrigger", {"queueName": "alerts"}),
    "scans_poison": ("queueTrigger", {"queueName": "scans-poison"}),
    "alerts_poison": ("queueTrigger", {"queueName": "alerts-poison"}),
    "recheck": ("httpTrigger", {"route": "recheck", "methods": ["POST"]}),
    "findings": ("httpTrigger", {"route": "findings", "methods": ["GET"]}),
    "report": ("httpTrigger", {"route": "report", "methods": ["GET"]}),
    "account_history": ("httpTrigger", {"route": "report/accounts/{id}", "methods": ["GET"]}),
    "act": ("httpTrigger", {"route": "report/{action}", "methods": ["POST"]}),
    "runs": ("httpTrigger", {"route": "runs/{id}", "methods": ["GET"]}),
    "exceptions": ("httpTrigger", {"route": "exceptions", "methods": ["GET", "PUT", "DELETE"]}),
    "test_alert": ("httpTrigger", {"route": "alerts/test", "methods": ["POST"]}),
    "doctor": ("httpTrigger", {"route": "doctor", "methods": ["GET"]}),
    "health": ("httpTrigger", {"route": "health", "methods": ["GET"]}),
}
QUEUES_OUT: dict[str, set[str]] = {
    "scheduled_scan": {"scans"},
    "run_scan": {"alerts"},
    "recheck": {"scans", "alerts"},
    "act": {"scans", "alerts"},
}


@cache
def indexed() -> dict[str, list[dict[str, Any]]]:
    """Function name -> its bindings."""
    return {
        str(function.get_function_name()): json.loads(function.get_function_json())["bindings"]
        for function in functions()
    }


def test_exactly_these_functions_exist() -> None:
    assert indexed().keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_triggers_are_as_published(name: str) -> None:
    kind, properties = EXPECTED[name]
    trigger = next(binding for binding in indexed()[name] if binding["type"] == kind)
    assert {key: trigger.get(key) for key in properties} == properties
    if kind == "queueTrigger":
        assert trigger["connection"] == "AzureWebJobsStorage"


@pytest.mark.parametrize("name", EXPECTED)
def test_messages_go_to_these_queues(name: str) -> None:
    found = {binding["queueName"] for binding in indexed()[name] if binding["type"] == "queue"}
    assert found == QUEUES_OUT.get(name, set())


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        (None, Settings.model_fields["watch_schedule"].default),
        ("0 */2 * * * *", "0 */2 * * * *"),
        ("off", None),
        ("", None),
    ],
)
def test_the_audit_log_is_watched_unless_that_is_switched_off(
    given: str | None, schedule: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WATCH_SCHEDULE", raising=False)
    if given is not None:
        monkeypatch.setenv("WATCH_SCHEDULE", given)
    bindings = indexed_anew().get("watch_audit_log", [{"schedule": None}])
    assert [binding["schedule"] for binding in bindings] == [schedule]


def indexed_anew() -> dict[str, list[dict[str, Any]]]:
    """What a worker that starts now finds."""
    spec = spec_from_file_location("function_app_again", function_app.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = module_from_spec(spec)
    spec.loader.exec_module(again)
    return {
        str(one.get_function_name()): json.loads(one.get_function_json())["bindings"]
        for one in again.app.get_functions()
    }
