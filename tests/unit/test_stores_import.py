"""Executions that were exported, taken into another folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.gated_flow import gated_flow

from irenic.model.errors import StoreError
from irenic.stores.file_import import import_executions


def irenic(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "irenic", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def exported(tmp_path: Path) -> str:
    """Two executions, of which the last is an error."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once", "b:fails"))
    irenic(tmp_path, "ensure", "flow.py", "--item", "a")
    assert irenic(tmp_path, "ensure", "flow.py").returncode == 1
    return irenic(tmp_path, "executions", "export").stdout


def test_what_was_exported_is_the_same_in_another_folder(tmp_path: Path, exported: str) -> None:
    """List, journal, outcome and states; and again into the next one."""
    first = irenic(tmp_path, "executions", "import", "--store", "copy", stdin=exported)
    events = exported.count('{"event":')
    assert (first.returncode, first.stdout) == (0, f"2 executions with {events} events taken in.\n")
    again = irenic(tmp_path, "executions", "import", "--store", "copy", stdin=exported)
    assert again.stdout == "0 executions with 0 events taken in; 2 were there already.\n"
    assert irenic(tmp_path, "executions", "export", "--store", "copy").stdout == exported
    for command in (("executions", "list"), ("status", "flow.py"), ("diff", "flow.py", "--stored")):
        there, here = (irenic(tmp_path, *command, "--format", "json", "--store", at) for at in ("copy", ".irenic"))
        assert states(there.stdout) == states(here.stdout)


def test_an_imported_execution_can_be_resumed(tmp_path: Path, exported: str) -> None:
    """It is in no way less than one that was run here."""
    irenic(tmp_path, "executions", "import", "--store", "copy", stdin=exported)
    newest = json.loads(irenic(tmp_path, "executions", "list", "--store", "copy", "--format", "json").stdout)[0]
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once", "b:at_once"))
    resumed = irenic(tmp_path, "resume", newest["id"], "flow.py", "--store", "copy")
    assert resumed.returncode == 0


def test_one_whose_end_is_not_known_is_lost(tmp_path: Path, exported: str) -> None:
    """Whoever runs it, runs it elsewhere."""
    lines = [line for line in exported.splitlines() if '"outcome"' not in line]
    import_executions(tmp_path / "copy", lines)
    listed = json.loads(irenic(tmp_path, "executions", "list", "--store", "copy", "--format", "json").stdout)
    assert [record["status"] for record in listed] == ["lost", "lost"]


def test_an_outcome_is_taken_from_the_last_event(tmp_path: Path, exported: str) -> None:
    """Where the export was made in the moment between the two."""
    import_executions(tmp_path / "copy", [line for line in exported.splitlines() if not line.startswith('{"outcome"')])
    assert irenic(tmp_path, "executions", "export", "--store", "copy").stdout == exported


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: [lines[1]], "line 1 cannot be taken in: it belongs to no execution"),
        (lambda lines: [*lines[:2], "", lines[3]], "line 4 cannot be taken in: it is not event 1 of execution"),
        (lambda lines: [lines[0], "{}"], "it holds none of execution, event and outcome"),
        (lambda lines: [lines[0], "no json"], "line 2 cannot be taken in: it is not valid: value: Invalid JSON"),
        (lambda lines: [lines[0].replace("gated", "../gated")], "cannot be taken in"),
        (lambda lines: [lines[0].replace('"id":"', '"id":"../')], "cannot be taken in"),
    ],
)
def test_a_line_that_cannot_be_taken_in_is_named(tmp_path: Path, exported: str, change: object, why: str) -> None:
    """And nothing of its execution is there."""
    assert callable(change)
    with pytest.raises(StoreError, match=why):
        import_executions(tmp_path / "copy", change(exported.splitlines()))
    assert list((tmp_path / "copy").rglob("*.jsonl")) == []


def test_executions_are_not_imported_by_an_address(tmp_path: Path) -> None:
    """A server's own database is the way in."""
    refused = irenic(tmp_path, "executions", "import", "--store", "http://127.0.0.1:1")
    assert refused.returncode == 2
    assert "--database" in refused.stderr


def states(text: str) -> object:
    """Return what does not differ from one run of a command to the next."""
    data = json.loads(text)
    return data["states"] if isinstance(data, dict) else data
