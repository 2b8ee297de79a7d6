"""States of many megabytes: the page shows their beginning, and stays as quick as ever."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import FlowPage
from tests.e2e.small_flows import small_flow

SIZE = 5_000_000
LONG_WAIT = 'if params.n == 0:\n    await cx.ask("Go on?")'
WATCH = """() => {
    globalThis.longest = 0;
    let last = performance.now();
    setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; }, 10);
}"""
"""Notes the longest time for which nothing else could run."""
MOST_MS = 1_000
"""A page that reads such states in Python stands still for more than a minute; busy machines are slow by themselves."""

pytestmark = pytest.mark.parametrize(
    "flows", [{"big": small_flow("big", "blob", body=LONG_WAIT, data=f"'x' * {SIZE}")}]
)


def details(tab: FlowPage) -> str:
    """Return what the details of the item say."""
    return tab.row("blob").locator("xpath=following-sibling::tr[1]").inner_text()


def test_a_large_state_leaves_the_page_free(new_tab: NewTab) -> None:
    """While it is made, and when it is looked at from the server's answers in another visit."""
    tab = new_tab().open(flow="big")
    tab.page.evaluate(WATCH)
    tab.press("ensure")
    expect(tab.page.get_by_label("blob asks: Go on?")).to_be_visible(timeout=60_000)
    tab.page.locator("button[data-item=blob]").click()
    assert "xxxx" in details(tab)
    assert tab.page.evaluate("longest") < MOST_MS
    tab.press("interrupt")  # who waits for an answer gives up
    tab.ends("Interrupted")
    assert tab.page.evaluate("longest") < MOST_MS
    tab.reload()
    tab.awake()
    expect(tab.status).to_have_text("Interrupted")
    assert "xxxx" in details(tab)
