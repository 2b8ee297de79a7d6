"""The guards of one execution, while it runs."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from irenic.engine.guard import EagerGuard, Guard, GuardedExecution
from irenic.engine.recorder import Recorder
from irenic.model.events import Log


class GuardWatch:
    """Lets guards watch an execution, from before its first block to its end."""

    def __init__(self, execution: GuardedExecution, recorder: Recorder, guards: Sequence[Guard]) -> None:
        self._execution = execution
        self._recorder = recorder
        self._guards = guards
        self._watchers: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Wait for the guards that look before anything is started, then let all of them watch."""
        eager = [guard for guard in self._guards if isinstance(guard, EagerGuard)]
        await asyncio.gather(*(self._guarded(guard, guard.look) for guard in eager))
        loop = asyncio.get_running_loop()
        self._watchers = [loop.create_task(self._guarded(guard, guard.watch)) for guard in self._guards]

    async def end(self) -> None:
        """Let nobody watch any more."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _guarded(self, guard: Guard, work: Callable[[GuardedExecution], Coroutine[Any, Any, None]]) -> None:
        """Do a guard's work; one that fails guards nothing any more, which must not go unsaid."""
        try:
            await work(self._execution)
        except Exception as error:
            text = f"{type(guard).__name__} has failed and guards nothing any more: {type(error).__name__}: {error}"
            if not self._recorder.is_sealed:
                self._recorder.emit(Log, level="error", text=text)
