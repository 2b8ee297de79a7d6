"""The stored states of a flow's profile, derived from journals event by event."""

from typing import Any

from pydantic import BaseModel

from irenic.model.cmd import Direction, StateKind
from irenic.model.events import ItemIntent, ItemResult, ItemState, JournalEvent
from irenic.model.timestamps import Timestamp, seconds_between
from irenic.model.trusted import trusted


class ItemStates(BaseModel):
    """What is stored of one item.

    ``current`` is the last state that was seen; where ``unknown`` is set, something may have changed it since
    (``unknown_reason`` says what) and it has to be discovered before it is relied upon. ``applied_at`` is the last
    successful apply, which took ``duration`` seconds.
    """

    current: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None
    params_hash: str | None = None
    code_hash: str | None = None
    unknown: bool = False
    unknown_reason: str | None = None
    current_at: Timestamp | None = None
    applied_at: Timestamp | None = None
    begun_at: Timestamp | None = None
    duration: float | None = None
    execution_id: str | None = None
    seq: int | None = None


class FlowStates(BaseModel):
    """The stored states of a flow in one profile; ``serial`` grows with every change."""

    flow: str
    profile: str
    serial: int = 0
    items: dict[str, ItemStates] = {}

    def apply(self, event: JournalEvent) -> bool:
        """Take one event into account; a known state is never overwritten by an unknown one.

        :return: whether the event changed anything.
        """
        if not isinstance(event, (ItemState, ItemIntent, ItemResult)):
            return False
        if isinstance(event, ItemState) and (not event.stored or event.state is None):
            return False
        entry = self.items.get(event.item)
        if entry is None:
            entry = self.items[event.item] = trusted(ItemStates, {})
        known = entry.__dict__  # assigning to a model's fields one by one takes many times as long
        known["execution_id"] = event.execution_id
        known["seq"] = event.seq
        self.serial += 1
        if isinstance(event, ItemState):
            _seen(known, event)
        elif isinstance(event, ItemIntent):
            _intended(known, event)
        else:
            _ended(known, event)
        return True


def _seen(entry: dict[str, Any], event: ItemState) -> None:
    if event.which is StateKind.GOAL:
        entry["goal"] = event.state
        return
    _known(entry, event.state, event.at)


def _known(entry: dict[str, Any], state: dict[str, Any] | None, at: str) -> None:
    entry["current"] = state
    entry["current_at"] = at
    entry["unknown"] = False
    entry["unknown_reason"] = None


def _intended(entry: dict[str, Any], event: ItemIntent) -> None:
    if event.current is not None:
        entry["current"] = event.current
        entry["current_at"] = event.at
    if event.direction is Direction.ENSURE and event.target is not None:
        entry["goal"] = event.target
    entry["begun_at"] = event.at
    entry["unknown"] = True
    entry["unknown_reason"] = f"its {event.direction} was begun and no result was recorded"


def _ended(entry: dict[str, Any], event: ItemResult) -> None:
    if event.result in ("applied", "unchanged"):
        if event.goal is not None:
            entry["goal"] = event.goal
        if event.state is not None:
            _known(entry, event.state, event.at)
        entry["params_hash"] = event.params_hash
        entry["code_hash"] = event.code_hash
        if event.result == "applied":
            entry["applied_at"] = event.at
            entry["duration"] = seconds_between(entry["begun_at"], event.at) if entry["begun_at"] else None
        return
    if event.state is not None:
        _known(entry, event.state, event.at)
        return
    entry["unknown"] = True
    how = "failed" if event.result == "failed" else "was cancelled"
    entry["unknown_reason"] = f"its {event.direction} {how} half-way"
