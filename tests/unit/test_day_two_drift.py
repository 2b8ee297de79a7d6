"""Drift: the world was changed behind irenic's back, and what a successor cannot know before its predecessor runs."""

from typing import Any

import pytest
from pydantic import BaseModel
from tests.changing_world import NumberedSlot, SharedSlot, SlotParams, SlotState, World, do, look, slots_flow

from irenic import Flow, ItemContext, PartialParams
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


FLOW = slots_flow(SharedSlot("a"), SharedSlot("b"))


@pytest.fixture(params=["deleted", "altered"])
async def drifted(request: pytest.FixtureRequest, world: World, store: MemoryStore) -> int | None:
    """A flow that was ensured, whose item ``a`` was then changed by somebody else; what was found."""
    await do(world, store, FLOW, "ensure")
    world.applied.clear()
    if request.param == "deleted":
        del world.shared["a"]
        return None
    world.shared["a"].value = 9
    return 9


@pytest.mark.parametrize("on_drift", ["ask", "repair"])
async def test_drift_is_repaired_and_the_outcome_says_so(
    world: World, store: MemoryStore, drifted: int | None, on_drift: str
) -> None:
    """Where nobody can be asked, ``ask`` is the same as ``repair``."""
    outcome = await do(world, store, FLOW, "ensure", on_drift=on_drift)
    assert (outcome.kind, world.applied, world.shared["a"].value) == ("complete", [("a", "ensure")], 1)
    drift = outcome.drift["a"]
    assert drift.stored is not None
    assert drift.found is not None
    assert drift.goal is not None
    assert (drift.stored["value"], drift.found["value"], drift.goal["value"]) == (1, drifted, 1)
    assert outcome.notes["a"].verdict is VerdictKind.REPAIR
    assert list(outcome.drift) == ["a"]


async def test_drift_is_refused_where_that_was_asked_for_and_each_next_command_works(
    world: World, store: MemoryStore, drifted: int | None
) -> None:
    """Nothing is applied; repair brings it back."""
    outcome = await do(world, store, FLOW, "ensure", on_drift="refuse")
    assert (outcome.kind, world.applied, list(outcome.refusals)) == ("refused", [], ["a"])
    assert [command.partition("   ")[0] for command in next_commands(outcome, CommandLine("f.py"))] == [
        "irenic ensure f.py --on-drift repair",
        "irenic discover f.py",
    ]
    assert (await do(world, store, FLOW, "ensure", on_drift="repair")).kind == "complete"
    assert world.shared["a"].value == 1


