"""An interrupt at every step, and a crash at every step after it: what is told is true, and a resume goes on.

The event loop's clock is virtual and every run is the same, so that a run can be repeated with an interrupt before the
k-th step of the loop, for every k, at each level; and once more with the process ended before the j-th step, for every
j after k. What a crash leaves is the world as it is at that moment, and what the store had acknowledged.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crashable_store import CrashableStore
from tests.items import HALF_DONE, Thing, ThingParams, ThingState, World
from tests.strategies import plans
from tests.virtual_loop import VirtualClockLoop

from irenic import (
    CmdExecRequest,
    CmdExecutionMap,
    CmdOutcome,
    Flow,
    InterruptLevel,
    InterruptReply,
    ItemContext,
    StateDiff,
)
from irenic.model.cmd import Block

EVERY_SECOND_STEP = int(os.environ.get("IRENIC_CRASH_STRIDE", "7"))
"""Crashes are tried at every so-manieth step after an interrupt; 1 tries them all and takes minutes."""

LEVELS = list(InterruptLevel)


class Faulty(Thing):
    """A thing that does what its plan says: it takes its time, shields, fails, or does not heed a cancellation."""

    def __init__(self, id: str, world: World, plan: "ItemPlan") -> None:
        super().__init__(id, world)
        self.plan = plan

    async def state_current(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Look, with a pause on the way."""
        await asyncio.sleep(self.plan.look)
        return self.look()

    async def state_goal(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Wish, with a pause on the way."""
        await asyncio.sleep(0)
        return ThingState(value=params.value + params.below)

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Change the world in two steps, with a pause before, between and after them."""
        self.begin()
        if self.plan.shielded:
            async with cx.shield("in two steps"):
                await self._in_two_steps(cx, target)
        elif self.plan.deaf:
            await self._deaf(target)
        else:
            await self._in_two_steps(cx, target)
        await cx.checkpoint()
        return self.look()

    async def _in_two_steps(self, cx: ItemContext, target: ThingState) -> None:
        await asyncio.sleep(self.plan.apply)
        self.world.values[self.id] = HALF_DONE
        cx.progress.inc()
        await asyncio.sleep(self.plan.apply)
        if self.world.failures[self.id] < self.plan.failures:
            self.world.failures[self.id] += 1
            raise RuntimeError("no luck")
        self.put(target.value)

    async def _deaf(self, target: ThingState) -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(self.plan.apply)
            except asyncio.CancelledError:
                continue
        self.put(target.value)


@dataclass
class ItemPlan:
    """How one item behaves; times are in seconds."""

    look: float = 0.0
    apply: float = 0.0
    shielded: bool = False
    deaf: bool = False
    failures: int = 0


@dataclass
class Plan:
    """A flow, how its items behave, and how slow the store is."""

    edges: list[tuple[str, str]]
    items: dict[str, ItemPlan]
    latency: float = 0.0
    concurrency: int = 64
    goal: dict[str, int] = field(default_factory=dict)

    def flow(self, world: World) -> Flow:
        """Return the flow; each item stands upon the first that has an edge to it."""
        flow = Flow("plan")
        handles: dict[str, Any] = {}
        for id, plan in self.items.items():
            below = [before for before, after in self.edges if after == id]
            params = {"below": handles[below[0]].state.value} if below else {}
            handles[id] = flow.add(Faulty(id, world, plan), **params)
            for before in below[1:]:
                flow.edge(before, id)
        return flow

    def worth(self) -> dict[str, int]:
        """Return what every item is worth at the goal."""
        worth: dict[str, int] = {}
        for id in self.items:
            below = [before for before, after in self.edges if after == id]
            worth[id] = 1 + (worth[below[0]] if below else 0)
        return worth


Act = Callable[[int], None]


@dataclass
class Process:
    """One process of the model: a loop, a map of executions, and what it found in the world and in the store."""

    plan: Plan
    world: World
    store: CrashableStore
    steps: int = 0
    crashed: tuple[World, CrashableStore] | None = None

    def run(
        self,
        cmd: str,
        *,
        interrupt_at: dict[int, InterruptLevel] | None = None,
        crash_at: int | None = None,
    ) -> CmdOutcome:
        """Run a command to its end, interrupting and crashing before the given steps.

        A crash takes the world and the store as they are; the loop goes on afterwards, and what it still does is
        nobody's any more.
        """
        loop = VirtualClockLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(self._run(loop, cmd, interrupt_at or {}, crash_at))

    async def _run(
        self,
        loop: VirtualClockLoop,
        cmd: str,
        interrupt_at: dict[int, InterruptLevel],
        crash_at: int | None,
    ) -> CmdOutcome:
        flow = self.plan.flow(self.world)
        async with CmdExecutionMap(self.store) as executions:
            request = CmdExecRequest(flow=flow, cmds=[cmd], max_concurrency=self.plan.concurrency)
            execution = executions.submit(request)
            began = loop.steps

            def act(step: int) -> None:
                if execution.done:
                    return
                self.steps = step - began
                level = interrupt_at.get(self.steps)
                if level is not None and execution.interrupt(level=level) is InterruptReply.REQUESTED:
                    self.world.log.append(("signal", level.word))
                if self.steps == crash_at:
                    self.crashed = (self.world.copy(), crashed(self.store))

            loop.on_step = act
            outcome = await execution
            loop.on_step = None
            if execution.abandoned:
                await asyncio.wait(execution.abandoned)
            return outcome


def crashed(store: CrashableStore) -> CrashableStore:
    """Return the store as the next process finds it, which acknowledges as slowly as before."""
    after = CrashableStore(store.latency)
    after.__dict__.update(store.crashed().__dict__)
    return after


def stored_is_true(world: World, store: CrashableStore) -> bool:
    """Return whether what is stored of every item is what is in the world, or the item is unknown."""
    states = asyncio.run(store.states("plan", "default"))
    return all(
        entry.unknown or entry.current is None or entry.current["value"] == world.values.get(id)
        for id, entry in states.items.items()
    )


def check_outcome(plan: Plan, outcome: CmdOutcome) -> None:
    """Check what is true of every outcome."""
    lists = outcome.items
    assert sorted([*lists.done, *lists.not_done, *lists.unknown]) == sorted(plan.items)
    blocks = [*outcome.blocks.done, *outcome.blocks.not_done]
    assert len(blocks) == len(set(blocks))
    if outcome.is_complete:
        assert (lists.not_done, lists.unknown, outcome.blocks.not_done) == ([], [], [])


def begun_after_the_signal(world: World, level: str = "") -> list[str]:
    """Return the items whose apply began after the first signal."""
    names = [what if what != "signal" else "signal" for what, _ in world.log]
    if "signal" not in names:
        return []
    return [item for what, item in world.log[names.index("signal") :] if what == "begin"]


def check_interrupted(plan: Plan, process: Process, outcome: CmdOutcome, *, fails: bool) -> None:
    """Check an outcome after an interrupt."""
    check_outcome(plan, outcome)
    assert begun_after_the_signal(process.world) == []
    if outcome.kind == "item_error":
        assert fails
    else:
        assert outcome.is_interrupted or outcome.is_complete
    if outcome.interrupt is None:
        assert not [what for what, _ in process.world.log if what == "signal"]


def check_resume(plan: Plan, process: Process, done: list[str]) -> None:
    """Check that a resume comes to the goal, applying nothing that was done, and that a clean leaves nothing."""
    assert stored_is_true(process.world, process.store)
    process.world.log.clear()
    outcome = process.run("ensure")
    for _ in range(sum(item.failures for item in plan.items.values())):
        if outcome.kind == "item_error":
            outcome = process.run("ensure")
    assert outcome.kind == "complete", outcome
    assert process.world.values == plan.worth()
    again = Counter(process.world.did("begin"))
    assert not [id for id in done if again[id]]
    assert process.run("clean").kind == "complete"
    assert process.world.values == {}
    assert stored_is_true(process.world, process.store)


def new_process(plan: Plan) -> Process:
    """Return the first process, before anything was ever run."""
    return Process(plan, World(), CrashableStore(plan.latency))


def steps_of(plan: Plan, cmd: str = "ensure", before: str | None = None) -> int:
    """Return the number of steps that a command takes when nobody interferes."""
    process = new_process(plan)
    if before is not None:
        process.run(before)
    process.run(cmd)
    return process.steps


DIAMOND = Plan(
    edges=[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")],
    items={"a": ItemPlan(), "b": ItemPlan(apply=1), "c": ItemPlan(look=1, shielded=True), "d": ItemPlan()},
)
DEAF = Plan(edges=[("a", "c")], items={"a": ItemPlan(deaf=True), "b": ItemPlan(deaf=True, apply=2), "c": ItemPlan()})
SLOW_STORE = Plan(edges=[("a", "b")], items={"a": ItemPlan(apply=1), "b": ItemPlan(apply=1)}, latency=0.7)
NARROW = Plan(edges=[], items={"a": ItemPlan(apply=1), "b": ItemPlan(), "c": ItemPlan()}, concurrency=1)
FAILING = Plan(edges=[("a", "c")], items={"a": ItemPlan(failures=1), "b": ItemPlan(apply=3), "c": ItemPlan()})
PLANS = {"diamond": DIAMOND, "deaf": DEAF, "slow_store": SLOW_STORE, "narrow": NARROW, "failing": FAILING}


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.word)
@pytest.mark.parametrize("name", PLANS)
def test_an_interrupt_before_any_step_of_an_ensure_leaves_the_truth(name: str, level: InterruptLevel) -> None:
    """Nothing starts after it, what is stored is so, the lists are whole, and a resume does only what is left."""
    plan = PLANS[name]
    fails = any(item.failures for item in plan.items.values())
    kinds: Counter[str] = Counter()
    for step in range(1, steps_of(plan) + 1):
        process = new_process(plan)
        outcome = process.run("ensure", interrupt_at={step: level})
        kinds[outcome.kind] += 1
        check_interrupted(plan, process, outcome, fails=fails)
        check_resume(plan, process, outcome.items.done if outcome.blocks.done[-1:] == [Block.VERDICT] else [])
    assert {"execution_interrupted", "block_interrupted"} <= kinds.keys()


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.word)
@pytest.mark.parametrize("name", ["diamond", "slow_store", "deaf"])
def test_an_interrupt_before_any_step_of_a_clean_leaves_the_truth(name: str, level: InterruptLevel) -> None:
    """In reverse order: nothing loses what it stands upon, and a second clean goes on."""
    plan = PLANS[name]
    for step in range(1, steps_of(plan, "clean", before="ensure") + 1):
        process = new_process(plan)
        process.run("ensure")
        process.world.log.clear()
        outcome = process.run("clean", interrupt_at={step: level})
        check_interrupted(plan, process, outcome, fails=False)
        values = process.world.values
        for before, after in plan.edges:
            assert before in values or after not in values or level is InterruptLevel.ABANDON
        assert stored_is_true(process.world, process.store)
        assert process.run("clean").kind == "complete"
        assert process.world.values == {}


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.word)
def test_an_interrupt_before_any_step_of_a_discover_keeps_what_was_known(level: InterruptLevel) -> None:
    """And changes nothing."""
    plan = DIAMOND
    for step in range(1, steps_of(plan, "discover") + 1):
        process = new_process(plan)
        process.run("ensure")
        before = asyncio.run(process.store.states("plan", "default"))
        outcome = process.run("discover", interrupt_at={step: level})
        check_outcome(plan, outcome)
        after = asyncio.run(process.store.states("plan", "default"))
        assert {id: entry.current for id, entry in after.items.items()} == {
            id: entry.current for id, entry in before.items.items()
        }
        assert process.world.values == plan.worth()
        assert outcome.is_interrupted or (outcome.is_complete and outcome.interrupt is None) or outcome.is_complete


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.word)
@pytest.mark.parametrize("name", PLANS)
def test_a_crash_before_any_step_after_an_interrupt_loses_nothing_that_was_acknowledged(
    name: str, level: InterruptLevel
) -> None:
    """The next process finds the truth, applies nothing twice that was known to be done, and comes to the goal."""
    plan = PLANS[name]
    number = 0
    for step in range(1, steps_of(plan) + 1):
        dry = new_process(plan)
        dry.run("ensure", interrupt_at={step: level})
        for crash_at in range(step, dry.steps + 1):
            number += 1
            if number % EVERY_SECOND_STEP == 0:
                check_crash(plan, {step: level}, crash_at)


