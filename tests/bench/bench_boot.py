"""How soon a tab's core is awake, against an ordinary start of Pyodide from the same site in the same run."""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page
from tests.bench.harness import QUICK, ROUNDS, Row, alternate, compare, report, skipped
from tests.bench.tab_peers import PEERS, peers_to_start
from tests.chromium import running_chromium
from tests.e2e.core_tab import EMPTY_PAGE, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess, running_server

from tooling.paths import SITE

STOCK_WORKER = Path(__file__).with_name("stock_worker.mjs")
STOCK_ADDRESS = "/boot/stock_worker.mjs"
FLOW = flow_of_one("answer = 1")
WHEEL_BUDGET = 150_000
STANDBY_MS = 2000
"""What is abandoned has run for a while: by then the page has a worker standing by."""
BYTES_BUDGET = 8_000_000

TIME_STOCK = """([address, packages]) => new Promise((resolve, reject) => {
    const began = performance.now();
    const worker = new Worker(address, { type: 'module' });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = () => { worker.terminate(); resolve(performance.now() - began); };
    worker.postMessage({ packages });
})"""

TIME_OURS = """async (source) => {
    const { startCore } = await import('/boot/core.mjs');
    const began = performance.now();
    return await new Promise((resolve, reject) => {
        const onMessage = (message) => {
            if (message.type === 'flow_loaded') resolve(performance.now() - began);
            if (message.type === 'failed' || message.mark === 'fell_back') reject(new Error(JSON.stringify(message)));
        };
        window.core = startCore({ onMessage });
        core.post({ type: 'load_flow', name: 'flow.py', source });
    });
}"""

NATIVE_PYDANTIC = "import pydantic\nclass Model(pydantic.BaseModel):\n    a: int"
NATIVE_TIMER = (
    "import time, sys\nbegan = time.perf_counter()\n{code}\nsys.stdout.write(str(time.perf_counter() - began))"
)


class Starts:
    """Starts of all kinds, each timed in a page of its own; times in ms."""

    def __init__(self, browser: Browser, server: ServerProcess) -> None:
        self._browser = browser
        self._server = server

    def cold(self, timed: Callable[[Page], float]) -> Callable[[], float]:
        """Time a start in a browser that has never seen the site."""

        def measure() -> float:
            with self._page() as page:
                return timed(page)

        return measure

    def warm(self, timed: Callable[[Page], float]) -> Callable[[], float]:
        """Time the second start of a browser."""

        def measure() -> float:
            with self._page() as page:
                timed(page)
                page.reload()
                return timed(page)

        return measure

    @contextmanager
    def _page(self) -> Iterator[Page]:
        context = self._browser.new_context()
        try:
            page = context.new_page()
            page.goto(self._server.announced)
            page.goto(self._server.address + EMPTY_PAGE)
            yield page
        finally:
            context.close()


def site_with_peers(folder: Path) -> Path:
    """Copy the site and put the worker into it that starts Pyodide the ordinary way.

    A browser whose requests a test answers asks the test about every one.
    """
    site = shutil.copytree(SITE, folder / "site")
    shutil.copy(STOCK_WORKER, site / STOCK_ADDRESS.lstrip("/"))
    return site


def ours(page: Page) -> float:
    """Time our core until one flow is loaded."""
    return float(page.evaluate(TIME_OURS, FLOW))


def by_lock_file(page: Page) -> float:
    """Time Pyodide with pydantic from the lock file, imported, and one model validated."""
    return float(page.evaluate(TIME_STOCK, [STOCK_ADDRESS, ["pydantic"]]))


def bare(page: Page) -> float:
    """Time Pyodide alone."""
    return float(page.evaluate(TIME_STOCK, [STOCK_ADDRESS, []]))


