"""A flow that needs a package: served and exported from a terminal, and run in a tab by nothing but what is there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from tests.e2e.core_tab import answer_of, core_tab, flow_of_one
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import ServerProcess
from tests.web_server import serving
from tests.wheels import write_wheel

from irenic.cli.site_options import MANIFEST
from irenic.cli.tab_python import TabPython

NEEDS_KETTLE = '# /// script\n# dependencies = ["irenic", "kettle>=1"]\n# ///\n'
KETTLE = NEEDS_KETTLE + flow_of_one("answer = kettle.boil()", imports="import kettle")
ASKS_MICROPIP = flow_of_one(
    "answer = json.dumps(default_environment())",
    imports="import json\nfrom micropip._vendored.packaging.src.packaging.markers import default_environment",
)
LID = "lid-1.0-py3-none-any.whl"
WHEELS = ["vendor/wheels/kettle-1.0-py3-none-any.whl", f"vendor/wheels/{LID}"]
ENDS_WITHIN = 20.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a flow that needs a package, which needs another in tabs alone; pip finds both in a folder."""
    shelf = tmp_path / "shelf"
    for name, value in {"CONFIG_FILE": "/dev/null", "NO_INDEX": "1", "FIND_LINKS": str(shelf)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    boils = "import sys\n\ndef boil():\n    import lid\n    return f'{lid.WORD} on {sys.platform}'\n"
    write_wheel(shelf, "kettle", requires=["lid; sys_platform == 'emscripten'"], modules={"kettle.py": boils})
    write_wheel(shelf, "lid", modules={"lid.py": "WORD = 'hiss'"})
    (tmp_path / "tea.py").write_text(KETTLE)
    return tmp_path


@contextmanager
def served(folder: Path, site: Path, *flows: str) -> Iterator[ServerProcess]:
    """Type ``irenic serve`` and wait until it says where it serves."""
    command = [sys.executable, "-m", "irenic", "serve", *flows, "--site", str(site), "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        announced = next(line.strip() for line in process.stdout if line.startswith("http://"))
        server = ServerProcess(process, announced)
        try:
            yield server
        finally:
            server.end()


def exported(folder: Path, site: Path, *flows: str) -> Path:
    """Type ``irenic export`` and return the folder that it has made."""
    command = [sys.executable, "-m", "irenic", "export", *flows, "--out", "out", "--site", str(site)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "out"


def requests_of(context: BrowserContext) -> list[Request]:
    """Return a list to which every request of a browser is added."""
    requests: list[Request] = []

    def asked(request: Request) -> None:
        requests.append(request)

    context.on("request", asked)
    return requests


def answers(page: Page) -> None:
    """Expect that the item has answered with what the package says in a tab."""
    page.locator("#item-rows button[data-item='one']").click()
    expect(page.locator("#main")).to_contain_text("hiss on emscripten")


def elsewhere(requests: list[Request], address: str) -> list[str]:
    """Return the addresses that were asked for at other hosts."""
    asked = [urlsplit(request.url) for request in requests]
    return [
        each.geturl() for each in asked if each.scheme in ("http", "https") and each.netloc != urlsplit(address).netloc
    ]


def test_what_a_served_flow_needs_comes_from_the_server_that_serves_it(
    folder: Path, site: Path, context: BrowserContext
) -> None:
    """And from what the browser has kept of it, where the server is away."""
    requests = requests_of(context)
    with served(folder, site, "tea.py") as server:
        tab = FlowPage(context.new_page(), server).open(flow="tea")
        tab.press("ensure")
        tab.ends("Done")
        answers(tab.page)
        assert elsewhere(requests, server.address) == []
        asked = {urlsplit(request.url).path for request in requests}
        assert {f"/{wheel}" for wheel in WHEELS} <= asked
        tab.until_kept()
        kept = tab.page.evaluate(
            "async (wheels) => (await Promise.all(wheels.map((wheel) => caches.match(`/${wheel}`)))).map(Boolean)",
            WHEELS,
        )
        assert kept == [True] * len(WHEELS)
    tab.reload()
    tab.awake()
    expect(tab.status).to_have_text("Done")
    expect(tab.page.locator("body")).to_contain_text("This is what was known at")


def test_a_flow_whose_packages_cannot_be_had_says_so_and_others_run(
    folder: Path, site: Path, context: BrowserContext
) -> None:
    """On its page, where no Python is started for it."""
    (folder / "coffee.py").write_text(KETTLE.replace("kettle>=1", "mill").replace("import kettle", ""))
    with served(folder, site, "coffee.py", "tea.py") as server:
        page = FlowPage(context.new_page(), server)
        page.page.goto(f"{server.announced}&flow=coffee")
        expect(page.page.locator("#python-word")).to_have_text("Python not started")
        expect(page.page.locator("#notices")).to_contain_text(
            "No tab can run this flow. coffee.py asks for mill: there is no"
        )
        expect(page.page.locator("#do-ensure")).to_be_disabled()
        page.open(flow="tea").press("ensure")
        page.ends("Done")


@pytest.mark.parametrize("below", ["", "/out/"], ids=["root", "path"])
def test_an_exported_flow_runs_from_serving(folder: Path, site: Path, context: BrowserContext, below: str) -> None:
    """At the root of a web server and below a path: it asks for no API, and says that nothing is kept."""
    requests = requests_of(context)
    complaints: list[str] = []
    out = exported(folder, site, "tea.py")
    with serving(out.parent if below else out) as address:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + below)
        expect(page.locator("#python-word")).to_have_text("Python ready", timeout=60_000)
        page.locator("#do-ensure").click()
        expect(page.locator("#status-word")).to_have_text("Done")
        answers(page)
        page.get_by_role("tab", name="History").click()
        expect(page.locator("#history-empty")).to_contain_text("Nothing is kept here")
        assert complaints == []
        assert elsewhere(requests, address) == []
        assert [request.url for request in requests if "/api/" in request.url] == []


def test_what_is_abandoned_where_nothing_is_kept_is_lost(folder: Path, site: Path, context: BrowserContext) -> None:
    """Nobody knows how far it came, which the page says, and goes on from there."""
    (folder / "loops.py").write_text(flow_of_one("while True:\n    pass"))
    with serving(exported(folder, site, "loops.py")) as address:
        page = context.new_page()
        page.goto(address)
        page.locator("#do-ensure").click(timeout=60_000)
        status = page.locator("#item-rows tr:has(button[data-item='one']) .status span")
        expect(page.locator("#status-word")).to_have_text("Running")
        for _ in ("finish", "cancel", "abandon"):
            page.locator("#do-interrupt:not([data-rests])").click()
        expect(page.locator("#status-word")).to_have_text("Lost")
        expect(status).to_have_text("Unknown")
        page.locator("#do-discover").click(timeout=60_000)
        expect(page.locator("#status-word")).to_have_text("Done")


def test_markers_are_evaluated_for_the_python_that_tabs_have(
    site: Path, chromium: Browser, shared_server: ServerProcess, tmp_path: Path
) -> None:
    """As micropip, which brings the same library along, evaluates them there."""
    wheel = write_wheel(tmp_path, "lid")
    with core_tab(chromium, shared_server) as tab:
        tab.page.context.route(f"**/{LID}", lambda route: route.fulfill(body=wheel.read_bytes()))
        tab.start()
        tab.post(type="load_flow", name="flow.py", source=ASKS_MICROPIP, wheels=[f"/vendor/wheels/{LID}"])
        tab.until(type="flow_loaded")
        environment = json.loads(answer_of(tab.outcome(tab.submit())))
    lock = json.loads((site / MANIFEST).read_text())["lock"]
    assert environment == TabPython.of_site(site, lock).environment


def test_a_served_site_is_gone_when_its_server_is(folder: Path, site: Path) -> None:
    """Also where a supervisor ends it by SIGTERM."""
    temporary = folder / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "irenic", "serve", "tea.py", "--site", str(site), "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("http://")
        assert [path.name for path in temporary.iterdir()] != []
        server.terminate()
        assert server.wait(20) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
