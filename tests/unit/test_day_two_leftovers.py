"""Leftovers: what irenic made and the flow no longer names is listed, and pruned or cleaned, and nothing else is."""

from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from tests.changing_world import (
    BareSlot,
    SharedSlot,
    Slot,
    SlotItem,
    SlotParams,
    SlotState,
    World,
    do,
    look,
    slots_flow,
)

from irenic import Flow, ItemContext, StateDiff
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.model.events import ItemIntent, ItemResult
from irenic.model.states import FlowStates
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


@pytest.fixture
def world() -> World:
    """A world with one thing that is none of irenic's business."""
    return World(shared={"wild": Slot(0, "wild", 7, foreign=True)})


def at(location: str, id: str = "a") -> Flow:
    """Return a flow of one item at a location."""
    return slots_flow(SharedSlot(id), **{id: {"location": location}})


async def test_another_identity_makes_the_new_thing_and_leaves_the_old_one_over(
    world: World, store: MemoryStore
) -> None:
    """Nothing is removed that nobody asked to remove."""
    await do(world, store, at("north"), "ensure")
    outcome = await do(world, store, at("south"), "ensure")
    assert outcome.kind == "complete"
    assert set(world.shared) == {"wild", "north", "south"}
    (leftover,) = outcome.leftovers
    assert (leftover.item, leftover.reason, leftover.name) == ("a#1", "replaced", "north")
    assert outcome.notes["a"].verdict is VerdictKind.REPLACE


async def test_another_identity_is_no_drift(world: World, store: MemoryStore) -> None:
    """It is the author's change, not somebody else's."""
    await do(world, store, at("north"), "ensure")
    outcome = await do(world, store, at("south"), "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift) == ("complete", {})


async def test_prune_removes_what_is_left_over_and_nothing_else(world: World, store: MemoryStore) -> None:
    """In the same ensure in which it becomes a leftover, after the new thing was made."""
    await do(world, store, at("north"), "ensure")
    outcome = await do(world, store, at("south"), "ensure", prune=True)
    assert (outcome.kind, outcome.leftovers) == ("complete", [])
    assert set(world.shared) == {"wild", "south"}
    assert world.applied[-2:] == [("a", "ensure"), ("a", "clean")]
    assert set((await store.states("slots", "default")).items) == {"a"}


async def test_an_identity_that_comes_back_takes_its_thing_back(world: World, store: MemoryStore) -> None:
    """There and back again: the former thing is the item's once more, and the other one is left over."""
    for location in ("north", "south"):
        await do(world, store, at(location), "ensure")
    world.applied.clear()
    outcome = await do(world, store, at("north"), "ensure")
    assert (outcome.kind, world.applied) == ("complete", [])
    assert [leftover.name for leftover in outcome.leftovers] == ["south"]
    await do(world, store, at("north"), "clean")
    assert set(world.shared) == {"wild"}


async def test_a_removed_item_is_listed_by_every_command_that_looks(world: World, store: MemoryStore) -> None:
    """Preview, ensure, status and diff."""
    await do(world, store, slots_flow(SharedSlot("a"), SharedSlot("b")), "ensure")
    flow = slots_flow(SharedSlot("a"))
    assert [leftover.item for leftover in (await look(world, store, flow)).leftovers] == ["b"]
    for cmd in ("status", "diff", "ensure"):
        outcome = await do(world, store, flow, cmd)
        assert [(leftover.item, leftover.reason) for leftover in outcome.leftovers] == [("b", "removed")], cmd


def tower(*ids: str) -> Flow:
    """Return a flow of items of which each comes after the one before it."""
    flow = slots_flow(*(SharedSlot(id) for id in ids))
    for before, after in pairwise(ids):
        flow.edge(before, after)
    return flow


@pytest.mark.parametrize("cmd", ["clean", "ensure"])
async def test_leftovers_are_removed_in_the_reverse_order_of_the_edges_they_were_built_with(
    world: World, store: MemoryStore, cmd: str
) -> None:
    """The flow has no edges any more when they are."""
    await do(world, store, tower("c", "a", "d", "b"), "ensure")
    world.applied.clear()
    outcome = await do(
        world, store, slots_flow(SharedSlot("other")), cmd, **({"prune": True} if cmd == "ensure" else {})
    )
    assert outcome.kind == "complete"
    removed = [item for item, direction in world.applied if direction == "clean"]
    assert removed == ["b", "d", "a", "c"]
    assert "other" in world.shared or cmd == "clean"


async def test_a_leftover_is_removed_before_the_item_that_it_was_built_on(world: World, store: MemoryStore) -> None:
    """A clean goes along the edges of both."""
    await do(world, store, tower("a", "b"), "ensure")
    await do(world, store, slots_flow(SharedSlot("a")), "clean")
    assert [item for item, direction in world.applied if direction == "clean"] == ["b", "a"]


async def test_clean_leaves_alone_what_irenic_did_not_make(world: World, store: MemoryStore) -> None:
    """Also at an item's own location."""
    world.shared["a"] = Slot(9, "a", 1, foreign=True)
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "ensure")
    assert (outcome.kind, world.applied) == ("complete", [])
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "clean")
    assert outcome.notes["a"].verdict is VerdictKind.LEAVE_ALONE
    assert set(world.shared) == {"wild", "a"}


