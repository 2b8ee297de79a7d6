"""In Firefox a visit while the server cannot be reached shows what was known, and says so."""

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage

pytestmark = pytest.mark.firefox


@pytest.mark.complaints("ServerAway", "NetworkError")
def test_a_second_visit_needs_no_server(flow_page: FlowPage) -> None:
    """The last known picture is on screen, and Python wakes."""
    flow_page.press("ensure")
    flow_page.ends("Done")
    flow_page.until_kept()
    flow_page.server.end()
    flow_page.reload()
    expect(flow_page.page.get_by_role("alert")).to_contain_text("This is what was known at")
    expect(flow_page.status).to_have_text("Done")
    flow_page.awake()
