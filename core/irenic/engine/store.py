"""What the engine needs of a store. Every store passes the same tests."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from irenic.model.events import JournalEvent
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionPage, ExecutionRecord, LeaseInfo
from irenic.model.states import FlowStates

LeaseLost = Callable[[str], None]
"""Called with a sentence when a lease was taken over or could not be kept."""

RemoteInterrupt = Callable[[InterruptSignal], None]
"""Called when somebody asked the store to interrupt the execution that holds the lease."""


class Lease(Protocol):
    """The right to write to a flow's profile, until released."""

    @property
    def info(self) -> LeaseInfo:
        """Who holds it, and its fencing number."""

    def check(self) -> None:
        """Raise where the holder may not go on; one that has ended and can be renewed is renewed, which may block.

        :raises FencedError: if another execution has taken over, or may have.
        """

    async def hold(self) -> None:
        """Do as :meth:`check` does without blocking, and wait longer for a store that cannot be reached.

        :raises FencedError: if another execution has taken over, or may have.
        """

    async def release(self) -> None:
        """Give it back; doing so twice is fine."""


class Journal(Protocol):
    """The append side of one execution's record."""

    def append(self, event: JournalEvent) -> None:
        """Take an event; events reach the store in this order."""

    @property
    def is_durable(self) -> bool:
        """Whether every event appended so far is known to survive a crash; else :meth:`durable` says it."""

    async def durable(self) -> None:
        """Return once every event appended so far would survive a crash.

        :raises StoreError: if they could not be kept; nothing more may be applied then.
        :raises FencedError: if another execution has taken over.
        """

    async def finish(self, outcome: CmdOutcome) -> None:
        """Store the outcome, once and durably; the journal takes nothing afterwards."""


class Store(Protocol):
    """Where journals, states, inputs and history live."""

    async def lease(
        self,
        flow: str,
        profile: str,
        *,
        execution_id: str,
        holder: str,
        take_over: bool = False,
        on_lost: LeaseLost | None = None,
        on_interrupt: RemoteInterrupt | None = None,
    ) -> Lease:
        """Take the right to write to a flow's profile.

        An execution that held it before and has no outcome is stored as lost.

        :raises HeldError: if another execution holds it; the message names the holder.
        """

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> Journal:
        """Begin an execution's journal; the picture of the flow is that of ``record.drawn()``.

        :raises StoreError: if there is an execution of that id already.
        """

    async def states(self, flow: str, profile: str) -> FlowStates:
        """Return the stored states, up to the last durable event; empty where nothing is stored."""

    async def profiles(self, flow: str) -> list[str]:
        """Return the profiles that have stored states or inputs, sorted."""

    async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
        """Return the stored flow inputs of a profile."""

    async def save_inputs(self, flow: str, profile: str, inputs: Mapping[str, Any]) -> None:
        """Replace the stored flow inputs of a profile."""

    async def execution(self, execution_id: str) -> ExecutionRecord | None:
        """Return what is known of an execution, or None."""

    async def executions(
        self,
        *,
        flow: str | None = None,
        profile: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """Return executions, newest first."""

    async def events(self, execution_id: str, *, after: int = -1, limit: int = 1000) -> list[JournalEvent]:
        """Return durable events with ``seq`` greater than ``after``, in order."""

    async def outcome(self, execution_id: str) -> CmdOutcome | None:
        """Return an execution's outcome, or None while there is none."""

    async def interrupt(self, execution_id: str, signal: InterruptSignal) -> InterruptReply:
        """Ask whoever runs an execution that holds a lease, in whatever process or tab, to stop."""

    async def close(self) -> None:
        """Give up what the store holds open; leases are released."""
