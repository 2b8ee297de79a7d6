"""Runs an ensure on the disk, kills it with SIGKILL at a random moment, resumes it, and prints what was wrong.

A program of its own with one thread, so that each run is a fork of it: a real process that starts in a millisecond.
Its arguments are the number of moments and the seed; each run has a directory of its own below the current one.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from irenic import CmdExecRequest, CmdExecutionMap, Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.stores import FileStore

ROWS, COLUMNS = 4, 4
PAUSE = 0.002


class FileParams(BaseModel):
    """What a file should hold: one more than the file that it stands upon."""

    below: int = 0


class FileState(BaseModel):
    """What a file holds; None where there is none, -1 where it is half written."""

    value: int | None = None


class NumberFile(Item[FileParams, FileState]):
    """A file with a number in it, written in two steps; every step is noted in a log beside it."""

    def __init__(self, id: str, folder: Path) -> None:
        super().__init__(id)
        self.path = folder / f"{id}.txt"
        self.log = folder / "log"

    async def state_current(self, cx: ItemContext, params: FileParams) -> FileState:
        """Read the file."""
        return FileState(value=int(self.path.read_text() or "-1") if self.path.exists() else None)

    async def state_goal(self, cx: ItemContext, params: FileParams) -> FileState:
        """Count on."""
        return FileState(value=params.below + 1)

    def state_clean(self, params_partial: PartialParams[FileParams]) -> FileState:
        """There is no file."""
        return FileState()

    async def apply(
        self, cx: ItemContext, params: FileParams, current: FileState, target: FileState, diff: StateDiff
    ) -> FileState:
        """Write the file in two steps, or remove it."""
        self._note("begin")
        if target.value is None:
            self.path.unlink()
            return target
        self.path.write_text("-1")
        await asyncio.sleep(PAUSE)
        self.path.write_text(str(target.value))
        await asyncio.sleep(PAUSE)
        self._note("end")
        return target

    def _note(self, what: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{what} {self.id}\n")


def flow_in(folder: Path) -> Flow:
    """Return rows of files, each of which stands upon the one above it."""
    flow = Flow("files")
    above: dict[int, Any] = {}
    for row in range(ROWS):
        for column in range(COLUMNS):
            params = {"below": above[column].state.value} if row else {}
            above[column] = flow.add(NumberFile(f"f{row}_{column}", folder), **params)
    return flow


async def run(folder: Path, cmd: str) -> str:
    """Run a command to its end and return the kind of its outcome."""
    store = FileStore(folder / "store")
    async with CmdExecutionMap(store) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=flow_in(folder), cmds=[cmd]))
    await store.close()
    return outcome.kind


async def known(folder: Path) -> tuple[list[str], list[str]]:
    """Return the items whose apply is known to have ended, and those of which it is known that it began."""
    store = FileStore(folder / "store")
    states = (await store.states("files", "default")).items
    await store.close()
    done = [id for id, entry in states.items() if entry.applied_at is not None and not entry.unknown]
    return done, [id for id, entry in states.items() if entry.begun_at is not None]


def begun(folder: Path) -> list[str]:
    """Return the items whose apply began, as often as it did."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1] for line in lines if line.startswith("begin")]


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own and return its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def faults_of(folder: Path, after: float) -> list[str]:
    """Kill a run after so many seconds, resume it, and return what was wrong."""
    folder.mkdir()
    pid = forked(lambda: print_to(folder / "first", asyncio.run(run(folder, "ensure"))))
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    done, intended = asyncio.run(known(folder))
    before = begun(folder)
    faults = [f"{id} was begun and its intent is lost" for id in set(before) - set(intended)]
    faults += [f"{id} is said to be done and is not" for id in done if not (folder / f"{id}.txt").exists()]
    kind = asyncio.run(run(folder, "ensure"))
    if kind != "complete":
        faults.append(f"the resume ended as {kind}")
    counts = Counter(begun(folder))
    faults += [f"{id} was done and was applied again" for id in done if counts[id] != 1]
    faults += [f"{id} was applied {count} times" for id, count in counts.items() if count > 1 + before.count(id)]
    faults += [f"{id} is not at its goal" for id in flow_in(folder).items if not is_at_goal(folder, id)]
    return faults


def is_at_goal(folder: Path, id: str) -> bool:
    """Return whether a file holds what it should."""
    path = folder / f"{id}.txt"
    return path.exists() and path.read_text() == str(int(id[1]) + 1)


def print_to(path: Path, text: str) -> None:
    """Write a line to a file."""
    path.write_text(text)


def main(moments: int, seed: int) -> None:
    """Print, as JSON, how long a run takes undisturbed, how many were killed in time, and every fault."""
    here = Path.cwd()
    (here / "whole").mkdir()
    began = time.perf_counter()
    os.waitpid(forked(lambda: print_to(here / "whole" / "first", asyncio.run(run(here / "whole", "ensure")))), 0)
    whole = time.perf_counter() - began
    rolls = random.Random(seed)
    longest = whole
    faults: list[str] = []
    in_time = 0
    for number in range(moments):
        after = rolls.uniform(0.0, longest)
        folder = here / f"run{number}"
        faults += [f"run {number}, killed after {after:.4f} s: {fault}" for fault in faults_of(folder, after)]
        was_in_time = not (folder / "first").exists()
        in_time += was_in_time
        # How quick the machine is changes with what else it does: about two of three stay in time.
        longest *= 1.1 if was_in_time else 0.8
    sys.stdout.write(json.dumps({"seconds": whole, "in_time": in_time, "faults": faults}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
