"""Whether the page stays quick: while much happens in it, with much in it, and after a long time.

Frames, long tasks and input delays are those of the real page, with its core at work in its worker on the same machine.
Input is real: pointer and keys, by way of the browser.
"""

import itertools
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect
from tests.bench.harness import QUICK, ROUNDS, Row, alternate, compare, quantile, report
from tests.bench.lighthouse import lighthouse_rows
from tests.bench.page_site import flow_file, page_server, run_natively
from tests.chromium import running_chromium
from tests.e2e.server_process import ServerProcess

WATCH = Path(__file__).with_name("page_watch.mjs")
PATIENCE_MS = 90_000

ITEMS = 50 if QUICK else 1_000
STEPS = 20
AT_ONCE = 64
"""Items that the engine has at work at the same time unless told otherwise."""
SECONDS = 2.0 if QUICK else 20.0
PAUSE = SECONDS * min(AT_ONCE, ITEMS) / (ITEMS * STEPS)

FEW, MANY = 100, 200 if QUICK else 10_000
RUNS, RUNS_BEFORE = (4, 2) if QUICK else (100, 10)
LONG_TASK_MS, INPUT_DELAY_MS = 50, 50
ENDED = re.compile("Interrupted|Done")
"""Few items are all at work when the button is pressed, and end as done."""
IDLE_SECONDS = 1 if QUICK else 5


