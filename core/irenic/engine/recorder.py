"""Writes an execution's journal, and shows each event only when it may be shown."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from irenic.engine.store import Journal
from irenic.flow.secret_mask import SecretMask
from irenic.model.errors import StoreError
from irenic.model.events import Event, JournalEvent
from irenic.model.fold import ExecutionFold, ItemFold
from irenic.model.outcome import CmdOutcome
from irenic.model.timestamps import timestamp
from irenic.model.trusted import trusted

RECENT_EVENTS = 512
"""How many published events are kept in memory for watchers; older ones are read from the store.

A turn of the event loop publishes a few for each item at work; many more would only push others out of the cache.
"""

_ABANDONED = "the execution was abandoned"

ReadEvents = Callable[[int], Awaitable[list[JournalEvent]]]


class Recorder:
    """The only writer of an execution's journal.

    Events are numbered and appended in the order of the calls. :meth:`emit` publishes at once, :meth:`emit_durable`
    when the event would survive a crash; what comes after such an event waits for it, so that watchers see the journal
    in order. The texts of an event are without ``secrets``.
    """

    def __init__(
        self,
        execution_id: str,
        journal: Journal,
        publish: Callable[[JournalEvent], None],
        secrets: SecretMask | None = None,
    ) -> None:
        self._id = execution_id
        self._secrets = SecretMask() if secrets is None else secrets
        self._journal = journal
        self._publish_to = publish
        self._held: deque[tuple[JournalEvent, bool]] = deque()
        self._durable_seq = 0
        self._recent: deque[JournalEvent] = deque(maxlen=RECENT_EVENTS)
        self._changed: asyncio.Future[None] | None = None
        self._owner: asyncio.Task[Any] | None = None
        self._closed = False
        self.fold = ExecutionFold()
        self.next_seq = 0

    @property
    def is_durable(self) -> bool:
        """Whether all that was appended is durable, and what comes next will be at once."""
        return not self._held and self._journal.is_durable

    def next_id(self) -> str:
        """Return a text that names the next event among those of all executions."""
        return f"{self._id}.{self.next_seq}"

    def emit(self, kind: type[Event], **fields: Any) -> None:
        """Append an event of the given class and publish it as soon as all before it are published.

        :raises asyncio.CancelledError: if the caller was abandoned.
        """
        event = self._append(kind, fields)
        if self._held:
            self._held.append((event, False))
        else:
            self._publish(event)

    async def emit_durable(self, kind: type[Event], **fields: Any) -> None:
        """Append an event, wait until it is durable, and publish it then.

        A cancellation that arrives meanwhile is delivered after that.

        :raises StoreError: if the store could not keep it; it is not published then.
        :raises asyncio.CancelledError: if the caller was abandoned.
        """
        event = self._append(kind, fields)
        if not self._held and self._journal.is_durable:
            self._publish(event)
            return
        self._held.append((event, True))
        await self.durable()

    async def durable(self) -> None:
        """Wait until all that was appended is durable and published, whatever cancellation arrives meanwhile.

        :raises StoreError: if the store could not keep it.
        """
        upto = self.next_seq
        cancelled: asyncio.CancelledError | None = None
        while True:
            try:
                await self._journal.durable()
                break
            except asyncio.CancelledError as error:
                if cancelled is not None:
                    raise
                cancelled = error
            except StoreError:
                self._drop_held(upto)
                raise
        if upto > self._durable_seq:
            self._durable_seq = upto
            self._drain()
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

    @property
    def is_sealed(self) -> bool:
        """Whether the caller's events do not count any more."""
        return self._owner is not None and asyncio.current_task() is not self._owner

    def close(self) -> None:
        """Say that no event will follow; whoever watches comes to an end."""
        self._closed = True
        self._wake_watchers()

    def item(self, item_id: str) -> ItemFold:
        """Return an item's part of the fold, for the engine to move its position.

        :raises asyncio.CancelledError: if the caller was abandoned.
        """
        if self.is_sealed:
            raise asyncio.CancelledError(_ABANDONED)
        return self.fold.items[item_id]

    async def events(self, after: int, read: ReadEvents) -> AsyncIterator[JournalEvent]:
        """Yield published events with ``seq`` greater than ``after`` until the last one of the journal.

        :raises StoreError: if an event that is not in memory any more could not be read.
        """
        seq = after
        while True:
            for event in await self._batch(seq, read):
                seq = event.seq
                yield event
            if self.fold.next_seq <= seq + 1:
                if self._closed or self.fold.ended is not None:
                    return
                if self._changed is None:
                    self._changed = asyncio.get_running_loop().create_future()
                await asyncio.shield(self._changed)

    async def _batch(self, seq: int, read: ReadEvents) -> list[JournalEvent]:
        recent = self._recent
        if not recent or recent[-1].seq <= seq:
            return []
        if recent[0].seq > seq + 1:
            await self._journal.durable()  # what was published may not have reached the store yet
            return await read(seq)
        newer: list[JournalEvent] = []
        for event in reversed(recent):
            if event.seq <= seq:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def _append(self, kind: type[Event], fields: dict[str, Any]) -> JournalEvent:
        if self._owner is not None and self.is_sealed:
            raise asyncio.CancelledError(_ABANDONED)
        if self._secrets:
            fields = self._secrets.data(fields)
        event: Any = trusted(kind, fields)
        values = event.__dict__  # assigning to a model's fields one by one takes many times as long
        values["execution_id"] = self._id
        values["seq"] = self.next_seq
        values["at"] = timestamp()
        self._journal.append(event)  # raises where a text cannot be written, and then takes no number
        self.next_seq += 1
        published: JournalEvent = event
        return published

    def _publish(self, event: JournalEvent) -> None:
        self.fold.apply(event)
        self._recent.append(event)
        self._publish_to(event)
        if self._changed is not None:
            self._wake_watchers()

    def _wake_watchers(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _drain(self) -> None:
        held, durable_seq = self._held, self._durable_seq
        while held and (not held[0][1] or held[0][0].seq < durable_seq):
            self._publish(held.popleft()[0])

    def _drop_held(self, upto: int) -> None:
        """Forget the events that could not be made durable; those that need not be are published."""
        self._held = deque(entry for entry in self._held if not entry[1] or entry[0].seq >= upto)
        self._drain()
