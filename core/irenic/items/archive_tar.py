"""Entries of a tar file, read as a stream."""

import io
import struct
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from irenic.items.archive import CHUNK, Entry, Guard, no_archive

HEADER_ALLOWANCE = 1024 * 1024
"""Bytes that the headers before a file may take; a longer one would fill the memory before it could be refused."""

BLOCK = 512


def tar_entries(file: BinaryIO, head: bytes, guard: Guard) -> Iterator[Entry]:
    """Yield the files and links of a tar file, compressed or not.

    :param head: the first 512 bytes of the file.
    """
    stream = _Rationed(_decompressed(file, head, guard))
    try:
        stream.allow(HEADER_ALLOWANCE)
        archive = tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", errorlevel=2)  # noqa: SIM115 - closed below
    except _broken() as error:
        raise _refusal(error, head, stream, guard) from error
    with archive:
        while (member := _next(archive, head, stream, guard)) is not None:
            if member.isdir():
                guard.directory(member.name)
            else:
                yield _entry(archive, member, stream, guard)
        _drain(stream, guard)


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, stream: "_Rationed", guard: Guard) -> Entry:
    path = guard.name(member.name)
    if member.issym() or member.islnk():
        return Entry(path, 0, guard.link(path, member.linkname, from_root=member.islnk()), lambda: iter(()))
    if not member.isreg():
        raise guard.refuse(f"{path!r} in it is a device or the like, not a file")
    return Entry(path, member.size, None, lambda: _chunks(archive, member, path, stream, guard))


def _next(archive: tarfile.TarFile, head: bytes, stream: "_Rationed", guard: Guard) -> tarfile.TarInfo | None:
    stream.allow(HEADER_ALLOWANCE)
    try:
        return archive.next()
    except _broken() as error:
        raise _refusal(error, head, stream, guard) from error


def _chunks(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, stream: "_Rationed", guard: Guard
) -> Iterator[bytes]:
    taken = 0
    try:
        content = archive.extractfile(member)
        while content is not None:
            stream.allow(CHUNK)
            chunk = content.read(min(CHUNK, member.size - taken))
            if not chunk:
                break
            taken += len(chunk)
            guard.count(len(chunk))
            yield chunk
    except _broken() as error:
        raise guard.refuse(f"it is broken at {path!r} ({error})") from error
    if taken != member.size:
        raise guard.refuse(f"it is broken at {path!r}, which ends too early")


def _drain(stream: "_Rationed", guard: Guard) -> None:
    """Read what follows the last entry, so that the checksum at the end of the compressed data is looked at."""
    try:
        while True:
            stream.allow(CHUNK)
            rest = stream.read(CHUNK)
            if not rest:
                return
            guard.count(len(rest))
    except _broken() as error:
        raise guard.refuse(f"it is broken at its end ({error})") from error


def _refusal(error: BaseException, head: bytes, stream: "_Rationed", guard: Guard) -> Exception:
    if stream.given <= BLOCK * 20 and isinstance(error, tarfile.ReadError) and not _compression(head):
        return no_archive(head, guard)
    return guard.refuse(f"it is broken ({error})")


def _compression(head: bytes) -> str:
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh"):
        return "bzip2"
    return "xz" if head.startswith(b"\xfd7zXZ\x00") else ""


def _decompressed(file: BinaryIO, head: bytes, guard: Guard) -> IO[bytes]:
    try:
        match _compression(head):
            case "gzip":
                import gzip

                return cast(IO[bytes], gzip.GzipFile(fileobj=file))
            case "bzip2":
                import bz2

                return cast(IO[bytes], bz2.BZ2File(file))
            case "xz":
                import lzma

                return cast(IO[bytes], lzma.LZMAFile(file))
    except ImportError as error:
        raise guard.refuse(f"this Python cannot read {_compression(head)}") from error
    return file


def _broken() -> tuple[type[BaseException], ...]:
    errors: tuple[type[BaseException], ...] = (
        tarfile.TarError,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        struct.error,
    )
    try:
        import lzma
    except ImportError:
        return errors
    return (*errors, lzma.LZMAError)


class _Rationed(io.RawIOBase):
    """Gives no more bytes than were allowed; a header that claims to be huge ends here."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._allowed = 0
        self.given = 0

    def allow(self, size: int) -> None:
        """Allow so many more bytes from here on, and the block in which they end."""
        self._allowed = self.given + size + tarfile.RECORDSIZE

    def read(self, size: int = -1) -> bytes:
        """Return bytes of the source.

        :raises tarfile.ReadError: if more were asked for than is allowed.
        """
        data = self._source.read(size)
        self.given += len(data)
        if self.given > self._allowed:
            raise tarfile.ReadError("a header of it is far too long")
        return data
