"""The rare ways of day two: what cannot be read, found, made again, adopted or moved."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from tests.changing_world import BareSlot, LocalSlot, SharedSlot, Slot, do, look, slots_flow
from tests.changing_world import World as Slots
from tests.items import Thing, ThingParams, ThingState, World, thing_of, things, tower
from tests.running import current_of, fails, fails_at_once, run

from irenic import CmdExecRequest, CmdExecutionMap, Flow, InterruptLevel, Item, ItemContext, PartialParams, StateDiff
from irenic.engine.classes import find_class
from irenic.engine.leftovers import find_leftovers, graph_with
from irenic.engine.preview import preview
from irenic.engine.resumption import request_again
from irenic.engine.verdict import former_params
from irenic.engine.verdict_text import identity_text
from irenic.flow.graph import Graph
from irenic.model.cmd import Cmd
from irenic.model.errors import FlowError, InvalidIdError, ParamsError, PlanError
from irenic.model.events import ItemAbout, ItemResult, LeftoversFound, StateForgotten, StateMoved
from irenic.model.ids import check_stored_id
from irenic.model.place import PlaceInfo
from irenic.model.plan import Plan
from irenic.model.preview import Preview, PreviewAction, PreviewItem, PreviewReason
from irenic.model.states import FlowStates, ItemStates
from irenic.model.verdict import Leftover, VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


class EditedStore(MemoryStore):
    """A store whose states are not what irenic writes today."""

    def __init__(self, edit: Callable[[FlowStates], None]) -> None:
        super().__init__()
        self._edit = edit

    async def states(self, flow: str, profile: str) -> FlowStates:
        """Return the states as edited."""
        states = await super().states(flow, profile)
        self._edit(states)
        return states


def without_about(states: FlowStates) -> None:
    """Take away what an earlier irenic did not store."""
    for entry in states.items.values():
        entry.about = None


# Adopt.


async def test_what_is_not_there_or_not_known_cannot_be_adopted() -> None:
    """Each says what to do instead."""
    world = World()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world), below=a.state.value)
    outcome = await run(MemoryStore(), flow, "adopt")
    assert {item: error.message for item, error in outcome.errors.items()} == {
        "a": "there is nothing to adopt: `irenic ensure` creates it.",
        "b": "its params are not known yet (below): adopt or ensure what they refer to first.",
    }


async def test_an_adoption_that_is_cancelled_is_interrupted() -> None:
    """Nothing is adopted."""
    store = MemoryStore()

    async def long(*args: Any) -> Any:
        await asyncio.sleep(10)

    flow = Flow("f")
    flow.add(Thing("a", World(a=1), adopt=long))
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["adopt"]))
        asyncio.get_running_loop().call_later(1, lambda: execution.interrupt(level=InterruptLevel.CANCEL))
        outcome = await execution
    assert (outcome.kind, outcome.items.not_done) == ("block_interrupted", ["a"])
    assert (await store.states("f", "default")).items == {}


# Clean.


async def test_a_clean_of_an_earlier_store_leaves_what_cannot_be_looked_at() -> None:
    """It was stored without its params, and those of the flow follow from something that is gone."""
    world, store = World(), EditedStore(without_about)
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world), below=a.state.stamp)
    await run(store, flow, "ensure")
    del world.values["a"]
    outcome = await run(store, flow, "clean")
    assert (outcome.kind, world.values) == ("complete", {"b": 2})


async def test_what_stands_on_an_item_keeps_it_from_being_cleaned_alone() -> None:
    """The refusal names it; with it, both go."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b", "c")
    await run(store, flow, "ensure")
    refused = await run(store, flow, "clean", items=["a"])
    assert (refused.kind, refused.refusals["a"].reason) == ("refused", "dependents")
    assert refused.message == "b, c stand on a. Nothing was removed."
    assert (await run(store, flow, "clean", items=["c"])).kind == "complete"
    one = await run(store, flow, "clean", items=["a"])
    assert one.message == "b stands on a. Nothing was removed."
    assert (await run(store, flow, "clean", items=["a"], with_dependents=True)).kind == "complete"
    assert world.values == {}


async def test_a_dry_clean_names_what_is_left_over_and_removes_nothing() -> None:
    """In the outcome and nowhere else."""
    world, store = Slots(), MemoryStore()
    await do(world, store, slots_flow(SharedSlot("a"), SharedSlot("b")), "ensure")
    outcome = await do(world, store, slots_flow(SharedSlot("a")), "clean", dry_run=True)
    assert [leftover.item for leftover in outcome.leftovers] == ["b"]
    assert set(world.shared) == {"a", "b"}


