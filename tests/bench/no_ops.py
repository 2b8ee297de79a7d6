"""A flow of items that do nothing, two walks of its graph, by hand and with the engine, and a whole ensure of it.

A tab has none of the tests' modules: this one is read there as part of a flow, so it needs nothing but the core.
"""

import asyncio

from pydantic import BaseModel

from irenic import CmdExecRequest, CmdExecutionMap, Flow, Item, ItemContext, PartialParams, StateDiff
from irenic.engine.store import Store
from irenic.engine.walk import Walk
from irenic.flow.graph import Graph

WIDTH = 100
"""Items side by side; each comes after the one that is so many before it."""


class NoParams(BaseModel):
    """Params of an item that does nothing."""

    number: int


class NoState(BaseModel):
    """State of an item that does nothing."""

    done: bool = False


class NoItem(Item[NoParams, NoState]):
    """An item that does nothing, the first time."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.state = NoState()

    async def state_current(self, cx: ItemContext, params: NoParams) -> NoState:
        """Return what it is."""
        return self.state

    async def state_goal(self, cx: ItemContext, params: NoParams) -> NoState:
        """Return what it should be."""
        return DONE

    def state_clean(self, params_partial: PartialParams[NoParams]) -> NoState:
        """Return what nothing is."""
        return NoState()

    async def apply(
        self, cx: ItemContext, params: NoParams, current: NoState, target: NoState, diff: StateDiff
    ) -> NoState:
        """Do nothing."""
        self.state = target
        return target


DONE = NoState(done=True)


def flow_of(count: int, width: int = WIDTH) -> Flow:
    """Return a flow of so many items in rows, each after the one above it."""
    flow = Flow("bench")
    for number in range(count):
        flow.add(NoItem(f"i{number}"), number=number)
        if number >= width:
            flow.edge(f"i{number - width}", f"i{number}")
    return flow


async def bare_walk(graph: Graph) -> None:
    """Walk a graph by hand."""
    missing = {node: len(graph.predecessors(node)) for node in graph.nodes}
    left = len(missing)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    tasks: set[asyncio.Task[None]] = set()

    def start(node: str) -> None:
        task = loop.create_task(visit(node))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def visit(node: str) -> None:
        nonlocal left
        for successor in graph.successors(node):
            missing[successor] -= 1
            if missing[successor] == 0:
                start(successor)
        left -= 1
        if left == 0:
            ended.set_result(None)

    for node in [node for node, count in missing.items() if count == 0]:
        start(node)
    await ended


async def our_walk(graph: Graph) -> None:
    """Walk a graph with the engine's walk."""

    async def visit(node: str) -> bool:
        return True

    await Walk(graph, visit, may_start=lambda: True, max_concurrency=64).run()


async def ensure(flow: Flow, store: Store) -> None:
    """Run ensure to its end."""
    async with CmdExecutionMap(store) as executions:
        outcome = await executions.submit(CmdExecRequest(flow=flow))
    assert outcome.kind == "complete", outcome.message
