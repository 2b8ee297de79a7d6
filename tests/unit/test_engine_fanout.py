"""The queue of one endpoint: bursts, positions, and what happens when it is cut off."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.items import World, thing_of, things
from tests.written_journals import Journal

from irenic import CmdExecRequest, CmdExecutionMap, ItemContext
from irenic.engine import fanout
from irenic.engine.endpoint import ExecutionView
from irenic.engine.fanout import FRAME, GRACE, FanOut
from irenic.model import events as e
from irenic.model.events import JournalEvent
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

VIEW: Any = None
OUTCOME: Any = object()


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


class Batches:
    """Keeps what it is given, and takes a while over each batch."""

    def __init__(self, seconds: float = 0.0, fails_after: int = 1000) -> None:
        self.seconds = seconds
        self.fails_after = fails_after
        self.batches: list[tuple[float, int]] = []

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Take a batch."""
        self.batches.append((now(), len(events)))
        await asyncio.sleep(self.seconds)
        if len(self.batches) > self.fails_after:
            raise RuntimeError("no")

    def rounded(self) -> list[tuple[float, int]]:
        """Return when batches came, to the microsecond, and how large they were."""
        return [(round(at, 6), count) for at, count in self.batches]


def some_events(count: int) -> list[JournalEvent]:
    """Return so many events."""
    journal = Journal()
    for _ in range(count):
        journal.add(e.Log, text="line")
    return journal.events


async def test_a_burst_cuts_nobody_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events come at once; one that stays behind is, once the time of grace is over."""
    monkeypatch.setattr(fanout, "QUEUE_BOUND", 10)
    endpoint = Batches(seconds=GRACE * 2)
    cut: list[tuple[str, str]] = []
    out = FanOut(VIEW, [endpoint], lambda name, reason: cut.append((name, reason)))
    for event in some_events(50):
        out.push(event)
    await asyncio.sleep(0)
    for event in some_events(50):
        out.push(event)
    assert cut == []
    await asyncio.sleep(GRACE * 1.5)
    for event in some_events(3):
        out.push(event)
    assert cut == [("Batches", "fell behind by 50 events")]
    await out.close()
    assert [count for _, count in endpoint.batches] == [50]


async def test_an_endpoint_that_was_cut_off_and_then_fails_is_cut_off_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first fault is the one that is told."""
    monkeypatch.setattr(fanout, "QUEUE_BOUND", 1)
    cut: list[str] = []
    out = FanOut(VIEW, [Batches(seconds=GRACE * 3, fails_after=0)], lambda name, reason: cut.append(reason))
    out.push(some_events(1)[0])
    await asyncio.sleep(0)
    out.push(some_events(1)[0])
    await asyncio.sleep(GRACE * 2)
    out.push(some_events(1)[0])
    await out.close()
    assert cut == ["fell behind by 1 events"]


async def test_moved_positions_call_an_endpoint_once_a_frame() -> None:
    """Without events; a second touch in the same frame changes nothing, an event comes at once."""
    endpoint = Batches()
    out = FanOut(VIEW, [endpoint], lambda name, reason: None)
    await asyncio.sleep(1)
    out.touch()
    out.touch()
    await asyncio.sleep(1)
    assert endpoint.rounded() == [(round(1 + FRAME, 6), 0)]
    out.touch()
    await asyncio.sleep(FRAME / 2)
    out.push(some_events(1)[0])
    await asyncio.sleep(1)
    assert endpoint.rounded()[1:] == [(round(2 + FRAME / 2, 6), 1)]
    out.touch()
    await out.finish(OUTCOME)
    await out.close()


async def test_positions_that_moved_while_an_endpoint_was_busy_are_shown_next() -> None:
    """It is called again, a frame later."""
    endpoint = Batches(seconds=0.5)
    out = FanOut(VIEW, [endpoint], lambda name, reason: None)
    out.push(some_events(1)[0])
    await asyncio.sleep(0.1)
    out.touch()
    await asyncio.sleep(2)
    assert endpoint.rounded() == [(0, 1), (round(0.5 + FRAME, 6), 0)]
    await out.finish(OUTCOME)
    await out.close()


async def test_a_cut_while_nothing_is_there_to_take_ends_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for nothing any more."""
    endpoint = Batches()
    out = FanOut(VIEW, [endpoint], lambda name, reason: None)
    await asyncio.sleep(0)
    out._sinks[0]._cut("enough")
    out._sinks[0]._cut("again")
    out.push(some_events(1)[0])
    await out.close()
    assert endpoint.batches == []


async def test_an_endpoint_sees_positions_that_are_not_in_the_journal() -> None:
    """It takes them from the execution's progress."""
    seen: list[int] = []

    class Positions:
        async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
            if not events:
                seen.append(execution.progress.items["a"].position)

    flow = things(World(), "a")
    own = thing_of(flow, "a").apply

    async def apply(cx: ItemContext, *args: Any) -> Any:
        for _ in range(20):
            await asyncio.sleep(0.01)
            cx.progress.inc()
        return await own(cx, *args)

    thing_of(flow, "a").replace(apply=apply)
    store = MemoryStore()
    async with CmdExecutionMap(store, [Positions()]) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        await execution
    assert seen == sorted(seen)
    assert len(seen) > 5
    recorded = [event for event in await store.events(execution.id) if isinstance(event, e.ItemPosition)]
    assert len(recorded) < len(seen)
