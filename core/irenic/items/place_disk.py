"""The mark of a folder as a place: ``.irenic/place.json``, beside the files that it speaks of."""

import hashlib
import json
import os
import platform
from pathlib import Path

from pydantic import BaseModel, Field

from irenic.items.disk import make_directories, write_file_durably
from irenic.items.threads import in_thread
from irenic.model.ids import new_execution_id
from irenic.model.place import PlaceInfo

FOLDER = ".irenic"
NAME = "place.json"


class _Mark(BaseModel):
    """What the file says; ``path`` and ``host`` are where the mark was made."""

    id: str = Field(min_length=1, max_length=64)
    path: str
    host: str


class DiskPlace:
    """See :class:`irenic.engine.platform.PlaceMark`.

    A folder that was moved, or whose machine was renamed, is the same place. One that was copied is another place: the
    original still has the mark.

    :param root: the folder below which the files lie.
    """

    def __init__(self, root: str | Path = ".") -> None:
        self._root = Path(root).resolve()
        self._path = self._root / FOLDER / NAME

    async def read(self) -> PlaceInfo | None:
        """See the protocol."""
        return await in_thread(self._read)

    async def create(self) -> PlaceInfo | None:
        """See the protocol."""
        return await in_thread(self._create)

    def _read(self) -> PlaceInfo | None:
        mark = _load(self._path)
        if mark is None or self._is_copy(mark):
            return None
        return self._info(mark.id)

    def _create(self) -> PlaceInfo | None:
        known = self._read()
        if known is not None:
            return known
        mark = _Mark(id=new_execution_id(), path=str(self._root), host=platform.node())
        try:
            make_directories(self._path.parent)
            ignore = self._path.parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
            write_file_durably(self._path, json.dumps(mark.model_dump(), indent=1).encode() + b"\n")
        except OSError:  # a folder that cannot be written to is known by where it is
            seen = f"{platform.node()}:{self._root}"
            return self._info(hashlib.sha256(seen.encode()).hexdigest()[:26])
        return self._info(mark.id)

    def _is_copy(self, mark: _Mark) -> bool:
        if mark.path == str(self._root) or mark.host != platform.node():
            return False
        original = _load(Path(mark.path) / FOLDER / NAME)
        return original is not None and original.id == mark.id and not _is_same(Path(mark.path), self._root)

    def _info(self, place: str) -> PlaceInfo:
        folder = str(self._root)
        home = str(Path.home())
        shown = f"~{folder[len(home) :]}" if folder == home or folder.startswith(home + os.sep) else folder
        return PlaceInfo(id=place, label=f"{shown} on {platform.node()}"[:256])


def _load(path: Path) -> _Mark | None:
    try:
        return _Mark.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
