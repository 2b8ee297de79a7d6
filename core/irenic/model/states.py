"""The stored states of a flow's profile, derived from journals event by event."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from irenic.model.cmd import Direction, StateKind
from irenic.model.events import Event, ItemIntent, ItemResult, ItemState, JournalEvent
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
        take = _TAKEN.get(type(event))
        if take is None or (type(event) is ItemState and (not event.stored or event.state is None)):
            return False
        told = event.__dict__
        own = self.__dict__  # assigning to a model's fields one by one takes many times as long
        entry = own["items"].get(told["item"])
        if entry is None:
            entry = own["items"][told["item"]] = trusted(ItemStates, {})
        known = entry.__dict__
        known["execution_id"] = told["execution_id"]
        known["seq"] = told["seq"]
        own["serial"] += 1
        take(known, event)
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


_BEGUN = {direction: f"its {direction} was begun and no result was recorded" for direction in Direction}


def _intended(entry: dict[str, Any], event: ItemIntent) -> None:
    at, direction, current, target = event.at, event.direction, event.current, event.target
    if current is not None:
        entry["current"] = current
        entry["current_at"] = at
    if target is not None and direction is Direction.ENSURE:
        entry["goal"] = target
    entry["begun_at"] = at
    entry["unknown"] = True
    entry["unknown_reason"] = _BEGUN[direction]


def _ended(entry: dict[str, Any], event: ItemResult) -> None:
    result, at = event.result, event.at
    if result in ("applied", "unchanged"):
        if event.goal is not None:
            entry["goal"] = event.goal
        state = event.state
        if state is not None:
            _known(entry, state, at)
        entry["params_hash"] = event.params_hash
        entry["code_hash"] = event.code_hash
        if result == "applied":
            entry["applied_at"] = at
            entry["duration"] = seconds_between(entry["begun_at"], at) if entry["begun_at"] else None
        return
    if event.state is not None:
        _known(entry, event.state, event.at)
        return
    entry["unknown"] = True
    how = "failed" if event.result == "failed" else "was cancelled"
    entry["unknown_reason"] = f"its {event.direction} {how} half-way"


_TAKEN: dict[type[Event], Callable[[dict[str, Any], Any], None]] = {
    ItemState: _seen,
    ItemIntent: _intended,
    ItemResult: _ended,
}
