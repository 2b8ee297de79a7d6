"""The view model: one flow, one profile, its items, and the execution on screen.

It is told what the server and the core say, and remembers which parts of the screen that touches; it draws nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import difference, sentences, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


PICTURE = ("id", "items", "type", "summary", "edges", "predecessor", "successor")
"""What is taken of a flow's picture; the schemas of its items, by far the most of it, are looked at when needed."""


class Item:
    """One row: what is known of an item."""

    # Most items of a large flow are as they begin: what is shared by all costs nothing for each.
    predecessors: list[str] = []  # noqa: RUF012 - stays empty: an item with any has a list of its own
    successors: list[str] = []  # noqa: RUF012 - likewise
    ask_order: Callable[[], list[str]] | None = None
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
    _order: list[str] | None = None

    def __init__(self, info: dict[str, Any], number: int) -> None:
        self.id: str = info["id"]
        self.number = number
        self.type: str = info.get("type", "")
        self.summary: str = info.get("summary", "")

    @property
    def field_order(self) -> list[str]:
        """The names of the state's fields in the order of their definition, asked for when they are first needed."""
        if self._order is None:
            self._order = self.ask_order() if self.ask_order is not None else []
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
        self.status = self.stored_status()

    def stored_status(self) -> str:
        """Return what the stored states amount to."""
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
        return difference.summary(self.current, self.goal, self.field_order)

    def shown_status(self) -> str:
        """Return the status to show: an item that a stop held back before it began was not started."""
        return "initialized" if self.status == "interrupted" and not self.begun else self.status

    def is_running(self) -> bool:
        """Whether the item is at work now, or waits in the middle of its work."""
        return self.status in status.RUNNING_STATUSES


class Stop:
    """A stop that was asked for and has not settled."""

    def __init__(self, level: str, requested_at: str, source: str, reason: str | None) -> None:
        self.level = level
        self.requested_at = requested_at
        self.source = source
        self.reason = reason


class Execution:
    """The execution on screen."""

    def __init__(self, id: str, cmds: list[str], dry_run: bool, inputs: dict[str, Any], started_at: str | None) -> None:
        self.id = id
        self.cmds = cmds
        self.dry_run = dry_run
        self.inputs = inputs
        self.status = "starting"
        self.holder = ""
        self.fencing: int | None = None
        self.cmd = cmds[0] if cmds else ""
        self.block = ""
        self.started_at = started_at
        self.ended_at: str | None = None
        self.stop: Stop | None = None
        self.outcome: dict[str, Any] | None = None
        self.next_seq = 0


