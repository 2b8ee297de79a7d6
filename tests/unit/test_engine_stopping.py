"""Stopping an execution: at every level, from every side, and what is left."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.crashable_store import CrashableStore
from tests.items import HALF_DONE, SetUpThing, Thing, ThingState, World, thing_of, things, tower
from tests.running import current_of, fails, journal_of, run

from irenic import (
    CmdExecRequest,
    CmdExecution,
    CmdExecutionMap,
    CmdOutcome,
    Flow,
    InterruptLevel,
    InterruptReply,
    InterruptStrategy,
    ItemContext,
    ProgressStatus,
)
from irenic.endpoints.outcome_text import CommandLine, TextLook, outcome_text
from irenic.model.cmd import Block
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

FINISH, CANCEL, ABANDON = InterruptLevel


def slow(flow: Flow, seconds: float = 1.0) -> Flow:
    """Let every thing of a flow take its time to be applied, and be half done in between."""

    def slowed(thing: Thing) -> Callable[..., Any]:
        async def apply(cx: ItemContext, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
            thing.begin()
            thing.world.values[thing.id] = HALF_DONE
            await asyncio.sleep(seconds)
            return thing.put(target.value)

        return apply

    for id in flow.items:
        thing = thing_of(flow, id)
        thing.replace(apply=slowed(thing))
    return flow


def later(seconds: float, call: Callable[[], object]) -> None:
    """Call something after a time."""
    asyncio.get_running_loop().call_later(seconds, call)


async def stopped(store: MemoryStore, flow: Flow, *levels: InterruptLevel | None, **options: Any) -> CmdOutcome:
    """Run ensure, with a request to stop after half a second and after each tenth of one from then on."""
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, **options))
        for number, level in enumerate(levels):
            later(0.5 + number / 10, lambda level=level: execution.interrupt(level=level))  # type: ignore[misc]
        return await execution


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


async def test_finish_lets_what_runs_come_to_its_end_and_starts_nothing_new() -> None:
    """Scenario 121: it ends the moment that the last running item does."""
    world, store = World(), MemoryStore()
    flow = slow(tower(world, "a", "b"))
    outcome = await stopped(store, flow, FINISH)
    assert now() == 1
    assert outcome.kind == "block_interrupted"
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["b"], "unknown": []}
    assert outcome.blocks.not_done == [Block.APPLY]
    assert world.values == {"a": 1}
    interrupt = outcome.interrupt
    assert interrupt is not None
    assert (interrupt.source, interrupt.level, interrupt.settled_at) == ("user", FINISH, outcome.ended_at)


async def test_cancel_ends_what_runs_at_its_next_cancellation_point() -> None:
    """What was being applied is unknown in the store, and looked at by the next run."""
    world, store = World(), MemoryStore()
    flow = slow(tower(world, "a", "b"))
    outcome = await stopped(store, flow, CANCEL)
    assert now() == 0.5
    assert outcome.kind == "block_interrupted"
    assert outcome.items.model_dump() == {"done": [], "not_done": ["a", "b"], "unknown": []}
    entry = (await store.states(flow.id, "default")).items["a"]
    assert (entry.unknown, entry.unknown_reason) == (True, "its ensure was cancelled half-way")
    assert (await run(store, flow, "ensure")).kind == "complete"
    assert world.values == {"a": 1, "b": 2}


async def test_a_second_request_cancels_and_a_third_abandons() -> None:
    """Without a level of their own."""
    for count, level in ((1, FINISH), (2, CANCEL), (3, ABANDON)):
        outcome = await stopped(MemoryStore(), deaf(World()), *[None] * count)
        assert outcome.interrupt is not None
        assert outcome.interrupt.level is level


def deaf(world: World, seconds: float = 1.0) -> Flow:
    """Return a flow of one thing that does not heed a cancellation."""
    flow = things(world, "deaf", flow="deaf_things")
    thing = thing_of(flow, "deaf")

    async def apply(cx: ItemContext, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
        thing.begin()
        until = now() + seconds
        while now() < until:
            try:
                await asyncio.sleep(until - now())
            except asyncio.CancelledError:
                continue
        return thing.put(target.value)

    thing.replace(apply=apply)
    return flow


async def test_an_item_that_swallows_its_cancellation_is_named() -> None:
    """What it did counts; nothing was left to do, so the execution is complete."""
    world, store = World(), MemoryStore()
    outcome = await stopped(store, deaf(world), CANCEL)
    assert outcome.kind == "complete"
    assert outcome.swallowed_cancel == ["deaf"]
    assert outcome.items.done == ["deaf"]
    assert await current_of(store, deaf(world)) == {"deaf": {"value": 1, "stamp": 1}}


async def test_an_item_that_swallows_its_cancellation_while_it_is_discovered_is_named() -> None:
    """Its next phase does not begin."""
    world = World()
    flow = things(world, "a")

    async def look(*args: Any) -> ThingState:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
        return ThingState()

    thing_of(flow, "a").replace(try_state_current=look)
    outcome = await stopped(MemoryStore(), flow, CANCEL)
    assert outcome.kind == "block_interrupted"
    assert outcome.items.not_done == ["a"]
    only = await stopped(MemoryStore(), flow, CANCEL, cmds=["discover"], scope="current")
    assert (only.kind, only.swallowed_cancel) == ("complete", ["a"])


async def test_abandon_waits_for_nobody() -> None:
    """What was running is unknown, and what it says later does not count."""
    world, store = World(), MemoryStore()
    flow = deaf(world, seconds=10)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        later(0.5, lambda: execution.interrupt(level=ABANDON))
        outcome = await execution
    assert now() == 0.5
    assert outcome.kind == "block_interrupted"
    assert outcome.items.model_dump() == {"done": [], "not_done": [], "unknown": ["deaf"]}
    assert execution.progress.items["deaf"].status is ProgressStatus.UNKNOWN
    seen = await store.events(execution.id)
    await asyncio.wait(execution.abandoned)
    assert world.values == {"deaf": 1}
    assert await store.events(execution.id) == seen
    assert seen[-1].kind == "execution_ended"
    entry = (await store.states(flow.id, "default")).items["deaf"]
    assert entry.unknown
    assert entry.unknown_reason == "its ensure was begun and no result was recorded"


async def test_an_abandoned_item_can_say_nothing_more() -> None:
    """Neither progress, nor log, nor question; saying something ends it."""
    flow = things(World(), "a")
    ended: list[str] = []

    async def apply(cx: ItemContext, *args: Any) -> Any:
        ways: list[tuple[str, Callable[[], None]]] = [
            ("inc", cx.progress.inc),
            ("limit", lambda: cx.progress.limit(None)),
            ("message", lambda: cx.progress.message("late")),
            ("log", lambda: cx.log.info("late")),
        ]
        for what, say in ways:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            try:
                say()
            except asyncio.CancelledError:
                ended.append(what)
        await cx.ask("late?")

    thing_of(flow, "a").replace(apply=apply)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        later(0.5, lambda: execution.interrupt(level=ABANDON))
        await execution
        await asyncio.wait(execution.abandoned)
        item = execution.progress.items["a"]
    assert ended == ["inc", "limit", "message", "log"]
    assert (item.position, item.message) == (0, "")


async def test_a_result_that_is_on_its_way_to_the_store_counts_when_the_item_is_abandoned() -> None:
    """The world was changed and the item had said so."""
    world, store = World(), CrashableStore(latency=1.0)
    flow = things(world, "a")
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        await asyncio.sleep(2.5)
        assert world.did("apply") == ["a"]
        execution.interrupt(level=ABANDON)
        outcome = await execution
        watched = await journal_of(execution)
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": [], "unknown": []}
    assert outcome.kind == "block_interrupted"
    assert watched == await store.events(execution.id)
    assert await current_of(store, flow) == {"a": {"value": 1, "stamp": 1}}


async def test_a_stop_that_does_not_settle_is_raised_by_time() -> None:
    """Finish, after ten seconds cancel, after ten more abandon."""
    flow = deaf(World(), seconds=1000)
    outcome = await stopped(MemoryStore(), flow, None, escalate_after=10)
    assert now() == 20.5
    assert outcome.interrupt is not None
    assert outcome.interrupt.level is ABANDON
    assert outcome.items.unknown == ["deaf"]


async def test_a_deadline_is_an_interrupt_like_any_other() -> None:
    """With its own name and reason."""
    outcome = await stopped(MemoryStore(), slow(tower(World(), "a", "b")), deadline=0.5)
    assert outcome.kind == "block_interrupted"
    assert outcome.interrupt is not None
    assert (outcome.interrupt.source, outcome.interrupt.reason) == ("deadline", "0.5 s have passed")


async def test_a_deadline_that_was_met_is_forgotten() -> None:
    """Nothing is interrupted afterwards."""
    outcome = await stopped(MemoryStore(), slow(tower(World(), "a", "b")), deadline=5)
    await asyncio.sleep(10)
    assert (outcome.kind, outcome.interrupt) == ("complete", None)


async def test_ignore_goes_on_as_if_nobody_had_asked() -> None:
    """Scenario 133: that somebody asked is in the outcome, and nothing is shown as stopping."""
    world = World()
    async with CmdExecutionMap(MemoryStore()) as executions:
        flow = slow(tower(world, "a", "b"))
        execution = executions.submit(CmdExecRequest(flow=flow, strategy="ignore"))
        later(0.5, lambda: execution.interrupt(level=CANCEL))
        await asyncio.sleep(0.6)
        assert execution.progress.stop is None
        assert not execution.interrupts_sync_code()
        outcome = await execution
    assert outcome.kind == "complete"
    assert outcome.interrupt is not None
    assert world.values == {"a": 1, "b": 2}


async def test_cancel_current_cancels_at_the_first_request() -> None:
    """As the strategy says."""
    outcome = await stopped(MemoryStore(), slow(tower(World(), "a", "b")), None, strategy="cancel")
    assert now() == 0.5
    assert outcome.items.done == []


async def test_poll_next_n_lets_a_number_of_items_start_after_the_signal() -> None:
    """Scenario 130: the item that runs ends, the next two run as well."""
    world = World()
    flow = slow(tower(world, *"abcde"))
    outcome = await stopped(MemoryStore(), flow, FINISH, strategy=InterruptStrategy.PollNextN(2))
    assert outcome.kind == "block_interrupted"
    assert world.did("apply") == ["a", "b", "c"]


async def test_a_signal_while_the_last_items_run_leaves_nothing_undone() -> None:
    """Scenarios 128 and 132: then the execution is complete."""
    outcome = await stopped(MemoryStore(), slow(things(World(), "a", "b")), FINISH)
    assert outcome.kind == "complete"
    assert outcome.interrupt is not None


async def test_errors_win_over_interrupts() -> None:
    """Scenario 136: and an interrupt that came is told as well."""
    flow = slow(tower(World(), "a", "b"))

    async def fail_late(*args: Any) -> Any:
        await asyncio.sleep(1)
        raise RuntimeError("no luck")

    thing_of(flow, "a").replace(apply=fail_late)
    outcome = await stopped(MemoryStore(), flow, FINISH)
    assert outcome.kind == "item_error"
    assert outcome.errors["a"].message == "no luck"
    assert outcome.interrupt is not None


async def fails_at_cancel(*args: Any) -> Any:
    """Fail in a clean-up."""
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        raise RuntimeError("could not clean up") from None


@pytest.mark.parametrize(
    ("function", "dry_run"),
    [
        ("apply", False),
        ("apply_dry", True),
        ("try_state_current", False),
        ("state_current", False),
        ("state_goal", False),
    ],
)
async def test_an_item_whose_clean_up_fails_leaves_an_interrupted_execution(function: str, dry_run: bool) -> None:
    """Its error is attached, and the run can be resumed."""
    store, flow = MemoryStore(), things(World(), "a", "b")
    if function.startswith("state"):
        thing_of(flow, "a").replace(try_state_current=looks_at_once)
    thing_of(flow, "a").replace(**{function: fails_at_cancel})
    outcome = await stopped(store, flow, CANCEL, dry_run=dry_run)
    assert outcome.kind == "block_interrupted"
    assert "a" in outcome.items.not_done
    phase = function.removeprefix("try_")
    assert (outcome.errors["a"].message, outcome.errors["a"].phase) == ("could not clean up", phase)
    text = outcome_text(outcome, look=TextLook(), command_line=CommandLine("f.py"))
    assert "a  cancelled      and failed in" in text
    assert "could not clean up" in text
    assert text.endswith(f"Next: irenic resume {outcome.execution_id} f.py\n") is not dry_run


async def test_a_setup_whose_clean_up_fails_leaves_an_interrupted_execution() -> None:
    """Nothing has begun."""
    flow = Flow("f")
    flow.add(SetUpThing("a", World(), on_setup=fails_at_cancel))
    outcome = await stopped(MemoryStore(), flow, CANCEL)
    assert (outcome.kind, outcome.errors["a"].phase) == ("execution_interrupted", "setup")


async def test_an_adoption_whose_clean_up_fails_leaves_an_interrupted_execution() -> None:
    """As with every other command."""
    flow = things(World(), "a")
    thing_of(flow, "a").replace(adopt=fails_at_cancel)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["adopt"]))
        later(0.5, lambda: execution.interrupt(level=CANCEL))
        outcome = await execution
    assert (outcome.kind, outcome.errors["a"].phase) == ("block_interrupted", "adopt")


async def test_a_cancellation_of_an_items_own_making_is_its_error() -> None:
    """Nobody asked for it: in an apply, in a discovery and in a setup."""

    async def cancel_oneself(*args: Any) -> Any:
        raise asyncio.CancelledError

    flow = things(World(), "a")
    thing_of(flow, "a").replace(apply=cancel_oneself)
    outcome = await run(MemoryStore(), flow, "ensure")
    assert (outcome.kind, outcome.errors["a"].type) == ("item_error", "CancelledError")
    thing_of(flow, "a").replace(try_state_current=cancel_oneself)
    assert (await run(MemoryStore(), flow, "ensure")).errors["a"].type == "CancelledError"
    setting_up = Flow("f")
    setting_up.add(SetUpThing("a", World(), on_setup=cancel_oneself))
    assert (await run(MemoryStore(), setting_up, "ensure")).errors["a"].phase == "setup"


@pytest.mark.parametrize("level", [FINISH, CANCEL, ABANDON])
@pytest.mark.parametrize("function", ["apply", "state_current", "state_goal", "try_state_goal"])
async def test_an_item_may_interrupt_its_own_execution(function: str, level: InterruptLevel) -> None:
    """From within; a cancellation that it asks for itself does not hit the engine's own work."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    a = thing_of(flow, "a")
    own = getattr(a, function)

    async def interrupt_and_go_on(cx: ItemContext, *args: Any) -> Any:
        execution.interrupt(level=level)
        return await own(cx, *args)

    a.replace(**{function: interrupt_and_go_on})
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        outcome = await execution
    assert outcome.is_interrupted
    assert "b" in outcome.items.not_done
    assert outcome.swallowed_cancel == []
    applied = function == "apply"
    assert ("a" in outcome.items.done) == (applied and level is not ABANDON)
    assert ("a" in outcome.items.unknown) == (applied and level is ABANDON)
    assert (world.values == {"a": 1}) == applied


