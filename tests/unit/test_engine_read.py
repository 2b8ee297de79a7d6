"""Status, goal and diff: what is stored, or what is there now; nothing is written."""

from typing import Any

import pytest
from tests.items import CopyItem, Thing, World, thing_of, things
from tests.running import current_of, fails_at_once, goals_of, run

from irenic import CmdOutcome, Flow
from irenic.model.cmd import Block
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


def changes(outcome: CmdOutcome) -> dict[str, Any]:
    """Return what differs, item by item."""
    return {id: states.diff and states.diff["changes"] for id, states in outcome.states.items()}


@pytest.mark.parametrize(("cmd", "block"), [("status", Block.STATES_CURRENT_READ), ("goal", Block.STATES_GOAL_READ)])
async def test_stored_states_are_read(cmd: str, block: Block) -> None:
    """Scenarios 41, 43, 45 and 47: as they were discovered; the world is not looked at."""
    world, store = World(a=4), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "discover")
    world.log.clear()
    outcome = await run(store, flow, cmd)
    which = "current" if cmd == "status" else "goal"
    stored = await (current_of if cmd == "status" else goals_of)(store, flow)
    assert outcome.kind == "complete"
    assert outcome.blocks.done == [block]
    assert {id: getattr(states, which) for id, states in outcome.states.items()} == stored
    assert outcome.items.done == ["a", "b"]
    assert world.log == []


@pytest.mark.parametrize("cmd", ["status", "goal", "diff"])
async def test_where_nothing_is_stored_the_error_says_what_to_do(cmd: str) -> None:
    """Scenarios 42, 44, 46, 48 and 104."""
    outcome = await run(MemoryStore(), things(World(), "a"), cmd, profile="dev", source="stored")
    assert outcome.kind == "failed"
    assert outcome.message == "nothing is stored of things/dev: run `irenic discover` first."
    assert outcome.items.not_done == ["a"]


@pytest.mark.parametrize("cmd", ["status", "goal"])
async def test_states_are_discovered_where_that_is_asked_for(cmd: str) -> None:
    """And not stored."""
    world, store = World(a=4), MemoryStore()
    flow = things(world, "a")
    outcome = await run(store, flow, cmd, source="discover")
    states = outcome.states["a"]
    assert (states.current, states.goal) == (
        ({"value": 4, "stamp": 0}, None) if cmd == "status" else (None, {"value": 1, "stamp": None})
    )
    assert await current_of(store, flow) == {}


async def test_an_unknown_item_says_so_with_its_last_known_state() -> None:
    """Hazard 8 of peace: unknown is said, and nothing known is lost."""
    world, store = World(), MemoryStore()

    async def half(*args: Any) -> Any:
        raise RuntimeError("half-way")

    flow = Flow("f")
    flow.add(Thing("a", world, apply=half))
    flow.add(Thing("b", world))
    await run(store, flow, "discover")
    await run(store, flow, "ensure")
    outcome = await run(store, flow, "status")
    assert outcome.items.model_dump() == {"done": ["b"], "not_done": ["a"], "unknown": []}
    assert outcome.states["a"].current == {"value": None, "stamp": None}


