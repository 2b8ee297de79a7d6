"""One execution, many outputs: a slow, broken or blocking one is cut off and costs the execution nothing."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from tests.items import World
from tests.slow_things import slow_tower

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome
from irenic.endpoints import RecordingEndpoint
from irenic.engine.endpoint import Endpoint, ExecutionView
from irenic.engine.fanout import PATIENCE
from irenic.model.events import EndpointCut, JournalEvent
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


class Sleeping:
    """Takes its time over every batch."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.batches = 0

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Sleep."""
        self.batches += 1
        await asyncio.sleep(self.seconds)


class Raising:
    """Cannot take anything."""

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Raise."""
        raise ConnectionResetError("the other side is gone")


class NeverReading:
    """Takes a batch and never comes back, not even when cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.release = asyncio.Event()

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Wait for what never comes."""
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled += 1


class Holding:
    """Lets nothing else run while it takes a batch."""

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Block the thread."""
        time.sleep(1.3)  # noqa: ASYNC251 - blocking is what is tested


class OutcomeOnly:
    """Wants the outcome and nothing else."""

    def __init__(self) -> None:
        self.outcomes: list[CmdOutcome] = []

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)


async def run_with(*endpoints: Endpoint, seconds: float = 4.0) -> tuple[CmdOutcome, list[JournalEvent], float]:
    """Run three slow things, one upon the other, and return the outcome, the journal and how long it took."""
    store = MemoryStore()
    flow = slow_tower(World(), "a", "b", "c", seconds=seconds)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with CmdExecutionMap(store, endpoints) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        outcome = await execution
        took = loop.time() - began
    return outcome, await store.events(execution.id), took


def without_cuts(events: list[JournalEvent]) -> list[tuple[str, str]]:
    """Return what happened to which item, leaving out what concerns endpoints."""
    return [(e.kind, getattr(e, "item", None) or "") for e in events if not isinstance(e, EndpointCut)]


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (Sleeping(PATIENCE + 1), "took more than 5 s"),
        (Raising(), "raised ConnectionResetError: the other side is gone"),
        (NeverReading(), "took more than 5 s"),
    ],
    ids=["sleeps", "raises", "never reads"],
)
async def test_a_bad_endpoint_is_cut_off_and_costs_the_execution_nothing(endpoint: Endpoint, reason: str) -> None:
    """The others see everything, nothing is lost, nothing takes longer, and the outcome says who was cut off."""
    good = RecordingEndpoint()
    alone, alone_events, alone_took = await run_with()
    outcome, events, took = await run_with(endpoint, good)
    if isinstance(endpoint, NeverReading):
        endpoint.release.set()
    assert (outcome.kind, outcome.items, outcome.states) == (alone.kind, alone.items, alone.states)
    assert outcome.endpoints_cut == {type(endpoint).__name__: reason}
    assert without_cuts(events) == without_cuts(alone_events)
    assert good.events == events
    assert good.outcomes == [outcome]
    assert took == pytest.approx(alone_took, abs=0.01)


async def test_an_endpoint_that_is_slow_but_patient_enough_is_kept() -> None:
    """Batches grow while it is busy, so that it keeps up."""
    endpoint = Sleeping(0.5)
    outcome, events, _ = await run_with(endpoint, seconds=1.0)
    assert outcome.endpoints_cut == {}
    assert endpoint.batches < len(events) / 2


async def test_an_endpoint_that_holds_the_loop_is_cut_off_after_the_first_time() -> None:
    """It cannot be kept from doing so once, but it does not do so twice."""
    outcome, _, _ = await run_with(Holding())
    assert outcome.kind == "complete"
    assert outcome.endpoints_cut["Holding"].startswith("held the program up for 1.")


async def test_an_endpoint_that_swallows_its_cancellation_does_not_keep_the_map_open() -> None:
    """Closing the map waits for those that are served, not for one that was cut off."""
    endpoint = NeverReading()
    await run_with(endpoint)
    assert endpoint.cancelled == 1
    endpoint.release.set()


async def test_an_endpoint_that_raises_over_the_outcome_hurts_nobody() -> None:
    """By then the outcome is stored; it cannot say so any more."""

    class Clumsy:
        async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
            raise ValueError("dropped")

    good = OutcomeOnly()
    outcome, _, _ = await run_with(Clumsy(), good)
    assert outcome.endpoints_cut == {}
    assert good.outcomes == [outcome]


async def test_two_endpoints_of_one_class_are_told_apart() -> None:
    """The outcome names both."""
    outcome, _, _ = await run_with(Raising(), Raising())
    assert list(outcome.endpoints_cut) == ["Raising", "Raising 2"]


async def test_one_execution_is_shown_on_many_endpoints_at_once() -> None:
    """All see the same events in the same order, and the outcome after them."""
    endpoints = [RecordingEndpoint(), RecordingEndpoint(), RecordingEndpoint()]
    outcome, events, _ = await run_with(*endpoints)
    assert [endpoint.events for endpoint in endpoints] == [events] * 3
    assert [endpoint.outcomes for endpoint in endpoints] == [[outcome]] * 3
