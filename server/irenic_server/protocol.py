"""The HTTP protocol of uvicorn, with bounds on a request: the size of its head, and the time in which it arrives.

Without them, thousands of clients that send one byte a minute hold thousands of connections for ever.

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

from irenic_server.settings import Limits
from irenic_server.shortcut import ShortAppend, Shortcut, written


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
    """Closes connections whose requests are too slow, or have too long a head."""

    header_bytes = 32 * 1024
    header_seconds = 10.0
    body_seconds = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = True
        self._in_body = False
        self._head_bytes = 0
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Give the first request its time."""
        super().connection_made(transport)
        self._start_timer(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of the head, and give what is not whole yet its time."""
        if self._in_head:
            self._head_bytes += len(data)
            # A head that ends within the limit may come with a body in the same packet.
            if self._head_bytes > self.header_bytes and b"\r\n\r\n" not in data[: self.header_bytes]:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)
        # Most requests arrive in one packet and never get here with a part missing.
        if (self._in_head or self._in_body) and self._timer is None:
            self._start_timer(self.header_seconds if self._in_head else self.body_seconds)

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Stop counting; the body has its own limit where it is read."""
        self._in_head = False
        self._in_body = True
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock; from now on the server is the one who takes time."""
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def _start_timer(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        # Uvicorn declares that there always is one; before the first request there is none.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()


def configured_protocol(limits: Limits, shortcut: Shortcut) -> type[BoundedProtocol]:
    """Return the protocol with the given bounds, and the short way of its appends."""
    members = {
        "shortcut": shortcut,
        "header_bytes": limits.header,
        "header_seconds": limits.header_seconds,
        "body_seconds": limits.body_seconds,
    }
    return type("ConfiguredProtocol", (BoundedProtocol,), members)
