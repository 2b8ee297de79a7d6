"""Logs: one line per request, with an id that the client gets too; as text, or as JSON for a collector.

Lines hold the path but never the query, so that a token in an address does not reach the log.
"""

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irenic.model.timestamps import timestamp
from irenic_server.asgi import header, respond_problem
from irenic_server.auth import OPEN_PATHS, PRINCIPAL
from irenic_server.metrics import Metrics
from irenic_server.problems import Problem

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
ROUTE = "irenic.route"
"""The key of a request's scope that holds the name of its route, for the metrics."""

_log = logging.getLogger("irenic.server")
_access = logging.getLogger("irenic.access")
_given_id = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_standard = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class RequestLog:
    """Numbers, times, counts and logs every request, and answers 500 where something failed."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._ids = _RequestIds()

    def number(self, scope: Scope) -> bytes:
        """Return the id of a request: the one that it brings, or a new one."""
        given = header(scope, b"x-request-id")
        return given if given is not None and _given_id.fullmatch(given) else self._ids.next()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = self.number(scope)
        REQUEST_ID.set(request_id.decode("ascii"))
        status = 0

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id))
            await send(message)

        try:
            await self._app(scope, receive, send_numbered)
        except Problem as problem:
            if status == 0:
                await respond_problem(send_numbered, problem)
        except Exception as error:
            failure = self.failure(scope, error, request_id)
            if status == 0:
                await respond_problem(send_numbered, failure)
        finally:
            self.note(scope, status, time.perf_counter() - started, request_id)

    def failure(self, scope: Scope, error: BaseException, request_id: bytes) -> Problem:
        """Log an error that nobody has thought of, and return what the client is told of it."""
        number = request_id.decode("ascii")
        where = {"method": scope["method"], "path": scope["path"], "request_id": number}
        _log.error("a request failed", exc_info=error, extra=where)
        detail = "The server failed, and its log says why under the id of this request. It is safe to try again."
        return Problem("internal", detail, request_id=number)

    def note(self, scope: Scope, status: int, seconds: float, request_id: bytes) -> None:
        """Count and log a request that was answered."""
        route: str = scope.get(ROUTE, "other")
        self._metrics.requested(route, _method(scope["method"]), status, seconds)
        if not _access.isEnabledFor(logging.INFO):
            return
        quiet = status < 400 and (route == "append" or scope["path"] in OPEN_PATHS)
        level = logging.DEBUG if quiet else logging.INFO
        if _access.isEnabledFor(level):
            principal = scope.get(PRINCIPAL)
            _access.log(
                level,
                "%s %s %d",
                scope["method"],
                scope["path"],
                status,
                extra={
                    "milliseconds": round(seconds * 1000, 3),
                    "token": principal.name if principal is not None else None,
                    "request_id": request_id.decode("ascii"),
                },
            )


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE") else "OTHER"


class _RequestIds:
    """Numbers requests; each number is used once, also after a restart."""

    def __init__(self) -> None:
        # Random once, not for each request: that is a call into the kernel.
        self._start = secrets.token_hex(6).encode("ascii")
        self._count = 0

    def next(self) -> bytes:
        self._count += 1
        return b"%b-%x" % (self._start, self._count)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {name}={value!r}" for name, value in _extra(record).items())
        # A path may hold what would look like another line of the log.
        message = record.getMessage().encode("unicode_escape").decode("ascii")
        line = f"{timestamp(record.created)} {record.levelname.lower()} {message}{extra}"
        return line + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, Any] = {
            "at": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, default=str)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    extra = {name: value for name, value in record.__dict__.items() if name not in _standard and value is not None}
    request_id = REQUEST_ID.get()
    return extra | ({"request_id": request_id} if request_id else {})


def configure_logs(*, as_json: bool, level: str) -> None:
    """Send the logs of the server to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if as_json else _Lines())
    for name in ("irenic", "uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger("irenic").setLevel(level.upper())
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
