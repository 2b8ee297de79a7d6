"""Who may write to a profile: one execution at a time, by a lock that goes with its process.

``lease.json`` names the holder and gives its fencing number, which grows with every new one; beside it stands a file
that the holder keeps locked as long as it lives. Whoever takes over writes a higher number, and the former holder finds
that before it writes again: both write only while they hold the profile's mutex.
"""

import asyncio
import fcntl
import itertools
import logging
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from irenic.engine.store import LeaseLost, RemoteInterrupt
from irenic.items.disk import make_directories, write_file_durably
from irenic.items.threads import in_thread
from irenic.model.errors import CorruptStoreError, FencedError, HeldError, StoreError
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.record import LeaseInfo
from irenic.model.timestamps import Timestamp, timestamp
from irenic.stores.file_appender import on_disk, settle
from irenic.stores.file_layout import is_locked, journal_path, mutex
from irenic.stores.file_lines import decode_line, encode_line
from irenic.stores.file_states import StatesFile

_log = logging.getLogger(__name__)

WATCH_INTERVAL = 0.25
"""Seconds between two looks for a take-over and for interrupts from other processes."""


class LeaseRecord(BaseModel):
    """What ``lease.json`` says.

    ``released`` is where nobody has held the lease yet, or a former version of irenic has given it back.
    """

    fencing: int = 0
    execution_id: str | None = None
    holder: str = ""
    pid: int = 0
    host: str = ""
    command: str = ""
    since: Timestamp | None = None
    released: bool = True


