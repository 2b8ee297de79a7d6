"""A directory that is unpacked from an archive."""

import hashlib
from contextlib import AsyncExitStack
from typing import BinaryIO, Self

from pydantic import BaseModel, model_validator

from irenic.flow.context import DirectoryWriter, ItemContext
from irenic.flow.generated import Generated
from irenic.flow.item import ApplyCheck, Item, ItemInteraction, StateDiff, field_diff
from irenic.flow.params import PartialParams
from irenic.items.archive import ArchiveLimits, Entry, Guard, read_entries
from irenic.items.digests import FileDigest, digest_directory, digest_file, digest_of
from irenic.items.paths import RelativePath, normalized_path
from irenic.model.errors import ItemFailure
from irenic.model.progress import ProgressLimit

LISTED = 50
"""Files up to which a state names each; above that the common digest has to do, to keep journals and screens small."""

SHORT = 12
"""Digits of a file's own digest in a state; the common digest is made of the whole ones."""


class ArchiveExtractParams(BaseModel):
    """The path of an archive, and of the directory that it is unpacked to."""

    archive: RelativePath
    dest: RelativePath
    limits: ArchiveLimits = ArchiveLimits()

    @model_validator(mode="after")
    def _archive_stands_apart(self) -> Self:
        if f"{self.archive}/".startswith(f"{self.dest}/"):
            raise ValueError("the archive must not lie in the directory that it is unpacked to")
        return self


class ArchiveExtractState(BaseModel):
    """The directory: ``size`` in bytes together, ``digest`` over all paths and contents.

    ``files`` gives the first digits of each file's SHA-256 by its path; it is empty where there are more than 50. Of a
    goal whose archive is not there yet, no more is known than that the directory will exist.
    """

    path: str
    exists: bool = False
    count: Generated[int] = None
    size: Generated[int] = None
    digest: Generated[str] = None
    files: Generated[dict[str, str]] = None


class ArchiveDiff(StateDiff):
    """What differs, and the paths of the files concerned where the states name them."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


class Listing(BaseModel):
    """What an archive holds: its files, and for each file the paths of the links that point at it."""

    files: list[FileDigest]
    links: dict[str, list[str]]


class ArchiveExtract(Item[ArchiveExtractParams, ArchiveExtractState]):
    """Unpack an archive to a directory, and keep the directory as the archive says.

    Formats: zip, tar, tar.gz, tar.bz2 and tar.xz. Files that are not in the archive are removed. A link inside the
    archive becomes a copy of what it points at; empty directories are left out. The new directory is filled apart and
    takes the old one's place as a whole.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._known: tuple[FileDigest, Listing] | None = None

    async def try_state_current(
        self, cx: ItemContext, params_partial: PartialParams[ArchiveExtractParams]
    ) -> ArchiveExtractState | None:
        """Return the directory as it is; the archive need not be known for that."""
        return None if params_partial.dest is None else await self._directory(cx, params_partial.dest)

    async def state_current(self, cx: ItemContext, params: ArchiveExtractParams) -> ArchiveExtractState:
        """Return the directory as it is; all files are read and hashed."""
        return await self._directory(cx, params.dest)

    async def try_state_goal(
        self, cx: ItemContext, params_partial: PartialParams[ArchiveExtractParams]
    ) -> ArchiveExtractState | None:
        """Return the directory as the archive makes it, as far as there is an archive that can be read."""
        params = params_partial.whole()
        if params is None:
            return None
        try:
            return await self._goal(cx, params)
        except ItemFailure as failure:
            cx.log.warning(str(failure))
            return _not_known_yet(params)

    async def state_goal(self, cx: ItemContext, params: ArchiveExtractParams) -> ArchiveExtractState:
        """Return the directory as the archive makes it; in a dry run the archive may not be there yet.

        :raises ItemFailure: if the archive cannot be unpacked, or the directory holds files of somebody else.
        """
        goal = await self._goal(cx, params)
        if goal.digest is None and not cx.dry_run:
            raise ItemFailure(f"there is no archive {params.archive} that could be unpacked.")
        await self._refuse_foreign_files(cx, params)
        return goal

    def identity(self, params: ArchiveExtractParams) -> str:
        """Return the path."""
        return normalized_path(params.dest)

    def state_clean(self, params_partial: PartialParams[ArchiveExtractParams]) -> ArchiveExtractState:
        """Return that there is no directory."""
        return ArchiveExtractState(path=params_partial.dest or "")

    def state_diff(self, current: ArchiveExtractState, target: ArchiveExtractState) -> StateDiff:
        """Return what differs, file by file where the states name them."""
        diff = field_diff(current, target)
        if diff.is_empty:
            return diff
        before, after = current.files or {}, target.files or {}
        return ArchiveDiff(
            changes=diff.changes,
            added=tuple(sorted(after.keys() - before.keys())),
            removed=tuple(sorted(before.keys() - after.keys())),
            modified=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
        )

    def apply_check(
        self, params: ArchiveExtractParams, current: ArchiveExtractState, target: ArchiveExtractState, diff: StateDiff
    ) -> ApplyCheck:
        """Decide by what differs; the work is as large as the unpacked files."""
        if diff.is_empty:
            return ApplyCheck.not_required()
        return ApplyCheck(required=True, limit=ProgressLimit.bytes(target.size) if target.exists else None)

    async def apply(
        self,
        cx: ItemContext,
        params: ArchiveExtractParams,
        current: ArchiveExtractState,
        target: ArchiveExtractState,
        diff: StateDiff,
    ) -> ArchiveExtractState:
        """Unpack the archive, or remove the directory."""
        if not target.exists:
            await cx.fs.remove(current.path)
            return target
        listing = await self._listing(cx, params)
        packed = await cx.fs.stat(params.archive)
        async with cx.fs.open(params.archive) as file, cx.fs.stage(params.dest) as directory:
            entries = read_entries(file, params.archive, packed.size if packed else 0, params.limits)
            written: list[FileDigest] = []
            for entry in entries:
                if entry.link is None:
                    cx.progress.message(entry.path)
                    written += await _unpack(cx, entry, listing.links.get(entry.path, []), directory)
            state = _state(params.dest, written)
            if state != target:
                raise ItemFailure(f"{params.archive} was changed while it was being unpacked: run it again.")
            cx.progress.message("putting the files in their place")
            async with cx.shield("the unpacked files are being put in their place"):
                await directory.commit()
        return state

    def interactions(self, params: ArchiveExtractParams) -> list[ItemInteraction]:
        """Return that it works within the files."""
        return [ItemInteraction(kind="within", target=["files", params.dest])]

    async def _goal(self, cx: ItemContext, params: ArchiveExtractParams) -> ArchiveExtractState:
        if await cx.fs.stat(params.archive) is None:
            return _not_known_yet(params)
        return _state(params.dest, (await self._listing(cx, params)).files)

    async def _directory(self, cx: ItemContext, dest: str) -> ArchiveExtractState:
        if not await cx.fs.is_dir(dest):
            return ArchiveExtractState(path=dest)
        return _state(dest, await digest_directory(cx, dest))

    async def _listing(self, cx: ItemContext, params: ArchiveExtractParams) -> Listing:
        """Read the archive through; the last one is remembered by its digest, which is found faster."""
        archive = await digest_file(cx, params.archive)
        if self._known is not None and self._known[0] == archive:
            return self._known[1]
        async with cx.fs.open(params.archive) as file:
            listing = await _list(cx, file, archive, params.limits)
        self._known = (archive, listing)
        return listing

    async def _refuse_foreign_files(self, cx: ItemContext, params: ArchiveExtractParams) -> None:
        """Refuse to take over a directory with other files in it, of which nobody has been told yet."""
        if cx.stored is not None or self._known is None:
            return
        own = {f"{params.dest}/{file.path}" for file in self._known[1].files}
        foreign = [file.path for file in await cx.fs.list(params.dest) if file.path not in own]
        if foreign:
            some = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
            raise ItemFailure(
                f"{params.dest} holds files that are not in {params.archive}, {len(foreign)} in all ({some}), and "
                "unpacking would remove them. Nothing was changed: move them away, choose another directory, or run "
                "`discover` first to accept it."
            )