class Page:
    """All that is on screen; ``changed_items`` and ``changed`` say what has to be drawn again."""

    def __init__(self, flow: dict[str, Any], profile: str) -> None:
        self.flow = flow
        self.profile = profile
        self.items: dict[str, Item] = {}
        self.order: list[str] = []
        for number, info in enumerate(flow["items"]):
            self.items[info["id"]] = Item(info, number)
            self.order.append(info["id"])
        for edge in flow.get("edges", []):
            before, after = self.items[edge["predecessor"]], self.items[edge["successor"]]
            after.predecessors = after.predecessors or []
            after.predecessors.append(before.id)
            before.successors = before.successors or []
            before.successors.append(after.id)
        self.execution: Execution | None = None
        self.reply = ""
        self.changed = True
        self.changed_items: set[str] = set(self.order)
        self._running: dict[str, Item] | None = None

    def rows(self) -> list[Item]:
        """Return the items in the order of the flow."""
        return [self.items[id] for id in self.order]

    def drawn(self) -> tuple[bool, list[str]]:
        """Return what has changed since the last call: the head, and which items."""
        changed = self.changed
        if len(self.changed_items) == len(self.order):
            items = list(self.order)
        else:
            items = sorted(self.changed_items, key=lambda id: self.items[id].number)
        self.changed = False
        self.changed_items = set()
        return changed, items

    # What the server has stored.

    def show_states(self, states: dict[str, Any]) -> None:
        """Take the stored states of the profile; rows that no execution speaks of show them."""
        stored = states.get("items", {})
        for item in self.rows():
            entry = stored.get(item.id) or {}
            item.current = entry.get("current") or item.current
            item.goal = entry.get("goal") or item.goal
            item.unknown_reason = (entry.get("unknown_reason") or "not known") if entry.get("unknown") else None
            if self.execution is None:
                item.status = item.stored_status()
        self._touch_all()

    def show_execution(self, record: dict[str, Any]) -> None:
        """Put a stored execution on screen; its events and outcome follow."""
        execution = Execution(
            record["id"],
            record.get("cmds", []),
            bool(record.get("dry_run")),
            record.get("inputs") or {},
            record.get("started_at") or record.get("created_at"),
        )
        execution.status = record.get("status", "running")
        execution.holder = record.get("holder") or ""
        execution.fencing = record.get("fencing")
        execution.ended_at = record.get("ended_at")
        self._replace(execution)

    def begin(self, id: str, cmds: list[str], dry_run: bool, inputs: dict[str, Any], at: str) -> None:
        """Put an execution on screen that this page has just asked for."""
        self._replace(Execution(id, cmds, dry_run, inputs, at))
        for item in self.rows():
            item.status = "initialized"
        self._touch_all()

    def clear_execution(self) -> None:
        """Take the execution off the screen: the rows show what is stored."""
        self.execution = None
        for item in self.rows():
            item.forget_run()
        self._touch_all()

    def _replace(self, execution: Execution) -> None:
        self.execution = execution
        self.reply = ""
        for item in self.rows():
            item.forget_run()
        self._touch_all()

    def _touch_all(self) -> None:
        self.changed = True
        self.changed_items = set(self.order)
        self._running = None

    def _touch(self, item: Item) -> None:
        self.changed_items.add(item.id)
        if self._running is None:
            return
        if item.is_running():
            self._running[item.id] = item
        else:
            self._running.pop(item.id, None)

    def running(self) -> list[Item]:
        """Return the items that are at work now, in the order of the flow."""
        if self._running is None:
            self._running = {item.id: item for item in self.rows() if item.is_running()}
        return sorted(self._running.values(), key=lambda item: item.number)

    # What the journal says.

    def take_events(self, events: Iterable[dict[str, Any]]) -> None:
        """Take events of the execution on screen, in order; those already seen are left out."""
        execution = self.execution
        if execution is None:
            return
        for event in events:
            if (
                event["execution_id"] != execution.id
                or event["seq"] < execution.next_seq
                or execution.outcome is not None
            ):
                continue
            execution.next_seq = event["seq"] + 1
            if execution.status == "starting":
                execution.status = "running"
            item = self.items.get(event.get("item") or "")
            handler = _ITEM_HANDLERS.get(event["kind"])
            if handler is not None and item is not None:
                handler(item, event, execution)
                self._touch(item)
                if event["kind"] != "item_position":
                    self.changed = True
            elif event["kind"] in _EXECUTION_HANDLERS:
                _EXECUTION_HANDLERS[event["kind"]](self, execution, event)
                self.changed = True

    def take_progress(self, progress: dict[str, Any]) -> None:
        """Take a snapshot of the progress of the execution on screen."""
        execution = self.execution
        if execution is None or progress.get("execution_id") != execution.id or execution.outcome is not None:
            return
        if execution.status == "starting":
            execution.status = "running"
            self.changed = True
        if (progress.get("cmd"), progress.get("block")) != (execution.cmd, execution.block):
            execution.cmd = progress.get("cmd") or execution.cmd
            execution.block = progress.get("block") or ""
            self.changed = True
        for id, now in progress.get("items", {}).items():
            item = self.items.get(id)
            if item is not None and _progressed(item, now):
                self._touch(item)
                self.changed = True
        stop = progress.get("stop")
        if stop is not None:
            self._stopping(execution, stop["interrupt"])

    def take_outcome(self, outcome: dict[str, Any]) -> None:
        """Take the outcome of the execution on screen."""
        execution = self.execution
        if execution is None or outcome.get("execution_id") != execution.id or execution.outcome is not None:
            return
        execution.outcome = outcome
        execution.status = outcome["kind"]
        execution.started_at = outcome.get("started_at") or execution.started_at
        execution.ended_at = outcome.get("ended_at")
        execution.stop = None
        self.reply = ""
        lists = outcome.get("items") or {}
        errors = outcome.get("errors") or {}
        if not execution.dry_run:
            self._take_states(outcome.get("states") or {})
        for id in lists.get("done", []):
            self._settle(id, self._done_status(id, execution, outcome), errors)
        for id in lists.get("unknown", []):
            self._settle(id, "unknown", errors)
        for id in lists.get("not_done", []):
            item = self.items.get(id)
            if item is not None:
                self._settle(id, "interrupted" if item.begun else "initialized", errors)
        self._touch_all()

    def _take_states(self, states: dict[str, Any]) -> None:
        for id, entry in states.items():
            item = self.items.get(id)
            if item is not None:
                item.current = entry.get("current") or item.current
                item.goal = entry.get("goal") or item.goal

    def _done_status(self, id: str, execution: Execution, outcome: dict[str, Any]) -> str:
        """Return what it means for an item that the execution is done with it: only looking makes nothing done."""
        cmds = (outcome.get("cmds") or {}).get("done") or execution.cmds
        last = cmds[-1] if cmds else ""
        if outcome["kind"] != "complete" or (last == "ensure" and not execution.dry_run):
            return "complete_success"
        if last == "clean" and not execution.dry_run:
            return "cleaned"
        item = self.items.get(id)
        return item.stored_status() if item is not None else "unknown"

    def _settle(self, id: str, name: str, errors: dict[str, Any]) -> None:
        item = self.items.get(id)
        if item is None:
            return
        item.eta = None
        item.waiting_for = None
        item.error = errors.get(id)
        if item.error is not None:
            item.status = "complete_fail"
            item.message = item.error.get("message", "")
            return
        item.status = name
        if name in ("complete_success", "cleaned"):
            item.unknown_reason = None
            if item.limit is not None and item.limit.get("total") is not None:
                item.position = item.limit["total"]
        elif name == "unknown":
            item.message = "begun, and nobody knows how it ended"
        elif name == "interrupted":
            item.message = "stopped before it was done"
        elif name == "initialized":
            item.message = ""

    def refuse(self, id: str, message: str, at: str) -> None:
        """Show that the request was not accepted at all."""
        execution = self.execution
        if execution is not None and execution.id == id:
            self.take_outcome({"execution_id": id, "kind": "refused", "message": message, "ended_at": at})

    # Stopping.

    def ask_stop(self, at: str, source: str, reason: str | None) -> str | None:
        """Raise the level of the stop by one, at once, and return it; None where nothing can be stopped."""
        execution = self.execution
        if execution is None or not self.is_live():
            return None
        levels = {None: "finish", "finish": "cancel", "cancel": "abandon", "abandon": "abandon"}
        if execution.stop is None:
            execution.stop = Stop("finish", at, source, reason)
        else:
            execution.stop.level = levels[execution.stop.level]
        self.changed = True
        return execution.stop.level

    def say(self, reply: str) -> None:
        """Show a reply beside the buttons."""
        self.reply = reply
        self.changed = True

    def _stopping(self, execution: Execution, interrupt: dict[str, Any]) -> None:
        level = interrupt.get("level") or "finish"
        stop = execution.stop
        if stop is None:
            execution.stop = Stop(
                level,
                interrupt.get("requested_at") or interrupt.get("at") or "",
                interrupt.get("source", "user"),
                interrupt.get("reason"),
            )
            self.changed = True
        elif _LEVELS.index(level) > _LEVELS.index(stop.level) or stop.source != interrupt.get("source", stop.source):
            stop.level = level if _LEVELS.index(level) > _LEVELS.index(stop.level) else stop.level
            stop.source = interrupt.get("source", stop.source)
            stop.reason = interrupt.get("reason") or stop.reason
            self.changed = True

    def is_live(self) -> bool:
        """Whether an execution is under way as far as anybody has said."""
        return self.execution is not None and self.execution.status in ("starting", "running")

    def waiting_for(self) -> list[str]:
        """Return the items that a stop waits for."""
        return [item.id for item in self.running()]

    # What the head says.

    def status_name(self) -> str:
        """Return the name of the status that the head shows."""
        if self.execution is None:
            return "none"
        if self.execution.stop is not None and self.is_live():
            return "stopping"
        return self.execution.status

    def sentence(self) -> str:
        """Say in a sentence or two how things stand."""
        execution = self.execution
        if execution is None:
            return _stored_sentence(self.rows())
        if execution.outcome is not None:
            return sentences.outcome_sentence(execution.outcome, [item.id for item in self.rows() if item.begun])
        if execution.stop is not None:
            return sentences.stop_sentence(execution.stop.level, self.waiting_for())
        if execution.status == "starting":
            return "Starting."
        return sentences.running_sentence(execution.cmd, execution.dry_run, self.waiting_for())

    def can_resume(self) -> bool:
        """Whether the last execution left something to be done."""
        return self.execution is not None and self.execution.status in status.RESUMABLE_KINDS


