"""What a signal stops, what is done again after it, and how soon it is heard.

Natively a signal is sent to the command line in the midst of a flow of items of 50 ms. An item counts as begun after
the signal if it ran without an intent in the journal that stands before the interrupt.

In a tab: how soon an interrupt is heard inside a loop that lets nothing else run, with shared memory and without.

Beside each signal an idle worker is sent a message in the same page. The limits are for a machine that has nothing else
to do; how late that worker's answers come is what this one adds.
"""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from playwright.sync_api import Browser
from tests.bench.harness import QUICK, Row, compare, quantile, report
from tests.bench.interrupted_flow import ITEM_SECONDS, ITEMS, LOG
from tests.chromium import running_chromium
from tests.e2e.core_tab import CoreTab, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess, running_server

from irenic.model.events import JournalEvent
from irenic.stores import FileStore
from tooling.paths import SITE

TIGHT_LOOP = flow_of_one("while True:\n    pass")
SHARED_SIGNALS = 20 if QUICK else 1000
SHARED_LIMIT_MS = 5.0
POLLED_SIGNALS = 2 if QUICK else 40
INTERVAL_MS = 250.0
POLLED_LIMIT_MS = INTERVAL_MS + 30.0

KILLS = 1 if QUICK else 7
EXIT_LIMIT_MS = ITEM_SECONDS * 1000 + 50.0

FLOW = Path(__file__).with_name("interrupted_flow.py")
ECHO_WORKER = Path(__file__).with_name("echo_worker.mjs")
ECHO_ADDRESS = "/boot/echo_worker.mjs"
ECHO_HEADERS = {"content-type": "text/javascript", "cross-origin-embedder-policy": "require-corp"}

OPEN_ECHO = """(address) => {
    const worker = new Worker(address, { type: 'module' });
    window.echo = () => new Promise((resolve) => {
        const began = performance.now();
        worker.onmessage = () => resolve(performance.now() - began);
        worker.postMessage(began);
    });
    return echo();
}"""

SEND_MANY = """async (count) => {
    const heard = [];
    for (let i = 0; i < count; i++) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        const from = tab.messages.length;
        const began = performance.now();
        core.interrupt('finish');
        const reply = await tab.until({ type: 'interrupt_reply' }, from, 10_000);
        heard.push([reply.seen_at - began, await echo()]);
    }
    return heard;
}"""

Times = list[list[float]]
"""For each signal, the time until the page knew that it was heard and the time of the idle worker's answer, ms."""


def run(tab: CoreTab) -> str:
    """Start an execution and wait until its loop runs."""
    execution = tab.submit()
    tab.until_printed("applying")
    return execution


def open_echo(tab: CoreTab) -> None:
    """Start the idle worker."""
    tab.page.route(f"**{ECHO_ADDRESS}", lambda route: route.fulfill(path=ECHO_WORKER, headers=ECHO_HEADERS))
    tab.page.evaluate(OPEN_ECHO, ECHO_ADDRESS)


def shared(browser: Browser, server: ServerProcess) -> Times:
    """Send many signals into one loop."""
    with core_tab(browser, server) as tab:
        tab.start()
        open_echo(tab)
        tab.load_flow(TIGHT_LOOP)
        run(tab)
        heard: Times = tab.page.evaluate(SEND_MANY, SHARED_SIGNALS)
    return heard


def polled(browser: Browser, server: ServerProcess) -> Times:
    """Send one signal into each of many loops, by way of the server."""
    heard: Times = []
    with core_tab(browser, server, isolated=False) as tab:
        tab.start()
        open_echo(tab)
        tab.load_flow(TIGHT_LOOP)
        for _ in range(POLLED_SIGNALS):
            execution = run(tab)
            heard += tab.page.evaluate(SEND_MANY, 1)
            tab.interrupt("cancel")
            tab.outcome(execution)
    return heard


