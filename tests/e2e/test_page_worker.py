"""A worker that ends by itself: the page says so, starts Python again, and goes on."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.small_flows import small_flow

CLOSE = """
import js
js.close()
await asyncio.sleep(3600)
"""
CLOSES_AT_ONCE = """
import sys
if sys.platform == "emscripten":
    import js
    js.close()
"""
OVERFLOW = """
import json, sys
sys.setrecursionlimit(10**8)
nested = []
for _ in range(10**5):
    nested = [nested]
json.dumps(nested)
"""


@pytest.mark.complaints("fatal error", "Maximum call stack size", "promising task")
@pytest.mark.parametrize(
    ("flows", "why"),
    [
        ({"dies": small_flow("dies", "first", body=CLOSE)}, "its worker was closed"),
        ({"dies": small_flow("dies", "first", body=OVERFLOW)}, "Maximum call stack size exceeded"),
    ],
    ids=["closed", "stack"],
)
def test_a_worker_that_dies_is_noticed_and_replaced(new_tab: NewTab, why: str) -> None:
    """What it ran is lost; another look needs no reload, and withdraws what was said."""
    tab = new_tab().open(flow="dies")
    tab.press("ensure")
    notice = tab.page.get_by_role("alert")
    expect(notice).to_contain_text(f"Python ended: {why}.")
    expect(notice).to_contain_text("It starts again by itself. What was running is lost")
    tab.ends("Lost")
    expect(tab.sentence).to_contain_text("first is unknown")
    tab.awake()
    tab.press("discover")
    tab.ends("Done")
    expect(tab.notices).to_have_count(0)


@pytest.mark.complaints("Python ended")
@pytest.mark.parametrize("flows", [{"dies": small_flow("dies", "first") + CLOSES_AT_ONCE}], ids=["import"])
def test_a_flow_that_ends_its_worker_is_not_started_again_and_again(new_tab: NewTab) -> None:
    """What to do is said once."""
    tab = new_tab()
    tab.page.goto(f"{tab.server.announced}&flow=dies")
    expect(tab.page.get_by_role("alert")).to_contain_text("The core stopped: its worker was closed.")
    expect(tab.page.locator("#python-word")).to_have_text("Python stopped")
