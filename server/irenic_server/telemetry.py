"""Telemetry that runs send: stored for the run page, given back, and passed on to a collector."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic_core import to_json
from sqlalchemy import Connection, select
from starlette.types import Receive, Scope, Send

from irenic_server import otlp_protobuf
from irenic_server.answers import within
from irenic_server.asgi import decompress, header, read_body, respond
from irenic_server.auth import PRINCIPAL
from irenic_server.bulk import insert_telemetry
from irenic_server.clock import now_ms
from irenic_server.envelopes import parse_json
from irenic_server.logs import ROUTE
from irenic_server.metrics import Metrics
from irenic_server.otlp import NotOtlpError, Parsed, Record, Signal, group, parse
from irenic_server.problems import Problem
from irenic_server.strict_json import readable
from irenic_server.tables import telemetry, tokens
from irenic_server.tokens import Principal
from irenic_server.transaction import Transaction

if TYPE_CHECKING:
    import httpx

    from irenic_server.services import Services

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
WAITING = 256
"""Requests that wait to be passed on; when there are more, the oldest is dropped and counted."""

ROWS_AT_ONCE = 100
TRIES = 5
TRY_AGAIN = frozenset({429, 502, 503, 504})
MOST_WAIT_SECONDS = 60.0

_JSON = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_PROTOBUF = [(b"content-type", otlp_protobuf.MEDIA_TYPE), (b"cache-control", b"no-store")]
_GRPC_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 429: 8, 503: 14, 507: 8}

_log = logging.getLogger("irenic.server")


class Intake:
    """Serves ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``."""

    def __init__(self, services: "Services") -> None:
        self._services = services

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve a request that is for one of them, and say whether it was."""
        path: str = scope["path"]
        name = path.removeprefix("/v1/")
        if scope["method"] != "POST" or name == path or name not in list(Signal):
            return False
        scope[ROUTE] = "telemetry"
        is_protobuf = _content_type(scope) == otlp_protobuf.MEDIA_TYPE
        try:
            answer = await self._take(scope, receive, Signal(name))
        except Problem as problem:
            await _respond_status(send, problem, is_protobuf=is_protobuf)
        else:
            await respond(send, 200, answer, _PROTOBUF if is_protobuf else _JSON)
        return True

    async def _take(self, scope: Scope, receive: Receive, signal: Signal) -> bytes:
        services = self._services
        if not services.settings.telemetry:
            raise Problem("not-found", "This server takes no telemetry: it was started without.")
        is_protobuf = _content_type(scope) == otlp_protobuf.MEDIA_TYPE
        if not is_protobuf and _content_type(scope) != b"application/json":
            raise Problem("unsupported-media-type", "Send OTLP as application/x-protobuf or application/json.")
        limit = services.settings.limits.telemetry_body
        if is_protobuf:
            limit = min(limit, otlp_protobuf.MOST_BYTES)
        body = decompress(await read_body(scope, receive, limit), header(scope, b"content-encoding"), limit)
        principal: Principal = scope[PRINCIPAL]
        try:
            parsed, text = await asyncio.to_thread(_parse, signal, body, is_protobuf=is_protobuf)
        except NotOtlpError as error:
            raise Problem("malformed-body", f"The body is no OTLP request of {signal}: {error}.") from None
        if parsed.records:
            size = sum(record.size for record in parsed.records)
            principal.take_room(size)
            stored = False
            try:
                await services.writer.write(
                    lambda transaction: store_telemetry(transaction, signal, parsed.records, principal.key)
                )
                stored = True
            finally:
                principal.settle(size, stored=stored)
        services.metrics.telemetry(signal, len(parsed.records), parsed.rejected)
        if services.forwarder is not None:
            services.forwarder.put(signal, text)
        return otlp_protobuf.answer(signal, parsed) if is_protobuf else parsed.answer(signal)


