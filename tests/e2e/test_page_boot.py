"""The page says how Python was started, and how interrupts arrive where that is not at once."""

from urllib.parse import urlsplit

from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.core_tab import without_isolation
from tests.e2e.flow_page import FlowPage


def test_the_way_of_starting_is_named(flow_page: FlowPage) -> None:
    """With the time that it took and the versions of what runs."""
    flow_page.page.locator("#tab-boot").click()
    summary = flow_page.page.locator("#boot-summary")
    expect(summary).to_contain_text("from the memory snapshot: irenic ")
    expect(summary).not_to_contain_text("interrupt")


def test_without_isolation_it_is_said_how_interrupts_arrive(new_tab: NewTab) -> None:
    """A page without shared memory works all the same."""
    tab = new_tab()
    tab.page.route(lambda url: urlsplit(url).path == "/", without_isolation)
    tab.open(flow="download", panel="boot")
    assert tab.page.evaluate("() => crossOriginIsolated") is False
    expect(tab.page.locator("#boot-summary")).to_contain_text("hears of an interrupt from the server")
