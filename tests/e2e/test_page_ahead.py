"""What the core starts from is fetched from a first visit's beginning, once, and not by a tab that looks on."""

import json

import pytest
from playwright.sync_api import Page, Request, expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage

from tooling.paths import SITE

FAR_MS = 100
"""How long a server that is far away takes to answer."""


def large_files() -> set[str]:
    """Name the snapshot, Pyodide's WebAssembly and that of the wheels."""
    manifest = json.loads((SITE / "vendor" / "boot" / "assets.json").read_text())
    return {
        manifest["snapshot"]["file"],
        manifest["wasm"],
        *(native["wasm"] for native in manifest["bundle"]["native"]),
    }


def is_large(request: Request) -> bool:
    """Tell whether a request is for a large file."""
    return request.url.split("/", 3)[3] in large_files()


def large_requests(page: Page) -> list[str]:
    """Collect the requests of a page for large files, from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("/", 3)[3]) if is_large(request) else None)
    return asked


def far_tab(new_tab: NewTab) -> FlowPage:
    """Open a tab that is far from the server."""
    tab = new_tab()
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("Network.enable")
    unbounded = {"downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": FAR_MS, **unbounded})
    return tab


@pytest.mark.complaints("net::ERR_FAILED", "preload")
def test_a_first_visit_begins_before_the_python_of_the_page_is_there(new_tab: NewTab) -> None:
    """Without a single module of the page's Python, all large files are asked for."""
    tab = far_tab(new_tab)
    asked = large_requests(tab.page)
    tab.page.route("**/ui/**", lambda route: route.abort())
    tab.page.goto(tab.server.announced)
    while len(asked) < len(large_files()):
        tab.page.wait_for_event("request", is_large)
    assert set(asked) == large_files()


def test_a_start_asks_for_each_large_file_once(new_tab: NewTab) -> None:
    """The core goes on with what was begun."""
    tab = far_tab(new_tab)
    asked = large_requests(tab.page)
    tab.open(flow="download")
    assert sorted(asked) == sorted(large_files())


def test_a_tab_that_looks_on_fetches_nothing_large(flow_page: FlowPage, new_tab: NewTab) -> None:
    """Another tab of the browser runs executions of the profile."""
    assert flow_page.page.evaluate("() => localStorage.getItem('irenic.opened')") is not None
    other = far_tab(new_tab)
    asked = large_requests(other.page)
    other.page.goto(flow_page.server.announced)
    expect(other.page.locator("#python-word")).to_have_text("Looking on")
    assert asked == []
