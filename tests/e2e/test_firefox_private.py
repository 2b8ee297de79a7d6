"""A private window of Firefox keeps no files: the page says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect
from tests.e2e.flow_page import FlowPage
from tests.firefox import launch_firefox


@pytest.fixture
def browser(playwright: Playwright, firefox_executable: Path) -> Iterator[Browser]:
    """A Firefox all of whose windows are private."""
    with launch_firefox(playwright, firefox_executable, {"browser.privatebrowsing.autostart": True}) as private:
        yield private


def test_where_no_files_are_kept_the_page_says_so(flow_page: FlowPage) -> None:
    """In place of the list of files, and of each item that would have written one."""
    expect(flow_page.page.locator("#files-note")).to_contain_text("keeps no files for this page")
    assert flow_page.files() == []
    flow_page.press("ensure")
    flow_page.ends("Failed")
    expect(flow_page.row("archive")).to_contain_text("use an ordinary window")
