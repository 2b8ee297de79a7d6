"""Ids that change, and what is stored under them: ``flow.moved``, and ``state move``, ``forget`` and ``adopt``."""

import pytest
from tests.changing_world import NumberedSlot, SharedSlot, Slot, SlotItem, World, do, slots_flow

from irenic import Flow
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


def numbered(id: str, moved: str | None = None) -> Flow:
    """Return a flow of one item that only its stored number leads to."""
    flow = slots_flow(NumberedSlot(id), **{id: {"location": "north"}})
    if moved is not None:
        flow.moved(moved, id)
    return flow


async def stored_ids(store: MemoryStore) -> set[str]:
    """Return the ids under which something is stored."""
    return set((await store.states("slots", "default")).items)


async def test_a_moved_item_keeps_its_state(world: World, store: MemoryStore) -> None:
    """Nothing is created, and nothing is left over."""
    await do(world, store, numbered("a"), "ensure")
    outcome = await do(world, store, numbered("b", moved="a"), "ensure")
    assert (outcome.kind, outcome.leftovers, len(world.service)) == ("complete", [], 1)
    assert await stored_ids(store) == {"b"}


async def test_status_of_a_moved_item_shows_its_state_and_writes_nothing(world: World, store: MemoryStore) -> None:
    """Whoever only looks sees it under its present id."""
    await do(world, store, numbered("a"), "ensure")
    outcome = await do(world, store, numbered("b", moved="a"), "status")
    assert outcome.states["b"].current is not None
    assert await stored_ids(store) == {"a"}


async def test_a_moved_item_takes_an_id_under_which_nothing_was_made(world: World, store: MemoryStore) -> None:
    """A discovery, or a clean, has left an entry there."""
    both = slots_flow(NumberedSlot("a"), NumberedSlot("b"), a={"location": "north"})
    await do(world, store, both, "ensure", items=["a"])
    await do(world, store, both, "discover")
    outcome = await do(world, store, numbered("b", moved="a"), "ensure")
    assert (outcome.kind, outcome.leftovers, len(world.service)) == ("complete", [], 1)
    assert await stored_ids(store) == {"b"}


async def test_a_renamed_item_is_known_by_its_identity(world: World, store: MemoryStore) -> None:
    """Even where nobody said that it was renamed: prune does not remove the thing that it stands for."""
    await do(world, store, slots_flow(SharedSlot("a"), a={"location": "north"}), "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("b"), b={"location": "north"}), "ensure", prune=True)
    assert (outcome.kind, outcome.leftovers, set(world.shared)) == ("complete", [], {"north"})
    await do(world, store, slots_flow(SharedSlot("b"), b={"location": "north"}), "clean")
    assert world.shared == {}


async def test_a_renamed_item_does_not_take_a_state_that_cannot_be_read(
    world: World, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays a leftover that can be forgotten, and no ensure is refused because of it."""
    await do(world, store, slots_flow(SharedSlot("a"), a={"location": "north"}), "ensure")
    monkeypatch.setattr(SlotItem, "state_version", 2)
    monkeypatch.setattr(SlotItem, "upgrades", False)
    for _ in range(2):
        outcome = await do(world, store, slots_flow(SharedSlot("b"), b={"location": "north"}), "ensure", prune=True)
        assert (outcome.kind, [left.item for left in outcome.leftovers]) == ("complete", ["a"])
    assert set(world.shared) == {"north"}


@pytest.mark.parametrize("prune", [False, True])
async def test_two_items_that_change_places_lose_nothing(world: World, store: MemoryStore, prune: bool) -> None:
    """Each stands for what the other one stood for."""
    places = {"a": {"location": "north"}, "b": {"location": "south"}}
    await do(world, store, slots_flow(SharedSlot("a"), SharedSlot("b"), **places), "ensure")
    swapped = slots_flow(SharedSlot("a"), SharedSlot("b"), a=places["b"], b=places["a"])
    outcome = await do(world, store, swapped, "ensure", prune=prune)
    assert (outcome.kind, set(world.shared)) == ("complete", {"north", "south"})
    await do(world, store, swapped, "clean")
    assert world.shared == {}


async def test_a_renamed_item_without_an_identity_is_made_anew_and_the_former_one_is_left_over(
    world: World, store: MemoryStore
) -> None:
    """``state move`` is the way out, as long as nothing was made."""
    await do(world, store, numbered("a"), "ensure")
    outcome = await do(world, store, numbered("b"), "state", moves={"a": "b"})
    assert outcome.kind == "complete"
    outcome = await do(world, store, numbered("b"), "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.leftovers, len(world.service)) == ("complete", [], 1)


async def test_an_id_that_another_class_has_now_leaves_the_former_thing_over(world: World, store: MemoryStore) -> None:
    """The one was removed, and the other one has its id by chance."""
    await do(world, store, numbered("a"), "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "ensure", prune=True)
    assert (outcome.kind, set(world.shared), world.service) == ("complete", {"a"}, {})


async def test_a_move_to_an_id_that_stands_for_something_is_refused(world: World, store: MemoryStore) -> None:
    """It would be lost."""
    flow = slots_flow(SharedSlot("a"), SharedSlot("b"))
    await do(world, store, flow, "ensure")
    outcome = await do(world, store, flow, "state", moves={"a": "b"})
    assert outcome.kind == "failed"
    assert "forget or clean it before" in outcome.message
    assert await stored_ids(store) == {"a", "b"}


async def test_forget_drops_what_is_stored_and_touches_nothing(world: World, store: MemoryStore) -> None:
    """A clean then leaves it alone."""
    flow = slots_flow(SharedSlot("a"))
    await do(world, store, flow, "ensure")
    await do(world, store, flow, "state", forget=["a"])
    assert (await stored_ids(store), set(world.shared)) == (set(), {"a"})
    await do(world, store, flow, "clean")
    assert set(world.shared) == {"a"}


async def test_forget_of_what_is_not_stored_names_what_is(world: World, store: MemoryStore) -> None:
    """Nothing is changed."""
    await do(world, store, slots_flow(SharedSlot("a")), "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "state", forget=["x"])
    assert outcome.kind == "failed"
    assert "stored: a" in outcome.message


async def test_adopt_makes_what_is_there_irenics(world: World, store: MemoryStore) -> None:
    """Ensure makes nothing new, and clean removes it."""
    world.service[5] = Slot(5, "north", 1, foreign=True)
    assert (await do(world, store, numbered("a"), "adopt")).kind == "complete"
    assert (await do(world, store, numbered("a"), "ensure")).kind == "complete"
    assert set(world.service) == {5}
    await do(world, store, numbered("a"), "clean")
    assert world.service == {}


async def test_adopt_of_nothing_is_an_error_that_names_ensure(world: World, store: MemoryStore) -> None:
    """There is nothing to adopt."""
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "adopt")
    assert outcome.kind == "item_error"
    assert "irenic ensure" in outcome.errors["a"].message
