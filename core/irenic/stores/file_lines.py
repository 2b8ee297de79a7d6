"""Lines of a journal file: each is a JSON array of a checksum and an object, ``["1c291ca3",{...}]``.

The checksum is the CRC-32 of the object's bytes, in eight hexadecimal digits. A last line that fails it, or has no end,
was torn by a crash and does not count; any other that fails it is corruption.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from irenic.model.errors import CorruptStoreError

TAIL_BLOCK = 4096

_head = re.compile(rb'\{"execution_id":"[^"]*","seq":(\d+),"at":"[^"]*","kind":"(\w+)"')


def encode_line(payload: bytes) -> bytes:
    """Return the line for an object's bytes."""
    return b'["%08x",%b]\n' % (zlib.crc32(payload), payload)


def encode_lines(payloads: Iterable[bytes]) -> bytes:
    """Return the lines for the bytes of some objects."""
    crc32 = zlib.crc32
    return b"".join([b'["%08x",%b]\n' % (crc32(payload), payload) for payload in payloads])


def decode_line(line: bytes) -> bytes | None:
    """Return the object's bytes of a whole line, or None where it fails its checks."""
    if line[:2] != b'["' or line[10:12] != b'",' or line[-2:] != b"]\n":
        return None
    payload = line[12:-2]
    return payload if line[2:10] == b"%08x" % zlib.crc32(payload) else None


class Line:
    """A line that was read: its object's bytes, its number in the file, and where the next one begins."""

    __slots__ = ("end", "number", "payload")

    def __init__(self, payload: bytes, number: int, end: int) -> None:
        self.payload = payload
        self.number = number
        self.end = end

    def head(self) -> tuple[int, bytes] | None:
        """Return ``seq`` and ``kind`` of an event without reading it whole; None where they do not stand in front."""
        found = _head.match(self.payload)
        return None if found is None else (int(found.group(1)), found.group(2))


def read_lines(file: IO[bytes], path: Path, *, number: int = 1) -> Iterator[Line]:
    """Yield the sound lines from the file's position on, up to a torn end.

    :param number: the number of the first line that is read.
    :raises CorruptStoreError: if a line that is not the last fails its checks; the message names file and line.
    """
    end = file.tell()
    torn: int | None = None
    for line in file:
        if torn is not None:
            raise corrupt(path, torn)
        payload = decode_line(line)
        if payload is None:
            torn = number
        else:
            end += len(line)
            yield Line(payload, number, end)
        number += 1


def last_line(file: IO[bytes], *, before: int | None = None) -> tuple[bytes, int] | None:
    """Return the object's bytes of the last sound line, and where that line begins; None where there is none.

    :param before: a position; only lines that end there or earlier are looked at.
    """
    size = file.seek(0, 2) if before is None else before
    block = TAIL_BLOCK
    while True:
        start = max(0, size - block)
        file.seek(start)
        data = file.read(size - start)
        end = data.rfind(b"\n") + 1
        while end > 0:
            begin = data.rfind(b"\n", 0, end - 1) + 1
            if begin == 0 and start > 0:
                break
            payload = decode_line(data[begin:end])
            if payload is not None:
                return payload, start + begin
            end = begin
        if start == 0:
            return None
        block *= 4


def corrupt(path: Path, number: int) -> CorruptStoreError:
    """Return the error to raise for a line that fails its checks."""
    return CorruptStoreError(
        f"{path}, line {number}: this line fails its checksum and is not the last one, so it was changed or damaged "
        "after it was written. Nothing was changed now; restore the file from a backup, or move it away to go on "
        "without it."
    )
