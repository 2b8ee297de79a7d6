"""Ensure: what is applied, what is refused, what an error or an interrupt leaves."""

import asyncio
from typing import Any

import pytest
from tests.crashable_store import CrashableStore
from tests.items import Thing, ThingState, World, things, tower
from tests.running import current_of, fails, fails_at_once, goals_of, run

from irenic import CmdExecRequest, CmdExecutionMap, CmdOutcome, Flow, InterruptStrategy
from irenic.model.cmd import Block
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


def current(outcome: CmdOutcome) -> dict[str, Any]:
    """Return the current values by item id."""
    return {id: states.current and states.current["value"] for id, states in outcome.states.items()}


async def interrupted_at_once(
    store: MemoryStore, flow: Flow, strategy: InterruptStrategy, **options: Any
) -> CmdOutcome:
    """Run ensure with a signal that is there before the start."""
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, strategy=strategy, **options))
        execution.interrupt()
        return await execution


async def test_a_dry_run_returns_the_goal_and_changes_nothing() -> None:
    """Scenario 1."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "discover")
    before = await store.states(flow.id, "default")
    outcome = await run(store, flow, "ensure", dry_run=True)
    assert outcome.kind == "complete"
    assert current(outcome) == {"a": 1, "b": 2}
    assert {id: states.goal for id, states in outcome.states.items()} == {
        "a": {"value": 1, "stamp": None},
        "b": {"value": 2, "stamp": None},
    }
    assert (world.values, world.did("begin")) == ({}, [])
    assert await store.states(flow.id, "default") == before


async def test_ensure_brings_every_item_to_its_goal_and_stores_it() -> None:
    """Scenario 2: what is stored afterwards is what is there."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "discover")
    outcome = await run(store, flow, "ensure")
    assert outcome.kind == "complete"
    assert outcome.items.done == ["a", "b"]
    assert world.values == {"a": 1, "b": 2}
    assert await current_of(store, flow) == {"a": {"value": 1, "stamp": 1}, "b": {"value": 2, "stamp": 1}}
    assert await goals_of(store, flow) == {"a": {"value": 1, "stamp": None}, "b": {"value": 2, "stamp": None}}


async def test_a_first_ensure_needs_no_discover_before_it() -> None:
    """The design's rule, whatever is to be done about drift."""
    for on_drift in ("ask", "repair", "refuse"):
        world = World()
        outcome = await run(MemoryStore(), tower(world, "a", "b"), "ensure", on_drift=on_drift)
        assert outcome.kind == "complete"
        assert world.values == {"a": 1, "b": 2}


async def test_a_dry_run_towards_a_new_goal_keeps_what_is_stored() -> None:
    """Scenario 3."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a", a=1), "ensure")
    changed = things(world, "a", a=5)
    await run(store, changed, "discover", scope="goal")
    outcome = await run(store, changed, "ensure", dry_run=True)
    assert current(outcome) == {"a": 5}
    assert await current_of(store, changed) == {"a": {"value": 1, "stamp": 1}}


async def test_what_is_at_its_goal_is_not_applied_again() -> None:
    """Scenario 4: nor does it become something else."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    before = await current_of(store, flow)
    outcome = await run(store, flow, "ensure")
    assert outcome.kind == "complete"
    assert outcome.items.done == ["a", "b"]
    assert world.did("begin") == ["a", "b"]
    assert await current_of(store, flow) == before


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_world_that_was_changed_outside_is_refused_where_that_is_asked_for(dry_run: bool) -> None:
    """Scenarios 5 and 6: with all three values, and nothing is applied."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b", a=3)
    await run(store, flow, "ensure")
    world.values["a"] = 7
    outcome = await run(store, flow, "ensure", on_drift="refuse", dry_run=dry_run)
    assert outcome.kind == "refused"
    assert list(outcome.refusals) == ["a"]
    refusal = outcome.refusals["a"]
    assert refusal.reason == "drift"
    assert (refusal.stored["value"], refusal.discovered["value"], refusal.goal["value"]) == (3, 7, 3)
    assert outcome.message == "changed outside irenic: a. Nothing was applied."
    assert world.values == {"a": 7, "b": 1}
    assert outcome.blocks.not_done == [Block.VERDICT, Block.APPLY]
    assert (await current_of(store, flow))["a"]["value"] == 3


@pytest.mark.parametrize("on_drift", ["ask", "repair"])
async def test_a_change_from_outside_is_repaired_and_the_outcome_names_it(on_drift: str) -> None:
    """Where nobody can be asked, asking is the same as repairing."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", a=3)
    await run(store, flow, "ensure")
    world.values["a"] = 7
    outcome = await run(store, flow, "ensure", on_drift=on_drift)
    assert outcome.kind == "complete"
    assert world.values == {"a": 3}
    drift = outcome.drift["a"]
    assert [state and state["value"] for state in (drift.stored, drift.found, drift.goal)] == [3, 7, 3]
    assert outcome.notes["a"].verdict is VerdictKind.REPAIR


