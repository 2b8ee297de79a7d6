"""Links to executions and profiles: what the address names is shown, or it is said why not, and Back works."""

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.slow_download import begin_slow_download

DISCOVERED = "Discovered the state of archive, site and manifest."
DONE = "Done: archive, site and manifest are at their goal."


@pytest.fixture
def tab(flow_page: FlowPage) -> FlowPage:
    """A page whose flow was discovered, and then ensured."""
    flow_page.press("discover")
    flow_page.ends("Done")
    flow_page.press("ensure")
    expect(flow_page.sentence).to_have_text(DONE)
    return flow_page


def older(tab: FlowPage) -> str:
    """Return the id of the older execution."""
    return str(tab.api("/executions")["items"][-1]["id"])


def open_link(tab: FlowPage, query: str) -> None:
    """Follow a link to the page."""
    tab.page.goto(f"{tab.server.address}/?flow=download&{query}")
    tab.awake()


def test_an_old_execution_says_that_it_is_old(tab: FlowPage) -> None:
    """Opened by a link, in the history, and by Back and Forward."""
    notice, latest = tab.page.get_by_role("alert"), re.compile("flow=download$")
    open_link(tab, f"execution={older(tab)}")
    expect(tab.sentence).to_have_text(DISCOVERED)
    expect(notice).to_contain_text("This is an older execution.")
    tab.page.get_by_role("button", name="Back to the latest").click()
    expect(tab.sentence).to_have_text(DONE)
    expect(tab.page).to_have_url(latest)
    tab.page.go_back()
    expect(tab.sentence).to_have_text(DISCOVERED)
    expect(notice).to_contain_text("This is an older execution.")
    tab.page.go_forward()
    expect(tab.sentence).to_have_text(DONE)
    expect(tab.notices).to_have_count(0)


@pytest.mark.complaints("404", "422")
def test_an_execution_that_is_not_stored_is_said_to_be_unknown(tab: FlowPage) -> None:
    """And the last one is shown."""
    for unknown in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "rubbish%2F.."):
        open_link(tab, f"execution={unknown}")
        expect(tab.page.get_by_role("alert")).to_contain_text("is stored here")
        expect(tab.sentence).to_have_text(DONE)


def test_an_execution_of_another_profile_is_opened_there(tab: FlowPage) -> None:
    """By the button of the notice that says so."""
    open_link(tab, f"profile=dev&execution={older(tab)}")
    expect(tab.page.get_by_role("alert")).to_contain_text("is of flow download, profile default.")
    tab.page.get_by_role("button", name="Open it there").click()
    expect(tab.sentence).to_have_text(DISCOVERED)
    expect(tab.page.locator("#profile-choice")).to_have_value("default")


def test_a_profile_that_is_unknown_or_none_is_said_to_be(tab: FlowPage) -> None:
    """In the address and in the field."""
    notice, field = tab.page.get_by_role("alert"), tab.page.locator("#profile-choice")
    open_link(tab, "profile=prdo")
    expect(notice).to_contain_text("Nothing is stored of profile prdo yet; there are default.")
    open_link(tab, "profile=we+ird")
    expect(notice).to_contain_text("“we ird” cannot name a profile. This is profile default.")
    expect(tab.sentence).to_have_text(DONE)
    field.fill("-x")
    field.press("Enter")
    expect(notice).to_contain_text("“-x” cannot name a profile. This is still profile default.")
    expect(field).to_have_value("default")


def test_the_id_of_what_runs_is_in_the_address(flow_page: FlowPage, origin: Origin) -> None:
    """Until it has ended."""
    download = begin_slow_download(flow_page, origin)
    running = flow_page.api("/executions")["items"][0]["id"]
    expect(flow_page.page).to_have_url(re.compile(f"execution={running}"))
    download.release()
    flow_page.ends("Done")
    expect(flow_page.page).to_have_url(re.compile("flow=download$"))
