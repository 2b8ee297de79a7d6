"""Server-sent events: the wire format, and the answer that sends them.

Source: the HTML standard, "Server-sent events".
"""

import asyncio
import logging
from collections.abc import AsyncGenerator

from starlette.types import Receive, Send

from irenic_server.answers import PIECE_BYTES, AnswerMemory, send_pieces
from irenic_server.problems import Problem

_log = logging.getLogger("irenic.server")

COMMENT = b": \n\n"
"""Shows proxies and clients that the stream lives."""

RETRY = b"retry: 1000\n\n"
"""How long a client waits before it comes back, in milliseconds."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def message(event: str, data: str, event_id: str | None = None) -> bytes:
    """Return one event; ``data`` is JSON text, which has no line breaks."""
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {event}\ndata: {data}\n\n".encode()


async def send_stream(
    receive: Receive, send: Send, messages: AsyncGenerator[bytes, None], memory: AnswerMemory, revoked: asyncio.Event
) -> None:
    """Answer with a stream until it ends, the client goes away, or its token is revoked."""
    sending = asyncio.ensure_future(_send_all(send, messages, memory))
    leaving = asyncio.ensure_future(_disconnected(receive))
    ending = asyncio.ensure_future(revoked.wait())
    try:
        await asyncio.wait({sending, leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        for task in (sending, leaving, ending):
            task.cancel()
        await asyncio.gather(sending, leaving, ending, return_exceptions=True)
    if sending.cancelled() and revoked.is_set():
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_all(send: Send, messages: AsyncGenerator[bytes, None], memory: AnswerMemory) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    try:
        async for chunk in messages:
            if len(chunk) <= PIECE_BYTES:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                continue
            async with memory.waiting(len(chunk)):
                await send_pieces(send, chunk, more=True)
    except Problem as problem:
        # The database is away: clients come back by themselves, and go on where they were.
        _log.info("a stream was ended", extra={"detail": problem.detail})
    finally:
        await messages.aclose()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
