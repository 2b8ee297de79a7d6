"""Wheels that a test makes itself: real ones, and small."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EMPTY: Mapping[str, str] = {}


def write_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    modules: Mapping[str, str] = EMPTY,
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel into a folder and return its path.

    Format: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = [
        ("Metadata-Version", "2.1"),
        ("Name", name),
        ("Version", version),
        *(("Requires-Dist", requirement) for requirement in requires),
        *(("Provides-Extra", extra) for extra in extras),
    ]
    kind = [("Wheel-Version", "1.0"), ("Root-Is-Purelib", str(tag.endswith("-any")).lower()), ("Tag", tag)]
    members = {
        **modules,
        f"{stem}.dist-info/METADATA": _headers(metadata),
        f"{stem}.dist-info/WHEEL": _headers(kind),
    }
    record = f"{stem}.dist-info/RECORD"
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(record, "".join(f"{member},,\n" for member in [*members, record]))
    return path


def _headers(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in pairs)
