"""A small web server of our own, for items that download: it counts requests and can be told to hold an answer back."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Resource:
    """What one path answers.

    :param pause_after: bytes after which the answer waits for :attr:`go_on`.
    :param answers_head: whether it answers a HEAD request with its headers, or with 405.
    :param cut_after: bytes after which the connection is closed, though more was announced.
    """

    def __init__(
        self,
        content: bytes = b"",
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        pause_after: int | None = None,
        cut_after: int | None = None,
        announce: bool = True,
        answers_head: bool = True,
    ) -> None:
        self.content = content
        self.status = status
        self.headers = headers or {}
        self.pause_after = pause_after
        self.cut_after = cut_after
        self.announce = announce
        self.answers_head = answers_head
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.client_left = threading.Event()


class Server(ThreadingHTTPServer):
    """A server that says nothing when a client leaves in the middle of an answer."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what is not the client's leaving."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # declared narrower than it is called


class Origin:
    """The server; ``requests`` lists what was asked for, as ``"GET /path"``."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.requests: list[str] = []
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                origin.requests.append(f"GET {self.path}")
                origin._answer(self, origin.resources.get(self.path) or Resource(b"none", status=404))

            def do_HEAD(self) -> None:
                origin.requests.append(f"HEAD {self.path}")
                resource = origin.resources.get(self.path)
                if resource is None or resource.status != 200 or not resource.answers_head:
                    self.send_error(405)
                    return
                self.send_response(200)
                for name, value in resource.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def close(self) -> None:
        """Stop, and let go of answers that are held back."""
        for resource in self.resources.values():
            resource.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, resource: Resource) -> None:
        handler.send_response(resource.status)
        if resource.announce:
            handler.send_header("content-length", str(len(resource.content)))
        else:
            handler.close_connection = True
        for name, value in resource.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        content = resource.content[: resource.cut_after]
        if resource.cut_after is not None:
            handler.close_connection = True
        pause = len(content) if resource.pause_after is None else resource.pause_after
        try:
            handler.wfile.write(content[:pause])
            handler.wfile.flush()
            resource.reached.set()
            if resource.pause_after is not None:
                resource.go_on.wait(30)
            handler.wfile.write(content[pause:])
        except OSError:
            resource.client_left.set()
            handler.close_connection = True


@contextmanager
def running_origin() -> Iterator[Origin]:
    """Run a server until the block ends."""
    origin = Origin()
    try:
        yield origin
    finally:
        origin.close()
