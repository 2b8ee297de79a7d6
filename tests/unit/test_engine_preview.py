"""What a request would do to each item, and why."""

import asyncio
from typing import Any

import pytest
from tests.items import Thing, ThingState, World, thing_of, things, tower
from tests.running import fails, run

from irenic import CmdExecRequest, CmdExecutionMap, Flow, InterruptLevel, ItemContext, ProgressLimit, Ref
from irenic.engine.platform import Platform
from irenic.model.preview import PreviewAction, PreviewReason
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

Verdicts = dict[str, tuple[str, list[str]]]


async def verdicts(store: MemoryStore, flow: Flow, **options: Any) -> Verdicts:
    """Return what would happen to each item, and why."""
    before = (await store.executions()).model_dump()
    executions = CmdExecutionMap(store, platform=PLATFORM)
    preview = await executions.preview(CmdExecRequest(flow=flow, **options))
    assert (preview.flow, preview.profile) == (flow.id, options.get("profile", "default"))
    assert (await store.executions()).model_dump() == before
    assert all(item.message.startswith(words(item.action)) or "could not" in item.message for item in preview.items)
    return {item.item: (item.action.value, [reason.value for reason in item.reasons]) for item in preview.items}


PLATFORM: Any = Platform(files="files", http="http")  # type: ignore[arg-type]  # nothing is done with them here


def words(action: PreviewAction) -> str:
    """Return an action as it is said."""
    return action.value.replace("_", " ")


def flow_ref(flow: Flow, id: str) -> Any:
    """Return a reference to what the world generates of a thing, which no goal tells."""
    state: Any = Ref(id, (), ThingState)
    return state.stamp


async def test_what_was_never_run_will_run() -> None:
    """Also what follows from it, which nobody can tell yet."""
    world = World()
    flow = tower(world, "a", "b")
    flow.add(Thing("c", world), below=flow_ref(flow, "b"))
    assert await verdicts(MemoryStore(), flow) == {
        "a": ("run", ["never_run", "not_at_goal"]),
        "b": ("run", ["never_run", "predecessor_runs"]),
        "c": ("run", ["never_run", "predecessor_runs"]),
    }
    assert world.did("begin") == []


async def test_what_is_at_its_goal_is_skipped() -> None:
    """In insertion order."""
    store = MemoryStore()
    flow = tower(World(), "a", "b")
    await run(store, flow, "ensure")
    assert await verdicts(store, flow) == {"a": ("skip", ["at_goal"]), "b": ("skip", ["at_goal"])}


async def test_what_is_at_its_goal_by_chance_is_checked_again() -> None:
    """Nobody has ever run it."""
    assert await verdicts(MemoryStore(), things(World(a=1), "a")) == {"a": ("check_again", ["never_run"])}


