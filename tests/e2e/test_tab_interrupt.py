"""Interrupts reach a tab's core whatever it is doing, and leave it fit for the next execution."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess

TIGHT_LOOP = flow_of_one("while True:\n    pass")
ANSWERS_AT_ONCE = flow_of_one("answer = 'well'")

WAITS_AND_LOOPS = """
import asyncio
from pydantic import BaseModel
from irenic import Flow, Item

class Nothing(BaseModel):
    pass

class State(BaseModel):
    done: bool = False

class Base(Item[Nothing, State]):
    async def state_current(self, cx, params):
        return State()

    async def state_goal(self, cx, params):
        return State(done=True)

    def state_clean(self, params):
        return State()

class Waits(Base):
    async def apply(self, cx, params, current, target, diff):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cx.log.info("the waiting item has cleaned up")

class Loops(Base):
    async def apply(self, cx, params, current, target, diff):
        try:
            await asyncio.sleep(0)
            print("applying")
            while True:
                pass
        finally:
            await asyncio.sleep(0.01)
            cx.log.info("the looping item has cleaned up")

flow = Flow("mixed")
flow.add(Waits("waits"))
flow.add(Loops("loops"))
"""


@pytest.fixture(scope="module")
def awake(chromium: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Start one core for all tests: each has to find it fit."""
    with core_tab(chromium, shared_server) as tab:
        tab.start()
        yield tab


@pytest.fixture
def tab(awake: CoreTab) -> Iterator[CoreTab]:
    """Look at what is said from here on; afterwards the core still does its work."""
    awake.mark()
    yield awake
    awake.load_flow(ANSWERS_AT_ONCE)
    assert answer_of(awake.outcome(awake.submit())) == "well"


def logged(tab: CoreTab, execution: str) -> list[str]:
    """Return the lines that items have logged."""
    return [event["text"] for event in events_of(tab, execution) if event["kind"] == "log"]


def events_of(tab: CoreTab, execution: str) -> list[dict[str, Any]]:
    """Return the events that were told of an execution."""
    return [event for message in tab.messages(type="events", execution_id=execution) for event in message["events"]]


def test_cancel_ends_a_loop_that_lets_nothing_else_run(tab: CoreTab) -> None:
    """A tight loop is interrupted, and the outcome says interrupted and by whom."""
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("cancel", reason="lunch")
    outcome = tab.outcome(execution)
    assert outcome["kind"] == "block_interrupted"
    assert outcome["items"]["not_done"] == ["one"]
    assert (outcome["interrupt"]["level"], outcome["interrupt"]["reason"]) == ("cancel", "lunch")


def test_cancel_reaches_items_that_wait_and_items_that_loop(tab: CoreTab) -> None:
    """Both are cancelled, and what each does in its clean-up runs to its end, awaits included."""
    execution = tab.run(WAITS_AND_LOOPS)
    tab.interrupt("cancel")
    assert tab.outcome(execution)["kind"] == "block_interrupted"
    assert sorted(logged(tab, execution)) == ["the looping item has cleaned up", "the waiting item has cleaned up"]


def test_finish_is_heard_inside_a_tight_loop_and_ends_nothing(tab: CoreTab) -> None:
    """The loop sees that somebody asked, ends by itself, and its result counts."""
    execution = tab.run(flow_of_one("while cx.cancelled is None:\n    pass\nanswer = cx.cancelled.word"))
    tab.interrupt("finish")
    outcome = tab.outcome(execution)
    assert outcome["items"]["done"] == ["one"]
    assert outcome["states"]["one"]["current"]["answer"] == "finish"


def test_a_reply_comes_out_of_a_tight_loop(tab: CoreTab) -> None:
    """The page learns at once that finish was heard, although nothing of the core's can run yet."""
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("finish")
    reply = tab.until(type="interrupt_reply")
    assert (reply["reply"], reply["level"]) == ("requested", "finish")
    assert tab.messages(type="outcome", execution_id=execution) == []
    tab.interrupt("cancel")
    assert tab.outcome(execution)["interrupt"]["level"] == "cancel"