async def test_an_item_that_interrupts_its_execution_and_fails_has_failed() -> None:
    """Its error is recorded, however hard it asked to stop."""
    flow = things(World(), "a")

    async def interrupt_and_fail(*args: Any) -> Any:
        execution.interrupt(level=CANCEL)
        raise RuntimeError("no luck")

    thing_of(flow, "a").replace(apply=interrupt_and_fail)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        assert (await execution).errors["a"].message == "no luck"


async def test_an_interrupt_between_looking_and_applying_is_heeded() -> None:
    """Also while the intent is being made durable: the item is known to be as it was."""
    world, store = World(), CrashableStore(latency=1.0)
    await run(store, things(world, "a"), "discover")
    begun = now()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=things(world, "a")))
        later(1.5, execution.interrupt)
        outcome = await execution
        events = [event.kind for event in await journal_of(execution)]
    assert now() - begun > 1.5
    assert "item_intent" in events
    assert "item_result" in events
    assert outcome.items.not_done == ["a"]
    assert world.did("begin") == []
    entry = (await store.states("things", "default")).items["a"]
    assert (entry.unknown, entry.current) == (False, {"value": None, "stamp": None})


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("function", ["state_diff", "apply_check"])
async def test_an_interrupt_from_the_last_phase_before_an_apply_is_heeded(function: str, dry_run: bool) -> None:
    """In a dry run as well."""
    world = World()
    flow = things(world, "a")
    own = getattr(thing_of(flow, "a"), function)
    calls = 0

    def interrupt_and_go_on(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:  # the first is the verdict's
            execution.interrupt()
        return own(*args)

    thing_of(flow, "a").replace(**{function: interrupt_and_go_on})
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, dry_run=dry_run))
        outcome = await execution
    assert (outcome.kind, outcome.items.not_done) == ("block_interrupted", ["a"])
    assert world.did("begin") == []