async def test_a_clean_looks_over_the_error_of_what_irenic_never_made() -> None:
    """There is nothing of irenic's to be removed."""
    flow = Flow("f")
    flow.add(Thing("a", World(), try_state_current=fails("no network")))
    assert (await run(MemoryStore(), flow, "clean")).kind == "complete"


async def test_a_leftover_that_cannot_say_what_clean_is_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays, and the item that failed is named."""
    world, store = Slots(), MemoryStore()
    flow = slots_flow(SharedSlot("a"), SharedSlot("b"))
    await do(world, store, flow, "ensure")
    with monkeypatch.context() as edited:
        edited.setattr(SharedSlot, "state_clean", fails_at_once("no idea"))
        outcome = await do(world, store, slots_flow(SharedSlot("a")), "ensure", prune=True)
    assert (outcome.kind, list(outcome.errors)) == ("item_error", ["b"])
    assert set(world.shared) == {"a", "b"}


# Contexts.


async def test_keep_and_key_belong_to_an_apply_and_fencing_to_a_lease() -> None:
    """Elsewhere they are refused; a preview has none of them."""
    seen: list[Any] = []

    async def state_current(cx: ItemContext, params: Any) -> ThingState:
        seen.append(cx.fencing)
        with pytest.raises(FlowError, match="belongs to an apply"):
            _ = cx.key
        with pytest.raises(FlowError, match="belongs to an apply"):
            await cx.keep(ThingState())
        return ThingState()

    flow = Flow("f")
    flow.add(Thing("a", World(), state_current=state_current))
    store = MemoryStore()
    await run(store, flow, "discover")
    found = await preview(CmdExecRequest(flow=flow), store)
    assert found.items[0].verdict is VerdictKind.CREATE
    assert seen == [1, None]


# Discover of one kind of state.


@pytest.mark.parametrize("scope", ["current", "goal"])
async def test_one_kind_of_state_is_not_known_after_something_that_is_not_known(scope: str) -> None:
    """Whatever the item's code raises meanwhile."""

    async def unknown(*args: Any) -> Any:
        return None

    flow = Flow("f")
    a = flow.add(Thing("a", World(), **{f"try_state_{scope}": unknown}))
    b = flow.add(Thing("b", World(), **{f"try_state_{scope}": fails("not there yet")}))
    flow.edge(a, b)
    outcome = await run(MemoryStore(), flow, "discover", scope=scope)
    assert (outcome.kind, outcome.errors) == ("complete", {})


# What is stored.


async def test_an_upgrade_that_fails_is_said_and_nothing_is_lost() -> None:
    """As is a state that only an item that was left out would need."""
    world, store = World(), MemoryStore()
    await run(store, tower(world, "a", "b"), "ensure")

    class Newer(Thing):
        state_version = 2

        def upgrade_state(self, version: int, data: dict[str, Any]) -> dict[str, Any]:
            raise KeyError("colour")

    flow = Flow("tower")
    a = flow.add(Newer("a", world))
    flow.add(Thing("b", world), below=a.state.value)
    outcome = await run(store, flow, "ensure")
    assert outcome.refusals["a"].message == "a: Newer.upgrade_state failed: KeyError: 'colour'."
    shown = (await preview(CmdExecRequest(flow=flow), store)).items[0]
    assert shown.reasons == [PreviewReason.STATE_SHAPE]
    left_out = await run(store, flow, "ensure", items=["b"])
    assert left_out.errors["b"].message.startswith("its params are not known")
    assert (await current_of(store, flow))["a"] == {"value": 1, "stamp": 1}