@pytest.mark.parametrize(("state", "is_made"), [({"value": 5}, False), (None, True)], ids=["untouched", "half-way"])
def test_what_an_ensure_was_stopped_before_touching_is_not_irenics(state: dict[str, int] | None, is_made: bool) -> None:
    """An intent alone changes nothing: where the result says that nothing was touched, clean leaves it alone."""
    states = FlowStates(flow="slots", profile="default")
    common: dict[str, Any] = {"execution_id": "01J", "at": "2026-12-01T00:00:00.000Z", "item": "a"}
    common["direction"] = "ensure"
    states.apply(ItemIntent(seq=1, params_hash="p", code_hash="c", current={"value": 5}, target={"value": 1}, **common))
    assert states.items["a"].is_made
    states.apply(ItemResult(seq=2, result="cancelled", state=state, **common))
    assert states.items["a"].is_made is is_made


async def test_a_leftover_whose_class_is_gone_is_named_and_everything_else_is_done(
    world: World, store: MemoryStore
) -> None:
    """It can be forgotten."""

    class Vanishing(SharedSlot):
        """A class that no module has by its name."""

    await do(world, store, slots_flow(SharedSlot("a"), Vanishing("b")), "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "clean")
    assert outcome.kind == "complete"
    assert set(world.shared) == {"wild", "b"}
    (leftover,) = outcome.leftovers
    assert leftover.problem is not None
    assert "cannot be found" in leftover.problem
    assert next_commands(outcome, CommandLine("f.py"))[0].startswith("irenic state forget f.py b ")
    assert (await do(world, store, slots_flow(SharedSlot("a")), "state", forget=["b"])).kind == "complete"
    assert (await do(world, store, slots_flow(SharedSlot("a")), "clean")).leftovers == []


async def test_a_bare_item_that_moved_leaves_its_former_thing_over(world: World, store: MemoryStore) -> None:
    """Without an identity it is found out by looking: nothing is there by the new params, and something by the old."""
    await do(world, store, slots_flow(BareSlot("a"), a={"location": "north"}), "ensure")
    outcome = await do(world, store, slots_flow(BareSlot("a"), a={"location": "south"}), "ensure", prune=True)
    assert (outcome.kind, set(world.shared)) == ("complete", {"wild", "south"})


@pytest.mark.parametrize("cls", [SharedSlot, BareSlot])
async def test_an_identity_that_is_known_only_after_an_apply_leaves_its_former_thing_over(
    world: World, store: MemoryStore, cls: type[SlotItem]
) -> None:
    """The location follows from what another item is worth once it was applied."""

    def flow(value: int) -> Flow:
        flow = Flow("slots")
        first = flow.add(SharedSlot("first"), location="first", value=value)
        flow.add(cls("second"), location=first.state.value.map(_located))
        return flow

    await do(world, store, flow(1), "ensure")
    outcome = await do(world, store, flow(2), "ensure")
    assert set(world.shared) == {"wild", "first", "at-1", "at-2"}
    assert [leftover.item for leftover in outcome.leftovers] == ["second#1"]
    await do(world, store, flow(2), "clean")
    assert set(world.shared) == {"wild"}


def _located(value: int) -> str:
    return f"at-{value}"


class TokenParams(BaseModel):
    """Where a guarded slot is, and what opens it."""

    location: str
    token: SecretStr


class GuardedSlot(SharedSlot):
    """A slot that needs a token."""

    Params = TokenParams

    async def state_goal(self, cx: ItemContext, params: Any) -> SlotState:
        """Want one."""
        return SlotState(value=1)

    async def apply(
        self, cx: ItemContext, params: Any, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Note the token."""
        self.world.keys[params.token.get_secret_value()] = 1
        return await super().apply(cx, SlotParams(location=params.location), current, target, diff)


class Inputs(BaseModel):
    """A token."""

    token: SecretStr


def guarded(*ids: str) -> Flow:
    """Return a flow of guarded slots."""
    flow = Flow("slots", inputs=Inputs)
    for id in ids:
        flow.add(GuardedSlot(id), location=id, token=flow.inputs.token)
    return flow


async def test_a_leftover_is_cleaned_with_the_secret_of_the_input_which_was_never_stored(
    world: World, store: MemoryStore
) -> None:
    """Params are stored without it."""
    await do(world, store, guarded("a", "b"), "ensure", inputs={"token": "hunter2"})
    states = await store.states("slots", "default")
    assert "hunter2" not in states.model_dump_json()
    about = states.items["b"].about
    assert about is not None
    assert (about.params, about.secrets) == ({"location": "b"}, {"token": "token"})
    world.keys.clear()
    outcome = await do(world, store, guarded("a"), "ensure", prune=True, inputs={"token": "rotated"})
    assert (outcome.kind, set(world.shared), set(world.keys)) == ("complete", {"wild", "a"}, {"rotated"})


def bare(id: str, **params: Any) -> Flow:
    """Return a flow of one item whose class does not say which slot it is."""
    return slots_flow(BareSlot(id), **{id: {"location": "north", **params}})


async def test_what_a_renamed_and_edited_item_may_stand_for_is_not_pruned(world: World, store: MemoryStore) -> None:
    """Nothing tells it from an item that was taken out: it stays until somebody says which it is."""
    await do(world, store, bare("a", value=3), "ensure")
    edited = bare("b", value=1, below=2)
    (leftover,) = (await look(world, store, edited)).leftovers
    assert leftover.problem is not None
    for _ in range(2):
        outcome = await do(world, store, edited, "ensure", prune=True)
        assert outcome.kind == "complete"
        assert outcome.leftovers[0].problem == leftover.problem
        assert "b may stand for it now" in leftover.problem
        assert set(world.shared) == {"wild", "north"}
    await do(world, store, edited, "state", forget=["a"])
    assert (await do(world, store, edited, "ensure", prune=True)).leftovers == []
    assert set(world.shared) == {"wild", "north"}


async def test_clean_removes_what_a_renamed_and_edited_item_may_stand_for(world: World, store: MemoryStore) -> None:
    """Whoever made it, all of it is to go."""
    await do(world, store, bare("a", value=3), "ensure")
    edited = bare("b", value=1, below=2)
    await do(world, store, edited, "ensure", prune=True)
    assert (await do(world, store, edited, "clean")).kind == "complete"
    assert set(world.shared) == {"wild"}


async def test_an_item_that_was_there_before_is_no_doubt_about_a_leftover(world: World, store: MemoryStore) -> None:
    """Two items of one class may look the same; the one that was taken out is pruned."""
    both = Flow("slots")
    both.add(BareSlot("a"), location="north", value=3)
    both.add(BareSlot("b"), location="south", value=3)
    await do(world, store, both, "ensure")
    only = Flow("slots")
    only.add(BareSlot("b"), location="south", value=3)
    assert (await do(world, store, only, "ensure", prune=True)).leftovers == []
    assert set(world.shared) == {"wild", "south"}
