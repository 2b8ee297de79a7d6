"""One row of the page: what is known of an item, and what events, progress and outcomes make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import difference, places, status

if TYPE_CHECKING:
    from collections.abc import Callable


class Item:
    """What is known of an item.

    :param info: its ``id``, ``type`` and ``summary``, and the ids of its ``predecessors`` and ``successors``.
    :param number: its place in the flow.
    :param ask_order: asked for the names of its state's fields, in the order of their definition.
    """

    # Most items are as they begin: what is shared by all costs nothing for each.
    current: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None
    unknown_reason: str | None = None
    status = "not_seen"
    begun = False
    message = ""
    position = 0
    limit: dict[str, Any] | None = None
    waiting_for: str | None = None
    eta: float | None = None
    error: dict[str, Any] | None = None
    drift: dict[str, Any] | None = None
    """How it was changed outside irenic: what was stored, what was found, and its goal."""
    drifted = False
    """Whether nothing has been done about that yet."""
    leftover: dict[str, Any] | None = None
    """What is left over of an item that the flow no longer has, or that stands for another thing now."""
    elsewhere: list[dict[str, Any]] | None = None
    """The other places that have something of it, the latest first."""
    not_here = False
    _order: list[str] | None = None

    def __init__(self, info: dict[str, Any], number: int, ask_order: Callable[[], list[str]]) -> None:
        self.id: str = info["id"]
        self.number = number
        self.type: str = info.get("type", "")
        self.summary: str = info.get("summary", "")
        self.predecessors: list[str] = info["predecessors"]
        self.successors: list[str] = info["successors"]
        self._ask_order = ask_order

    @property
    def field_order(self) -> list[str]:
        """The names of the state's fields in the order of their definition, asked for when they are first needed."""
        if self._order is None:
            self._order = self._ask_order()
        return self._order

    def forget_run(self) -> None:
        """Take back all that an execution said, so that the row speaks of the stored states alone."""
        self.begun = False
        self.message = ""
        self.position = 0
        self.limit = None
        self.waiting_for = None
        self.eta = None
        self.error = None
        self.drift = None
        self.drifted = False
        self.status = self.stored_status()

    def stored_status(self) -> str:
        """Return what the stored states amount to."""
        if self.leftover is not None:
            return "left_over"
        if self.not_here:
            return "not_here"
        if self.unknown_reason is not None:
            return "unknown"
        if self.current is None:
            return "not_seen"
        if self.goal is None:
            return "seen"
        return "not_at_goal" if self.differs() else "at_goal"

    def differs(self) -> bool:
        """Whether the current state is known to be another than the goal state."""
        if self.current is None or self.goal is None or self.current == self.goal:
            return False
        return any(field.differs for field in difference.fields(self.current, self.goal, []))

    def difference_text(self) -> str:
        """Say in a few words what differs."""
        if self.leftover is not None or self.not_here:
            return ""
        return difference.summary(self.current, self.goal, self.field_order)

    def shown_status(self) -> str:
        """Return the status to show.

        An item that a stop held back before it began was not started, and what was done in another place is not here.
        """
        if self.drifted and self.status in _AT_REST:
            return "drifted"
        if self.not_here and self.status in _DONE:
            return "not_here"
        return "initialized" if self.status == "interrupted" and not self.begun else self.status

    def drift_before(self) -> dict[str, Any] | None:
        """Return how it was changed outside irenic, where that is repaired by now."""
        return None if self.drifted else self.drift

    def is_running(self) -> bool:
        """Whether the item is at work now, or waits in the middle of its work."""
        return self.status in status.RUNNING_STATUSES

    # What is heard of it.

    def know(self, stored: dict[str, Any] | None, place: str | None = None) -> None:
        """Take what is stored of it; where nothing is, what was known stays.

        :param place: the id of this browser as a place.
        """
        here = places.entry_here(stored, place)
        self.elsewhere = places.entries_elsewhere(stored, place)
        self.not_here = here is None and bool(self.elsewhere)
        if self.not_here:
            self.current = None
        entry = here or {}
        self.current = entry.get("current") or self.current
        self.goal = entry.get("goal") or self.goal
        self.unknown_reason = (entry.get("unknown_reason") or "not known") if entry.get("unknown") else None

    def take_states(self, entry: dict[str, Any] | None) -> None:
        """Take the states that an outcome gives."""
        if entry is not None:
            if not self.not_here:
                self.current = entry.get("current") or self.current
            self.goal = entry.get("goal") or self.goal

    def find_drift(self, drift: dict[str, Any] | None) -> bool:
        """Take what a look at the world says of changes outside irenic, and return whether that is news."""
        if drift is None and not self.drifted:
            return False
        self.drift = drift
        self.drifted = drift is not None
        if drift is not None:
            self.current = drift.get("found") or self.current
            self.goal = drift.get("goal") or self.goal
        return True

    def hear(self, event: dict[str, Any], block: str, dry_run: bool) -> bool:
        """Take an event, and return whether it says something of an item.

        :param block: the block that the execution is in.
        :param dry_run: whether it only imagines what it applies.
        """
        kind = event["kind"]
        if kind == "item_state":
            self._state(event, block, dry_run)
        elif kind == "item_result":
            self._result(event, dry_run)
        elif kind in _HANDLERS:
            _HANDLERS[kind](self, event)
        else:
            return False
        return True

    def enter_block(self) -> None:
        """Wait for its turn in the block that begins."""
        self.status = "exec_pending"
        self.position = 0
        self.limit = None
        self.message = ""

    def progressed(self, now: dict[str, Any]) -> bool:
        """Take a snapshot of its progress, and return whether that is news."""
        before = (self.status, self.position, self.limit, self.message, self.waiting_for, self.eta)
        self.status = now.get("status", self.status)
        self.position = now.get("position", self.position)
        self.limit = now.get("limit")
        self.message = now.get("message") or ""
        self.waiting_for = now.get("waiting_for")
        self.eta = now.get("eta")
        return before != (self.status, self.position, self.limit, self.message, self.waiting_for, self.eta)

    def settle(self, name: str, error: dict[str, Any] | None) -> None:
        """Stand as the execution has left it."""
        self.eta = None
        self.waiting_for = None
        self.error = error
        if error is not None:
            self.status = "complete_fail"
            self.message = error.get("message", "")
            return
        self.status = name
        if name in _DONE:
            self.unknown_reason = None
            self._at_its_end()
        elif name == "unknown":
            self.message = "it was begun and no result was recorded"
        elif name == "interrupted":
            self.message = "stopped half-way: its state is not known" if self.begun else ""
        elif name == "initialized":
            self.message = ""

    def refuse(self, refusal: dict[str, Any] | None, *, is_elsewhere: bool = False) -> None:
        """Stand as before an execution that was refused, and say why where that is because of this item.

        :param is_elsewhere: whether what it found changed is in another place.
        """
        self.eta = None
        self.waiting_for = None
        self.message = ""
        self.error = None
        self.status = self.stored_status()
        reason = (refusal or {}).get("reason")
        if refusal is None or reason == "held":
            return
        if reason == "drift" and is_elsewhere:
            self.drift = None
            self.message = "changed outside irenic in the place where this was run"
        elif reason == "drift":
            found = {"stored": refusal.get("stored"), "found": refusal.get("discovered"), "goal": refusal.get("goal")}
            self.find_drift(self.drift or found)
        else:
            self.status = "refused"
            self.message = refusal.get("message", "")

    def _at_its_end(self) -> None:
        if self.limit is not None and self.limit.get("total") is not None:
            self.position = self.limit["total"]

    def _status(self, event: dict[str, Any]) -> None:
        asked, self.status = self.status == "user_pending", event["status"]
        self.waiting_for = event.get("waiting_for")
        # A question is over with the status that it came with; other messages stay until the next.
        self.message = event.get("message") or ("" if asked else self.message)
        self.limit = event.get("limit") or self.limit

    def _position(self, event: dict[str, Any]) -> None:
        self.position = event["position"]
        self.limit = event.get("limit") or self.limit
        self.message = event.get("message") or ""

    def _state(self, event: dict[str, Any], block: str, dry_run: bool) -> None:
        state = event.get("state")
        if state is not None and event["which"] == "goal":
            self.goal = state
        elif state is not None and not (dry_run and block == "apply"):
            # What a dry run applies is only imagined.
            self.current = state
        if event["which"] == _DISCOVERED_BY.get(block) and self.error is None:
            self.status = "complete_success"

    def _verdict(self, event: dict[str, Any]) -> None:
        if event.get("drift") is not None:
            self.drift = event["drift"]

    def _kept(self, event: dict[str, Any]) -> None:
        self.current = event.get("state") or self.current

    def _intent(self, event: dict[str, Any]) -> None:
        self.begun = True
        self.status = "running"
        self.current = event.get("current") or self.current
        if event["direction"] == "ensure":
            self.goal = event.get("target") or self.goal

    def _result(self, event: dict[str, Any], dry_run: bool) -> None:
        self.eta = None
        self.waiting_for = None
        if not dry_run:
            self.current = event.get("state") or self.current
        self.goal = event.get("goal") or self.goal
        result = event["result"]
        if result == "applied" or result == "unchanged":
            self.status = "complete_success"
            self.error = None
            self.unknown_reason = None
            self.message = "" if result == "applied" else "nothing to do"
            self._at_its_end()
        elif result == "failed":
            self._fail(event)
        else:
            self.status = "interrupted"
            # Where its state is known it was stopped after its intent, and before anything was done.
            self.begun = event.get("state") is None
            self.message = "cancelled" if self.begun else "stopped before it was applied"
            self.error = event.get("error")
            if self.error:
                self.message = f"cancelled, and failed: {self.error.get('message', '')}"

    def _fail(self, event: dict[str, Any]) -> None:
        self.status = "complete_fail"
        self.error = event.get("error")
        self.message = (self.error or {}).get("message", "")


# The state that an item has to show to be done with a block.
_DISCOVERED_BY = {
    "states_discover": "goal",
    "states_goal_discover": "goal",
    "states_current_discover": "current",
}

_HANDLERS: dict[str, Callable[[Item, dict[str, Any]], None]] = {
    "item_status": Item._status,
    "item_position": Item._position,
    "item_verdict": Item._verdict,
    "item_intent": Item._intent,
    "item_kept": Item._kept,
    "item_error": Item._fail,
}

_DONE = ("complete_success", "cleaned", "repaired", "replaced", "left_alone", "removed")
"""What it may be when a command is done with it."""

_AT_REST = ("complete_success", "initialized", "not_seen", "at_goal", "not_at_goal", "seen")
"""What it may be while a change from outside is the most important thing to say of it."""
