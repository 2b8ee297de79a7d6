"""One command of an execution while it runs: the states that its blocks hand to one another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from irenic.engine.interrupts import Interrupts
from irenic.engine.item_run import ItemRun, describe_error
from irenic.engine.recorder import Recorder
from irenic.engine.request import CmdExecRequest
from irenic.engine.walk import Walk
from irenic.flow.graph import Graph
from irenic.flow.item import Item
from irenic.model.cmd import Cmd
from irenic.model.errors import StoreError
from irenic.model.events import CancelSwallowed, ItemError, ItemStatus
from irenic.model.outcome import Refusal
from irenic.model.progress import ProgressStatus
from irenic.model.states import FlowStates


class CmdRun:
    """What the blocks of a command share.

    ``current`` and ``goal`` hold states by item id, as discovered or as just applied, in a dry run as they would be;
    ``target`` holds the clean states in a clean.
    """

    def __init__(
        self,
        cmd: Cmd,
        request: CmdExecRequest,
        graph: Graph,
        runs: dict[str, ItemRun],
        tasks: dict[str, asyncio.Task[None]],
        inputs: Any,
        stored: FlowStates,
        recorder: Recorder,
        interrupts: Interrupts,
    ) -> None:
        self.cmd = cmd
        self.request = request
        self.graph = graph
        self.runs = runs
        self.tasks = tasks
        self.inputs = inputs
        self.stored = stored
        self.recorder = recorder
        self.interrupts = interrupts
        self.current: dict[str, Any] = {}
        self.goal: dict[str, Any] = {}
        self.target: dict[str, Any] = {}
        self.failed: set[str] = set()
        self.left_over: list[str] = []
        self.refusals: dict[str, Refusal] = {}
        self.walk: Walk | None = None

    async def set_up(self) -> None:
        """Call the setup of every item that has one, along the graph; all errors are collected."""
        with_setup = [run.item_id for run in self.runs.values() if type(run.item).setup is not Item.setup]
        if with_setup:
            graph = self.graph.subgraph(with_setup)
            self.walk = self._walk(graph, self._set_up_item, self.interrupts.may_go_on)
            await self.walk.run()

    async def _set_up_item(self, run: ItemRun) -> bool:
        try:
            await run.call(run.item.setup, run.cx)
        except BaseException as error:
            if not is_interrupt(run, error):
                self.item_failed(run, error, "setup")
        return True

    async def each(self, visit: Callable[[ItemRun], Awaitable[bool]], *, reverse: bool = False) -> None:
        """Visit every item along the graph; items that were not started are noted in ``left_over``."""
        graph = self.graph.reversed() if reverse else self.graph
        self.walk = self._walk(graph, visit, self.interrupts.may_start)
        await self.walk.run()
        self.left_over.extend(self.walk.not_started)

    def _walk(self, graph: Graph, visit: Callable[[ItemRun], Awaitable[bool]], may_start: Callable[[], bool]) -> Walk:
        return Walk(
            graph,
            lambda item_id: visit(self.runs[item_id]),
            may_start=may_start,
            max_concurrency=self.request.max_concurrency,
            running=self.tasks,
        )

    def stop_starting(self) -> None:
        """Start no more items in the walk that is on."""
        assert self.walk is not None
        self.walk.stop()

    def make_room(self, run: ItemRun) -> None:
        """Let another item start: nothing is left to do for this one but to wait until its result is durable."""
        assert self.walk is not None
        self.walk.make_room(run.item_id)

    def item_failed(self, run: ItemRun, error: BaseException, phase: str) -> None:
        """Record that a function of an item other than ``apply`` failed.

        :raises StoreError: if it is not the item's error but the store's.
        """
        if isinstance(error, StoreError):
            raise error
        self.failed.add(run.item_id)
        self.recorder.emit(ItemError, item=run.item_id, error=describe_error(error, phase))

    def item_left(self, run: ItemRun, message: str) -> None:
        """Record that an item was stopped before anything was done to it."""
        self.left_over.append(run.item_id)
        self.recorder.emit(ItemStatus, item=run.item_id, status=ProgressStatus.INTERRUPTED, message=message)

    def note_swallowed(self, run: ItemRun) -> None:
        """Record it where an item was cancelled and went on to a normal end."""
        if run.cancel_delivered:
            self.recorder.emit(CancelSwallowed, item=run.item_id)


def is_interrupt(run: ItemRun, error: BaseException) -> bool:
    """Return whether an exception is a cancellation that the engine sent."""
    return isinstance(error, asyncio.CancelledError) and run.was_cancelled
