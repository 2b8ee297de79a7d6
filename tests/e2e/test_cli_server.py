"""One run on a server's store, begun in one terminal, and watched, stopped and finished from others."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.gated_flow import gated_flow
from tests.server.harness import TOKEN, running_server

from irenic.engine.execution_map import user_and_host

PATIENCE = 30.0


class Terminals:
    """Commands of irenic in one folder, on the store of one server."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "IRENIC_STORE": address, "IRENIC_TOKEN": TOKEN}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that takes its time."""
        return subprocess.Popen(
            [sys.executable, "-m", "irenic", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def irenic(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def executions(self, *options: str) -> list[dict[str, Any]]:
        """Return the executions that the server knows, newest first."""
        listed: list[dict[str, Any]] = json.loads(self.irenic("executions", "list", "-f", "json", *options).stdout)
        return listed

    @property
    def happened(self) -> list[str]:
        """What the items did, in order."""
        path = self.folder / "happened"
        return path.read_text().splitlines() if path.exists() else []

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what another process does."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, "it never happened"
            time.sleep(0.02)


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    """Terminals, and a flow of two items of which the second waits."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once", "b:waits"))
    with running_server(str(tmp_path / "server.db")) as server:
        yield Terminals(tmp_path, server.address)


def test_flows_are_served_and_run_on_the_server(terminals: Terminals) -> None:
    """``irenic serve --run``: started by HTTP; Ctrl-C to the server waits for what runs, and then ends it."""
    server = terminals.start(
        "serve", "flow.py", "--run", "--no-page", "--port", "0", "--token", TOKEN, "--database", "served.db"
    )
    assert server.stdout is not None
    address = server.stdout.readline().partition("/?token=")[0]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    started = httpx.post(
        f"{address}/api/v1/executions", headers=headers, json={"flow": "gated", "profile": "dev"}, timeout=PATIENCE
    )
    assert started.status_code == 202
    assert started.json()["id"]
    terminals.until(lambda: "b begins" in terminals.happened)
    server.send_signal(signal.SIGINT)
    (terminals.folder / "b.go").touch()
    _, err = server.communicate(timeout=PATIENCE)
    assert server.returncode == 0, err
    assert terminals.happened == ["a begins", "a ends", "b begins", "b ends"]


def test_a_run_is_stopped_from_another_terminal_and_finished_in_a_third(terminals: Terminals) -> None:
    """The lease moves, the reason is kept, and nothing is applied twice."""
    first = terminals.start("ensure", "flow.py", "--format", "json")
    terminals.until(lambda: "b begins" in terminals.happened)
    (running,) = terminals.executions("--status", "running")
    refused = terminals.irenic("ensure", "flow.py", "--item", "a")
    assert refused.returncode == 3
    assert f"(pid {first.pid})" in refused.stdout
    asked = terminals.irenic("executions", "interrupt", running["id"], "--level", "cancel", "--reason", "lunch")
    assert asked.stdout == "interruption request received\n"
    out, _ = first.communicate(timeout=PATIENCE)
    outcome = json.loads(out)
    assert first.returncode == 130
    assert (outcome["interrupt"]["source"], outcome["interrupt"]["reason"]) == (user_and_host(), "lunch")
    assert outcome["items"]["done"] == ["a"]
    assert json.loads(terminals.irenic("executions", "show", running["id"], "-f", "json").stdout) == outcome
    (terminals.folder / "b.go").touch()
    resumed = terminals.irenic("resume", running["id"])
    assert resumed.returncode == 0, resumed.stderr
    assert terminals.happened == ["a begins", "a ends", "b begins", "b begins", "b ends"]
    assert [execution["status"] for execution in terminals.executions()] == ["complete", "block_interrupted"]


def test_a_run_that_was_killed_is_taken_over_and_its_item_is_looked_at_first(terminals: Terminals) -> None:
    """What it left behind is unknown, and nothing of what it had acknowledged is done again."""
    first = terminals.start("ensure", "flow.py")
    terminals.until(lambda: "b begins" in terminals.happened)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=PATIENCE)
    (lost,) = terminals.executions()
    (terminals.folder / "b.go").touch()
    resumed = terminals.irenic("resume", lost["id"], "--take-over")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "b  unknown" in resumed.stderr
    assert "its ensure was begun and no result was recorded" in resumed.stderr
    assert terminals.happened == ["a begins", "a ends", "b begins", "b begins", "b ends"]
    assert [execution["status"] for execution in terminals.executions()] == ["complete", "lost"]
    told = json.loads(terminals.irenic("executions", "show", lost["id"], "-f", "json").stdout)
    assert told["items"]["unknown"] == ["b"]


LARGE = """
from pydantic import BaseModel

from irenic import Flow, Item


class P(BaseModel):
    size: int


class S(BaseModel):
    text: str | None = None


class Large(Item[P, S]):
    made = None

    async def state_current(self, cx, params):
        return S(text=Large.made)

    async def state_goal(self, cx, params):
        return S(text="x" * params.size)

    def state_clean(self, params_partial):
        return S()

    async def apply(self, cx, params, current, target, diff):
        Large.made = target.text
        return target


flow = Flow("large")
flow.add(Large("large"), size=20_000_000)
"""


def test_a_state_of_20_mb_is_stored_and_shown_in_short(terminals: Terminals) -> None:
    """What is written on a line is cut."""
    (terminals.folder / "large.py").write_text(LARGE)
    ensured = terminals.irenic("ensure", "large.py")
    assert ensured.returncode == 0, ensured.stderr
    assert len(ensured.stdout) < 2_000
    status = terminals.irenic("status", "large.py")
    assert (status.returncode, "x" * 50 in status.stdout, len(status.stdout) < 2_000) == (0, True, True)
