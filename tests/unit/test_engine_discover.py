"""Discover: what is and what should be; an error of one item does not stop the others."""

import asyncio
from typing import Any

import pytest
from tests.items import Thing, ThingState, World, thing_of, things, tower
from tests.running import current_of, fails, goals_of, run

from irenic import CmdExecRequest, CmdExecutionMap, Flow, InterruptLevel, ProgressStatus
from irenic.model.cmd import Block
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


def pair(world: World, **replaced: Any) -> Flow:
    """Return a flow of two things, of which the second has replaced functions."""
    flow = Flow("pair")
    flow.add(Thing("a", world))
    flow.add(Thing("b", world, **replaced))
    return flow


async def test_both_states_are_discovered_and_stored() -> None:
    """Scenario 29."""
    world, store = World(a=4), MemoryStore()
    flow = things(world, "a", "b", b=6)
    outcome = await run(store, flow, "discover")
    assert outcome.kind == "complete"
    assert {id: states.current for id, states in outcome.states.items()} == await current_of(store, flow)
    assert {id: states.goal for id, states in outcome.states.items()} == await goals_of(store, flow)
    assert await current_of(store, flow) == {"a": {"value": 4, "stamp": 0}, "b": {"value": None, "stamp": None}}
    assert (await goals_of(store, flow))["b"] == {"value": 6, "stamp": None}


@pytest.mark.parametrize(
    ("scope", "block", "current", "goal"),
    [
        ("current", Block.STATES_CURRENT_DISCOVER, {"value": 4, "stamp": 0}, None),
        ("goal", Block.STATES_GOAL_DISCOVER, None, {"value": 1, "stamp": None}),
    ],
)
async def test_one_of_the_states_is_discovered_and_stored(scope: str, block: Block, current: Any, goal: Any) -> None:
    """Scenarios 30 and 31: the other one is neither looked for nor stored."""
    world, store = World(a=4), MemoryStore()
    flow = things(world, "a")
    outcome = await run(store, flow, "discover", scope=scope)
    assert outcome.blocks.done == [block]
    assert (await current_of(store, flow), await goals_of(store, flow)) == ({"a": current}, {"a": goal})
    assert [what for what, _ in world.log] == [scope]


async def test_an_item_sees_what_was_stored_of_it() -> None:
    """Scenario 32: its own last state, and no other's; None where there is none."""
    world, store = World(a=4, b=5), MemoryStore()
    await run(store, things(world, "a", "b"), "discover")
    seen: dict[str, Any] = {}
    flow = Flow("things")

    def looking(id: str) -> Thing:
        async def look(cx: Any, params: Any) -> ThingState:
            seen[id] = cx.stored
            return ThingState()

        return Thing(id, world, state_current=look)

    for id in "ac":
        flow.add(looking(id))
    await run(store, flow, "discover")
    assert seen == {"a": ThingState(value=4, stamp=0), "c": None}


@pytest.mark.parametrize(
    ("replaced", "errors"),
    [
        ({"try_state_current": fails("current")}, {"b": "current"}),
        ({"try_state_goal": fails("goal")}, {"b": "goal"}),
        ({"try_state_current": fails("current"), "try_state_goal": fails("goal")}, {"b": "current"}),
    ],
)
async def test_an_item_that_cannot_be_discovered_does_not_stop_the_others(
    replaced: dict[str, Any], errors: dict[str, str]
) -> None:
    """Scenarios 33 to 37: where both states fail, the error of the current one is kept."""
    world, store = World(a=4, b=5), MemoryStore()
    outcome = await run(store, pair(world, **replaced), "discover")
    assert outcome.kind == "item_error"
    assert {id: error.message for id, error in outcome.errors.items()} == errors
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}
    stored = (await store.states("pair", "default")).items
    assert stored["a"].current == {"value": 4, "stamp": 0}
    if "try_state_goal" not in replaced:
        assert stored["b"].goal == {"value": 1, "stamp": None}
    elif "try_state_current" not in replaced:
        assert stored["b"].current == {"value": 5, "stamp": 0}
    else:
        assert "b" not in stored


@pytest.mark.parametrize("scope", ["current", "goal"])
async def test_an_error_of_the_only_state_is_the_error(scope: str) -> None:
    """Scenarios 33 and 34: nothing is looked for that was not asked for."""
    outcome = await run(MemoryStore(), pair(World(), **{f"try_state_{scope}": fails("no")}), "discover", scope=scope)
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": f"state_{scope}"}


async def test_a_known_state_is_kept_where_the_item_cannot_be_discovered_any_more() -> None:
    """Hazard 2 of peace: it is not overwritten by nothing."""
    world, store = World(a=4, b=5), MemoryStore()
    await run(store, pair(world), "discover")
    before = await current_of(store, pair(world))
    await run(store, pair(world, try_state_current=fails("no")), "discover")
    assert await current_of(store, pair(world)) == before


