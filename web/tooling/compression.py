"""Compressed siblings of the site's files, as `FILE.br`, `FILE.zst` and `FILE.gz`.

Brotli is the smallest, for whoever is far away; Zstandard takes a third of the time to decode, for a browser beside the
server; gzip is for the few that take neither.

Run in the environment as `python -m tooling.compression`. Every result is kept in `build/cache/compressed/` under the
hash of what it was made from and linked into the site: a file is compressed once however often the site is made.
"""

import argparse
import gzip
import json
import os
import sys
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import brotli

from tooling.paths import CACHE, SITE
from tooling.stamps import scratch_beside, write_atomically

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALLEST_FILE = 1024
"""Bytes. Below this, what is saved is less than a packet."""

WORTHWHILE_RATIO = 0.9
"""What is already compressed (wheels, images) does not get smaller than this and stays as it is."""

SAMPLE = 1 << 16
BEST_QUALITY = 11
"""Brotli's slowest level: 20 s and more for Pyodide's WebAssembly, for 15 % less than level 6."""

ZSTD_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 12,
    zstd.CompressionParameter.window_log: 23,
}
"""A window of 8 MB is the largest that browsers have to take (RFC 9659)."""

GZIP_LEVEL = 6

UNUSED_DAYS = 3
COMPRESSED = CACHE / "compressed"


@dataclass(frozen=True)
class Sibling:
    """One compressed form of one file."""

    path: Path
    kept: tuple[Path, ...]
    """Where it may lie in the cache, best first; the last is where it is put when it has to be made."""


def compress_site(site: Path, quality: int) -> int:
    """Give every file that the manifest names its compressed siblings, and return how many had to be made."""
    files: dict[str, str] = json.loads((site / "manifest.json").read_text())["files"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the compressors release the interpreter's lock
        made = list(pool.map(lambda item: compress_file(site / item[0], item[1], quality), files.items()))
    forget_unused()
    return sum(made)


def compress_file(path: Path, sha256: str, quality: int) -> int:
    """Put a file's compressed siblings beside it, where that is worthwhile; return how many were made anew."""
    if path.stat().st_size < SMALLEST_FILE:
        return 0
    brotlis = tuple(COMPRESSED / f"{sha256}.{level}.br" for level in sorted({BEST_QUALITY, quality}, reverse=True))
    siblings = [
        Sibling(path.with_name(path.name + ".br"), brotlis),
        Sibling(path.with_name(path.name + ".zst"), (COMPRESSED / f"{sha256}.zst",)),
        Sibling(path.with_name(path.name + ".gz"), (COMPRESSED / f"{sha256}.gz",)),
    ]
    made = 0
    if not all(is_linked(sibling) for sibling in siblings):
        data = path.read_bytes()
        if not is_worthwhile(data):
            return 0
        for sibling in siblings:
            if not any(kept.exists() for kept in sibling.kept):
                write_atomically(sibling.kept[-1], compressed(data, sibling.path.suffix, quality))
                made += 1
            link(next(kept for kept in sibling.kept if kept.exists()), sibling.path)
    return made


def compressed(data: bytes, suffix: str, quality: int) -> bytes:
    """Compress by the method that a suffix names."""
    if suffix == ".br":
        packed: bytes = brotli.compress(data, quality=quality)
        return packed
    if suffix == ".zst":
        return zstd.compress(data, options=ZSTD_OPTIONS)
    return gzip.compress(data, GZIP_LEVEL, mtime=0)


def is_linked(sibling: Sibling) -> bool:
    """Tell whether a sibling is in place and is the best one there is."""
    best = next((kept for kept in sibling.kept if kept.exists()), None)
    return best is not None and sibling.path.exists() and sibling.path.samefile(best)


def is_worthwhile(data: bytes) -> bool:
    """Tell by a sample from the middle whether some data gets smaller at all."""
    start = max(0, (len(data) - SAMPLE) // 2)
    sample = data[start : start + SAMPLE]
    return len(zlib.compress(sample, 1)) < WORTHWHILE_RATIO * len(sample)


def link(kept: Path, place: Path) -> None:
    """Make a path name the same file as another, in one move.

    The file's time becomes now: the server does not believe a compressed sibling that is older than its file.
    """
    scratch = scratch_beside(place)
    scratch.unlink(missing_ok=True)
    scratch.hardlink_to(kept)
    os.utime(scratch)
    scratch.replace(place)


def forget_unused() -> None:
    """Delete from the cache what is in no site and was last put into one days ago."""
    oldest = time.time() - UNUSED_DAYS * 86_400
    for kept in COMPRESSED.glob("*"):
        status = kept.stat()
        if status.st_nlink == 1 and status.st_mtime < oldest:
            kept.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    """Compress the site."""
    parser = argparse.ArgumentParser(prog="tooling.compression")
    parser.add_argument("--quality", type=int, default=BEST_QUALITY)
    compress_site(SITE, parser.parse_args(arguments).quality)


if __name__ == "__main__":
    main()
