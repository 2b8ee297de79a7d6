"""What the engine costs: per item, against asyncio by hand, and as flows grow.

Bare is the least that does the walk at all: a counter per item, one task per item, successors released on completion.
"""

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tests.bench.harness import Row, medians, report

from irenic import CmdExecRequest, CmdExecutionMap, Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.engine.store import Store
from irenic.engine.walk import Walk
from irenic.flow.graph import Graph
from irenic.model.events import ItemStatus
from irenic.model.progress import ProgressStatus
from irenic.model.timestamps import timestamp
from irenic.model.trusted import trusted
from irenic.stores import FileStore, MemoryStore

COUNT = 10_000
SMALL, LARGE = 4_000, 100_000
WIDTH = 100
EVENTS = 20_000


class NoParams(BaseModel):
    """Params of an item that does nothing."""

    number: int


class NoState(BaseModel):
    """State of an item that does nothing."""

    done: bool = False


class NoItem(Item[NoParams, NoState]):
    """An item that does nothing, the first time."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.state = NoState()

    async def state_current(self, cx: ItemContext, params: NoParams) -> NoState:
        """Return what it is."""
        return self.state

    async def state_goal(self, cx: ItemContext, params: NoParams) -> NoState:
        """Return what it should be."""
        return DONE

    def state_clean(self, params_partial: PartialParams[NoParams]) -> NoState:
        """Return what nothing is."""
        return NoState()

    async def apply(
        self, cx: ItemContext, params: NoParams, current: NoState, target: NoState, diff: StateDiff
    ) -> NoState:
        """Do nothing."""
        self.state = target
        return target


DONE = NoState(done=True)


def flow_of(count: int, width: int = WIDTH) -> Flow:
    """Return a flow of so many items in rows, each after the one above it."""
    flow = Flow("bench")
    for number in range(count):
        flow.add(NoItem(f"i{number}"), number=number)
        if number >= width:
            flow.edge(f"i{number - width}", f"i{number}")
    return flow


async def bare_walk(graph: Graph) -> None:
    """Walk a graph by hand."""
    missing = {node: len(graph.predecessors(node)) for node in graph.nodes}
    left = len(missing)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    tasks: set[asyncio.Task[None]] = set()

    def start(node: str) -> None:
        task = loop.create_task(visit(node))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def visit(node: str) -> None:
        nonlocal left
        for successor in graph.successors(node):
            missing[successor] -= 1
            if missing[successor] == 0:
                start(successor)
        left -= 1
        if left == 0:
            ended.set_result(None)

    for node in [node for node, count in missing.items() if count == 0]:
        start(node)
    await ended


async def our_walk(graph: Graph) -> None:
    """Walk a graph with the engine's walk."""

    async def visit(node: str) -> bool:
        return True

    await Walk(graph, visit, may_start=lambda: True, max_concurrency=64).run()


async def ensure(flow: Flow, store: Store) -> None:
    """Run ensure to its end."""
    async with CmdExecutionMap(store) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=flow))
    assert outcome.kind == "complete", outcome.message