async def test_an_item_of_which_nothing_is_stored_is_left_out() -> None:
    """Scenarios 77 and 101: it is new in the flow; the others are shown."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a"), "discover")
    outcome = await run(store, things(world, "a", "b"), "status")
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}


@pytest.mark.parametrize(
    ("stored_current", "source", "expected"),
    [
        (4, "stored", {"value": {"before": 4, "after": 1}}),
        (4, "discover", {"value": {"before": 7, "after": 1}}),
    ],
)
async def test_current_and_goal_states_are_compared(stored_current: int, source: str, expected: Any) -> None:
    """Scenarios 49 to 52: as stored, or as they are now; what is stored does not change."""
    world, store = World(a=stored_current, b=1), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "discover")
    world.values["a"] = 7
    outcome = await run(store, flow, "diff", source=source)
    assert outcome.kind == "complete"
    assert changes(outcome) == {"a": expected, "b": {}}
    assert (await current_of(store, flow))["a"]["value"] == stored_current


async def test_an_item_of_which_a_state_is_not_known_has_no_diff() -> None:
    """It is left out, not guessed."""
    world, store = World(), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "discover", items=["a"])
    outcome = await run(store, flow, "diff", source="stored")
    assert (outcome.states["a"].diff is None, outcome.states["b"].diff is None) == (False, True)


async def test_an_item_that_cannot_be_compared_is_an_error_of_its_own() -> None:
    """The other items are compared all the same."""
    world, store = World(a=3), MemoryStore()
    flow = things(world, "a", "b")
    await run(store, flow, "discover")
    thing_of(flow, "b").replace(state_diff=fails_at_once("no"))
    outcome = await run(store, flow, "diff", source="stored")
    assert outcome.kind == "item_error"
    assert {id: error.phase for id, error in outcome.errors.items()} == {"b": "state_diff"}
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}


async def test_two_profiles_are_compared() -> None:
    """Scenario 53: what is stored in the one and in the other."""
    store = MemoryStore()
    flow = things(World(a=1, b=1), "a", "b")
    await run(store, flow, "discover", profile="dev")
    await run(store, things(World(a=2, b=1), "a", "b"), "discover", profile="prod")
    outcome = await run(store, flow, "diff", diff_profiles=("dev", "prod"))
    assert outcome.blocks.done == [Block.DIFF]
    assert changes(outcome) == {"a": {"value": {"before": 1, "after": 2}}, "b": {}}


@pytest.mark.parametrize("profiles", [("none", "dev"), ("dev", "none")])
async def test_a_profile_without_states_is_named_with_those_that_have_some(profiles: tuple[str, str]) -> None:
    """Scenarios 54 to 57 and 84."""
    store = MemoryStore()
    flow = things(World(), "a")
    await run(store, flow, "discover", profile="dev")
    await run(store, flow, "discover", profile="prod")
    outcome = await run(store, flow, "diff", diff_profiles=profiles)
    assert outcome.kind == "failed"
    assert "nothing is stored of things/none; profiles with states: dev" in outcome.message
    assert "Run `irenic discover --profile none` first" in outcome.message


async def test_an_item_that_one_of_the_profiles_does_not_have_has_no_diff() -> None:
    """Scenario 84: it is left out; so is one whose state was stored by a class of another shape."""
    store = MemoryStore()
    flow = things(World(), "a", "b")
    await run(store, flow, "discover", profile="dev")
    await run(store, flow, "discover", profile="prod", items=["a"])
    outcome = await run(store, flow, "diff", diff_profiles=("dev", "prod"))
    assert (outcome.states["a"].diff is None, outcome.states["b"].diff is None) == (False, True)


async def test_a_diff_of_an_items_own_holds_each_part() -> None:
    """Scenario 58: removed, altered and inserted."""
    places = {"here": [0, 1, 2, 3]}
    flow = Flow("copies")
    flow.add(CopyItem("longer", places), source=[0, 9, 2, 3, 4], target="here")
    flow.add(CopyItem("shorter", places), source=[0, 1], target="here")
    outcome = await run(MemoryStore(), flow, "diff", source="discover")
    parts = {id: states.diff["parts"] for id, states in outcome.states.items() if states.diff is not None}
    assert parts == {"longer": ["1: 1 -> 9", "4: +4"], "shorter": ["2: -2", "3: -3"]}


async def test_a_flow_of_copies_is_ensured_and_cleaned() -> None:
    """Scenarios 1 to 4, 96, 98 and 100 once more, with an item that has a check and a diff of its own."""
    places: dict[str, list[int]] = {}
    store = MemoryStore()
    flow = Flow("copies")
    copy = CopyItem("copy", places)
    flow.add(copy, source=[1, 2, 3], target="there")
    assert (await run(store, flow, "ensure", dry_run=True)).states["copy"].current == {"data": [1, 2, 3]}
    assert (places, copy.applied) == ({}, 0)
    for _ in range(2):
        assert (await run(store, flow, "ensure")).kind == "complete"
    assert (places, copy.applied) == ({"there": [1, 2, 3]}, 1)
    assert (await run(store, flow, "clean")).kind == "complete"
    assert places == {"there": []}
