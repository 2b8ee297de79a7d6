"""In Firefox interrupts reach a loop that lets nothing else run, and what hears none is abandoned."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess

TIGHT_LOOP = flow_of_one("while True:\n    pass")
HEARS_FINISH = flow_of_one("while cx.cancelled is None:\n    pass\nanswer = cx.cancelled.word")


@pytest.fixture(scope="module")
def isolated(firefox: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Start one core that shares memory with its page."""
    with core_tab(firefox, shared_server) as tab:
        assert tab.start()["signals"] == "shared"
        yield tab


@pytest.fixture(scope="module")
def not_isolated(firefox: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Start one core in a page that has no such memory."""
    with core_tab(firefox, shared_server, isolated=False) as tab:
        assert tab.start()["signals"] == "polled"
        yield tab


@pytest.fixture(params=["isolated", "not_isolated"])
def tab(request: pytest.FixtureRequest) -> Iterator[CoreTab]:
    """Look at what is said from here on; afterwards the core still does its work."""
    awake: CoreTab = request.getfixturevalue(request.param)
    awake.mark()
    yield awake
    awake.load_flow(flow_of_one("answer = 'well'"))
    assert answer_of(awake.outcome(awake.submit())) == "well"


def test_finish_is_heard_inside_a_tight_loop_and_ends_nothing(tab: CoreTab) -> None:
    """The loop sees that somebody asked, ends by itself, and its result counts."""
    execution = tab.run(HEARS_FINISH)
    tab.interrupt("finish")
    outcome = tab.outcome(execution)
    assert outcome["items"]["done"] == ["one"]
    assert outcome["states"]["one"]["current"]["answer"] == "finish"


def test_cancel_ends_a_tight_loop(tab: CoreTab) -> None:
    """The outcome says interrupted, by whom and how hard."""
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("cancel", reason="lunch")
    outcome = tab.outcome(execution)
    assert (outcome["kind"], outcome["items"]["not_done"]) == ("block_interrupted", ["one"])
    assert (outcome["interrupt"]["level"], outcome["interrupt"]["reason"]) == ("cancel", "lunch")


def test_abandon_ends_what_nothing_else_ends(tab: CoreTab) -> None:
    """One long call of C code hears no signal; its worker is ended and another one takes its place."""
    execution = tab.run(flow_of_one("answer = sum(range(10**13))"))
    tab.interrupt("cancel")
    tab.mark()
    tab.interrupt("abandon")
    assert tab.until(type="ready")["rung"] == "snapshot"
    outcome = tab.outcome(execution)
    assert (outcome["kind"], outcome["items"]["unknown"]) == ("lost", ["one"])