@pytest.mark.parametrize(("level", "done"), [(FINISH, ["a"]), (CANCEL, []), (ABANDON, [])])
async def test_a_dry_run_is_stopped_like_any_other(level: InterruptLevel, done: list[str]) -> None:
    """Nothing is unknown afterwards: nothing was touched."""

    async def slow_dry(cx: Any, params: Any, current: Any, target: Any, diff: Any) -> Any:
        await asyncio.sleep(1)
        return target

    flow = tower(World(), "a", "b")
    thing_of(flow, "a").replace(apply_dry=slow_dry)
    outcome = await stopped(MemoryStore(), flow, level, dry_run=True)
    assert outcome.kind == "block_interrupted"
    assert (outcome.items.done, outcome.items.unknown) == (done, [])


@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_item_that_is_cancelled_while_it_is_looked_at_again_is_left_alone(dry_run: bool) -> None:
    """In the apply block, before anything is done to it."""
    world = World()
    flow = things(world, "a", "b")

    async def look(*args: Any) -> ThingState:
        await asyncio.sleep(1)
        return ThingState()

    for id in "ab":
        thing_of(flow, id).replace(state_current=look, try_state_current=looks_at_once)
    outcome = await stopped(MemoryStore(), flow, CANCEL, dry_run=dry_run)
    assert (outcome.kind, outcome.items.not_done) == ("block_interrupted", ["a", "b"])
    assert world.did("begin") == []