async def test_a_goal_that_has_changed_is_a_change_like_any_other() -> None:
    """Scenarios 7 and 8 without a plan: it is no drift, whatever is asked for."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a", "b"), "ensure")
    changed = things(world, "a", "b", a=4, b=5)
    outcome = await run(store, changed, "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift) == ("complete", {})
    assert world.values == {"a": 4, "b": 5}


async def test_of_a_tower_that_was_taken_away_only_what_can_be_looked_at_has_drifted() -> None:
    """What stands upon it is known after it is applied, and is made again with it."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    world.values.clear()
    outcome = await run(store, flow, "ensure", on_drift="refuse")
    assert (outcome.kind, list(outcome.refusals)) == ("refused", ["a"])
    assert (await run(store, flow, "ensure")).kind == "complete"
    assert world.values == {"a": 1, "b": 2}


async def test_a_clean_item_that_cannot_be_looked_for_is_not_missed() -> None:
    """After a clean there is nothing to find, and an ensure goes ahead whatever is asked for."""
    for on_drift in ("ask", "repair", "refuse"):
        world, store = World(), MemoryStore()
        flow = tower(world, "a", "b", "c")
        await run(store, flow, "ensure")
        await run(store, flow, "clean")
        assert (await run(store, flow, "clean")).kind == "complete"
        assert (await run(store, flow, "ensure", on_drift=on_drift)).kind == "complete"
        assert world.values == {"a": 1, "b": 2, "c": 3}


async def test_a_stored_state_of_another_shape_is_refused_until_irenic_forgets_it() -> None:
    """A State class that has changed since, without an upgrade: what is stored is never dropped silently."""
    world, store = World(), MemoryStore()
    flow = things(world, "a")
    await run(store, flow, "ensure")

    class NewState(ThingState):
        colour: str

    class NewThing(Thing):
        State = NewState

        def look(self) -> NewState:
            return NewState(**super().look().model_dump(), colour="red")

        async def state_goal(self, cx: Any, params: Any) -> NewState:
            return NewState(value=params.value, colour="red")

    changed = Flow(flow.id)
    changed.add(NewThing("a", world))
    for cmd in ("ensure", "clean", "discover"):
        outcome = await run(store, changed, cmd)
        assert (outcome.kind, outcome.refusals["a"].reason) == ("refused", "state_shape")
    assert (await current_of(store, flow))["a"] == {"value": 1, "stamp": 1}
    assert (await run(store, changed, "state", forget=["a"])).kind == "complete"
    assert (await run(store, changed, "ensure")).kind == "complete"
    assert (await current_of(store, changed))["a"]["colour"] == "red"


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("replaced", "phase"),
    [
        ({"state_current": fails("no")}, "state_current"),
        ({"state_goal": fails("no")}, "state_goal"),
        ({"try_state_current": fails("no")}, "state_current"),
        ({"try_state_goal": fails("no")}, "state_goal"),
    ],
)
async def test_an_item_that_cannot_be_discovered_stops_ensure_before_anything_is_applied(
    replaced: dict[str, Any], phase: str, dry_run: bool
) -> None:
    """Scenarios 9, 10 and 16: its error only; no block is done; what is stored stays as it was."""
    world, store = World(), MemoryStore()
    flow = Flow("f")
    flow.add(Thing("a", world))
    flow.add(Thing("b", world, **replaced))
    outcome = await run(store, flow, "ensure", dry_run=dry_run)
    assert outcome.kind == "item_error"
    assert {id: (error.phase, error.message) for id, error in outcome.errors.items()} == {"b": (phase, "no")}
    assert (outcome.blocks.done, len(outcome.blocks.not_done)) == ([], 3)
    assert world.did("begin") == []
    assert await current_of(store, flow) == {}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("function", ["apply_check", "state_diff"])
async def test_an_item_that_cannot_be_compared_is_an_error_of_its_own(function: str, dry_run: bool) -> None:
    """Scenario 11: it is found out before anything is applied."""
    world = World()
    flow = Flow("f")
    flow.add(Thing("a", world))
    flow.add(Thing("b", world, **{function: fails_at_once("no")}))
    outcome = await run(MemoryStore(), flow, "ensure", dry_run=dry_run)
    assert outcome.kind == "item_error"
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": function}
    assert outcome.items.not_done == ["a", "b"]
    assert world.did("begin") == []


