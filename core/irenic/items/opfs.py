"""Handles of the origin private file system: finding, making, moving and removing what lies there.

Source: the WHATWG File System Standard; Chromium 156 moves files but no directories, and refuses to remove a directory
in which an access handle is open.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import js
from pyodide.ffi import JsException

from irenic.items.paths import PARTIAL
from irenic.model.errors import ItemFailure

MOST_KEPT = 256
"""Handles of directories that are kept."""


async def origin_folder(name: str) -> Any:
    """Return the handle of a folder in the origin's file system; it is made where it is missing.

    :param name: its name, or a path with ``/``.
    """
    root = await js.navigator.storage.getDirectory()
    return await make_directory(root, name.split("/"))


async def find_directory(root: Any, steps: Sequence[str]) -> Any | None:
    """Return the handle of a directory, or None where there is none."""
    folder = root
    for step in steps:
        try:
            folder = await folder.getDirectoryHandle(step)
        except JsException as error:
            if error.name in ("NotFoundError", "TypeMismatchError"):
                return None
            raise
    return folder


async def make_directory(root: Any, steps: Sequence[str]) -> Any:
    """Return the handle of a directory; it and its parents are made where they are missing.

    One that is removed again meanwhile, because it was empty, is made again.
    """
    while True:
        try:
            folder = root
            for step in steps:
                folder = await folder.getDirectoryHandle(step, create=True)
        except JsException as error:
            if error.name != "NotFoundError" or not steps or not await is_there(root):
                raise
        else:
            return folder


async def is_there(handle: Any) -> bool:
    """Return whether a file or a directory has not been removed since its handle was got."""
    try:
        if handle.kind == "file":
            await handle.getFile()
        else:
            await handle.keys().next()
    except JsException as error:
        if error.name == "NotFoundError":
            return False
        raise
    return True


async def files_below(folder: Any, steps: tuple[str, ...] = ()) -> AsyncIterator[tuple[tuple[str, ...], Any]]:
    """Yield the steps and the handle of every file below a directory; unfinished files are left out."""
    async for name, handle in folder.entries():
        if handle.kind == "file":
            yield (*steps, name), handle
        elif name != PARTIAL:
            async for found in files_below(handle, (*steps, name)):
                yield found


async def move_file(file: Any, root: Any, steps: Sequence[str]) -> None:
    """Move a file to its place; a file that stood there is replaced.

    Where the directory is removed between being made and being moved to, because it was empty, it is made again.
    """
    while True:
        folder = await make_directory(root, steps[:-1])
        try:
            await file.move(folder, steps[-1])
        except JsException as error:
            if error.name != "NotFoundError" or not await is_there(file) or await is_there(folder):
                raise
        else:
            return


async def move_contents(source: Any, target: Any) -> None:
    """Move all files below one directory into another, one by one."""
    async for name, handle in source.entries():
        if handle.kind == "file":
            await handle.move(target, name)
        else:
            await move_contents(handle, await target.getDirectoryHandle(name, create=True))


async def remove(root: Any, steps: Sequence[str]) -> None:
    """Remove a file, or a directory with all that is in it, and the directories above it that are empty then."""
    folder = await find_directory(root, steps[:-1])
    if folder is None:
        return
    try:
        await folder.removeEntry(steps[-1], recursive=True)
    except JsException as error:
        if error.name == "NotFoundError":
            return
        raise
    for depth in range(len(steps) - 1, 0, -1):
        parent = await find_directory(root, steps[: depth - 1])
        if parent is None or not await remove_unless_busy(parent, steps[depth - 1], recursive=False):
            return


async def sweep(root: Any) -> None:
    """Remove what closed tabs left unfinished; what another tab works on holds a lock and stays."""
    partial = await find_directory(root, [PARTIAL])
    if partial is None:
        return
    names = [name async for name in partial.keys()]  # noqa: SIM118 - a JavaScript object, not a dict
    for name in names:
        await remove_unless_busy(partial, name, recursive=True)
    await remove_unless_busy(root, PARTIAL, recursive=False)


async def remove_unless_busy(folder: Any, name: str, *, recursive: bool) -> bool:
    """Remove an entry unless somebody works in it or, where not ``recursive``, something is in it.

    :return: whether it went.
    """
    try:
        await folder.removeEntry(name, recursive=recursive)
    except JsException as error:
        if error.name not in ("NoModificationAllowedError", "InvalidModificationError", "NotFoundError"):
            raise
        return False
    return True


class Tree:
    """What lies below a root.

    Handles of directories are kept: to walk to a file anew costs more than to read it. Where something is not found by
    a kept handle, it is looked for again from the root, because another tab may have replaced the directory.

    ``changing`` is held while entries are put in place or removed: the browser refuses a change within a directory that
    it is removing.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.changing = asyncio.Lock()
        self._kept: dict[tuple[str, ...], Any] = {}

    def forget(self) -> None:
        """Forget the kept handles: directories are about to change."""
        self._kept.clear()

    async def directory(self, steps: tuple[str, ...]) -> Any | None:
        """Return the handle of a directory, or None where there is none."""
        return await find_directory(self.root, steps)

    async def file(self, steps: tuple[str, ...]) -> Any | None:
        """Return the handle of a file, or None where there is none."""
        if not steps:
            return None
        parents, name = steps[:-1], steps[-1]
        kept = self._kept.get(parents)
        if kept is not None and (found := await _child(kept, name)) is not None:
            return found
        folder = await self.directory(parents)
        if folder is None:
            return None
        if len(self._kept) >= MOST_KEPT:
            self.forget()
        self._kept[parents] = folder
        return await _child(folder, name)


async def _child(folder: Any, name: str) -> Any | None:
    try:
        return await folder.getFileHandle(name)
    except JsException as error:
        if error.name in ("NotFoundError", "TypeMismatchError"):
            return None
        raise


def read_at_once(blob: Any) -> bytes:
    """Return the content of a blob, blocking."""
    data: bytes = js.FileReaderSync.new().readAsArrayBuffer(blob).to_bytes()
    return data


class BlobReader(io.RawIOBase):
    """Reads a file at any position; reads block, which only a worker may do."""

    def __init__(self, blob: Any) -> None:
        self._blob = blob
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: int(self._blob.size)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on; returns how many bytes there were."""
        data = read_at_once(self._blob.slice(self._position, self._position + len(buffer)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


_SENTENCES = {
    "NotFoundError": "there is no such file",
    "TypeMismatchError": "there is a directory where a file is needed, or a file where a directory is needed",
    "InvalidModificationError": "there is a directory of that name: remove it or choose another name",
    "NoModificationAllowedError": "it is being written by another tab or run: wait for that, then run it again",
    "QuotaExceededError": (
        "the browser gives this site no more room: free space on the disk or remove files that this page keeps, "
        "then run it again"
    ),
    "NotReadableError": "it was changed while it was being read: run it again",
    "SecurityError": "the browser keeps no files for this page, as in some private windows: use an ordinary window",
    "TypeError": "the browser cannot keep a file of that name",
}


def no_file(path: str) -> ItemFailure:
    """Return the failure to raise where a file is missing."""
    return ItemFailure(f"{path}: {_SENTENCES['NotFoundError']}.")


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn errors of the browser's file system into failures that a person understands.

    :raises ItemFailure: in place of a :class:`JsException`.
    """
    try:
        yield
    except JsException as error:
        told = _SENTENCES.get(error.name, str(error))
        raise ItemFailure(f"{path or 'the files of this page'}: {told}.") from error
