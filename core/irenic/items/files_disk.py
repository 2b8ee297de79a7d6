"""Files on the disk, below one root folder."""

import errno
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from irenic.flow.context import FileStat
from irenic.items.disk import (
    Scratch,
    files_below,
    put_in_place,
    remove_empty,
    remove_tree,
    sweep,
    sync_file,
    sync_tree,
    write_all,
)
from irenic.items.paths import file_parts, path_parts
from irenic.items.threads import in_thread
from irenic.model.errors import ItemFailure

WRITE_BUFFER = 262_144
"""Bytes that are gathered for one call in a thread."""

A = ParamSpec("A")
T = TypeVar("T")


class DiskFiles:
    """See :class:`irenic.flow.context.FileSystem`.

    What is being written stands in a folder of its own, :data:`irenic.items.paths.PARTIAL`, and is put in its place by
    a rename. What a killed process left there is removed at the first use by the next one. Handles are opened on the
    loop, not in a thread, where a cancellation could lose them.

    :param root: the folder below which everything lies; it is made when it is first written to.
    """

    def __init__(self, root: str | Path = ".") -> None:
        self.root = Path(root).resolve()
        self._is_swept = False

    async def stat(self, path: str) -> FileStat | None:
        """See the protocol."""
        return await self._call(path, self._stat, path)

    async def is_dir(self, path: str) -> bool:
        """See the protocol."""
        return await self._call(path, self._is_dir, path)

    async def read(self, path: str, chunk_size: int = 262_144) -> AsyncIterator[bytes]:
        """See the protocol."""
        async with self.open(path) as file:
            while chunk := await self._call(path, file.read, chunk_size):
                yield chunk

    async def read_bytes(self, path: str) -> bytes:
        """See the protocol."""
        async with self.open(path) as file:
            return await self._call(path, file.read)

    @asynccontextmanager
    async def open(self, path: str) -> AsyncIterator[BinaryIO]:
        """See the protocol."""
        await self._sweep()
        with explained(path):
            file = self._readable(path).open("rb")
        with file:
            yield file

    @asynccontextmanager
    async def write(self, path: str) -> AsyncIterator["DiskFileWriter"]:
        """See the protocol."""
        async with self._scratch(path) as scratch:
            with explained(path):
                writer = DiskFileWriter(path, self.locate(path), scratch)
            try:
                yield writer
            finally:
                await in_thread(writer.close)

    @asynccontextmanager
    async def stage(self, path: str) -> AsyncIterator["DiskDirectoryWriter"]:
        """See the protocol."""
        async with self._scratch(path) as scratch:
            with explained(path):
                writer = DiskDirectoryWriter(path, self.locate(path), scratch)
            yield writer

    async def remove(self, path: str) -> None:
        """See the protocol."""
        await self._call(path, self._remove, path)

    async def list(self, path: str = "") -> list[FileStat]:
        """See the protocol."""
        return await self._call(path, _stats, self.root, self._readable(path))

    async def rename(self, source: str, target: str) -> None:
        """See the protocol."""
        async with self._scratch(target) as scratch:
            await self._call(source, self._rename, source, target, scratch)

    def locate(self, path: str) -> Path:
        """Return where a path lies on the disk.

        :raises ItemFailure: if it would leave the root, also by way of a symbolic link.
        """
        *parents, name = path_parts(path) or ("",)
        folder = self.root.joinpath(*parents).resolve()
        if folder != self.root and self.root not in folder.parents:
            raise ItemFailure(f"{path!r} leads out of {self.root} by a symbolic link: nothing was read or written.")
        return folder / name

    async def _call(self, path: str, function: Callable[A, T], *args: A.args, **kwargs: A.kwargs) -> T:
        await self._sweep()
        with explained(path):
            return await in_thread(function, *args, **kwargs)

    async def _sweep(self) -> None:
        if not self._is_swept:
            self._is_swept = True
            with explained(""):
                await in_thread(sweep, self.root)

    @asynccontextmanager
    async def _scratch(self, path: str) -> AsyncIterator[Scratch]:
        file_parts(path)
        await self._sweep()
        with explained(path):
            scratch = Scratch(self.root)
        try:
            yield scratch
        finally:
            await in_thread(scratch.dispose)

    def _stat(self, path: str) -> FileStat | None:
        return _file_stat(self._readable(path), "/".join(path_parts(path)))

    def _is_dir(self, path: str) -> bool:
        return self._readable(path).is_dir()

    def _readable(self, path: str) -> Path:
        place = self.locate(path)
        if place.is_symlink() and self.root not in place.resolve().parents:
            raise ItemFailure(f"{path!r} leads out of {self.root} by a symbolic link: nothing was read.")
        return place

    def _remove(self, path: str) -> None:
        file_parts(path)
        place = self.locate(path)
        if place.is_dir() and not place.is_symlink():
            remove_tree(place)
        elif os.path.lexists(place):
            place.unlink(missing_ok=True)
        else:
            return
        remove_empty(place.parent, self.root)

    def _rename(self, source: str, target: str, scratch: Scratch) -> None:
        file_parts(source)
        put_in_place(self.locate(source), self.locate(target), scratch)


