"""Ctrl-C while a command starts and ends: one line, 130, and no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.gated_flow import gated_flow

INTERRUPTS_AT = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

from irenic.cli import main
sys.meta_path.insert(0, Interrupts())
main()
"""

NOTHING_BEGUN = "irenic: interrupted; nothing was begun.\n"
INTERRUPTED = "irenic: interrupted; what was acknowledged before is kept.\n"


def python(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    "name", ["typer", "irenic.cli.app", "pydantic", "asyncio", "irenic.model.child", "irenic.stores.file", "rich.cells"]
)
def test_ctrl_c_while_irenic_is_imported_is_one_line(tmp_path: Path, name: str) -> None:
    """Whatever is being imported, also where it would be taken for an error of that."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once"))
    ended = python(tmp_path, INTERRUPTS_AT.format(name=name), "ensure", "flow.py")
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr in (NOTHING_BEGUN, INTERRUPTED)
    assert not (tmp_path / "happened").exists()


@pytest.mark.parametrize("command", [("ensure",), ("preview",), ("status",), ("ensure", "--format", "json")])
def test_ctrl_c_while_the_flow_file_is_run_is_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The flow's own imports may take longer than all else."""
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "flow.py").write_text(source + gated_flow("a:at_once"))
    ended = python(tmp_path, "from irenic.cli import main; main()", command[0], "flow.py", *command[1:])
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", INTERRUPTED)


def test_ctrl_c_while_the_process_leaves_changes_nothing(tmp_path: Path) -> None:
    """Its outcome has been shown."""
    (tmp_path / "flow.py").write_text(gated_flow("a:at_once"))
    code = "import atexit, os, signal; from irenic.cli import main\natexit.register(os.kill, os.getpid(), 2)\nmain()"
    ended = python(tmp_path, code, "ensure", "flow.py", "--progress", "none")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "ensure complete" in ended.stdout


def test_importing_the_package_brings_nothing_that_takes_its_time(tmp_path: Path) -> None:
    """Until then Ctrl-C cannot be answered in irenic's words."""
    brings = python(tmp_path, "import sys, irenic.cli; print({'pydantic', 'asyncio', 'typer'} & set(sys.modules))")
    assert brings.stdout == "set()\n"
