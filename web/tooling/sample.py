"""The archive that the demo flow downloads where it is given no other: this project's documentation."""

import io
import zipfile
from pathlib import Path

from tooling.paths import ROOT
from tooling.stamps import files_below

SAMPLE = "flows/sample.zip"
SAMPLE_SOURCES = (ROOT / "README.md", ROOT / "LICENSE", ROOT / "CHANGELOG.md", ROOT / "docs")
WRITTEN_AT = (2025, 1, 1, 0, 0, 0)


def sample_archive() -> bytes:
    """Return a zip file of the documentation; the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in _documents():
            entry = zipfile.ZipInfo(f"irenic/{path.relative_to(ROOT).as_posix()}", WRITTEN_AT)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return packed.getvalue()


def _documents() -> list[Path]:
    return sorted(
        document
        for source in SAMPLE_SOURCES
        for document in (files_below(source) if source.is_dir() else [source])
        if document.is_file()
    )