def p99_row(name: str, times: Times, limit_ms: float) -> Row:
    """Compare the slowest hundredth with its limit, on a machine that answers as late as this one does."""
    signals, echoes = zip(*times, strict=True)
    against = f"{limit_ms:g} ms + an idle worker's p99"
    return Row(name, quantile(signals, 0.99), limit_ms + quantile(echoes, 0.99), against, "ms", 1.0)


class Run:
    """A run of the command line in a process of its own, to which a signal is sent in the midst of its items."""

    def __init__(self, folder: Path, number: signal.Signals, after: int) -> None:
        self._folder = folder
        folder.mkdir()
        process = self._start()
        while len(self._noted("begin")) < after:
            assert process.poll() is None, "it ended before its time"
            time.sleep(0.001)
        sent = time.monotonic()
        process.send_signal(number)
        process.wait()
        self.exit_ms = (time.monotonic() - sent) * 1000
        self.finished = self._noted("end")
        self.begun = self._noted("begin")
        self.unheard_of = len(set(self.begun) - self._intended_before_the_signal()) if number != signal.SIGKILL else 0

    def applied_again(self) -> int:
        """Resume it, and count the finished items that are applied again."""
        assert self._start().wait() == 0
        begun = Counter(self._noted("begin"))
        assert len(begun) == ITEMS
        return sum(begun[id] > 1 for id in self.finished)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "irenic", "ensure", str(FLOW), "--max-concurrency", "8"]
        quietly = ("--progress", "none", "--format", "none")
        return subprocess.Popen(
            [*command, *quietly], cwd=self._folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _noted(self, what: str) -> list[str]:
        log = self._folder / LOG
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]

    def _intended_before_the_signal(self) -> set[str]:
        """Return the items whose intent stands in the journal before the interrupt does."""
        intended: set[str] = set()
        for event in asyncio.run(self._journal()):
            if event.kind == "interrupt_requested":
                return intended
            if event.kind == "item_intent":
                intended.add(event.item)
        raise AssertionError("the journal knows of no interrupt")

    async def _journal(self) -> list[JournalEvent]:
        store = FileStore(self._folder / ".irenic")
        (record,) = (await store.executions()).items
        events = await store.events(record.id, limit=100_000)
        await store.close()
        return events


def native_rows() -> list[Row]:
    """Send each signal to runs of the command line, at many points of them."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as made:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            points = [ITEMS * (turn + 1) // (KILLS + 2) for turn in range(KILLS)]
            runs = [Run(Path(made) / f"{number.name}{after}", number, after) for after in points]
            again = sum(run.applied_again() for run in runs)
            finished = sum(len(run.finished) for run in runs)
            name = f"interrupt: {number.name}, finished items applied again"
            rows.append(Row(name, again, finished, "finished items", "", 0.0))
            if number == signal.SIGINT:
                left = sum(ITEMS - len(run.begun) for run in runs)
                started = sum(run.unheard_of for run in runs)
                rows += [
                    Row("interrupt: SIGINT, items begun after it", started, left, "items left", "", 0.0),
                    compare(
                        "interrupt: SIGINT to the end of the process",
                        [run.exit_ms for run in runs],
                        [EXIT_LIMIT_MS] * len(runs),
                        "an item and 50 ms",
                        "ms",
                        1.0,
                    ),
                ]
    return rows


def main() -> int:
    """Measure everything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(SITE, Path(folder) / "bench.sqlite3") as server,
        running_chromium() as browser,
    ):
        by_memory, by_server = shared(browser, server), polled(browser, server)
    lost = SHARED_SIGNALS - len(by_memory)
    return report(
        [
            *native_rows(),
            p99_row(f"interrupt: tight loop, isolated, p99 of {SHARED_SIGNALS:,}", by_memory, SHARED_LIMIT_MS),
            Row("interrupt: tight loop, isolated, signals lost", lost, SHARED_SIGNALS, "signals", "", 0.0),
            p99_row(f"interrupt: tight loop, not isolated, p99 of {POLLED_SIGNALS}", by_server, POLLED_LIMIT_MS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
