"""An endpoint that records what it was told, so that tests read as a list of what happened."""

from collections.abc import Sequence

from irenic.engine.endpoint import ExecutionView
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome


class RecordingEndpoint:
    """Keeps every event and outcome in the order of their arrival."""

    def __init__(self) -> None:
        self.events: list[JournalEvent] = []
        self.outcomes: list[CmdOutcome] = []

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """See :class:`irenic.engine.endpoint.ProgressEndpoint`."""
        self.events.extend(events)

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        self.outcomes.append(outcome)

    @property
    def happened(self) -> list[tuple[str, ...]]:
        """What happened, as tuples: ``("item_intent", "archive")``, ``("block_started", "ensure", "apply")``, ..."""
        return [_tuple(event) for event in self.events]


def _tuple(event: JournalEvent) -> tuple[str, ...]:
    words: list[str] = [event.kind]
    for name in ("cmd", "block", "item", "which", "result", "status"):
        value = getattr(event, name, None)
        if value is not None:
            words.append(str(value))
    return tuple(words)
