"""SHA-256 digests of files and of whole directories."""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, StringConstraints

from irenic.flow.context import ItemContext
from irenic.items.paths import path_parts


def _none_where_blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


Sha256 = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", strip_whitespace=True), AfterValidator(str.lower)
]
"""A SHA-256 digest as 64 hexadecimal digits, in either case."""

OptionalSha256 = Annotated[Sha256 | None, BeforeValidator(_none_where_blank)]
"""A SHA-256 digest, or None; blank text, as a form sends it, means None."""


class FileDigest(BaseModel):
    """A file by its content: its path, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


def digest_bytes(path: str, content: bytes) -> FileDigest:
    """Return the digest of a file that holds the given bytes."""
    return FileDigest(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


async def digest_file(cx: ItemContext, path: str) -> FileDigest:
    """Return the digest of a file.

    :raises ItemFailure: if it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    async for chunk in cx.fs.read(path):
        digest.update(chunk)
        size += len(chunk)
        await cx.checkpoint()
    return FileDigest(path=path, size=size, sha256=digest.hexdigest())


async def digest_directory(cx: ItemContext, directory: str, *, leave_out: str = "") -> list[FileDigest]:
    """Return the digests of all files below a directory but one, by their paths below it, sorted by path."""
    depth = len(path_parts(directory))
    found = []
    for file in await cx.fs.list(directory):
        if file.path == leave_out:
            continue
        digest = await digest_file(cx, file.path)
        found.append(digest.model_copy(update={"path": "/".join(file.path.split("/")[depth:])}))
    return found


def digest_of(files: Iterable[FileDigest]) -> str:
    """Return one digest for a set of files; it changes when a path or a content does."""
    lines = sorted((file.path, file.size, file.sha256) for file in files)
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()
