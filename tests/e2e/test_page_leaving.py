"""Leaving the page while something runs in it: it asks first."""

from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import begin_slow_download


def test_another_profile_is_opened_only_once_it_is_confirmed(flow_page: FlowPage, origin: Origin) -> None:
    """Back leaves the run and the name in the box as they were."""
    download = begin_slow_download(flow_page, origin)
    box = flow_page.page.locator("#profile-choice")
    box.fill("dev")
    box.press("Enter")
    expect(flow_page.page.locator("#dialog-title")).to_have_text("Leave what runs?")
    flow_page.page.locator("#dialog-no").click()
    expect(box).to_have_value("default")
    expect(flow_page.status).to_have_text("Running")
    box.fill("dev")
    box.press("Enter")
    with flow_page.page.expect_navigation():
        flow_page.confirm()
    expect(box).to_have_value("dev")
    assert flow_page.asked == []
    download.release()


def test_the_browser_asks_before_a_run_is_lost_by_a_reload(flow_page: FlowPage, origin: Origin) -> None:
    """And does not where nothing runs."""
    flow_page.page.locator("#flow-title").click()  # browsers ask only where the page has been used
    flow_page.reload()
    flow_page.awake()
    assert flow_page.asked == []
    download = begin_slow_download(flow_page, origin)
    flow_page.reload()
    expect(flow_page.status).to_have_text("Lost")
    assert flow_page.asked == ["beforeunload"]
    download.release()
