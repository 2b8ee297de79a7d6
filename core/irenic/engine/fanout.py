"""One output of an execution, replicated to any number of endpoints; a slow or broken one is cut off."""

import asyncio
import inspect
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any

from irenic.engine.endpoint import Endpoint, ExecutionView, OutputEndpoint, ProgressEndpoint
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome

QUEUE_BOUND = 20_000
"""Events that may wait for an endpoint; one that stays further behind for GRACE seconds is cut off."""

GRACE = 1.0
"""Seconds that an endpoint has for taking what came in one burst: a flow of many items begins a block with one."""

PATIENCE = 5.0
"""Seconds that one call of an endpoint may take."""

HELD_SECONDS = 1.0
HELD_SHARE = 0.1
"""An endpoint may hold the event loop, in which nothing else goes on, for so many seconds and this share of time."""

DRAIN = 0.25
"""Seconds that an execution waits at its end for endpoints that still have something to take."""

FRAME = 1 / 60
"""Seconds between two calls that bring no events, only moved positions."""


class FanOut:
    """Hands events, and in the end the outcome, to each endpoint in a task of its own."""

    def __init__(self, view: ExecutionView, endpoints: Sequence[Endpoint], on_cut: Callable[[str, str], None]) -> None:
        takers = [e for e in endpoints if isinstance(e, (ProgressEndpoint, OutputEndpoint))]
        names = _names_of(takers)
        self._sinks = [_Sink(view, endpoint, name, on_cut) for endpoint, name in zip(takers, names, strict=True)]

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

    def __init__(self, view: ExecutionView, endpoint: Endpoint, name: str, on_cut: Callable[[str, str], None]) -> None:
        self._view = view
        self._endpoint = endpoint
        self._name = name
        self._on_cut = on_cut
        self._began = time.perf_counter()
        self._held = 0.0
        self._queue: deque[JournalEvent] = deque()
        self._behind_since = 0.0
        self._wake: asyncio.Future[None] | None = None
        self._touched = False
        self._outcome: CmdOutcome | None = None
        self._is_cut = False
        self.task = asyncio.get_running_loop().create_task(self._run())

    def push(self, event: JournalEvent) -> None:
        if self._is_cut:
            return
        if not self._queue:
            self._behind_since = self.task.get_loop().time()
        elif len(self._queue) >= QUEUE_BOUND and self.task.get_loop().time() - self._behind_since > GRACE:
            self._cut(f"fell behind by {len(self._queue)} events")
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
            self._on_cut(self._name, reason)

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

    async def _call(self, call: Coroutine[Any, Any, None]) -> None:
        calling = asyncio.get_running_loop().create_task(self._timed(call))
        try:
            await asyncio.wait([calling], timeout=PATIENCE)
        finally:
            calling.cancel()  # whatever it makes of that, nobody waits for it
            if inspect.getcoroutinestate(call) == inspect.CORO_CREATED:
                call.close()  # cancelled before it began
        if not calling.done():
            raise _EndpointFailed(f"took more than {PATIENCE:g} s")
        error = asyncio.CancelledError() if calling.cancelled() else calling.exception()
        if error is not None:
            raise _EndpointFailed(f"raised {type(error).__name__}: {error}") from error
        elapsed = time.perf_counter() - self._began
        if self._held > HELD_SECONDS + HELD_SHARE * elapsed:
            raise _EndpointFailed(f"held the program up for {self._held:.1f} s of {elapsed:.1f} s")

    async def _timed(self, call: Coroutine[Any, Any, None]) -> None:
        await _Timed(call, self._hold)

    def _hold(self, seconds: float) -> None:
        self._held += seconds


class _Timed:
    """Awaits a coroutine and notes for how long each of its steps holds the event loop."""

    def __init__(self, call: Coroutine[Any, Any, None], note: Callable[[float], None]) -> None:
        self._call = call
        self._note = note

    def __await__(self) -> Generator[Any, Any, None]:
        thrown: BaseException | None = None
        while True:
            began = time.perf_counter()
            try:
                waited_for = self._call.send(None) if thrown is None else self._call.throw(thrown)
            except StopIteration:
                return
            finally:
                self._note(time.perf_counter() - began)
            thrown = None
            try:
                yield waited_for
            except BaseException as error:
                thrown = error


def _names_of(endpoints: Sequence[Endpoint]) -> list[str]:
    """Return a name for each endpoint: its class, with a number where there are several."""
    counts: Counter[str] = Counter()
    names = []
    for endpoint in endpoints:
        kind = type(endpoint).__name__
        counts[kind] += 1
        names.append(kind if counts[kind] == 1 else f"{kind} {counts[kind]}")
    return names


class _EndpointFailed(Exception):
    """Why an endpoint is cut off."""
