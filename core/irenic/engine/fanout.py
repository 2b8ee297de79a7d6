"""One output of an execution, replicated to any number of endpoints; a slow or broken one is cut off."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from irenic.engine.endpoint import Endpoint, ExecutionView, OutputEndpoint, ProgressEndpoint
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome

QUEUE_BOUND = 20_000
"""Events that may wait for an endpoint; one that falls further behind is cut off."""

PATIENCE = 5.0
"""Seconds that one call of an endpoint may take."""

DRAIN = 0.25
"""Seconds that an execution waits at its end for endpoints that still have something to take."""

FRAME = 1 / 60
"""Seconds between two calls that bring no events, only moved positions."""


class FanOut:
    """Hands events, and in the end the outcome, to each endpoint in a task of its own."""

    def __init__(self, view: ExecutionView, endpoints: Sequence[Endpoint], on_cut: Callable[[str, str], None]) -> None:
        takers = [e for e in endpoints if isinstance(e, (ProgressEndpoint, OutputEndpoint))]
        self._sinks = [_Sink(view, endpoint, on_cut) for endpoint in takers]

    def push(self, event: JournalEvent) -> None:
        """Queue an event for every endpoint."""
        for sink in self._sinks:
            sink.push(event)

    def touch(self) -> None:
        """Say that positions moved."""
        for sink in self._sinks:
            sink.touch()

    async def finish(self, outcome: CmdOutcome) -> None:
        """Queue the outcome and give every endpoint a moment to take what is left."""
        for sink in self._sinks:
            sink.finish(outcome)
        tasks = [sink.task for sink in self._sinks]
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN)

    async def close(self) -> None:
        """Wait until every endpoint has taken everything or was cut off."""
        if self._sinks:
            await asyncio.wait([sink.task for sink in self._sinks])


class _Sink:
    """The queue and the task of one endpoint."""

    def __init__(self, view: ExecutionView, endpoint: Endpoint, on_cut: Callable[[str, str], None]) -> None:
        self._view = view
        self._endpoint = endpoint
        self._on_cut = on_cut
        self._queue: deque[JournalEvent] = deque()
        self._positions: dict[str, int] = {}
        self._wake: asyncio.Future[None] | None = None
        self._touched = False
        self._outcome: CmdOutcome | None = None
        self._is_cut = False
        self.task = asyncio.get_running_loop().create_task(self._run())

    def push(self, event: JournalEvent) -> None:
        if self._is_cut:
            return
        if len(self._queue) >= QUEUE_BOUND:
            self._cut(f"fell behind by {QUEUE_BOUND} events")
            return
        self._queue.append(event)
        self._awake()

    def touch(self) -> None:
        if not self._touched:
            self._touched = True
            self._awake()

    def finish(self, outcome: CmdOutcome) -> None:
        self._outcome = outcome
        self._awake()

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _cut(self, reason: str) -> None:
        if not self._is_cut:
            self._is_cut = True
            self._queue.clear()
            self._awake()
            self._on_cut(type(self._endpoint).__name__, reason)

    async def _run(self) -> None:
        try:
            while not self._is_cut and (self._outcome is None or self._queue):
                await self._next()
                if not self._is_cut:
                    await self._deliver()
            if not self._is_cut and self._outcome is not None and isinstance(self._endpoint, OutputEndpoint):
                await self._call(self._endpoint.on_outcome(self._view, self._outcome))
        except _EndpointFailed as failure:
            self._cut(str(failure))

    async def _next(self) -> None:
        if self._queue or self._outcome is not None:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        if not self._touched:
            await self._wake
        if not self._queue and self._outcome is None:
            self._wake = loop.create_future()
            await asyncio.wait([self._wake], timeout=FRAME)
        self._wake = None

    async def _deliver(self) -> None:
        self._touched = False
        batch = list(self._queue)
        self._queue.clear()
        if isinstance(self._endpoint, ProgressEndpoint):
            await self._call(self._endpoint.on_events(self._view, batch))

    async def _call(self, call: object) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                await call  # type: ignore[misc]  # the coroutine of one of the two protocols
        except TimeoutError as error:
            raise _EndpointFailed(f"took more than {PATIENCE:g} s") from error
        except Exception as error:
            raise _EndpointFailed(f"raised {type(error).__name__}: {error}") from error
        if loop.time() - began > PATIENCE:
            raise _EndpointFailed(f"blocked for more than {PATIENCE:g} s")


class _EndpointFailed(Exception):
    """Why an endpoint is cut off."""
