"""The functions as the worker indexes them: names, triggers, bindings are a public interface."""

import json
from functools import cache
from typing import Any

import pytest

from tests.functions.serving import functions

EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "scheduled_scan": ("timerTrigger", {"schedule": "%SCAN_SCHEDULE%", "runOnStartup": False, "useMonitor": True}),
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