@contextmanager
def tab(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """Open a tab of a browser that has never seen the site, with everything watched."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    try:
        context.add_init_script(path=WATCH)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{server.announced}&flow=few")
        yield page
    finally:
        context.close()


def go(page: Page, server: ServerProcess, flow: str) -> None:
    """Open a flow, and wait until it can be run."""
    page.goto(f"{server.address}/?flow={flow}")
    expect(page.locator("#do-ensure")).to_be_enabled(timeout=PATIENCE_MS)


def seen(page: Page) -> dict[str, Any]:
    """Return what was watched since the page was opened."""
    found: dict[str, Any] = page.evaluate("() => seen")
    return found


def now(page: Page) -> float:
    """Return the page's clock in ms."""
    return float(page.evaluate("() => performance.now()"))


def use(page: Page, seconds: float) -> None:
    """Press keys and move about for a time, several times a second, in ways that change nothing."""
    until = now(page) + seconds * 1000
    for place in itertools.cycle(["#items-heading", "#sentence", "#inputs-heading"]):
        page.locator(place).click()
        page.keyboard.press("Shift")
        page.wait_for_timeout(100)
        if now(page) > until:
            return


def frames(page: Page, since: float, until: float) -> list[float]:
    """Return the times between frames in ms."""
    times = [time for time in seen(page)["frames"] if since <= time <= until]
    return [after - before for before, after in itertools.pairwise(times)]


def moving_rows(page: Page, server: ServerProcess) -> list[Row]:
    """Measure while many items move."""
    go(page, server, "moving")
    page.wait_for_timeout(2000)
    began = now(page)
    use(page, IDLE_SECONDS)
    idle = quantile(frames(page, began, now(page)), 0.95)
    began = now(page)
    page.locator("#do-ensure").click()
    expect(page.locator("#status-word")).to_have_text("Running")
    use(page, SECONDS)
    ended = now(page)
    expect(page.locator("#status-word")).to_have_text("Done")
    found = seen(page)
    longest = max((took for at, took in found["tasks"] if at >= began), default=0.0)
    delays = [delay for at, delay in found["delays"] if began <= at <= ended]
    what = f"{ITEMS:,} items, {ITEMS * STEPS:,} updates"
    return [
        Row(
            f"page: {what}, frame p95",
            quantile(frames(page, began, ended), 0.95),
            idle,
            "the same page idle",
            "ms",
            1.2,
        ),
        Row(f"page: {what}, longest long task", longest, LONG_TASK_MS, "a long task", "ms", 1.0),
        Row(f"page: {what}, input delay p95", quantile(delays, 0.95), INPUT_DELAY_MS, "budget", "ms", 1.0),
    ]


def stopping_row(page: Page, server: ServerProcess) -> Row:
    """Measure from a press of the button to the picture that says so, in frames of the idle page."""
    go(page, server, "moving")
    began = now(page)
    page.wait_for_timeout(1000)
    frame = statistics.median(frames(page, began, now(page)))
    times = []
    for _ in range(2 if QUICK else 2 * ROUNDS):
        page.locator("#do-ensure").click()
        expect(page.locator("#status-word")).to_have_text("Running")
        page.evaluate("() => void (window.stopping = sincePress('#status-word', 'Stopping'))")
        page.locator("#do-interrupt").click()
        times.append(float(page.evaluate("() => stopping")))
        expect(page.locator("#status-word")).to_have_text(ENDED)
        expect(page.locator("#do-ensure")).to_be_enabled()
    return Row("page: click to stopping on screen", statistics.median(times), frame, "a frame", "ms", 2.0)


def second_visit_row(page: Page, server: ServerProcess) -> Row:
    """Measure when the last known state is on screen, and when the core is ready, of the same visits."""
    shown, ready = [], []
    for _ in range(ROUNDS):
        go(page, server, "few")
        found = seen(page)
        shown.append(float(found["shown"]))
        ready.append(float(found["ready"]))
    return compare("page: last known state, second visit", shown, ready, "core ready", "ms", 0.3)


def opening_row(page: Page, server: ServerProcess) -> Row:
    """Measure until the state of a flow is on screen, with few items and with many."""

    def opening(flow: str) -> Callable[[], float]:
        def measure() -> float:
            go(page, server, flow)
            return float(seen(page)["shown"])

        measure()
        return measure

    found = alternate({"many": opening("many"), "few": opening("few")})
    return compare(f"page: opens, {MANY:,} items", found["many"], found["few"], f"{FEW} items", "ms", 2.0)


def history_row(page: Page, server: ServerProcess) -> Row:
    """Measure from a press of the tab to the list on screen, with few executions and with many."""

    def opening(flow: str) -> Callable[[], float]:
        def measure() -> float:
            go(page, server, flow)
            page.evaluate("() => void (window.listed = sincePress('#history', null))")
            page.locator("#tab-history").click()
            took = float(page.evaluate("() => listed"))
            page.locator("#tab-graph").click()
            return took

        measure()
        return measure

    found = alternate({"many": opening("old"), "few": opening("young")})
    return compare(f"page: history of {MANY:,}", found["many"], found["few"], f"history of {FEW}", "ms", 2.0)


def heap_row(page: Page, server: ServerProcess) -> Row:
    """Measure what the page holds after few runs and after many: JavaScript, elements, and its Python's memory."""
    session = page.context.new_cdp_session(page)
    go(page, server, "small")

    def held() -> float:
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        return float(usage["usedSize"] + usage.get("embedderHeapUsedSize", 0) + usage.get("backingStorageSize", 0))

    def run() -> None:
        expect(page.locator("#do-ensure")).to_be_enabled()
        page.locator("#do-ensure").click()
        expect(page.locator("#status-word")).to_have_text("Done")

    for _ in range(RUNS_BEFORE):
        run()
    before = held()
    for _ in range(RUNS - RUNS_BEFORE):
        run()
    mega = 2**20
    return Row(f"page: heap after {RUNS} runs", held() / mega, before / mega, f"after {RUNS_BEFORE}", "MB", 1.1)


def measured_rows(browser: Browser, server: ServerProcess) -> list[Row]:
    """Measure every row in a browser that is new to the site."""
    rows = []
    for measure in (second_visit_row, opening_row, history_row, stopping_row, heap_row):
        with tab(browser, server) as page:
            rows.append(measure(page, server))
    with tab(browser, server) as page:
        return rows + moving_rows(page, server)


def main() -> int:
    """Measure everything and return the exit code."""
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        few, many = flow_file(folder, "few", FEW), flow_file(folder, "many", MANY)
        flows = [few, many, *(flow_file(folder, name, 5) for name in ("old", "young", "small"))]
        flows.append(flow_file(folder, "moving", ITEMS, steps=STEPS, pause=PAUSE))
        with page_server(folder, flows, {"old": MANY, "young": FEW}) as server:
            for flow in (few, many):
                run_natively(server, flow)
            with running_chromium() as browser:
                rows = measured_rows(browser, server)
    return report(rows if QUICK else rows + lighthouse_rows())


if __name__ == "__main__":
    sys.exit(main())
