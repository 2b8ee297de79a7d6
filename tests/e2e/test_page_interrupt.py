"""The interrupt button: nothing new starts, and the page says what is done and what is not."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import begin_slow_download
from tests.e2e.small_flows import DEAF, small_flow

AFTER_TWO_FRAMES = """() => new Promise(resolve => {
    const text = id => document.getElementById(id).textContent;
    document.getElementById('do-interrupt').click();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(
        [text('status-word'), text('sentence'), text('do-interrupt')])));
})"""


def test_an_interrupt_lets_what_runs_finish_and_starts_nothing_new(flow_page: FlowPage, origin: Origin) -> None:
    """In the middle of a slow download: the download ends, its successors never start."""
    download = begin_slow_download(flow_page, origin)
    shown = flow_page.page.evaluate(AFTER_TWO_FRAMES)
    assert shown == [
        "Stopping",
        "Stopping (finish): waits for archive to finish, nothing new starts.",
        "Cancel archive now",
    ]
    expect(flow_page.reply).to_have_text("interruption request received")
    download.release()
    flow_page.ends("Interrupted")
    expect(flow_page.sentence).to_have_text("Interrupted: archive is done; site and manifest were not started.")
    assert flow_page.statuses() == {"archive": "Done", "site": "Not started", "manifest": "Not started"}
    assert flow_page.files() == ["download/archive"]


def test_a_second_interrupt_cancels_what_runs(flow_page: FlowPage, origin: Origin) -> None:
    """The download is given up; nothing half-written stays."""
    begin_slow_download(flow_page, origin)
    flow_page.press("interrupt")
    flow_page.press_interrupt_again()
    flow_page.ends("Interrupted")
    expect(flow_page.sentence).to_contain_text(
        "archive was stopped half-way and has to be looked at; site and manifest were not started"
    )
    assert (flow_page.statuses()["archive"], flow_page.files()) == ("Interrupted", [])


@pytest.mark.parametrize("flows", [{"deaf": small_flow("deaf", "step", body=DEAF)}])
def test_a_third_interrupt_abandons_what_runs_and_python_starts_anew(new_tab: NewTab) -> None:
    """The item is unknown then, and the page is ready for more."""
    tab = new_tab().open()
    tab.press("ensure")
    expect(tab.item("step")).to_have_text("Running")
    for _ in ("finish", "cancel", "abandon"):
        tab.press_interrupt_again()
    tab.ends("Lost")
    expect(tab.item("step")).to_have_text("Unknown")
    expect(tab.sentence).to_have_text("Abandoned: what ran was left where it stood; step is unknown.")
    tab.awake()
    tab.page.reload()
    tab.ends("Lost")
    expect(tab.sentence).to_have_text("Abandoned: what ran was left where it stood; step is unknown.")


def test_where_nothing_runs_the_button_says_so(flow_page: FlowPage) -> None:
    """And changes nothing."""
    flow_page.press("interrupt")
    expect(flow_page.reply).to_have_text("nothing to interrupt")
    expect(flow_page.status).to_have_text("Nothing run yet")


def test_clicks_that_follow_each_other_quickly_are_one_press(flow_page: FlowPage, origin: Origin) -> None:
    """A double or triple click means Interrupt: what runs may finish."""
    download = begin_slow_download(flow_page, origin)
    flow_page.page.locator("#do-interrupt").click(click_count=3)
    expect(flow_page.sentence).to_contain_text("Stopping (finish): waits for archive to finish")
    expect(flow_page.page.locator("#do-interrupt:not([data-rests])")).to_have_text("Cancel archive now")
    download.release()
    flow_page.ends("Interrupted")
    expect(flow_page.sentence).to_have_text("Interrupted: archive is done; site and manifest were not started.")
