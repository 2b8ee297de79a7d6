"""OTLP requests as JSON: what they hold, which records are valid, and what is answered.

Source: the OpenTelemetry protocol, OTLP/HTTP with JSON: camelCase names, ids in hexadecimal, 64-bit integers as decimal
strings, enums as integers; unknown fields are ignored.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic_core import to_json

EXECUTION_ATTRIBUTES = ("irenic.execution.id", "run.id")
"""Attributes, of a record or of its resource, that name the execution it belongs to."""

_trace_id = re.compile(r"(?!0{32})[0-9a-fA-F]{32}")
_span_id = re.compile(r"(?!0{16})[0-9a-fA-F]{16}")
_execution_id = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_metric_kinds = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_MOST_NANOSECONDS = 2**63 - 1


class Signal(StrEnum):
    """A kind of telemetry, as it is named in the address."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class _Names:
    """How a signal's three levels are called."""

    resources: str
    scopes: str
    records: str
    rejected: str


NAMES: Mapping[Signal, _Names] = {
    Signal.TRACES: _Names("resourceSpans", "scopeSpans", "spans", "rejectedSpans"),
    Signal.METRICS: _Names("resourceMetrics", "scopeMetrics", "metrics", "rejectedDataPoints"),
    Signal.LOGS: _Names("resourceLogs", "scopeLogs", "logRecords", "rejectedLogRecords"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One span, metric or log record, with all that its request said of it; ``at_ns`` is Unix time in nanoseconds."""

    digest: str
    execution_id: str | None
    at_ns: int
    resource: str
    scope: str
    body: str

    @property
    def size(self) -> int:
        """The characters that are stored of it."""
        return len(self.resource) + len(self.scope) + len(self.body)


@dataclass(slots=True)
class Parsed:
    """What a request holds: valid records, and how many were not, with the reason of the first."""

    records: list[Record] = field(default_factory=list)
    rejected: int = 0
    reason: str = ""

    def reject(self, count: int, reason: str) -> None:
        """Count records that are not valid."""
        self.rejected += count
        self.reason = self.reason or reason

    def answer(self, signal: Signal) -> bytes:
        """Return the answer: empty, or a partial success that names what was rejected."""
        if not self.rejected:
            return b"{}"
        return to_json({"partialSuccess": {NAMES[signal].rejected: str(self.rejected), "errorMessage": self.reason}})


class NotOtlpError(ValueError):
    """A body that is no request of its signal at all."""


def parse(signal: Signal, value: Any) -> Parsed:
    """Return the records of a request.

    :raises NotOtlpError: if it is no request of the signal.
    """
    names = NAMES[signal]
    if not isinstance(value, dict):
        raise NotOtlpError("the body has to be an object")
    parsed = Parsed()
    for resource in _objects(value, names.resources):
        about = _text(resource.get("resource"))
        resource_execution = _execution(_object(resource.get("resource")))
        for scope in _objects(resource, names.scopes):
            scope_text = _text(scope.get("scope"))
            for record in _objects(scope, names.records):
                at_ns, problem, points = _check(signal, record)
                if problem is not None:
                    parsed.reject(points, problem)
                    continue
                body = to_json(record).decode()
                parsed.records.append(
                    Record(
                        digest=_digest(signal, about, scope_text, body),
                        execution_id=_execution(record) or resource_execution,
                        at_ns=at_ns,
                        resource=about,
                        scope=scope_text,
                        body=body,
                    )
                )
    return parsed


def group(signal: Signal, records: Iterable[tuple[str, str, str]]) -> str:
    """Return records, each as resource, scope and body, as one request of their signal."""
    names = NAMES[signal]
    grouped: dict[str, dict[str, list[str]]] = {}
    for resource, scope, body in records:
        grouped.setdefault(resource, {}).setdefault(scope, []).append(body)
    resources = ",".join(
        f'{{"resource":{resource},"{names.scopes}":[{",".join(_scopes(names, scopes))}]}}'
        for resource, scopes in grouped.items()
    )
    return f'{{"{names.resources}":[{resources}]}}'


def _scopes(names: _Names, scopes: Mapping[str, list[str]]) -> Iterator[str]:
    for scope, bodies in scopes.items():
        yield f'{{"scope":{scope},"{names.records}":[{",".join(bodies)}]}}'


def _objects(parent: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    children = parent.get(name)
    if children is None:
        return []
    if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
        raise NotOtlpError(f"{name} has to be an array of objects")
    return children


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return to_json(_object(value)).decode()


def _check(signal: Signal, record: Mapping[str, Any]) -> tuple[int, str | None, int]:
    """Return a record's time, why it is not valid, and how many rejected things it counts as."""
    match signal:
        case Signal.TRACES:
            return (*_check_span(record), 1)
        case Signal.METRICS:
            return _check_metric(record)
        case Signal.LOGS:
            return (*_check_log(record), 1)


def _check_span(span: Mapping[str, Any]) -> tuple[int, str | None]:
    if not _matches(_trace_id, span.get("traceId")) or not _matches(_span_id, span.get("spanId")):
        return 0, "a span needs a traceId of 32 and a spanId of 16 hexadecimal digits, not all zero"
    start, end = _nanoseconds(span.get("startTimeUnixNano")), _nanoseconds(span.get("endTimeUnixNano"))
    if not isinstance(span.get("name"), str) or start is None or end is None:
        return 0, "a span needs a name, a startTimeUnixNano and an endTimeUnixNano"
    return start, None


def _check_metric(metric: Mapping[str, Any]) -> tuple[int, str | None, int]:
    kind = next((name for name in _metric_kinds if isinstance(metric.get(name), dict)), None)
    if kind is None or not isinstance(metric.get("name"), str):
        return 0, f"a metric needs a name and one of {', '.join(_metric_kinds)}", 1
    points = metric[kind].get("dataPoints", [])
    if not isinstance(points, list):
        return 0, f"the dataPoints of a {kind} have to be an array", 1
    times = [_nanoseconds(_object(point).get("timeUnixNano")) for point in points]
    if not times or None in times:
        return 0, "every data point needs a timeUnixNano", max(1, len(points))
    return max(time for time in times if time is not None), None, 0


def _check_log(record: Mapping[str, Any]) -> tuple[int, str | None]:
    for name in ("timeUnixNano", "observedTimeUnixNano"):
        at_ns = _nanoseconds(record.get(name))
        if at_ns is not None and at_ns > 0:
            return at_ns, None
    return 0, "a log record needs a timeUnixNano or an observedTimeUnixNano"


def _nanoseconds(value: Any) -> int | None:
    """Return a 64-bit integer, which comes as a decimal string or as a number."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if type(value) is not int or not 0 <= value <= _MOST_NANOSECONDS:
        return None
    return value


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _execution(bearer: Mapping[str, Any]) -> str | None:
    attributes = bearer.get("attributes")
    for attribute in map(_object, attributes if isinstance(attributes, list) else []):
        if attribute.get("key") in EXECUTION_ATTRIBUTES:
            text = _object(attribute.get("value")).get("stringValue")
            if _matches(_execution_id, text):
                return str(text)
    return None


def _digest(signal: Signal, *parts: str) -> str:
    return hashlib.sha256("\n".join((signal, *parts)).encode()).hexdigest()
