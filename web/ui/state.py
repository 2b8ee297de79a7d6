"""The view model: one flow, one profile, and the execution on screen.

It is told what the server and the core say, and remembers which parts of the screen that touches; it draws nothing.
Of a flow with very many items only those are made that somebody looks at or that something happens to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import sentences, status
from ui.item import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Protocol

    class Picture(Protocol):
        """The picture of a flow."""

        id: str
        ids: list[str]

        def item(self, number: int) -> dict[str, Any]:
            """Return what is known of an item beforehand, as `Item` takes it."""

        def fields(self, number: int) -> list[str]:
            """Return the names of the fields of an item's state in the order of their definition."""

    class Journal(Protocol):
        """The journal of an execution, read up to some event."""

        @property
        def next_seq(self) -> int:
            """The number of the event that comes next."""

        def of(self, item: str) -> list[dict[str, Any]]:
            """Return the events that say something of an item, in order."""

        def common(self) -> list[dict[str, Any]]:
            """Return the events that say something of the execution and of every item, in order."""

        def begun(self) -> list[str]:
            """Return the ids of the items that have begun."""

        def open(self) -> list[str]:
            """Return the ids of the items of which an end is not the last that was said."""

        def outcome(self) -> dict[str, Any] | None:
            """Return the outcome that the journal ends with; None where it has no end."""

    States = Mapping[str, dict[str, Any]]


_AT_ONCE = 10
"""So many items take an outcome at a step."""


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


class Items:
    """The items of a flow by id, each made when it is first asked for; ``on_made`` is called with it."""

    def __init__(self, picture: Picture, on_made: Callable[[Item], None]) -> None:
        self._picture = picture
        self._on_made = on_made
        self._numbers = {id: number for number, id in enumerate(picture.ids)}
        self._made: dict[str, Item] = {}

    def __contains__(self, id: str | None) -> bool:
        return id in self._numbers

    def __getitem__(self, id: str) -> Item:
        item = self._made.get(id)
        if item is None:
            number = self._numbers[id]
            item = Item(self._picture.item(number), number, lambda: self._picture.fields(number))
            self._made[id] = item
            self._on_made(item)
        return item

    def get(self, id: str | None) -> Item | None:
        """Return an item, or None where there is none of this id."""
        return self[id] if id is not None and id in self._numbers else None

    def made(self, ids: Iterable[str] | None = None) -> list[Item]:
        """Return those that have been made, in the order of the flow: of these ids, or all."""
        found = self._made.values() if ids is None else [self._made[id] for id in ids if id in self._made]
        return sorted(found, key=lambda item: item.number)