async def looks_at_once(*args: Any) -> ThingState:
    """See nothing."""
    return ThingState()


async def test_an_item_that_has_been_started_and_not_yet_run_is_cancelled_before_its_first_word() -> None:
    """The request comes between the two."""
    world = World()
    flow = things(world, "a", "b")

    async def interrupt_and_look(*args: Any) -> ThingState:
        execution.interrupt(level=CANCEL)
        await asyncio.sleep(1)
        raise AssertionError("it was cancelled")

    thing_of(flow, "a").replace(try_state_current=interrupt_and_look)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        outcome = await execution
    assert (outcome.kind, outcome.items.not_done) == ("block_interrupted", ["a", "b"])
    assert world.log == []


@pytest.mark.parametrize("level", [FINISH, CANCEL])
async def test_the_rest_of_the_queue_is_not_run(level: InterruptLevel) -> None:
    """Commands that still wait are listed as not done."""
    world = World()
    flow = slow(tower(world, "a", "b"))
    outcome = await stopped(MemoryStore(), flow, level, cmds=["discover", "ensure", "clean", "status"])
    assert outcome.cmds.model_dump() == {"done": ["discover"], "not_done": ["ensure", "clean", "status"]}
    assert outcome.blocks.not_done == [Block.APPLY]


async def test_a_signal_between_two_commands_ends_the_execution_there() -> None:
    """It belongs to the first block of the next one."""
    outcome = await stopped(MemoryStore(), slow(things(World(), "a")), FINISH, cmds=["ensure", "clean"])
    assert outcome.kind == "execution_interrupted"
    assert outcome.cmds.model_dump() == {"done": ["ensure"], "not_done": ["clean"]}
    assert outcome.blocks.done == []
    assert outcome.items.not_done == ["a"]


