"""Files in the origin private file system of the browser, used from a worker."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, BinaryIO, cast

import js
from pyodide.ffi import JsException, to_js

from irenic.flow.context import FileStat
from irenic.items import opfs
from irenic.items.opfs import BlobReader, Tree, explained, no_file, read_at_once
from irenic.items.paths import PARTIAL, file_parts, path_parts

FOLDER = "irenic-files"
"""The folder at the top of the origin's file system below which everything lies."""

CHUNK = 262_144


class OpfsFiles:
    """See :class:`irenic.flow.context.FileSystem`.

    What is being written stands in a folder of its own, below :data:`irenic.items.paths.PARTIAL`, and is moved to its
    place when it is whole. What a closed tab left there is removed at the first use by the next one.

    A directory is moved file by file, because the browser cannot do it in one step. Where that is cut off, a part of
    the files is there, and whoever discovers the directory sees it.
    """

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder
        self._tree: Tree | None = None

    @classmethod
    def of(cls, flow: str, profile: str) -> "OpfsFiles":
        """Return the files of a flow and profile, which share nothing with those of others."""
        return cls(f"{FOLDER}/{flow}/{profile}")

    async def stat(self, path: str) -> FileStat | None:
        """See the protocol."""
        steps = path_parts(path)
        with explained(path):
            file = await (await self._files()).file(steps)
            return None if file is None else FileStat(path="/".join(steps), size=(await file.getFile()).size)

    async def is_dir(self, path: str) -> bool:
        """See the protocol."""
        steps = path_parts(path)
        with explained(path):
            return await (await self._files()).directory(steps) is not None

    async def read(self, path: str, chunk_size: int = CHUNK) -> AsyncIterator[bytes]:
        """See the protocol."""
        blob = await self._blob(path)
        if blob.size <= chunk_size:
            with explained(path):
                yield read_at_once(blob)  # a small file is read faster than others could be let run
            return
        for start in range(0, blob.size, chunk_size):
            with explained(path):
                part = await blob.slice(start, start + chunk_size).arrayBuffer()
            yield part.to_bytes()

    async def read_bytes(self, path: str) -> bytes:
        """See the protocol."""
        blob = await self._blob(path)
        with explained(path):
            data: bytes = (await blob.arrayBuffer()).to_bytes()
        return data

    @asynccontextmanager
    async def open(self, path: str) -> AsyncIterator[BinaryIO]:
        """See the protocol."""
        with io.BufferedReader(BlobReader(await self._blob(path)), CHUNK) as file:
            yield cast(BinaryIO, file)

    @asynccontextmanager
    async def write(self, path: str) -> AsyncIterator["OpfsFileWriter"]:
        """See the protocol."""
        steps = file_parts(path)
        async with self._scratch(path) as scratch:
            with explained(path):
                writer = await OpfsFileWriter.create(path, scratch, ["file"])
                writer.place = partial(_move_file, files=await self._files(), steps=steps)
            try:
                yield writer
            finally:
                writer.close()

    @asynccontextmanager
    async def stage(self, path: str) -> AsyncIterator["OpfsDirectoryWriter"]:
        """See the protocol."""
        steps = file_parts(path)
        async with self._scratch(path) as scratch:
            with explained(path):
                folder = await opfs.make_directory(scratch, ["directory"])
                place = partial(_move_directory, folder, await self._files(), steps)
            yield OpfsDirectoryWriter(path, folder, place)

    async def remove(self, path: str) -> None:
        """See the protocol."""
        steps = file_parts(path)
        with explained(path):
            files = await self._files()
            async with files.changing:
                files.forget()
                await opfs.remove(files.root, steps)

    async def rename(self, source: str, target: str) -> None:
        """See the protocol."""
        source_steps, target_steps = file_parts(source), file_parts(target)
        with explained(source):
            files = await self._files()
            folder = await files.directory(source_steps)
            if folder is not None:
                await _move_directory(folder, files, target_steps)
                async with files.changing:
                    await opfs.remove(files.root, source_steps)
            else:
                await _move_file(await self._file(source), files, target_steps)

    async def list(self, path: str = "") -> list[FileStat]:
        """See the protocol."""
        steps = path_parts(path)
        found = []
        with explained(path):
            folder = await (await self._files()).directory(steps)
            if folder is not None:
                async for place, file in opfs.files_below(folder, steps):
                    found.append(FileStat(path="/".join(place), size=(await file.getFile()).size))
        return sorted(found, key=lambda file: file.path)

    async def _files(self) -> Tree:
        if self._tree is None:
            root = await opfs.origin_folder(self._folder)
            await opfs.sweep(root)
            self._tree = Tree(root)
        return self._tree

    async def _file(self, path: str) -> Any:
        file = await (await self._files()).file(file_parts(path))
        if file is None:
            raise no_file(path)
        return file

    async def _blob(self, path: str) -> Any:
        with explained(path):
            return await (await self._file(path)).getFile()

    @asynccontextmanager
    async def _scratch(self, path: str) -> AsyncIterator[Any]:
        """Make a folder for something unfinished; an open access handle inside keeps other tabs from sweeping it."""
        with explained(path):
            files = await self._files()
            async with files.changing:
                name, folder, lock = await _locked_folder(files.root)
        try:
            yield folder
        finally:
            lock.close()
            with explained(path):
                async with files.changing:
                    parent = await opfs.make_directory(files.root, [PARTIAL])
                    await opfs.remove_unless_busy(parent, name, recursive=True)
                    await opfs.remove_unless_busy(files.root, PARTIAL, recursive=False)


