"""Workers: one that ends by itself is noticed and replaced, and a flow starts none."""

import pytest
from playwright.sync_api import expect
from tests.e2e.conftest import NewTab
from tests.e2e.flow_page import AWAKE_WITHIN
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
NEST = """
import js
from pyodide.ffi import to_js
refused = asyncio.get_running_loop().create_future()
options = to_js({"type": "module"}, dict_converter=js.Object.fromEntries)
worker = js.Worker.new(js.location.origin + "/boot/worker.mjs?flow=other", options)
worker.onerror = lambda event: refused.set_result(None)
await asyncio.wait_for(refused, 10)
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
    notice = tab.page.get_by_role("alert")
    expect(notice).to_contain_text("The core stopped: its worker was closed.", timeout=AWAKE_WITHIN)
    expect(tab.page.locator("#python-word")).to_have_text("Python stopped")


@pytest.mark.complaints("Content Security Policy", "Refused to create a worker")
@pytest.mark.parametrize("flows", [{"nests": small_flow("nests", "first", body=NEST)}], ids=["nested"])
def test_a_flow_starts_no_worker_with_the_policy_of_another_flow(new_tab: NewTab) -> None:
    """The policy of its own worker lets it start none."""
    tab = new_tab().open(flow="nests")
    tab.press("ensure")
    tab.ends("Done")