class DiskFileWriter:
    """See :class:`irenic.flow.context.FileWriter`."""

    def __init__(self, path: str, target: Path, scratch: Scratch) -> None:
        self._path = path
        self._target = target
        self._scratch = scratch
        self._partial = scratch.path / "file"
        self._handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """See the protocol."""
        self._buffer += data
        if len(self._buffer) >= WRITE_BUFFER:
            full, self._buffer = self._buffer, bytearray()
            with explained(self._path):
                await in_thread(write_all, self._handle, full)

    async def commit(self) -> None:
        """See the protocol."""
        with explained(self._path):
            await in_thread(self._commit)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _commit(self) -> None:
        if self._target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        write_all(self._handle, self._buffer)
        sync_file(self._handle)
        put_in_place(self._partial, self._target, self._scratch)


class DiskDirectoryWriter:
    """See :class:`irenic.flow.context.DirectoryWriter`."""

    def __init__(self, path: str, target: Path, scratch: Scratch) -> None:
        self._path = path
        self._target = target
        self._scratch = scratch
        self._partial = scratch.path / "directory"
        self._partial.mkdir()

    @asynccontextmanager
    async def write(self, path: str) -> AsyncIterator["StagedFileWriter"]:
        """See the protocol."""
        place = self._partial.joinpath(*file_parts(path))
        with explained(path):
            place.parent.mkdir(parents=True, exist_ok=True)
            writer = StagedFileWriter(path, place)
        try:
            yield writer
        finally:
            writer.close()

    async def commit(self) -> None:
        """See the protocol."""
        with explained(self._path):
            await in_thread(self._commit)

    def _commit(self) -> None:
        sync_tree(self._partial)
        put_in_place(self._partial, self._target, self._scratch)


class StagedFileWriter:
    """See :class:`irenic.flow.context.FileWriter`; the file becomes durable and visible with its directory."""

    def __init__(self, path: str, place: Path) -> None:
        self._path = path
        self._place = place
        self._handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._is_whole = False

    async def write(self, data: bytes) -> None:
        """See the protocol."""
        with explained(self._path):
            await in_thread(write_all, self._handle, data)

    async def commit(self) -> None:
        """See the protocol."""
        self._is_whole = True

    def close(self) -> None:
        """Close the file; one that was not committed goes."""
        os.close(self._handle)
        if not self._is_whole:
            self._place.unlink()


def _stats(root: Path, folder: Path) -> list[FileStat]:
    found = [_file_stat(file, file.relative_to(root).as_posix()) for file in files_below(folder)]
    return sorted((file for file in found if file is not None), key=lambda file: file.path)


def _file_stat(place: Path, path: str) -> FileStat | None:
    """Return a file's size; None where there is no regular file, or it has just been removed."""
    try:
        found = place.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileStat(path=path, size=found.st_size) if stat.S_ISREG(found.st_mode) else None


_SENTENCES = {
    errno.ENOSPC: "the disk is full: free some space and run it again",
    errno.EDQUOT: "your quota on this disk is used up: free some space and run it again",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "this user may not touch it: change its permissions or choose another folder",
    errno.EPERM: "this user may not touch it: change its permissions or choose another folder",
    errno.EEXIST: "there are two files of that name, as this disk does not tell upper from lower case",
    errno.EISDIR: "there is a directory of that name: remove it or choose another name",
    errno.ENOTDIR: "a part of it is a file where a directory is needed: remove it or choose another name",
    errno.ENAMETOOLONG: "it is too long for this disk: choose a shorter name",
    errno.ENOENT: "there is no such file",
    errno.EXDEV: "it lies on another disk than the folder that files are kept in: choose a place on the same disk",
    errno.EIO: "the disk reports an error: check it before you go on",
}


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn errors of the disk into failures that a person understands.

    :raises ItemFailure: in place of an :class:`OSError`.
    """
    try:
        yield
    except OSError as error:
        told = _SENTENCES.get(error.errno or 0, error.strerror or str(error))
        raise ItemFailure(f"{path or 'the folder that files are kept in'}: {told}.") from error