class OpfsFileWriter:
    """See :class:`irenic.flow.context.FileWriter`."""

    def __init__(self, path: str, file: Any, access: Any) -> None:
        self._path = path
        self._file = file
        self._access = access
        self._is_open = True
        self.is_whole = False
        self.place: Callable[[Any], Awaitable[None]] | None = None

    @classmethod
    async def create(cls, path: str, folder: Any, steps: list[str]) -> "OpfsFileWriter":
        """Open a new file for writing, in a folder where nobody looks for it."""
        parent = await opfs.make_directory(folder, steps[:-1])
        file = await parent.getFileHandle(steps[-1], create=True)
        return cls(path, file, await file.createSyncAccessHandle())

    async def write(self, data: bytes) -> None:
        """See the protocol."""
        with explained(self._path):
            left = to_js(data)
            while left.length:
                left = left.subarray(self._access.write(left))

    async def commit(self) -> None:
        """See the protocol."""
        with explained(self._path):
            self._access.flush()
            self.close()
            if self.place is not None:
                await self.place(self._file)
            self.is_whole = True

    def close(self) -> None:
        """Close the file."""
        if self._is_open:
            self._is_open = False
            self._access.close()


class OpfsDirectoryWriter:
    """See :class:`irenic.flow.context.DirectoryWriter`."""

    def __init__(self, path: str, folder: Any, place: Callable[[], Awaitable[None]]) -> None:
        self._path = path
        self._folder = folder
        self._place = place

    @asynccontextmanager
    async def write(self, path: str) -> AsyncIterator[OpfsFileWriter]:
        """See the protocol."""
        steps = list(file_parts(path))
        with explained(path):
            writer = await OpfsFileWriter.create(path, self._folder, steps)
        try:
            yield writer
        finally:
            writer.close()
            if not writer.is_whole:
                with explained(path):
                    await opfs.remove(self._folder, steps)

    async def commit(self) -> None:
        """See the protocol."""
        with explained(self._path):
            await self._place()


async def _locked_folder(root: Any) -> tuple[str, Any, Any]:
    name = js.crypto.randomUUID()
    while True:
        try:
            folder = await opfs.make_directory(root, [PARTIAL, name])
            lock = await folder.getFileHandle("lock", create=True)
            return name, folder, await lock.createSyncAccessHandle()
        except JsException as error:  # another tab's sweep came between two of these steps
            if error.name != "NotFoundError":
                raise


async def _move_file(file: Any, files: Tree, steps: tuple[str, ...]) -> None:
    async with files.changing:
        await opfs.move_file(file, files.root, steps)


async def _move_directory(source: Any, files: Tree, steps: tuple[str, ...]) -> None:
    async with files.changing:
        files.forget()
        await opfs.remove(files.root, steps)
        await opfs.move_contents(source, await opfs.make_directory(files.root, steps))
