"""All executions of a process: who may run, who is told what, and what is kept."""

import asyncio
import getpass
import os
import sys
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from tests.crashable_store import CrashableStore
from tests.items import Thing, ThingState, World, thing_of, things, tower
from tests.running import current_of, fails, journal_of, run

from irenic import (
    CmdExecRequest,
    CmdExecution,
    CmdExecutionMap,
    Flow,
    InterruptLevel,
    InterruptReply,
    InterruptSignal,
    InterruptStrategy,
)
from irenic.endpoints import RecordingEndpoint
from irenic.engine.endpoint import InterruptSender
from irenic.engine.execution_map import default_holder
from irenic.model.errors import InvalidIdError, IrenicError, StoreError
from irenic.model.ids import new_execution_id
from irenic.model.outcome import Lost
from irenic.model.progress import ProgressStatus
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


def slow(world: World, *ids: str, seconds: float = 1.0, flow: str = "slow") -> Flow:
    """Return a flow of things that take their time to be applied."""

    def thing(id: str) -> Thing:
        async def apply(cx: Any, params: Any, current: Any, target: ThingState, diff: Any) -> ThingState:
            made.begin()
            await asyncio.sleep(seconds)
            return made.put(target.value)

        made = Thing(id, world, apply=apply)
        return made

    made_flow = Flow(flow)
    for id in ids:
        made_flow.add(thing(id))
    return made_flow


async def test_a_request_gives_an_id_at_once_and_the_outcome_when_it_is_awaited() -> None:
    """The id is the caller's where there is one."""
    own = new_execution_id()
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow(World(), "a"), id=own))
        assert (execution.id, execution.done) == (own, False)
        assert executions.get(own) is execution
        assert executions.running == [execution]
        assert (await execution).execution_id == own
        assert len(executions.submit(CmdExecRequest(flow=slow(World(), "a"))).id) == 26


async def test_the_same_request_again_gives_the_running_execution() -> None:
    """By what it asks for, or by its id; when it has ended, it is run again."""
    world = World()
    flow = slow(world, "a")
    async with CmdExecutionMap(MemoryStore()) as executions:
        first = executions.submit(CmdExecRequest(flow=flow, profile="dev", cmds=["ensure"]))
        assert executions.submit(CmdExecRequest(flow=flow, profile="dev")) is first
        assert executions.submit(CmdExecRequest(flow=flow, cmds=["clean"], id=first.id)) is first
        assert executions.submit(CmdExecRequest(flow=flow, profile="prod")) is not first
        await first
        assert executions.submit(CmdExecRequest(flow=flow, profile="dev")) is not first


class Inputs(BaseModel):
    """Inputs with a secret and something that is no JSON."""

    url: str = "u"
    token: SecretStr = SecretStr("hush")


@pytest.mark.parametrize(
    "other",
    [
        {"inputs": {"url": "v"}},
        {"inputs": {"token": SecretStr("other")}},
        {"inputs": {"url": object}},
        {"profile": "prod"},
        {"cmds": ["clean"]},
        {"dry_run": True},
        {"items": ["a"]},
        {"on_drift": "refuse"},
        {"prune": True},
        {"strategy": "cancel"},
        {"deadline": 3},
    ],
)
def test_requests_that_ask_for_something_else_are_not_the_same(other: dict[str, Any]) -> None:
    """In whatever option, also in a secret."""
    flow = Flow("f", inputs=Inputs)
    asked: dict[str, Any] = {"inputs": {"token": SecretStr("hush")}}
    request = CmdExecRequest(flow=flow, **asked)
    assert request.fingerprint() == CmdExecRequest(flow=flow, **asked).fingerprint()
    assert request.fingerprint() != CmdExecRequest(flow=flow, **{**asked, **other}).fingerprint()


def test_requests_for_flows_with_other_items_are_not_the_same() -> None:
    """A flow that was changed is another flow."""
    fingerprints = {CmdExecRequest(flow=things(World(), *ids)).fingerprint() for ids in ("a", "ab", "b")}
    assert len(fingerprints) == 3


