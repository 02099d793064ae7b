"""The queries of the alert rules and of docs/operations.md, asked of records as Azure Monitor gets them.

In OpenTelemetry mode the host's exporter makes a trace of a log line without an exception, and an exception of one with it,
whose text is the exception's own: "(Failed, ..." reaches no table. The properties of the log line are the same in both.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.infra.bicep import INFRA, parsed
from tests.infra.kusto import Row, ask

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
RULES = {
    name: parsed(INFRA / "modules" / "alerts.bicep")["variables"][f"{name}Query"]["value"]
    for name in ("scanOverdue", "poison", "failure", "channel")
}
DOCS = re.findall(r"^```kusto\n(.*?)^```", (INFRA.parent / "docs" / "operations.md").read_text("utf-8"), re.M | re.S)
SCANNED = "Run 20261124T060000Z-3f9c2a1b: 18 accounts, complete: True, 41 Graph requests, 1 alerts to send"

SOME_SCANNED = (
    "Run 20261124T060000Z-3f9c2a1b, of single accounts: 1 looked at, complete: True, 9 Graph requests, 0 alerts to send"
)


def completed(function: str, *, failed: bool = False, hours: float = 1) -> tuple[str, Row]:
    """The record of a function that ended."""
    properties = {
        "functionName": f"Functions.{function}",
        "status": "Failed" if failed else "Succeeded",
        "invocationId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "executionDuration": "812",
        "CategoryName": f"Function.{function}",
        "EventId": "3" if failed else "2",
        "EventName": "FunctionCompleted",
    }
    time = {"TimeGenerated": NOW - timedelta(hours=hours)}
    if failed:
        text = {"OuterMessage": f"Exception while executing function: Functions.{function}", "SeverityLevel": 3}
        form = "Executed '{functionName}' ({status}, Id={invocationId}, Duration={executionDuration}ms)"
        return "AppExceptions", {**time, **text, "Properties": {**properties, "OriginalFormat": form}}
    message = f"Executed 'Functions.{function}' (Succeeded, Id={properties['invocationId']}, Duration=812ms)"
    return "AppTraces", {**time, "Message": message, "SeverityLevel": 1, "Properties": properties}


def said(message: str, *, hours: float = 1, level: int = 1) -> tuple[str, Row]:
    """The record of a line that the app itself logs."""
    properties = {"CategoryName": "Function.run_scan.User", "functionName": "run_scan"}
    return "AppTraces", {
        "TimeGenerated": NOW - timedelta(hours=hours),
        "Message": message,
        "SeverityLevel": level,
        "Properties": properties,
    }


def answers(query: str, *records: tuple[str, Row]) -> list[dict[str, Any]]:
    tables: dict[str, list[Row]] = {}
    for table, row in records:
        tables.setdefault(table, []).append(row)
    return ask(query, tables, NOW)


def fires(rule: str, *records: tuple[str, Row]) -> bool:
    return bool(answers(RULES[rule].replace("{0}", "36"), *records))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], True, id="nothing at all"),
        pytest.param([said("Host started", hours=0.5)], False, id="installed half an hour ago"),
        pytest.param([said("Host started", hours=37)], True, id="installed for longer than a scan may take"),
        pytest.param([said("Host started", hours=37), said(SCANNED, hours=35)], False, id="scanned in time"),
        pytest.param([said(SCANNED, hours=40), said("Host started", hours=1)], True, id="scanned too long ago"),
        pytest.param([said("Host started", hours=40), completed("run_scan", hours=2)], True, id="ended without a scan"),
        pytest.param([said("Host started", hours=40), said(SOME_SCANNED)], True, id="only some accounts were scanned"),
    ],
)
def test_no_scan_is_told_when_one_is_overdue(records: list[tuple[str, Row]], expected: bool) -> None:
    assert fires("scanOverdue", *records) is expected


@pytest.mark.parametrize("failed", [False, True], ids=["handled", "its handler failed"])
@pytest.mark.parametrize("function", ["scans_poison", "alerts_poison"])
def test_a_poison_message_is_told_however_its_handler_ends(function: str, failed: bool) -> None:
    assert fires("poison", completed(function, failed=failed))


def test_what_is_no_poison_message_is_not_told_as_one() -> None:
    assert not fires("poison", completed("run_scan"), completed("run_scan", failed=True), said("scans_poison"))
    assert not fires("poison")


def test_a_function_that_fails_is_counted_and_one_that_succeeds_is_not() -> None:
    records = [completed("run_scan", failed=True), completed("run_scan"), completed("send_alerts", failed=True)]
    assert len(answers(RULES["failure"], *records)) == 2
    assert not fires("failure", completed("run_scan"), said("Run x failed: Table Storage answered 403.", level=3))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], False, id="nothing at all"),
        pytest.param([said(SCANNED)], False, id="all is well"),
        pytest.param([said("Alerts don't get through to teams: 404.", level=3)], True, id="a scan says so"),
        pytest.param(
            [said("Alerts haven't got through to teams since 2026-11-24T06:00:00Z.", level=3)], True, id="just noticed"
        ),
        pytest.param([said("Alerts don't get through to teams: 404.", hours=25, level=3)], True, id="the last scan"),
        pytest.param([said("Alerts don't get through to teams: 404.", hours=31, level=3)], False, id="mended since"),
    ],
)
def test_a_channel_that_does_not_work_is_told(records: list[tuple[str, Row]], expected: bool) -> None:
    assert fires("channel", *records) is expected


def documented(words: str) -> str:
    (found,) = (query for query in DOCS if words in query)
    return str(found)


def test_the_docs_count_runs_and_failures_of_each_function() -> None:
    records = [completed("run_scan"), completed("run_scan", failed=True), completed("health")]
    rows = {row["Function"]: row for row in answers(documented("Typical ="), *records)}
    assert (rows["Functions.run_scan"]["Runs"], rows["Functions.run_scan"]["Failed"]) == (2, 1)
    assert (rows["Functions.health"]["Failed"], rows["Functions.health"]["Slowest"]) == (0, 812)


def test_the_docs_list_scans_with_what_they_counted() -> None:
    (row,) = answers(documented("| parse Message"), said(SCANNED), said("Host started"))
    assert (row["Accounts"], row["Complete"], row["Requests"], row["Alerts"]) == (18, "True", 41, 1)


def test_the_docs_list_errors_that_are_lines_and_those_that_are_exceptions() -> None:
    records = [said("Run x failed: no.", level=3), completed("run_scan", failed=True), said("fine")]
    rows = answers(documented("Times = count(), Last = max(TimeGenerated) by Message"), *records)
    assert {row["Message"] for row in rows} == {
        "Run x failed: no.",
        "Exception while executing function: Functions.run_scan",
    }


def test_the_docs_list_who_was_refused() -> None:
    refused = said("GET https://func-a.azurewebsites.net/api/findings: 403 The app role Reader is missing.", level=2)
    assert len(answers(documented("(401|403|413|429)"), refused, said("GET x: 200"))) == 1


def test_nobody_looks_for_failures_in_the_text_of_a_line() -> None:
    for query in [*RULES.values(), *DOCS]:
        assert "(Failed" not in query
        assert "Executed '" not in query
