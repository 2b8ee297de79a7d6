"""What a collector is told of an execution: spans and metrics as OTLP has them, and nothing that may be secret."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.items import World, things
from tests.running import run
from tests.written_journals import AT, Journal

from irenic import __version__
from irenic.cli.telemetry import telemetry_endpoints
from irenic.endpoints import TelemetryEndpoint
from irenic.endpoints.otlp import BOUNDS, span_id, trace_id
from irenic.model import events as e
from irenic.model.cmd import Block, Cmd, StateKind
from irenic.model.outcome import Complete, ErrorInfo, ItemErrorOutcome
from irenic.model.progress import ExecutionProgress
from irenic.model.record import ExecutionRecord
from irenic.stores import MemoryStore

ID = "01J00000000000000000000000"
START = 1769847300
"""The second of the journal's first event, as Unix time."""

SECRET = "hunter2"


class Collector:
    """A real server that keeps what it is sent.

    :param answers: statuses and headers to answer with, one after the other; 200 when there are none left.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    def records(self, signal: str) -> list[dict[str, Any]]:
        """Return all spans or metrics, in the order in which they came."""
        kind, name = ("Spans", "spans") if signal == "traces" else ("Metrics", "metrics")
        return [
            record
            for path, _, body in self.requests
            if path == f"/v1/{signal}"
            for resource in body[f"resource{kind}"]
            for scope in resource[f"scope{kind}"]
            for record in scope[name]
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = made.answers.pop(0) if made.answers else (200, {})
            self.send_response(status)
            for name, value in {**headers, "content-length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class View:
    """An execution as an endpoint sees it."""

    id = ID
    record = ExecutionRecord(id=ID, flow="f", profile="default", cmds=[Cmd.ENSURE])
    progress = ExecutionProgress(execution_id=ID)


def outcome(seconds: int, kind: type[Complete | ItemErrorOutcome] = Complete, **members: Any) -> Any:
    """Return an outcome that many seconds after the beginning."""
    times = {"started_at": AT.format(seconds=0), "ended_at": AT.format(seconds=seconds)}
    return kind(execution_id=ID, flow="f", profile="default", **times, **members)


def nano(second: int) -> str:
    """Return the time of the event with this number."""
    return f"{START + second}000000000"


def text(key: str, value: str) -> dict[str, Any]:
    """Return an attribute."""
    return {"key": key, "value": {"stringValue": value}}


def span(number: int, parent: int, name: str, start: int, end: int, *attributes: Any, **more: Any) -> dict[str, Any]:
    """Return a span."""
    return {
        "traceId": trace_id(ID),
        "spanId": span_id(number),
        "parentSpanId": span_id(parent),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": nano(start),
        "endTimeUnixNano": nano(end),
        "attributes": list(attributes),
    } | more


async def test_an_execution_is_told_as_spans_within_spans(collector: Collector) -> None:
    """Execution, command, block, item, phase: exactly what OTLP wants, once the execution has ended."""
    journal = Journal().started("a").add(e.CmdStarted, cmd=Cmd.ENSURE).block(Block.APPLY)
    journal.intent("a").result("a", "applied").block_done(Block.APPLY).add(e.CmdEnded, cmd=Cmd.ENSURE)
    endpoint = TelemetryEndpoint(collector.address)
    await endpoint.on_events(View(), journal.events)
    assert collector.requests == []
    await endpoint.on_outcome(View(), outcome(7))

    (path, headers, traces), (metrics_path, _, metrics) = collector.requests
    resource = {
        "attributes": [
            text("service.name", "irenic"),
            text("irenic.execution.id", ID),
            text("irenic.flow", "f"),
            text("irenic.profile", "default"),
        ]
    }
    scope = {"name": "irenic", "version": __version__}
    assert (path, headers["content-type"]) == ("/v1/traces", "application/json")
    root = span(1, 0, "execution", 0, 7, text("irenic.outcome", "complete"))
    root["attributes"].append({"key": "irenic.dry_run", "value": {"boolValue": False}})
    del root["parentSpanId"]
    spans = [
        span(5, 4, "phase apply", 3, 4, text("irenic.phase", "apply")),
        span(4, 3, "item a", 3, 4, text("irenic.item.id", "a"), text("irenic.result", "applied")),
        span(3, 2, "block apply", 2, 5, text("irenic.block", "apply")),
        span(2, 1, "cmd ensure", 1, 6, text("irenic.cmd", "ensure")),
        root,
    ]
    assert traces == {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}

    def seconds(value: float, *attributes: Any) -> dict[str, Any]:
        buckets = ["0"] * (len(BOUNDS) + 1)
        buckets[sum(bound < value for bound in BOUNDS)] = "1"
        point: dict[str, Any] = {
            "attributes": list(attributes),
            "startTimeUnixNano": nano(0),
            "timeUnixNano": nano(7),
            "count": "1",
        }
        point |= {"sum": value, "bucketCounts": buckets, "explicitBounds": list(BOUNDS)}
        return {"unit": "s", "histogram": {"dataPoints": [point], "aggregationTemporality": 1}}

    result = [text("irenic.direction", "ensure"), text("irenic.result", "applied")]
    count = {"attributes": result, "startTimeUnixNano": nano(0), "timeUnixNano": nano(7), "asInt": "1"}
    items = {"dataPoints": [count], "aggregationTemporality": 1, "isMonotonic": True}
    assert metrics_path == "/v1/metrics"
    assert metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"] == [
        {"name": "irenic.execution.duration"} | seconds(7.0, text("irenic.outcome", "complete")),
        {"name": "irenic.items", "unit": "{item}", "sum": items},
        {"name": "irenic.item.duration"} | seconds(1.0, *result),
    ]


def test_ids_are_those_that_otlp_wants() -> None:
    """Lower-case hexadecimal digits, never all zero, the same each time; a ULID has just the 128 bits."""
    assert trace_id("01J00000000000000000000000") == "01900000000000000000000000000000"
    assert trace_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ") == "f" * 32
    ids = {span_id(number) for number in range(1, 5000)}
    assert len(ids) == 4999
    assert {len(id) for id in ids} == {16}
    assert span_id(0) not in ids


async def test_a_failed_item_tells_the_class_of_its_error_and_no_more(collector: Collector) -> None:
    """In discovery and in apply, on the phase and on the item; what did not end, ends with the execution."""
    error = ErrorInfo(type="OSError", message=SECRET, phase="state_goal", causes=[SECRET])
    journal = Journal().started("a", "b", inputs={"password": SECRET}).block(Block.STATES_DISCOVER)
    journal.add(e.ItemState, item="a", which=StateKind.CURRENT, state={"path": SECRET})
    journal.add(e.ItemError, item="a", error=error).add(e.Log, item="a", text=SECRET)
    journal.block_done(Block.STATES_DISCOVER).block(Block.APPLY)
    journal.intent("b", current={"x": SECRET}, target={"x": SECRET})
    journal.result("b", "failed", error=error, state={"x": SECRET})
    endpoint = TelemetryEndpoint(collector.address)
    await endpoint.on_events(View(), journal.events)
    await endpoint.on_outcome(View(), outcome(9, ItemErrorOutcome, message=SECRET, errors={"b": error}))

    failed = {
        span["name"]: [a["value"]["stringValue"] for a in span["attributes"] if a["key"] == "error.type"]
        for span in collector.records("traces")
        if span.get("status") == {"code": 2}
    }
    assert failed == {
        "phase state_goal": ["OSError"],
        "item a": ["OSError"],
        "phase apply": ["OSError"],
        "item b": ["OSError"],
        "execution": ["item_error"],
    }
    (last,) = [span for span in collector.records("traces") if span["name"] == "block apply"]
    assert last["endTimeUnixNano"] == nano(9)
    assert SECRET not in json.dumps([body for _, _, body in collector.requests])


async def test_a_large_execution_is_told_in_batches(collector: Collector) -> None:
    """While it goes on; every span once, each with its parent."""
    flow = things(World(), *(f"t{number}" for number in range(300)))
    endpoint = TelemetryEndpoint(collector.address)
    assert (await run(MemoryStore(), flow, "ensure", endpoints=(endpoint,))).is_complete
    spans = collector.records("traces")
    ids = {span["spanId"] for span in spans}
    assert sum(path == "/v1/traces" for path, _, _ in collector.requests) > 1
    assert len(ids) == len(spans)
    assert [span["name"] for span in spans if span.get("parentSpanId") not in ids] == ["execution"]
    assert endpoint.dropped == 0


async def test_a_collector_that_is_busy_is_asked_again_when_it_says(collector: Collector) -> None:
    """And one that says no is not."""
    collector.answers = [(503, {"retry-after": "1"}), (429, {}), (400, {})]
    endpoint = TelemetryEndpoint(collector.address)
    began = asyncio.get_running_loop().time()
    await endpoint.on_outcome(View(), outcome(1))
    assert [path for path, _, _ in collector.requests] == ["/v1/traces"] * 3
    assert asyncio.get_running_loop().time() - began >= 1.0
    assert endpoint.dropped == 2


async def test_what_nobody_takes_is_dropped_and_counted(collector: Collector) -> None:
    """Where nothing listens, or where it would be too long to wait; the execution is as complete as ever."""
    nobody = TelemetryEndpoint("http://127.0.0.1:9")
    busy = TelemetryEndpoint(collector.address)
    collector.answers = [(503, {"retry-after": "3600"})] * 2
    flow = things(World(), "a")
    done = await run(MemoryStore(), flow, "ensure", endpoints=(nobody, busy))
    assert done.is_complete
    assert done.endpoints_cut == {}
    assert nobody.dropped == busy.dropped > 2


@pytest.mark.parametrize("value", ["1", "true"])
def test_do_not_track_keeps_it_off(value: str) -> None:
    """Whatever else is asked for."""
    assert telemetry_endpoints("http://127.0.0.1:4318", {"DO_NOT_TRACK": value}) == []


@pytest.mark.parametrize("environment", [{}, {"DO_NOT_TRACK": "0"}, {"DO_NOT_TRACK": ""}])
def test_it_is_on_only_where_a_collector_is_named(environment: dict[str, str]) -> None:
    """By an option or by the environment, which the command line reads."""
    assert telemetry_endpoints("", environment) == []
    assert len(telemetry_endpoints("http://127.0.0.1:4318", environment)) == 1


async def test_headers_and_the_token_of_a_server_go_with_each_request(collector: Collector) -> None:
    """As OpenTelemetry writes them in the environment, and as our server prints its address."""
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b, x-other=c"}
    (endpoint,) = telemetry_endpoints(f"{collector.address}/?token=t", environment)
    await endpoint.on_outcome(View(), outcome(1))
    _, headers, _ = collector.requests[0]
    assert (headers["x-tenant"], headers["x-other"], headers["authorization"]) == ("a b", "c", "Bearer t")
