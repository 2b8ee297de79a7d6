"""SIGKILL at random moments of an ensure on the disk: nothing acknowledged is lost, nothing done is repeated."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("killed_runs.py")
MOMENTS = int(os.environ.get("IRENIC_KILLS", "20"))
"""How many moments are tried; the long form is 200 and takes a minute or so."""


@pytest.mark.parametrize("seed", [int(os.environ.get("IRENIC_KILL_SEED", "1"))])
def test_a_run_that_was_killed_is_resumed_without_losing_or_repeating_anything(tmp_path: Path, seed: int) -> None:
    """Every intent is on the disk before its item is touched, every result before the next item is."""
    command = [sys.executable, str(PROGRAM), str(MOMENTS), str(seed)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    assert report["faults"] == []
    assert report["in_time"] > MOMENTS / 4
