"""The walk over a graph: a node is visited the instant the last of its predecessors has ended."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from irenic.flow.graph import Graph


class Walk:
    """Visits the nodes of a graph side by side.

    :param visit: does the work for a node; false means that its successors are not released.
    :param may_start: asked before each start; the first no ends the starting for good.
    :param max_concurrency: how many visits run at once, not counting those that have made room.
    :param running: is given the tasks of the visits that have not ended, in the order of their start.
    """

    def __init__(
        self,
        graph: Graph,
        visit: Callable[[str], Awaitable[bool]],
        *,
        may_start: Callable[[], bool],
        max_concurrency: int,
        running: dict[str, asyncio.Task[None]] | None = None,
    ) -> None:
        self._visit = visit
        self._may_start = may_start
        self._max = max_concurrency
        self._graph = graph
        self._missing = graph.predecessor_counts()
        self._stopped = False
        self._abandoned = False
        self._crash: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._making_room: set[str] = set()
        self.ready: deque[str] = deque()
        self.running = {} if running is None else running
        self.started: list[str] = []

    @property
    def not_started(self) -> list[str]:
        """The nodes that were never visited, in insertion order."""
        if len(self.started) == len(self._graph):
            return []
        started = set(self.started)
        return [node for node in self._graph.nodes if node not in started]

    async def run(self) -> None:
        """Walk the graph; returns when nothing runs and nothing more may start.

        :raises BaseException: the first exception that a visit raised, after all others have ended.
        """
        self._release([node for node, count in self._missing.items() if count == 0])
        try:
            await self._ended
        except asyncio.CancelledError:
            self.stop()
            running = set(self.running.values())
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

    def make_room(self, node: str) -> None:
        """Let another visit start in a visit's place: its work is done, and it only waits for that to be kept."""
        self._making_room.add(node)
        self._release([])

    def abandon(self) -> list[asyncio.Task[None]]:
        """Stop waiting for what runs: :meth:`run` returns at once, and the running tasks are handed over."""
        self.stop()
        self._abandoned = True
        if not self._ended.done():
            self._ended.set_result(None)
        return list(self.running.values())

    def _release(self, nodes: list[str]) -> None:
        if nodes:
            self.ready.extend(nodes)
        if self.ready and not self._stopped:
            self._start()
        if not self.running and not self._ended.done():
            self._ended.set_result(None)

    def _start(self) -> None:
        ready, running, create_task = self.ready, self.running, self._loop.create_task
        room = self._max + len(self._making_room) - len(running)
        while ready and room > 0:
            if not self._may_start():
                self._stopped = True
                break
            node = ready.popleft()
            self.started.append(node)
            running[node] = create_task(self._run(node), name=node)
            room -= 1

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
            del self.running[node]
            if self._making_room:
                self._making_room.discard(node)
            self._release(released)
