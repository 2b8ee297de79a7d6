"""Tells the page what happens, at most once a frame for each execution."""

import asyncio
from collections.abc import Callable, Sequence

from irenic.endpoints.tab_messages import Asked, Events, Message, OutcomeReached, Progress
from irenic.engine.endpoint import ExecutionView
from irenic.model.events import Ask, ItemPosition, JournalEvent
from irenic.model.outcome import CmdOutcome
from irenic.model.progress import ExecutionProgress, ItemProgress, ProgressStatus

FRAME = 1 / 60

PROGRESS_SHARE = 0.1
"""The part of the core's time that pictures of the progress may take; those of a large flow come less often."""

MOST_AT_ONCE = 50
"""So many events, or items of a picture of the progress, are in one message: the page is not held up by reading it."""

Post = Callable[[Message], None]


class TabEndpoint:
    """Posts events, progress and outcomes.

    Of an item's positions within a frame only the last is posted; whatever else happens is posted whole and in order.
    Progress names the items that have changed since it was posted last. What is much is posted as several messages.
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
            outbox.flush(whole=True)
        self._post(OutcomeReached(execution_id=execution.id, outcome=outcome))


class _Outbox:
    """What is to be told of one execution at the next frame."""

    def __init__(self, execution: ExecutionView, post: Post) -> None:
        self._execution = execution
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._events: dict[str, JournalEvent] = {}
        self._told: dict[str, tuple[object, ...]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next_flush = 0.0
        self._next_progress = 0.0

    def add(self, events: Sequence[JournalEvent]) -> None:
        for event in events:
            key = f"position of {event.item}" if isinstance(event, ItemPosition) else str(event.seq)
            self._events.pop(key, None)
            self._events[key] = event
            if isinstance(event, Ask):
                self._post(
                    Asked(execution_id=event.execution_id, ask_id=event.ask_id, item=event.item, prompt=event.prompt)
                )
        self._flush_at(self._next_flush)

    def flush(self, *, whole: bool = False) -> None:
        """Post what there is now; ``whole`` where it is the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        self._next_flush = now + FRAME
        events, self._events = list(self._events.values()), {}
        for at in range(0, len(events), MOST_AT_ONCE):
            self._post(Events(execution_id=self._execution.id, events=events[at : at + MOST_AT_ONCE]))
        if whole or now >= self._next_progress:
            self._post_progress()
        else:
            self._flush_at(self._next_progress)

    def _flush_at(self, when: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(max(0.0, when - self._loop.time()), self.flush)

    def _post_progress(self) -> None:
        began = self._loop.time()
        progress = self._execution.progress
        changed = [(name, item) for name, item in progress.items.items() if self._is_news(name, item)]
        for at in range(0, len(changed) or 1, MOST_AT_ONCE):
            part = dict(changed[at : at + MOST_AT_ONCE])
            self._post(Progress(execution_id=self._execution.id, progress=_with_items(progress, part)))
        ended = self._loop.time()
        self._next_progress = ended + (ended - began) / PROGRESS_SHARE

    def _is_news(self, name: str, item: ItemProgress) -> bool:
        picture = (item.status, item.position, item.limit, item.message, item.waiting_for)
        known = self._told.get(name, _PENDING)
        self._told[name] = picture
        return picture != known


_PENDING = (ProgressStatus.EXEC_PENDING, 0, None, "", None)
"""How an item begins, which goes without saying."""


def _with_items(progress: ExecutionProgress, items: dict[str, ItemProgress]) -> ExecutionProgress:
    return progress.model_copy(update={"items": items})
