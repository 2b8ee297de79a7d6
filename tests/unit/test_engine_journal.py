"""The journal: written before it is shown, in order, and never after the end."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from tests.crashable_store import CrashableStore
from tests.items import Thing, ThingState, World, thing_of, things, tower
from tests.running import fails, journal_of, run

from irenic import CmdExecRequest, CmdExecution, CmdExecutionMap, Flow, InterruptLevel, ItemContext
from irenic.endpoints import RecordingEndpoint
from irenic.engine import recorder as recorder_module
from irenic.engine.endpoint import ExecutionView
from irenic.engine.recorder import Recorder
from irenic.engine.timing import item_timing
from irenic.model import events as e
from irenic.model.errors import StoreError
from irenic.model.events import JournalEvent
from irenic.model.fold import ExecutionFold
from irenic.model.outcome import CmdOutcome
from irenic.model.states import FlowStates
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock

DURABLE = ("execution_started", "item_intent", "execution_ended")


def now() -> float:
    """Return the time on the loop's clock."""
    return asyncio.get_running_loop().time()


async def test_a_journal_tells_what_happened_in_order() -> None:
    """Numbered from 0 without gaps, from the first event to the last."""
    store, endpoint = MemoryStore(), RecordingEndpoint()
    flow = tower(World(), "a", "b")
    await run(store, flow, "ensure", endpoints=(endpoint,))
    applied = [happened for happened in endpoint.happened if happened[0] in ("item_intent", "item_result")]
    assert applied == [
        ("item_intent", "a"),
        ("item_result", "a", "applied"),
        ("item_intent", "b"),
        ("item_result", "b", "applied"),
    ]
    assert endpoint.happened[0] == ("execution_started",)
    assert endpoint.happened[-1] == ("execution_ended",)
    assert [event.seq for event in endpoint.events] == list(range(len(endpoint.events)))
    assert endpoint.events == await store.events(endpoint.outcomes[0].execution_id)


async def test_the_outcome_and_the_progress_follow_from_the_journal() -> None:
    """Whoever folds it comes to the same picture."""
    store = MemoryStore()
    world = World()
    flow = Flow("f")
    a = flow.add(Thing("a", world))
    flow.add(Thing("b", world, apply=fails("no luck")), below=a.state.value)
    flow.add(Thing("c", world), below=a.state.value)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        outcome = await execution
        folded = ExecutionFold.of(await store.events(execution.id))
        assert folded.ended == outcome
        assert folded.progress(lambda item: item_timing(item, execution.stored)) == execution.progress


class Watching(CrashableStore):
    """A store that knows what was durable when the world was changed, and when an event was shown."""

    def durable(self) -> list[JournalEvent]:
        """Return the events that would survive a crash now."""
        return [event for id in self._journals for event in self._read(id)]


async def test_an_intent_is_durable_before_apply_and_its_result_before_a_successor_starts() -> None:
    """Also where the store is slow."""
    world, store = World(), Watching(latency=0.5)
    flow = tower(world, "a", "b")
    seen: dict[str, list[tuple[str, str]]] = {}

    def watching(id: str) -> Any:
        thing = thing_of(flow, id)
        own = thing.apply

        async def apply(*args: Any) -> Any:
            applied = [event for event in store.durable() if isinstance(event, (e.ItemIntent, e.ItemResult))]
            seen[id] = [(event.kind, event.item) for event in applied]
            return await own(*args)

        return apply

    for id in "ab":
        thing_of(flow, id).replace(apply=watching(id))
    await run(store, flow, "ensure")
    assert seen == {
        "a": [("item_intent", "a")],
        "b": [("item_intent", "a"), ("item_result", "a"), ("item_intent", "b")],
    }


async def test_nobody_is_shown_what_could_still_be_lost() -> None:
    """Neither watchers, nor endpoints, nor the progress; and what comes after it waits, so that all see it in order."""
    store = Watching(latency=0.5)
    shown: list[tuple[int, bool]] = []

    class Endpoint:
        async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
            kept = {event.seq for event in store.durable()}
            shown.extend((event.seq, event.seq in kept) for event in events if must_be_durable(event))

    async def watch(execution: CmdExecution) -> list[int]:
        seen = []
        async for event in execution.events():
            kept = {event.seq for event in store.durable()}
            assert event.seq in kept or not must_be_durable(event)
            seen.append(event.seq)
        return seen

    flow = things(World(), *"abcd")
    async with CmdExecutionMap(store, [Endpoint()]) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        seen = await watch(execution)
        outcome = await execution
    assert seen == list(range(len(seen)))
    assert shown
    assert all(durable for _, durable in shown)
    assert await store.outcome(execution.id) == outcome