def _content_type(scope: Scope) -> bytes:
    return (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()


def _parse(signal: Signal, body: bytes, *, is_protobuf: bool) -> tuple[Parsed, bytes]:
    """Return what a request holds, and the request as JSON."""
    if not is_protobuf:
        return parse(signal, parse_json(body)), body
    value = otlp_protobuf.read_request(signal, body)
    return parse(signal, value), to_json(value)


async def _respond_status(send: Send, problem: Problem, *, is_protobuf: bool) -> None:
    """Answer as OTLP has it: a google.rpc.Status; what a problem says besides is kept in JSON."""
    code = _GRPC_CODES.get(problem.status, 2)
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    if is_protobuf:
        body = otlp_protobuf.status(code, problem.detail)
        await respond(send, problem.status, body, [*_PROTOBUF, *headers])
        return
    merged = Problem(problem.name, problem.detail, **problem.extra, code=code, message=problem.detail)
    await respond(send, problem.status, merged.body(), [*_JSON, *headers])


def store_telemetry(transaction: Transaction, signal: Signal, records: Sequence[Record], token_key: int | None) -> int:
    """Store records, each once however often it is sent; return the bytes they count for."""
    at = now_ms()
    rows = [(r.digest, signal.value, r.execution_id, r.at_ns, at, r.resource, r.scope, r.body) for r in records]
    insert_telemetry(transaction.connection, rows)
    size = sum(record.size for record in records)
    if token_key is not None:
        transaction.connection.execute(
            tokens.update().where(tokens.c.key == token_key).values(stored=tokens.c.stored + size)
        )
    return size


def read_telemetry(connection: Connection, execution_id: str, signal: Signal, limit: int) -> str:
    """Return the records of an execution in the order of their time, as a request of OTLP."""
    query = (
        select(telemetry.c.resource, telemetry.c.scope, telemetry.c.body)
        .where(telemetry.c.execution_id == execution_id, telemetry.c.signal == signal.value)
        .order_by(telemetry.c.at_ns, telemetry.c.key)
        .limit(limit)
    )
    few = query.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE, yield_per=ROWS_AT_ONCE)
    with connection.execute(query if connection.dialect.name == "sqlite" else few) as rows:
        sized = ((len(row.resource) + len(row.scope) + len(row.body), tuple(row)) for row in rows)
        return readable(group(signal, within(sized)))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that was accepted and is to be passed on."""

    signal: Signal
    body: bytes


class Forwarder:
    """Passes accepted requests on to a collector, as they came, without keeping senders waiting."""

    def __init__(self, endpoint: str, headers: dict[str, str], metrics: Metrics) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = headers | {"Content-Type": "application/json"}
        self._metrics = metrics
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)

    @classmethod
    def from_environment(cls, metrics: Metrics) -> "Forwarder | None":
        """Return what the environment asks for, by the variables that OpenTelemetry defines; None if nothing."""
        endpoint = os.environ.get(ENDPOINT)
        if not endpoint:
            return None
        pairs = (pair.partition("=") for pair in os.environ.get(HEADERS, "").split(",") if "=" in pair)
        return cls(endpoint, {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs}, metrics)

    def put(self, signal: Signal, body: bytes) -> None:
        """Queue a request."""
        if self._queue.full():
            self._queue.get_nowait()
            self._metrics.telemetry_dropped += 1
        self._queue.put_nowait(_Waiting(signal, body))

    async def run(self) -> None:
        """Pass requests on until cancelled."""
        import httpx

        async with httpx.AsyncClient(headers=self._headers, timeout=10) as client:
            while True:
                waiting = await self._queue.get()
                if not await self._pass_on(client, waiting):
                    self._metrics.telemetry_dropped += 1

    async def _pass_on(self, client: "httpx.AsyncClient", waiting: _Waiting) -> bool:
        import httpx

        wait = 1.0
        for _ in range(TRIES):
            try:
                response = await client.post(f"{self._endpoint}/v1/{waiting.signal}", content=waiting.body)
            except httpx.HTTPError as error:
                _log.info("the collector cannot be reached", extra={"error": str(error)})
            else:
                if response.status_code not in TRY_AGAIN:
                    if response.status_code >= 400:
                        _log.warning("the collector refused telemetry", extra={"status": response.status_code})
                    return response.status_code < 400
                asked = response.headers.get("retry-after", "")
                wait = float(asked) if asked.isdecimal() else wait
            await asyncio.sleep(min(wait, MOST_WAIT_SECONDS))
            wait *= 2
        return False
