"""The append side of a journal on the disk."""

from contextlib import AbstractContextManager, nullcontext

from irenic.model.errors import FencedError
from irenic.model.events import ExecutionEnded, JournalEvent, encoded
from irenic.model.outcome import CmdOutcome
from irenic.model.states import FlowStates
from irenic.stores.file_appender import Appender, on_disk
from irenic.stores.file_lease import FileLease, taken_over
from irenic.stores.file_lines import encode_lines
from irenic.stores.file_record import Trailer, trailer_line
from irenic.stores.file_states import Checkpoint, StatesFile
from irenic.stores.file_writer import WriterThread
from irenic.stores.group_commit import GroupCommit

QUIET_INTERVAL = 0.1
"""Seconds after which events are written that nobody waits for."""


class FileJournal:
    """See :class:`irenic.engine.store.Journal`.

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
        self._states = states
        self._commit = GroupCommit(self._keep, quiet=QUIET_INTERVAL)
        self._last: JournalEvent | None = None
        self.is_closed = False

    def append(self, event: JournalEvent) -> None:
        """See the protocol."""
        self._commit.append(encoded(event))
        self._last = event
        if self._states is not None:
            self._states.apply(event)

    @property
    def is_durable(self) -> bool:
        """See the protocol."""
        return False

    async def durable(self) -> None:
        """See the protocol."""
        if self._lease is not None and self._lease.lost_because is not None:
            raise FencedError(taken_over(self._lease.files.read()))
        waiter = self._commit.waiter()
        if waiter is not None:
            await waiter

    async def finish(self, outcome: CmdOutcome) -> None:
        """See the protocol."""
        await self.durable()
        last = self._last
        given = None if isinstance(last, ExecutionEnded) else outcome
        next_seq = 0 if last is None else last.seq + 1
        trailer = Trailer(status=outcome.kind, ended_at=outcome.ended_at, next_seq=next_seq, outcome=given)
        await self._writer.run(lambda: self._end(trailer))
        await self.close()

    async def close(self) -> None:
        """Give up the file; events that nobody waited for may be lost."""
        self.is_closed = True
        await self._commit.close()
        self._appender.close()

    def states_now(self) -> FlowStates | None:
        """Return the profile's stored states with what was appended so far; None where they do not change here now."""
        if self._states is None or self._lease is None or not self._lease.is_held or self._commit.has_failed:
            return None
        items = {item: entry.model_copy() for item, entry in self._states.items.items()}
        return self._states.model_copy(update={"items": items})

    async def _keep(self, lines: list[bytes], sync: bool) -> None:
        await self._writer.run(lambda: self._write(lines, sync))

    def _write(self, payloads: list[bytes], sync: bool) -> None:
        data = encode_lines(payloads)
        with self._fence():
            self._appender.write(data)
            if sync:
                self._appender.sync()

    def _end(self, trailer: Trailer) -> None:
        with self._fence(), on_disk(self._appender.path):
            self._appender.write(trailer_line(trailer))
            self._appender.sync()
            if self._states is not None and self._lease is not None:
                checkpoint = Checkpoint(execution_id=self._id, next_seq=trailer.next_seq, states=self._states)
                StatesFile(self._lease.files.profile).save(checkpoint)

    def _fence(self) -> AbstractContextManager[None]:
        return nullcontext() if self._lease is None else self._lease.writing()