async def test_what_is_left_over_and_cannot_be_cleaned_says_why() -> None:
    """It was stored by an earlier irenic, its class asks for more than an id, its params do not fit any more."""
    world = World()
    store = EditedStore(without_about)
    await run(store, things(world, "a", "b"), "ensure")
    found = await preview(CmdExecRequest(flow=things(world, "a")), store)
    assert found.is_noteworthy
    assert [leftover.problem for leftover in found.leftovers] == [
        "it was stored by an earlier irenic, without its class and params"
    ]
    kept, other = MemoryStore(), World()
    await run(kept, things(other, "a", "b"), "ensure")
    (leftover,) = (await preview(CmdExecRequest(flow=things(other, "a")), kept)).leftovers
    assert leftover.problem is not None
    assert leftover.problem.startswith("Thing cannot be made from an id alone: TypeError")

    def misfit(states: FlowStates) -> None:
        about = states.items["b"].about
        assert about is not None
        about.params = {"location": 3, "value": "many"}

    slots, misfitting = Slots(), EditedStore(misfit)
    flow = slots_flow(SharedSlot("a"), SharedSlot("b"))
    misfitting._edit = lambda states: None
    await do(slots, misfitting, flow, "ensure")
    misfitting._edit = misfit
    (leftover,) = (await look(slots, misfitting, slots_flow(SharedSlot("a")))).leftovers
    assert leftover.problem == "its params do not fit SharedSlot any more, or need a secret that is not known"


async def test_an_item_after_one_that_is_not_at_its_goal_stays_unknown_until_it_is_looked_at() -> None:
    """Its own unknown result counts for more than that it was never run."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    thing_of(flow, "b").replace(apply=fails("half-way"))
    world.values["b"] = 7
    await run(store, flow, "ensure")
    world.values["a"] = 9
    shown = (await preview(CmdExecRequest(flow=flow), store)).items
    assert [item.reasons for item in shown][1] == [PreviewReason.UNKNOWN_RESULT, PreviewReason.PREDECESSOR_RUNS]
    assert shown[1].action == "unknown"


async def test_drift_is_judged_without_numbers_where_an_earlier_store_has_none() -> None:
    """The entry says neither which execution nor which event it is of."""

    def without_numbers(states: FlowStates) -> None:
        for entry in states.items.values():
            entry.execution_id = entry.seq = None

    world, store = World(), EditedStore(without_numbers)
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    world.values["b"] = 7
    assert list((await run(store, flow, "ensure")).drift) == ["b"]


class Spot(Item[ThingParams, ThingState]):
    """A thing whose params say where it is, and whose class does not say which thing it is."""

    spots: dict[int, int] = {}  # noqa: RUF012 - the world of these tests
    broken = False

    async def state_current(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Look at the spot."""
        if self.broken and params.value == 1:
            raise RuntimeError("the old spot cannot be looked at")
        return ThingState(value=self.spots.get(params.value))

    async def state_goal(self, cx: ItemContext, params: ThingParams) -> ThingState:
        """Return what belongs there."""
        return ThingState(value=params.below)

    def state_clean(self, params_partial: PartialParams[ThingParams]) -> ThingState:
        """Return nothing."""
        return ThingState()

    async def apply(
        self, cx: ItemContext, params: ThingParams, current: ThingState, target: ThingState, diff: StateDiff
    ) -> ThingState:
        """Put it there."""
        if target.value is None:
            self.spots.pop(params.value, None)
        else:
            self.spots[params.value] = target.value
        return target


def spot(value: int, *, broken: bool = False) -> Flow:
    """Return a flow of one thing at a spot."""
    flow = Flow("spots")
    item = Spot("a")
    item.broken = broken
    flow.add(item, value=value, below=5)
    return flow


@pytest.mark.parametrize("why", ["cannot be looked at", "cannot be made again"])
async def test_without_evidence_an_item_stands_for_the_same_thing(why: str) -> None:
    """The former spot cannot be looked at, or its params do not fit any more."""
    Spot.spots.clear()

    def misfit(states: FlowStates) -> None:
        about = states.items["a"].about if "a" in states.items else None
        if about is not None and why == "cannot be made again":
            about.params = {"value": "somewhere"}

    store = EditedStore(misfit)
    await run(store, spot(1), "ensure")
    outcome = await run(store, spot(2, broken=why == "cannot be looked at"), "ensure")
    assert (outcome.kind, outcome.leftovers, Spot.spots) == ("complete", [], {1: 5, 2: 5})


async def test_by_evidence_the_former_thing_is_left_over() -> None:
    """Something is there by the former params, and nothing by the new ones."""
    Spot.spots.clear()
    store = MemoryStore()
    await run(store, spot(1), "ensure")
    outcome = await run(store, spot(2), "ensure")
    assert [leftover.item for leftover in outcome.leftovers] == ["a#1"]
    assert (await run(store, spot(2), "ensure", prune=True)).kind == "complete"
    assert Spot.spots == {2: 5}


# Small things.


class Secretive(BaseModel):
    """Params of which one was a secret."""

    token: str