@pytest.mark.parametrize("scope", ["both", "current", "goal"])
async def test_a_dry_discover_stores_nothing(scope: str) -> None:
    """Scenarios 38 and 39: what it found is in the outcome."""
    world, store = World(a=4), MemoryStore()
    flow = things(world, "a")
    outcome = await run(store, flow, "discover", scope=scope, dry_run=True)
    assert (outcome.states["a"].current is not None) == (scope != "goal")
    assert (outcome.states["a"].goal is not None) == (scope != "current")
    assert (await store.states(flow.id, "default")).items == {}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("scope", ["both", "current", "goal"])
async def test_after_a_discover_every_item_is_complete(scope: str, dry_run: bool) -> None:
    """Scenario 40: whether or not anything was stored."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        flow = things(World(), "a", "b")
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["discover"], scope=scope, dry_run=dry_run))
        await execution
        statuses = [item.status for item in execution.progress.items.values()]
    assert statuses == [ProgressStatus.COMPLETE_SUCCESS] * 2


async def test_a_goal_that_follows_from_what_is_there_is_known_while_it_is_there() -> None:
    """A value that the world generates is in no goal, but in the current state of what has it."""
    world, store = World(), MemoryStore()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world), below=a.state.stamp)
    assert (await run(store, flow, "discover")).states["b"].goal is None
    await run(store, flow, "ensure")
    assert (await run(store, flow, "discover")).states["b"].goal == {"value": 2, "stamp": None}
    assert (await run(store, flow, "ensure", on_drift="refuse")).kind == "complete"


# The gap in peace's tests: a discover that is interrupted.


def slow_lookers(world: World, *ids: str, seconds: float = 1.0) -> Flow:
    """Return a tower whose things take their time to be looked at."""
    flow = tower(world, *ids)
    for id in ids:
        slow_down(thing_of(flow, id), seconds)
    return flow


def slow_down(thing: Thing, seconds: float) -> None:
    """Let a thing take its time to be looked at."""

    async def look(cx: Any, params: Any) -> ThingState:
        await asyncio.sleep(seconds)
        return thing.look()

    thing.replace(try_state_current=look)


@pytest.mark.parametrize(
    ("level", "done"), [(InterruptLevel.FINISH, ["a"]), (InterruptLevel.CANCEL, []), (InterruptLevel.ABANDON, [])]
)
async def test_a_discover_that_is_interrupted_keeps_what_it_has_found_and_what_was_stored(
    level: InterruptLevel, done: list[str]
) -> None:
    """The gap named under scenario 28: the item that was being looked at has no goal yet, so it is not done."""
    world, store = World(a=1, b=2), MemoryStore()
    await run(store, tower(world, "a", "b"), "discover")
    before = await current_of(store, tower(world, "a", "b"))
    world.values.update(a=7, b=8)
    async with CmdExecutionMap(store) as executions:
        flow = slow_lookers(world, "a", "b")
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["discover"], scope="current"))
        asyncio.get_running_loop().call_later(0.5, lambda: execution.interrupt(level=level))
        outcome = await execution
    assert outcome.kind == "block_interrupted"
    assert outcome.items.model_dump() == {
        "done": done,
        "not_done": [id for id in ("a", "b") if id not in done],
        "unknown": [],
    }
    after = await current_of(store, flow)
    assert after["b"] == before["b"]
    assert after["a"]["value"] == (7 if done else 1)
    assert (await run(store, tower(world, "a", "b"), "discover")).kind == "complete"
    assert (await current_of(store, flow))["b"]["value"] == 8


async def test_an_interrupt_between_the_two_states_of_an_item_is_heeded() -> None:
    """It is looked at between every two phases."""
    world, store = World(a=1), MemoryStore()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow_lookers(world, "a", "b"), cmds=["discover"]))
        asyncio.get_running_loop().call_later(0.5, execution.interrupt)
        outcome = await execution
    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a", "b"]
    assert outcome.states["a"].current is not None
    assert outcome.states["a"].goal is None
    assert world.did("goal") == []


async def test_an_interrupt_while_the_last_items_are_discovered_ends_ensure_before_its_next_block() -> None:
    """Scenario 128: the item is kept, the block is done, and the execution ends between two blocks."""
    world, store = World(), MemoryStore()
    async with CmdExecutionMap(store) as executions:
        flow = things(world, "a")

        async def goal(*args: Any) -> ThingState:
            await asyncio.sleep(1)
            return ThingState(value=1)

        thing_of(flow, "a").replace(try_state_goal=goal)
        execution = executions.submit(CmdExecRequest(flow=flow))
        asyncio.get_running_loop().call_later(0.5, execution.interrupt)
        outcome = await execution
    assert outcome.kind == "execution_interrupted"
    assert outcome.blocks.done[-1] == Block.STATES_DISCOVER
    assert (outcome.items.not_done, world.did("begin")) == (["a"], [])
