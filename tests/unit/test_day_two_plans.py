"""Plans: a preview that was saved is applied only while the world and the flow are what it saw."""

import json
from collections.abc import Callable

import pytest
from pydantic import BaseModel
from tests.changing_world import SharedSlot, Slot, SlotItem, World, do, plan_of, slots_flow

from irenic import Flow
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.model.errors import PlanError
from irenic.model.plan import Plan
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


@pytest.fixture
def world() -> World:
    """A world in which one thing is there already."""
    return World(shared={"a": Slot(1, "a", 1)})


class Inputs(BaseModel):
    """How much."""

    much: int = 1


class Other(SharedSlot):
    """The same with other code."""


def written(cls: type[SlotItem] = SharedSlot, value: int = 1) -> Flow:
    """Return the flow of these tests."""
    flow = Flow("slots", inputs=Inputs)
    flow.add(SharedSlot("a"), location="a", value=flow.inputs.much)
    flow.add(cls("b"), location="b", value=value)
    return flow


async def test_a_plan_is_applied_where_everything_is_as_it_saw_it(world: World, store: MemoryStore) -> None:
    """Also after it was a file."""
    _, plan = await plan_of(world, store, written())
    again = Plan.read(plan.model_dump_json().encode())
    outcome = await do(world, store, written(), "ensure", plan=again)
    assert (outcome.kind, set(world.shared)) == ("complete", {"a", "b"})


def _alter(world: World) -> Flow:
    world.shared["a"].value = 9
    return written()


def _delete(world: World) -> Flow:
    del world.shared["a"]
    return written()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_alter, "a changed since it was saved (value 1 -> 9)"),
        (_delete, "a changed since it was saved"),
        (lambda world: written(value=4), "the goal of b changed since it was saved (value 1 -> 4)"),
        (lambda world: written(Other), "the flow's code has changed since it was saved"),
    ],
    ids=["altered", "deleted", "goal", "code"],
)
async def test_a_stale_plan_is_refused_and_says_what_has_changed(
    world: World, store: MemoryStore, change: Callable[[World], Flow], said: str
) -> None:
    """Nothing is applied, and a new plan is the way on."""
    _, plan = await plan_of(world, store, written())
    outcome = await do(world, store, change(world), "ensure", plan=plan)
    assert (outcome.kind, world.applied) == ("refused", [])
    assert said in outcome.message
    assert next_commands(outcome, CommandLine("f.py")) == [
        "irenic preview f.py --save plan.json, then irenic ensure f.py --plan plan.json"
    ]
    _, plan = await plan_of(world, store, change(world) if change is not _delete else written())
    assert (await do(world, store, written(), "ensure")).kind == "complete"


async def test_other_inputs_make_a_plan_stale(world: World, store: MemoryStore) -> None:
    """They are no part of the plan but by their digest."""
    _, plan = await plan_of(world, store, written())
    outcome = await do(world, store, written(), "ensure", plan=plan, inputs={"much": 2})
    assert outcome.kind == "refused"
    assert "the inputs are others" in outcome.message


async def test_other_leftovers_make_a_plan_stale(world: World, store: MemoryStore) -> None:
    """Somebody else's ensure of a newer flow, for example."""
    _, plan = await plan_of(world, store, written())
    more = written()
    more.add(SharedSlot("c"), location="c")
    await do(world, store, more, "ensure", items=["c"])
    world.applied.clear()
    outcome = await do(world, store, written(), "ensure", plan=plan)
    assert (outcome.kind, world.applied) == ("refused", [])
    assert "what is left over has changed" in outcome.message


async def test_an_edited_plan_is_not_read(world: World, store: MemoryStore) -> None:
    """Its hash is of all that it says."""
    _, plan = await plan_of(world, store, written())
    edited = json.loads(plan.model_dump_json())
    edited["items"][0]["found"]["value"] = 9
    with pytest.raises(PlanError, match="edited"):
        Plan.read(json.dumps(edited).encode())


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"\xff"])
def test_what_is_no_plan_is_not_read(text: bytes) -> None:
    """It names the option that saves one."""
    with pytest.raises(PlanError, match="--save"):
        Plan.read(text)


async def test_a_plan_of_a_newer_format_is_not_read(world: World, store: MemoryStore) -> None:
    """An older irenic says so."""
    _, plan = await plan_of(world, store, written())
    plan.format = 99
    with pytest.raises(PlanError, match="format 99"):
        Plan.read(plan.model_dump_json().encode())


async def test_a_plan_with_drift_and_leftovers_is_applied_whole(world: World, store: MemoryStore) -> None:
    """It has seen both."""
    await do(world, store, slots_flow(SharedSlot("a"), SharedSlot("b"), a={"value": 2}), "ensure")
    world.shared["a"].value = 7
    flow = slots_flow(SharedSlot("a"), a={"value": 2})
    preview, plan = await plan_of(world, store, flow, prune=True)
    assert preview.items[0].drift is not None
    outcome = await do(world, store, flow, "ensure", plan=plan, prune=True)
    assert (outcome.kind, set(world.shared), world.shared["a"].value) == ("complete", {"a"}, 2)


async def test_a_plans_file_is_read_again_and_says_what_it_was_made_for(world: World, store: MemoryStore) -> None:
    """For another profile, another flow or another command it is none."""
    flow = slots_flow(SharedSlot("b"))
    _, plan = await plan_of(world, store, flow)
    read = Plan.read(plan.text().encode())
    assert read == plan
    read.check_meant_for("slots", "default")
    for meant_for in (("slots", "prod"), ("others", "default")):
        with pytest.raises(PlanError, match="was made for slots/default, not for"):
            read.check_meant_for(*meant_for)
    _, of_clean = await plan_of(world, store, flow, "clean")
    with pytest.raises(PlanError, match="is a plan of clean, not of ensure"):
        of_clean.check_meant_for("slots", "default")
