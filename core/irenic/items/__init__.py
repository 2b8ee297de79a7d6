"""The items that people need first, and the platforms that they run on."""

from irenic.items.addresses import WebAddress
from irenic.items.archive import ArchiveLimits
from irenic.items.archive_extract import ArchiveExtract
from irenic.items.digests import OptionalSha256, Sha256
from irenic.items.file_download import FileDownload
from irenic.items.manifest import Manifest
from irenic.items.paths import RelativePath
from irenic.items.sh_command import ShCommand
from irenic.items.text_file import TextFile

__all__ = [
    "ArchiveExtract",
    "ArchiveLimits",
    "FileDownload",
    "Manifest",
    "OptionalSha256",
    "RelativePath",
    "ShCommand",
    "Sha256",
    "TextFile",
    "WebAddress",
]
