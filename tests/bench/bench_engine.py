"""What the engine costs: per item, against asyncio by hand, and as flows grow.

Bare is the least that does the walk at all: a counter per item, one task per item, successors released on completion.
"""

import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.harness import QUICK, ROUNDS, Row, alternate, compare, report, skipped
from tests.bench.no_ops import bare_walk, ensure, flow_of, our_walk
from tests.bench.peers import is_installed, peer_us
from tests.chromium import running_chromium
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import running_server

from irenic.flow.graph import Graph
from irenic.model.events import ItemStatus, encoded
from irenic.model.progress import ProgressStatus
from irenic.model.timestamps import timestamp
from irenic.model.trusted import trusted
from irenic.stores import FileStore, MemoryStore
from tooling.checks import bench_environment
from tooling.paths import ROOT, SITE

COUNT = 500 if QUICK else 10_000
IN_TAB = 200 if QUICK else 2_000
SMALL, LARGE = (500, 2_000) if QUICK else (1_000, 100_000)
WIDE = 200 if QUICK else 1_000
EVENTS = 1_000 if QUICK else 20_000

NO_OPS = Path(__file__).with_name("no_ops.py")
TIMED_IN_TAB = """
measured, store = flow_of({count}), MemoryStore()
graph = measured.graph
gc.collect()
began = time.perf_counter()
await {work}
answer = (time.perf_counter() - began) / {count} * 1e6
"""

PEER_COUNTS = {
    "doit": 10_000,
    "doit with checks": 10_000,
    "dask": 10_000,
    "Hamilton": 1_000,
    "Luigi": 1_000,
    "Prefect": 200,
}
"""How many tasks each peer runs: fewer where it, or building its graph, takes long."""

PEER_GOALS = {"doit": 1.0, "doit with checks": 1.0, "Luigi": 1.0, "Prefect": 1.0, "dask": None, "Hamilton": None}
"""dask and Hamilton ask for no state and keep none, and write no journal: they show what that costs."""


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


def tab_us(tab: CoreTab, work: str, count: int = IN_TAB) -> float:
    """Return the microseconds per item of a call of `no_ops`, awaited by an item of a flow in a tab."""
    imports = f"import gc\nimport time\nfrom irenic.stores import MemoryStore\n{NO_OPS.read_text()}"
    tab.load_flow(flow_of_one(TIMED_IN_TAB.format(work=work, count=count), imports=imports))
    return float(answer_of(tab.outcome(tab.submit())))


def tab_rows() -> list[Row]:
    """Compare a whole ensure, and the walk alone, with asyncio by hand in the same tab."""
    works = {"bare": "bare_walk(graph)", "walk": "our_walk(graph)", "ensure": "ensure(measured, store)"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(SITE, Path(folder) / "bench.sqlite3") as server,
        running_chromium() as browser,
        core_tab(browser, server) as tab,
    ):
        tab.start()
        for work in works.values():
            tab_us(tab, work, 100)
        found = alternate({name: partial(tab_us, tab, work) for name, work in works.items()})
    name = f"per item, {IN_TAB:,} items"
    against = "bare asyncio there"
    return [
        compare(f"engine: in a tab, ensure, {name}", found["ensure"], found["bare"], against, "us", 15),
        compare(f"engine: in a tab, the walk alone, {name}", found["walk"], found["bare"], against, "us", 2),
    ]


def in_a_process(form: str, count: int) -> list[float]:
    """Return the figures that this module prints when it is run as a program."""
    command = [sys.executable, "-m", "tests.bench.bench_engine", form, str(count)]
    run = subprocess.run(command, cwd=ROOT, env=bench_environment(), capture_output=True, text=True, check=True)
    return [float(figure) for figure in run.stdout.split()]


