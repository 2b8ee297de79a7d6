"""OpenTelemetry as JSON: 64-bit integers are decimal strings, enums integers, ids hexadecimal.

Source: the OpenTelemetry protocol, OTLP/HTTP with JSON encoding.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

INTERNAL, ERROR, DELTA = 1, 2, 1

BOUNDS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0)
"""Upper bounds of the buckets of durations, in seconds."""

Attributes = Mapping[str, str | bool | int]

_BASE32 = str.maketrans("ABCDEFGHJKMNPQRSTVWXYZ", "abcdefghijklmnopqrstuv")
_ODD = 0x9E3779B97F4A7C15


def trace_id(execution_id: str) -> str:
    """Return a ULID, which has 128 bits, as 32 hexadecimal digits."""
    return f"{int(execution_id.translate(_BASE32), 32):032x}"


def span_id(number: int) -> str:
    """Return 16 hexadecimal digits, which no other number from 1 to 2**64 - 1 gives."""
    return f"{number * _ODD % 2**64:016x}"


def nanoseconds(at: str) -> int:
    """Return a time as Unix time in nanoseconds."""
    return round(datetime.fromisoformat(at).timestamp() * 1000) * 1_000_000


def attributes(given: Attributes) -> list[dict[str, Any]]:
    """Return attributes; those that are empty are left out."""
    return [{"key": key, "value": _value(value)} for key, value in given.items() if value != ""]


def _value(value: str | bool | int) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def span(trace: str, id: str, parent: str, name: str, start: str, end: str, given: Attributes) -> dict[str, Any]:
    """Return a span; one with the attribute ``error.type`` is an error."""
    made: dict[str, Any] = {"traceId": trace, "spanId": id, "parentSpanId": parent, "name": name, "kind": INTERNAL}
    if not parent:
        del made["parentSpanId"]
    began = nanoseconds(start)
    made |= {"startTimeUnixNano": str(began), "endTimeUnixNano": str(max(began, nanoseconds(end)))}
    made["attributes"] = attributes(given)
    if given.get("error.type"):
        made["status"] = {"code": ERROR}
    return made


def counter(name: str, unit: str, points: Sequence[tuple[Attributes, int]], between: tuple[str, str]) -> dict[str, Any]:
    """Return a metric that counts what happened in a time."""
    data = [_point(given, between) | {"asInt": str(count)} for given, count in points]
    return {
        "name": name,
        "unit": unit,
        "sum": {"dataPoints": data, "aggregationTemporality": DELTA, "isMonotonic": True},
    }


def durations(
    name: str, points: Sequence[tuple[Attributes, Sequence[float]]], between: tuple[str, str]
) -> dict[str, Any]:
    """Return a metric of how many seconds things took."""
    data = [_point(given, between) | _histogram(seconds) for given, seconds in points]
    return {"name": name, "unit": "s", "histogram": {"dataPoints": data, "aggregationTemporality": DELTA}}


def _histogram(seconds: Sequence[float]) -> dict[str, Any]:
    counts = [0] * (len(BOUNDS) + 1)
    for value in seconds:
        counts[bisect_left(BOUNDS, value)] += 1
    return {
        "count": str(len(seconds)),
        "sum": round(sum(seconds), 3),
        "bucketCounts": [str(count) for count in counts],
        "explicitBounds": list(BOUNDS),
    }


def _point(given: Attributes, between: tuple[str, str]) -> dict[str, Any]:
    start, end = map(nanoseconds, between)
    return {"attributes": attributes(given), "startTimeUnixNano": str(start), "timeUnixNano": str(end)}


def request(signal: str, resource: Attributes, records: Sequence[dict[str, Any]], version: str) -> dict[str, Any]:
    """Return a request of ``traces`` or ``metrics``."""
    kind, name = ("Spans", "spans") if signal == "traces" else ("Metrics", "metrics")
    scope = {"scope": {"name": "irenic", "version": version}, name: list(records)}
    return {f"resource{kind}": [{"resource": {"attributes": attributes(resource)}, f"scope{kind}": [scope]}]}