_LEVELS = ("finish", "cancel", "abandon")

# The state that an item has to show to be done with a block.
_DISCOVERED_BY = {
    "states_discover": "goal",
    "states_goal_discover": "goal",
    "states_current_discover": "current",
}


def _stored_sentence(items: list[Item]) -> str:
    at_goal = [item.id for item in items if item.status == "at_goal"]
    if at_goal and len(at_goal) == len(items):
        return "Everything is at its goal."
    if at_goal:
        return f"{sentences.listing(at_goal)} at goal, the others not."
    return "Nothing has run here yet. Discover looks without changing anything; Ensure brings everything to its goal."


def _progressed(item: Item, now: dict[str, Any]) -> bool:
    before = (item.status, item.position, item.limit, item.message, item.waiting_for, item.eta)
    item.status = now.get("status", item.status)
    item.position = now.get("position", item.position)
    item.limit = now.get("limit")
    item.message = now.get("message") or ""
    item.waiting_for = now.get("waiting_for")
    item.eta = now.get("eta")
    return before != (item.status, item.position, item.limit, item.message, item.waiting_for, item.eta)


def _status(item: Item, event: dict[str, Any], execution: Execution) -> None:
    asked, item.status = item.status == "user_pending", event["status"]
    item.waiting_for = event.get("waiting_for")
    # A question is over with the status that it came with; other messages stay until the next.
    item.message = event.get("message") or ("" if asked else item.message)
    item.limit = event.get("limit") or item.limit


