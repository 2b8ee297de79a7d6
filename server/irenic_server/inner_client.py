"""Requests to this server from within it: the store API without a socket, also from another event loop."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message
from starlette.types import Scope as AsgiScope

HOST = b"127.0.0.1"


class InnerResponse:
    """An answer that is there already; see :class:`irenic.flow.context.HttpResponse`."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._status = status
        self._headers = headers
        self._body = body

    @property
    def status(self) -> int:
        """The status code."""
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case."""
        return self._headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self._body

    async def read(self) -> bytes:
        """Return the whole body."""
        return self._body


class InnerClient:
    """Calls the app in the event loop of the server; see :class:`irenic.flow.context.HttpClient`."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> AsyncIterator[InnerResponse]:
        """Send a request; ``url`` is a path with its query."""
        call = self._call(method, url, headers or {}, body or b"")
        yield await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))

    async def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> InnerResponse:
        path, _, query = url.partition("?")
        scope: AsgiScope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", HOST),
                (b"content-length", b"%d" % len(body)),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
            "client": None,
            "server": None,
            "state": {},
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        given = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return InnerResponse(sent[0]["status"], given, b"".join(part.get("body", b"") for part in sent[1:]))
