"""The HTTP protocol of uvicorn, with bounds on a request's head: its size, and the time it takes to arrive.

Without them, thousands of clients that send one byte a minute hold thousands of connections for ever.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose request heads are too long or too slow."""

    header_bytes = 32 * 1024
    header_seconds = 10.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Give the first request's head its time."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of the head."""
        if self._in_head:
            self._head_bytes += len(data)
            # A head that ends within the limit may come with a body in the same packet.
            if self._head_bytes > self.header_bytes and b"\r\n\r\n" not in data[: self.header_bytes]:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give a further request's head its time."""
        super().on_message_begin()
        self._in_head = True
        if self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop counting; the body has bounds of its own."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()


def bounded_protocol(header_bytes: int, header_seconds: float) -> type[BoundedProtocol]:
    """Return the protocol with the given bounds."""
    return type(
        "ConfiguredProtocol",
        (BoundedProtocol,),
        {"header_bytes": header_bytes, "header_seconds": header_seconds},
    )