async def test_whoever_interrupts_gets_a_reply() -> None:
    """Of one execution, of all, of none."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        assert executions.interrupt_all(source="sigint") is InterruptReply.NOTHING_TO_INTERRUPT
        execution = executions.submit(CmdExecRequest(flow=slow(things(World(), "a"))))
        assert executions.interrupt(execution.id, source="user", reason="lunch") is InterruptReply.REQUESTED
        assert executions.interrupt("01J", source="user") is InterruptReply.NOTHING_TO_INTERRUPT
        assert executions.interrupt_all(source="sigint") is InterruptReply.REQUESTED
        outcome = await execution
        assert execution.interrupt() is InterruptReply.NOTHING_TO_INTERRUPT
        assert executions.interrupt(execution.id) is InterruptReply.NOTHING_TO_INTERRUPT
    assert outcome.interrupt is not None
    assert (outcome.interrupt.reason, outcome.interrupt.level) == ("lunch", CANCEL)


async def test_interrupting_all_means_every_execution_of_the_process() -> None:
    """Whatever flow they are of."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        running = [
            executions.submit(CmdExecRequest(flow=slow(tower(World(), "a", "b", flow=name)))) for name in ("f", "g")
        ]
        later(0.5, lambda: executions.interrupt_all(source="sigint"))
        outcomes = [await execution for execution in running]
    assert [outcome.interrupt and outcome.interrupt.source for outcome in outcomes] == ["sigint", "sigint"]