async def test_an_item_that_fails_in_a_dry_run_is_an_error_of_its_own() -> None:
    """Scenario 12: what the other item would be is told."""
    world = World()
    flow = Flow("f")
    flow.add(Thing("a", world))
    flow.add(Thing("b", world, apply_dry=fails("no")))
    outcome = await run(MemoryStore(), flow, "ensure", dry_run=True)
    assert outcome.kind == "item_error"
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": "apply_dry"}
    assert current(outcome) == {"a": 1, "b": None}


async def test_an_item_that_fails_does_not_undo_those_that_do_not_depend_on_it() -> None:
    """Scenario 13: what it left half-way is unknown, and what depends on it never starts."""
    world, store = World(), MemoryStore()
    flow = Flow("f")
    flow.add(Thing("a", world))
    b = flow.add(Thing("b", world, apply=fails("no luck")))
    flow.add(Thing("c", world), below=b.state.value)
    outcome = await run(store, flow, "ensure")
    assert outcome.kind == "item_error"
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b", "c"], "unknown": []}
    assert (outcome.errors["b"].type, outcome.errors["b"].message) == ("RuntimeError", "no luck")
    assert world.values == {"a": 1}
    states = (await store.states(flow.id, "default")).items
    assert (states["a"].unknown, states["b"].unknown) == (False, True)
    assert states["b"].unknown_reason == "its ensure failed half-way"
    assert "c" not in states


async def test_a_failed_item_is_looked_at_again_when_ensure_is_run_again() -> None:
    """Being unknown, it is not compared with what is stored."""
    world, store = World(), MemoryStore()

    async def half(*args: Any) -> Any:
        world.values["a"] = -1
        raise RuntimeError("half-way")

    broken = Flow("f")
    broken.add(Thing("a", world, apply=half))
    assert (await run(store, broken, "ensure")).kind == "item_error"
    fixed = Flow("f")
    fixed.add(Thing("a", world))
    assert (await run(store, fixed, "ensure", on_drift="refuse")).kind == "complete"
    assert world.values == {"a": 1}


async def test_after_an_error_what_runs_finishes_and_nothing_new_starts() -> None:
    """Scenarios 124 and 125: all errors are told, also of those that failed together."""
    world, store = World(), MemoryStore()

    async def slow_failure(*args: Any) -> Any:
        await asyncio.sleep(1)
        raise RuntimeError("later")

    async def slow(*args: Any) -> ThingState:
        await asyncio.sleep(2)
        return thing.put(1)

    flow = Flow("f")
    flow.add(Thing("quick", world, apply=fails("now")))
    flow.add(Thing("slow", world, apply=slow_failure))
    thing = Thing("running", world, apply=slow)
    running = flow.add(thing)
    flow.add(Thing("after", world), below=running.state.value)
    outcome = await run(store, flow, "ensure")
    assert {id: error.message for id, error in outcome.errors.items()} == {"quick": "now", "slow": "later"}
    assert outcome.items.done == ["running"]
    assert world.values == {"running": 1}
    assert outcome.interrupt is None


@pytest.mark.parametrize("function", ["state_current", "state_goal", "apply"])
async def test_an_item_that_returns_something_else_than_its_state_is_told_so(function: str) -> None:
    """With the name of the function and the class that was wanted."""

    async def nothing(*args: Any) -> Any:
        return None

    flow = Flow("f")
    replaced = {function: nothing} if function == "apply" else {function: nothing, f"try_{function}": nothing}
    flow.add(Thing("a", World(), **replaced))
    outcome = await run(MemoryStore(), flow, "ensure")
    assert outcome.errors["a"].type == "ItemFailure"
    assert outcome.errors["a"].message.startswith(f"Thing.{function} returned NoneType, not ThingState")


async def test_what_try_returns_is_checked_as_well() -> None:
    """Where it is not None."""

    async def text(*args: Any) -> Any:
        return "here"

    flow = Flow("f")
    flow.add(Thing("a", World(), try_state_current=text))
    outcome = await run(MemoryStore(), flow, "ensure")
    assert "Thing.try_state_current returned str, not ThingState" in outcome.errors["a"].message


async def test_an_error_tells_what_caused_it() -> None:
    """Named causes first, then what was being handled."""

    async def chained(*args: Any) -> Any:
        try:
            raise KeyError("k")
        except KeyError as error:
            raise OSError("disk") from error

    async def handled(*args: Any) -> Any:
        try:
            raise KeyError("k")
        except KeyError:
            raise ValueError from None

    flow = Flow("f")
    flow.add(Thing("a", World(), apply=chained))
    flow.add(Thing("b", World(), apply=handled))
    errors = (await run(MemoryStore(), flow, "ensure")).errors
    assert errors["a"].causes == ["KeyError: 'k'"]
    assert (errors["b"].message, errors["b"].causes) == ("ValueError()", [])


