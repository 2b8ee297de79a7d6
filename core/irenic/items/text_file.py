"""A file with a given text."""

from pydantic import BaseModel

from irenic.flow.context import ItemContext
from irenic.flow.item import Item, ItemInteraction, StateDiff
from irenic.flow.params import PartialParams
from irenic.items.digests import digest_bytes, digest_file
from irenic.items.paths import RelativePath, normalized_path


class TextFileParams(BaseModel):
    """The path of a file and the text that it shall hold, as UTF-8."""

    dest: RelativePath
    text: str


class TextFileState(BaseModel):
    """The file: ``size`` in bytes, and the SHA-256 of its content."""

    path: str
    exists: bool = False
    size: int | None = None
    sha256: str | None = None


class TextFile(Item[TextFileParams, TextFileState]):
    """Write a text to a file."""

    async def state_current(self, cx: ItemContext, params: TextFileParams) -> TextFileState:
        """Return the file as it is."""
        if await cx.fs.stat(params.dest) is None:
            return TextFileState(path=params.dest)
        found = await digest_file(cx, params.dest)
        return TextFileState(path=params.dest, exists=True, size=found.size, sha256=found.sha256)

    async def state_goal(self, cx: ItemContext, params: TextFileParams) -> TextFileState:
        """Return the file as the text makes it."""
        wanted = digest_bytes(params.dest, params.text.encode())
        return TextFileState(path=params.dest, exists=True, size=wanted.size, sha256=wanted.sha256)

    def identity(self, params: TextFileParams) -> str:
        """Return the path."""
        return normalized_path(params.dest)

    def state_clean(self, params_partial: PartialParams[TextFileParams]) -> TextFileState:
        """Return that there is no file."""
        return TextFileState(path=params_partial.dest or "")

    async def apply(
        self,
        cx: ItemContext,
        params: TextFileParams,
        current: TextFileState,
        target: TextFileState,
        diff: StateDiff,
    ) -> TextFileState:
        """Write the file, or remove it."""
        if not target.exists:
            await cx.fs.remove(current.path)
            return target
        async with cx.fs.write(params.dest) as file:
            await file.write(params.text.encode())
            await file.commit()
        return target

    def interactions(self, params: TextFileParams) -> list[ItemInteraction]:
        """Return that it works within the files."""
        return [ItemInteraction(kind="within", target=["files", params.dest])]