async def test_discover_accepts_what_is_there(world: World, store: MemoryStore, drifted: int | None) -> None:
    """An ensure after it meets no drift: what differs from the goal is a change like any other."""
    await do(world, store, FLOW, "discover")
    outcome = await do(world, store, FLOW, "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift, world.applied) == ("complete", {}, [("a", "ensure")])


async def test_clean_of_what_drifted_removes_it(world: World, store: MemoryStore, drifted: int | None) -> None:
    """And what is gone already needs no removal."""
    assert (await do(world, store, FLOW, "clean")).kind == "complete"
    assert world.shared == {}


async def test_changed_params_are_a_change_and_no_drift(world: World, store: MemoryStore) -> None:
    """No question, no somebody else."""
    await do(world, store, FLOW, "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("a"), a={"value": 3}), "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift, world.shared["a"].value) == ("complete", {}, 3)


async def test_drift_is_drift_although_the_params_have_changed_too(world: World, store: MemoryStore) -> None:
    """Where the class says which thing it is, what was found can be compared all the same."""
    await do(world, store, FLOW, "ensure")
    world.shared["a"].value = 9
    outcome = await do(world, store, slots_flow(SharedSlot("a"), a={"value": 3}), "ensure")
    assert (outcome.kind, list(outcome.drift), world.shared["a"].value) == ("complete", ["a"], 3)


async def test_a_successor_that_irenic_itself_changed_has_not_drifted(world: World, store: MemoryStore) -> None:
    """A predecessor's apply may change what its successor sees."""
    flow = slots_flow(SharedSlot("a"), SharedSlot("b"), b={"location": "a"})
    flow.edge("a", "b")
    await do(world, store, flow, "ensure")
    changed = slots_flow(SharedSlot("a"), SharedSlot("b"), a={"value": 2}, b={"location": "a", "value": 2})
    changed.edge("a", "b")
    outcome = await do(world, store, changed, "ensure", items=["a"])
    assert outcome.kind == "complete"
    outcome = await do(world, store, changed, "ensure", on_drift="refuse")
    assert (outcome.kind, outcome.drift) == ("complete", {})


class Dependent(SharedSlot):
    """An item all of whose functions fail while another location is empty."""

    def _need(self) -> None:
        if "a" not in self.world.shared:
            raise FileNotFoundError("a")

    async def state_current(self, cx: ItemContext, params: SlotParams) -> SlotState:
        """Need it."""
        self._need()
        return await super().state_current(cx, params)

    async def state_goal(self, cx: ItemContext, params: SlotParams) -> SlotState:
        """Need it."""
        self._need()
        return await super().state_goal(cx, params)


def dependent() -> Flow:
    """Return a flow with a plain edge."""
    flow = slots_flow(SharedSlot("a"), Dependent("b"))
    flow.edge("a", "b")
    return flow


async def test_what_a_successor_raises_before_its_predecessor_ran_does_not_count(
    world: World, store: MemoryStore
) -> None:
    """Ensure, preview, discover and diff: known after apply."""
    flow = dependent()
    assert [item.verdict for item in (await look(world, store, flow)).items] == [
        VerdictKind.CREATE,
        VerdictKind.KNOWN_AFTER_APPLY,
    ]
    for cmd in ("discover", "diff", "ensure", "ensure"):
        assert (await do(world, store, flow, cmd)).kind == "complete", cmd
    assert set(world.shared) == {"a", "b"}


async def test_a_predecessor_that_was_deleted_does_not_stop_the_way_back(world: World, store: MemoryStore) -> None:
    """Nor discover, nor clean."""
    await do(world, store, dependent(), "ensure")
    for cmd in ("discover", "ensure"):
        world.shared.pop("a", None)
        assert (await do(world, store, dependent(), cmd)).kind == "complete", cmd
    assert set(world.shared) == {"a", "b"}


async def test_an_error_with_every_predecessor_at_its_goal_counts(world: World, store: MemoryStore) -> None:
    """It is the item's own."""

    class Broken(SharedSlot):
        """A slot that cannot be looked at."""

        async def state_current(self, cx: ItemContext, params: SlotParams) -> SlotState:
            """Fail."""
            raise FileNotFoundError("a")

    flow = slots_flow(SharedSlot("a"))
    await do(world, store, flow, "ensure")
    flow.add(Broken("b"), location="b")
    flow.edge("a", "b")
    outcome = await do(world, store, flow, "ensure")
    assert (outcome.kind, list(outcome.errors)) == ("item_error", ["b"])


class OptionalOn(SharedSlot):
    """A slot that notes the params with which its goal was asked for."""

    seen: list[Any]

    async def try_state_goal(self, cx: ItemContext, params_partial: PartialParams[SlotParams]) -> SlotState | None:
        """Note them."""
        self.seen.append((params_partial.whole() is not None, params_partial.on))
        return await super().try_state_goal(cx, params_partial)


async def test_an_optional_param_that_refers_to_a_generated_field_is_unknown_and_not_none(
    world: World, store: MemoryStore
) -> None:
    """Before the first apply there is no number; afterwards there is."""

    def flow() -> Flow:
        flow = Flow("slots")
        first = flow.add(NumberedSlot("a"), location="a")
        second = OptionalOn("b")
        second.seen = []
        flow.add(second, location="b", on=first.state.number)
        return flow

    fresh = flow()
    preview = await look(world, store, fresh)
    assert preview.items[1].verdict is VerdictKind.KNOWN_AFTER_APPLY
    item = fresh.items["b"]
    assert isinstance(item, OptionalOn)
    assert item.seen == [(False, None)]
    assert (await do(world, store, flow(), "ensure")).kind == "complete"
    assert world.shared["b"].on == next(iter(world.service))
    world.applied.clear()
    assert (await do(world, store, flow(), "ensure", on_drift="refuse")).kind == "complete"
    assert world.applied == []
    assert [item.verdict for item in (await look(world, store, flow())).items] == [VerdictKind.NOTHING] * 2


class Values(BaseModel):
    """What is asked for."""

    value: int = 1


async def test_inputs_of_a_refused_ensure_are_not_those_of_the_next(world: World, store: MemoryStore) -> None:
    """They were for a run that did not take place; those of one that did are kept."""
    flow = Flow("slots", inputs=Values)
    flow.add(SharedSlot("a"), location="a", value=flow.inputs.value)
    await do(world, store, flow, "ensure", inputs={"value": 2})
    world.shared["a"].value = 9
    refused = await do(world, store, flow, "ensure", inputs={"value": 5}, on_drift="refuse")
    assert refused.kind == "refused"
    assert await store.inputs(flow.id, "default") == {"value": 2}
    await do(world, store, flow, "ensure")
    assert world.shared["a"].value == 2
    await do(world, store, flow, "discover", inputs={"value": 3})
    assert await store.inputs(flow.id, "default") == {"value": 3}