@pytest.mark.parametrize("name", PLANS)
def test_a_crash_before_any_step_of_an_ensure_loses_nothing_that_was_acknowledged(name: str) -> None:
    """Without any warning."""
    plan = PLANS[name]
    for crash_at in range(1, steps_of(plan) + 1):
        check_crash(plan, {}, crash_at)


def check_crash(plan: Plan, interrupt_at: dict[int, InterruptLevel], crash_at: int) -> None:
    """Crash, and check that the next process finds the truth and comes to the goal."""
    process = new_process(plan)
    process.run("ensure", interrupt_at=interrupt_at, crash_at=crash_at)
    if process.crashed is None:
        return
    world, store = process.crashed
    assert stored_is_true(world, store)
    states = asyncio.run(store.states("plan", "default"))
    known = [id for id, entry in states.items.items() if entry.applied_at is not None and not entry.unknown]
    check_resume(plan, Process(plan, world, store), known)


@settings(max_examples=int(os.environ.get("IRENIC_EXAMPLES", "60")))
@given(plans(Plan, ItemPlan), st.data())
def test_whatever_the_flow_and_whenever_it_is_stopped_and_killed_the_truth_is_kept(
    plan: Plan, data: st.DataObject
) -> None:
    """Graphs, times, errors, shields, slow stores; one or two signals, and a crash after them."""
    steps = steps_of(plan)
    fails = any(item.failures for item in plan.items.values())
    signals = data.draw(
        st.dictionaries(st.integers(1, max(1, steps)), st.sampled_from(LEVELS), max_size=2), label="signals"
    )
    process = new_process(plan)
    outcome = process.run("ensure", interrupt_at=signals)
    if signals:
        check_interrupted(plan, process, outcome, fails=fails)
    else:
        check_outcome(plan, outcome)
    done = outcome.items.done if outcome.blocks.done[-1:] == [Block.VERDICT] else []
    crash_at = data.draw(st.integers(1, max(1, process.steps)), label="crash_at")
    check_resume(plan, process, done)
    check_crash(plan, signals, crash_at)
