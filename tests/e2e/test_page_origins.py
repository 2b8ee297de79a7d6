"""An origin for each flow: cookie and files of its own, and nothing of another flow by them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import ServerProcess, running_server
from tests.e2e.small_flows import small_flow

from irenic.cli.site import make_site

NAMES = ("one-a", "two")
WRITE = """
async with cx.fs.write("kept.txt") as file:
    await file.write(b"kept")
    await file.commit()
"""
FLOWS_WITH_FILES = """async () => {
    const names = [];
    const visit = async (folder) => {
        for await (const [name, handle] of folder.entries()) {
            names.push(name);
            if (handle.kind === "directory") await visit(handle);
        }
    };
    await visit(await navigator.storage.getDirectory());
    return names;
}"""
READS = """async ([id, execution]) => {
    const status = async (path) => (await fetch(`/api/v1/${path}`)).status;
    return {
        own: await status(`executions?flow=${id}`),
        all: await status("executions"),
        other: await status(`executions/${execution}`),
        source: (await fetch("/flows/two.py")).status,
    };
}"""


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of two flows, each of which has an origin."""
    files = [tmp_path / f"{name}.py" for name in NAMES]
    for file in files:
        file.write_text(small_flow(file.stem, "first", body=WRITE))
    make_site(site, tmp_path / "site", files)
    database = tmp_path / "irenic.sqlite3"
    with running_server(tmp_path / "site", database, options=["--origin-per-flow"]) as running:
        yield running


def open_flow(context: BrowserContext, server: ServerProcess, name: str) -> FlowPage:
    """Open a flow by the list of flows at the printed address."""
    tab = FlowPage(context.new_page(), server)
    tab.page.goto(server.announced)
    tab.page.get_by_role("link", name=name).click()
    tab.awake()
    return tab


def test_each_flow_has_cookie_and_files_of_its_own(context: BrowserContext, server: ServerProcess) -> None:
    """The list leads to both; what one has stored the other neither sees in its files nor gets from the API."""
    one, two = (open_flow(context, server, name) for name in NAMES)
    assert one.page.url.startswith(f"http://one-a.localhost:{server.port}/")
    for tab in (one, two):
        tab.press("ensure")
        tab.ends("Done")
        assert tab.files() == ["kept.txt"]
    others = two.page.evaluate("async () => (await (await fetch('/api/v1/executions?flow=two')).json()).items[0].id")
    assert one.page.evaluate(READS, ["one-a", others]) == {"own": 200, "all": 403, "other": 403, "source": 404}
    stored = one.page.evaluate(FLOWS_WITH_FILES)
    assert "one-a" in stored
    assert "two" not in stored
    assert one.page.locator("#flow-choice option").all_inner_texts() == ["one-a"]
    cookies = {cookie["domain"] for cookie in context.cookies()}
    assert cookies == {"127.0.0.1", "one-a.localhost", "two.localhost"}


def test_the_site_keeps_itself_and_comes_back_without_the_server(
    context: BrowserContext, server: ServerProcess
) -> None:
    """With the one flow in it."""
    tab = open_flow(context, server, "two")
    tab.press("ensure")
    tab.ends("Done")
    tab.until_kept()
    server.end()
    tab.reload()
    tab.awake()
    expect(tab.status).to_have_text("Done")