def must_be_durable(event: JournalEvent) -> bool:
    """Return whether an event may be shown only when it would survive a crash."""
    return event.kind in DURABLE or (isinstance(event, e.ItemResult) and event.result != "unchanged")


async def test_an_outcome_is_given_out_when_it_is_stored() -> None:
    """Not before."""
    store = CrashableStore(latency=1.0)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=things(World(), "a")))
        while not execution.done:
            assert await store.outcome(execution.id) is None
            await asyncio.sleep(0.25)
        assert await store.outcome(execution.id) == await execution


async def test_watchers_come_at_any_time_and_see_all_that_follows() -> None:
    """From the beginning, from the middle, after the end; live, and in order."""
    store = MemoryStore()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=tower(World(), *"abc")))
        early = asyncio.ensure_future(journal_of(execution))
        later = asyncio.ensure_future(_after(execution, 5))
        await execution
        journal = await store.events(execution.id)
        assert await early == journal
        assert await later == journal[6:]
        assert await journal_of(execution) == journal
        assert await _after(execution, 5) == journal[6:]
        assert await _after(execution, 10_000) == []


async def _after(execution: CmdExecution, after: int) -> list[JournalEvent]:
    return [event async for event in execution.events(after=after)]


async def test_a_watcher_that_leaves_leaves_the_others_alone() -> None:
    """One is cancelled, one stops reading."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=tower(World(), *"abc")))
        leaving = asyncio.ensure_future(journal_of(execution))
        staying = asyncio.ensure_future(journal_of(execution))
        await asyncio.sleep(0)
        leaving.cancel()
        async for _ in execution.events():
            break
        await execution
        assert (await staying)[-1].kind == "execution_ended"


async def test_events_that_are_not_in_memory_any_more_are_read_from_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were published and have not reached it yet are made to, first."""
    monkeypatch.setattr(recorder_module, "RECENT_EVENTS", 3)
    store = CrashableStore()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=things(World(), *"abc")))
        seen = await journal_of(execution)
        assert [event.seq for event in seen] == list(range(len(seen)))
        assert len(seen) > 20
        assert await _after(execution, len(seen) - 2) == seen[-1:]


async def test_a_text_that_cannot_be_written_leaves_no_gap_in_the_journal() -> None:
    """It is the item's error: half of a surrogate pair, as in a file's name that is no UTF-8."""

    async def goal(cx: ItemContext, params: Any) -> ThingState:
        cast(Any, cx)._execution.recorder.emit(e.Log, item="a", text="\udc80")
        return ThingState(value=1)

    store = MemoryStore()
    flow = things(World(), "a")
    thing_of(flow, "a").replace(state_goal=goal)
    outcome = await run(store, flow, "ensure")
    assert (outcome.kind, outcome.errors["a"].type) == ("item_error", "PydanticSerializationError")
    journal = await store.events(outcome.execution_id)
    assert [event.seq for event in journal] == list(range(len(journal)))


async def test_texts_that_no_utf_8_can_hold_are_escaped() -> None:
    """As in a file's name that is none: a log, a message, a question, a shield or an error never fails by it."""

    async def apply(cx: ItemContext, *args: Any) -> ThingState:
        cx.log.info("log \udc80 ü")
        cx.progress.message("message \udc80")
        async with cx.shield("shield \udc80"):
            raise OSError("error \udc80") from ValueError("cause \udc80")

    store = MemoryStore()
    flow = things(World(), "a")
    thing_of(flow, "a").replace(apply=apply)
    outcome = await run(store, flow, "ensure")

    assert outcome.errors["a"].message == "error \\udc80"
    assert outcome.errors["a"].causes == ["ValueError: cause \\udc80"]
    journal = await store.events(outcome.execution_id)
    assert [event.text for event in journal if isinstance(event, e.Log)] == ["log \\udc80 ü"]


# A store that fails.


async def test_a_store_that_fails_ends_the_execution_and_nothing_more_is_applied() -> None:
    """What was acknowledged is kept; what nobody could write down is unknown."""
    world, store = World(), CrashableStore()
    flow = tower(world, "a", "b", "c")
    own = thing_of(flow, "b").apply

    async def break_and_apply(*args: Any) -> Any:
        store.broken = True
        return await own(*args)

    thing_of(flow, "b").replace(apply=break_and_apply)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        watched = asyncio.ensure_future(journal_of(execution))
        outcome = await execution
        seen = await watched
    assert outcome.kind == "failed"
    assert outcome.message.startswith(
        "the disk is full: nothing more can be kept. What was acknowledged before is kept"
    )
    assert outcome.items.model_dump() == {"done": ["a"], "not_done": ["c"], "unknown": ["b"]}
    assert world.did("begin") == ["a", "b"]
    assert "execution_ended" not in [event.kind for event in seen]
    store.broken = False
    assert (await run(store, flow, "ensure")).kind == "complete"
    assert world.did("begin") == ["a", "b", "c"]