def _position(item: Item, event: dict[str, Any], execution: Execution) -> None:
    item.position = event["position"]
    item.limit = event.get("limit") or item.limit
    item.message = event.get("message") or ""


def _state(item: Item, event: dict[str, Any], execution: Execution) -> None:
    state = event.get("state")
    if state is not None and event["which"] == "goal":
        item.goal = state
    elif state is not None and not (execution.dry_run and execution.block == "apply"):
        # What a dry run applies is only imagined.
        item.current = state
    if event["which"] == _DISCOVERED_BY.get(execution.block) and item.error is None:
        item.status = "complete_success"


def _intent(item: Item, event: dict[str, Any], execution: Execution) -> None:
    item.begun = True
    item.status = "running"
    item.current = event.get("current") or item.current
    if event["direction"] == "ensure":
        item.goal = event.get("target") or item.goal


def _result(item: Item, event: dict[str, Any], execution: Execution) -> None:
    item.eta = None
    item.waiting_for = None
    if not execution.dry_run:
        item.current = event.get("state") or item.current
    item.goal = event.get("goal") or item.goal
    result = event["result"]
    if result == "applied" or result == "unchanged":
        item.status = "complete_success"
        item.error = None
        item.unknown_reason = None
        item.message = "" if result == "applied" else "nothing to do"
        if item.limit is not None and item.limit.get("total") is not None:
            item.position = item.limit["total"]
    elif result == "failed":
        _error(item, event, execution)
    else:
        item.status = "interrupted"
        item.message = "cancelled"


def _error(item: Item, event: dict[str, Any], execution: Execution) -> None:
    item.status = "complete_fail"
    item.error = event.get("error")
    item.message = (item.error or {}).get("message", "")


def _started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.started_at = event["at"]
    execution.cmds = event.get("cmds") or execution.cmds
    execution.dry_run = bool(event.get("dry_run"))
    execution.inputs = event.get("inputs") or execution.inputs
    for item in page.rows():
        item.status = "initialized"
    page._touch_all()


def _cmd_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.cmd = event["cmd"]


def _block_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.block = event["block"]
    for item in page.rows():
        item.status = "exec_pending"
        item.position = 0
        item.limit = None
        item.message = ""
    page._touch_all()


def _interrupt_requested(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page._stopping(execution, event["signal"])


def _ended(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page.take_outcome(event["outcome"])


_ITEM_HANDLERS = {
    "item_status": _status,
    "item_position": _position,
    "item_state": _state,
    "item_intent": _intent,
    "item_result": _result,
    "item_error": _error,
}
_EXECUTION_HANDLERS = {
    "execution_started": _started,
    "cmd_started": _cmd_started,
    "block_started": _block_started,
    "interrupt_requested": _interrupt_requested,
    "execution_ended": _ended,
}
