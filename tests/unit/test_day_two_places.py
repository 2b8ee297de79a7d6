"""Places: what lives in files is made once in each, and what is stored of one is not touched from another."""

import pytest
from tests.changing_world import LocalSlot, SharedSlot, Slot, World, do, look, slots_flow

from irenic import Flow
from irenic.model.states import ItemStates
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


LOCAL = slots_flow(LocalSlot("a"))


async def entry_of(store: MemoryStore, item: str, place: str | None) -> ItemStates | None:
    """Return what is stored of an item in a place."""
    whole = (await store.states("slots", "default")).items.get(item)
    return None if whole is None else whole.at(place)


async def test_a_local_item_is_made_in_each_place_and_that_is_no_drift(world: World, store: MemoryStore) -> None:
    """There and back: nothing is refused, and nothing that is done is done again."""
    await do(world, store, LOCAL, "ensure")
    world.here = "away"
    (item,) = (await look(world, store, LOCAL)).items
    assert item.verdict is VerdictKind.MAKE_HERE
    assert [other.label for other in item.elsewhere] == ["home"]
    outcome = await do(world, store, LOCAL, "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift) == ("complete", {})
    assert outcome.notes["a"].verdict is VerdictKind.MAKE_HERE
    assert "home" in outcome.notes["a"].message
    for here in ("home", "away"):
        world.here = here
        world.applied.clear()
        assert (await do(world, store, LOCAL, "ensure", on_drift="refuse")).kind == "complete"
        assert world.applied == []
    assert [set(site.slots) for site in world.sites.values()] == [{"a"}, {"a"}]


@pytest.mark.parametrize("here", ["home", "away"])
async def test_clean_here_keeps_the_other_places_things_and_its_entry(
    world: World, store: MemoryStore, here: str
) -> None:
    """Both ways."""
    for place in ("home", "away"):
        world.here = place
        await do(world, store, LOCAL, "ensure")
    other = "away" if here == "home" else "home"
    kept = await entry_of(store, "a", world.sites[other].mark)
    world.here = here
    assert (await do(world, store, LOCAL, "clean")).kind == "complete"
    assert (set(world.sites[here].slots), set(world.sites[other].slots)) == (set(), {"a"})
    after = await entry_of(store, "a", world.sites[other].mark)
    assert kept is not None
    assert after is not None
    assert after.model_dump(exclude={"elsewhere"}) == kept.model_dump(exclude={"elsewhere"})


async def test_clean_in_a_place_where_nothing_was_made_does_nothing(world: World, store: MemoryStore) -> None:
    """The entry of the place where it was made is as it was, although this place has no mark."""
    await do(world, store, LOCAL, "ensure")
    before = (await store.states("slots", "default")).items["a"]
    world.here = "away"
    assert (await do(world, store, LOCAL, "clean")).kind == "complete"
    assert (await store.states("slots", "default")).items["a"] == before
    world.here = "home"
    await do(world, store, LOCAL, "clean")
    assert world.site.slots == {}


def mixed() -> Flow:
    """Return a flow of a thing of the world that needs a file, which is its predecessor."""
    flow = slots_flow(LocalSlot("file"), SharedSlot("upload"))
    flow.edge("file", "upload")
    return flow


async def test_a_remote_item_is_handed_over_and_the_file_it_needs_is_made_here(
    world: World, store: MemoryStore
) -> None:
    """The file is made in the second place before the upload is looked at, and the upload is not repeated."""
    await do(world, store, mixed(), "ensure")
    world.here = "away"
    world.applied.clear()
    assert (await do(world, store, mixed(), "ensure", on_drift="refuse")).kind == "complete"
    assert world.applied == [("file", "ensure")]
    world.here = "home"
    await do(world, store, mixed(), "clean")
    assert (world.shared, set(world.sites["away"].slots)) == ({}, {"file"})


async def test_a_place_that_lost_its_files_with_its_mark_is_a_new_place(world: World, store: MemoryStore) -> None:
    """Not here yet; never drift."""
    await do(world, store, LOCAL, "ensure")
    world.site.slots.clear()
    world.site.mark = None
    outcome = await do(world, store, LOCAL, "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift, set(world.site.slots)) == ("complete", {}, {"a"})


async def test_a_file_that_was_deleted_alone_is_drift(world: World, store: MemoryStore) -> None:
    """The mark is still there: it is the same place."""
    await do(world, store, LOCAL, "ensure")
    world.site.slots.clear()
    outcome = await do(world, store, LOCAL, "ensure", on_drift="refuse")
    assert (outcome.kind, list(outcome.refusals)) == ("refused", ["a"])


async def test_a_leftover_of_another_place_is_named_and_cleaned_there(world: World, store: MemoryStore) -> None:
    """From here it cannot be removed, and is not."""
    await do(world, store, slots_flow(LocalSlot("a"), LocalSlot("b")), "ensure")
    world.here = "away"
    outcome = await do(world, store, LOCAL, "ensure", prune=True)
    (leftover,) = outcome.leftovers
    assert (leftover.item, leftover.place) == ("b", "home")
    assert set(world.sites["home"].slots) == {"a", "b"}
    world.here = "home"
    assert (await do(world, store, LOCAL, "ensure", prune=True)).leftovers == []
    assert set(world.site.slots) == {"a"}


async def test_an_identity_that_changes_is_left_over_in_each_place(world: World, store: MemoryStore) -> None:
    """Prune in the one place does not forget the other's."""
    for here in ("home", "away"):
        world.here = here
        await do(world, store, slots_flow(LocalSlot("a"), a={"location": "north"}), "ensure")
    changed = slots_flow(LocalSlot("a"), a={"location": "south"})
    await do(world, store, changed, "ensure", prune=True)
    assert [set(site.slots) for site in world.sites.values()] == [{"north"}, {"south"}]
    world.here = "home"
    await do(world, store, changed, "ensure", prune=True)
    assert [set(site.slots) for site in world.sites.values()] == [{"south"}, {"south"}]
    for here in ("home", "away"):
        world.here = here
        await do(world, store, changed, "clean")
    assert [set(site.slots) for site in world.sites.values()] == [set(), set()]


async def test_status_in_another_place_says_where_it_is(world: World, store: MemoryStore) -> None:
    """And leaves no mark."""
    await do(world, store, LOCAL, "ensure")
    world.here = "away"
    outcome = await do(world, store, LOCAL, "status")
    assert outcome.notes["a"].verdict is VerdictKind.MAKE_HERE
    assert world.site.mark is None


async def test_what_somebody_else_put_into_this_place_stays(world: World, store: MemoryStore) -> None:
    """Although irenic made the same in the other."""
    await do(world, store, LOCAL, "ensure")
    world.here = "away"
    world.site.slots["a"] = Slot(99, "a", 1, foreign=True)
    assert (await do(world, store, LOCAL, "ensure")).kind == "complete"
    await do(world, store, LOCAL, "clean")
    assert set(world.site.slots) == {"a"}
