"""Items that compute for longer than a lease lives, and let nothing else run meanwhile."""

import signal
import subprocess
import textwrap
import time
from pathlib import Path

import httpx
import pytest
from tests.e2e.test_cli_server import Terminals
from tests.server.harness import TOKEN, problem_name, running_server

COMPUTES_FOR = 20.0
LEASE_LIVES_FOR = 15.0

FLOW = f"""
import time
from pathlib import Path
from pydantic import BaseModel
from irenic import Flow, Item

class Nothing(BaseModel):
    pass

class State(BaseModel):
    done: bool = False

class Computes(Item[Nothing, State]):
    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(done=True)

    def state_clean(self, params):
        return State()

    async def apply(self, cx, params, current, target, diff):
        Path("begun").touch()
        end = time.monotonic() + {COMPUTES_FOR}
        while time.monotonic() < end:
            pass
        return target

flow = Flow("long")
flow.add(Computes("computes"))
"""


def held_after(begun: Path, terminals: Terminals, address: str) -> bool:
    """Return whether the lease is held when it would have run out without being renewed."""
    terminals.until(begun.exists)
    time.sleep(LEASE_LIVES_FOR + 1)  # what is tried is what has happened after that time
    answer = httpx.post(
        f"{address}/api/v1/flows/long/profiles/default/lease",
        json={"holder": "another"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    return problem_name(answer) == "held"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the flow."""
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


def test_an_item_in_a_terminal_keeps_its_lease(folder: Path) -> None:
    """The record is on a server, which hears of its holder all the while."""
    with running_server(str(folder / "server.db")) as server:
        terminals = Terminals(folder, server.address)
        ensure = terminals.start("ensure", "flow.py", "--format", "json", "--progress", "none")

        assert held_after(folder / "begun", terminals, server.address)

        out, err = ensure.communicate(timeout=COMPUTES_FOR)
        assert (ensure.returncode, err) == (0, "")
        assert '"complete"' in out


def test_an_item_that_runs_on_a_server_keeps_its_lease(folder: Path) -> None:
    """The server's own loop renews nothing: the item is in another."""
    terminals = Terminals(folder, "")
    serve = terminals.start(
        "serve", "flow.py", "--run", "--no-page", "--port", "0", "--token", TOKEN, "--database", "served.db"
    )
    try:
        assert serve.stdout is not None
        address = serve.stdout.readline().partition("/?token=")[0]
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
            started = client.post("/api/v1/executions", json={"flow": "long", "cmds": ["ensure"]}).json()
            path = f"/api/v1/executions/{started['id']}"

            assert held_after(folder / "begun", terminals, address)

            terminals.until(lambda: client.get(path).json()["status"] != "running")
            assert client.get(path).json()["status"] == "complete"
    finally:
        serve.terminate()
        try:
            serve.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            serve.kill()


GOES_ON = """
import asyncio
end = time.monotonic() + 1
while time.monotonic() < end or not Path("go").exists():
    cx.progress.inc()
    await cx.checkpoint()
    await asyncio.sleep(0.05)
"""


def test_a_run_that_was_suspended_for_longer_than_its_lease_goes_on(folder: Path) -> None:
    """As on a laptop that sleeps; its lease ran out, and it is the first to come back for it."""
    loop = f"        end = time.monotonic() + {COMPUTES_FOR}\n        while time.monotonic() < end:\n            pass\n"
    assert loop in FLOW
    (folder / "flow.py").write_text(FLOW.replace(loop, textwrap.indent(GOES_ON, " " * 8)))
    with running_server(str(folder / "server.db")) as server:
        terminals = Terminals(folder, server.address)
        ensure = terminals.start("ensure", "flow.py", "--format", "json", "--progress", "none")
        terminals.until((folder / "begun").exists)

        ensure.send_signal(signal.SIGSTOP)
        time.sleep(LEASE_LIVES_FOR + 3)  # what is tried is what has happened after that time
        ensure.send_signal(signal.SIGCONT)
        (folder / "go").touch()

        out, err = ensure.communicate(timeout=60)
        assert (ensure.returncode, err) == (0, "")
        assert '"complete"' in out