def test_a_request_says_what_is_wrong_with_it() -> None:
    """Scenario 106 for profiles; a strategy may be given as a word."""
    flow = things(World(), "a")
    with pytest.raises(InvalidIdError, match=r"'\.\./prod' is not a valid profile"):
        CmdExecRequest(flow=flow, profile="../prod")
    with pytest.raises(ValidationError, match="cmds"):
        CmdExecRequest(flow=flow, cmds=[])
    assert CmdExecRequest(flow=flow, strategy="cancel").strategy == InterruptStrategy.CancelCurrent
    assert CmdExecRequest(flow=flow, strategy=InterruptStrategy.PollNextN(2)).strategy.n == 2


async def test_another_request_for_the_same_profile_is_refused_and_names_the_holder() -> None:
    """Hazard 4 of peace: only one execution writes to a profile; nothing of the other is begun or stored."""
    world, store = World(), MemoryStore()
    endpoint = RecordingEndpoint()
    async with CmdExecutionMap(store, [endpoint], holder="ada@laptop") as executions:
        first = executions.submit(CmdExecRequest(flow=slow(world, "a", "b")))
        await asyncio.sleep(0.5)
        second = executions.submit(CmdExecRequest(flow=slow(world, "a", "b"), cmds=["clean"]))
        outcome = await second
        assert not first.done
    assert outcome.kind == "refused"
    assert "slow/default is held by ada@laptop" in outcome.message
    assert {id: refusal.reason for id, refusal in outcome.refusals.items()} == {"a": "held", "b": "held"}
    assert outcome.items.not_done == ["a", "b"]
    assert await journal_of(second) == []
    assert await store.execution(second.id) is None
    assert outcome in endpoint.outcomes


async def test_what_only_reads_may_run_beside_what_writes() -> None:
    """Status, goal, diff and dry runs need no lease."""
    store = MemoryStore()
    async with CmdExecutionMap(store) as executions:
        flow = slow(World(), "a")
        await executions.submit(CmdExecRequest(flow=flow, cmds=["discover"]))
        first = executions.submit(CmdExecRequest(flow=flow))
        await asyncio.sleep(0.5)
        for options in ({"cmds": ["status", "goal", "diff"]}, {"dry_run": True}):
            assert (await executions.submit(CmdExecRequest(flow=flow, **options))).kind == "complete"
        assert not first.done


