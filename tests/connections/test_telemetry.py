"""What is told to Application Insights: a trace for each scan, numbers, and nobody's name."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider

from checks.model import Severity
from connections import telemetry
from jobs import look, scan, teller
from localgraph.limits import resource_units
from tests.e2e.conftest import Installation, installation

__all__ = ["installation"]

ROOT = Path(__file__).parents[2]
RESOURCE_METRIC_OFF = "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED"


@dataclass(slots=True)
class Recorded:
    """What would have been sent."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    flushed: int = 0

    def telemetry(self) -> telemetry.Telemetry:
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        return telemetry.Telemetry(tracers, MeterProvider([self.reader]), self.flush)

    def flush(self) -> None:
        self.flushed += 1

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return tuple(self.exporter.get_finished_spans())

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Name -> attributes in words -> value, or sum of a histogram."""
        data = json.loads(self.reader.get_metrics_data().to_json())  # type: ignore[union-attr]
        return {
            metric["name"]: {
                ",".join(point["attributes"].values()): point.get("value", point.get("sum"))
                for point in metric["data"]["data_points"]
            }
            for resource in data["resource_metrics"]
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
        }


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    made = Recorded()
    with monkeypatch.context() as patch:
        ours = made.telemetry()
        for module in (telemetry, look, scan, teller):
            patch.setattr(module, "telemetry", lambda: ours)
        yield made


def test_a_scan_is_one_trace_that_the_telling_belongs_to(installation: Installation, recorded: Recorded) -> None:
    answer = installation.scan()
    names = [span.name for span in recorded.spans]
    assert names == ["read", "judge", "keep", "scan", "tell"]
    traces = {span.context.trace_id for span in recorded.spans if span.context}
    assert len(traces) == 1
    by_name = {span.name: span for span in recorded.spans}
    root = by_name["scan"].context
    assert root
    for name in ("read", "judge", "keep"):
        parent = by_name[name].parent
        assert parent
        assert parent.span_id == root.span_id
    assert dict(by_name["scan"].attributes or {}) == {
        "apw.run_id": answer.document["run"]["id"],
        "trigger": "command line",
        "kept": True,
        "partial": False,
    }
    assert recorded.flushed == 2


def test_the_numbers_are_those_of_the_scan(installation: Installation, recorded: Recorded) -> None:
    installation.graph.fail(r"GET /v1\.0/organization", 429, times=1, retry_after=0)
    document = installation.scan().document
    found = recorded.metrics()
    assert found["apw.graph.requests"] == {"": document["run"]["graph_requests"]}
    assert found["apw.graph.throttled"] == {"": 1}
    asked = [(one.template, one.query) for one in installation.graph.requests if one.status == 200]
    costs = [resource_units(path, query) for path, query in asked if path and not path.endswith("/$batch")]
    assert found["apw.graph.resource_units"] == {"": sum(costs)}
    counts = {name: count for name, count in found["apw.accounts"].items() if count}
    seen = [account["visibility"] for account in document["accounts"]]
    assert counts == {name: seen.count(name) for name in set(seen)}
    assert "unknown" in found["apw.accounts"]
    severities = [one["severity"] for account in document["accounts"] for one in account["findings"]]
    assert found["apw.findings.open"] == {one.value: severities.count(one.value) for one in Severity}
    assert 0 < found["apw.scan.seconds"][""] < 60
    assert 0 <= found["apw.alert.latency"][""] < 60


def test_how_long_a_change_took_to_be_told_counts_from_the_event_of_the_audit_log(recorded: Recorded) -> None:
    telemetry.telemetry().told(30, 400.5)
    telemetry.telemetry().told(2)
    telemetry.telemetry().looked(301)
    found = recorded.metrics()
    assert (found["apw.change.latency"], found["apw.log.lag"]) == ({"": 400.5}, {"": 301})


def test_a_scan_of_single_accounts_leaves_the_gauges_alone(installation: Installation, recorded: Recorded) -> None:
    installation.scan("--account", "svc-backup@contoso.com")
    assert "apw.accounts" not in recorded.metrics()
    assert [span.name for span in recorded.spans][:4] == ["read", "judge", "keep", "scan"]


def test_nothing_that_is_recorded_names_anybody(installation: Installation, recorded: Recorded) -> None:
    installation.graph.fail("MFA|authentication/requirements", 403, message="svc-backup@contoso.com may not")
    installation.scan()
    told = "".join(span.to_json() for span in recorded.spans) + json.dumps(recorded.metrics())
    for secret in ("contoso", "svc-", "@", "http", installation.receiver.secret, "Require MFA"):
        assert secret not in told


def test_an_error_is_known_by_its_type_only(recorded: Recorded) -> None:
    with pytest.raises(OSError, match="mailbox"), telemetry.telemetry().span("scan", run_id="r"):
        raise OSError("no such mailbox: ada@contoso.com")
    (span,) = recorded.spans
    assert span.status.status_code.name == "ERROR"
    assert (span.attributes or {})["error.type"] == "OSError"
    assert not span.events
    for word in ("mailbox", "ada@", "contoso"):  # none of them can be part of the random ids beside them
        assert word not in span.to_json()


def _child(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_without_a_connection_nothing_is_set_up() -> None:
    loaded = _child(
        "import sys\nfrom connections import telemetry\n"
        "with telemetry.telemetry().span('scan', run_id='r') as span: print(span.is_recording())\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk.trace', 'azure.monitor'))])"
    )
    assert loaded == "False\n[]"


def test_with_a_connection_only_the_apps_own_spans_are_recorded() -> None:
    """The libraries below ask for the process's tracer, which stays the one that records nothing."""
    told = _child(
        "from connections import telemetry\nimport opentelemetry.trace as trace, opentelemetry.metrics as metrics\n"
        "with telemetry.telemetry().span('scan', run_id='r') as ours:\n"
        "    with trace.get_tracer('com.microsoft.com:microsoft-kiota-http-httpx').start_as_current_span('x') as theirs:\n"
        "        print(ours.is_recording(), theirs.is_recording())\n"
        "print(type(metrics.get_meter_provider()).__name__)",
        APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=00000000-0000-0000-0000-000000000001;"
        "IngestionEndpoint=http://127.0.0.1:9/",
    )
    assert told == "True False\n_ProxyMeterProvider"


