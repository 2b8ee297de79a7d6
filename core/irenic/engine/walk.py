"""The walk over a graph: a node is visited the instant the last of its predecessors has ended."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine

from irenic.flow.graph import Graph


class Walk:
    """Visits the nodes of a graph side by side.

    :param visit: does the work for a node; false means that its successors are not released.
    :param may_start: asked before each start; the first no ends the starting for good.
    :param max_concurrency: how many visits run at once.
    :param on_queued: told of a node that is ready and has to wait for a place.
    """

    def __init__(
        self,
        graph: Graph,
        visit: Callable[[str], Awaitable[bool]],
        *,
        may_start: Callable[[], bool],
        max_concurrency: int,
        on_queued: Callable[[str], None] | None = None,
    ) -> None:
        self._visit = visit
        self._may_start = may_start
        self._max = max_concurrency
        self._on_queued = on_queued
        self._graph = graph
        self._missing = graph.predecessor_counts()
        self._ready: deque[str] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopped = False
        self._abandoned = False
        self._crash: BaseException | None = None
        self._ended: asyncio.Future[None]
        self._create_task: Callable[[Coroutine[None, None, None]], asyncio.Task[None]]
        self.started: list[str] = []
        self.was_refused = False

    @property
    def not_started(self) -> list[str]:
        """The nodes that were never visited, in insertion order."""
        started = set(self.started)
        return [node for node in self._graph.nodes if node not in started]

    @property
    def running(self) -> list[str]:
        """The nodes whose visit has not ended, in the order of their start."""
        return list(self._running)

    async def run(self) -> None:
        """Walk the graph; returns when nothing runs and nothing more may start.

        :raises BaseException: the first exception that a visit raised, after all others have ended.
        """
        loop = asyncio.get_running_loop()
        self._create_task = loop.create_task
        self._ended = loop.create_future()
        self._release([node for node, count in self._missing.items() if count == 0])
        try:
            await self._ended
        except asyncio.CancelledError:
            self.stop()
            running = set(self._running.values())
            for task in running:
                if not task.cancelling():
                    task.cancel()
            if running:
                await asyncio.wait(running)
            raise
        if self._crash is not None:
            raise self._crash

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        self._stopped = True

    def abandon(self) -> list[asyncio.Task[None]]:
        """Stop waiting for what runs: :meth:`run` returns at once, and the running tasks are handed over."""
        self.stop()
        self._abandoned = True
        if not self._ended.done():
            self._ended.set_result(None)
        return list(self._running.values())

    def _release(self, nodes: list[str]) -> None:
        self._ready.extend(nodes)
        self._start_ready()
        if nodes and self._ready and self._on_queued is not None and not self._stopped:
            waiting = min(len(self._ready), len(nodes))
            for node in nodes[len(nodes) - waiting :]:
                self._on_queued(node)

    def _start_ready(self) -> None:
        ready, running = self._ready, self._running
        while ready and not self._stopped and len(running) < self._max:
            if not self._may_start():
                self.was_refused = True
                self._stopped = True
                break
            node = ready.popleft()
            self.started.append(node)
            running[node] = self._create_task(self._run(node))
        if not running and not self._ended.done():
            self._ended.set_result(None)

    async def _run(self, node: str) -> None:
        released: list[str] = []
        try:
            if await self._visit(node):
                missing = self._missing
                for successor in self._graph.successors(node):
                    missing[successor] -= 1
                    if missing[successor] == 0:
                        released.append(successor)
        except BaseException as error:
            if not self._abandoned:
                self._crash = self._crash or error
                self._stopped = True
        finally:
            del self._running[node]
            self._release(released)