def test_params_are_made_again_only_where_everything_is_known() -> None:
    """What is stored without them, with a secret that is gone, or does not fit, gives none."""
    about = ItemAbout(type="flow:X", params={}, secrets={"token": "token"})
    assert former_params(Secretive, ItemStates(), None) is None
    assert former_params(Secretive, ItemStates(about=about), None) is None
    assert former_params(Secretive, ItemStates(about=ItemAbout(type="flow:X")), None) is None


@pytest.mark.parametrize(
    ("about", "text"),
    [
        (None, ""),
        (ItemAbout(type="x", identity="a/b.txt"), "a/b.txt"),
        (ItemAbout(type="x", identity=["bucket", "key", 3]), "bucket/key/3"),
        (ItemAbout(type="x", identity=[{"a": 1}]), '[{"a": 1}]'),
        (ItemAbout(type="x", params={"path": "hi.txt", "mode": 7}), "path: hi.txt, mode: 7"),
    ],
)
def test_what_a_stored_thing_is_called(about: ItemAbout | None, text: str) -> None:
    """By its identity, else by its params."""
    assert identity_text(about) == text


def test_classes_are_found_by_their_names() -> None:
    """In the flow's file, in its items' modules, and in packages; what is gone is None."""
    flow = things(World(), "a")
    flow.namespace = {"Thing": Thing, "Room": type("Room", (), {"Inner": Thing})}
    assert find_class(flow, "flow:Thing") is Thing
    assert find_class(flow, "flow:Room.Inner") is Thing
    assert find_class(flow, "flow:Nothing") is None
    assert find_class(flow, "tests.items:Thing") is Thing
    assert find_class(flow, "tests.nowhere:Thing") is None
    flow.namespace = None
    assert find_class(flow, "flow:Thing") is Thing


def test_edges_that_would_close_a_cycle_are_left_out() -> None:
    """The flow goes the other way round now."""
    graph = Graph()
    for node in ("a", "b"):
        graph.add(node)
    graph.edge("b", "a")
    stored = FlowStates(flow="f", profile="p")
    stored.items = {
        "old": ItemStates(about=ItemAbout(type="x", after=["a"])),
        "b": ItemStates(about=ItemAbout(type="x", after=["old"])),
        "gone": ItemStates(about=ItemAbout(type="x", after=["a"])),
    }
    whole = graph_with(graph, {"old": None}, stored)  # type: ignore[dict-item]  # only the ids count
    assert sorted(whole.edges) == [("a", "old"), ("b", "a")]


def test_stored_ids_are_checked() -> None:
    """An item's id, or that of a leftover."""
    assert check_stored_id("a-b.c#12") == "a-b.c#12"
    for text in ("a#0", "#1", "a#1\n", "a#b"):
        with pytest.raises(InvalidIdError, match="neither an item's id"):
            check_stored_id(text)


def test_what_moved_is_checked_when_the_flow_is_built() -> None:
    """The new id has to be there, and the old one must not."""
    flow = things(World(), "a", "b")
    with pytest.raises(FlowError, match="there is no item 'c'"):
        flow.moved("old", "c")
    with pytest.raises(FlowError, match="'b' is an item of this flow"):
        flow.moved("b", "a")


async def test_a_request_is_not_made_again_for_another_flow() -> None:
    """Nor for one that has none of its items any more."""
    store, world = MemoryStore(), World()
    await run(store, things(world, "a"), "ensure", items=["a"])
    (record,) = (await store.executions()).items
    with pytest.raises(ParamsError, match="defines the flow other"):
        request_again(things(world, "a", flow="other"), record, None)
    with pytest.raises(ParamsError, match="which things no longer has"):
        request_again(things(world, "b"), record, None)


async def test_what_an_earlier_irenic_was_asked_for_is_told_from_its_outcome() -> None:
    """It stored no request; a resume does not go beyond the items that it was about."""
    store, world = MemoryStore(), World()
    flow = things(world, "a", "b")
    outcome = await run(store, flow, "ensure", items=["a"])
    (record,) = (await store.executions()).items
    record = record.model_copy(update={"request": None})
    assert request_again(flow, record, outcome).items == ["a"]
    assert request_again(flow, record, None).items is None


async def test_a_watcher_of_an_execution_that_leaves_no_record_reads_all_of_it() -> None:
    """Also what is not among the latest events any more."""
    world, store = World(), MemoryStore()
    flow = things(world, *(f"i{number}" for number in range(600)))
    await run(store, flow, "discover")
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["status"]))
        await execution
        events = [event async for event in execution.events()]
    assert [event.seq for event in events] == list(range(len(events)))
    assert len(events) > 600
    assert len((await store.executions()).items) == 1


