"""Durable changes on the disk: files and folders are written apart, synced, and put in their place by a rename."""

import errno
import fcntl
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from irenic.items.paths import PARTIAL


class Scratch:
    """A folder for something unfinished, locked for as long as this process works on it.

    The lock goes with the process, however that ends: a folder that nobody holds is rubbish.
    """

    def __init__(self, root: Path) -> None:
        self._parent = root / PARTIAL
        while True:
            make_directories(self._parent)
            try:
                self.path = Path(tempfile.mkdtemp(dir=self._parent))
                self._lock = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:  # a process that ends has just removed the parent, or a sweep the folder
                continue
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if self.path.exists():
                break
            os.close(self._lock)

    def dispose(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        with suppress(OSError):
            self._parent.rmdir()


def sweep(root: Path) -> None:
    """Remove what killed processes left unfinished below a root."""
    parent = root / PARTIAL
    try:
        unfinished = list(parent.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in unfinished:
        with suppress(OSError), held(path) as is_ours:
            if is_ours:
                shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        parent.rmdir()


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a folder's lock until the block ends, if nobody else holds it; yields whether that worked."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


_changes = threading.Lock()
"""Held while folders are made for what is put into them, or removed: neither may come between the other."""


def make_directories(path: Path) -> None:
    """Make a directory and its parents, so that they survive a crash.

    Others may make and remove the same directories at the same time.

    :raises NotADirectoryError: if something else is in the way.
    """
    while not path.is_dir():
        try:
            path.mkdir()
            sync_directory(path.parent)
        except FileExistsError:
            if path.is_symlink() or path.is_file():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        except FileNotFoundError:
            if path.parent == path or path.name == "":
                raise
            make_directories(path.parent)


def sync_file(handle: int) -> None:
    """Make an open file durable: on the disk, not only on its way there."""
    if sys.platform == "darwin":
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # what `fsync` does there does not empty the disk's own cache
    else:
        os.fsync(handle)


def sync_content(handle: int) -> None:
    """Make what was written to an open file durable, and of what is known about it only what is needed to read it."""
    if sys.platform == "darwin":
        sync_file(handle)  # there is no `fdatasync`
    else:
        os.fdatasync(handle)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync_file(handle)
    finally:
        os.close(handle)


def remove_empty(path: Path, root: Path) -> None:
    """Remove a directory and its parents below a root as far as they are empty, durably.

    Others may remove the same directories, or put something into them, at the same time.
    """
    with _changes:
        while path != root:
            try:
                path.rmdir()
            except FileNotFoundError:
                pass  # another process was faster; its parent may be empty now
            except OSError:
                break
            path = path.parent
    while True:
        try:
            sync_directory(path)
        except FileNotFoundError:
            if path == root:
                raise
            path = path.parent
        else:
            return


def remove_tree(path: Path) -> None:
    """Remove a directory with all that is in it, of which others may remove parts at the same time."""
    while path.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def sync_tree(path: Path) -> None:
    """Make all files and names below a directory durable."""
    for directory, _, names in os.walk(path):
        for name in names:
            handle = os.open(Path(directory) / name, os.O_RDONLY)
            try:
                sync_file(handle)
            finally:
                os.close(handle)
        sync_directory(Path(directory))


def put_in_place(source: Path, target: Path, scratch: Scratch) -> None:
    """Move a file or a directory to its place, durably; what stood there before is gone afterwards.

    A file replaces a file in one step. Where a directory is involved the old content steps aside first; a crash between
    the two steps leaves nothing at the place, never a mixture. The folder around the place is made where it is missing,
    also where another process removes it meanwhile because it is empty.
    """
    while True:
        try:
            with _changes:
                make_directories(target.parent)
                _replace(source, target, scratch)
        except FileNotFoundError:
            if not os.path.lexists(source):
                raise
        else:
            break
    sync_directory(target.parent)
    if source.parent != scratch.path and source.parent != target.parent:
        sync_directory(source.parent)


def _replace(source: Path, target: Path, scratch: Scratch) -> None:
    if source.is_dir() or (target.is_dir() and not target.is_symlink()):
        with suppress(FileNotFoundError):
            target.rename(Path(tempfile.mkdtemp(prefix="replaced-", dir=scratch.path)) / "it")
    source.replace(target)


def write_file_durably(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, so that a crash leaves the old or the new, whole.

    The caller is the only one who writes to this path.
    """
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        write_all(handle, data)
        sync_file(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    sync_directory(path.parent)


def write_all(handle: int, data: bytes | bytearray) -> None:
    """Write all bytes; one call of the system may take only a part."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def files_below(path: Path) -> Iterator[Path]:
    """Yield the regular files below a directory; links are neither followed nor listed, unfinished files left out."""
    for directory, directories, names in os.walk(path):
        directories[:] = sorted(name for name in directories if name != PARTIAL)
        for name in sorted(names):
            file = Path(directory) / name
            if file.is_file() and not file.is_symlink():
                yield file