async def test_an_interrupt_may_come_from_another_thread() -> None:
    """It wakes the execution."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow(tower(World(), "a", "b"))))
        await asyncio.sleep(0.5)
        thread = threading.Thread(target=lambda: execution.interrupt(source="remote"))
        thread.start()
        thread.join()
        outcome = await execution
    assert outcome.interrupt is not None
    assert outcome.interrupt.source == "remote"


async def test_the_signal_itself_wakes_the_execution() -> None:
    """Silent items delay neither the reply nor the feedback."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow(tower(World(), "a", "b"), seconds=1000)))
        await asyncio.sleep(1)
        execution.interrupt(reason="lunch")
        stop = execution.progress.stop
        assert stop is not None
        assert (stop.interrupt.reason, stop.waiting_for) == ("lunch", ["a"])
        assert execution.progress.items["b"].status is ProgressStatus.INTERRUPTED
        assert [event.kind async for event in _first(execution, "interrupt_requested")]
        assert now() == 1
        execution.interrupt()
        await execution


async def _first(execution: CmdExecution, kind: str) -> Any:
    async for event in execution.events():
        if event.kind == kind:
            yield event
            return


async def test_an_interrupted_map_runs_the_next_request_as_any_other() -> None:
    """Hazard 8 of peace: one interrupt does not spend what is around it."""
    world, store = World(), MemoryStore()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=tower(world, "a", "b")))
        execution.interrupt()
        assert (await execution).is_interrupted
        assert (await executions.submit(CmdExecRequest(flow=tower(world, "a", "b")))).is_complete


