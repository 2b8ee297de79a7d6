"""The append side of a journal on the disk: many waiters share one write and one sync."""

import asyncio
from contextlib import AbstractContextManager, nullcontext

from irenic.model.errors import FencedError, StoreError
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome
from irenic.model.states import FlowStates
from irenic.stores.file_appender import Appender
from irenic.stores.file_lease import FileLease, taken_over
from irenic.stores.file_lines import encode_line
from irenic.stores.file_record import Trailer, trailer_line
from irenic.stores.file_states import Checkpoint, StatesFile
from irenic.stores.file_writer import WriterThread

QUIET_INTERVAL = 0.1
"""Seconds after which events are written for which nobody waits."""

FOLDED = frozenset({"item_state", "item_intent", "item_result"})


class FileJournal:
    """See :class:`irenic.engine.store.Journal`.

    While a batch is being written, what is appended gathers for the next one.

    :param states: the profile's stored states as they are before this execution; None where it does not change them.
    """

    def __init__(
        self,
        execution_id: str,
        appender: Appender,
        writer: WriterThread,
        lease: FileLease | None,
        states: FlowStates | None,
    ) -> None:
        self._id = execution_id
        self._appender = appender
        self._writer = writer
        self._lease = lease
        self.states = states
        self._loop = asyncio.get_running_loop()
        self._lines: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._written: list[asyncio.Future[None]] = []
        self._next_seq = 0
        self._last_kind = ""
        self._is_busy = False
        self._is_flush_due = False
        self._is_unsynced = False
        self._timer: asyncio.TimerHandle | None = None
        self._error: StoreError | None = None
        self._is_ended = False
        self.is_closed = False

    def append(self, event: JournalEvent) -> None:
        """See the protocol."""
        self._lines.append(encode_line(event.__pydantic_serializer__.to_json(event)))
        self._next_seq = event.seq + 1
        self._last_kind = event.kind
        if self.states is not None and event.kind in FOLDED:
            self.states.apply(event)
        if self._timer is None:
            self._write_later()

    async def durable(self) -> None:
        """See the protocol."""
        self._raise_error()
        if not (self._lines or self._is_unsynced or self._is_busy):
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        self._flush_soon()
        await waiter

    async def finish(self, outcome: CmdOutcome) -> None:
        """See the protocol."""
        await self.durable()
        given = None if self._last_kind == "execution_ended" else outcome
        trailer = Trailer(status=outcome.kind, ended_at=outcome.ended_at, next_seq=self._next_seq, outcome=given)
        ended: asyncio.Future[None] = self._loop.create_future()
        self._is_ended = True
        self._is_busy = True
        self._written = [ended]
        self._writer.submit(lambda: self._end(trailer), self._done)
        await ended

    def close(self) -> None:
        """Give up the file; events that nobody waited for may be lost. Blocks where something is just being written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.is_closed = True
        self._appender.close()

    def states_now(self) -> FlowStates | None:
        """Return the profile's stored states with what was appended so far; None where they are not changed here."""
        if self.states is None:
            return None
        items = {item: entry.model_copy() for item, entry in self.states.items.items()}
        return self.states.model_copy(update={"items": items})

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
        if self._lease is not None and self._lease.is_lost:
            raise FencedError(taken_over(self._lease.files.read()))

    def _flush_soon(self) -> None:
        if not self._is_busy and not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)  # whoever else is about to wait comes along

    def _write_quietly(self) -> None:
        self._timer = None
        if self._is_busy:
            self._write_later()
        else:
            self._flush()

    def _write_later(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(QUIET_INTERVAL, self._write_quietly)

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._is_busy or self._error is not None:
            return
        data = b"".join(self._lines)
        sync = bool(self._waiters)
        if not data and not sync:
            return
        self._lines.clear()
        self._written, self._waiters = self._waiters, []
        self._is_busy = True
        self._is_unsynced = not sync
        self._writer.submit(lambda: self._write(data, sync=sync), self._done)

    def _write(self, data: bytes, *, sync: bool) -> None:
        with self._fence():
            self._appender.write(data)
            if sync:
                self._appender.sync()

    def _end(self, trailer: Trailer) -> None:
        with self._fence():
            self._appender.write(trailer_line(trailer))
            self._appender.sync()
            if self.states is not None and self._lease is not None:
                checkpoint = Checkpoint(execution_id=self._id, next_seq=trailer.next_seq, states=self.states)
                StatesFile(self._lease.files.profile).save(checkpoint)

    def _fence(self) -> AbstractContextManager[None]:
        return nullcontext() if self._lease is None else self._lease.writing()

    def _done(self, error: BaseException | None) -> None:
        self._is_busy = False
        done, self._written = self._written, []
        if error is not None:
            self._error = (
                error if isinstance(error, StoreError) else StoreError(f"the journal could not be kept: {error}")
            )
            done += self._waiters
            self._waiters = []
        for waiter in done:
            if waiter.done():
                continue
            if self._error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(self._error)
        if self._is_ended:
            self.close()
        elif self._waiters:
            self._flush_soon()
