"""What Chromium has made is not here yet in Firefox, which makes it and notices what changes behind its back."""

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e import tab_files
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.greetings import greetings
from tests.e2e.server_process import ServerProcess

pytestmark = pytest.mark.firefox

FLOW = "greetings"
BOTH = ["greeting.txt", "loud.txt"]


@pytest.fixture
def flows() -> dict[str, str]:
    """The flow of this module."""
    return {FLOW: greetings()}


def test_what_another_browser_has_made_is_made_here_and_kept_in_order(
    chromium: Browser, new_tab: NewTab, server: ServerProcess
) -> None:
    """Neither browser touches the other's files."""
    elsewhere = chromium.new_context()
    first = FlowPage(elsewhere.new_page(), server).open(flow=FLOW)
    first.press("ensure")
    first.ends("Done")

    tab = new_tab().open(flow=FLOW)
    expect(tab.status).to_have_text("Not here yet")
    expect(tab.row("greeting")).to_contain_text("made in Chrome on Linux")
    tab.press("ensure")
    tab.ends("Done")
    assert tab.files() == BOTH

    tab_files.remove(tab.page, FLOW, "greeting.txt")
    tab.press("ensure")
    assert tab.preview() == {"greeting": "Repair", "loud": "Known later"}
    tab.confirm()
    expect(tab.item("greeting")).to_have_text("Repaired")
    assert tab.files() == BOTH
    assert first.files() == BOTH
    elsewhere.close()
