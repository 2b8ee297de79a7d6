"""OTLP as protobuf: what the stock SDK sends is taken, and given back as its JSON."""

import json
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution
from tests.server.test_telemetry import stored

from irenic_server.otlp_protobuf import MOST_BYTES
from irenic_server.settings import Limits

PROTOBUF = {"Content-Type": "application/x-protobuf"}
AT = 1_795_514_400_000_000_000


def exporter_options(execution: Execution, signal: str) -> dict[str, Any]:
    """Return how an exporter reaches the server."""
    address = str(execution.client.base_url).rstrip("/")
    return {"endpoint": f"{address}/v1/{signal}", "headers": {"Authorization": f"Bearer {TOKEN}"}}


def about(execution: Execution) -> Resource:
    """Return a resource that names an execution."""
    return Resource.create({"irenic.execution.id": execution.id, "service.name": "stock"})


@pytest.fixture
def gzipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have exporters compress what they send."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")


@pytest.mark.usefixtures("gzipped")
def test_spans_of_the_sdk_are_stored(execution: Execution) -> None:
    """With ids in hexadecimal, times as text, and attributes of each type."""
    provider = TracerProvider(resource=about(execution))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(**exporter_options(execution, "traces"))))
    with provider.get_tracer("t").start_as_current_span("work") as span:
        span.set_attributes({"a": 1, "b": 0.5, "c": True, "d": "text", "e": ["x", "y"]})
        context = span.get_span_context()
    provider.shutdown()
    (resource,) = stored(execution)["resourceSpans"]
    ((kept,),) = [scope["spans"] for scope in resource["scopeSpans"]]
    assert (kept["name"], kept["traceId"]) == ("work", f"{context.trace_id:032x}")
    assert kept["spanId"] == f"{context.span_id:016x}"
    assert int(kept["endTimeUnixNano"]) >= int(kept["startTimeUnixNano"]) > AT
    values = {each["key"]: each["value"] for each in kept["attributes"]}
    assert values == {
        "a": {"intValue": "1"},
        "b": {"doubleValue": 0.5},
        "c": {"boolValue": True},
        "d": {"stringValue": "text"},
        "e": {"arrayValue": {"values": [{"stringValue": "x"}, {"stringValue": "y"}]}},
    }


def test_metrics_of_the_sdk_are_stored(execution: Execution) -> None:
    """Counted and measured."""
    exporter = OTLPMetricExporter(**exporter_options(execution, "metrics"))
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], resource=about(execution))
    meter = provider.get_meter("t")
    meter.create_counter("items").add(3)
    meter.create_histogram("seconds").record(0.25)
    provider.shutdown()
    (resource,) = stored(execution, "metrics")["resourceMetrics"]
    kept = {metric["name"]: metric for scope in resource["scopeMetrics"] for metric in scope["metrics"]}
    assert kept["items"]["sum"]["dataPoints"][0]["asInt"] == "3"
    assert kept["seconds"]["histogram"]["dataPoints"][0]["sum"] == 0.25


def test_log_records_of_the_sdk_are_stored(execution: Execution) -> None:
    """With their text and severity."""
    provider = LoggerProvider(resource=about(execution))
    exporter = OTLPLogExporter(**exporter_options(execution, "logs"))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    record = LogRecord(timestamp=AT, severity_number=SeverityNumber.WARN, body="the disk is nearly full")
    provider.get_logger("t").emit(record)
    provider.shutdown()
    (resource,) = stored(execution, "logs")["resourceLogs"]
    ((kept,),) = [scope["logRecords"] for scope in resource["scopeLogs"]]
    assert kept["body"] == {"stringValue": "the disk is nearly full"}
    assert kept["severityNumber"] == 13


def request(execution: Execution, *trace_ids: bytes, value: AnyValue | None = None) -> ExportTraceServiceRequest:
    """Return a request of one span for each trace id."""
    made = ExportTraceServiceRequest()
    scope = made.resource_spans.add().scope_spans.add()
    for trace_id in trace_ids:
        span = scope.spans.add(trace_id=trace_id, span_id=b"12345678", name="work")
        span.start_time_unix_nano = span.end_time_unix_nano = AT
        span.attributes.add(key="irenic.execution.id").value.string_value = execution.id
        if value is not None:
            span.attributes.add(key="x", value=value)
    return made


def post(execution: Execution, body: bytes) -> httpx.Response:
    """Send a request of traces."""
    return execution.client.post("/v1/traces", content=body, headers=PROTOBUF)


def test_what_is_not_valid_is_rejected_alone(execution: Execution) -> None:
    """The answer is protobuf too, and says how many and why."""
    answer = post(execution, request(execution, b"1" * 16, b"short").SerializeToString())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert "traceId" in partial.error_message
    assert post(execution, request(execution, b"2" * 16).SerializeToString()).content == b""


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_has_not_are_text(execution: Execution, number: float) -> None:
    """As protobuf's own JSON has them."""
    sent = request(execution, b"3" * 16, value=AnyValue(double_value=number))
    assert post(execution, sent.SerializeToString()).status_code == 200
    text = json.dumps(stored(execution))
    assert {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[str(number)] in text


@pytest.mark.parametrize("body", [b"x", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f"])
def test_what_is_no_protobuf_is_refused_by_a_status(execution: Execution, body: bytes) -> None:
    """Of Google's RPC, as OTLP has it."""
    answer = post(execution, body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "is no OTLP request of traces" in Status.FromString(answer.content).message


def nested(number: int, content: bytes) -> bytes:
    """Return a message as a field of another, as protobuf writes it."""
    length, digits = len(content), bytearray()
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *digits, length]) + content


def test_endless_nesting_is_refused(execution: Execution) -> None:
    """Before it takes memory."""
    body = b""
    for _ in range(200):
        body = nested(5, nested(1, body))  # a value that is a list of one value
    for number in (2, 9, 2, 2, 1):  # of an attribute, of a span, of a scope, of a resource
        body = nested(number, body)
    assert post(execution, body).status_code == 400


def test_a_large_request_is_refused(start_server: Starter) -> None:
    """Messages take many times the room of their bytes."""
    with start_server(limits=Limits(telemetry_body=MOST_BYTES)).client() as client:
        answer = client.post("/v1/traces", content=b"\x0a\x00" * MOST_BYTES, headers=PROTOBUF)
        assert (answer.status_code, Status.FromString(answer.content).code) == (413, 8)
