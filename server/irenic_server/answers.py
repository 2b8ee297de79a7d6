"""Bounds on answers: how large one may be, and how much memory those may take that clients have not taken yet."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irenic_server.asgi import respond_problem
from irenic_server.problems import Problem

T = TypeVar("T")

ANSWER_BYTES = 4 * 1024 * 1024
"""Text of one page; the entry that reaches it is the last one, so that a page is never empty."""

STREAM_BYTES = 256 * 1024
"""Text that one step of a stream sends."""

PIECE_BYTES = 64 * 1024
SMALL_BYTES = 256 * 1024
"""Answers below this are not counted: they fit into the buffers that each connection has anyway."""


def within(sized: Iterable[tuple[int, T]], most: int = ANSWER_BYTES) -> list[T]:
    """Return the first of some things, until their sizes come to a number of bytes; the rest is not asked for."""
    chosen: list[T] = []
    size = 0
    for its_size, thing in sized:
        chosen.append(thing)
        size += its_size
        if size >= most:
            break
    return chosen


class AnswerMemory:
    """Counts the bytes of large answers that are being sent.

    :param most: bytes that all of them may take; one that is larger is sent alone.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0
        self._freed = asyncio.Event()

    def _fits(self, size: int) -> bool:
        return self.used == 0 or self.used + size <= self._most

    @asynccontextmanager
    async def waiting(self, size: int) -> AsyncIterator[None]:
        """Count bytes, as soon as there is room for them."""
        while not self._fits(size):
            self._freed.clear()
            await self._freed.wait()
        async with self._counted(size):
            yield

    @asynccontextmanager
    async def refusing(self, size: int) -> AsyncIterator[None]:
        """Count bytes.

        :raises Problem: if there is no room for them.
        """
        if not self._fits(size):
            raise Problem(
                "unavailable",
                "Too many large answers wait for their clients to take them. Nothing was changed. Send the same "
                "request again in some seconds, or ask for smaller pages.",
                headers={"Retry-After": "5"},
            )
        async with self._counted(size):
            yield

    @asynccontextmanager
    async def _counted(self, size: int) -> AsyncIterator[None]:
        self.used += size
        try:
            yield
        finally:
            self.used -= size
            self._freed.set()


class LargeAnswers:
    """Sends large answers piece by piece, as fast as their clients take them."""

    def __init__(self, app: ASGIApp, memory: AnswerMemory) -> None:
        self._app = app
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        refused = False

        async def send_in_pieces(message: Message) -> None:
            nonlocal start, refused
            if refused:
                return
            if message["type"] == "http.response.start":
                # It waits until it is known whether there is room for what follows.
                start = message
                return
            body: bytes = message.get("body", b"")
            if len(body) <= SMALL_BYTES:
                await self._begin(send, start)
                start = None
                await send(message)
                return
            try:
                # What has begun cannot be refused any more; it waits.
                count = self._memory.refusing if start is not None else self._memory.waiting
                async with count(len(body)):
                    await self._begin(send, start)
                    start = None
                    await send_pieces(send, body, more=message.get("more_body", False))
            except Problem as problem:
                # The application thinks that it has answered: its exceptions would not be turned into answers any more.
                refused = True
                await respond_problem(send, problem)

        await self._app(scope, receive, send_in_pieces)

    async def _begin(self, send: Send, start: Message | None) -> None:
        if start is not None:
            await send(start)


async def send_pieces(send: Send, body: bytes, *, more: bool) -> None:
    """Send a body in pieces, each once the client has taken most of those before."""
    for begin in range(0, len(body), PIECE_BYTES):
        end = begin + PIECE_BYTES
        piece = body[begin:end]
        await send({"type": "http.response.body", "body": piece, "more_body": more or end < len(body)})
