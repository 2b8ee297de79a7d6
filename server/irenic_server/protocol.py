"""The HTTP protocol of uvicorn, with bounds on a connection: in each of its phases, in time and in bytes.

Without them, clients that need no token fill the memory, or hold every connection that the server can have.

Appends do not become tasks of the application: the protocol gives them to the short way itself, and writes an answer in
one piece. Uvicorn makes a task for each request and writes twice, which takes longer than all that an append needs.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from irenic_server.connections import Connections
from irenic_server.settings import Limits
from irenic_server.shortcut import ShortAppend, Shortcut, written

LEAST_TAKEN = 16 * 1024
"""Bytes that a client has to take, within the time that it has for it, of what waits to be sent."""


class AppendProtocol(HttpToolsProtocol):
    """Serves appends that come one after the other; requests that come before an answer wait, as with uvicorn."""

    shortcut: Shortcut

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._append: ShortAppend | None = None
        self._parts: list[bytes] | None = None
        self._is_last = False
        self._own_headers: list[tuple[bytes, bytes]] = []
        self._own_written = b""

    def on_headers_complete(self) -> None:
        """Begin an append, or any other request."""
        if self._is_free() and self.parser.get_method() == b"POST":
            self._append = self.shortcut.admit(cast(Scope, self.scope), self.url, self._respond)
            if self._append is not None:
                self._parts = []
                return
        super().on_headers_complete()

    def _is_free(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return (
            self._append is None
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
        )

    def on_body(self, body: bytes) -> None:
        """Keep a part of an append; all of it is within the limit."""
        if self._parts is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Store an append that is whole."""
        if self._parts is None:
            super().on_message_complete()
            return
        assert self._append is not None
        body = b"".join(self._parts)
        self._parts = None
        self._append.take(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._append is None:
            super()._start_asgi_task(cycle, app)
            return
        # It came before the answer of the append: it waits where uvicorn has such requests wait.
        self.flow.pause_reading()
        self.pipeline.appendleft((cycle, app))

    def _respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._append = None
        if not self.transport.is_closing():
            closing = b"connection: close\r\n" if self._is_last else b""
            length = b"content-length: %d\r\n\r\n" % len(body)
            self.transport.write(b"".join((STATUS_LINE[status], self._date(), headers, closing, length, body)))
            if self._is_last:
                self.transport.close()
        self.on_response_complete()

    def _date(self) -> bytes:
        """Return the headers that uvicorn gives to every answer; it makes new ones each second."""
        headers = self.server_state.default_headers
        if headers is not self._own_headers:
            self._own_headers, self._own_written = headers, written(headers)
        return self._own_written

    def shutdown(self) -> None:
        """Close the connection once it has got its answer."""
        if self._append is None:
            super().shutdown()
        else:
            self._is_last = True


class BoundedProtocol(AppendProtocol):
    """Bounds every phase of a connection in time and bytes.

    Reading is always in one of four phases: idle, in a head, in a body (with its trailers), or waiting for the server's
    answer. Each but the last has a deadline that no byte moves; only the next phase does. Writing has one of its own
    while the client does not take what it is sent, and so has closing.
    """

    header_bytes = 32 * 1024
    body_bytes = 40 * 1024 * 1024
    first_seconds = 10.0
    idle_seconds = 30.0
    header_seconds = 10.0
    body_seconds = 30.0
    take_seconds = 60.0
    close_seconds = 5.0
    room: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = False
        self._in_body = False
        self._has_body = False
        self._overhead = 0
        self._body_bytes = 0
        self._timer: TimerHandle | None = None
        self._take_timer: TimerHandle | None = None
        self._untaken = 0
        self._served = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Give the first request its time; close the connection where there is no room for it."""
        super().connection_made(transport)
        if self.room.admit():
            self._become_idle(self.first_seconds)
        else:
            self._refuse(b"503 Service Unavailable\r\nretry-after: 5")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self.room.lost(self)
        self._stop_timer()
        self._stop_take_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes that belong to no body: line breaks before a request, its head, and what follows its body."""
        self._has_body = False
        if not self._in_body:
            self._overhead += len(data)
            # A head that ends within the limit may come with a body in the same packet.
            if self._overhead > self.header_bytes and b"\r\n\r\n" not in data[: self.header_bytes]:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        body_of = self.scope if self._in_body else None
        super().data_received(data)
        if self._in_body and self.scope is body_of and not self._has_body:
            # Trailers, or the line before a part of the body.
            self._overhead += len(data)
            if self._overhead > self.header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")
        if self.transport.is_closing():
            self._bound_closing()

    def on_message_begin(self) -> None:
        """Give the head its time."""
        super().on_message_begin()
        self.room.busy(self)
        self._in_head = True
        self._start_timer(self.header_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head; trailers are not headers, and are dropped."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Give the body its time."""
        self._in_head = False
        self._in_body = True
        self._overhead = self._body_bytes = 0
        self._start_timer(self.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the body; a smaller limit holds where it is read, this one where it is not."""
        self._has_body = True
        self._body_bytes += len(body)
        if self._body_bytes > self.body_bytes:
            self._refuse(b"413 Content Too Large")
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock; from now on the server is the one who takes time."""
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()
        if self._timer is None and not self._is_at_work():
            self._become_idle(self.idle_seconds)

    def on_response_complete(self) -> None:
        """Wait for the next request, where the one that was answered is whole and none has begun."""
        super().on_response_complete()
        self._served = True
        # It is closed by the deadline of this class, which line breaks do not move.
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            self._bound_closing()
        elif not self._in_head and not self._in_body and not self._is_at_work():
            self._become_idle(self.idle_seconds)

    def _is_at_work(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self._append is not None or bool(self.pipeline) or (cycle is not None and not cycle.response_complete)

    def shutdown(self) -> None:
        """Close the connection once it has got its answer."""
        super().shutdown()
        if self.transport.is_closing():
            self._bound_closing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, and close."""
        super().send_400_response(msg)
        self._bound_closing()

    def close_idle(self) -> None:
        """Close the connection, which waits for a request."""
        if not self.transport.is_closing():
            self.transport.close()
        self._bound_closing()

    def _become_idle(self, seconds: float) -> None:
        if self.transport.is_closing():
            return
        self._overhead = 0
        self.room.idle(self)
        self._start_timer(seconds)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._served and not self._in_head and not self._in_body:
            # It has had its answers: it is closed, as browsers and proxies expect of an idle connection.
            self.close_idle()
        else:
            self._refuse(b"408 Request Timeout")

    # What is written.

    def pause_writing(self) -> None:
        """Give the client its time to take what waits to be sent."""
        super().pause_writing()
        if self._take_timer is None:
            self._watch_taking()

    def resume_writing(self) -> None:
        """Stop that clock: it takes it."""
        self._stop_take_timer()
        super().resume_writing()

    def _watch_taking(self) -> None:
        self._untaken = self.transport.get_write_buffer_size()
        self._take_timer = self.loop.call_later(self.take_seconds, self._check_taking)

    def _check_taking(self) -> None:
        self._take_timer = None
        if self._untaken - self.transport.get_write_buffer_size() < LEAST_TAKEN:
            self.transport.abort()
        else:
            self._watch_taking()

    def _stop_take_timer(self) -> None:
        if self._take_timer is not None:
            self._take_timer.cancel()
            self._take_timer = None

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        # Uvicorn declares that there always is one; before the first request there is none.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()
        self._bound_closing()

    def _bound_closing(self) -> None:
        """Close the connection for good, also where the client does not take what was sent before."""
        self.room.busy(self)
        self._stop_timer()
        self._timer = self.loop.call_later(self.close_seconds, self.transport.abort)


def configured_protocol(limits: Limits, shortcut: Shortcut, room: Connections) -> type[BoundedProtocol]:
    """Return the protocol with the given bounds, and the short way of its appends."""
    members = {
        "shortcut": shortcut,
        "room": room,
        "header_bytes": limits.header,
        "body_bytes": 2 * max(limits.body, limits.events_body, limits.telemetry_body),
        "first_seconds": limits.header_seconds,
        "idle_seconds": limits.idle_seconds,
        "header_seconds": limits.header_seconds,
        "body_seconds": limits.body_seconds,
        "take_seconds": limits.take_seconds,
        "close_seconds": limits.close_seconds,
    }
    return type("ConfiguredProtocol", (BoundedProtocol,), members)