def start_rows(starts: Starts) -> tuple[list[Row], float]:
    """Measure cold and warm starts; return the rows, and the median of a bare warm start."""
    rows = []
    kinds = {"cold": starts.cold} if QUICK else {"cold": starts.cold, "warm": starts.warm}
    for kind, timed in kinds.items():
        found = alternate({"ours": timed(ours), "lock": timed(by_lock_file), "bare": timed(bare)})
        name, lock_file = f"boot: core ready, {kind}", "lock file, pydantic, one model"
        rows += [
            compare(name, found["ours"], found["lock"], lock_file, "ms", 0.18),
            compare(f"{name}, bare", found["ours"], found["bare"], "bare loadPyodide()", "ms", 0.22),
        ]
    return rows, statistics.median(found["bare"])


def peer_rows(browser: Browser, starts: Starts) -> list[Row]:
    """Compare cold starts of our core with those of what else brings pydantic to a tab."""
    if QUICK:
        skipped(", ".join(PEERS), "not part of the quick form")
        return []
    with tempfile.TemporaryDirectory() as folder, peers_to_start(Path(folder), browser) as peers:
        found = alternate({"ours": starts.cold(ours), **peers})
    for missing in PEERS.keys() - peers.keys():
        skipped(missing, "not installed")
    return [
        compare(f"boot: core ready, cold, {name}", found["ours"], found[name], PEERS[name], "ms", 1) for name in peers
    ]


def respawn_row(browser: Browser, server: ServerProcess, bare_ms: float) -> Row:
    """Measure how soon a new core is ready after one was abandoned."""
    times = []
    with core_tab(browser, server) as tab:
        tab.start("snapshot")
        for _ in range(2 * ROUNDS):
            tab.mark()
            tab.page.wait_for_timeout(STANDBY_MS)
            began = tab.page.evaluate("() => { const began = performance.now(); core.respawn(); return began; }")
            times.append(tab.until(type="ready")["seen_at"] - began)
    return Row("boot: respawn after abandon", statistics.median(times), bare_ms, "bare loadPyodide()", "ms", 0.09)


def bytes_row(browser: Browser, server: ServerProcess) -> Row:
    """Add up what a first visit has to fetch until the core is ready, compressed as the site has it."""
    asked: list[str] = []
    with core_tab(browser, server) as tab:
        tab.page.on("response", lambda response: asked.append(urlsplit(response.url).path))
        tab.page.route("**/vendor/boot/library-*", lambda route: route.abort())
        tab.page.reload()
        tab.page.evaluate(TIME_OURS, FLOW)
    total = sum(packed_size(SITE / path.lstrip("/")) for path in set(asked))
    return Row("boot: bytes before core ready, brotli", total, BYTES_BUDGET, "budget", "bytes", 1.0)


def packed_size(path: Path) -> int:
    """Return a file's size as it is sent."""
    packed = path.with_name(f"{path.name}.br")
    return (packed if packed.exists() else path).stat().st_size


def wheel_rows() -> list[Row]:
    """Weigh the core's wheel, and time its import natively beside pydantic's."""
    (wheel,) = (SITE / "vendor" / "wheels").glob("irenic-*.whl")

    def timed(code: str) -> Callable[[], float]:
        command = [sys.executable, "-c", NATIVE_TIMER.format(code=code)]
        return lambda: float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) * 1000

    found = alternate({"with": timed(f"{NATIVE_PYDANTIC}\nimport irenic"), "alone": timed(NATIVE_PYDANTIC)}, 3 * ROUNDS)
    alone = found["alone"]
    added = [both - pydantic for both, pydantic in zip(found["with"], alone, strict=True)]
    return [
        Row("boot: wheel of the core", wheel.stat().st_size, WHEEL_BUDGET, "budget", "bytes", 1.0),
        compare("boot: import irenic, what it adds", added, alone, "import pydantic, one model", "ms", 0.25),
    ]


def main() -> int:
    """Measure everything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(site_with_peers(Path(folder)), Path(folder) / "bench.sqlite3") as server,
        running_chromium() as browser,
    ):
        starts = Starts(browser, server)
        rows, bare_ms = start_rows(starts)
        rows += [*peer_rows(browser, starts), respawn_row(browser, server, bare_ms), bytes_row(browser, server)]
    return report([*rows, *wheel_rows()])


if __name__ == "__main__":
    sys.exit(main())
