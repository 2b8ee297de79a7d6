"""Fixtures: the built site on a real server, a real Chromium and Firefox, and another site to download from."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from tests.chromium import launch_chromium
from tests.e2e.cloud import Cloud, running_cloud
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin, running_origin
from tests.e2e.server_process import ServerProcess, running_server
from tests.firefox import launch_firefox

from irenic.cli.site import make_site
from tooling.browser import find_firefox
from tooling.paths import BROWSER_FILE, SITE

MAKE_FIRST = "run `python3 build.py setup` first"
PATIENCE_MS = 20_000
"""How long something may take to appear on a busy machine."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "complaints(*words): what the browser may complain of in this test")
    config.addinivalue_line("markers", "firefox: run this test in Firefox instead of Chromium")
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site."""
    if not (SITE / "manifest.json").exists():
        pytest.fail(f"there is no site: {MAKE_FIRST}")
    return SITE


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers of this folder's tests; one thread can have one."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A real Chromium for the tests of this folder."""
    if not BROWSER_FILE.exists():
        pytest.fail(f"no browser was found: {MAKE_FIRST}")
    with launch_chromium(playwright) as started:
        yield started


@pytest.fixture(scope="package")
def firefox_executable() -> Path:
    """A real Firefox; where there is none its tests are skipped, but not in continuous integration."""
    executable = find_firefox()
    if executable is None and "CI" in os.environ:
        pytest.fail("there is no Firefox: run `python3 build.py test`, which installs it where it can")
    if executable is None:
        pytest.skip("there is no Firefox (on Debian: `apt-get install firefox-esr`)")
    return executable


@pytest.fixture(scope="package")
def firefox(playwright: Playwright, firefox_executable: Path) -> Iterator[Browser]:
    """It, running for the tests of this folder."""
    with launch_firefox(playwright, firefox_executable) as started:
        yield started


@pytest.fixture
def flows() -> dict[str, str]:
    """Sources of the flows of a test's own site, by name; without any it is the built site."""
    return {}


@pytest.fixture
def server(site: Path, flows: dict[str, str], tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of its own for each test, on a new database."""
    served = site
    if flows:
        served, files = tmp_path / "site", [tmp_path / f"{name}.py" for name in flows]
        for file in files:
            file.write_text(flows[file.stem])
        make_site(site, served, files)
    with running_server(served, tmp_path / "irenic.sqlite3") as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests of a module, for those that leave nothing behind that another would see."""
    with running_server(site, tmp_path_factory.mktemp("server") / "irenic.sqlite3") as running:
        yield running


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Another site, empty."""
    with running_origin() as running:
        yield running


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A service that gives ids to things, with nothing in it."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Browser:
    """The browser of a test: Chromium, unless it is marked ``firefox``."""
    is_firefox = request.node.get_closest_marker("firefox") is not None
    chosen: Browser = request.getfixturevalue("firefox" if is_firefox else "chromium")
    return chosen


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet: no cookies, no files, no cache."""
    fresh = browser.new_context(viewport={"width": 1200, "height": 900})
    yield fresh
    fresh.close()


NewTab = Callable[[], FlowPage]


@pytest.fixture
def new_tab(request: pytest.FixtureRequest, context: BrowserContext, server: ServerProcess) -> Iterator[NewTab]:
    """A function that opens a tab; at the end, none may have made the browser complain.

    What a test expects the browser to complain of is named by the marker ``complaints``.
    """
    tabs: list[FlowPage] = []

    def opened() -> FlowPage:
        tabs.append(FlowPage(context.new_page(), server))
        return tabs[-1]

    yield opened
    expected = [word for marker in request.node.iter_markers("complaints") for word in marker.args]
    complaints = [complaint for tab in tabs for complaint in tab.complaints]
    assert [complaint for complaint in complaints if not any(word in complaint for word in expected)] == []


@pytest.fixture
def flow_page(new_tab: NewTab) -> FlowPage:
    """A tab with the page open and Python awake."""
    return new_tab().open(flow="download")