def grow(count: int) -> None:
    """Print microseconds and bytes per item; the flow is there before the memory is looked at.

    A few items take too short a time to be measured once.
    """
    flow, store = flow_of(count), MemoryStore()
    ensure_us(100)
    before = resident()
    times = [seconds(lambda: ensure(flow, store)) / count * 1e6]
    used = (resident() - before) / count
    times += [ensure_us(count) for _ in range(10_000 // count - 1)]
    sys.stdout.write(f"{statistics.median(times)} {used}\n")


def whole(count: int) -> None:
    """Print the microseconds per item by the clock on the wall."""
    flow, store = flow_of(count), MemoryStore()
    sys.stdout.write(f"{seconds(lambda: ensure(flow, store), time.perf_counter) / count * 1e6}\n")


def resident() -> int:
    """Return the bytes of memory that this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def growth_rows() -> list[Row]:
    """Compare a small flow with a large one, in time and memory per item."""
    small: list[list[float]] = []
    large: list[list[float]] = []
    for _ in range(ROUNDS):
        small.append(in_a_process("--grow", SMALL))
        large.append(in_a_process("--grow", LARGE))
    rows = []
    for place, (what, unit) in enumerate((("time", "us"), ("memory", "B"))):
        ours, other = ([figures[place] for figures in rounds] for rounds in (large, small))
        name = f"engine: {what} per item, {LARGE:,} items"
        rows.append(compare(name, ours, other, f"{SMALL:,} items", unit, 1.2))
    return rows


def peer_rows() -> list[Row]:
    """Compare a whole ensure with a whole run of each peer, by the clock on the wall."""
    rows = []
    for peer, count in PEER_COUNTS.items():
        if QUICK or not is_installed(peer):
            skipped(peer, "not part of the quick form" if QUICK else "not installed")
            continue
        measures = {"ours": partial(whole_us, count), "other": partial(peer_us, peer, count)}
        found = alternate(measures)
        name = f"engine: ensure, per item, {count:,} items, {peer}"
        rows.append(compare(name, found["ours"], found["other"], peer, "us", PEER_GOALS[peer]))
    return rows


def whole_us(count: int) -> float:
    """Return the microseconds per item of a whole ensure in a process of its own."""
    (took,) = in_a_process("--whole", count)
    return took


def store_row() -> Row:
    """Compare a wide flow on the disk with one fdatasync per item."""

    def ours() -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            flow, store = flow_of(WIDE, width=WIDE), FileStore(folder)
            return seconds(lambda: ensure(flow, store), time.perf_counter) / WIDE * 1e6

    def one_sync_per_item() -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            file = os.open(Path(folder) / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            began = time.perf_counter()
            for _ in range(WIDE):
                os.write(file, b"x" * 300)
                os.fdatasync(file)
            took = time.perf_counter() - began
            os.close(file)
            return took / WIDE * 1e6

    def in_memory() -> float:
        flow, store = flow_of(WIDE, width=WIDE), MemoryStore()
        return seconds(lambda: ensure(flow, store), time.perf_counter) / WIDE * 1e6

    found = alternate({"ours": ours, "memory": in_memory, "sync": one_sync_per_item})
    durable = [max(0.0, both - memory) for both, memory in zip(found["ours"], found["memory"], strict=True)]
    name = f"engine: durable on disk, per item, {WIDE:,} wide"
    return compare(name, durable, found["sync"], "one fdatasync each", "us", 0.2)


def event_row() -> Row:
    """Measure what it takes to build an event of progress and to write it as JSON."""
    at = timestamp()
    id = "01J00000000000000000000000"

    def ours() -> float:
        began = time.process_time()
        for seq in range(EVENTS):
            values = {"execution_id": id, "seq": seq, "at": at, "item": "a", "status": ProgressStatus.RUNNING}
            encoded(trusted(ItemStatus, values))
        return (time.process_time() - began) / EVENTS * 1e6

    def plain() -> float:
        began = time.process_time()
        for seq in range(EVENTS):
            values = {"execution_id": id, "seq": seq, "at": at, "item": "a", "status": "running", "message": ""}
            json.dumps({**values, "kind": "item_status", "limit": None, "waiting_for": None})
        return (time.process_time() - began) / EVENTS * 1e6

    found = alternate({"ours": ours, "plain": plain})
    return compare("engine: event, built and encoded", found["ours"], found["plain"], "json.dumps of a dict", "us", 1.0)


def main() -> int:
    """Measure everything."""
    graph = flow_of(COUNT).graph
    found = alternate(
        {
            "bare": lambda: walk_us(bare_walk, graph),
            "walk": lambda: walk_us(our_walk, graph),
            "ensure": lambda: ensure_us(COUNT),
        }
    )
    rows = [
        compare(f"engine: ensure, per item, {COUNT:,} items", found["ensure"], found["bare"], "bare asyncio", "us", 15),
        compare(f"engine: the walk alone, {COUNT:,} items", found["walk"], found["bare"], "bare asyncio", "us", 2),
        *tab_rows(),
        store_row(),
        event_row(),
        *growth_rows(),
        *peer_rows(),
    ]
    return report(rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--grow", count]:
            grow(int(count))
        case ["--whole", count]:
            whole(int(count))
        case _:
            sys.exit(main())
