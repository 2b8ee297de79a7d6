"""A service that gives ids to things, as a flow's items use it from a terminal and from a tab."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WITHIN = 60.0
"""How long a thing waits to be ready, in seconds, before the test is taken to have failed."""

CLOUD_HEAD = '''# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# [tool.irenic]
# connect = ["http:"]
# ///
import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from irenic import Flow, Generated, Item


class P(BaseModel):
    name: str
    parent: str | None = None


class S(BaseModel):
    name: str | None = None
    parent: str | None = None
    id: Generated[str] = None


class Thing(Item[P, S]):
    """A thing of the service, found by the id that irenic remembers."""

    async def call(self, cx: Any, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        async with cx.http.request(method, ADDRESS + path, body=data, headers=headers) as answer:
            text = await answer.read()
            return json.loads(text) if answer.status < 300 else None

    async def state_current(self, cx: Any, params: P) -> S:
        if cx.stored is None or cx.stored.id is None:
            return S()
        found = await self.call(cx, "GET", f"/things/{cx.stored.id}")
        return S() if found is None else S(**found)

    async def state_goal(self, cx: Any, params: P) -> S:
        return S(name=params.name, parent=params.parent)

    def state_clean(self, params_partial: Any) -> S:
        return S()

    async def apply(self, cx: Any, params: P, current: S, target: S, diff: Any) -> S:
        if target.name is None:
            await self.call(cx, "DELETE", f"/things/{current.id}")
            return S()
        id = current.id
        if id is not None:
            await self.call(cx, "PUT", f"/things/{id}", {"name": params.name, "parent": params.parent})
        else:
            body = {"name": params.name, "parent": params.parent}
            id = (await self.call(cx, "POST", "/things", body, **{"idempotency-key": cx.key}))["id"]
            if KEEPS:
                await cx.keep(S(name=params.name, parent=params.parent, id=id))
        await self.call(cx, "GET", f"/ready/{id}")
        return S(**await self.call(cx, "GET", f"/things/{id}"))


def label(id: str) -> str:
    return f"child-of-{id}"
'''

CLOUD = """
net = flow.add(Thing("net"), name="net")
for number in range(2):
    flow.add(Thing(f"vm{number}"), name=net.state.id.map(label), parent=net.state.id)
"""


class Cloud(ThreadingHTTPServer):
    """A service on loopback: it gives ids, heeds idempotency keys, and makes things ready while ``ready`` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.things: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.posts: list[str] = []
        self.ready = threading.Event()
        self.waits = threading.Event()
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def head(self) -> str:
        """The head of a flow's file that uses the service."""
        return f"{CLOUD_HEAD}\n\nADDRESS = {self.address!r}\nKEEPS = True\n"


class _Handler(BaseHTTPRequestHandler):
    server: Cloud

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Let pages of other sites use it."""
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def do_OPTIONS(self) -> None:
        """Let them send what they like."""
        self.send_response(204)
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Access-Control-Allow-Methods", "*")
        self.end_headers()

    def _answer(self, status: int, data: Any = None) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        """Return a thing, or wait until it is ready."""
        _, what, id = self.path.split("/")
        if what == "ready":
            self.server.waits.set()
            self.server.ready.wait(WITHIN)
        found = self.server.things.get(id)
        try:
            self._answer(404 if found is None else 200, found)
        except OSError:
            return  # the process that asked was killed

    def do_POST(self) -> None:
        """Make a thing; with a key that was seen before, nothing new."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            key = self.headers["idempotency-key"]
            self.server.posts.append(key)
            id = self.server.keys.setdefault(key, f"id-{len(self.server.keys) + 1}")
            self.server.things.setdefault(id, {**body, "id": id})
        self._answer(201, {"id": id})

    def do_PUT(self) -> None:
        """Change a thing."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.things[self.path.rpartition("/")[2]].update(body)
        self._answer(200, {})

    def do_DELETE(self) -> None:
        """Remove a thing."""
        found = self.server.things.pop(self.path.rpartition("/")[2], None)
        self._answer(404 if found is None else 200, {})


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Run a service until the block ends; things are ready at once until a test says otherwise."""
    server = Cloud()
    server.ready.set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.ready.set()
        server.shutdown()
        thread.join()
        server.server_close()
