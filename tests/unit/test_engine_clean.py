"""Clean: everything goes, in reverse order, and it can be stopped on the way."""

import asyncio
from typing import Any

import pytest
from tests.items import Thing, ThingState, World, thing_of, things, tower
from tests.running import current_of, fails, fails_at_once, goals_of, run

from irenic import CmdExecRequest, CmdExecutionMap, Flow, InterruptLevel
from irenic.model.cmd import Block
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

CLEAN = {"value": None, "stamp": None}


def slow_tower(world: World, *ids: str, seconds: float = 1.0) -> Flow:
    """Return a tower whose things take their time to be applied."""
    flow = tower(world, *ids)
    for id in ids:
        slow_down(thing_of(flow, id), seconds)
    return flow


def slow_down(thing: Thing, seconds: float) -> None:
    """Let a thing take its time to be applied."""

    async def apply(cx: Any, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
        thing.begin()
        await asyncio.sleep(seconds)
        return thing.put(target.value)

    thing.replace(apply=apply)


async def test_a_dry_clean_of_what_never_was_changes_nothing() -> None:
    """Scenario 19."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    outcome = await run(store, flow, "clean", dry_run=True)
    assert outcome.kind == "complete"
    assert outcome.items.done == ["a", "b"]
    assert await current_of(store, flow) == {}


async def test_a_dry_clean_returns_what_would_be_left() -> None:
    """Scenario 20: the world and what is stored stay."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    before = await store.states(flow.id, "default")
    outcome = await run(store, flow, "clean", dry_run=True)
    assert {id: states.current for id, states in outcome.states.items()} == {"a": CLEAN, "b": CLEAN}
    assert world.values == {"a": 1, "b": 2}
    assert await store.states(flow.id, "default") == before


async def test_a_clean_of_what_never_was_stores_the_clean_states() -> None:
    """Scenarios 21 and 100: also of what could only be looked for if something before it were there."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "complete"
    assert world.did("begin") == []
    assert await current_of(store, flow) == {"a": CLEAN, "b": CLEAN}


async def test_a_clean_leaves_nothing() -> None:
    """Scenarios 22, 99 and 120: successors go first."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b", "c")
    await run(store, flow, "ensure")
    goals = await goals_of(store, flow)
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "complete"
    assert world.values == {}
    assert world.did("apply")[3:] == ["c", "b", "a"]
    assert await current_of(store, flow) == {"a": CLEAN, "b": CLEAN, "c": CLEAN}
    assert await goals_of(store, flow) == goals


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_clean_of_a_world_that_was_changed_goes_ahead_and_says_so(dry_run: bool) -> None:
    """Scenarios 23 and 24: the thing is irenic's, whatever it is now."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "ensure")
    world.values["b"] = 7
    outcome = await run(store, flow, "clean", dry_run=dry_run)
    assert outcome.kind == "complete"
    assert list(outcome.drift) == ["b"]
    assert world.values == ({"a": 1, "b": 7} if dry_run else {})


async def test_a_clean_does_not_care_for_goals() -> None:
    """Scenarios 25 and 26."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a"), "ensure")
    outcome = await run(store, things(world, "a", a=9), "clean")
    assert (outcome.kind, world.values) == ("complete", {})


async def test_what_irenic_did_not_make_is_left_alone_until_it_is_adopted() -> None:
    """It is there, at the place of an item, and at its goal or not: clean says so and goes on."""
    world, store = World(a=1, b=7), MemoryStore()
    flow = things(world, "a", "b", "c")
    await run(store, flow, "ensure", items=["a", "c"])
    outcome = await run(store, flow, "clean")
    assert (outcome.kind, world.values) == ("complete", {"a": 1, "b": 7})
    assert {item: note.verdict for item, note in outcome.notes.items()} == {
        "a": VerdictKind.LEAVE_ALONE,
        "b": VerdictKind.LEAVE_ALONE,
    }
    assert (await run(store, flow, "adopt", items=["a", "b"])).kind == "complete"
    assert (await run(store, flow, "clean")).kind == "complete"
    assert world.values == {}


async def test_an_item_that_cannot_say_what_clean_is_stops_the_clean() -> None:
    """Scenario 27: with its own error; nothing is stored."""
    world, store = World(a=1, b=1), MemoryStore()
    flow = Flow("f")
    flow.add(Thing("a", world))
    flow.add(Thing("b", world, state_clean=fails_at_once("no idea")))
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "item_error"
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": "state_clean"}
    assert outcome.blocks.not_done[0] == Block.STATES_CURRENT_DISCOVER
    assert (world.values, await current_of(store, flow)) == ({"a": 1, "b": 1}, {})