async def test_two_profiles_and_two_flows_do_not_disturb_one_another() -> None:
    """Hazard 5 of peace."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        running = [
            executions.submit(CmdExecRequest(flow=slow(World(), "a", flow=flow), profile=profile))
            for flow in ("f", "g")
            for profile in ("dev", "prod")
        ]
        assert {(await execution).kind for execution in running} == {"complete"}
        assert asyncio.get_running_loop().time() == pytest.approx(1, abs=0.3)


async def test_ended_executions_leave_the_map_for_the_store() -> None:
    """Memory is bounded; history is in the store, newest first."""
    store = MemoryStore()
    async with CmdExecutionMap(store) as executions:
        ids = []
        for profile in ("dev", "prod", "dev"):
            execution = executions.submit(CmdExecRequest(flow=things(World(), "a"), profile=profile))
            await execution
            ids.append(execution.id)
            await asyncio.sleep(0)
        assert executions.running == []
        assert executions.get(ids[0]) is None
        history = await executions.history()
        assert [record.id for record in history.items] == ids[::-1]
        assert {record.status for record in history.items} == {"complete"}
        only_dev = await executions.history(flow="things", profile="dev", limit=1)
        assert [record.id for record in only_dev.items] == [ids[2]]
        assert only_dev.next_cursor is not None


async def test_an_id_is_used_once() -> None:
    """An ended execution is not written over."""
    own = new_execution_id()
    store = MemoryStore()
    assert (await run(store, things(World(), "a"), "ensure", id=own)).kind == "complete"
    outcome = await run(store, things(World(), "a"), "ensure", id=own)
    assert (outcome.kind, f"there is an execution {own} already" in outcome.message) == ("failed", True)
    kept = await store.outcome(own)
    assert kept is not None
    assert kept.kind == "complete"


async def test_closing_waits_for_what_runs() -> None:
    """And interrupts nothing."""
    world = World()
    executions = CmdExecutionMap(MemoryStore())
    execution = executions.submit(CmdExecRequest(flow=slow(world, "a")))
    await executions.close()
    assert execution.done
    assert world.values == {"a": 1}
    await executions.close()


async def test_closing_does_not_wait_for_what_was_abandoned() -> None:
    """It may never end."""

    async def stuck(cx: Any, *args: Any) -> Any:
        while True:
            try:
                await release.wait()
                raise RuntimeError("at last")
            except asyncio.CancelledError:
                continue

    release = asyncio.Event()
    flow = things(World(), "a")
    thing_of(flow, "a").replace(apply=stuck)
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow))
        asyncio.get_running_loop().call_later(1, lambda: execution.interrupt(level=InterruptLevel.ABANDON))
        outcome = await execution
    assert outcome.items.unknown == ["a"]
    release.set()
    await asyncio.wait(execution.abandoned)


class Listening:
    """An input endpoint."""

    def __init__(self, after: float | None = None) -> None:
        self.heard: list[InterruptReply] = []
        self.after = after
        self.state = "new"

    async def listen(self, interrupts: InterruptSender) -> None:
        """Interrupt everything when the time has come."""
        self.state = "listening"
        try:
            if self.after is not None:
                await asyncio.sleep(self.after)
                self.heard.append(interrupts.interrupt_all(source="sigint"))
            await asyncio.sleep(1000)
        finally:
            self.state = "ended"


async def test_an_input_endpoint_listens_from_the_first_execution_to_the_end_of_the_map() -> None:
    """And passes interrupts on."""
    endpoint = Listening(after=0.5)
    executions = CmdExecutionMap(MemoryStore(), [endpoint])
    assert endpoint.state == "new"
    execution = executions.submit(CmdExecRequest(flow=slow(World(), "a", "b"), max_concurrency=1))
    outcome = await execution
    assert (endpoint.state, endpoint.heard) == ("listening", [InterruptReply.REQUESTED])
    assert outcome.interrupt is not None
    assert outcome.interrupt.source == "sigint"
    await executions.close()
    assert endpoint.state == "ended"


async def test_an_input_endpoint_that_fails_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It passes nothing on any more; whoever runs then should know."""

    class Deaf:
        async def listen(self, interrupts: InterruptSender) -> None:
            await asyncio.sleep(0.5)
            raise ConnectionError("hung up")

    async with CmdExecutionMap(MemoryStore(), [Deaf()]) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=slow(World(), "a")))
    assert outcome.kind == "complete"
    assert outcome.endpoints_cut == {"Deaf": "stopped listening: ConnectionError: hung up"}
    assert "hung up" in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (object(), "object is no endpoint: it has none of the methods listen, on_events and on_outcome"),
        (RecordingEndpoint, r"RecordingEndpoint is a class: give an endpoint, as RecordingEndpoint\(\)"),
    ],
)
async def test_what_is_no_endpoint_is_refused(endpoint: Any, message: str) -> None:
    """It would never be called, and nobody would notice."""
    with pytest.raises(IrenicError, match=message):
        CmdExecutionMap(MemoryStore(), [endpoint])


