"""How soon an interrupt is heard inside a loop that lets nothing else run, with shared memory and without.

Beside each signal an idle worker is sent a message in the same page. The limits are for a machine that has nothing else
to do; how late that worker's answers come is what this one adds.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from tests.bench.harness import Row, quantile, report
from tests.e2e.core_tab import CoreTab, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess, running_server

from tooling.paths import BROWSER_FILE, SITE

TIGHT_LOOP = flow_of_one("while True:\n    pass")
SHARED_SIGNALS = 1000
SHARED_LIMIT_MS = 5.0
POLLED_SIGNALS = 40
INTERVAL_MS = 250.0
POLLED_LIMIT_MS = INTERVAL_MS + 30.0

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


def main() -> int:
    """Measure both."""
    found: dict[str, Any] = json.loads(BROWSER_FILE.read_text())
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(SITE, Path(folder) / "bench.sqlite3") as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=found["executable"], args=found["args"]) as browser,
    ):
        by_memory, by_server = shared(browser, server), polled(browser, server)
    lost = SHARED_SIGNALS - len(by_memory)
    return report(
        [
            p99_row(f"interrupt: tight loop, isolated, p99 of {SHARED_SIGNALS:,}", by_memory, SHARED_LIMIT_MS),
            Row("interrupt: tight loop, isolated, signals lost", float(lost), 1.0, "one", "", 0.0),
            p99_row(f"interrupt: tight loop, not isolated, p99 of {POLLED_SIGNALS}", by_server, POLLED_LIMIT_MS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
