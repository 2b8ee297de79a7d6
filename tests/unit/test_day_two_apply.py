"""What an apply returns, keeps and repeats, and stored states whose shape has changed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.changing_world import NumberedSlot, SharedSlot, SlotItem, SlotParams, SlotState, World, do, look, slots_flow
from tests.crashable_store import CrashableStore

from irenic import CmdExecRequest, CmdExecutionMap, Flow, ItemContext, StateDiff
from irenic.endpoints.outcome_text import CommandLine, next_commands
from irenic.model.preview import PreviewReason
from irenic.model.verdict import VerdictKind
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


class Liar(SharedSlot):
    """A slot whose apply does nothing and says what it sees."""

    async def apply(
        self, cx: ItemContext, params: SlotParams, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Return the state as it was."""
        return current


async def test_an_apply_that_returns_another_state_than_its_target_is_an_error_that_shows_both(
    world: World, store: MemoryStore
) -> None:
    """No successor starts, and the next ensure tries again."""
    flow = slots_flow(Liar("a"), SharedSlot("b"))
    flow.edge("a", "b")
    for _ in range(2):
        outcome = await do(world, store, flow, "ensure")
        assert (outcome.kind, outcome.items.not_done) == ("item_error", ["a", "b"])
        message = outcome.errors["a"].message
        assert "apply returned value: None, which still differs in value: the goal is value: 1" in message
    assert world.shared == {}


async def test_a_clean_that_leaves_something_is_an_error_that_shows_it(world: World, store: MemoryStore) -> None:
    """The clean state is the target."""
    await do(world, store, slots_flow(SharedSlot("a")), "ensure")
    outcome = await do(world, store, slots_flow(Liar("a")), "clean")
    assert outcome.kind == "item_error"
    assert "still differs in value: the clean state is value: None" in outcome.errors["a"].message