async def test_a_change_by_somebody_else_is_told() -> None:
    """And what stands upon it is checked again."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    world.values["a"] = 7
    assert await verdicts(store, flow) == {
        "a": ("run", ["drift", "not_at_goal"]),
        "b": ("check_again", ["predecessor_runs"]),
    }


async def test_new_params_are_told() -> None:
    """Whether or not they make a difference."""
    world, store = World(), MemoryStore()
    await run(store, things(world, "a", "b"), "ensure")
    changed = Flow("things")
    changed.add(Thing("a", world), value=4)
    changed.add(Thing("b", world), value=0, below=1)
    assert await verdicts(store, changed) == {
        "a": ("run", ["params_changed", "not_at_goal"]),
        "b": ("check_again", ["params_changed"]),
    }


async def test_new_code_is_told() -> None:
    """An item whose class has changed is checked again."""

    class Thing2(Thing):
        """The same, written anew."""

    world, store = World(), MemoryStore()
    await run(store, things(world, "a"), "ensure")
    changed = Flow("things")
    changed.add(Thing2("a", world))
    assert await verdicts(store, changed) == {"a": ("check_again", ["code_changed"])}


async def test_what_nobody_knows_is_unknown_until_it_has_been_looked_at() -> None:
    """At its goal it is only checked again; what stands upon it as well."""
    world, store = World(), MemoryStore()

    async def stuck(*args: Any) -> Any:
        await asyncio.sleep(1000)

    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    del world.values["a"]
    thing_of(flow, "a").replace(apply=stuck)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        asyncio.get_running_loop().call_later(1, lambda: execution.interrupt(level=InterruptLevel.ABANDON))
        assert (await execution).items.unknown == ["a"]
    assert await verdicts(store, flow) == {
        "a": ("unknown", ["unknown_result", "not_at_goal"]),
        "b": ("check_again", ["predecessor_runs"]),
    }
    world.values["a"] = 1
    assert await verdicts(store, flow) == {"a": ("check_again", ["unknown_result"]), "b": ("skip", ["at_goal"])}


async def test_what_cannot_be_discovered_is_unknown_and_says_why() -> None:
    """The others are looked at all the same."""
    flow = Flow("f")
    flow.add(Thing("a", World(), try_state_current=fails("no network")))
    flow.add(Thing("b", World()))
    executions = CmdExecutionMap(MemoryStore())
    preview = await executions.preview(CmdExecRequest(flow=flow))
    assert [(item.action, item.reasons) for item in preview.items] == [
        (PreviewAction.UNKNOWN, [PreviewReason.CANNOT_DISCOVER]),
        (PreviewAction.RUN, [PreviewReason.NEVER_RUN, PreviewReason.NOT_AT_GOAL]),
    ]
    assert preview.items[0].message == "unknown: its state cannot be discovered: no network"


async def test_a_clean_is_previewed_in_its_own_direction() -> None:
    """What stands upon an item goes before it; what is gone is skipped, what never was as well."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    nothing = {"a": ("skip", ["at_goal"]), "b": ("skip", ["at_goal"])}
    assert await verdicts(store, flow, cmds=["clean"]) == nothing
    await run(store, flow, "ensure")
    everything = {"a": ("run", ["is_there"]), "b": ("run", ["is_there"])}
    assert await verdicts(store, flow, cmds=["clean"]) == everything
    del world.values["a"]
    assert await verdicts(store, flow, cmds=["clean"]) == {
        "a": ("skip", ["is_gone"]),
        "b": ("run", ["is_there"]),
    }
    world.values.clear()
    await run(store, flow, "clean")
    assert await verdicts(store, flow, cmds=["clean"]) == nothing


async def test_a_clean_of_what_nobody_knows_looks_first() -> None:
    """And says that it does not know where nobody can look."""
    world, store = World(), MemoryStore()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world, apply=fails("half-way")), below=a.state.stamp)
    await run(store, flow, "ensure")
    assert await verdicts(store, flow, cmds=["clean"]) == {
        "a": ("run", ["is_there"]),
        "b": ("check_again", ["unknown_result"]),
    }
    del world.values["a"]
    assert (await verdicts(store, flow, cmds=["clean"]))["b"] == ("unknown", ["unknown_result"])


async def test_some_of_the_items_are_previewed_with_what_is_stored_of_the_others() -> None:
    """They are not looked at."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    await run(store, flow, "ensure")
    world.log.clear()
    assert await verdicts(store, flow, items=["b"]) == {"b": ("skip", ["at_goal"])}
    assert {item for _, item in world.log} == {"b"}
    assert await verdicts(MemoryStore(), flow, items=["b"]) == {"b": ("run", ["never_run", "params_not_known"])}


async def test_an_item_that_is_previewed_leaves_no_trace() -> None:
    """Whatever it says goes nowhere; it can look at what it needs, and ask nobody."""
    seen: list[Any] = []

    async def look(cx: ItemContext, params: Any) -> ThingState:
        cx.progress.limit(ProgressLimit.steps(3))
        cx.progress.inc()
        cx.progress.message("looks")
        for say in (cx.log.debug, cx.log.info, cx.log.warning, cx.log.error):
            say("line")
        await cx.checkpoint()
        async with cx.shield("looks"), cx.limits("any"):
            seen.append(await cx.run_sync(lambda: 3))
        seen.extend([cx.cancelled, cx.stored, cx.dry_run, cx.execution_id, cx.fs, cx.http, cx.profile])
        return ThingState()

    async def ask(cx: ItemContext, params: Any) -> ThingState:
        await cx.ask("which one?")
        raise AssertionError("it was not asked")

    store = MemoryStore()
    await run(store, things(World(a=6), "a", flow="f"), "discover")
    flow = Flow("f")
    flow.add(Thing("a", World(), state_current=look))
    flow.add(Thing("b", World(), state_current=ask))
    found = await verdicts(store, flow)
    assert found["a"][0] == "run"
    assert found["b"] == ("unknown", ["cannot_discover"])
    assert seen == [3, None, ThingState(value=6, stamp=0), True, "", "files", "http", "default"]
    assert (await verdicts(MemoryStore(), flow))["a"][0] == "run"
    assert seen[9] is None
