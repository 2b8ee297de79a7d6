"""Runs tell a real server by OpenTelemetry how they go, and are taken to another one as JSON Lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.gated_flow import gated_flow
from tests.e2e.server_process import ServerProcess, running_server

from irenic.stores.file_import import Imported
from irenic_server.database import Database
from irenic_server.transfer import export_executions, import_executions

PATIENCE = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server in a process of its own, whose page is empty."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once", "x:fails", chain=False))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>No page</title>")
    with running_server(tmp_path / "site", tmp_path / "irenic.sqlite3") as running:
        yield running


def irenic(
    folder: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of irenic to its end."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DO_NOT", "IRENIC_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "irenic", *arguments],
        check=False,
        cwd=folder,
        env=inherited | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def told(server: ServerProcess, execution_id: str, signal: str) -> Any:
    """Return what the server has stored of a run."""
    answer = httpx.get(
        f"{server.address}/api/v1/executions/{execution_id}/telemetry",
        params={"signal": signal},
        headers={"Authorization": f"Bearer {server.token}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def newest(server: ServerProcess) -> str:
    """Return the id of the execution that was made last."""
    headers = {"Authorization": f"Bearer {server.token}"}
    listed = httpx.get(f"{server.address}/api/v1/executions", headers=headers).json()
    return str(listed["items"][0]["id"])


def test_a_server_keeps_what_a_run_in_a_terminal_tells_it(server: ServerProcess, tmp_path: Path) -> None:
    """Store and collector are the same server, by the address that it printed."""
    run = irenic(tmp_path, "ensure", "flow.py", "--store", server.announced, "--telemetry", server.announced)
    assert run.returncode == 1, run.stderr
    execution_id = newest(server)
    (traces,) = told(server, execution_id, "traces")["resourceSpans"]
    spans = [span for scope in traces["scopeSpans"] for span in scope["spans"]]
    names = {span["name"] for span in spans}
    assert {"execution", "cmd ensure", "block apply", "item a", "item x", "phase apply"} <= names
    assert {span["traceId"] for span in spans} == {spans[0]["traceId"]}
    (metrics,) = told(server, execution_id, "metrics")["resourceMetrics"]
    assert {metric["name"] for scope in metrics["scopeMetrics"] for metric in scope["metrics"]} == {
        "irenic.execution.duration",
        "irenic.items",
        "irenic.item.duration",
    }


def test_a_run_tells_nothing_where_its_user_wants_no_tracking(server: ServerProcess, tmp_path: Path) -> None:
    """Although a collector is named."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.announced, "DO_NOT_TRACK": "1"}
    assert irenic(tmp_path, "ensure", "flow.py", "--store", server.announced, **environment).returncode == 1
    assert told(server, newest(server), "traces") == {"resourceSpans": []}
    del environment["DO_NOT_TRACK"]
    assert irenic(tmp_path, "ensure", "flow.py", "--store", server.announced, **environment).returncode == 1
    assert len(told(server, newest(server), "traces")["resourceSpans"]) == 1


@pytest.mark.parametrize("kind", ["folder", "server"])
def test_executions_of_any_store_are_taken_into_a_server(server: ServerProcess, tmp_path: Path, kind: str) -> None:
    """What is exported and imported is exported again the same, oldest first."""
    store = server.announced if kind == "server" else ".irenic"
    for _ in range(2):
        assert irenic(tmp_path, "ensure", "flow.py", "--store", store).returncode == 1
    exported = irenic(tmp_path, "executions", "export", "--store", store)
    assert exported.returncode == 0, exported.stderr
    lines = exported.stdout.splitlines()
    assert lines[0].startswith('{"execution":')
    target = Database(str(tmp_path / "target.sqlite3"))
    events = sum(line.startswith('{"event":') for line in lines)
    assert import_executions(target, lines) == Imported(executions=2, known=0, events=events)
    assert import_executions(target, lines) == Imported(executions=0, known=2, events=events)
    again = [line for line in export_executions(target) if not line.startswith('{"execution":')]
    target.close()
    assert [len(line) for line in again] == [len(line) for line in lines if not line.startswith('{"execution":')]
    one = irenic(tmp_path, "executions", "export", "--store", store, lines[0].partition('"id":"')[2][:26])
    assert one.stdout.splitlines() == lines[: len(one.stdout.splitlines())]
    assert irenic(tmp_path, "executions", "export", "--store", store, "--flow", "other").stdout == ""
    unknown = irenic(tmp_path, "executions", "export", "--store", store, "01J00000000000000000000000")
    assert (unknown.returncode, unknown.stdout) == (2, "")


def test_the_command_line_takes_executions_into_a_database(tmp_path: Path) -> None:
    """What it exported; a second time changes nothing, and rubbish is refused with a word about it."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once", chain=False))
    assert irenic(tmp_path, "ensure", "flow.py").returncode == 0
    exported = irenic(tmp_path, "executions", "export").stdout
    first = irenic(tmp_path, "executions", "import", "--database", "here.db", stdin=exported)
    assert (first.returncode, first.stderr[:20]) == (0, "1 executions taken i")
    again = irenic(tmp_path, "executions", "import", "--database", "here.db", stdin=exported)
    assert again.stderr.startswith("0 executions taken in, 1 were there")
    rubbish = irenic(tmp_path, "executions", "import", "--database", "here.db", stdin="not a line of an export")
    assert rubbish.returncode != 0
    assert "line 1" in rubbish.stderr.lower()
