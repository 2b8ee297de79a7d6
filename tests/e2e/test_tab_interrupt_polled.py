"""Where a page has no shared memory, interrupts reach a loop by way of the server."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser
from tests.e2e.core_tab import CoreTab, answer_of, core_tab, flow_of_one
from tests.e2e.server_process import ServerProcess

TIGHT_LOOP = flow_of_one("while True:\n    pass")


@pytest.fixture(scope="module")
def awake(chromium: Browser, shared_server: ServerProcess) -> Iterator[CoreTab]:
    """Start one core in a page that is not isolated."""
    with core_tab(chromium, shared_server, isolated=False) as tab:
        assert tab.start()["signals"] == "polled"
        yield tab


@pytest.fixture
def tab(awake: CoreTab) -> Iterator[CoreTab]:
    """Look at what is said from here on; afterwards the core still does its work."""
    awake.mark()
    yield awake
    awake.load_flow(flow_of_one("answer = 'well'"))
    assert answer_of(awake.outcome(awake.submit())) == "well"


def test_cancel_ends_a_tight_loop(tab: CoreTab) -> None:
    """The button's request goes to the server, the worker finds it there in the midst of its loop."""
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("cancel", reason="lunch")
    outcome = tab.outcome(execution)
    assert outcome["kind"] == "block_interrupted"
    assert (outcome["interrupt"]["level"], outcome["interrupt"]["reason"]) == ("cancel", "lunch")


def test_finish_is_heard_inside_a_tight_loop_and_ends_nothing(tab: CoreTab) -> None:
    """The loop sees that somebody asked, ends by itself, and its result counts."""
    execution = tab.run(flow_of_one("while cx.cancelled is None:\n    pass\nanswer = cx.cancelled.word"))
    tab.interrupt("finish")
    outcome = tab.outcome(execution)
    assert outcome["states"]["one"]["current"]["answer"] == "finish"


def test_a_raised_level_is_heard_too(tab: CoreTab) -> None:
    """After finish was heard in a loop that goes on, cancel is heard as well."""
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("finish")
    assert tab.until(type="interrupt_reply", level="finish")["reply"] == "requested"
    tab.interrupt("cancel")
    assert tab.outcome(execution)["interrupt"]["level"] == "cancel"


def test_whoever_asks_the_server_is_heard(tab: CoreTab, shared_server: ServerProcess) -> None:
    """An interrupt that the page knows nothing of ends a loop in it, and the outcome names who it was."""
    execution = tab.run(TIGHT_LOOP)
    asked = httpx.post(
        f"{shared_server.address}/api/v1/executions/{execution}/interrupt",
        headers={"Authorization": f"Bearer {shared_server.token}"},
        json={"source": "phone", "level": "cancel"},
    )
    assert asked.json() == {"reply": "requested"}
    assert tab.outcome(execution)["interrupt"]["source"] == "phone"


def test_the_server_is_left_alone_while_messages_are_heard(tab: CoreTab) -> None:
    """A loop that lets others run is told by message: the server is asked only where the machine itself held it up.

    A loop that lets nobody run would ask some ten times meanwhile. What the engine does before and after the loop is
    not seen by the loop, and can be held up once each.
    """
    asked: list[str] = []
    loop = """
import time
began = last = time.monotonic()
held_up = 0
while last < began + 2.5:
    await asyncio.sleep(0.01)
    sum(range(1000))
    held_up, last = held_up + int((time.monotonic() - last) / 0.1), time.monotonic()
answer = str(held_up)
"""
    execution = tab.run(flow_of_one(loop.strip()))
    tab.page.on("request", lambda request: asked.append(request.url))
    held_up = int(answer_of(tab.outcome(execution)))
    assert len([url for url in asked if url.endswith("/signal")]) <= held_up + 2
    execution = tab.run(TIGHT_LOOP)
    tab.interrupt("cancel")
    tab.outcome(execution)
    assert [url for url in asked if url.endswith("/signal")] != []
