"""Telemetry: OTLP as its specification has it, stored once, given back, passed on."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import Execution

from irenic.model.ids import new_execution_id
from irenic_server.settings import Limits

AT = "1795514400000000000"


def attribute(key: str, text: str) -> dict[str, Any]:
    """Return an attribute as OTLP has it."""
    return {"key": key, "value": {"stringValue": text}}


def span(name: str, execution_id: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a span."""
    attributes = [attribute("item.id", name)]
    if execution_id is not None:
        attributes.append(attribute("irenic.execution.id", execution_id))
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": AT,
        "endTimeUnixNano": int(AT) + 5,
        "attributes": attributes,
    } | members


def traces(*spans: dict[str, Any], resource: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a request of spans."""
    about = {"attributes": [attribute("service.name", "irenic"), *(resource or [])]}
    return {"resourceSpans": [{"resource": about, "scopeSpans": [{"scope": {"name": "t"}, "spans": list(spans)}]}]}


def stored(execution: Execution, signal: str = "traces") -> Any:
    """Return what is stored of an execution."""
    return execution.client.get(f"{execution.path}/telemetry", params={"signal": signal}).json()


def test_spans_are_given_back_as_they_came(execution: Execution) -> None:
    """Each once, however often it is sent, in the order of time."""
    later = span("site", execution.id, startTimeUnixNano=str(int(AT) + 10), later_field={"x": 1})
    request = traces(later, span("archive", execution.id), span("another", new_execution_id()))
    for _ in range(2):
        answer = execution.client.post("/v1/traces", json=request)
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["content-type"] == "application/json"
    assert stored(execution) == traces(span("archive", execution.id), later)


def test_an_execution_may_be_named_by_the_resource(execution: Execution) -> None:
    """Where all of a process is about one execution."""
    request = traces(span("archive"), resource=[attribute("run.id", execution.id)])
    execution.client.post("/v1/traces", json=request)
    assert stored(execution) == request


def test_what_is_not_valid_is_rejected_alone(execution: Execution) -> None:
    """The answer says how many and why; senders do not repeat what was partly taken."""
    bad = [
        span("a", execution.id, traceId="0" * 32),
        span("b", execution.id, spanId="xyz"),
        span("c", execution.id, startTimeUnixNano="-1"),
        span("d", execution.id, endTimeUnixNano=None),
        span("e", execution.id) | {"name": 7},
    ]
    good = span("f", execution.id)
    answer = execution.client.post("/v1/traces", json=traces(*bad, good))
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "5"
    assert "traceId" in partial["errorMessage"]
    assert stored(execution) == traces(good)


def test_metrics_and_logs_are_taken_too(execution: Execution) -> None:
    """With their own names for what is rejected."""
    about = {"attributes": [attribute("irenic.execution.id", execution.id)]}
    metric = {"name": "items", "sum": {"dataPoints": [{"timeUnixNano": AT, "asInt": "3"}], "isMonotonic": True}}
    pointless = {"name": "nothing", "gauge": {"dataPoints": [{}, {"timeUnixNano": AT}]}}
    request = {
        "resourceMetrics": [{"resource": about, "scopeMetrics": [{"scope": {}, "metrics": [metric, pointless]}]}]
    }
    answer = execution.client.post("/v1/metrics", json=request)
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "2"
    assert stored(execution, "metrics")["resourceMetrics"][0]["scopeMetrics"][0]["metrics"] == [metric]

    line = {"observedTimeUnixNano": AT, "severityNumber": 9, "body": {"stringValue": "hello"}}
    logs = {"resourceLogs": [{"resource": about, "scopeLogs": [{"scope": {}, "logRecords": [line, {}]}]}]}
    assert execution.client.post("/v1/logs", json=logs).json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert stored(execution, "logs")["resourceLogs"][0]["scopeLogs"][0]["logRecords"] == [line]


def test_requests_may_be_gzipped_and_empty(execution: Execution) -> None:
    """As collectors send them."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(traces(span("archive", execution.id))).encode())
    assert execution.client.post("/v1/traces", content=body, headers=headers).json() == {}
    assert stored(execution) == traces(span("archive", execution.id))
    assert execution.client.post("/v1/traces", json={}).json() == {}
    assert execution.client.post("/v1/metrics", json={"resourceSpans": []}).json() == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"resourceSpans": {}}', b'{"resourceSpans": [1]}', b"[" * 100_000],
    ids=["nothing", "array", "broken", "object of resources", "numbers", "deep"],
)
def test_what_is_no_request_is_refused_as_a_status(client: httpx.Client, body: bytes) -> None:
    """400, which senders do not repeat, with a google.rpc.Status."""
    answer = client.post("/v1/traces", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["message"]


def test_other_types_and_sizes_are_refused(start_server: Starter) -> None:
    """Protobuf is not supported; a body is measured after it was unpacked."""
    with start_server(limits=Limits(telemetry_body=10_000)).client() as client:
        other = client.post("/v1/traces", content=b"x", headers={"Content-Type": "application/xml"})
        assert (other.status_code, other.json()["code"]) == (415, 3)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        bomb = client.post("/v1/logs", content=gzip.compress(b" " * 10_000_000), headers=headers)
        assert (bomb.status_code, bomb.json()["code"]) == (413, 8)


def test_telemetry_can_be_turned_off(start_server: Starter) -> None:
    """Then nothing is taken, and the answer is one that senders do not repeat."""
    with start_server(telemetry=False).client() as client:
        assert client.post("/v1/traces", json=traces()).status_code == 404


class _Collector(BaseHTTPRequestHandler):
    """Takes requests, after it was unavailable once."""

    received: "Queue[tuple[str, str | None, bytes]]"
    failures: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).failures > 0:
            type(self).failures -= 1
            self.send_response(503)
            self.send_header("Retry-After", "0")
        else:
            type(self).received.put((self.path, self.headers["X-Key"], body))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, "Queue[tuple[str, str | None, bytes]]"]]:
    """A collector's address, and what it has received."""
    _Collector.received, _Collector.failures = Queue(), 1
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/collect", _Collector.received
        listening.shutdown()
        thread.join()


def test_telemetry_is_passed_on_to_a_collector(
    collector: tuple[str, "Queue[tuple[str, str | None, bytes]]"],
    start_server: Starter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the variables that OpenTelemetry defines, again where the collector was not ready."""
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=a%20secret")
    request = traces(span("archive"))
    with start_server().client() as client:
        client.post("/v1/traces", json=request)
        path, key, body = received.get(timeout=20)
    assert (path, key, json.loads(body)) == ("/collect/v1/traces", "a secret", request)


def test_metrics_of_the_server_are_text_of_prometheus(execution: Execution) -> None:
    """With help and type for each, and no id in any label."""
    execution.append(execution.event(0))
    execution.end()
    response = execution.client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    families = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    samples = [line for line in lines if not line.startswith("#")]
    for sample in samples:
        name = sample.partition("{")[0].partition(" ")[0]
        base = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert {name, base} & families, sample
        float(sample.rpartition(" ")[2])
    assert len(samples) == len({sample.rpartition(" ")[0] for sample in samples})
    assert execution.id not in response.text
    for expected in ("irenic_events_appended_total", "irenic_executions_running", "process_cpu_seconds_total"):
        assert any(sample.startswith(expected + " ") for sample in samples)
    assert 'irenic_executions_ended_total{outcome="complete"}' in response.text