async def test_params_that_no_predecessor_provides_are_an_error_that_names_them() -> None:
    """After all before it has been applied."""
    world = World()

    class Hollow(Thing):
        def look(self) -> ThingState:
            return ThingState()

        async def state_goal(self, cx: Any, params: Any) -> ThingState:
            return ThingState()

    flow = Flow("f")
    a = flow.add(Hollow("a", world))
    flow.add(Thing("b", world), below=a.state.value)
    outcome = await run(MemoryStore(), flow, "ensure")
    assert outcome.errors["b"].message == "its params are not known: below refer to what no predecessor provides."
    dry = await run(MemoryStore(), flow, "ensure", dry_run=True)
    assert dry.kind == "complete"


async def test_a_dry_run_says_where_it_cannot_tell() -> None:
    """What follows from a generated value is known when that is made."""
    world = World()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world), below=a.state.stamp)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, dry_run=True))
        outcome = await execution
        message = execution.progress.items["b"].message
    assert outcome.kind == "complete"
    assert message == "cannot be told before the items it refers to are applied: below"
    assert (await run(MemoryStore(), flow, "ensure")).kind == "complete"
    assert world.values == {"a": 1, "b": 2}


async def test_an_empty_flow_is_complete() -> None:
    """Scenario 126: there was nothing to do, whatever was asked."""
    for cmd in ("discover", "status", "goal", "diff", "ensure", "clean"):
        assert (await run(MemoryStore(), Flow("f"), cmd)).kind == "complete"


# Interrupted before the start, as peace counts.


async def test_a_signal_before_the_start_lets_nothing_begin() -> None:
    """Scenario 14: no block is done, and what is stored is as it was."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b")
    outcome = await interrupted_at_once(store, flow, InterruptStrategy.FinishCurrent)
    assert outcome.kind == "execution_interrupted"
    assert (outcome.blocks.done, len(outcome.blocks.not_done)) == ([], 3)
    assert outcome.items.not_done == ["a", "b"]
    assert outcome.cmds.model_dump() == {"done": [], "not_done": ["ensure"]}
    assert await current_of(store, flow) == {}


async def test_poll_next_3_lets_the_discovery_of_two_items_through() -> None:
    """Scenario 15: the start of the block and of its two items."""
    store = MemoryStore()
    outcome = await interrupted_at_once(store, things(World(), "a", "b"), InterruptStrategy.PollNextN(4))
    assert outcome.kind == "execution_interrupted"
    assert outcome.blocks.done == [Block.STATES_DISCOVER]
    assert outcome.blocks.not_done == [Block.VERDICT, Block.APPLY]


async def test_poll_next_5_lets_all_but_the_apply_through() -> None:
    """Scenario 17: with two items, two blocks are done."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b")
    outcome = await interrupted_at_once(store, flow, InterruptStrategy.PollNextN(5))
    assert outcome.kind == "execution_interrupted"
    assert outcome.blocks.done == [Block.STATES_DISCOVER, Block.VERDICT]
    assert outcome.blocks.not_done == [Block.APPLY]
    assert (world.did("begin"), await current_of(store, flow)) == ([], {})


async def test_poll_next_7_lets_the_first_of_two_items_be_applied() -> None:
    """Scenario 18: it has its new state, the other one the state that it had."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "discover")
    outcome = await interrupted_at_once(store, flow, InterruptStrategy.PollNextN(7))
    assert outcome.kind == "block_interrupted"
    assert outcome.blocks.not_done == [Block.APPLY]
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}
    assert current(outcome) == {"a": 1, "b": None}
    assert (await current_of(store, flow))["a"] == {"value": 1, "stamp": 1}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6])
async def test_poll_next_n_lets_exactly_n_items_through(count: int) -> None:
    """Scenarios 123 and 129: after the three starts of blocks and the six items of the discovery before them."""
    world = World()
    flow = things(world, *"abcdef")
    starts_before = len([Block.STATES_DISCOVER, Block.VERDICT, Block.APPLY]) + 6 + 1
    strategy = InterruptStrategy.PollNextN(starts_before + count)
    outcome = await interrupted_at_once(MemoryStore(), flow, strategy)
    assert len(world.did("apply")) == count
    assert outcome.kind == ("complete" if count == 6 else "block_interrupted")


async def test_the_store_may_lose_what_it_did_not_acknowledge() -> None:
    """Scenario 104: what is stored of an unfinished execution is what was acknowledged."""
    world, store = World(), CrashableStore()
    flow = things(world, "a")
    await run(store, flow, "ensure")
    assert await current_of(store.crashed(), flow) == {"a": {"value": 1, "stamp": 1}}