class ProfileLease:
    """The files of a profile's lease; every call blocks, and belongs in a thread."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        self.path = profile / "lease.json"
        self.interrupts = profile / "interrupts"

    def read(self) -> LeaseRecord:
        """Return who holds the lease, or held it last."""
        try:
            payload = decode_line(self.path.read_bytes())
            return LeaseRecord.model_validate_json(payload or b"")
        except FileNotFoundError:
            return LeaseRecord()
        except ValidationError as error:
            raise CorruptStoreError(
                f"{self.path} is damaged: restore it from a backup. Nothing was changed."
            ) from error

    def is_held(self, record: LeaseRecord) -> bool:
        """Return whether the holder still lives."""
        return not record.released and is_locked(self._lock_path(record.fencing))

    def take(self, execution_id: str, holder: str, *, take_over: bool) -> tuple[LeaseRecord, int]:
        """Take the lease and return it with the handle of its lock.

        An execution that held it before and has no outcome is recorded as lost.

        :raises HeldError: if a living holder has it and ``take_over`` is false.
        """
        make_directories(self.profile)
        with mutex(self.profile):
            before = self.read()
            if not take_over and self.is_held(before):
                raise self._held_error(before)
            self._settle(before)
            record = LeaseRecord(
                fencing=before.fencing + 1,
                execution_id=execution_id,
                holder=holder,
                pid=os.getpid(),
                host=platform.node(),
                command=_command(sys.argv),
                since=timestamp(),
                released=False,
            )
            handle = os.open(self._lock_path(record.fencing), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.take_interrupts()
                self._write(record)
            except BaseException:
                os.close(handle)
                raise
            self._lock_path(before.fencing).unlink(missing_ok=True)
        return record, handle

    def release(self, record: LeaseRecord, handle: int) -> None:
        """Give the lease back, unless somebody has taken it over.

        ``lease.json`` goes on naming the holder; that nobody locks its file says that it is over.
        """
        try:
            with mutex(self.profile):
                if self.read().fencing == record.fencing:
                    self._lock_path(record.fencing).unlink(missing_ok=True)
        finally:
            os.close(handle)

    def ask_to_stop(self, execution_id: str, signal: InterruptSignal) -> InterruptReply:
        """Leave an interrupt for the execution that holds the lease."""
        record = self.read()
        if record.execution_id != execution_id or not self.is_held(record):
            return InterruptReply.NOTHING_TO_INTERRUPT
        with mutex(self.profile):
            make_directories(self.interrupts)
            number = 1 + max((int(path.stem) for path in self.interrupts.glob("*.json")), default=0)
            write_file_durably(self.interrupts / f"{number}.json", signal.model_dump_json().encode())
        return InterruptReply.REQUESTED

    def take_interrupts(self) -> list[InterruptSignal]:
        """Return the interrupts that were left, and remove them; one that cannot be read asks to stop all the same."""
        signals = []
        for path in sorted(self.interrupts.glob("[0-9]*.json"), key=lambda path: int(path.stem)):
            try:
                signals.append(InterruptSignal.model_validate_json(path.read_bytes()))
            except ValidationError:
                signals.append(InterruptSignal(source="other", reason="a request to stop that is damaged"))
            path.unlink()
        return signals

    def _settle(self, before: LeaseRecord) -> None:
        states = StatesFile(self.profile)
        if before.execution_id is not None:
            settle(journal_path(self.profile, before.execution_id))
        states.bring_up_to_date(before.execution_id)

    def _held_error(self, record: LeaseRecord) -> HeldError:
        flow, profile = self.profile.parent.name, self.profile.name
        return HeldError(
            f"{flow}/{profile} is held by {record.holder} since {record.since}, process {record.pid} on {record.host} "
            f"(`{record.command}`). Wait for it, interrupt it with "
            f"`irenic executions interrupt {record.execution_id}`, or take over.",
            holder=record.holder,
            execution_id=record.execution_id,
        )

    def _write(self, record: LeaseRecord) -> None:
        write_file_durably(self.path, encode_line(record.model_dump_json().encode()))

    def _lock_path(self, fencing: int) -> Path:
        return self.profile / f"lease-{fencing}.lock"


def _command(argv: Sequence[str]) -> str:
    """Return a command without its options, whose values may be secret; of another program than irenic its name."""
    program = Path(argv[0]).name if argv and argv[0] else "python"
    words = itertools.takewhile(lambda word: not word.startswith("-"), argv[1:]) if program == "irenic" else ()
    return shlex.join([program, *words])


class FileLease:
    """See :class:`irenic.engine.store.Lease`."""

    def __init__(
        self,
        files: ProfileLease,
        record: LeaseRecord,
        handle: int,
        on_lost: LeaseLost | None,
        on_interrupt: RemoteInterrupt | None,
    ) -> None:
        self.files = files
        self.record = record
        self.info = LeaseInfo(holder=record.holder, execution_id=record.execution_id, fencing=record.fencing)
        self._handle = handle
        self._on_lost = on_lost
        self._on_interrupt = on_interrupt
        self.is_released = False
        self.lost_because: FencedError | None = None
        """Why nothing may be written any more, once somebody is known to have taken over."""
        self._seen = self._checked = _mark(files.path)
        self._seen_interrupts = _mark(files.interrupts)
        self._look_failed = ""
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(WATCH_INTERVAL, self._look)

    @property
    def is_held(self) -> bool:
        """Whether nobody is known to have taken over, and it was not given back."""
        return not self.is_released and self.lost_because is None

    def check(self) -> None:
        """See the protocol."""
        if self.lost_because is not None:
            raise self.lost_because

    async def hold(self) -> None:
        """See the protocol."""
        self.check()

    async def release(self) -> None:
        """See the protocol."""
        if not self.is_released:
            self.is_released = True
            self._timer.cancel()
            with on_disk(self.files.path):
                await in_thread(self.files.release, self.record, self._handle)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep everybody else from taking over until the block ends; blocks.

        :raises FencedError: if somebody has taken over.
        """
        with mutex(self.files.profile):
            mark = _mark(self.files.path)
            if mark != self._checked:
                now = self.files.read()
                if now.fencing != self.record.fencing:
                    raise FencedError(taken_over(now))
                self._checked = mark
            yield

    def _look(self) -> None:
        """Look for a take-over and for interrupts; two calls of ``stat`` where there is nothing."""
        try:
            self._look_for_successor()
            self._look_for_interrupts()
        except (OSError, StoreError) as error:
            # Looked at again: the next read may succeed, and before anything is written the lease is checked anyway.
            if str(error) != self._look_failed:
                self._look_failed = str(error)
                _log.warning(
                    "the lease of %s could not be looked at, which is tried again: %s", self.files.profile, error
                )
        else:
            self._look_failed = ""
        if self.lost_because is None and not self.is_released:
            self._timer = self._loop.call_later(WATCH_INTERVAL, self._look)

    def _look_for_successor(self) -> None:
        mark = _mark(self.files.path)
        if mark != self._seen:
            now = self.files.read()
            self._seen = mark
            if now.fencing != self.record.fencing:
                self._lose(taken_over(now))

    def _look_for_interrupts(self) -> None:
        mark = _mark(self.files.interrupts)
        if mark != self._seen_interrupts:
            for signal in self.files.take_interrupts():
                if self._on_interrupt is not None:
                    self._on_interrupt(signal)
            self._seen_interrupts = mark

    def _lose(self, why: str) -> None:
        if self.lost_because is None:
            self.lost_because = FencedError(why)
            if self._on_lost is not None:
                self._on_lost(why)


def taken_over(now: LeaseRecord) -> str:
    """Return why nothing may be written any more."""
    return (
        f"{now.holder} (process {now.pid} on {now.host}) has taken this profile over at {now.since}: "
        "nothing more was recorded here."
    )


def _mark(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is replaced, or the names in a folder do."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