async def test_the_level_of_a_map_is_the_highest_of_its_executions() -> None:
    """None where nobody has asked."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        assert executions.level is None
        running = [executions.submit(CmdExecRequest(flow=slow(World(), "a", flow=flow))) for flow in "fgh"]
        await asyncio.sleep(0.5)
        assert executions.level is None
        for number, execution in enumerate(running):
            for _ in range(number):
                execution.interrupt()
        assert executions.level is InterruptLevel.CANCEL
    assert executions.level is None


async def test_running_code_is_interrupted_on_the_spot_where_it_is_an_items() -> None:
    """From a signal handler: every execution is told, and the handler whether to raise."""
    answers: list[bool] = []

    async def looping(*args: Any) -> Any:
        for level in ("finish", InterruptLevel.CANCEL, "cancel"):
            answers.append(executions.interrupt_running_code(source="sigint", level=level))
        raise asyncio.CancelledError

    flow = things(World(), "a")
    thing_of(flow, "a").replace(apply=looping)
    executions = CmdExecutionMap(MemoryStore())
    assert not executions.interrupt_running_code(source="sigint", level="cancel")
    execution = executions.submit(CmdExecRequest(flow=flow))
    answers.append(executions.interrupt_running_code(source="sigint", level="abandon"))
    await execution
    execution = executions.submit(CmdExecRequest(flow=flow))
    outcome = await execution
    await executions.close()
    assert answers == [False, False, True, True]
    assert outcome.is_interrupted
    assert outcome.interrupt is not None
    assert outcome.interrupt.source == "sigint"


def test_the_holder_is_told_in_words_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who, where, and which process; also where nobody has a name."""
    assert default_holder().endswith(f"(pid {os.getpid()})")

    def nobody() -> str:
        raise OSError("no name")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert default_holder().startswith(f"uid {os.getuid()}@")
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert default_holder() == "a browser tab"


# Taking over.


async def test_a_profile_may_be_taken_over_from_an_execution_that_holds_it() -> None:
    """That one is stopped, is stored as lost, and writes nothing more, whatever its items still do."""
    world, store = World(), MemoryStore()
    flow = slow(world, "a", "b")
    first_map, second_map = CmdExecutionMap(store, holder="laptop"), CmdExecutionMap(store, holder="desk")
    first = first_map.submit(CmdExecRequest(flow=flow, max_concurrency=1))
    await asyncio.sleep(1.5)
    assert world.did("apply") == ["a"]
    second = second_map.submit(CmdExecRequest(flow=flow, take_over=True))
    second_outcome = await second
    first_outcome = await first
    await first_map.close()
    await second_map.close()
    assert second_outcome.kind == "complete"
    assert first_outcome.kind == "block_interrupted"
    assert first_outcome.interrupt is not None
    assert (first_outcome.interrupt.source, first_outcome.interrupt.reason) == (
        "take_over",
        "desk took over slow/default",
    )
    assert first_outcome.items.model_dump() == {"done": ["a"], "not_done": [], "unknown": ["b"]}
    stored = await store.outcome(first.id)
    assert isinstance(stored, Lost)
    assert stored.items.unknown == ["b"]
    events = await store.events(first.id)
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].kind == "execution_ended"
    assert await current_of(store, flow) == {"a": {"value": 1, "stamp": 1}, "b": {"value": 1, "stamp": 1}}


@pytest.mark.parametrize("at", ["begin", "end"])
async def test_an_execution_that_is_fenced_off_without_a_word_ends_as_interrupted(at: str) -> None:
    """It finds out when it next wants to write, at whatever point that is."""
    store = CrashableStore(latency=0.1)
    flow = slow(World(), "a")
    own = thing_of(flow, "a").apply

    def lose() -> None:
        store._leases["slow", "default"].is_lost = True

    async def lose_the_lease(*args: Any) -> Any:
        if at == "begin":
            lose()
        state = await own(*args)
        if at == "end":
            asyncio.get_running_loop().call_later(0.15, lose)
        return state

    thing_of(flow, "a").replace(apply=lose_the_lease)
    outcome = await run(store, flow, "ensure")
    assert outcome.kind == "block_interrupted"
    assert "another execution has taken over" in outcome.message
    assert outcome.items.unknown == (["a"] if at == "begin" else [])
    assert (outcome.interrupt is not None) == (at == "begin")


