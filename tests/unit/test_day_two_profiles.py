"""Profiles of one flow in one folder: what another profile has made is named, and never removed."""

import pytest
from tests.changing_world import BareSlot, LocalSlot, NumberedSlot, SharedSlot, World, do, look, slots_flow

from irenic.endpoints.outcome_text import TextLook, outcome_text
from irenic.model.preview import PreviewReason
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


PROD = slots_flow(LocalSlot("a"), a={"value": 1})
DEV = slots_flow(LocalSlot("a"), a={"value": 2})
EMPTY = slots_flow(LocalSlot("b"))


async def test_an_ensure_says_what_another_profile_has_made(world: World, store: MemoryStore) -> None:
    """Before it changes it and afterwards; the other profile then says who did it."""
    await do(world, store, PROD, "ensure", profile="prod")
    (item,) = (await look(world, store, DEV, profile="dev")).items
    assert (item.verdict, item.reasons[0]) == (VerdictKind.CHANGE, PreviewReason.OTHER_PROFILE)
    assert item.message.startswith("run: profile prod has made it, ")
    outcome = await do(world, store, DEV, "ensure", profile="dev")
    assert outcome.notes["a"].message.startswith("profile prod has made it, ")
    (item,) = (await look(world, store, PROD, profile="prod")).items
    assert item.drift is not None
    assert (item.verdict, item.drift.profile) == (VerdictKind.REPAIR, "dev")
    assert item.message.startswith("run: it was changed by profile dev since ")


async def test_a_refusal_says_which_profile_did_it_and_a_repair_goes_on(world: World, store: MemoryStore) -> None:
    """What is changed outside irenic beside it is listed apart."""
    flows = [slots_flow(LocalSlot("a"), LocalSlot("b"), a={"value": value}) for value in (1, 2)]
    await do(world, store, flows[0], "ensure", profile="prod")
    await do(world, store, flows[1], "ensure", profile="dev")
    del world.site.slots["b"]
    outcome = await do(world, store, flows[0], "ensure", profile="prod", on_drift="refuse")
    assert outcome.message == "changed by profile dev: a; changed outside irenic: b. Nothing was applied."
    assert outcome.refusals["a"].message == "a was changed by profile dev."
    assert (await do(world, store, flows[0], "ensure", profile="prod")).kind == "complete"
    assert world.site.slots["a"].value == 1


@pytest.mark.parametrize("flow", [DEV, PROD])
async def test_clean_leaves_what_another_profile_has_made_too(world: World, store: MemoryStore, flow: object) -> None:
    """Whether it was changed by this profile or found as it should be; the other profile's clean removes it."""
    await do(world, store, PROD, "ensure", profile="prod")
    dev = DEV if flow is DEV else PROD
    await do(world, store, dev, "ensure", profile="dev")
    (item,) = (await look(world, store, dev, "clean", profile="dev")).items
    assert item.verdict is VerdictKind.LEAVE_ALONE
    dry = await do(world, store, dev, "clean", profile="dev", dry_run=True)
    assert "left alone     profile prod has made it, " in outcome_text(dry, look=TextLook())
    outcome = await do(world, store, dev, "clean", profile="dev")
    assert outcome.kind == "complete"
    assert set(world.site.slots) == {"a"}
    entry = (await store.states("slots", "dev")).items.get("a")
    assert entry is None or not entry.is_made
    await do(world, store, PROD, "clean", profile="prod")
    assert world.site.slots == {}


async def test_prune_leaves_what_another_profile_has_made_too(world: World, store: MemoryStore) -> None:
    """It is a leftover of this profile alone, and is one no longer."""
    await do(world, store, PROD, "ensure", profile="prod")
    await do(world, store, DEV, "ensure", profile="dev")
    dry = await do(world, store, EMPTY, "ensure", profile="dev", prune=True, dry_run=True)
    assert [leftover.item for leftover in dry.leftovers] == ["a"]
    outcome = await do(world, store, EMPTY, "ensure", profile="dev", prune=True)
    assert outcome.notes["a"].verdict is VerdictKind.LEAVE_ALONE
    assert set(world.site.slots) == {"a", "b"}
    assert "a" not in (await store.states("slots", "dev")).items
    assert (await do(world, store, PROD, "clean", profile="prod")).kind == "complete"
    assert set(world.site.slots) == {"b"}


async def test_what_is_in_another_place_or_of_the_world_counts_as_before(world: World, store: MemoryStore) -> None:
    """Another place's files are not these, and profiles share nothing of the world that they do not name alike."""
    await do(world, store, PROD, "ensure", profile="prod")
    world.here = "away"
    await do(world, store, PROD, "ensure", profile="dev")
    await do(world, store, PROD, "clean", profile="dev")
    assert [set(site.slots) for site in world.sites.values()] == [{"a"}, set()]
    shared = slots_flow(SharedSlot("s"), NumberedSlot("n"))
    for profile in ("prod", "dev"):
        await do(world, store, shared, "ensure", profile=profile)
    assert (await do(world, store, shared, "clean", profile="dev")).kind == "complete"


class UnnamedLocalSlot(BareSlot):
    """A slot of this place; the class does not say which one it is."""

    is_local = True


async def test_what_has_no_identity_is_not_known_in_another_profile(world: World, store: MemoryStore) -> None:
    """Nor does it keep what has one from being known."""
    flow = slots_flow(UnnamedLocalSlot("z"), LocalSlot("a"), a={"value": 1})
    await do(world, store, flow, "ensure", profile="prod")
    changed = slots_flow(UnnamedLocalSlot("z"), LocalSlot("a"), a={"value": 2}, z={"value": 5})
    await do(world, store, changed, "ensure", profile="dev")
    outcome = await do(world, store, changed, "clean", profile="dev")
    assert outcome.notes["a"].verdict is VerdictKind.LEAVE_ALONE
    assert (set(world.site.slots), set(world.shared)) == ({"a"}, set())