def event(kind: Any, seq: int = 1, **fields: Any) -> Any:
    """Return an event."""
    return kind(execution_id="01M8QPJ8Y98QQ9V7DQZATMJVHM", seq=seq, at="2026-12-01T00:00:00.000Z", **fields)


def test_states_take_moves_and_forgetting_of_what_is_not_there_as_nothing() -> None:
    """A journal may be folded on states that were replaced since."""
    states = FlowStates(flow="f", profile="p")
    assert not states.apply(event(StateMoved, item="a", to="b"))
    assert not states.apply(event(StateForgotten, item="a"))
    assert states.serial == 0


def test_forgetting_one_place_keeps_the_others() -> None:
    """Whichever of them was written last."""
    here, there = PlaceInfo(id="h", label="here"), PlaceInfo(id="t", label="there")
    states = FlowStates(flow="f", profile="p")
    for place in (there, here):
        states.apply(event(ItemResult, item="a", direction="ensure", result="applied", state={"v": 1}, place=place))
    assert [entry.place for entry in states.items["a"].others("h")] == [there]
    elsewhere = states.model_copy(deep=True)
    elsewhere.apply(event(StateForgotten, item="a", place="t"))
    assert (elsewhere.items["a"].place, elsewhere.items["a"].elsewhere) == (here, {})
    states.apply(event(StateForgotten, item="a", place="h"))
    assert states.items["a"].place == there
    states.apply(event(StateForgotten, item="a", place="t"))
    assert states.items == {}


def test_an_entry_of_no_place_is_the_same_everywhere() -> None:
    """It has no others."""
    entry = ItemStates(current={"v": 1})
    assert (entry.at("anywhere"), entry.others("anywhere")) == (entry, [])


def test_a_leftover_that_is_an_item_already_keeps_its_progress() -> None:
    """The event says that it is cleaned, and it was known before."""
    from irenic.model.fold import ExecutionFold

    fold = ExecutionFold()
    leftover = Leftover(item="a#1", reason="replaced")
    for seq in (0, 1):
        fold.apply(event(LeftoversFound, seq=seq, leftovers=[leftover], to_clean=["a#1"]))
    assert list(fold.items) == ["a#1"]


async def test_code_that_has_no_file_is_not_pointed_at() -> None:
    """There is no line to show."""
    space: dict[str, Any] = {}
    exec("async def apply(*args):\n    raise ValueError('no')", space)
    flow = Flow("f")
    flow.add(Thing("a", World(), apply=space["apply"]))
    assert (await run(MemoryStore(), flow, "ensure")).errors["a"].frames == []


async def test_an_item_that_cannot_be_compared_in_its_clean_is_an_error() -> None:
    """Before anything is cleaned."""
    world, store = World(), MemoryStore()
    flow = things(world, "a")
    await run(store, flow, "ensure")
    thing_of(flow, "a").replace(state_clean=fails_at_once("no idea"))
    outcome = await run(store, flow, "clean")
    assert outcome.errors["a"].phase == "state_clean"


async def test_what_is_adopted_in_a_place_is_of_that_place() -> None:
    """It is left over elsewhere as not here yet."""
    world, store = Slots(), MemoryStore()
    world.site.slots["a"] = Slot(1, "a", 1, foreign=True)
    assert (await do(world, store, slots_flow(LocalSlot("a")), "adopt")).kind == "complete"
    entry = (await store.states("slots", "default")).items["a"]
    assert (entry.is_made, entry.place is not None) == (True, True)


async def test_a_thing_that_another_item_stands_for_is_left_to_it() -> None:
    """Also where that item was left out of the command, and by a dry run."""
    world, store = Slots(), MemoryStore()
    await do(world, store, slots_flow(BareSlot("a")), "ensure")
    renamed = slots_flow(BareSlot("b"), b={"location": "a"})
    dry = await do(world, store, renamed, "ensure", prune=True, dry_run=True)
    pruned = await do(world, store, renamed, "ensure", prune=True)
    assert (dry.kind, pruned.kind, set(world.shared)) == ("complete", "complete", {"a"})


def test_a_class_of_a_module_that_is_gone_is_not_found() -> None:
    """Its items still run."""
    flow = things(World(), "a")
    kind = type("Gone", (Thing,), {"__module__": "tests.gone"})
    flow.add(kind("b", World()))
    assert find_class(flow, "flow:Gone") is None