@pytest.fixture
def ingestion() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Application Insights, on this machine: its address, and what it was sent."""
    sent: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            items = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            sent.extend(items)
            answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", sent
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("switched", "more"), [({}, set()), ({RESOURCE_METRIC_OFF: "false"}, {"_OTELRESOURCE_"})])
def test_sending_logs_no_error_and_adds_no_metric_that_nobody_asked_for(
    ingestion: tuple[str, list[dict[str, Any]]], switched: dict[str, str], more: set[str]
) -> None:
    address, sent = ingestion
    logged = _child(
        "import logging, sys\nlogging.basicConfig(stream=sys.stdout, level=logging.WARNING)\n"
        "from connections import telemetry\n"
        "with telemetry.telemetry().span('scan', run_id='r'): pass\n"
        "telemetry.telemetry().looked(301)\ntelemetry.telemetry().flush()",
        APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=00000000-0000-0000-0000-000000000001;"
        f"IngestionEndpoint={address}",
        **switched,
    )
    assert logged == ""
    spans = {item["data"]["baseData"]["name"] for item in sent if item["data"]["baseType"] == "RemoteDependencyData"}
    metrics = {
        metric["name"]
        for item in sent
        if item["data"]["baseType"] == "MetricData"
        for metric in item["data"]["baseData"]["metrics"]
    }
    assert (spans, metrics) == ({"scan"}, {"apw.log.lag"} | more)


@pytest.mark.parametrize("missing", ["azure.monitor.opentelemetry.exporter", "opentelemetry.sdk.trace"])
def test_a_scan_is_done_without_the_exporter(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    monkeypatch.setenv(telemetry.CONNECTION, "InstrumentationKey=00000000-0000-0000-0000-000000000000")
    monkeypatch.setitem(sys.modules, missing, None)
    telemetry.telemetry.cache_clear()
    try:
        assert installation.scan().code in (0, 1)
    finally:
        telemetry.telemetry.cache_clear()
    assert "exporter doesn't work (ModuleNotFoundError)" in caplog.text


def test_a_scan_is_done_though_sending_what_was_recorded_fails(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    ours = telemetry.Telemetry(NoOpTracerProvider(), NoOpMeterProvider(), fail)
    monkeypatch.setattr(telemetry, "telemetry", lambda: ours)
    assert installation.scan().code in (0, 1)
    assert "could not be sent" in caplog.text
    assert "secret" not in caplog.text
