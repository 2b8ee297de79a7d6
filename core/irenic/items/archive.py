"""Reading archives that may be hostile: zip, tar, and tar compressed by gzip, bzip2 or xz.

    read_entries      finds out the format, and yields checked entries one after the other
    ├─ zip            from the table at the end of the file
    └─ tar            as a stream, from front to back
    Guard             refuses names that leave the directory, duplicates, and more than the limits allow

Nothing that an archive says of itself is believed: sizes are counted as the bytes come out.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from pydantic import BaseModel, Field

from irenic.items.paths import unsafe_because
from irenic.model.errors import ItemFailure

CHUNK = 262_144

SMALL = 16 * 1024 * 1024
"""Bytes up to which an archive may unpack to whatever its compression gives."""

FORMATS = "zip, tar, tar.gz, tar.bz2 and tar.xz"


class ArchiveLimits(BaseModel):
    """How much an archive may hold.

    :param max_files: files at most.
    :param max_bytes: bytes at most, unpacked.
    :param max_ratio: unpacked bytes at most for each byte of the archive, once there are more than 16 MiB of them.
    """

    max_files: int = Field(50_000, gt=0)
    max_bytes: int = Field(4 * 1024**3, gt=0)
    max_ratio: int = Field(200, gt=0)


class Entry:
    """A file of an archive, or a link inside it.

    :param link: the path that a link points at, below the archive's root; None for a file.
    """

    def __init__(self, path: str, size: int, link: str | None, chunks: Callable[[], Iterator[bytes]]) -> None:
        self.path = path
        self.size = size
        self.link = link
        self._chunks = chunks

    def chunks(self) -> Iterator[bytes]:
        """Return the content; it has to be taken before the next entry is."""
        return self._chunks()


class Guard:
    """Refuses what a sound archive does not hold.

    :param archive: how the archive is called in messages.
    :param packed: the archive's size in bytes.
    """

    def __init__(self, archive: str, packed: int, limits: ArchiveLimits) -> None:
        self._archive = archive
        self._packed = packed
        self._limits = limits
        self._files: set[str] = set()
        self._directories: set[str] = set()
        self._unpacked = 0

    def refuse(self, why: str) -> ItemFailure:
        """Return the failure to raise."""
        return ItemFailure(f"{self._archive} is not unpacked: {why}. Nothing was kept.")

    def name(self, name: str) -> str:
        """Return the path that a file's name stands for.

        :raises ItemFailure: if it leaves the directory, was there already, or there are too many.
        """
        path = self._clean(name)
        parents = _parents(path)
        if path in self._files or path in self._directories or any(parent in self._files for parent in parents):
            raise self.refuse(f"it holds {name!r} twice, or as a file and as a directory")
        self._files.add(path)
        self._directories.update(parents)
        if len(self._files) > self._limits.max_files:
            raise self.refuse(f"it holds more than {self._limits.max_files:,} files, the most that is allowed")
        return path

    def directory(self, name: str) -> None:
        """Check the name of a directory."""
        path = self._clean(name, "directory ")
        if path in self._files:
            raise self.refuse(f"it holds {name!r} as a file and as a directory")

    def link(self, path: str, target: str, *, from_root: bool) -> str:
        """Return the path below the root that a link points at.

        :param from_root: whether the target is given from the archive's root (hard links), not from the link's place.
        :raises ItemFailure: if it leaves the directory.
        """
        steps = [] if from_root else path.split("/")[:-1]
        if target.startswith("/"):
            raise self.refuse(f"its link {path!r} points out of the archive, at {target!r}")
        for step in target.split("/"):
            if step == ".." and not steps:
                raise self.refuse(f"its link {path!r} points out of the archive, at {target!r}")
            if step == "..":
                steps.pop()
            elif step not in ("", "."):
                steps.append(step)
        return "/".join(steps)

    def count(self, size: int) -> None:
        """Count bytes that came out.

        :raises ItemFailure: if there are too many, in all or for the size of the archive.
        """
        self._unpacked += size
        if self._unpacked > self._limits.max_bytes:
            raise self.refuse(f"it holds more than {self._limits.max_bytes:,} bytes, the most that is allowed")
        if self._unpacked > max(SMALL, self._limits.max_ratio * self._packed):
            raise self.refuse(
                f"it grows to more than {self._limits.max_ratio} times its size, as an archive made to fill disks does"
            )

    def _clean(self, name: str, what: str = "") -> str:
        why = unsafe_because(name)
        path = "/".join(step for step in name.split("/") if step not in ("", "."))
        if why is None and not path and not what:
            why = "it is empty"
        if why is not None:
            raise self.refuse(f"its {what}name {name!r} is not safe, because {why}")
        return path


def read_entries(file: BinaryIO, archive: str, packed: int, limits: ArchiveLimits) -> Iterator[Entry]:
    """Yield the files and links of an archive; directories are checked and left out.

    :param archive: how the archive is called in messages.
    :param packed: the archive's size in bytes.
    :raises ItemFailure: if it is broken, hostile, or no archive.
    """
    guard = Guard(archive, packed, limits)
    head = file.read(512)
    file.seek(0)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        from irenic.items.archive_zip import zip_entries  # what it needs of the standard library is slow to load

        return zip_entries(file, guard)
    from irenic.items.archive_tar import tar_entries

    return tar_entries(file, head, guard)


def no_archive(head: bytes, guard: Guard) -> ItemFailure:
    """Return the failure to raise where the first bytes are those of no known archive."""
    if not head:
        return guard.refuse("it is empty")
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return guard.refuse("it is a web page, not an archive; check the address that it came from")
    return guard.refuse(f"it is not an archive of a known format ({FORMATS})")


def _parents(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:depth]) for depth in range(1, len(steps))]