async def _list(cx: ItemContext, file: BinaryIO, archive: FileDigest, limits: ArchiveLimits) -> Listing:
    found: dict[str, FileDigest] = {}
    links: dict[str, str] = {}
    for entry in read_entries(file, archive.path, archive.size, limits):
        if entry.link is not None:
            links[entry.path] = entry.link
            continue
        digest, size = hashlib.sha256(), 0
        for chunk in entry.chunks():
            digest.update(chunk)
            size += len(chunk)
            await cx.checkpoint()
        await cx.checkpoint()
        found[entry.path] = FileDigest(path=entry.path, size=size, sha256=digest.hexdigest())
    return _with_copies(found, links, Guard(archive.path, archive.size, limits))


def _with_copies(found: dict[str, FileDigest], links: dict[str, str], guard: Guard) -> Listing:
    copies: dict[str, list[str]] = {}
    for path in links:
        end, seen = path, set[str]()
        while end in links and end not in seen:
            seen.add(end)
            end = links[end]
        if end not in found:
            raise guard.refuse(f"its link {path!r} points at {links[path]!r}, which is not a file in it")
        copies.setdefault(end, []).append(path)
        guard.count(found[end].size)
    whole = [found[end].model_copy(update={"path": path}) for end, paths in copies.items() for path in paths]
    return Listing(files=sorted([*found.values(), *whole], key=lambda file: file.path), links=copies)


async def _unpack(cx: ItemContext, entry: Entry, copies: list[str], directory: DirectoryWriter) -> list[FileDigest]:
    digest, size = hashlib.sha256(), 0
    async with AsyncExitStack() as stack:
        files = [await stack.enter_async_context(directory.write(path)) for path in (entry.path, *copies)]
        for chunk in entry.chunks():
            digest.update(chunk)
            size += len(chunk)
            for file in files:
                await file.write(chunk)
                cx.progress.inc(len(chunk))
            await cx.checkpoint()
        for file in files:
            await file.commit()
        await cx.checkpoint()
    return [FileDigest(path=path, size=size, sha256=digest.hexdigest()) for path in (entry.path, *copies)]


def _not_known_yet(params: ArchiveExtractParams) -> ArchiveExtractState:
    return ArchiveExtractState(path=params.dest, exists=True)


def _state(path: str, files: list[FileDigest]) -> ArchiveExtractState:
    return ArchiveExtractState(
        path=path,
        exists=True,
        count=len(files),
        size=sum(file.size for file in files),
        digest=digest_of(files),
        files={f.path: f.sha256[:SHORT] for f in sorted(files, key=lambda f: f.path)} if len(files) <= LISTED else {},
    )
