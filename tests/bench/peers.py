"""What others take for as many tasks that do nothing, in a graph of the same shape.

`python -m tests.bench.peers NAME COUNT` prints the microseconds of a whole run per task. Each runs in a process and a
folder of its own, in the way that costs it least: on one worker, with what it says turned off, its state kept as it
keeps it anyhow. Where a graph can be built beforehand, building it is not counted.
"""

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from tooling.checks import bench_environment
from tooling.paths import PEER_VENV, VENV, VENV_PYTHON

WIDTH = 100
"""Tasks side by side; each comes after the one that is so many before it."""

LIMIT = 120.0
"""Seconds after which a peer is stopped."""

PEER_PYTHON = PEER_VENV / VENV_PYTHON.relative_to(VENV)
APART = ("Prefect",)
"""Peers that are installed in an environment of their own."""

SILENCE = {
    "DO_NOT_TRACK": "1",
    "DASK_CONFIG": "none",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
}


def peer_us(name: str, count: int) -> float:
    """Return the microseconds per task that a peer takes.

    :raises subprocess.TimeoutExpired: if it takes longer than the limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = bench_environment() | SILENCE | {"HOME": folder}
        command = [str(PEER_PYTHON if name in APART else sys.executable), "-m", "tests.bench.peers", name, str(count)]
        run = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    if run.returncode:
        raise RuntimeError(f"{name} failed:\n{run.stderr[-2000:]}")
    return float(run.stdout.splitlines()[-1])


def is_installed(name: str) -> bool:
    """Return whether a peer is there; `build.py bench` brings all of them."""
    return PEER_PYTHON.exists() if name in APART else find_spec(name.partition(" ")[0].lower()) is not None


def above(number: int) -> list[int]:
    """Return the task that a task comes after."""
    return [number - WIDTH] if number >= WIDTH else []


def timed(count: int, work: Callable[[], object]) -> float:
    """Return the microseconds per task of a run."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / count * 1e6


def doit_us(count: int, *, checked: bool = False) -> float:
    """Run doit: one action each, its database of results written.

    :param checked: whether each task has a function that says whether it is up to date, as an item has; a task that has
        none is run without a look.
    """
    from doit.cmd_base import TaskLoader2
    from doit.doit_cmd import DoitMain
    from doit.task import dict_to_task

    done: set[int] = set()

    def act(number: int) -> None:
        done.add(number)

    def is_done(number: int) -> bool:
        return number in done

    def task(number: int) -> Any:
        check = {"uptodate": [(is_done, [number])]} if checked else {}
        before = [f"i{n}" for n in above(number)]
        return dict_to_task({"name": f"i{number}", "actions": [(act, [number])], "task_dep": before, **check})

    tasks = [task(number) for number in range(count)]

    class Loader(TaskLoader2):
        """Hands over the tasks."""

        def setup(self, opt_values: dict[str, Any]) -> None:
            """There is nothing to load."""

        def load_doit_config(self) -> dict[str, Any]:
            """Return the settings."""
            return {"verbosity": 0, "reporter": "zero", "dep_file": "results", "backend": "json"}

        def load_tasks(self, cmd: object, pos_args: list[str]) -> list[Any]:
            """Return the tasks."""
            return tasks

    took = timed(count, lambda: DoitMain(Loader()).run([]))
    assert len(done) == count
    return took


def luigi_us(count: int) -> float:
    """Run Luigi: its local scheduler, one worker, and targets that are a flag in memory."""
    import luigi

    done: set[int] = set()

    class Task(luigi.Task):
        """A task that does nothing."""

        number = luigi.IntParameter()

        def requires(self) -> list[Any]:
            """Return the one above."""
            return [Task(number=number) for number in above(self.number)]

        def complete(self) -> bool:
            """Return whether it ran."""
            return self.number in done

        def run(self) -> None:
            """Do nothing."""
            done.add(self.number)

    last = [Task(number=number) for number in range(max(0, count - WIDTH), count)]
    took = timed(count, lambda: luigi.build(last, local_scheduler=True, no_lock=True, log_level="CRITICAL"))
    assert len(done) == count
    return took


def dask_us(count: int) -> float:
    """Run dask: its scheduler of one thread, which is its quickest."""
    from dask.local import get_sync
    from dask.task_spec import Task, TaskRef

    done: list[int] = []

    def act(number: int, *above: object) -> None:
        done.append(number)

    graph = {n: Task(n, act, n, *(TaskRef(number) for number in above(n))) for n in range(count)}
    last = list(range(max(0, count - WIDTH), count))
    took = timed(count, lambda: get_sync(graph, last))
    assert len(done) == count
    return took


def hamilton_us(count: int) -> float:
    """Run Hamilton: a function each, its default adapter."""
    from hamilton import ad_hoc_utils, driver

    done: list[int] = []
    source = ["def make(done):"]
    for number in range(count):
        source.append(f"    def i{number}({', '.join(f'i{n}: int' for n in above(number))}) -> int:")
        source += [f"        done.append({number})", f"        return {number}"]
    source.append("    return locals()")
    names: dict[str, Any] = {}
    # Hamilton reads the names of what a function needs off its parameters, so each has to be written out.
    exec("\n".join(source), names)
    functions = [function for name, function in names["make"](done).items() if name != "done"]
    module = ad_hoc_utils.create_temporary_module(*functions)
    built = driver.Builder().with_modules(module).build()
    last = [f"i{number}" for number in range(max(0, count - WIDTH), count)]
    took = timed(count, lambda: built.execute(last))
    assert len(done) == count
    return took


def prefect_us(count: int) -> float:
    """Run Prefect: a flow that calls one task after another; its server has been started beforehand."""
    from prefect import flow, task

    done: list[int] = []

    def act(number: int, *above: object) -> int:
        done.append(number)
        return number

    def nothing() -> None:
        """Have the server started."""

    def walk() -> None:
        results: list[int] = []
        for number in range(count):
            results.append(run(number, *(results[n] for n in above(number))))

    run = task(act)
    flow(nothing)()
    took = timed(count, flow(walk))
    assert len(done) == count
    return took


PEERS: dict[str, Callable[[int], float]] = {
    "doit": doit_us,
    "doit with checks": partial(doit_us, checked=True),
    "Luigi": luigi_us,
    "dask": dask_us,
    "Hamilton": hamilton_us,
    "Prefect": prefect_us,
}

if __name__ == "__main__":
    logging.disable(logging.ERROR)
    result = PEERS[sys.argv[1]](int(sys.argv[2]))
    sys.stdout.write(f"\n{result}\n")
