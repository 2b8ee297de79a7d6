"""Notices running items that give no sign of life."""

import asyncio
from collections.abc import Mapping

from irenic.engine.item_run import ItemRun
from irenic.engine.recorder import Recorder
from irenic.model.events import ItemStatus
from irenic.model.progress import ProgressStatus


class StallWatch:
    """Marks items as stalled when they have said nothing for a while; any word of theirs makes them run again.

    :param after: seconds without a sign of life.
    """

    def __init__(self, after: float, recorder: Recorder, runs: Mapping[str, ItemRun]) -> None:
        self._after = after
        self._recorder = recorder
        self._runs = runs
        self._timer = asyncio.get_running_loop().call_later(after, self._look)

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._recorder.is_sealed:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        next_look = now + self._after
        for item in self._recorder.fold.items.values():
            run = self._runs.get(item.item)  # a leftover has none here
            if run is None or item.status is not ProgressStatus.RUNNING or not item.intent_open:
                continue
            if run.key is None:  # its work is over; its result is on the way to the store
                continue
            due = run.last_alive + self._after
            if due > now:
                next_look = min(next_look, due)
                continue
            message = f"no news for {self._after:g} s"
            self._recorder.emit(ItemStatus, item=item.item, status=ProgressStatus.RUNNING_STALLED, message=message)
        self._timer = loop.call_at(next_look, self._look)
