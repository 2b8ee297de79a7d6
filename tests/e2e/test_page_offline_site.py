"""The site that a browser keeps: whole, of one build, only where there is room for it, and for one person at a time."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import SERVER_AWAY, replaced_server

from irenic.cli.site import make_site

LETTERS = Path(__file__).with_name("letters.py")
SITE_PREFIX = "irenic-site-"
PYODIDE = "vendor/pyodide/"
NOT_KEPT = ("licenses/", *(f"{PYODIDE}{name}" for name in ("python_stdlib.zip", "pyodide.mjs", "pyodide.asm.mjs")))

KEEP = "() => import('/boot/offline.mjs').then((offline) => offline.keepSite())"
"""Waits until the site is kept, and returns its build."""

KEEP_AGAIN = """() => void (window.kept = new Promise(async (resolve) => {
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    active.postMessage('keep', [port2]);
}))"""

KEPT = """async () => {
    const paths = async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
    const names = await caches.keys();
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await paths(name)])));
}"""


def kept_sites(tab: FlowPage) -> dict[str, set[str]]:
    """Return the paths of what is kept of the site, by build."""
    caches = tab.page.evaluate(KEPT)
    return {
        name.removeprefix(SITE_PREFIX): set(paths) for name, paths in caches.items() if name.startswith(SITE_PREFIX)
    }


def build_and_files(site: Path) -> tuple[str, set[str]]:
    """Return a site's build, and the paths of all that is to be kept of it."""
    manifest = json.loads((site / "manifest.json").read_text())
    return manifest["build"], {f"/{place}" for place in manifest["files"] if not place.startswith(NOT_KEPT)}


@pytest.mark.complaints(*SERVER_AWAY)
def test_a_new_build_takes_the_place_of_the_one_before(flow_page: FlowPage, site: Path, tmp_path: Path) -> None:
    """Whole, and without what only the old one had."""
    old, _ = build_and_files(site)
    assert flow_page.page.evaluate(KEEP) == old
    made = tmp_path / "new"
    make_site(site, made, [LETTERS])
    new, files = build_and_files(made)
    server = flow_page.server
    with replaced_server(server, made, tmp_path / "new.sqlite3", token=server.token) as replacing:
        flow_page.page.goto(f"{replacing.announced}&flow=letters")
        flow_page.awake()
        assert flow_page.page.evaluate(KEEP) == new != old
        kept = kept_sites(flow_page)
    assert list(kept) == [new]
    assert files <= kept[new]
    assert "/flows/download.py" not in kept[new]


@pytest.mark.complaints("was preloaded using link preload but not used")
def test_two_tabs_may_keep_it_at_the_same_time(flow_page: FlowPage, new_tab: NewTab, site: Path) -> None:
    """Both are told that it is kept, and it is."""
    build, files = build_and_files(site)
    flow_page.page.evaluate(KEEP)
    other = new_tab()
    other.page.goto(f"{other.server.announced}&flow=download")
    expect(other.page.locator("#python-word")).to_have_text("Looking on")
    assert flow_page.page.evaluate(f"() => caches.delete('{SITE_PREFIX}{build}')") is True
    for tab in (flow_page, other):
        tab.page.evaluate(KEEP_AGAIN)
    assert [tab.page.evaluate("() => kept") for tab in (flow_page, other)] == [{"kept": build}] * 2
    kept = kept_sites(flow_page)
    assert list(kept) == [build]
    assert files <= kept[build]


@pytest.mark.complaints("Quota")
def test_where_there_is_no_room_nothing_is_kept_and_nothing_is_said_to_be(new_tab: NewTab) -> None:
    """The next visit comes from the server as if there had been no attempt."""
    tab = new_tab()
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": tab.server.address, "quotaSize": 2_000_000})
    tab.open(flow="download")
    refused = tab.page.evaluate(f"() => ({KEEP})().then(String, (error) => `refused: ${{error.message}}`)")
    assert refused.startswith("refused: Quota")
    assert kept_sites(tab) == {}
    tab.reload()
    tab.awake()
    expect(tab.status).to_have_text("Nothing run yet")
    expect(tab.page.locator("body")).not_to_contain_text("This is what was known at")


def test_whoever_signs_in_is_shown_nothing_that_was_answered_to_another(flow_page: FlowPage) -> None:
    """The kept answers are dropped when an address with a token is opened."""
    flow_page.page.evaluate(KEEP)
    stored = "async () => (await caches.open('irenic-answers'))"
    flow_page.page.evaluate(f"async () => (await ({stored})()).put('/api/v1/secret', new Response('theirs'))")
    flow_page.reload()
    flow_page.awake()
    assert "/api/v1/secret" in flow_page.page.evaluate(KEPT)["irenic-answers"]
    flow_page.open(flow="download")
    assert "/api/v1/secret" not in flow_page.page.evaluate(KEPT).get("irenic-answers", [])
