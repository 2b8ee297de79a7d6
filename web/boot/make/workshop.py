"""Where files are made inside a browser: a headless Chromium, and a server for it that takes in what was made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tooling.browser import ARGUMENTS

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # a container's root has no user namespaces; only our own site is opened
    *ARGUMENTS,
]
CONTENT_TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
PATIENCE_MS = 180_000
EMPTY_PAGE = b"<!doctype html><title>workshop</title>"


class Workshop:
    """A page of the site in a browser. What its workers put is in :attr:`made`, by name."""

    def __init__(self, page: Page, origin: str, made: dict[str, bytes]) -> None:
        self.made = made
        self._page = page
        self._page.set_default_timeout(PATIENCE_MS)
        self._page.goto(f"{origin}/made/")

    def run(self, script: str, task: dict[str, Any]) -> Any:
        """Run a worker of this folder to its answer.

        :raises playwright.sync_api.Error: if it failed; the message holds what it said.
        """
        call = "async ([script, task]) => (await import('/make/exchange.mjs')).runWorker(script, task)"
        return self._page.evaluate(call, [script, task])


@contextmanager
def workshop(site: Path, scripts: Path, out: Path, browser: Path) -> Iterator[Workshop]:
    """Open a page of a site in a headless browser; what lies in ``out`` is served below ``/vendor/boot/``.

    Below ``/sources/`` are the scripts that a site has packed.
    """
    made: dict[str, bytes] = {}
    folders = {"/make/": Path(__file__).parent, "/vendor/boot/": out, "/sources/": scripts, "/": site}
    handler = type("Handler", (_Handler,), {"folders": folders, "made": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=CHROMIUM_ARGUMENTS)
            with chromium:
                yield Workshop(chromium.new_page(), f"http://127.0.0.1:{server.server_port}", made)
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folders: dict[str, Path]
    made: dict[str, bytes]

    def do_GET(self) -> None:
        """Serve a file, or the empty page that the workers are started from."""
        if self.path == "/made/":
            self._answer(200, EMPTY_PAGE, "text/html")
            return
        address = self.path.partition("?")[0]
        start = next(start for start in self.folders if address.startswith(start))
        path = self.folders[start] / address.removeprefix(start)
        if path.is_file():
            self._answer(200, path.read_bytes(), CONTENT_TYPES.get(path.suffix, "application/octet-stream"))
        else:
            self._answer(404, b"", "text/plain")

    def do_PUT(self) -> None:
        """Take in what was made."""
        self.made[self.path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"", "text/plain")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
