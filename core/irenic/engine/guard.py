"""What the engine asks of a guard: a source of interrupts that watches an execution."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol, runtime_checkable

from irenic.model.events import JournalEvent
from irenic.model.interrupt import InterruptReply


class GuardedExecution(Protocol):
    """An execution as a guard sees it."""

    id: str

    def events(self, after: int = -1) -> AsyncIterator[JournalEvent]:
        """Yield the journal's events as they are published."""

    def interrupt(self, *, source: str, reason: str | None = None, level: str | None = None) -> InterruptReply:
        """Ask the execution to stop."""


class Guard(Protocol):
    """Watches one execution at a time; several executions are watched by concurrent calls."""

    def watch(self, execution: GuardedExecution) -> Coroutine[Any, Any, None]:
        """Watch until cancelled, and interrupt the execution where that is called for."""


@runtime_checkable
class EagerGuard(Guard, Protocol):
    """A guard that is asked before anything is started."""

    def look(self, execution: GuardedExecution) -> Coroutine[Any, Any, None]:
        """Look once, and interrupt the execution where that is called for; the execution waits for it."""
