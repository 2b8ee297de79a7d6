"""Tells the page what happens, at most once a frame for each execution."""

import asyncio
from collections.abc import Callable, Sequence

from irenic.endpoints.tab_messages import Asked, Events, Message, OutcomeReached, Progress
from irenic.engine.endpoint import ExecutionView
from irenic.model.events import Ask, ItemPosition, JournalEvent
from irenic.model.outcome import CmdOutcome

FRAME = 1 / 60

Post = Callable[[Message], None]


class TabEndpoint:
    """Posts events, progress and outcomes.

    Of an item's positions within a frame only the last is posted; whatever else happens is posted whole and in order.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._outboxes: dict[str, _Outbox] = {}

    async def on_events(self, execution: ExecutionView, events: Sequence[JournalEvent]) -> None:
        """See :class:`irenic.engine.endpoint.ProgressEndpoint`."""
        outbox = self._outboxes.get(execution.id)
        if outbox is None:
            outbox = self._outboxes[execution.id] = _Outbox(execution, self._post)
        outbox.add(events)

    async def on_outcome(self, execution: ExecutionView, outcome: CmdOutcome) -> None:
        """See :class:`irenic.engine.endpoint.OutputEndpoint`."""
        outbox = self._outboxes.pop(execution.id, None)
        if outbox is not None:
            outbox.flush()
        self._post(OutcomeReached(execution_id=execution.id, outcome=outcome))


class _Outbox:
    """What is to be told of one execution at the next frame."""

    def __init__(self, execution: ExecutionView, post: Post) -> None:
        self._execution = execution
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._events: dict[str, JournalEvent] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0

    def add(self, events: Sequence[JournalEvent]) -> None:
        for event in events:
            key = f"position of {event.item}" if isinstance(event, ItemPosition) else str(event.seq)
            self._events.pop(key, None)
            self._events[key] = event
            if isinstance(event, Ask):
                self._post(
                    Asked(execution_id=event.execution_id, ask_id=event.ask_id, item=event.item, prompt=event.prompt)
                )
        if self._timer is None:
            self._timer = self._loop.call_later(max(0.0, self._flushed_at + FRAME - self._loop.time()), self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flushed_at = self._loop.time()
        events, self._events = list(self._events.values()), {}
        if events:
            self._post(Events(execution_id=self._execution.id, events=events))
        self._post(Progress(execution_id=self._execution.id, progress=self._execution.progress))
