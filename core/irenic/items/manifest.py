"""A JSON file that lists the files of a directory."""

import json

from pydantic import BaseModel

from irenic.flow.context import ItemContext
from irenic.flow.generated import Generated
from irenic.flow.item import Item, ItemInteraction, StateDiff
from irenic.flow.params import PartialParams
from irenic.items.digests import FileDigest, digest_bytes, digest_directory
from irenic.items.paths import RelativePath, normalized_path
from irenic.model.errors import ItemFailure


class ManifestParams(BaseModel):
    """The directory whose files are listed, and the path of the list."""

    directory: RelativePath
    dest: RelativePath


class ManifestState(BaseModel):
    """The list: its own SHA-256, how many files it names, and their sizes in bytes together.

    Of a goal whose directory is not there yet, no more is known than that the list will exist.
    """

    path: str
    exists: bool = False
    sha256: Generated[str] = None
    count: Generated[int] = None
    total_size: Generated[int] = None


class Manifest(Item[ManifestParams, ManifestState]):
    """Write a JSON list of a directory's files, each with ``path``, ``size`` and ``sha256``."""

    async def state_current(self, cx: ItemContext, params: ManifestParams) -> ManifestState:
        """Return the list as it is; one that cannot be read counts no files."""
        if await cx.fs.stat(params.dest) is None:
            return ManifestState(path=params.dest)
        content = await cx.fs.read_bytes(params.dest)
        return _state(params.dest, content, _listed(content))

    async def try_state_goal(
        self, cx: ItemContext, params_partial: PartialParams[ManifestParams]
    ) -> ManifestState | None:
        """Return the list as the directory makes it, as far as there is a directory."""
        params = params_partial.whole()
        return None if params is None else await self._goal(cx, params)

    async def state_goal(self, cx: ItemContext, params: ManifestParams) -> ManifestState:
        """Return the list as the directory makes it; in a dry run the directory may not be there yet.

        :raises ItemFailure: if there is no directory.
        """
        goal = await self._goal(cx, params)
        if goal.sha256 is None and not cx.dry_run:
            raise ItemFailure(f"there is no directory {params.directory} whose files could be listed.")
        return goal

    def identity(self, params: ManifestParams) -> str:
        """Return the path."""
        return normalized_path(params.dest)

    def state_clean(self, params_partial: PartialParams[ManifestParams]) -> ManifestState:
        """Return that there is no list."""
        return ManifestState(path=params_partial.dest or "")

    async def apply(
        self,
        cx: ItemContext,
        params: ManifestParams,
        current: ManifestState,
        target: ManifestState,
        diff: StateDiff,
    ) -> ManifestState:
        """Write the list, or remove it."""
        if not target.exists:
            await cx.fs.remove(current.path)
            return target
        content, files = await self._make(cx, params)
        async with cx.fs.write(params.dest) as file:
            await file.write(content)
            await file.commit()
        return _state(params.dest, content, files)

    def interactions(self, params: ManifestParams) -> list[ItemInteraction]:
        """Return that it works within the files."""
        return [ItemInteraction(kind="within", target=["files", params.dest])]

    async def _goal(self, cx: ItemContext, params: ManifestParams) -> ManifestState:
        if not await cx.fs.is_dir(params.directory):
            return ManifestState(path=params.dest, exists=True)
        return _state(params.dest, *await self._make(cx, params))

    async def _make(self, cx: ItemContext, params: ManifestParams) -> tuple[bytes, list[FileDigest]]:
        files = await digest_directory(cx, params.directory, leave_out=params.dest)
        content = json.dumps([file.model_dump() for file in files], indent=1, ensure_ascii=False) + "\n"
        return content.encode(), files


def _state(path: str, content: bytes, files: list[FileDigest]) -> ManifestState:
    return ManifestState(
        path=path,
        exists=True,
        sha256=digest_bytes(path, content).sha256,
        count=len(files),
        total_size=sum(file.size for file in files),
    )


def _listed(content: bytes) -> list[FileDigest]:
    try:
        return [FileDigest.model_validate(file) for file in json.loads(content)]
    except (ValueError, TypeError):
        return []