def seconds(work: Callable[[], Coroutine[Any, Any, None]], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that a coroutine takes on a loop of its own: of the processor, which others may be using."""
    gc.collect()
    with asyncio.Runner() as runner:
        began = clock()
        runner.run(work())
        return clock() - began


def ensure_us(count: int) -> float:
    """Return the microseconds per item of a whole ensure with everything on; building the flow is not counted."""
    flow, store = flow_of(count), MemoryStore()
    return seconds(lambda: ensure(flow, store)) / count * 1e6


def walk_us(walk: Callable[[Graph], Coroutine[Any, Any, None]], graph: Graph) -> float:
    """Return the microseconds per item of a walk."""
    return seconds(lambda: walk(graph)) / len(graph) * 1e6


def in_a_process(count: int) -> tuple[float, float]:
    """Return microseconds and bytes per item of a whole ensure in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_engine", "--grow", str(count)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    took, bytes_used = run.stdout.split()
    return float(took), float(bytes_used)


def grow(count: int) -> None:
    """Print microseconds and bytes per item; the flow is there before the memory is looked at."""
    flow, store = flow_of(count), MemoryStore()
    ensure_us(100)
    before = resident()
    took = seconds(lambda: ensure(flow, store)) / count * 1e6
    used = (resident() - before) / count
    sys.stdout.write(f"{took} {used}\n")


def resident() -> int:
    """Return the bytes of memory that this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def growth_rows() -> list[Row]:
    """Compare a small flow with a large one, in time and memory per item."""
    small: list[tuple[float, float]] = []
    large: list[tuple[float, float]] = []
    for _ in range(3):
        small.append(in_a_process(SMALL))
        large.append(in_a_process(LARGE))
    name = f"{SMALL:,} items"
    rows = []
    for place, (what, unit) in enumerate((("time", "us"), ("memory", "B"))):
        ours, other = (sorted(pair[place] for pair in pairs)[1] for pairs in (large, small))
        rows.append(Row(f"engine: {what} per item, {LARGE:,} items", ours, other, name, unit, 1.2))
    return rows


def store_row() -> Row:
    """Compare a wide flow on the disk with one fdatasync per item."""

    def ours() -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            flow, store = flow_of(1_000, width=1_000), FileStore(folder)
            return seconds(lambda: ensure(flow, store), time.perf_counter) / 1_000 * 1e6

    def one_sync_per_item() -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            file = os.open(Path(folder) / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            began = time.perf_counter()
            for _ in range(1_000):
                os.write(file, b"x" * 300)
                os.fdatasync(file)
            took = time.perf_counter() - began
            os.close(file)
            return took / 1_000 * 1e6

    def in_memory() -> float:
        flow, store = flow_of(1_000, width=1_000), MemoryStore()
        return seconds(lambda: ensure(flow, store), time.perf_counter) / 1_000 * 1e6

    found = medians({"ours": ours, "memory": in_memory, "sync": one_sync_per_item})
    durable = max(0.0, found["ours"] - found["memory"])
    return Row("engine: durable on disk, per item, 1,000 wide", durable, found["sync"], "one fdatasync each", "us", 0.2)


def event_row() -> Row:
    """Measure what it takes to build an event of progress and to write it as JSON."""
    at = timestamp()
    id = "01J00000000000000000000000"

    def ours() -> float:
        began = time.process_time()
        for seq in range(EVENTS):
            values = {"execution_id": id, "seq": seq, "at": at, "item": "a", "status": ProgressStatus.RUNNING}
            event = trusted(ItemStatus, values)
            event.__pydantic_serializer__.to_json(event)
        return (time.process_time() - began) / EVENTS * 1e6

    def plain() -> float:
        began = time.process_time()
        for seq in range(EVENTS):
            values = {"execution_id": id, "seq": seq, "at": at, "item": "a", "status": "running", "message": ""}
            json.dumps({**values, "kind": "item_status", "limit": None, "waiting_for": None})
        return (time.process_time() - began) / EVENTS * 1e6

    found = medians({"ours": ours, "plain": plain})
    return Row("engine: event, built and encoded", found["ours"], found["plain"], "json.dumps of a dict", "us", 1.0)


def main() -> int:
    """Measure everything."""
    flow = flow_of(COUNT)
    graph = flow.graph
    found = medians(
        {
            "bare": lambda: walk_us(bare_walk, graph),
            "walk": lambda: walk_us(our_walk, graph),
            "ensure": lambda: ensure_us(COUNT),
        }
    )
    rows = [
        Row(f"engine: ensure, per item, {COUNT:,} items", found["ensure"], found["bare"], "bare asyncio", "us", 15),
        Row(f"engine: the walk alone, {COUNT:,} items", found["walk"], found["bare"], "bare asyncio", "us", 2),
        store_row(),
        event_row(),
        *growth_rows(),
    ]
    return report(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--grow"]:
        grow(int(sys.argv[2]))
    else:
        sys.exit(main())
