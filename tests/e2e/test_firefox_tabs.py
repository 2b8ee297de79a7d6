"""In Firefox one tab runs and others look on, until it is gone."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import begin_slow_download

pytestmark = pytest.mark.firefox


def test_a_second_tab_follows_and_takes_the_place_of_the_first(
    flow_page: FlowPage, new_tab: NewTab, origin: Origin
) -> None:
    """What the first was doing when it was closed is lost."""
    begin_slow_download(flow_page, origin)
    other = new_tab()
    other.page.goto(other.server.announced)
    expect(other.page.locator("#python-word")).to_have_text("Looking on")
    expect(other.item("archive")).to_have_text("Running")
    expect(other.page.locator("#do-ensure")).to_be_disabled()
    flow_page.page.close()
    other.ends("Lost")
    other.awake()
    expect(other.page.locator("#do-resume")).to_be_enabled()