@pytest.mark.parametrize("function", ["try_state_current", "apply"])
async def test_an_items_own_store_error_is_not_taken_for_the_items(function: str) -> None:
    """Whoever raises it, the execution as a whole cannot go on."""
    flow = Flow("f")
    flow.add(Thing("a", World(), **{function: fails("no room", StoreError)}))
    outcome = await run(MemoryStore(), flow, "ensure")
    assert (outcome.kind, outcome.errors) == ("failed", {})
    assert "no room" in outcome.message


async def test_a_store_that_cannot_begin_a_journal_begins_nothing() -> None:
    """The outcome says so, and the profile is free again."""
    store = CrashableStore()
    store.broken = True
    endpoint = RecordingEndpoint()
    async with CmdExecutionMap(store, [endpoint]) as executions:
        execution = executions.submit(CmdExecRequest(flow=things(World(), "a")))
        outcome = await execution
        assert await journal_of(execution) == []
        assert execution.progress.items == {}
    assert (outcome.kind, outcome.message) == ("failed", "the disk is full: nothing more can be kept.")
    assert outcome.items.not_done == ["a"]
    assert endpoint.outcomes == [outcome]
    store.broken = False
    assert (await run(store, things(World(), "a"), "ensure")).kind == "complete"


async def test_an_unforeseen_error_of_a_store_is_told_with_its_class() -> None:
    """Before the journal is there, in the middle, and at the end."""

    class Odd(MemoryStore):
        when = ""

        async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
            self._raise("inputs")
            return await super().inputs(flow, profile)

        async def states(self, flow: str, profile: str) -> Any:
            if self._journals:
                self._raise("states")
            return await super().states(flow, profile)

        def _end(self, execution_id: str, outcome: CmdOutcome) -> None:
            self._raise("end")
            super()._end(execution_id, outcome)

        def _raise(self, where: str) -> None:
            if self.when == where:
                raise OSError(f"odd {where}")

    for when in ("inputs", "states", "end"):
        store = Odd()
        store.when = when
        outcome = await run(store, things(World(), "a"), "ensure", "status")
        assert outcome.kind == "failed"
        assert f"OSError: odd {when}" in outcome.message


