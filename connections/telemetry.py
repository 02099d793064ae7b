"""What the app tells Application Insights about itself: a trace for each scan, and a few numbers.

Nothing is set up, and nothing is imported beyond the OpenTelemetry API, unless APPLICATIONINSIGHTS_CONNECTION_STRING is set.
The providers are the app's own and never the process's: the libraries below (Microsoft Graph's, Azure's) would otherwise
add spans with addresses, and addresses name people. What is sent are the attributes that this module's callers give: run ids,
counts, and the type of an error without its text.

Metrics: ``apw.accounts`` (also by verdict), ``apw.findings.open`` by severity, ``apw.graph.requests``, ``apw.graph.throttled``,
``apw.graph.resource_units`` (as Graph's limits count), ``apw.scan.seconds``, ``apw.alert.latency`` (seconds from finding a
change to its last delivery).
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracerProvider,
    Span,
    SpanContext,
    StatusCode,
    TraceFlags,
    TracerProvider,
    set_span_in_context,
)

log = logging.getLogger(__name__)

SCOPE = "app-password-watch"
CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
PATIENCE_MS = 3_000
"""How long the end of a job waits for what was recorded to be sent: an instance that idles may be frozen."""

_OFF = {
    # The exporter's reports to Microsoft about itself, and its settings from there: the tenant's administrator asked for none.
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    # A metric beside every batch of spans that repeats the name of the service, which they carry already.
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}


class Telemetry:
    """Spans and metrics over a pair of providers, and how to hurry them."""

    def __init__(
        self, tracers: TracerProvider, meters: MeterProvider, flush: Callable[[], object] = lambda: None
    ) -> None:
        self._tracer = tracers.get_tracer(SCOPE)
        self.flush = flush
        meter = meters.get_meter(SCOPE)
        self._accounts = meter.create_gauge("apw.accounts", "{account}", "Accounts in the last whole scan, by verdict")
        self._open = meter.create_gauge("apw.findings.open", "{finding}", "Open findings after a scan, by severity")
        self._requests = meter.create_counter("apw.graph.requests", "{request}", "HTTP requests to Microsoft Graph")
        self._throttled = meter.create_counter(
            "apw.graph.throttled", "{request}", "Requests that Graph asked to repeat"
        )
        self._units = meter.create_counter(
            "apw.graph.resource_units", "{unit}", "What the requests cost, as Graph's limits count"
        )
        self._seconds = meter.create_histogram("apw.scan.seconds", "s", "How long a scan took")
        self._latency = meter.create_histogram("apw.alert.latency", "s", "From finding a change to its last delivery")
        self._change = meter.create_histogram(
            "apw.change.latency", "s", "From a change, as the audit log dates it, to the last delivery of what it broke"
        )
        self._lag = meter.create_gauge("apw.log.lag", "s", "How long ago the audit log was looked at before this look")

    @contextmanager
    def span(self, name: str, *, run_id: str | None = None, **attributes: str | int | bool) -> Iterator[Span]:
        """A span around a block. With ``run_id`` it belongs to the trace of that scan, in whichever process that ran."""
        parent = _trace_of(run_id) if run_id else None
        known: dict[str, str | int | bool] = {"apw.run_id": run_id} if run_id else {}
        with self._tracer.start_as_current_span(
            name,
            parent,
            attributes=known | attributes,
            record_exception=False,  # the text of an error may name an account
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    def scanned(self, seconds: float, visibility: Mapping[str, int], open_findings: Mapping[str, int]) -> None:
        """A whole scan is over: accounts by verdict, open findings by severity."""
        self._seconds.record(seconds)
        for verdict, count in visibility.items():
            self._accounts.set(count, {"verdict": verdict})
        for severity, count in open_findings.items():
            self._open.set(count, {"severity": severity})

    def asked(self, requests: int, throttled: int, resource_units: int) -> None:
        """Microsoft Graph was asked that often, said so often that it was too much, and counted so many resource units."""
        self._requests.add(requests)
        self._throttled.add(throttled)
        self._units.add(resource_units)

    def told(self, seconds: float, since_change: float | None = None) -> None:
        """An alert is delivered everywhere, that long after its change was found, and after it happened, where the audit log says when."""
        self._latency.record(max(0.0, seconds))
        if since_change is not None:
            self._change.record(max(0.0, since_change))

    def looked(self, seconds: float) -> None:
        """The audit log was looked at, or couldn't be: that long after it was for the last time."""
        self._lag.set(max(0.0, seconds))


@cache
def telemetry() -> Telemetry:
    """The app's telemetry: to Application Insights where it is configured, to nowhere otherwise. Built on first use."""
    connection = os.environ.get(CONNECTION, "").strip()
    if connection:
        try:
            return _azure(connection)
        except Exception as error:  # noqa: BLE001  the exporter has a beta version number: no scan may hang on it
            log.error("Nothing is sent to Application Insights: its exporter doesn't work (%s).", type(error).__name__)
    return Telemetry(NoOpTracerProvider(), NoOpMeterProvider())


@asynccontextmanager
async def sending() -> AsyncIterator[None]:
    """Around a piece of work: sends what was recorded when it ends, however it ends."""
    try:
        yield
    finally:
        try:
            await asyncio.to_thread(telemetry().flush)
        except Exception as error:  # noqa: BLE001  as above
            log.error("What was recorded could not be sent to Application Insights (%s).", type(error).__name__)


def _azure(connection: str) -> Telemetry:
    """Providers that send to Application Insights; APPLICATIONINSIGHTS_AUTHENTICATION_STRING says as whom."""
    for name, value in _OFF.items():
        os.environ.setdefault(name, value)
    # Only here: importing them takes longer than the rest of this app.
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
    from opentelemetry.sdk.metrics import MeterProvider as Meters
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider as Tracers
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": os.environ.get("WEBSITE_SITE_NAME", SCOPE)})
    # Nothing is left on the disk of an instance: what can't be sent is lost, the findings are not.
    options = {"connection_string": connection, "disable_offline_storage": True}
    tracers = Tracers(resource=resource)
    # Whoever switches that metric on gets this resource: the process's own provider, which would be asked, has none.
    exporter = AzureMonitorTraceExporter(tracer_provider=tracers, **options)
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    meters = Meters([PeriodicExportingMetricReader(AzureMonitorMetricExporter(**options))], resource)

    def flush() -> None:
        tracers.force_flush(PATIENCE_MS)
        meters.force_flush(PATIENCE_MS)

    return Telemetry(tracers, meters, flush)


def _trace_of(run_id: str) -> Context:
    """The trace of a run: its id follows from the run's, so that functions share it without handing anything on."""
    digest = hashlib.sha256(run_id.encode()).digest()
    trace, parent = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
    root = SpanContext(trace, parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(root), Context())
