"""In Firefox each way of starting ends in a core that works; the snapshot is the one that Chromium has made."""

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.conftest import NewTab
from tests.e2e.core_tab import answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess

VALIDATES = flow_of_one("""
from pydantic import TypeAdapter
answer = TypeAdapter(dict[str, int]).validate_python({"seven": "7"})
""")

STEPS = {
    "snapshot": ["instantiated", "native_loaded", "restored", "python_started"],
    "bundle": ["instantiated", "native_loaded", "python_started"],
    "lockfile": ["python_started"],
}
"""What is told between the start of the worker and its end, by way."""


@pytest.mark.parametrize("rung", STEPS)
def test_each_rung_ends_in_a_core_that_runs_flows(firefox: Browser, shared_server: ServerProcess, rung: str) -> None:
    """The timeline names each step; pydantic validates, and an execution runs to its end."""
    with core_tab(firefox, shared_server) as tab:
        ready = tab.start(rung)
        assert (ready["rung"], ready["signals"]) == (rung, "shared")
        tab.until(type="boot", mark="ready")
        told = [message["mark"] for message in tab.messages(type="boot", rung=rung)]
        assert told == ["worker_requested", "worker_started", *STEPS[rung], "ready"]
        tab.load_flow(VALIDATES)
        assert answer_of(tab.outcome(tab.submit())) == "{'seven': 7}"


def test_the_best_rung_is_tried_first(firefox: Browser, shared_server: ServerProcess) -> None:
    """Left to itself, the core starts from the snapshot, and falls back from nothing."""
    with core_tab(firefox, shared_server) as tab:
        assert tab.start()["rung"] == "snapshot"
        assert tab.messages(type="boot", mark="fell_back") == []


@pytest.mark.firefox
def test_the_page_says_that_it_fell_back_and_why(new_tab: NewTab) -> None:
    """On the timeline of the start; Python is awake all the same."""
    tab = new_tab()
    tab.page.route("**/vendor/boot/snapshot-*", lambda route: route.fulfill(status=404))
    tab.open(flow="download", panel="boot")
    fell_back = tab.page.locator("#boot li", has_text="fell back")
    expect(fell_back).to_contain_text("snapshot: Error: ")
    expect(fell_back).to_contain_text("answered 404")
    expect(tab.page.locator("#boot-summary")).to_contain_text("from the bytecode bundle")