def test_the_journal_is_not_left_half_way(tab: CoreTab) -> None:
    """A loop that does nothing but report progress is cancelled between two reports."""
    execution = tab.run(flow_of_one("while True:\n    cx.log.debug('again')"))
    tab.interrupt("cancel")
    assert tab.outcome(execution)["kind"] == "block_interrupted"
    seqs = [event["seq"] for event in events_of(tab, execution)]
    assert seqs == list(range(len(seqs)))


def test_a_shield_holds_a_cancellation_back(tab: CoreTab) -> None:
    """A loop inside a shield runs to its end; the cancellation comes right after."""
    loop = """
async with cx.shield("half a second of writing"):
    while cx.cancelled is None:
        pass
    for i in range(300_000):
        pass
    cx.log.info("the shielded loop has ended")
while True:
    pass
"""
    execution = tab.run(flow_of_one(loop.strip()))
    tab.interrupt("cancel")
    assert tab.outcome(execution)["kind"] == "block_interrupted"
    assert logged(tab, execution) == ["the shielded loop has ended"]


def test_a_signal_that_is_lost_is_sent_again(tab: CoreTab) -> None:
    """Whatever becomes of the first write into shared memory, the second one is heard."""
    execution = tab.run(TIGHT_LOOP)
    tab.page.evaluate("""() => {
        const store = Atomics.store;
        window.lost = 0;
        Atomics.store = (cells, index, value) => {
            if (index !== 0 || value === 0) return store(cells, index, value);
            window.lost += 1;
            Atomics.store = store;
            return value;
        };
    }""")
    tab.interrupt("cancel")
    assert tab.outcome(execution)["kind"] == "block_interrupted"
    assert tab.page.evaluate("() => lost") == 1


def test_one_request_interrupts_once(tab: CoreTab) -> None:
    """However often a signal is repeated, and although a message says the same, the clean-up is left alone."""
    loop = """
try:
    while True:
        pass
finally:
    for i in range(2_000_000):
        pass
    cx.log.info("the clean-up has ended")
"""
    execution = tab.run(flow_of_one(loop.strip()))
    tab.interrupt("cancel")
    tab.outcome(execution)
    assert logged(tab, execution) == ["the clean-up has ended"]
    requests = [event for event in events_of(tab, execution) if event["kind"] == "interrupt_requested"]
    assert len(requests) == 1


def test_nothing_to_interrupt_is_said(tab: CoreTab) -> None:
    """Where nothing runs, an interrupt changes nothing and says so."""
    tab.interrupt("cancel")
    assert tab.until(type="interrupt_reply")["reply"] == "nothing_to_interrupt"


def test_abandon_ends_what_nothing_else_ends(tab: CoreTab) -> None:
    """One long call of C code hears no signal; its worker is ended and another one takes its place."""
    execution = tab.run(flow_of_one("answer = sum(range(10**13))"))
    tab.interrupt("cancel")
    tab.mark()
    tab.interrupt("abandon")
    assert tab.until(type="ready")["rung"] == "snapshot"
    tab.until(type="flow_loaded")
    outcome = tab.outcome(execution)
    assert (outcome["kind"], outcome["items"]["unknown"]) == ("lost", ["one"])


def test_what_was_abandoned_holds_its_profile_no_longer(tab: CoreTab) -> None:
    """The new core may work where the abandoned one did, at once."""
    tab.load_flow(flow_of_one("answer = sum(range(10**13))"))
    execution = tab.submit(profile="abandoned")
    tab.until_printed("applying")
    tab.mark()
    tab.interrupt("abandon")
    tab.outcome(execution)
    tab.load_flow(ANSWERS_AT_ONCE)
    assert answer_of(tab.outcome(tab.submit(profile="abandoned"))) == "well"
