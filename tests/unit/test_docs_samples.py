"""Samples of the docs that need more than a command line do what the text beside them says."""

import json
import re
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

from tests.web_server import serving

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome
from irenic.flow.script import load_flow
from irenic.stores import MemoryStore

ROOT = Path(__file__).parents[2]


def python_of(path: str, containing: str) -> str:
    """Return the sample of a page that contains a text."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)
    return next(block for block in blocks if containing in block)


class Servers(SimpleHTTPRequestHandler):
    """An API that gives servers ids, and answers a repeated key with what it has created already."""

    servers: ClassVar[dict[str, dict[str, str]]] = {}
    keys: ClassVar[dict[str, str]] = {}
    answers_lost: ClassVar[int] = 0

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Return a server."""
        self._send(self.servers.get(self.path.rpartition("/")[2]))

    def do_DELETE(self) -> None:
        """Remove a server."""
        self._send(self.servers.pop(self.path.rpartition("/")[2], None))

    def do_POST(self) -> None:
        """Create a server, and lose the answer where that is asked for."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.keys.setdefault(self.headers["Idempotency-Key"], f"srv-{len(self.keys)}")
        self.servers[known] = {"id": known, "name": body["name"]}
        if type(self).answers_lost:
            type(self).answers_lost -= 1
            self.close_connection = True
            return
        self._send(self.servers[known])

    def _send(self, found: Any) -> None:
        body = json.dumps(found).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


async def test_the_server_of_the_sample_is_created_once(tmp_path: Path) -> None:
    """Also where the answer to its create is lost; clean removes it."""

    class Api(Servers):
        servers: ClassVar[dict[str, dict[str, str]]] = {}
        keys: ClassVar[dict[str, str]] = {}
        answers_lost: ClassVar[int] = 1

    flow = load_flow(python_of("docs/writing-a-flow.md", "Idempotency-Key"), "servers.py")
    store = MemoryStore()

    async def run(cmd: str, api: str) -> CmdOutcome:
        async with CmdExecutionMap(store) as executions:
            return await executions.submit(CmdExecRequest(flow=flow, cmds=[cmd], inputs={"api": api}))

    with serving(tmp_path, Api) as api:
        assert (await run("ensure", api)).kind == "item_error"
        ensured = await run("ensure", api)
        assert (ensured.kind, list(Api.servers)) == ("complete", ["srv-0"])
        again = await run("ensure", api)
        assert (again.kind, again.drift, list(Api.servers)) == ("complete", {}, ["srv-0"])
        assert (await run("clean", api)).kind == "complete"
    assert Api.servers == {}


def test_the_upgrade_of_the_sample_makes_a_state_of_the_present_shape() -> None:
    """The class of the sample takes the place of the README's."""
    readme = python_of("README.md", 'Flow("hello"')
    upgrade = python_of("docs/when-things-have-changed.md", "upgrade_state")
    flow = load_flow(f"{readme}\n\n{upgrade}", "hello.py")
    assert flow.namespace is not None
    text: Any = flow.namespace["Text"]
    assert text.state_version == 2
    assert text.upgrade_state(None, 1, {"text": "a\nb\n"}) == {"text": "a\nb\n", "lines": 2}
