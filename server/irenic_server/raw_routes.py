"""The routes that stand beside FastAPI: appending, which has to be fast, and what is no JSON.

They are part of the OpenAPI description all the same; see ``openapi.py``.
"""

import re
from asyncio import to_thread
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from irenic_server.appends import Appends
from irenic_server.asgi import decompress, header, read_body, respond, respond_json
from irenic_server.auth import PRINCIPAL
from irenic_server.executions import read_status
from irenic_server.journal import append_group
from irenic_server.logs import ROUTE
from irenic_server.problems import Problem
from irenic_server.revisions import last_revision
from irenic_server.shortcut import LARGE
from irenic_server.sse import send_stream

if TYPE_CHECKING:
    from irenic_server.services import Services

_execution_route = re.compile(r"/api/v1/executions/([0-7][0-9A-HJKMNP-TV-Z]{25})/(events|stream|signal)")
LIST_STREAM = "/api/v1/stream"
END_ID = "end"
"""The id of a stream's last event: a client that comes back with it has seen everything."""


class RawRoutes:
    """Finds and serves the routes; ``serve`` says whether it was one of them."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._appends = Appends(services)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve a request that is for one of the routes.

        :raises Problem: if it cannot be answered otherwise.
        """
        path: str = scope["path"]
        method: str = scope["method"]
        match = _execution_route.fullmatch(path)
        if match is None:
            if path != LIST_STREAM:
                return False
            _check_method(method)
            scope[ROUTE] = "list_stream"
            await self._list_stream(scope, receive, send)
            return True
        execution_id, name = match.groups()
        if name == "events" and method == "POST":
            scope[ROUTE] = "append"
            await respond_json(send, 200, await self.append(scope, receive, execution_id))
        elif name == "events":
            return False  # reading them is an ordinary route
        elif name == "stream":
            _check_method(method)
            scope[ROUTE] = "stream"
            await self._stream(scope, receive, send, execution_id)
        else:
            _check_method(method)
            scope[ROUTE] = "signal"
            await self._signal(send, execution_id)
        return True

    async def append(self, scope: Scope, receive: Receive, execution_id: str) -> bytes:
        """Append a request's events and return the answer, once they are durable.

        :raises Problem: if nothing was stored.
        """
        limit = self._services.settings.limits.events_body
        body = await read_body(scope, receive, limit)
        encoding = header(scope, b"content-encoding")
        if encoding is not None:
            body = decompress(body, encoding, limit)
        # Reading a large one takes longer than others should wait.
        read = self._appends.read
        append = (
            read(scope, body, execution_id) if len(body) < LARGE else await to_thread(read, scope, body, execution_id)
        )
        try:
            next_seq = await self._services.writer.write_grouped(append_group, append)
        except BaseException:
            self._appends.refused(scope, len(body))
            raise
        return self._appends.answer(scope, append, len(body), next_seq)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, execution_id: str) -> None:
        services = self._services
        last_id = _last_event_id(scope)
        status = await services.database.read(read_status, execution_id)
        if last_id == END_ID:
            # The only answer that keeps a browser from coming back again and again.
            await respond(send, 204, b"", [])
            return
        after = _number(last_id, default=-1)
        self._check_streams()
        with services.tokens.revocable(scope[PRINCIPAL]) as revoked:
            messages = services.hub.follow(execution_id, status.key, after)
            await send_stream(receive, send, messages, services.answers, revoked)

    async def _list_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        last_id = _last_event_id(scope)
        after = await self._services.database.read(last_revision) if last_id is None else _number(last_id, default=0)
        self._check_streams()
        services = self._services
        with services.tokens.revocable(scope[PRINCIPAL]) as revoked:
            await send_stream(receive, send, services.hub.follow_list(after), services.answers, revoked)

    async def _signal(self, send: Send, execution_id: str) -> None:
        status = await self._services.database.read(read_status, execution_id)
        # The number of SIGINT, as Pyodide wants to find it in its interrupt buffer.
        body = b"2" if status.interrupt is not None and not status.ended else b"0"
        await respond(
            send, 200, body, [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        )

    def _check_streams(self) -> None:
        most = self._services.settings.limits.streams
        if self._services.hub.closed or self._services.hub.streams >= most:
            raise Problem(
                "unavailable",
                f"The server is ending, or has {most} open streams already. Come back in a few seconds.",
                headers={"Retry-After": "5"},
            )


def _check_method(method: str) -> None:
    if method != "GET":
        raise Problem("method-not-allowed", "This can only be read.", headers={"Allow": "GET"})


def _last_event_id(scope: Scope) -> str | None:
    value = header(scope, b"last-event-id")
    if value is None:
        # For the first connection, where a browser cannot set the header.
        for part in scope["query_string"].split(b"&"):
            if part.startswith(b"after="):
                value = part[6:]
    return None if value is None else value.decode("latin-1")


def _number(last_id: str | None, *, default: int) -> int:
    if last_id is None or last_id == "":
        return default
    digits = last_id.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 16:
        raise Problem("invalid-request", "Last-Event-ID is not one that this server gave. Start without it.")
    return int(last_id)
