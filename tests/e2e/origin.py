"""Another site, from which the tab downloads: it counts who asks, and sends slowly where a test wants that.

What is posted to an address stands there from then on.
"""

import io
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60.0
"""How long the rest of a held answer waits to be released, in seconds, before the test is taken to have failed."""


class Download:
    """What stands at one address; ``held`` sends the first half and waits for :meth:`release` before the other."""

    def __init__(self, content: bytes, held: bool, status: int) -> None:
        self.content = content
        self.status = status
        self.begun = threading.Event()
        self._released = threading.Event()
        if not held:
            self._released.set()

    def release(self) -> None:
        """Let the second half go."""
        self._released.set()

    def parts(self) -> Iterator[bytes]:
        """Yield the content as it is sent."""
        half = len(self.content) // 2
        yield self.content[:half]
        self.begun.set()
        self._released.wait(PATIENCE)
        yield self.content[half:]


class Origin:
    """A running site; ``requests`` counts the downloads that were asked for, by path, and ``posts`` what was posted."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.address = f"http://127.0.0.1:{server.server_address[1]}"
        self.downloads: dict[str, Download] = {}
        self.requests: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()

    def put(self, path: str, content: bytes, *, held: bool = False, status: int = 200) -> str:
        """Put something up and return its address."""
        self.downloads[path] = Download(content, held, status)
        return self.address + path


@contextmanager
def running_origin() -> Iterator[Origin]:
    """Run a site until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
    server.daemon_threads = True
    origin = Origin(server)
    server.RequestHandlerClass.origin = origin  # type: ignore[attr-defined]  # the class was made for this server
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield origin
    finally:
        for download in origin.downloads.values():
            download.release()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler() -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        origin: Origin

        def do_GET(self) -> None:
            download = self.origin.downloads.get(self.path)
            if download is None:
                self.send_error(404)
                return
            self.origin.requests[self.path] += 1
            self.send_response(download.status)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(download.content)))
            self.end_headers()
            try:
                for part in download.parts():
                    self.wfile.write(part)
                    self.wfile.flush()
            except ConnectionError:
                self.close_connection = True  # the tab went away in the middle, as some tests want it to

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.origin.posts[self.path] += 1
            self.origin.put(self.path, content)
            self.send_response(204)
            self.end_headers()

        def do_HEAD(self) -> None:
            download = self.origin.downloads.get(self.path)
            self.send_response(download.status if download is not None else 404)
            self.send_header("Content-Length", str(len(download.content) if download is not None else 0))
            self.end_headers()

        def do_OPTIONS(self) -> None:
            self.send_response(204)
            self.send_header("Access-Control-Allow-Headers", "*")
            self.end_headers()

        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Expose-Headers", "*")
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def archive(**files: str | bytes) -> bytes:
    """Return a zip archive; ``__`` in a name stands for ``/`` and ``_`` for ``.``."""
    named = {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}
    return archive_of(named)


def archive_of(files: dict[str, str | bytes]) -> bytes:
    """Return a zip archive of files by their names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return packed.getvalue()
