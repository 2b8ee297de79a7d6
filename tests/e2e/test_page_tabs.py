"""Several tabs, and requests from elsewhere: one tab runs, others look on, and everybody may interrupt."""

from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import begin_slow_download


def second_tab(new_tab: NewTab) -> FlowPage:
    """Open another tab of the same flow, which looks on."""
    other = new_tab()
    other.page.goto(other.server.announced)
    expect(other.page.locator("#python-word")).to_have_text("Looking on")
    return other


def test_a_second_tab_follows_what_the_first_runs(flow_page: FlowPage, new_tab: NewTab, origin: Origin) -> None:
    """From its middle to its end."""
    download = begin_slow_download(flow_page, origin)
    other = second_tab(new_tab)
    expect(other.status).to_have_text("Running")
    expect(other.item("archive")).to_have_text("Running")
    expect(other.page.locator("#do-ensure")).to_be_disabled()
    download.release()
    other.ends("Done")
    assert other.statuses() == {"archive": "Done", "site": "Done", "manifest": "Done"}


def test_a_second_tab_sees_what_the_first_runs_next(flow_page: FlowPage, new_tab: NewTab, origin: Origin) -> None:
    """And interrupts that."""
    flow_page.press("discover")
    flow_page.ends("Done")
    other = second_tab(new_tab)
    download = begin_slow_download(flow_page, origin)
    expect(other.status).to_have_text("Running")
    expect(other.item("archive")).to_have_text("Running")
    other.press("interrupt")
    expect(flow_page.status).to_have_text("Stopping")
    download.release()
    for tab in (flow_page, other):
        tab.ends("Interrupted")


def test_a_second_tab_can_interrupt_what_the_first_runs(flow_page: FlowPage, new_tab: NewTab, origin: Origin) -> None:
    """By way of the server."""
    download = begin_slow_download(flow_page, origin)
    other = second_tab(new_tab)
    other.press("interrupt")
    expect(other.reply).to_have_text("interruption request received")
    expect(flow_page.status).to_have_text("Stopping")
    download.release()
    for tab in (flow_page, other):
        tab.ends("Interrupted")
        expect(tab.sentence).to_have_text("Interrupted: archive is done; site and manifest were not started.")


def test_when_the_first_tab_closes_the_second_takes_its_place(
    flow_page: FlowPage, new_tab: NewTab, origin: Origin
) -> None:
    """What the first was doing is lost, and can be resumed in the second."""
    download = begin_slow_download(flow_page, origin)
    other = second_tab(new_tab)
    flow_page.page.close()
    other.ends("Lost")
    other.awake()
    download.release()
    other.press("resume")
    other.preview()
    other.confirm()
    other.ends("Done")


def test_a_tab_can_take_over(flow_page: FlowPage, new_tab: NewTab, origin: Origin) -> None:
    """The one that ran looks on from then on."""
    begin_slow_download(flow_page, origin)
    other = second_tab(new_tab)
    other.press("take-over")
    other.confirm()
    other.ends("Lost")
    other.awake()
    expect(flow_page.page.locator("#python-word")).to_have_text("Looking on")
    expect(flow_page.status).to_have_text("Lost")


def test_who_stopped_it_and_why_is_shown_where_it_was_not_the_button(flow_page: FlowPage, origin: Origin) -> None:
    """A request to the server reaches the run in the tab."""
    download = begin_slow_download(flow_page, origin)
    running = flow_page.api("/executions?limit=1")["items"][0]["id"]
    asked = flow_page.page.request.post(
        f"{flow_page.server.address}/api/v1/executions/{running}/interrupt",
        data={"source": "maintenance", "reason": "the disk is getting full"},
        headers={"Origin": flow_page.server.address},
    )
    assert asked.json() == {"reply": "requested"}
    expect(flow_page.status).to_have_text("Stopping")
    expect(flow_page.page.locator("#facts")).to_contain_text("Asked for by maintenance: the disk is getting full")
    download.release()
    flow_page.ends("Interrupted")
    expect(flow_page.page.locator("#facts")).to_contain_text("Asked for by maintenance: the disk is getting full")
