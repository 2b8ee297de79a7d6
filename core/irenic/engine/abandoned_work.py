"""Applies that were abandoned and still run in this process."""

import itertools
from typing import Any, NamedTuple, Protocol


class Work(Protocol):
    """A task, or a function in a thread."""

    def add_done_callback(self, callback: Any, /) -> object:
        """Have a function called when it ends."""


class _Entry(NamedTuple):
    flow: str
    profile: str
    item: str
    execution_id: str


class AbandonedWork:
    """Knows what was abandoned, until it ends: the same items may not be applied beside it."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._entries: dict[int, _Entry] = {}

    def add(self, flow: str, profile: str, item: str, execution_id: str, work: Work) -> None:
        """Note work of an item that nobody waits for any more; its end may be noticed in another thread."""
        number = next(self._numbers)
        self._entries[number] = _Entry(flow, profile, item, execution_id)
        work.add_done_callback(lambda ended: self._entries.pop(number, None))

    def of(self, flow: str, profile: str) -> dict[str, str]:
        """Return the items of a profile that still run, each with the execution that abandoned it."""
        entries = list(self._entries.values())
        return {entry.item: entry.execution_id for entry in entries if (entry.flow, entry.profile) == (flow, profile)}