class Steps(NumberedSlot):
    """A numbered slot that waits to be let on after its create, and after it has said what it knows."""

    gate: asyncio.Event
    keys: list[str]
    seen: list[Any]
    keeps = True

    async def apply(
        self, cx: ItemContext, params: SlotParams, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Create, keep, and wait."""
        self.keys.append(cx.key)
        self.seen.append(cx.stored)
        if self.keeps:
            return await self._kept(cx, params, current, target, diff)
        self.world.keys.setdefault(cx.key, self.world.new_number())
        await self.gate.wait()
        return await super().apply(cx, params, current, target, diff)

    async def _kept(self, cx: ItemContext, params: SlotParams, *states: Any) -> SlotState:
        state = await super().apply(cx, params, *states)
        await self.gate.wait()
        return state


def steps(*, keeps: bool = True, is_open: bool = False) -> tuple[Flow, Steps]:
    """Return a flow of one such slot."""
    item = Steps("a")
    item.gate, item.keys, item.seen, item.keeps = asyncio.Event(), [], [], keeps
    if is_open:
        item.gate.set()
    return slots_flow(item), item


async def killed(world: World, flow: Flow) -> MemoryStore:
    """Run an ensure until nothing moves any more, and return the store as the next process finds it."""
    SlotItem.world = world
    store = CrashableStore()
    async with CmdExecutionMap(store, platform=world.platform()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        await asyncio.sleep(1)
        after = store.crashed()
        execution.interrupt(level="abandon")
        await execution
    return after


async def test_what_an_apply_has_kept_is_known_after_a_kill(world: World) -> None:
    """The item is unknown with this state; the next ensure finds what was created and creates nothing."""
    flow, _ = steps()
    store = await killed(world, flow)
    entry = (await store.states("slots", "default")).items["a"]
    assert entry.unknown
    assert entry.current is not None
    assert entry.current["number"] == next(iter(world.service))
    assert [item.reasons for item in (await look(world, store, flow)).items] == [[PreviewReason.UNKNOWN_RESULT]]
    flow, item = steps(is_open=True)
    outcome = await do(world, store, flow, "ensure")
    assert (outcome.kind, item.keys, len(world.service)) == ("complete", [], 1)
    await do(world, store, flow, "clean")
    assert world.service == {}


async def test_the_next_try_of_an_intent_has_the_same_key(world: World) -> None:
    """A service that knows the key creates nothing twice, although nothing was kept."""
    flow, first = steps(keeps=False)
    store = await killed(world, flow)
    assert (await store.states("slots", "default")).items["a"].current == {"value": None, "on": None, "number": None}
    flow, second = steps(keeps=False, is_open=True)
    world.service.clear()
    number = world.keys[first.keys[0]]
    world.service[number] = _made(number)
    outcome = await do(world, store, flow, "ensure")
    assert (outcome.kind, second.keys, list(world.service)) == ("complete", first.keys, [number])


def _made(number: int) -> Any:
    from tests.changing_world import Slot

    return Slot(number, "a", 1)


async def test_a_discover_that_sees_nothing_of_an_unfinished_apply_keeps_its_key(world: World) -> None:
    """What was created is found by the key alone, and is not created a second time."""
    flow, first = steps(keeps=False)
    store = await killed(world, flow)
    await do(world, store, flow, "discover")
    flow, second = steps(keeps=False, is_open=True)
    outcome = await do(world, store, flow, "ensure", on_drift="refuse")
    assert (outcome.kind, second.keys) == ("complete", first.keys)


async def test_another_intent_has_another_key(world: World) -> None:
    """Another target is another intent, and so is the same one once its result is known."""
    flow, first = steps(keeps=False)
    store = await killed(world, flow)
    world.keys.clear()
    changed = Steps("a")
    changed.gate, changed.keys, changed.seen = asyncio.Event(), [], []
    changed.gate.set()
    await do(world, store, slots_flow(changed, a={"value": 2}), "ensure")
    world.service.clear()
    await do(world, store, slots_flow(changed, a={"value": 2}), "ensure")
    assert len({*first.keys, *changed.keys}) == 3


async def test_a_key_outside_of_an_apply_is_an_error(world: World, store: MemoryStore) -> None:
    """There is no intent."""

    class Eager(SharedSlot):
        """A slot that asks too early."""

        async def state_current(self, cx: ItemContext, params: SlotParams) -> SlotState:
            """Ask."""
            return SlotState(value=len(cx.key))

    outcome = await do(world, store, slots_flow(Eager("a")), "ensure")
    assert outcome.kind == "item_error"
    assert "belongs to an apply" in outcome.errors["a"].message


@pytest.fixture
def versions() -> Iterator[type[SlotItem]]:
    """The class whose states change their shape; it is as it was after the test."""
    SlotItem.state_version, SlotItem.upgrades = 1, True
    yield SlotItem
    SlotItem.state_version, SlotItem.upgrades = 1, True


FLOW = slots_flow(NumberedSlot("a"))


async def test_a_stored_state_of_an_older_version_is_upgraded(
    world: World, store: MemoryStore, versions: type[SlotItem]
) -> None:
    """Nothing is applied, and the new version is stored."""
    await do(world, store, FLOW, "ensure")
    versions.state_version = 2
    world.applied.clear()
    outcome = await do(world, store, FLOW, "ensure", on_drift="refuse")
    assert (outcome.kind, world.applied, len(world.service)) == ("complete", [], 1)


@pytest.mark.parametrize("cmd", ["ensure", "clean", "discover"])
async def test_a_stored_state_that_cannot_be_upgraded_is_refused_and_forget_is_the_way_on(
    world: World, store: MemoryStore, versions: type[SlotItem], cmd: str
) -> None:
    """Nothing is lost before somebody says so; a preview says it too."""
    await do(world, store, FLOW, "ensure")
    versions.state_version, versions.upgrades = 2, False
    before = (await store.states("slots", "default")).items
    outcome = await do(world, store, FLOW, cmd)
    assert (outcome.kind, outcome.refusals["a"].reason) == ("refused", "state_shape")
    assert (await store.states("slots", "default")).items == before
    assert next_commands(outcome, CommandLine("f.py"))[0].startswith("irenic state forget f.py a ")
    assert [item.verdict for item in (await look(world, store, FLOW)).items] == [VerdictKind.CANNOT_DISCOVER]
    assert (await do(world, store, FLOW, "state", forget=["a"])).kind == "complete"
    assert (await do(world, store, FLOW, cmd)).kind == "complete"


async def test_a_state_of_a_newer_version_is_refused(
    world: World, store: MemoryStore, versions: type[SlotItem]
) -> None:
    """An older checkout of the flow does not read it wrongly."""
    versions.state_version = 2
    await do(world, store, FLOW, "ensure")
    versions.state_version = 1
    outcome = await do(world, store, FLOW, "ensure")
    assert outcome.kind == "refused"
    assert "has version 2, and NumberedSlot knows 1" in outcome.refusals["a"].message