async def test_an_item_that_cannot_be_discovered_stops_the_clean() -> None:
    """Scenario 28."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "ensure")
    thing_of(flow, "b").replace(try_state_current=fails("no"))
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "item_error"
    assert outcome.blocks.not_done[0] == Block.STATES_CURRENT_DISCOVER
    assert world.values == {"a": 1, "b": 1}


@pytest.mark.parametrize(("function", "phase"), [("apply_check", "apply_check"), ("state_diff", "state_diff")])
async def test_an_item_that_cannot_be_compared_with_nothing_is_an_error(function: str, phase: str) -> None:
    """And nothing that it stands upon is cleaned."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    thing_of(flow, "b").replace(**{function: fails_at_once("no")})
    outcome = await run(store, flow, "clean")
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": phase}
    assert world.values == {"a": 1, "b": 2}


async def test_each_item_is_looked_at_again_before_it_is_cleaned() -> None:
    """What a successor's end has done to it is seen: here it takes along what it stands upon."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    b = thing_of(flow, "b")

    async def takes_all_along(cx: Any, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
        world.values.clear()
        return b.look()

    b.replace(apply=takes_all_along)
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "complete"
    assert world.did("begin") == ["a", "b"]
    assert await current_of(store, flow) == {"a": CLEAN, "b": CLEAN}


async def test_what_stands_upon_something_that_is_gone_is_cleaned_by_the_params_it_was_made_with() -> None:
    """Also where nobody knows how its apply ended."""
    world, store = World(), MemoryStore()

    async def half(*args: Any) -> Any:
        world.values["b"] = -1
        raise RuntimeError("half-way")

    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world, apply=half), below=a.state.stamp)
    await run(store, flow, "ensure")
    del world.values["a"]
    thing_of(flow, "b").replace(apply=Thing("b", world).apply)
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "complete"
    assert world.values == {}
    stored = (await store.states("f", "default")).items
    assert (stored["a"].unknown, stored["b"].unknown) == (False, False)
    dry = await run(store, flow, "clean", dry_run=True)
    assert dry.items.done == ["a", "b"]


async def test_an_item_whose_params_follow_from_a_goal_is_found_and_cleaned() -> None:
    """What it stands upon was taken away by somebody; where it was meant to stand is still known."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    del world.values["a"]
    outcome = await run(store, flow, "clean")
    assert outcome.kind == "complete"
    assert world.values == {}


# The gap in peace's tests: a clean that is interrupted.


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5])
async def test_a_clean_that_is_told_to_finish_stops_between_two_items_in_reverse_order(after: float) -> None:
    """The gap named under scenario 28: what ran is clean, what it stands upon is left, and a second clean goes on."""
    world, store = World(), MemoryStore()
    await run(store, tower(world, "a", "b", "c"), "ensure")
    flow = slow_tower(world, "a", "b", "c")
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["clean"]))
        asyncio.get_running_loop().call_later(after, execution.interrupt)
        outcome = await execution
    cleaned = ["c", "b", "a"][: int(after) + 1]
    assert outcome.kind == ("complete" if after > 2 else "block_interrupted")
    assert world.did("begin")[3:] == cleaned
    assert sorted(outcome.items.done) == sorted(cleaned)
    assert {id for id, state in (await current_of(store, flow)).items() if state == CLEAN} == set(cleaned)
    assert (await run(store, flow, "clean")).kind == "complete"
    assert world.values == {}
    assert world.did("begin")[3:] == ["c", "b", "a"]


async def test_a_clean_that_is_cancelled_leaves_what_ran_unknown() -> None:
    """And a second clean looks at it first."""
    world, store = World(), MemoryStore()
    await run(store, tower(world, "a", "b"), "ensure")
    flow = slow_tower(world, "a", "b")
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["clean"]))
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: execution.interrupt(level=InterruptLevel.CANCEL))
        outcome = await execution
    assert outcome.kind == "block_interrupted"
    assert outcome.items.model_dump() == {"done": [], "not_done": ["a", "b"], "unknown": []}
    assert outcome.interrupt is not None
    assert outcome.interrupt.level is InterruptLevel.CANCEL
    stored = (await store.states(flow.id, "default")).items
    assert (stored["a"].unknown, stored["b"].unknown) == (False, True)
    assert stored["b"].unknown_reason == "its clean was cancelled half-way"
    assert (await run(store, flow, "clean")).kind == "complete"
    assert world.values == {}


async def test_a_clean_that_is_told_to_finish_while_it_looks_changes_nothing() -> None:
    """The signal comes while an item is looked at again, right before it would be cleaned."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    executions = CmdExecutionMap(store)
    b = thing_of(flow, "b")
    looks = 0

    async def look_and_interrupt(*args: Any) -> ThingState:
        nonlocal looks
        looks += 1
        if looks == 2:
            execution.interrupt()
        return b.look()

    b.replace(state_current=look_and_interrupt)
    execution = executions.submit(CmdExecRequest(flow=flow, cmds=["clean"]))
    outcome = await execution
    await executions.close()
    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a", "b"]
    assert world.values == {"a": 1, "b": 2}
    assert world.did("begin") == ["a", "b"]
