"""An event loop for tests: its clock jumps to the next timer as soon as nothing else is left to do.

Sleeps and timeouts take no time, and the order of events is the same in every run. While a thread of the loop's
executor works, the clock stands still. ``steps`` counts the callbacks that were run; ``on_step`` is called before each
of them, outside of every task, which is where a test can interfere between any two steps of a program.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

IDLE_SECONDS = 20.0
"""Real seconds after which a loop that waits for the outside world, with no timer set, is taken to wait for ever."""


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on a clock of its own, which starts at 0."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._working = 0
        self.steps = 0
        self.on_step: Callable[[int], None] | None = None
        super().__init__(_JumpingSelector(self))
        # A callback leaves this queue right before it is run, and nowhere else.
        self._ready: deque[Any] = _Steps(self)

    def time(self) -> float:
        """Return the seconds on the loop's own clock."""
        return self._seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Call a function in a thread; the clock stands still until it has returned."""
        self._working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, future: asyncio.Future[Any]) -> None:
        self._working -= 1

    def jump(self) -> bool:
        """Move the clock to the next timer, unless a thread works; return whether it could be moved."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # no public way to see it
        if self._working or not scheduled:
            return False
        self._seconds = max(self._seconds, scheduled[0].when())
        return True


class _Steps(deque[Any]):
    def __init__(self, loop: VirtualClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def popleft(self) -> Any:
        loop = self._loop
        loop.steps += 1
        if loop.on_step is not None:
            loop.on_step(loop.steps)
        return super().popleft()


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if found or timeout == 0 or self._loop.jump():
            return found
        found = super().select(IDLE_SECONDS)
        if not found:
            raise RuntimeError("every task waits for something that nobody is going to do")
        return found


def run_virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, as :func:`asyncio.run` does, and return its result."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(coroutine)
