"""Writes an execution's journal, and shows each event only when it may be shown."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from irenic.engine.store import Journal
from irenic.model.events import Event, JournalEvent
from irenic.model.fold import ExecutionFold
from irenic.model.outcome import CmdOutcome
from irenic.model.timestamps import timestamp

RECENT_EVENTS = 4096
"""How many published events are kept in memory for watchers; older ones are read from the store."""

ReadEvents = Callable[[int], Awaitable[list[JournalEvent]]]


class _Held:
    """An event that waits until it, and every event before it, may be shown."""

    __slots__ = ("event", "shown")

    def __init__(self, event: JournalEvent, shown: bool) -> None:
        self.event = event
        self.shown = shown


class Recorder:
    """The only writer of an execution's journal.

    Events are numbered and appended in the order of the calls. :meth:`emit` publishes at once, :meth:`emit_durable`
    when the event would survive a crash; what comes after such an event waits for it, so that watchers see the journal
    in order.
    """

    def __init__(self, execution_id: str, journal: Journal, publish: Callable[[JournalEvent], None]) -> None:
        self._id = execution_id
        self._journal = journal
        self._publish_to = publish
        self._held: deque[_Held] = deque()
        self._recent: deque[JournalEvent] = deque(maxlen=RECENT_EVENTS)
        self._changed: asyncio.Future[None] | None = None
        self._owner: asyncio.Task[Any] | None = None
        self.fold = ExecutionFold()
        self.next_seq = 0

    def emit(self, kind: type[Event], **fields: Any) -> None:
        """Append an event of the given class and publish it as soon as all before it are published."""
        event = self._append(kind, fields)
        if self._held:
            self._held.append(_Held(event, True))
        else:
            self._publish(event)

    async def emit_durable(self, kind: type[Event], **fields: Any) -> None:
        """Append an event, wait until it is durable, and publish it then.

        A cancellation that arrives meanwhile is delivered after that.

        :raises StoreError: if the store could not keep it; it is not published then.
        """
        held = _Held(self._append(kind, fields), False)
        self._held.append(held)
        await self.durable()
        held.shown = True
        self._drain()

    async def durable(self) -> None:
        """Wait until all that was appended is durable, whatever cancellation arrives meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                await self._journal.durable()
                break
            except asyncio.CancelledError as error:
                if cancelled is not None:
                    raise
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def finish(self, outcome: CmdOutcome) -> None:
        """Store the outcome.

        :raises StoreError: if the store could not keep it.
        """
        await self._journal.finish(outcome)

    def seal(self, owner: "asyncio.Task[Any] | None") -> None:
        """Take events from one task only: what else still runs was abandoned, and its late words do not count."""
        self._owner = owner

    async def events(self, after: int, read: ReadEvents) -> AsyncIterator[JournalEvent]:
        """Yield published events with ``seq`` greater than ``after`` until the last one of the journal."""
        seq = after
        while True:
            for event in await self._batch(seq, read):
                seq = event.seq
                yield event
                if event.kind == "execution_ended":
                    return
            if self.fold.next_seq <= seq + 1:
                if self.fold.ended is not None:
                    return
                if self._changed is None:
                    self._changed = asyncio.get_running_loop().create_future()
                await asyncio.shield(self._changed)

    async def _batch(self, seq: int, read: ReadEvents) -> list[JournalEvent]:
        if self._recent and self._recent[0].seq <= seq + 1:
            return [event for event in self._recent if event.seq > seq]
        if self.fold.next_seq > seq + 1:
            return await read(seq)
        return []

    def _append(self, kind: type[Event], fields: dict[str, Any]) -> JournalEvent:
        if self._owner is not None and asyncio.current_task() is not self._owner:
            raise asyncio.CancelledError("the execution was abandoned")
        event: Any = kind(execution_id=self._id, seq=self.next_seq, at=timestamp(), **fields)
        self.next_seq += 1
        self._journal.append(event)
        published: JournalEvent = event
        return published

    def _publish(self, event: JournalEvent) -> None:
        self.fold.apply(event)
        self._recent.append(event)
        self._publish_to(event)
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _drain(self) -> None:
        held = self._held
        while held and held[0].shown:
            self._publish(held.popleft().event)
