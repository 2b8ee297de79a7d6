"""What is on screen stays where it is while the page opens."""

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.e2e.flow_page import FlowPage

GOOD = 0.1
"""The most that counts as good: https://web.dev/articles/cls."""

WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("size", [(412, 823), (1200, 900)], ids=["narrow", "wide"])
def test_nothing_moves_while_the_page_opens(
    flow_page: FlowPage, context: BrowserContext, size: tuple[int, int]
) -> None:
    """On a second visit, until Python is awake."""
    context.add_init_script(WATCH)
    page = flow_page.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.reload()
    flow_page.awake()
    expect(page.locator("#do-ensure")).to_be_visible()
    assert page.evaluate("() => shifted") < GOOD