async def test_an_execution_whose_runner_went_away_is_lost_when_the_next_one_begins() -> None:
    """Its outcome follows from its journal; a resume looks at what is unknown first."""
    world, store = World(), CrashableStore()
    flow = slow(world, "a", "b")
    executions = CmdExecutionMap(store)
    first = executions.submit(CmdExecRequest(flow=flow, max_concurrency=1))
    await asyncio.sleep(1.5)
    after, world_after = store.crashed(), world.copy()
    await first
    await executions.close()
    record = await after.execution(first.id)
    assert record is not None
    assert (record.status, await after.outcome(first.id)) == ("running", None)
    resumed = await run(after, slow(world_after, "a", "b"), "ensure")
    assert resumed.kind == "complete"
    lost = await after.outcome(first.id)
    assert lost is not None
    assert (lost.kind, lost.items.done, lost.items.unknown) == ("lost", ["a"], ["b"])
    assert world_after.did("begin") == ["b"]


async def test_a_remote_interrupt_comes_by_the_lease() -> None:
    """As any other: with its source and reason."""
    store = MemoryStore()
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=slow(World(), "a", "b"), max_concurrency=1))
        await asyncio.sleep(0.5)
        signal = InterruptSignal(source="remote", reason="from the page")
        assert await store.interrupt(execution.id, signal) is InterruptReply.REQUESTED
        outcome = await execution
    assert outcome.interrupt is not None
    assert (outcome.interrupt.source, outcome.interrupt.reason) == ("remote", "from the page")


async def test_an_interrupt_that_comes_when_all_is_over_changes_nothing() -> None:
    """Scenario 132: whoever sends it."""

    class Remembering(MemoryStore):
        on_interrupt: Any = None

        async def lease(self, *args: Any, **options: Any) -> Any:
            self.on_interrupt = options["on_interrupt"]
            return await super().lease(*args, **options)

    store = Remembering()
    outcome = await run(store, things(World(), "a"), "ensure")
    store.on_interrupt(InterruptSignal(source="remote"))
    assert (outcome.kind, outcome.interrupt) == ("complete", None)


# Some of the items, and queues.


async def test_some_of_the_items_are_ensured_with_or_without_what_they_depend_on() -> None:
    """What is left out is neither looked at nor changed; its stored state serves those that refer to it."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b", "c")
    alone = await run(store, flow, "ensure", items=["b"])
    assert "below refer to what no predecessor provides" in alone.errors["b"].message
    outcome = await run(store, flow, "ensure", items=["b"], with_dependencies=True)
    assert outcome.items.model_dump() == {"done": ["a", "b"], "not_done": [], "unknown": []}
    assert world.values == {"a": 1, "b": 2}
    world.log.clear()
    assert (await run(store, flow, "ensure", items=["c"])).kind == "complete"
    assert world.values == {"a": 1, "b": 2, "c": 3}
    assert {item for _, item in world.log} == {"c"}
    assert (await run(store, flow, "clean", items=["c"])).kind == "complete"
    assert world.values == {"a": 1, "b": 2}


async def test_an_item_that_there_is_not_is_named_before_anything_begins() -> None:
    """With those that there are."""
    outcome = await run(MemoryStore(), tower(World(), "a", "b"), "ensure", items=["x"])
    assert (outcome.kind, outcome.message) == ("failed", "there is no item x in tower; it has: a, b.")
    assert outcome.items.not_done == ["a", "b"]


async def test_items_keep_their_order_where_the_one_between_them_is_left_out() -> None:
    """Scenario 105 for a part of a flow."""
    world = World()
    flow = Flow("f")
    for id in "abc":
        flow.add(Thing(id, world))
    flow.edge("a", "b")
    flow.edge("b", "c")
    await run(MemoryStore(), flow, "ensure", items=["c", "a"], max_concurrency=1)
    assert world.did("apply") == ["a", "c"]


async def test_a_queue_of_commands_is_one_execution() -> None:
    """Scenario 60: each sees what the one before it left."""
    world, store = World(), MemoryStore()
    flow = tower(world, "a", "b")
    outcome = await run(store, flow, "discover", "ensure", "status", "clean")
    assert outcome.kind == "complete"
    assert outcome.cmds.model_dump() == {"done": ["discover", "ensure", "status", "clean"], "not_done": []}
    assert outcome.items.done == ["a", "b"]
    assert world.values == {}


async def test_an_error_ends_the_queue() -> None:
    """What comes after it is not done."""
    flow = Flow("f")
    flow.add(Thing("a", World(), apply=fails("no luck")))
    outcome = await run(MemoryStore(), flow, "ensure", "clean")
    assert outcome.cmds.model_dump() == {"done": [], "not_done": ["ensure", "clean"]}


async def test_as_many_items_run_at_once_as_the_request_allows() -> None:
    """64 where it does not say; those that wait are shown as queued."""
    store = MemoryStore()
    async with CmdExecutionMap(store) as executions:
        flow = slow(World(), *(f"i{n}" for n in range(100)))
        execution: CmdExecution = executions.submit(CmdExecRequest(flow=flow))
        await asyncio.sleep(0.5)
        statuses = [item.status.value for item in execution.progress.items.values()]
        assert (statuses.count("running"), statuses.count("queued")) == (64, 36)
        await execution
        assert asyncio.get_running_loop().time() == 2


async def test_items_that_wait_when_nothing_more_starts_are_shown_as_interrupted() -> None:
    """They are not queued any more."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        flow = slow(World(), "a", "b")
        execution: CmdExecution = executions.submit(CmdExecRequest(flow=flow, max_concurrency=1))
        await asyncio.sleep(0.5)
        before = execution.progress.items["b"].status
        execution.interrupt()
        after = execution.progress.items["b"].status
        assert (before, after) == (ProgressStatus.QUEUED, ProgressStatus.INTERRUPTED)