def test_the_defaults_of_an_item_say_nothing() -> None:
    """Which thing it is, and how an older state becomes a newer one."""
    thing = Thing("a", World())
    assert thing.identity(ThingParams()) is None
    with pytest.raises(NotImplementedError):
        thing.upgrade_state(1, {})


def test_a_plan_names_each_change() -> None:
    """What is left over, an item that it did not see, another state, goal or verdict."""

    def item(name: str, kind: VerdictKind = VerdictKind.NOTHING, **fields: Any) -> PreviewItem:
        return PreviewItem(item=name, action=PreviewAction.SKIP, reasons=[], message="", verdict=kind, **fields)

    before = [item("a", found={"v": 1}), item("b", goal={"v": "x" * 90}), item("c"), item("d", found=None)]
    preview = Preview(flow="f", profile="p", items=before)
    plan = Plan.of(preview, cmd=Cmd.ENSURE, chosen=None, prune=False, inputs="i", code="c")
    assert Plan.read(plan.model_dump_json().encode()) == plan
    after = [
        item("a", found={"v": 2}),
        item("b", goal={"v": 3}),
        item("c", VerdictKind.CREATE),
        item("d", found={"v": 1}),
        item("e"),
    ]
    stale = plan.stale(after, [Leftover(item="old", reason="removed")], inputs="i", code="c")
    assert list(stale) == ["", "a", "b", "c", "d", "e"]
    assert stale["a"] == "a changed since it was saved (v 1 -> 2)"
    assert stale["c"] == "c was unchanged when it was saved, and is to create now"
    assert stale["e"] == "e is not in it"
    newer = plan.model_copy(update={"format": 2})
    with pytest.raises(PlanError, match="format 2"):
        Plan.read(newer.model_dump_json().encode())


def test_what_is_stored_only_elsewhere_and_not_made_is_no_leftover() -> None:
    """It was only seen there."""
    there = PlaceInfo(id="t", label="there")
    stored = FlowStates(flow="f", profile="p", items={"old": ItemStates(place=there, made=False)})
    assert find_leftovers(things(World(), "a", flow="f"), stored, "h", {}, None, chosen=False) == []


def test_an_entry_that_moves_in_one_place_stays_in_the_others() -> None:
    """It joins what its new id has elsewhere."""
    here, there = PlaceInfo(id="h", label="here"), PlaceInfo(id="t", label="there")
    states = FlowStates(flow="f", profile="p")
    for place in (there, here):
        states.apply(event(ItemResult, item="a", direction="ensure", result="applied", state={"v": 1}, place=place))
    states.move("a", "b", "h")
    assert states.items["a"].place == there
    states.move("a", "b", "t")
    assert list(states.items) == ["b"]
    assert {entry.place for entry in (states.items["b"], *states.items["b"].others("t"))} == {here, there}


class OtherSpot(Spot):
    """A thing of another class, whose state looks the same."""


async def test_what_an_item_that_was_left_out_stands_for_is_left_to_it() -> None:
    """By what is stored of it."""
    Spot.spots.clear()
    store = MemoryStore()
    await run(store, spot(1), "ensure")
    flow = spot(2)
    flow.add(Spot("b"), value=1, below=5)
    await run(store, flow, "ensure", items=["b"])
    outcome = await run(store, flow, "ensure", items=["a"], prune=True)
    assert (outcome.kind, Spot.spots) == ("complete", {1: 5, 2: 5})


async def test_a_thing_of_another_class_that_looks_the_same_keeps_no_leftover() -> None:
    """It is another thing."""
    Spot.spots.clear()
    store = MemoryStore()
    await run(store, spot(1), "ensure")
    flow = spot(2)
    flow.add(OtherSpot("b"), value=9, below=5)
    assert (await run(store, flow, "ensure", prune=True)).kind == "complete"
    assert Spot.spots == {2: 5, 9: 5}


@pytest.mark.parametrize("scope", ["current", "goal"])
async def test_one_kind_of_state_that_cannot_be_discovered_is_an_error(scope: str) -> None:
    """Nothing before the item explains it."""
    flow = Flow("f")
    flow.add(Thing("a", World(), **{f"try_state_{scope}": fails("no network")}))
    assert (await run(MemoryStore(), flow, "discover", scope=scope)).kind == "item_error"
