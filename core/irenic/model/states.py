"""The stored states of a flow's profile, derived from journals event by event."""

from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel

from irenic.model import events as e
from irenic.model.cmd import Direction, StateKind
from irenic.model.events import Event, ItemAbout, JournalEvent
from irenic.model.place import PlaceInfo
from irenic.model.timestamps import Timestamp, seconds_between
from irenic.model.trusted import trusted


class ItemStates(BaseModel):
    """What is stored of one item.

    ``current`` is the last state that was seen; where ``unknown`` is set, something may have changed it since
    (``unknown_reason`` says what) and it has to be discovered before it is relied upon. ``applied_at`` is the last
    successful apply, which took ``duration`` seconds, and ``applied_by`` the execution and the event that recorded it.
    ``made`` says whether irenic made or adopted what is there; it is only ``claimed`` while the result of the first
    intent is not known, because nothing may have been touched. ``key`` is the idempotency key of an intent whose result
    is not known.

    ``place`` is set for an item whose state lives in files: all of this is then about that place, and ``elsewhere``
    holds what is stored of the others, by their ids.
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
    about: ItemAbout | None = None
    applied_by: tuple[str, int] | None = None
    made: bool | None = None
    made_at: Timestamp | None = None
    claimed: bool = False
    key: str | None = None
    place: PlaceInfo | None = None
    elsewhere: dict[str, "ItemStates"] = {}

    @property
    def is_made(self) -> bool:
        """Whether irenic made or adopted what is there; an entry of an earlier version says so by its times."""
        return self.made if self.made is not None else self.begun_at is not None

    def at(self, place: str | None) -> "ItemStates | None":
        """Return the entry for a place; that of an item which lives in no files is the same for all."""
        if self.place is None or self.place.id == place:
            return self
        return None if place is None else self.elsewhere.get(place)

    def others(self, place: str | None) -> "list[ItemStates]":
        """Return the entries for other places, the latest first."""
        entries = [*self.elsewhere.values()]
        if self.place is not None:
            entries.append(self)
        others = [entry for entry in entries if entry.place is not None and entry.place.id != place]
        return sorted(others, key=lambda entry: entry.current_at or "", reverse=True)


class FlowStates(BaseModel):
    """The stored states of a flow in one profile; ``serial`` grows with every change.

    What the flow no longer names stays in ``items``: under its item's id where the item was removed, under ``ID#1``,
    ``ID#2``, ... where the item stands for another thing now.
    """

    flow: str
    profile: str
    serial: int = 0
    items: dict[str, ItemStates] = {}

    def apply(self, event: JournalEvent) -> bool:
        """Take one event into account; a known state is never overwritten by an unknown one.

        :return: whether the event changed anything.
        """
        change = _CHANGES.get(type(event))
        if change is None:
            return False
        return change(self, event)

    def free_id(self, item: str) -> str:
        """Return the id under which a thing that an item no longer stands for can be stored."""
        number = 1
        while f"{item}#{number}" in self.items:
            number += 1
        return f"{item}#{number}"

    def move(self, item: str, to: str, place: str | None = None) -> None:
        """Store an entry under another id; with ``place``, only what is stored there, beside what the other has."""
        whole = self.items.pop(item)
        here = whole.at(place)
        if place is None or whole.place is None or here is None:
            self.items[to] = whole
            return
        left = _without_place(whole, place)
        if left is not None:
            self.items[item] = left
        present = self.items.get(to)
        others = [] if present is None or present.place is None else present.others(place)
        elsewhere = {other.place.id: _alone(other) for other in others if other.place is not None}
        self.items[to] = here.model_copy(update={"elsewhere": elsewhere})

    def _entry(self, event: Any) -> dict[str, Any]:
        """Return the fields of the entry that an event is about; made where there is none."""
        values = event.__dict__
        own = self.__dict__  # assigning to a model's fields one by one takes many times as long
        entry = own["items"].get(values["item"])
        if entry is None:
            entry = own["items"][values["item"]] = trusted(ItemStates, {})
        place: PlaceInfo | None = values["place"]
        if place is not None and entry.place != place:
            entry = own["items"][values["item"]] = _at_place(entry, place)
        fields: dict[str, Any] = entry.__dict__
        fields["execution_id"] = values["execution_id"]
        fields["seq"] = values["seq"]
        own["serial"] += 1
        return fields


def _at_place(entry: ItemStates, place: PlaceInfo) -> ItemStates:
    """Return an entry that is about a place, with all that is stored of others beside it."""
    if entry.place is None or entry.place.id == place.id:
        entry.place = place
        return entry
    elsewhere = {**entry.elsewhere, entry.place.id: entry.model_copy(update={"elsewhere": {}})}
    here = elsewhere.pop(place.id, None) or ItemStates()
    return here.model_copy(update={"place": place, "elsewhere": elsewhere})


def _seen(states: FlowStates, event: e.ItemState) -> bool:
    if not event.stored or event.state is None:
        return False
    entry = states._entry(event)
    if event.about is not None:
        entry["about"] = event.about
    if event.which is StateKind.GOAL:
        entry["goal"] = event.state
        return True
    if event.adopted:
        entry["made"], entry["made_at"] = True, event.at
    elif entry["key"] is not None and entry["current"] == event.state:
        # What the unfinished apply has done, if anything, cannot be seen: the next try has to have the same key.
        entry["current_at"] = event.at
        return True
    _known(entry, event.state, event.at)
    return True


def _known(entry: dict[str, Any], state: dict[str, Any] | None, at: str) -> None:
    entry["current"] = state
    entry["current_at"] = at
    entry["unknown"] = False
    entry["unknown_reason"] = None
    entry["key"] = None


_BEGUN = {direction: f"its {direction} was begun and no result was recorded" for direction in Direction}


def _intended(states: FlowStates, event: e.ItemIntent) -> bool:
    entry = states._entry(event)
    at, direction, current, target = event.at, event.direction, event.current, event.target
    if current is not None:
        entry["current"] = current
        entry["current_at"] = at
    if event.about is not None:
        entry["about"] = event.about
    if direction is Direction.ENSURE:
        if target is not None:
            entry["goal"] = target
        was_made = entry["made"] if entry["made"] is not None else entry["begun_at"] is not None
        if not was_made:
            entry["claimed"], entry["made_at"] = True, at
        entry["made"] = True
    entry["begun_at"] = at
    entry["unknown"] = True
    entry["unknown_reason"] = _BEGUN[direction]
    entry["key"] = event.key
    return True


def _kept(states: FlowStates, event: e.ItemKept) -> bool:
    entry = states._entry(event)
    entry["current"] = event.state
    entry["current_at"] = event.at
    return True


def _ended(states: FlowStates, event: e.ItemResult) -> bool:
    entry = states._entry(event)
    result, at = event.result, event.at
    is_untouched = result == "cancelled" and event.state is not None
    if is_untouched and entry["claimed"]:
        entry["made"], entry["made_at"] = False, None
    entry["claimed"] = False
    if result == "applied" or result == "unchanged":
        if event.goal is not None:
            entry["goal"] = event.goal
        if event.about is not None:
            entry["about"] = event.about
        state = event.state
        if state is not None:
            _known(entry, state, at)
        if event.direction is Direction.CLEAN and state is not None:
            entry["made"] = False
        entry["params_hash"] = event.params_hash
        entry["code_hash"] = event.code_hash
        if result == "applied":
            entry["applied_at"] = at
            entry["applied_by"] = (event.execution_id, event.seq)
            entry["duration"] = seconds_between(entry["begun_at"], at) if entry["begun_at"] else None
        return True
    if event.state is not None:
        _known(entry, event.state, event.at)
        return True
    entry["unknown"] = True
    how = "failed" if result == "failed" else "was cancelled"
    entry["unknown_reason"] = f"its {event.direction} {how} half-way"
    return True


def _moved(states: FlowStates, event: e.StateMoved) -> bool:
    if event.item not in states.items:
        return False
    states.move(event.item, event.to, event.place)
    states.serial += 1
    return True


def _forgotten(states: FlowStates, event: e.StateForgotten) -> bool:
    entry = states.items.get(event.item)
    if entry is None:
        return False
    left = _without_place(entry, event.place)
    if left is None:
        del states.items[event.item]
    else:
        states.items[event.item] = left
    states.serial += 1
    return True


def _alone(entry: ItemStates) -> ItemStates:
    return entry.model_copy(update={"elsewhere": {}}) if entry.elsewhere else entry


def _without_place(entry: ItemStates, place: str | None) -> ItemStates | None:
    if place is None or entry.place is None:
        return None
    if entry.place.id != place:
        elsewhere = {other: kept for other, kept in entry.elsewhere.items() if other != place}
        return entry.model_copy(update={"elsewhere": elsewhere})
    others = entry.others(place)
    if not others:
        return None
    elsewhere = {other.place.id: _alone(other) for other in others[1:] if other.place is not None}
    return others[0].model_copy(update={"elsewhere": elsewhere})


_CHANGES: dict[type[Event], Callable[[FlowStates, Any], bool]] = {
    e.ItemState: _seen,
    e.ItemIntent: _intended,
    e.ItemKept: _kept,
    e.ItemResult: _ended,
    e.StateMoved: _moved,
    e.StateForgotten: _forgotten,
}

StateEvent = e.ItemState | e.ItemIntent | e.ItemKept | e.ItemResult | e.StateMoved | e.StateForgotten

STATE_KINDS: frozenset[str] = frozenset(kind.model_fields["kind"].default for kind in get_args(StateEvent))
"""The kinds of events that change stored states."""
