"""The journal of an execution that only looks: it is held in memory, and leaves nothing behind."""

from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome


class UnrecordedJournal:
    """See :class:`irenic.engine.store.Journal`; what was appended is durable enough for what changes nothing."""

    def __init__(self) -> None:
        self.events: list[JournalEvent] = []

    def append(self, event: JournalEvent) -> None:
        """See the protocol."""
        self.events.append(event)

    @property
    def is_durable(self) -> bool:
        """See the protocol."""
        return True

    async def durable(self) -> None:
        """See the protocol."""

    async def finish(self, outcome: CmdOutcome) -> None:
        """See the protocol."""