class Page:
    """All that is on screen; ``drawn`` says what has to be drawn again."""

    def __init__(self, picture: Picture, profile: str) -> None:
        self.flow_id = picture.id
        self.profile = profile
        self.order = picture.ids
        self.items = Items(picture, self._meet)
        self.execution: Execution | None = None
        self.reply = ""
        self.changed = True
        self._changed_items: set[str] | None = None
        """None where all have changed."""
        self._running: dict[str, Item] | None = None
        self._stored: States = {}
        self._journal: Journal | None = None
        self._stage = ""
        """What the execution has said of all items since the journal was read: ``initialized``, ``exec_pending``."""
        self._settled_by: dict[str, Any] | None = None
        """The outcome that items are shown as left by, though the head may not say so yet."""
        self._ends: dict[str, str] = {}
        """In which of the outcome's lists an item stands."""

    def rows(self) -> list[Item]:
        """Return all items in the order of the flow."""
        return [self.items[id] for id in self.order]

    def drawn(self) -> tuple[bool, list[Item]]:
        """Return what has changed since the last call: the head, and which items; those not made are on no screen."""
        changed, items = self.changed, self.items.made(self._changed_items)
        self.changed = False
        self._changed_items = set()
        return changed, items

    # What the server has stored.

    def show_states(self, states: Mapping[str, Any]) -> None:
        """Take the stored states of the profile; rows that no execution speaks of show them."""
        self._stored = states.get("items", {})
        for item in self.items.made():
            item.know(self._stored.get(item.id))
            if self.execution is None:
                item.status = item.stored_status()
        self._touch_all()

    def show_execution(self, record: dict[str, Any]) -> None:
        """Put a stored execution on screen; its outcome and its journal follow."""
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
        self._initialize()

    def _replace(self, execution: Execution) -> None:
        self.execution = execution
        self.reply = ""
        self._journal = None
        self._stage = ""
        self._settled_by = None
        self._ends = {}
        for item in self.items.made():
            item.forget_run()
        self._touch_all()

    def _touch_all(self) -> None:
        self.changed = True
        self._changed_items = None
        self._running = None

    def _touch(self, item: Item) -> None:
        if self._changed_items is not None:
            self._changed_items.add(item.id)
        if self._running is None:
            return
        if item.is_running():
            self._running[item.id] = item
        else:
            self._running.pop(item.id, None)

    def running(self) -> list[Item]:
        """Return the items that are at work now, in the order of the flow."""
        if self._running is None:
            self._running = {item.id: item for item in self.items.made() if item.is_running()}
        return sorted(self._running.values(), key=lambda item: item.number)

    # An item that is looked at for the first time.

    def _meet(self, item: Item) -> None:
        item.know(self._stored.get(item.id))
        self._tell(item)

    def _tell(self, item: Item) -> None:
        """Have an item hear anew all that is known of the execution; of its events there is nothing but the journal."""
        item.forget_run()
        if self.execution is None:
            return
        if self._journal is not None:
            block, dry_run = "", self.execution.dry_run
            for event in self._journal.of(item.id):
                if event["kind"] == "block_started":
                    block = event["block"]
                    item.enter_block()
                elif event["kind"] == "execution_started":
                    dry_run = bool(event.get("dry_run"))
                    item.status = "initialized"
                else:
                    item.hear(event, block, dry_run)
        if self._stage == "initialized":
            item.status = "initialized"
        elif self._stage == "exec_pending":
            item.enter_block()
        if self._settled_by is not None:
            self._settle(item, self.execution, self._settled_by)

    # What the journal says.

    def take_journal(self, journal: Journal) -> None:
        """Take the journal of the stored execution on screen, as far as it has been read."""
        execution = self.execution
        if execution is None:
            return
        if execution.outcome is None:
            for event in journal.common():
                _EXECUTION_HANDLERS[event["kind"]](self, execution, event)
        self._stage = ""
        self._journal = journal
        execution.next_seq = journal.next_seq
        for item in self.items.made():
            self._tell(item)
        self._touch_all()
        outcome = journal.outcome() if execution.outcome is None else None
        if outcome is not None:
            self.take_outcome(outcome)
        elif execution.outcome is None:
            for id in journal.open():
                self.items.get(id)  # what is at work has to be known, and to be known is to be made

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
            item = self.items.get(event.get("item"))
            if item is not None and item.hear(event, execution.block, execution.dry_run):
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
            if item is not None and item.progressed(now):
                self._touch(item)
                self.changed = True
        stop = progress.get("stop")
        if stop is not None:
            self._stopping(execution, stop["interrupt"])

    def take_outcome(self, outcome: dict[str, Any]) -> None:
        """Take the outcome of the execution on screen."""
        for _ in self.taking_outcome(outcome):
            pass

    def taking_outcome(self, outcome: dict[str, Any]) -> Iterator[None]:
        """Take the outcome of the execution on screen, a few items at each step; the head takes it when all have."""
        execution = self.execution
        if execution is None or outcome.get("execution_id") != execution.id or execution.outcome is not None:
            return
        lists = outcome.get("items") or {}
        self._ends = {id: name for name in ("done", "unknown", "not_done") for id in lists.get(name, [])}
        self._settled_by = outcome
        for count, item in enumerate(self.items.made()):
            self._settle(item, execution, outcome)
            self._touch(item)
            if count % _AT_ONCE == _AT_ONCE - 1:
                yield
                if self.execution is not execution:
                    return
        execution.outcome = outcome
        execution.status = outcome["kind"]
        execution.started_at = outcome.get("started_at") or execution.started_at
        execution.ended_at = outcome.get("ended_at")
        execution.stop = None
        self.reply = ""
        self.changed = True

    def _settle(self, item: Item, execution: Execution, outcome: dict[str, Any]) -> None:
        if not execution.dry_run:
            item.take_states((outcome.get("states") or {}).get(item.id))
        end = self._ends.get(item.id)
        if end is None:
            return
        if end == "done":
            end = _done_status(item, execution, outcome)
        elif end == "not_done":
            end = "interrupted" if item.begun else "initialized"
        item.settle(end, (outcome.get("errors") or {}).get(item.id))

    def refuse(self, id: str, message: str, at: str) -> None:
        """Show that the request was not accepted at all."""
        execution = self.execution
        if execution is not None and execution.id == id:
            self.take_outcome({"execution_id": id, "kind": "refused", "message": message, "ended_at": at})

    def lose(self, at: str) -> None:
        """Settle the execution on screen as lost, where nobody else knows how far it came.

        What it did last was not heard of: any item that is not known to be done may have begun.
        """
        execution = self.execution
        if execution is None or not self.is_live():
            return
        changes = not execution.dry_run and any(cmd in ("ensure", "clean") for cmd in execution.cmds)
        applying = changes and execution.block == "apply"
        done = [item.id for item in self.items.made() if applying and item.status == "complete_success"]
        others = [id for id in self.order if id not in set(done)]
        lists = {"done": done, "unknown" if changes else "not_done": others}
        self.take_outcome({"execution_id": execution.id, "kind": "lost", "items": lists, "ended_at": at})

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
            return self._stored_sentence()
        if execution.outcome is not None:
            return sentences.outcome_sentence(execution.outcome, self._begun(execution.outcome))
        if execution.stop is not None:
            return sentences.stop_sentence(execution.stop.level, self.waiting_for())
        if execution.status == "starting":
            return "Starting."
        return sentences.running_sentence(execution.cmd, execution.dry_run, self.waiting_for())

    def _begun(self, outcome: dict[str, Any]) -> list[str]:
        """Return which items have begun, where it matters."""
        if not (outcome.get("items") or {}).get("not_done"):
            return []
        begun = self._journal.begun() if self._journal is not None else []
        return begun + [item.id for item in self.items.made() if item.begun]

    def _stored_sentence(self) -> str:
        stored = set(self._stored.keys())
        at_goal = [id for id in self.order if id in stored and self.items[id].status == "at_goal"]
        if at_goal and len(at_goal) == len(self.order):
            return "Everything is at its goal."
        if at_goal:
            return f"{sentences.listing(at_goal)} at goal, the others not."
        return (
            "Nothing has run here yet. Discover looks without changing anything; Ensure brings everything to its goal."
        )

    def can_resume(self) -> bool:
        """Whether the last execution left something to be done."""
        return self.execution is not None and self.execution.status in status.RESUMABLE_KINDS

    def _initialize(self) -> None:
        self._stage = "initialized"
        for item in self.items.made():
            item.status = "initialized"
        self._touch_all()

    def _enter_block(self) -> None:
        self._stage = "exec_pending"
        for item in self.items.made():
            item.enter_block()
        self._touch_all()


_LEVELS = ("finish", "cancel", "abandon")


def _done_status(item: Item, execution: Execution, outcome: dict[str, Any]) -> str:
    """Return what it means for an item that the execution is done with it: only looking makes nothing done."""
    cmds = (outcome.get("cmds") or {}).get("done") or execution.cmds
    last = cmds[-1] if cmds else ""
    if outcome["kind"] != "complete" or (last == "ensure" and not execution.dry_run):
        return "complete_success"
    if last == "clean" and not execution.dry_run:
        return "cleaned"
    return item.stored_status()


def _started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.started_at = event["at"]
    execution.cmds = event.get("cmds") or execution.cmds
    execution.dry_run = bool(event.get("dry_run"))
    execution.inputs = event.get("inputs") or execution.inputs
    page._initialize()


def _cmd_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.cmd = event["cmd"]


def _block_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.block = event["block"]
    page._enter_block()


def _interrupt_requested(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page._stopping(execution, event["signal"])


def _ended(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page.take_outcome(event["outcome"])


_EXECUTION_HANDLERS = {
    "execution_started": _started,
    "cmd_started": _cmd_started,
    "block_started": _block_started,
    "interrupt_requested": _interrupt_requested,
    "execution_ended": _ended,
}