async def test_a_lease_that_cannot_be_given_back_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The outcome stands."""

    class Clinging(MemoryStore):
        async def lease(self, *args: Any, **options: Any) -> Any:
            lease = await super().lease(*args, **options)

            async def release() -> None:
                raise StoreError("nobody is there")

            lease.release = release  # type: ignore[method-assign]
            return lease

    outcome = await run(Clinging(), things(World(), "a"), "ensure")
    assert outcome.kind == "complete"
    assert "could not be given back and has to expire: nobody is there" in caplog.text


# The recorder by itself.


class Slow:
    """A journal that is durable when it is told to be."""

    def __init__(self) -> None:
        self.events: list[JournalEvent] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.calls = 0

    def append(self, event: JournalEvent) -> None:
        """Keep an event."""
        self.events.append(event)

    @property
    def is_durable(self) -> bool:
        """Nobody knows before it is told."""
        return False

    async def durable(self) -> None:
        """Wait to be told."""
        self.calls += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error

    async def finish(self, outcome: CmdOutcome) -> None:
        """Do nothing."""


def recorder() -> tuple[Recorder, Slow, list[str]]:
    """Return a recorder, its journal, and what it has shown."""
    journal = Slow()
    shown: list[str] = []
    return Recorder("01J", journal, lambda event: shown.append(getattr(event, "text", event.kind))), journal, shown


async def test_what_comes_after_a_durable_event_waits_for_it() -> None:
    """So that everybody sees the journal in order."""
    made, journal, shown = recorder()
    made.emit(e.Log, text="0")
    first = asyncio.ensure_future(made.emit_durable(e.Log, text="1"))
    await asyncio.sleep(0)
    made.emit(e.Log, text="2")
    assert (shown, [event.seq for event in journal.events]) == (["0"], [0, 1, 2])
    journal.go.set()
    await first
    assert shown == ["0", "1", "2"]


async def test_a_cancellation_is_delivered_when_the_event_is_durable() -> None:
    """A second one at once; what it left is shown with the next that is durable."""
    made, journal, shown = recorder()
    once = asyncio.ensure_future(made.emit_durable(e.Log, text="once"))
    twice = asyncio.ensure_future(made.emit_durable(e.Log, text="twice"))
    await asyncio.sleep(0)
    once.cancel()
    twice.cancel()
    await asyncio.sleep(0)
    twice.cancel()
    await asyncio.sleep(0)
    assert (once.done(), twice.done(), shown) == (False, True, [])
    journal.go.set()
    with pytest.raises(asyncio.CancelledError):
        await once
    assert shown == ["once"]
    await made.durable()
    assert shown == ["once", "twice"]


async def test_an_event_that_could_not_be_kept_does_not_hold_back_those_after_it() -> None:
    """It is never shown; what need not be durable is, and what will be waits for its own turn."""
    made, journal, shown = recorder()
    lost = asyncio.ensure_future(made.emit_durable(e.Log, text="lost"))
    await asyncio.sleep(0)
    made.emit(e.Log, text="plain")
    journal.error = StoreError("full")
    journal.go.set()
    journal.go, go = asyncio.Event(), journal.go
    kept = asyncio.ensure_future(made.emit_durable(e.Log, text="kept"))
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(StoreError):
        await lost
    assert shown == ["plain"]
    journal.error = None
    journal.go.set()
    await kept
    assert shown == ["plain", "kept"]


async def test_a_sealed_recorder_takes_events_of_its_owner_only() -> None:
    """Everybody else is told that it was abandoned."""
    made, _, shown = recorder()
    assert not made.is_sealed
    made.seal(asyncio.current_task())
    made.emit(e.Log, text="owner")

    async def late() -> None:
        assert made.is_sealed
        made.emit(e.Log, text="late")

    with pytest.raises(asyncio.CancelledError, match="the execution was abandoned"):
        await asyncio.ensure_future(late())
    assert shown == ["owner"]


async def test_watchers_come_to_an_end_when_no_event_will_follow() -> None:
    """Also where the last one of the journal never came."""
    made, _, _ = recorder()
    made.emit(e.Log, text="only")

    async def read(after: int) -> list[JournalEvent]:
        raise AssertionError("everything is in memory")

    async def watch() -> list[int]:
        return [event.seq async for event in made.events(-1, read)]

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    made.close()
    assert await watching == [0]
    assert await watch() == [0]


async def test_progress_before_the_journal_is_there_is_empty() -> None:
    """The execution has its id already."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=things(World(), "a")))
        progress = execution.progress
        assert (progress.execution_id, progress.items, progress.done) == (execution.id, {}, False)
        assert (execution.done, execution.outcome) == (False, None)
        await execution
        assert execution.progress.done
        assert execution.outcome is not None


@pytest.mark.parametrize(("at", "told"), [("execution_started", True), ("execution_ended", False)])
async def test_endpoints_that_are_cut_off_are_in_the_journal(at: str, told: bool) -> None:
    """Not after its end, and not where nobody may write any more."""

    class Raising:
        async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
            if any(event.kind == at for event in events):
                raise RuntimeError("no")

    store = MemoryStore()
    outcome = await run(store, tower(World(), "a", "b"), "ensure", endpoints=(Raising(),))
    kinds = [event.kind for event in await store.events(outcome.execution_id)]
    assert ("endpoint_cut" in kinds) == told
    assert kinds[-1] == "execution_ended"


async def test_a_guard_that_fails_after_an_abandon_cannot_say_so_any_more() -> None:
    """The journal has ended for everybody but the execution itself."""

    class Failing:
        async def watch(self, execution: Any) -> None:
            async for event in execution.events():
                if event.kind == "interrupt_requested":
                    await asyncio.sleep(0)
                    raise RuntimeError("no")

    async def shielded(cx: Any, *args: Any) -> Any:
        async with cx.shield("for ever"):
            await asyncio.sleep(1000)

    store = CrashableStore(latency=0.1)
    flow = things(World(), "a")
    thing_of(flow, "a").replace(apply=shielded)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, guards=(Failing(),)))
        asyncio.get_running_loop().call_later(5, lambda: execution.interrupt(level=InterruptLevel.ABANDON))
        outcome = await execution
    assert outcome.items.unknown == ["a"]
    assert "log" not in [event.kind for event in await store.events(execution.id)]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(13, "Permission denied", "/store/x"), "/store/x: Permission denied."),
        (OSError(13, "Permission denied"), "Permission denied."),
        (OSError("strange"), "OSError: strange"),
    ],
)
async def test_what_the_system_refuses_a_store_is_said_in_words(error: OSError, message: str) -> None:
    """With the file, where there is one."""

    class Refusing(MemoryStore):
        async def states(self, flow: str, profile: str) -> FlowStates:
            raise error

    outcome = await run(Refusing(), things(World(), "a"), "ensure")
    assert (outcome.kind, outcome.message) == ("failed", message)
