"""A journal on a server: events are sent in batches, one batch on its way at a time."""

import asyncio
from collections import deque

from irenic.engine.store import Lease
from irenic.model.errors import IrenicError, StoreError
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome
from irenic.stores.http_api import StoreApi

BATCH_EVENTS = 1000
BATCH_BYTES = 256 * 1024
"""The most that one request holds; while one is on its way, the next fills up."""


class HttpJournal:
    """See :class:`irenic.engine.store.Journal`."""

    def __init__(self, api: StoreApi, execution_id: str, lease: Lease | None) -> None:
        self._api = api
        self._path = f"/executions/{execution_id}"
        self._headers = {"irenic-fencing": str(lease.info.fencing)} if lease is not None else {}
        self._pending: deque[tuple[int, bytes]] = deque()
        self._appended = -1
        self._acknowledged = -1
        self._failure: IrenicError | None = None
        self._sender: asyncio.Task[None] | None = None
        self._changed: asyncio.Future[None] | None = None

    def append(self, event: JournalEvent) -> None:
        """See the protocol."""
        self._pending.append((event.seq, event.model_dump_json().encode()))
        self._appended = event.seq
        if self._sender is None and self._failure is None:
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def durable(self) -> None:
        """See the protocol."""
        wanted = self._appended
        while self._acknowledged < wanted:
            if self._failure is not None:
                raise self._failure
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._changed)

    async def finish(self, outcome: CmdOutcome) -> None:
        """See the protocol."""
        await self.durable()
        await self._api.send("PUT", f"{self._path}/outcome", outcome.model_dump_json().encode(), headers=self._headers)

    async def _send(self) -> None:
        try:
            while self._pending:
                await asyncio.sleep(0)
                last, body = self._next_batch()
                await self._api.send("POST", f"{self._path}/events", body, headers=self._headers)
                self._acknowledged = last
                self._wake()
        except IrenicError as failure:
            self._failure = failure if isinstance(failure, StoreError) else StoreError(str(failure))
        except asyncio.CancelledError:
            self._failure = StoreError("the program ended before the server had taken the journal.")
            raise
        finally:
            self._sender = None
            self._wake()

    def _next_batch(self) -> tuple[int, bytes]:
        parts: list[bytes] = []
        size = 0
        last = -1
        while self._pending and len(parts) < BATCH_EVENTS and size < BATCH_BYTES:
            last, event = self._pending.popleft()
            parts.append(event)
            size += len(event)
        return last, b'{"events":[' + b",".join(parts) + b"]}"

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None
