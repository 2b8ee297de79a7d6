"""How soon an interrupt is heard inside a loop that lets nothing else run, with shared memory and without."""

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

SEND_MANY = """async (count) => {
    const heard = [];
    for (let i = 0; i < count; i++) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        const from = tab.messages.length;
        const began = performance.now();
        core.interrupt('finish');
        const reply = await tab.until({ type: 'interrupt_reply' }, from, 10_000);
        heard.push(reply.seen_at - began);
    }
    return heard;
}"""


def run(tab: CoreTab) -> str:
    """Start an execution and wait until its loop runs."""
    execution = tab.submit()
    tab.until_printed("applying")
    return execution


def shared(browser: Browser, server: ServerProcess) -> list[float]:
    """Send many signals into one loop; return how long each took until the page knew that it was heard, ms."""
    with core_tab(browser, server) as tab:
        tab.start()
        tab.load_flow(TIGHT_LOOP)
        run(tab)
        heard: list[float] = tab.page.evaluate(SEND_MANY, SHARED_SIGNALS)
    return heard


def polled(browser: Browser, server: ServerProcess) -> list[float]:
    """Send one signal into each of many loops by way of the server; return how long each took, ms."""
    heard = []
    with core_tab(browser, server, isolated=False) as tab:
        tab.start()
        tab.load_flow(TIGHT_LOOP)
        for _ in range(POLLED_SIGNALS):
            execution = run(tab)
            heard += tab.page.evaluate(SEND_MANY, 1)
            tab.interrupt("cancel")
            tab.outcome(execution)
    return heard


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
    many = f"p99 of {SHARED_SIGNALS:,}"
    lost = SHARED_SIGNALS - len(by_memory)
    return report(
        [
            Row(f"tight loop, isolated, {many}", quantile(by_memory, 0.99), SHARED_LIMIT_MS, "limit", "ms", 1.0),
            Row(
                f"tight loop, isolated, median of {SHARED_SIGNALS:,}", quantile(by_memory, 0.5), 1.0, "1 ms", "ms", 1.0
            ),
            Row("tight loop, isolated, lost signals", float(lost), 1.0, "one", "", 0.0),
            Row(
                "tight loop, not isolated, p99",
                quantile(by_server, 0.99),
                POLLED_LIMIT_MS,
                "interval + 30 ms",
                "ms",
                1.0,
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
