"""Scripts of an irenic that is killed: none works on beside the next run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 30.0

FLOW = """
from irenic import Flow
from irenic.items import ShCommand
flow = Flow("scripts")
flow.add(
    ShCommand("slow"), current="cat made 2>/dev/null || true", goal="echo yes", grace=1,
    ensure='trap "" TERM; echo "begins $$" >> log; while [ ! -e go ]; do sleep 0.05; done; '
           'echo yes > made; echo "ends $$" >> log',
)
"""


class Runs:
    """Runs of the flow in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)

    def start(self) -> "subprocess.Popen[str]":
        """Start to ensure."""
        command = [sys.executable, "-m", "irenic", "ensure", "flow.py", "--format", "json", "--progress", "none"]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)

    @property
    def log(self) -> list[str]:
        """What the scripts have done."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def script(self, number: int) -> int:
        """Wait for the begin of a script, and return its process id."""
        until(lambda: len(self.log) > number)
        return int(self.log[number].removeprefix("begins "))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Runs, whose scripts have all ended afterwards."""
    runs = Runs(tmp_path)
    yield runs
    (tmp_path / "go").touch()
    until(lambda: not any(is_at_work(int(line.partition(" ")[2])) for line in runs.log))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.01)


def is_at_work(pid: int) -> bool:
    """Return whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_script_ends_with_the_process_that_started_it(runs: Runs) -> None:
    """However that ends; and all that the script has started."""
    first = runs.start()
    script = runs.script(0)
    group = [script, *children_of(script)]

    first.kill()
    first.communicate()

    until(lambda: not any(is_at_work(pid) for pid in group))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_script_that_is_left_behind_is_ended_before_the_next_one_begins(runs: Runs) -> None:
    """Where even what watches over it was killed: the journal says which process it is."""
    first = runs.start()
    script = runs.script(0)
    for watch in children_of(first.pid):
        if watch != script:
            os.kill(watch, signal.SIGKILL)
    first.kill()
    first.communicate()
    assert is_at_work(script)

    second = runs.start()
    other = runs.script(1)
    assert not is_at_work(script)
    (runs.folder / "go").touch()
    out, _ = second.communicate(timeout=PATIENCE)

    assert json.loads(out)["kind"] == "complete"
    assert runs.log == [f"begins {script}", f"begins {other}", f"ends {other}"]
