"""Processes of a run that was killed: the next run ends them before it begins anything."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.items import Thing, ThingState, World, thing_of, things
from tests.running import journal_of

from irenic import CmdExecRequest, CmdExecution, CmdExecutionMap, Flow, ItemContext
from irenic.engine import left_behind
from irenic.engine.platform import Platform
from irenic.model.child import ChildProcess
from irenic.model.events import ChildStarted, ItemIntent, Log
from irenic.model.record import ExecutionPage
from irenic.stores import MemoryStore

pytestmark = pytest.mark.virtual_clock


class Processes:
    """The processes of a machine, by id; ``ended`` lists those that were ended, with what had happened until then."""

    def __init__(self, world: World) -> None:
        self.alive: set[int] = set()
        self.ended: list[tuple[int, list[str]]] = []
        self._world = world

    def describe(self, pid: int) -> ChildProcess | None:
        """Return what a process is known by."""
        return ChildProcess(pid=pid, started="1", machine="m") if pid in self.alive else None

    async def end(self, child: ChildProcess) -> bool:
        """End a process."""
        if child.pid not in self.alive:
            return False
        self.alive.discard(child.pid)
        self.ended.append((child.pid, self._world.did("begin")))
        return True


class Machine:
    """A machine on which executions run and are killed, with a store that outlives them."""

    def __init__(self) -> None:
        self.world = World()
        self.store = MemoryStore()
        self.processes = Processes(self.world)

    def executions(self) -> CmdExecutionMap:
        """Return the executions of a new process."""
        platform = Platform(None, None, children=self.processes)  # type: ignore[arg-type]  # neither is used
        return CmdExecutionMap(self.store, platform=platform)

    async def killed(self, flow: Flow, when: Callable[[CmdExecution], bool], **options: Any) -> str:
        """Run a flow in a process that is killed as soon as something holds, and return the execution's id."""
        async with self.executions() as executions:
            execution = executions.submit(CmdExecRequest(flow=flow, **options))
            async for _ in execution.events():
                if when(execution):
                    self.store = self.store.crashed()
                    execution.interrupt(level="abandon")
            return execution.id

    async def run(self, flow: Flow, *cmds: str, **options: Any) -> CmdExecution:
        """Run a flow to its end."""
        async with self.executions() as executions:
            execution = executions.submit(CmdExecRequest(flow=flow, cmds=list(cmds or ("ensure",)), **options))
            await execution
            return execution


def starts_process(flow: Flow, pid: int, item: str = "a") -> None:
    """Have an item start a process when it is applied the first time, and wait for it for ever."""
    thing = thing_of(flow, item)
    own = thing.apply

    async def apply(cx: ItemContext, *args: Any) -> ThingState:
        thing.replace(apply=own)
        await cx.record_child(pid)
        async with cx.shield("for ever"):
            await cx.ask("?")
        raise AssertionError

    thing.replace(apply=apply)


def has_started(execution: CmdExecution) -> bool:
    """Return whether the item waits."""
    return execution.progress.items["a"].status == "user_pending"


async def test_a_process_that_was_left_behind_is_ended_before_anything_begins() -> None:
    """It is in the journal, and the log says that it was at work."""
    machine = Machine()
    flow = things(machine.world, "a", "b")
    machine.processes.alive = {7}
    starts_process(flow, 7)
    killed = await machine.killed(flow, has_started, items=["a"])
    events = await machine.store.events(killed)
    kinds = [type(event) for event in events if isinstance(event, ItemIntent | ChildStarted)]
    before = machine.world.did("begin")

    execution = await machine.run(flow)

    assert kinds == [ItemIntent, ChildStarted]
    assert machine.processes.ended == [(7, before)]
    logged = [event for event in await journal_of(execution) if isinstance(event, Log)]
    assert [(event.item, event.text) for event in logged] == [
        ("a", f"process 7 of execution {killed} was left behind at work, and was ended")
    ]
    assert execution.outcome is not None
    assert execution.outcome.kind == "complete"


async def test_it_is_found_however_many_executions_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that began nothing tell nothing of it; an item that is not in the flow any more counts too."""
    monkeypatch.setattr(left_behind, "PAGE", 2)
    machine = Machine()
    flow = things(machine.world, "a", "b")
    machine.processes.alive = {7}
    starts_process(flow, 7)
    await machine.killed(flow, has_started, items=["a"])
    machine.processes.alive.clear()
    for _ in range(4):
        _ = await machine.run(flow, items=["b"])
    machine.processes.alive = {7}

    other = things(machine.world, "b")
    execution = await machine.run(other)

    assert [pid for pid, _ in machine.processes.ended] == [7]
    assert [event.item for event in await journal_of(execution) if isinstance(event, Log)] == [None]


async def test_the_search_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history that is very long does not hold up a run."""
    monkeypatch.setattr(left_behind, "PAGE", 2)
    monkeypatch.setattr(left_behind, "MOST_EXECUTIONS", 2)
    machine = Machine()
    flow = things(machine.world, "a", "b")
    machine.processes.alive = {7}
    starts_process(flow, 7)
    await machine.killed(flow, has_started, items=["a"])
    machine.processes.alive.clear()
    for _ in range(4):
        _ = await machine.run(flow, items=["b"])
    machine.processes.alive = {7}

    _ = await machine.run(flow)

    assert machine.processes.ended == []


async def test_a_history_that_was_pruned_tells_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on as ever."""
    machine = Machine()
    flow = things(machine.world, "a")
    machine.processes.alive = {7}
    starts_process(flow, 7)
    await machine.killed(flow, has_started)

    async def none(**filters: Any) -> ExecutionPage:
        return ExecutionPage(items=[])

    monkeypatch.setattr(machine.store, "executions", none)
    execution = await machine.run(flow)

    assert machine.processes.ended == []
    assert execution.outcome is not None
    assert execution.outcome.kind == "complete"


async def test_one_that_has_ended_is_not_spoken_of() -> None:
    """Nor one that was never there, or that was started by an apply that has a result."""
    machine = Machine()
    flow = things(machine.world, "a")

    async def fails(cx: ItemContext, *args: Any) -> ThingState:
        await cx.record_child(7)
        await cx.record_child(8)
        raise RuntimeError

    machine.processes.alive = {7}
    thing_of(flow, "a").replace(apply=fails)
    failed = await machine.run(flow)
    thing_of(flow, "a").replace(apply=Thing("a", machine.world).apply)
    execution = await machine.run(flow)

    events = await journal_of(failed)
    assert [event.child.pid for event in events if isinstance(event, ChildStarted)] == [7]
    assert machine.processes.ended == []
    assert not any(isinstance(event, Log) for event in await journal_of(execution))


async def test_where_there_are_no_processes_none_is_recorded() -> None:
    """As in a tab; nor outside of an apply, where nothing is changed."""
    machine = Machine()
    flow = things(machine.world, "a")
    own = thing_of(flow, "a").state_goal

    async def goal(cx: ItemContext, params: Any) -> ThingState:
        await cx.record_child(7)
        return await own(cx, params)

    machine.processes.alive = {7}
    thing_of(flow, "a").replace(state_goal=goal)
    in_goal = await machine.run(flow, "discover")
    async with CmdExecutionMap(
        MemoryStore(),
        platform=Platform(None, None),  # type: ignore[arg-type]  # neither is used
    ) as executions:
        in_a_tab = executions.submit(CmdExecRequest(flow=flow))
        await in_a_tab

    for execution in (in_goal, in_a_tab):
        assert not any(isinstance(event, ChildStarted) for event in await journal_of(execution))
