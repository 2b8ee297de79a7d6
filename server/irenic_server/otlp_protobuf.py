"""OTLP requests as protobuf, which stock exporters send: read into the same values as those that come as JSON."""

import base64
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from irenic_server.otlp import NotOtlpError, Parsed, Signal

MEDIA_TYPE = b"application/x-protobuf"
MOST_BYTES = 4 * 1024 * 1024
"""Bytes of a request after decompression: a message takes up to thirty times as much memory."""

_REQUESTS: Mapping[Signal, type[Message]] = {
    Signal.TRACES: traces.ExportTraceServiceRequest,
    Signal.METRICS: metrics.ExportMetricsServiceRequest,
    Signal.LOGS: logs.ExportLogsServiceRequest,
}
_IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_LARGE = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)


def read_request(signal: Signal, body: bytes) -> dict[str, Any]:
    """Return a request as OTLP has it in JSON: ids in hexadecimal, 64-bit integers as text, enums as integers.

    :raises NotOtlpError: if it is no request of the signal.
    """
    message = _REQUESTS[signal]()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise NotOtlpError("the body is no protobuf of this signal") from None
    return _object(message)


def answer(signal: Signal, parsed: Parsed) -> bytes:
    """Return the answer: empty, or a partial success that says how many were rejected, and why."""
    if not parsed.rejected:
        return b""
    count, reason = parsed.rejected, parsed.reason
    response: Message
    match signal:
        case Signal.TRACES:
            response = traces.ExportTraceServiceResponse(
                partial_success=traces.ExportTracePartialSuccess(rejected_spans=count, error_message=reason)
            )
        case Signal.METRICS:
            response = metrics.ExportMetricsServiceResponse(
                partial_success=metrics.ExportMetricsPartialSuccess(rejected_data_points=count, error_message=reason)
            )
        case Signal.LOGS:
            response = logs.ExportLogsServiceResponse(
                partial_success=logs.ExportLogsPartialSuccess(rejected_log_records=count, error_message=reason)
            )
    return response.SerializeToString()


def status(code: int, message: str) -> bytes:
    """Return an error as OTLP has it: a google.rpc.Status."""
    return bytes(Status(code=code, message=message).SerializeToString())


def _object(message: Message) -> dict[str, Any]:
    return {field.json_name: _field(field, value) for field, value in message.ListFields()}


def _field(field: FieldDescriptor, value: Any) -> Any:
    return [_value(field, each) for each in value] if field.is_repeated else _value(field, value)


def _value(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Message):
        return _object(value)
    if isinstance(value, bytes):
        return value.hex() if field.name in _IDS else base64.b64encode(value).decode()
    if field.cpp_type in _LARGE:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
