"""Entries of a zip file."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from irenic.items.archive import CHUNK, Entry, Guard

LONGEST_LINK = 4096

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error)


def zip_entries(file: BinaryIO, guard: Guard) -> Iterator[Entry]:
    """Yield the files and links of a zip file."""
    try:
        archive = zipfile.ZipFile(file)
    except NotImplementedError as error:  # what zipfile says of a method or version beyond it
        raise guard.refuse(f"it is of a kind that is not known here ({error})") from error
    except BROKEN as error:
        raise guard.refuse(f"it is broken ({error})") from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                guard.directory(info.filename)
            else:
                yield _entry(archive, info, guard)


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, guard: Guard) -> Entry:
    path = guard.name(info.filename)
    if info.flag_bits & 1:
        raise guard.refuse(f"its file {path!r} is encrypted")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        target = b"".join(_chunks(archive, info, path, guard, LONGEST_LINK)).decode(errors="replace")
        return Entry(path, 0, guard.link(path, target, from_root=False), lambda: iter(()))
    if kind not in (0, stat.S_IFREG):
        raise guard.refuse(f"{path!r} in it is a device or the like, not a file")
    return Entry(path, info.file_size, None, lambda: _chunks(archive, info, path, guard))


def _chunks(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, guard: Guard, most: int | None = None
) -> Iterator[bytes]:
    taken = 0
    try:
        with archive.open(info) as content:
            while chunk := content.read(CHUNK):
                taken += len(chunk)
                guard.count(len(chunk))
                if most is not None and taken > most:
                    raise guard.refuse(f"its link {path!r} is too long")
                yield chunk
    except NotImplementedError as error:  # what zipfile says of a method or version beyond it
        raise guard.refuse(f"its file {path!r} is compressed in a way that is not known here ({error})") from error
    except RuntimeError as error:
        raise guard.refuse(f"its file {path!r} cannot be read ({error})") from error
    except BROKEN as error:
        raise guard.refuse(f"it is broken at {path!r} ({error})") from error
    if taken != info.file_size:
        raise guard.refuse(f"it is broken at {path!r}, which ends too early")
