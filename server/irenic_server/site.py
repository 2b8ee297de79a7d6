"""The built site: files as they are, or as they were compressed beforehand, with caching by name."""

import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from starlette.types import Receive, Scope, Send

from irenic_server.asgi import Header, header, respond, respond_problem
from irenic_server.problems import Problem

CHUNK = 256 * 1024

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".snapshot": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/octet-stream",
    ".woff2": "font/woff2",
    ".zip": "application/zip",
}
_SUFFIXES = {b"zstd": ".zst", b"br": ".br", b"gzip": ".gz"}
_FAR = (b"br", b"gzip")
"""Smallest first."""
_NEAR = (b"zstd", *_FAR)
"""On the same machine bytes cost nothing and decoding does: Zstandard takes a third of brotli's time."""
_hashed_name = re.compile(r"[.-][0-9a-f]{8,64}\.[a-z0-9.]+$")
_hashed_query = re.compile(rb"(?:^|&)v=[0-9A-Za-z_-]{8,}(?:&|$)")
_range = re.compile(rb"bytes=(\d{1,15})-(\d{0,15})")
_FOR_EVER = b"private, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"


@dataclass(frozen=True, slots=True)
class _Found:
    """A file to send; ``encoding`` is the one it is stored in."""

    path: Path
    encoding: bytes | None
    size: int
    changed_ns: int

    @property
    def etag(self) -> bytes:
        suffix = f"-{self.encoding.decode()}" if self.encoding else ""
        return f'"{self.changed_ns:x}-{self.size:x}{suffix}"'.encode()


class Site:
    """Serves the files below one folder, and nothing else."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            problem = Problem("method-not-allowed", "The site can only be read.", headers={"Allow": "GET, HEAD"})
            await respond_problem(send, problem)
            return
        encodings = () if header(scope, b"range") is not None else _encodings(scope)
        path: str = scope["path"]
        found = await to_thread.run_sync(self._find, path, encodings)
        if found is None:
            problem = Problem("not-found", f"The site has no {path[:200]!r}. Its start page is '/'.")
            await respond_problem(send, problem)
            return
        await _send(scope, send, found, _headers(scope, found))

    def _find(self, path: str, encodings: Iterable[bytes]) -> _Found | None:
        file = self._locate(path)
        if file is None:
            return None
        for encoding in encodings:
            stored = _stat(file.with_name(file.name + _SUFFIXES[encoding]), file, encoding)
            if stored is not None:
                return stored
        return _stat(file, file, None)

    def _locate(self, path: str) -> Path | None:
        if "\0" in path or "\\" in path:
            return None
        segments = path.strip("/").split("/") if path.strip("/") else []
        if any(segment in ("", ".", "..") for segment in segments):
            return None
        file = self._root.joinpath(*segments)
        try:
            # Also a link that leads out of the folder leads nowhere.
            resolved = file.resolve(strict=True)
            if resolved.is_dir():
                resolved = (resolved / "index.html").resolve(strict=True)
            return resolved if resolved.is_relative_to(self._root) and resolved.is_file() else None
        except OSError:
            return None


def _stat(stored: Path, plain: Path, encoding: bytes | None) -> _Found | None:
    try:
        status = stored.stat()
        # A file that was changed without compressing it again is sent as it is now.
        if encoding is not None and status.st_mtime_ns < plain.stat().st_mtime_ns:
            return None
    except OSError:
        return None
    return _Found(stored, encoding, status.st_size, status.st_mtime_ns)


def _encodings(scope: Scope) -> list[bytes]:
    """Return what a client takes, best first."""
    accepted = _accepted(header(scope, b"accept-encoding") or b"")
    return [encoding for encoding in (_NEAR if _is_near(scope) else _FAR) if encoding in accepted]


def _is_near(scope: Scope) -> bool:
    client = scope.get("client")
    if client is None or any(header(scope, name) is not None for name in (b"x-forwarded-for", b"forwarded")):
        return False
    return bool(client[0] == "::1" or client[0].startswith("127."))


def _accepted(value: bytes) -> frozenset[bytes]:
    accepted = set()
    for part in value.lower().split(b","):
        name, _, parameters = part.partition(b";")
        if parameters.strip().replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            accepted.add(name.strip())
    return frozenset(accepted)


def _headers(scope: Scope, found: _Found) -> list[Header]:
    name = found.path.name.removesuffix(_SUFFIXES[found.encoding]) if found.encoding else found.path.name
    suffix = Path(name).suffix.lower()
    media_type = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    for_ever = _hashed_name.search(name) or _hashed_query.search(scope["query_string"])
    headers: list[Header] = [
        (b"content-type", media_type.encode("ascii")),
        (b"cache-control", _FOR_EVER if for_ever else _ASK_AGAIN),
        (b"etag", found.etag),
        (b"last-modified", formatdate(found.changed_ns / 1e9, usegmt=True).encode("ascii")),
        (b"vary", b"accept-encoding"),
        (b"accept-ranges", b"bytes"),
    ]
    if found.encoding is not None:
        headers.append((b"content-encoding", found.encoding))
    return headers


async def _send(scope: Scope, send: Send, found: _Found, headers: list[Header]) -> None:
    known = header(scope, b"if-none-match")
    if known is not None and found.etag in (tag.strip().removeprefix(b"W/") for tag in known.split(b",")):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    span = _span(scope, found)
    if span is None:
        await respond(send, 416, b"", [*headers, (b"content-range", b"bytes */%d" % found.size)])
        return
    first, last = span
    status = 200
    if last - first + 1 < found.size:
        status = 206
        headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last, found.size)))
    headers.append((b"content-length", b"%d" % (last - first + 1)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        await send({"type": "http.response.body", "body": b""})
        return
    file = await to_thread.run_sync(_open, found.path, first)
    try:
        left = last - first + 1
        while True:
            chunk = await to_thread.run_sync(file.read, min(CHUNK, left))
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0 and bool(chunk)})
            if left <= 0 or not chunk:
                return
    finally:
        file.close()


def _open(path: Path, position: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(position)
    return file


def _span(scope: Scope, found: _Found) -> tuple[int, int] | None:
    """Return the first and last byte to send; everything where no single range is asked for."""
    whole = (0, found.size - 1)
    asked = header(scope, b"range")
    condition = header(scope, b"if-range")
    match = _range.fullmatch(asked) if asked is not None else None
    if match is None or (condition is not None and condition != found.etag):
        return whole
    first = int(match[1])
    last = min(int(match[2]) if match[2] else found.size - 1, found.size - 1)
    return (first, last) if first <= last else None