async def test_cancelling_the_wait_for_an_execution_does_not_stop_it() -> None:
    """Others may wait for it as well."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow(things(World(), "a"))))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await execution
        assert (await execution).kind == "complete"


# The program ends.


@pytest.mark.parametrize("after", [0.5, 1.5])
async def test_a_program_that_ends_leaves_an_interrupted_execution(after: float) -> None:
    """As asyncio ends a program: every task is cancelled. What is durable is kept, and a resume goes on."""
    world, store = World(), MemoryStore()
    flow = slow(tower(world, "a", "b"))
    executions = CmdExecutionMap(store)
    execution = executions.submit(CmdExecRequest(flow=flow))
    await asyncio.sleep(after)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcome = await execution
    await executions.close()
    done = ["a"] if after > 1 else []
    assert outcome.kind == "block_interrupted"
    assert outcome.interrupt is not None
    assert (outcome.interrupt.source, outcome.interrupt.level) == ("shutdown", CANCEL)
    assert outcome.items.done == done
    assert await store.outcome(execution.id) == outcome
    assert (await run(store, tower(world, "a", "b"), "ensure")).kind == "complete"
    assert world.did("apply").count("a") == 1


async def test_a_program_that_ends_while_an_execution_is_being_stopped_keeps_who_asked_first() -> None:
    """The record of the interrupt is not written over."""
    executions = CmdExecutionMap(MemoryStore())
    execution = executions.submit(CmdExecRequest(flow=slow(tower(World(), "a", "b"))))
    await asyncio.sleep(0.5)
    execution.interrupt(source="user")
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcome = await execution
    await executions.close()
    assert outcome.interrupt is not None
    assert outcome.interrupt.source == "user"


async def test_a_program_that_ends_between_two_blocks_interrupts_the_execution() -> None:
    """Nothing of the next block was begun."""

    class Stuck(MemoryStore):
        async def states(self, flow: str, profile: str) -> Any:
            if world.did("apply"):
                await asyncio.sleep(1000)
            return await super().states(flow, profile)

    world = World()
    executions = CmdExecutionMap(Stuck())
    execution = executions.submit(CmdExecRequest(flow=things(world, "a"), cmds=["ensure", "clean"]))
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcome = await execution
    await executions.close()
    assert outcome.kind == "execution_interrupted"
    assert outcome.cmds.done == ["ensure"]


async def test_a_program_that_ends_while_endpoints_are_served_has_its_outcome() -> None:
    """It was given out before; here of an execution that was refused."""

    class Slow:
        async def on_outcome(self, execution: Any, outcome: CmdOutcome) -> None:
            await asyncio.sleep(1)

    store = MemoryStore()
    lease = await store.lease("things", "default", execution_id="01J", holder="somebody")
    executions = CmdExecutionMap(store, [Slow()])
    execution = executions.submit(CmdExecRequest(flow=things(World(), "a")))
    outcome = await execution
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await executions.close()
    await lease.release()
    assert (outcome.kind, await execution) == ("refused", outcome)


async def test_a_program_that_ends_before_the_journal_is_there_leaves_nothing_begun() -> None:
    """The outcome says so."""

    class Stuck(MemoryStore):
        async def inputs(self, flow: str, profile: str) -> Any:
            await asyncio.sleep(1000)

    store = Stuck()
    executions = CmdExecutionMap(store)
    execution = executions.submit(CmdExecRequest(flow=things(World(), "a")))
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    outcome = await execution
    await executions.close()
    assert outcome.kind == "execution_interrupted"
    assert outcome.message == "the program that ran this execution was ended; run the same command again to go on."
    assert outcome.items.not_done == ["a"]
    assert (await store.executions()).items == []


# Setups.


def setting_up(world: World, on_setup: Callable[[ItemContext], Any]) -> Flow:
    """Return a tower of two things that are set up first."""
    flow = Flow("f")
    a = flow.add(SetUpThing("a", world, on_setup))
    flow.add(SetUpThing("b", world, on_setup), below=a.state.value)
    return flow


async def wait_a_second(cx: ItemContext) -> None:
    """Take a second to be set up."""
    await asyncio.sleep(1)


async def test_items_are_set_up_along_the_graph_before_anything_else() -> None:
    """Once for each execution, whatever the queue."""
    world = World()
    outcome = await run(MemoryStore(), setting_up(world, wait_a_second), "discover", "ensure")
    assert outcome.kind == "complete"
    assert world.did("setup") == ["a", "b"]
    assert [what for what, _ in world.log[:2]] == ["setup", "setup"]


async def test_setups_that_fail_are_all_told_and_nothing_else_is_done() -> None:
    """The first block is the one that is not done."""
    world = World()
    outcome = await run(MemoryStore(), setting_up(world, fails("no key")), "ensure")
    assert outcome.kind == "item_error"
    assert {id: error.phase for id, error in outcome.errors.items()} == {"a": "setup", "b": "setup"}
    assert outcome.blocks.not_done[0] == Block.STATES_DISCOVER
    assert world.did("current") == []


@pytest.mark.parametrize(("level", "took"), [(FINISH, 1), (CANCEL, 0.5), (ABANDON, 0.5)])
async def test_setups_are_stopped_like_anything_else(level: InterruptLevel, took: float) -> None:
    """They are finished, cancelled or abandoned; the outcome is interrupted, not failed."""
    world = World()
    outcome = await stopped(MemoryStore(), setting_up(world, wait_a_second), level)
    assert now() == took
    assert outcome.kind == "execution_interrupted"
    assert world.did("setup") == ["a"]
    assert outcome.items.not_done == ["a", "b"]