# Inputs.


class Shop(BaseModel):
    """Inputs of a flow."""

    value: int
    below: int = 0
    token: SecretStr | None = None


def shop(world: World) -> Flow:
    """Return a flow whose only thing is worth what its inputs say."""
    flow = Flow("shop", inputs=Shop)
    flow.add(Thing("a", world), value=flow.inputs.value, below=flow.inputs.below)
    return flow


async def test_inputs_are_stored_for_each_profile_and_merged() -> None:
    """Scenarios 70 to 72, 77 and 81: given wins, absent keeps, None takes away; a secret is never stored."""
    world, store = World(), MemoryStore()

    async def ensure(inputs: dict[str, Any], profile: str = "dev", **options: Any) -> Any:
        outcome = await run(store, shop(world), "ensure", inputs=inputs, profile=profile, **options)
        return outcome.kind, world.values.get("a"), await store.inputs("shop", profile)

    hush = SecretStr("hush")
    assert await ensure({"value": 3, "below": 4, "token": hush}) == ("complete", 7, {"value": 3, "below": 4})
    assert await ensure({}) == ("complete", 7, {"value": 3, "below": 4})
    assert await ensure({"value": 5}) == ("complete", 9, {"value": 5, "below": 4})
    assert await ensure({"below": None}) == ("complete", 5, {"value": 5})
    assert await ensure({"value": 8}, dry_run=True) == ("complete", 5, {"value": 5})
    assert await ensure({"value": 1}, profile="prod") == ("complete", 1, {"value": 1})
    assert await ensure({}, profile="test") == ("failed", 1, {})
    assert "hush" not in repr(await store.executions()) + repr([await store.events(id) for id in store._journals])


async def test_inputs_that_are_missing_are_named_before_anything_begins() -> None:
    """Scenario 73."""
    outcome = await run(MemoryStore(), shop(World()), "ensure")
    assert (outcome.kind, outcome.message) == ("failed", "the inputs of shop are not valid: value: Field required.")


async def test_a_store_error_while_a_lease_is_taken_is_no_refusal() -> None:
    """Nobody holds the profile; the store is out of order."""

    class Broken(MemoryStore):
        async def lease(self, *args: Any, **options: Any) -> Any:
            raise StoreError("the server cannot be reached")

    outcome = await run(Broken(), things(World(), "a"), "ensure")
    assert (outcome.kind, outcome.message) == ("failed", "the server cannot be reached")
