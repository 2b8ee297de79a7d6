"""Following executions as they go on: what was committed wakes the streams that wait for it.

A stream holds no queue. It knows how far it has read, takes what is new from a short common tail or from the database,
and waits; a slow client so costs no memory, and nothing is ever dropped.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from irenic_server.answers import STREAM_BYTES
from irenic_server.database import Database
from irenic_server.executions import ExecutionStatus, StoredExecution, changed_executions, read_status
from irenic_server.journal import read_events
from irenic_server.notices import EventsAppended, ExecutionChanged, Notice
from irenic_server.outcomes import read_outcome
from irenic_server.sse import COMMENT, RETRY, message

TAIL = 512
"""Newest events of a followed execution that are kept in memory."""

PAGE = 500
"""Events or executions that one step of a stream sends."""

TAIL_BYTES = 1024 * 1024
"""Text of the newest events that is kept in memory; at least one event is."""

PAGES = 64
"""Parts of the list of changes that are kept for the streams that follow it."""

BEAT_SLOTS = 15
"""Streams show that they live in so many shifts, lest thousands do it in the same moment."""


class Watch:
    """What one stream waits on."""

    __slots__ = ("beat", "slot", "woken")

    def __init__(self, slot: int) -> None:
        self.woken = asyncio.Event()
        self.slot = slot
        self.beat = False

    def wake(self) -> None:
        """Let the stream look for what is new."""
        self.woken.set()


class Channel:
    """What the streams of one execution share.

    The newest events, how often anything has changed, and how often more than events.
    """

    __slots__ = ("changes", "first_seq", "size", "tail", "version", "watches")

    def __init__(self) -> None:
        self.watches: set[Watch] = set()
        self.tail: deque[str] = deque()
        self.size = 0
        self.first_seq = 0
        self.version = 0
        self.changes = 0

    def add(self, notice: EventsAppended) -> None:
        """Keep new events, and let go of the oldest."""
        if notice.first_seq != self.first_seq + len(self.tail):
            self.tail.clear()
            self.size = 0
            self.first_seq = notice.first_seq
        self.tail.extend(notice.bodies)
        self.size += sum(map(len, notice.bodies))
        while len(self.tail) > TAIL or (self.size > TAIL_BYTES and len(self.tail) > 1):
            self.size -= len(self.tail.popleft())
            self.first_seq += 1

    def forget(self) -> None:
        """Let go of all that is known, because it may not be all there is."""
        self.tail.clear()
        self.size = 0
        self.changes += 1

    def after(self, seq: int) -> list[tuple[int, str]] | None:
        """Return the events after one, or None where the tail does not reach back to it."""
        offset = seq + 1 - self.first_seq
        if offset < 0 or offset > len(self.tail) or not self.tail:
            return None
        return [(self.first_seq + index, self.tail[index]) for index in range(offset, len(self.tail))]


class Hub:
    """Every stream of this process, by what it follows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: dict[str, Channel] = {}
        self._list = Channel()
        self._pages: dict[int, asyncio.Future[list[StoredExecution]]] = {}
        self._pages_version = -1
        self._opened = 0
        self.closed = False

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(len(channel.watches) for channel in self._all())

    def publish(self, notices: Sequence[Notice]) -> None:
        """Pass on what this process has committed."""
        for notice in notices:
            channel = self._channels.get(notice.execution_id)
            if channel is not None:
                if isinstance(notice, EventsAppended):
                    channel.add(notice)
                else:
                    channel.changes += 1
                _wake(channel)
            if isinstance(notice, ExecutionChanged):
                _wake(self._list)

    def changed_elsewhere(self, execution_id: str, *, listed: bool) -> None:
        """Pass on that another process has changed an execution; what it did is read from the database."""
        channel = self._channels.get(execution_id)
        if channel is not None:
            channel.forget()
            _wake(channel)
        if listed:
            _wake(self._list)

    def look_again(self) -> None:
        """Let every stream read the database, because news of other processes may have been missed."""
        for channel in self._all():
            channel.forget()
            _wake(channel)

    def beat(self, slot: int) -> None:
        """Let a part of the streams show that they live."""
        for channel in self._all():
            for watch in channel.watches:
                if watch.slot == slot:
                    watch.beat = True
                    watch.wake()

    def close(self) -> None:
        """End every stream; clients come back by themselves."""
        self.closed = True
        for channel in self._all():
            _wake(channel)

    async def follow(self, execution_id: str, key: int, after: int) -> AsyncGenerator[bytes, None]:
        """Yield an execution's events, interrupts and outcome as server-sent events; end after the outcome."""
        channel = self._channels.setdefault(execution_id, Channel())
        sent_interrupt: str | None = None
        seen = seen_changes = -1
        status: ExecutionStatus | None = None
        try:
            with self._watch(channel) as watch:
                yield RETRY
                while not self.closed:
                    watch.woken.clear()
                    version = channel.version
                    if version != seen:
                        changes = channel.changes
                        if status is None or changes != seen_changes:
                            status = await self._database.read(read_status, execution_id)
                            seen_changes = changes
                        page = await self._page(channel, key, after, ended=status.ended)
                        if page:
                            after = page[-1][0]
                            yield b"".join([message("journal", body, str(seq)) for seq, body in page])
                        if len(page) >= PAGE or sum(len(body) for _, body in page) >= STREAM_BYTES:
                            continue
                        if status.interrupt is not None and status.interrupt != sent_interrupt:
                            sent_interrupt = status.interrupt
                            yield message("interrupt", sent_interrupt)
                        if status.ended:
                            yield message("outcome", await self._database.read(read_outcome, execution_id), "end")
                            return
                        seen = version
                    elif watch.beat:
                        watch.beat = False
                        yield COMMENT
                    await watch.woken.wait()
        finally:
            if not channel.watches:
                self._channels.pop(execution_id, None)

    async def _page(self, channel: Channel, key: int, after: int, *, ended: bool) -> list[tuple[int, str]]:
        page = None if ended else channel.after(after)
        return page if page is not None else await self._database.read(read_events, key, after, PAGE, STREAM_BYTES)

    async def follow_list(self, after: int) -> AsyncGenerator[bytes, None]:
        """Yield the record of every execution that is made, interrupted or ends, in that order."""
        seen = -1
        with self._watch(self._list) as watch:
            yield RETRY
            while not self.closed:
                watch.woken.clear()
                version = self._list.version
                if version != seen:
                    page = await self._changed(version, after)
                    if page:
                        after = page[-1].revision
                        yield b"".join([message("execution", found.body, str(found.revision)) for found in page])
                        # There may be more, and if not, one short query says so.
                        continue
                    seen = version
                elif watch.beat:
                    watch.beat = False
                    yield COMMENT
                await watch.woken.wait()

    async def _changed(self, version: int, after: int) -> list[StoredExecution]:
        """Return what changed after a revision; streams that ask for the same in the same moment share one query."""
        if version != self._pages_version:
            self._pages.clear()
            self._pages_version = version
        page = self._pages.get(after)
        if page is None:
            reading = self._database.read(changed_executions, after, PAGE)
            page = self._pages[after] = asyncio.ensure_future(reading)
            page.add_done_callback(lambda done: self._forget_failed(after, done))
            if len(self._pages) > PAGES:
                del self._pages[next(iter(self._pages))]
        return await asyncio.shield(page)

    def _forget_failed(self, after: int, page: "asyncio.Future[list[StoredExecution]]") -> None:
        if not page.cancelled() and page.exception() is not None and self._pages.get(after) is page:
            del self._pages[after]

    def _all(self) -> list[Channel]:
        return [self._list, *self._channels.values()]

    @contextmanager
    def _watch(self, channel: Channel) -> Iterator[Watch]:
        self._opened += 1
        watch = Watch(self._opened % BEAT_SLOTS)
        channel.watches.add(watch)
        try:
            yield watch
        finally:
            channel.watches.discard(watch)


def _wake(channel: Channel) -> None:
    channel.version += 1
    for watch in channel.watches:
        watch.wake()
