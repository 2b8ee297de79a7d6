"""What the page says when the server is away, or wants another token."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.server_process import SERVER_AWAY, replaced_server
from tests.e2e.slow_download import begin_slow_download
from tests.e2e.small_flows import small_flow

from irenic.cli.site import make_site


@pytest.mark.complaints(*SERVER_AWAY)
def test_a_server_that_goes_away_is_noticed_and_so_is_its_return(
    flow_page: FlowPage, site: Path, tmp_path: Path
) -> None:
    """What is on screen stays there, and nothing begins meanwhile; nothing has to be loaded again."""
    flow_page.fill(url="https://example.com/typed.zip")
    flow_page.server.end()
    notice = flow_page.page.get_by_role("alert")
    expect(notice).to_contain_text("The server does not answer since")
    expect(notice).to_contain_text("Nothing can begin here until then.")
    expect(flow_page.page.locator("#do-ensure")).to_be_disabled()
    flow_page.page.locator("#tab-history").click()
    expect(flow_page.page.get_by_role("heading", name="download")).to_be_visible()
    with replaced_server(flow_page.server, site, tmp_path / "irenic.sqlite3", token=flow_page.server.token):
        expect(flow_page.notices).to_have_count(0)
        expect(flow_page.page.locator("#input-url")).to_have_value("https://example.com/typed.zip")
        flow_page.fill(url="")
        flow_page.press("discover")
        flow_page.ends("Done")


@pytest.mark.complaints(*SERVER_AWAY)
def test_what_is_agreed_to_while_the_server_is_away_is_not_begun(flow_page: FlowPage) -> None:
    """In a dialog that was open by then; it is said."""
    flow_page.press("clean")
    flow_page.preview()
    flow_page.server.end()
    expect(flow_page.notices).to_have_count(1)
    flow_page.confirm()
    expect(flow_page.reply).to_have_text("Nothing was begun: the server does not answer. Press again when it does.")


@pytest.mark.complaints(*SERVER_AWAY)
def test_a_run_outlasts_its_server(flow_page: FlowPage, origin: Origin, site: Path, tmp_path: Path) -> None:
    """It is said that the server is away, and no more once it is back."""
    download = begin_slow_download(flow_page, origin)
    flow_page.server.process.kill()
    notice = flow_page.page.get_by_role("alert")
    expect(notice).to_contain_text("What is running goes on")
    download.release()
    with replaced_server(flow_page.server, site, tmp_path / "irenic.sqlite3", token=flow_page.server.token):
        expect(flow_page.notices).to_have_count(0)
        flow_page.ends("Done")
        assert flow_page.statuses() == {"archive": "Done", "site": "Done", "manifest": "Done"}


@pytest.mark.complaints(*SERVER_AWAY)
def test_an_interrupt_that_nobody_has_heard_is_taken_back(
    flow_page: FlowPage, new_tab: NewTab, origin: Origin, site: Path, tmp_path: Path
) -> None:
    """In a tab that looks on, whose interrupts go by the server."""
    download = begin_slow_download(flow_page, origin)
    other = new_tab()
    other.page.goto(other.server.announced + "&flow=download")
    expect(other.status).to_have_text("Running")
    flow_page.server.process.kill()
    other.press("interrupt")
    expect(other.reply).to_contain_text("nobody has heard this")
    expect(other.status).to_have_text("Running")
    with replaced_server(flow_page.server, site, tmp_path / "irenic.sqlite3", token=flow_page.server.token):
        expect(other.page.get_by_role("alert")).not_to_contain_text("does not answer")
        other.press_interrupt_again()
        expect(flow_page.status).to_have_text("Stopping")
        download.release()
        for tab in (flow_page, other):
            tab.ends("Interrupted")


@pytest.mark.complaints("401", *SERVER_AWAY)
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


@pytest.mark.complaints(*SERVER_AWAY)
@pytest.mark.parametrize("flows", [{"small": small_flow("small", "first")}], ids=["edited"])
def test_a_flow_that_was_edited_meanwhile_is_said_to_be(new_tab: NewTab, site: Path, tmp_path: Path) -> None:
    """When its server is started again; loading the page again has it as it is."""
    tab = new_tab().open(flow="small")
    file = tmp_path / "small.py"
    file.write_text(small_flow("small", "first", "second"))
    make_site(site, tmp_path / "edited", [file])
    tab.server.end()
    expect(tab.notices).to_have_count(1)
    with replaced_server(tab.server, tmp_path / "edited", tmp_path / "irenic.sqlite3", token=tab.server.token):
        expect(tab.page.get_by_role("alert")).to_contain_text("The flow's file has changed since this page was opened.")
        tab.page.get_by_role("button", name="Load again").click()
        expect(tab.item("second")).to_be_visible()
        expect(tab.notices).to_have_count(0)
