"""In Firefox a reload in the middle of a run leaves the truth behind, and the run can be resumed."""

import signal

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import WRITTEN, begin_slow_download

pytestmark = pytest.mark.firefox

KEEP_NOTICES = """() => {
    const box = document.getElementById('notices');
    new MutationObserver(() => sessionStorage.setItem('notices', box.textContent)).observe(box, { childList: true });
    addEventListener('beforeunload', () => sessionStorage.setItem('left', 'yes'));
}"""
RELOAD = "() => void setTimeout(() => location.reload(), 50)"


def test_a_reload_in_the_middle_leaves_an_unknown_item_and_resume_does_the_rest(
    flow_page: FlowPage, origin: Origin
) -> None:
    """The execution is lost; what was running is looked at first."""
    download = begin_slow_download(flow_page, origin)
    flow_page.reload()
    flow_page.ends("Lost")
    expect(flow_page.sentence).to_contain_text("archive is unknown; site and manifest were not started")
    assert flow_page.statuses() == {"archive": "Unknown", "site": "Not started", "manifest": "Not started"}
    flow_page.awake()
    download.release()
    flow_page.press("resume")
    assert flow_page.preview()["archive"] in ("Check again", "Unknown")
    flow_page.confirm()
    flow_page.ends("Done")
    assert flow_page.files() == WRITTEN


def test_what_a_reload_breaks_off_is_not_taken_for_a_server_that_is_away(flow_page: FlowPage) -> None:
    """Firefox breaks it off at once, while the page stays on screen until the server has sent it anew."""
    page, server = flow_page.page, flow_page.server.process
    page.evaluate(KEEP_NOTICES)
    server.send_signal(signal.SIGSTOP)
    try:
        page.locator("#tab-history").click()
        page.evaluate(RELOAD)
        page.wait_for_function("() => sessionStorage.getItem('left') !== null")
        page.wait_for_timeout(500)
    finally:
        server.send_signal(signal.SIGCONT)
    flow_page.awake()
    assert page.evaluate("() => [sessionStorage.getItem('left'), sessionStorage.getItem('notices')]") == ["yes", None]
