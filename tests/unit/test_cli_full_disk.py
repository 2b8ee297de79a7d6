"""A disk that takes nothing any more, at the start, in the midst, and at the end of a command."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import os, resource, signal
from pathlib import Path
from pydantic import BaseModel
from irenic import Flow, Item

class Params(BaseModel):
    fills: str = ""

class State(BaseModel):
    there: bool = False

def fill():
    if os.environ.get("FILLS"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

class Fills(Item[Params, State]):
    async def state_current(self, cx, params):
        if params.fills == "discover":
            fill()
        return State(there=Path(self.id).is_dir())

    async def state_goal(self, cx, params):
        return State(there=True)

    def state_clean(self, params_partial):
        return State()

    async def apply(self, cx, params, current, target, diff):
        if params.fills == "apply":
            fill()
        Path(self.id).mkdir() if target.there else Path(self.id).rmdir()
        return target

flow = Flow("full")
a = flow.add(Fills("a"))
b = flow.add(Fills("b"), fills=WHEN)
flow.edge(a, b)
"""


def irenic(folder: Path, command: str, *, before: str = "", fills: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command by the shell."""
    line = f"{before} exec {shlex.quote(sys.executable)} -m irenic {command}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "FILLS": "1" if fills else "", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FULL = "trap '' XFSZ; ulimit -f 0;"


def assert_plain(run: subprocess.CompletedProcess[str]) -> None:
    """Check that sentences were said, and nothing of irenic's inside."""
    said = run.stdout + run.stderr
    for inside in ("Traceback", "OSError", "Errno", "error in irenic itself", "never retrieved"):
        assert inside not in said


@pytest.mark.parametrize("when", ["discover", "apply"])
def test_a_disk_that_becomes_full_ends_the_run_in_sentences(tmp_path: Path, when: str) -> None:
    """What was acknowledged is kept, and the command that comes next goes on once there is room."""
    (tmp_path / "flow.py").write_text(FLOW.replace("WHEN", repr(when)))
    run = irenic(tmp_path, "ensure flow.py", fills=True)
    assert run.returncode == 4
    assert_plain(run)
    assert "the disk is full. What was acknowledged before is kept." in run.stdout
    assert run.stdout.count("is kept") == 1
    _, _, following = run.stdout.rstrip().rpartition("Next: irenic ")
    again = irenic(tmp_path, following)
    assert again.returncode == 0
    assert "ensure complete" in again.stdout


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ensure flow.py", 4),
        ("clean flow.py --yes", 4),
        ("discover flow.py", 4),
        ("preview flow.py", 0),
        ("preview flow.py --save plan.json", 2),
        ("status flow.py", 0),
        ("executions list", 0),
        ("state forget flow.py a", 4),
        ("new other", 2),
    ],
)
def test_on_a_full_disk_a_command_says_so_or_does_without(tmp_path: Path, command: str, code: int) -> None:
    """Nothing of irenic's inside, and nothing is damaged."""
    (tmp_path / "flow.py").write_text(FLOW.replace("WHEN", "''"))
    assert irenic(tmp_path, "ensure flow.py").returncode == 0
    run = irenic(tmp_path, command, before=FULL)
    assert_plain(run)
    assert run.returncode == code
    assert code == 0 or "full" in run.stdout + run.stderr or "File too large" in run.stdout + run.stderr
    after = irenic(tmp_path, "ensure flow.py --progress none")
    assert after.stdout.count("nothing to do") == 2


def test_an_error_in_irenic_itself_is_a_sentence_with_its_place(tmp_path: Path) -> None:
    """All frames are shown where they are asked for."""
    code = "import sys; from irenic.cli import app, new\n"
    code += "def broken(*args, **options): raise ValueError('not foreseen')\n"
    code += "app.COMMANDS['list'] = broken\nbroken.__annotations__ = {'return': int}\nbroken.__doc__ = 'x'\n"
    code += "import inspect; broken.__signature__ = inspect.Signature()\n"
    code += "sys.exit(app.run(['list']))"
    for variable, frames in (("", False), ("1", True)):
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "IRENIC_TRACEBACK": variable},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 4
        assert ("Traceback" in run.stderr) is frames
        assert "irenic: this is an error in irenic itself" in run.stderr
        assert "ValueError: not foreseen" in run.stderr
