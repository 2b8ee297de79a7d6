"""Archives for tests: sound ones in every format, and hostile ones."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping

FILES = {"readme.txt": b"hello\n", "docs/guide.md": b"# guide\n" * 1000, "empty": b""}

Make = Callable[[Mapping[str, bytes]], bytes]


def zip_of(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """Return a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a-directory/", b"")
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return buffer.getvalue()


def tar_of(files: Mapping[str, bytes], *more: tarfile.TarInfo, mode: str = "w") -> bytes:
    """Return a tar file, with further members that have no content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is a plain text
        archive.addfile(member("a-directory", tarfile.DIRTYPE))
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return buffer.getvalue()


def member(name: str, type_: bytes, target: str = "") -> tarfile.TarInfo:
    """Return a member of a tar file that is not a file."""
    info = tarfile.TarInfo(name)
    info.type = type_
    info.linkname = target
    return info


def compressed_tar(mode: str) -> Make:
    """Return a function that makes a compressed tar file."""
    return lambda files: tar_of(files, mode=mode)


FORMATS: dict[str, Make] = {
    "zip": zip_of,
    "tar": tar_of,
    "tar.gz": compressed_tar("w:gz"),
    "tar.bz2": compressed_tar("w:bz2"),
    "tar.xz": compressed_tar("w:xz"),
}
