"""Where an execution meets the world: interrupts come in, progress and outcome go out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from irenic.model.errors import IrenicError
from irenic.model.events import JournalEvent
from irenic.model.interrupt import InterruptReply
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress
from irenic.model.record import ExecutionRecord


class ExecutionView(Protocol):
    """An execution as an endpoint sees it."""

    @property
    def id(self) -> str:
        """The execution's id."""

    @property
    def record(self) -> ExecutionRecord:
        """What was asked for."""

    @property
    def progress(self) -> ExecutionProgress:
        """A snapshot of its progress."""


class InterruptSender(Protocol):
    """What an input endpoint sends interrupts to; both may be called from a signal handler or another thread."""

    def interrupt(
        self, execution_id: str, *, source: str, reason: str | None = None, level: str | None = None
    ) -> InterruptReply:
        """Ask one execution to stop."""

    def interrupt_all(self, *, source: str, reason: str | None = None, level: str | None = None) -> InterruptReply:
        """Ask every execution of the process to stop."""


@runtime_checkable
class InputEndpoint(Protocol):
    """A source of interrupts."""

    async def listen(self, interrupts: InterruptSender) -> None:
        """Pass interrupts on until cancelled; begins with the first execution and ends with the map."""


@runtime_checkable
class ProgressEndpoint(Protocol):
    """A sink of progress."""

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """Take the events since the last call, in order; positions may have been coalesced, nothing else."""


@runtime_checkable
class OutputEndpoint(Protocol):
    """A sink of outcomes."""

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """Take the outcome, after all events."""


Endpoint = InputEndpoint | ProgressEndpoint | OutputEndpoint


def check_endpoint(endpoint: object) -> None:
    """Refuse an object that would neither send nor be sent anything.

    :raises IrenicError: if it has none of an endpoint's methods, or is a class.
    """
    if isinstance(endpoint, type):
        raise IrenicError(f"{endpoint.__name__} is a class: give an endpoint, as {endpoint.__name__}().")
    if not isinstance(endpoint, (InputEndpoint, ProgressEndpoint, OutputEndpoint)):
        raise IrenicError(
            f"{type(endpoint).__name__} is no endpoint: it has none of the methods listen, on_events and on_outcome."
        )
