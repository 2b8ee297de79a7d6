"""Writing the journal of one execution to its file."""

import errno
import fcntl
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from irenic.items.disk import make_directories, sync_content, sync_directory, sync_file, write_all
from irenic.model.errors import StoreError
from irenic.model.events import ExecutionEnded
from irenic.model.record import ExecutionRecord
from irenic.stores.file_layout import packed
from irenic.stores.file_lines import encode_line, last_line
from irenic.stores.file_record import LOST, JournalFile, Trailer, header_line, trailer_line


class Appender:
    """A journal's file opened for appending; a torn end, left by a crash, is cut off first."""

    def __init__(self, path: Path, handle: int | None = None) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDWR) if handle is None else handle
        self._size = _sound_size(path)
        os.ftruncate(self._handle, self._size)
        os.lseek(self._handle, self._size, os.SEEK_SET)

    @classmethod
    def create(cls, path: Path, record: ExecutionRecord, flow_info: str | None) -> "Appender":
        """Make a journal with its header, durably, and lock it, so that others see that somebody writes it.

        :raises StoreError: if there is one already.
        """
        make_directories(path.parent)
        beside = path.with_name(f".{path.name}.new")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_all(handle, header_line(record, flow_info))
            sync_file(handle)
            if packed(path).exists():
                raise FileExistsError
            os.link(beside, path)
        except FileExistsError:
            os.close(handle)
            raise StoreError(f"there is an execution {record.id} already: make a new id.") from None
        finally:
            beside.unlink()
        sync_directory(path.parent)
        return cls(path, handle)

    def write(self, data: bytes) -> None:
        """Append bytes; where that fails, what was written of them is cut off again.

        :raises StoreError: if the disk does not take them.
        """
        try:
            write_all(self._handle, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._handle, self._size)
                os.lseek(self._handle, self._size, os.SEEK_SET)
            raise disk_error(self.path, error) from error
        self._size += len(data)

    def sync(self) -> None:
        """Make everything durable.

        :raises StoreError: if the disk reports an error.
        """
        try:
            sync_content(self._handle)
        except OSError as error:
            raise disk_error(self.path, error) from error

    def close(self) -> None:
        """Close the file and give up the lock; doing so twice is fine."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def settle(path: Path) -> None:
    """Record that an execution whose writer is gone was lost, where nothing is recorded of its end.

    The caller keeps everybody else from writing.
    """
    journal = JournalFile(path)
    if not path.exists():
        return
    trailer = journal.trailer()
    if trailer is not None and trailer.outcome is None:
        return
    appender = Appender(path)
    try:
        if trailer is None:
            outcome = journal.lost()
            seq = journal.record().next_seq
            ended = ExecutionEnded(execution_id=outcome.execution_id, seq=seq, at=outcome.ended_at, outcome=outcome)
            appender.write(encode_line(ended.model_dump_json().encode()))
            trailer = Trailer(status=LOST, ended_at=outcome.ended_at, next_seq=seq + 1)
        appender.write(trailer_line(trailer.model_copy(update={"outcome": None})))
        appender.sync()
    finally:
        appender.close()


def pack(path: Path) -> None:
    """Compress the journal of an execution that has ended."""
    with path.open("rb") as file:
        header = file.readline()
        last = last_line(file)
        assert last is not None
        file.seek(len(header))
        parts = (header, file.read(last[1] - len(header)), file.read())
    target = packed(path)
    beside = target.with_name(f".{target.name}.new")
    with beside.open("wb") as file:
        for part in parts:
            file.write(gzip.compress(part, 6, mtime=0))
        file.flush()
        sync_file(file.fileno())
    beside.replace(target)
    sync_directory(target.parent)
    path.unlink()


def disk_error(path: Path, error: OSError) -> StoreError:
    """Return the error to raise where the disk does not keep what it was given."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    why = "the disk is full" if is_full else f"the disk does not take it ({error.strerror or error})"
    following = "Make room, then run the same command again." if is_full else "Then run the same command again."
    return StoreError(f"{path} could not be written: {why}. What was acknowledged before is kept. {following}")


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Have what the disk refuses said as an error of the store.

    :param path: named where the disk names none.
    :raises StoreError: instead of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(Path(error.filename) if isinstance(error.filename, str) else path, error) from error


def _sound_size(path: Path) -> int:
    with path.open("rb") as file:
        last = last_line(file)
        if last is None:
            return 0
        file.seek(last[1])
        return last[1] + len(file.readline())
