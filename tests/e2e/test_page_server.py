"""What the page says when the server is away, or wants another token."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.server_process import replaced_server


@pytest.mark.complaints("ERR_CONNECTION_REFUSED")
def test_a_server_that_is_away_is_told_with_the_next_step(flow_page: FlowPage) -> None:
    """What is on screen stays there."""
    flow_page.server.end()
    flow_page.page.locator("#tab-history").click()
    notice = flow_page.page.get_by_role("alert")
    expect(notice).to_contain_text("The server does not answer.")
    expect(notice).to_contain_text("Start it again")
    expect(flow_page.page.get_by_role("heading", name="download")).to_be_visible()


@pytest.mark.complaints("401")
def test_a_token_that_is_not_valid_any_more_is_told_with_where_to_find_another(
    flow_page: FlowPage, site: Path, tmp_path: Path
) -> None:
    """As after a new start of the server on the same port."""
    with replaced_server(flow_page.server, site, tmp_path / "other.sqlite3", token="another-token-of-the-tests"):
        flow_page.page.locator("#tab-history").click()
        expect(flow_page.page.get_by_role("alert")).to_contain_text("open that address")


def test_without_a_token_the_server_itself_says_how_to_get_in(flow_page: FlowPage) -> None:
    """In a browser that has never been there."""
    browser = flow_page.page.context.browser
    assert browser is not None
    stranger = browser.new_context()
    page = stranger.new_page()
    page.goto(flow_page.server.address)
    expect(page.get_by_role("heading", name="A token is needed")).to_be_visible()
    stranger.close()
