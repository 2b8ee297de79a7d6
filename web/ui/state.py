"""The view model: one flow, one profile, and the execution on screen.

It is told what the server and the core say, and remembers which parts of the screen that touches; it draws nothing.
Of a flow with very many items only those are made that somebody looks at or that something happens to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui import identity, places, sentences, status
from ui.item import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    class Picture(Protocol):
        """The picture of a flow."""

        id: str
        ids: list[str]
        moves: dict[str, str]

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

    class Stored(Protocol):
        """What is stored of the items, as seen from this browser."""

        here: str | None

        def get(self, name: str) -> dict[str, Any] | None:
            """Return what is stored under an id; None where nothing is."""

        def keys(self) -> Iterable[str]:
            """Return all ids under which something is stored."""

        def elsewhere(self) -> list[str]:
            """Return the ids of the items that are stored of other places alone."""


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
        self.only: list[str] = []
        """The items that it was asked to be about; empty where it is about all."""
        self.forget: list[str] = []
        self.prunes = False
        self.abandoned = False
        self.is_recorded = True
        """Whether it can be asked for again by its id."""
        self.sentence = ""
        """What is said of it once it has ended."""

    def asked(self, request: dict[str, Any] | None) -> None:
        """Take what it was asked for besides its commands."""
        self.only = (request or {}).get("items") or []
        self.forget = (request or {}).get("forget") or []
        self.prunes = bool((request or {}).get("prune"))


class Items:
    """The items of a flow by id, each made when it is first asked for; ``on_made`` is called with it."""

    def __init__(self, picture: Picture, on_made: Callable[[Item], None]) -> None:
        self._picture = picture
        self._on_made = on_made
        self._numbers = {id: number for number, id in enumerate(picture.ids)}
        self._made: dict[str, Item] = {}
        self._left: list[str] = []

    def __contains__(self, id: str | None) -> bool:
        return id in self._numbers

    def leftovers(self) -> list[Item]:
        """Return what the flow no longer names, in the order in which it was found."""
        return [self._made[id] for id in self._left]

    def add_leftover(self, leftover: dict[str, Any]) -> Item:
        """Have an item for what the flow no longer names; its row comes after those of the flow."""
        id = leftover["item"]
        item = self._made.get(id)
        if item is None:
            number = max([len(self._numbers)] + [known + 1 for known in self._numbers.values()])
            info = {"id": id, "predecessors": [], "successors": []}
            item = Item(info, number, lambda: list(leftover.get("state") or {}))
            self._numbers[id] = number
            self._made[id] = item
            self._left.append(id)
        item.leftover = leftover
        item.current = leftover.get("state") or item.current
        return item

    def drop_leftover(self, id: str) -> None:
        """Have no such item any more."""
        if id in self._left:
            self._left.remove(id)
            del self._made[id]
            del self._numbers[id]

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
        self.browser = ""
        """The id of this browser, once it is known."""
        self.reply = ""
        self.changed = True
        self._changed_items: set[str] | None = None
        """None where all have changed."""
        self._running: dict[str, Item] | None = None
        self._moves = picture.moves
        self._stored: Stored | None = None
        self._drifted: list[str] = []
        """The items that a look at the world has found to be changed outside irenic, and that are so still."""
        self._not_here: list[str] = []
        """The items of the flow that are stored of other places alone."""
        self._chosen: set[str] | None = None
        """The items that the execution is about; None where it is about all."""
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

    def show_states(self, stored: Stored | None) -> None:
        """Take the stored states of the profile; rows that no execution speaks of show them."""
        self._stored = stored
        if stored is None:
            return
        known = set(stored.keys())
        present = set(self.order)
        self._not_here = [id for id in stored.elsewhere() if id in present]
        left = [id for id in known if id not in present and self._moves.get(id.split("#")[0]) is None]
        self._show_leftovers(places.stored_leftovers(stored, sorted(left), stored.here, present))
        for item in self.items.made():
            if item.leftover is None:
                item.know(stored.get(item.id), stored.here)
            if self.execution is None:
                item.status = item.stored_status()
        self._touch_all()

    def is_here(self, event: dict[str, Any]) -> None:
        """Learn which place this browser is: what an execution of its own records is recorded of this place."""
        place = event.get("place")
        if place is not None and event["kind"] in _OF_A_PLACE and self._stored is not None:
            self._stored.here = place["id"]

    def _here(self) -> str | None:
        """Return the id of this browser as a place, where it is one as far as is known."""
        return self._stored.here if self._stored is not None else None

    def has_past(self) -> bool:
        """Whether anything was ever run or stored of the profile, as far as is known."""
        return self.execution is not None or (self._stored is not None and bool(list(self._stored.keys())))

    def _show_leftovers(self, leftovers: Iterable[dict[str, Any]]) -> None:
        found = {leftover["item"]: leftover for leftover in leftovers}
        for item in self.items.leftovers():
            if item.id not in found and item.status != "removed":
                self.items.drop_leftover(item.id)
        for id in found:
            item = self.items.add_leftover(found[id])
            if item.status in ("not_seen", "removed"):
                item.status = "left_over"
            self._touch(item)
        self._say_anew()

    def _say_anew(self) -> None:
        """Have the sentence made again: what it speaks of has changed."""
        if self.execution is not None:
            self.execution.sentence = ""
        self.changed = True

    def take_preview(self, items: list[dict[str, Any]], leftovers: Iterable[dict[str, Any]]) -> None:
        """Mark what a look at the world has found to be changed outside irenic, and what is left over."""
        self._show_leftovers(leftovers)
        self._drifted = [each["item"] for each in items if each.get("drift") is not None]
        for each in items:
            item = self.items.get(each["item"])
            if item is not None and item.find_drift(each.get("drift")):
                item.current = each.get("found") or item.current
                if item.status in _STORED_STATUSES:
                    item.status = item.stored_status()
                self._touch(item)
        self.changed = True

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
        execution.asked(record.get("request"))
        self._replace(execution)

    def begin(
        self,
        id: str,
        cmds: list[str],
        dry_run: bool,
        inputs: dict[str, Any],
        at: str,
        request: dict[str, Any] | None = None,
    ) -> None:
        """Put an execution on screen that this page has just asked for."""
        execution = Execution(id, cmds, dry_run, inputs, at)
        execution.asked(request)
        self._replace(execution)
        self._initialize(execution.only or None)

    def _replace(self, execution: Execution) -> None:
        self.execution = execution
        self.reply = ""
        self._journal = None
        self._stage = ""
        self._settled_by = None
        self._ends = {}
        self._chosen = None
        self._drifted = [id for id in self._drifted if execution.only and id not in execution.only]
        for item in self.items.leftovers():
            if item.status == "removed":
                self.items.drop_leftover(item.id)
        for item in self.items.made():
            drift = item.drift if item.id in self._drifted else None
            item.forget_run()
            item.find_drift(drift)
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
        self._know(item)
        self._tell(item)

    def _know(self, item: Item) -> None:
        if self._stored is not None and item.leftover is None:
            item.know(self._stored.get(item.id), self._stored.here)

    def _concerns(self, item: Item) -> bool:
        """Whether the execution is about an item."""
        return item.id in self._chosen if self._chosen is not None else item.leftover is None

    def _tell(self, item: Item) -> None:
        """Have an item hear anew all that is known of the execution; of its events there is nothing but the journal."""
        item.forget_run()
        if self.execution is None or (item.leftover is not None and not self.is_live()):
            return
        if self._journal is not None:
            block, dry_run = "", self.execution.dry_run
            for event in self._journal.of(item.id):
                if event["kind"] == "block_started":
                    block = event["block"]
                    if self._concerns(item) and block != "prune":
                        item.enter_block()
                elif event["kind"] == "execution_started":
                    dry_run = bool(event.get("dry_run"))
                    if self._concerns(item):
                        item.status = "initialized"
                else:
                    item.hear(event, block, dry_run)
            if item.not_here:
                item.current = None  # what was said of it was said of another place
        if self._stage == "initialized" and self._concerns(item):
            item.status = "initialized"
        elif self._stage == "exec_pending" and self._concerns(item):
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
                if event["kind"] in _OF_A_PLACE or (event.get("stored") and event.get("state") is not None):
                    item.not_here = False
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
        chosen = [id for id in self.order if id in self._ends]
        if chosen and len(chosen) < len(self.order):
            self._chosen = set(chosen)
        if self.is_live():
            self._take_leftovers(outcome, lists.get("done", []))
            self._not_here = [id for id in self._not_here if not self._is_here_now(id, execution, outcome)]
        for count, item in enumerate(self.items.made()):
            self._settle(item, execution, outcome)
            self._touch(item)
            if count % _AT_ONCE == _AT_ONCE - 1:
                yield
                if self.execution is not execution:
                    return
        self._drifted = [id for id in self._drifted if not self._concerns(self.items[id])]
        execution.outcome = outcome
        execution.status = outcome["kind"]
        execution.started_at = execution.started_at or outcome.get("started_at")  # as the history has it
        execution.ended_at = outcome.get("ended_at")
        levels = [(outcome.get("interrupt") or {}).get("level")]
        levels += [execution.stop.level] if execution.stop is not None else []
        execution.abandoned = outcome["kind"] == "lost" and "abandon" in levels
        execution.stop = None
        execution.sentence = ""
        self.reply = ""
        self.changed = True

    def _is_here_now(self, id: str, execution: Execution, outcome: dict[str, Any]) -> bool:
        """Whether what an execution has done with an item is stored of the place where it ran."""
        if execution.dry_run or self._ends.get(id) != "done":
            return False
        return id not in outcome.get("unfound", ()) or any(cmd in ("ensure", "clean") for cmd in execution.cmds)

    def _take_leftovers(self, outcome: dict[str, Any], done: list[str]) -> None:
        """Have rows for what is left over, and for what was and is removed now."""
        present = set(self.order)
        for id in done:
            if id in present:
                continue
            if id not in self.items:
                reason = "replaced" if id.split("#")[0] in present else "removed"
                self.items.add_leftover({"item": id, "reason": reason})
            self.items[id].status = "removed"
        if outcome.get("leftovers") is not None and not self._is_partial():
            self._show_leftovers(outcome["leftovers"])

    def _is_partial(self) -> bool:
        """Whether the execution says nothing of what else is left over."""
        cmds = self.execution.cmds if self.execution is not None else []
        return self._chosen is not None or not any(cmd in ("ensure", "clean", "discover") for cmd in cmds)

    def _settle(self, item: Item, execution: Execution, outcome: dict[str, Any]) -> None:
        if item.leftover is not None and not self.is_live():
            return  # what was done with it before it was left over does not count
        drift = (outcome.get("drift") or {}).get(item.id)
        is_elsewhere = (drift or {}).get("place") not in (None, self._here())
        if is_elsewhere and self._stored is not None:
            item.know(self._stored.get(item.id), self._stored.here)
        elif not execution.dry_run:
            item.take_states((outcome.get("states") or {}).get(item.id))
        if self._concerns(item):
            item.find_drift(None)
        if item.drift is None:
            item.drift = drift
        if outcome["kind"] == "refused":
            item.refuse((outcome.get("refusals") or {}).get(item.id), is_elsewhere=is_elsewhere)
            return
        end = self._ends.get(item.id)
        if end is None:
            if not self._concerns(item) and item.status != "removed":
                item.status = item.stored_status()
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
        execution.is_recorded = False
        applying = changes and execution.block in ("apply", "prune")
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

    def unask_stop(self) -> None:
        """Take back the last raise of the level: nobody has heard of it."""
        stop = self.execution.stop if self.execution is not None else None
        if self.execution is None or stop is None:
            return
        if stop.level == "finish":
            self.execution.stop = None
        else:
            stop.level = _LEVELS[_LEVELS.index(stop.level) - 1]
        self.changed = True

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

    def elsewhere(self) -> str:
        """Return where the execution on screen ran or runs, if it is known and not this browser."""
        holder = self.execution.holder if self.execution is not None else ""
        if not holder or not self.browser or identity.is_of_browser(holder, self.browser):
            return ""
        return "another browser" if holder.startswith("tab ") else holder

    # What the head says.

    def status_name(self) -> str:
        """Return the name of the status that the head shows."""
        if self._drifted and not self.is_live():
            return "drifted"
        if self.execution is None:
            return "none"
        if self.execution.stop is not None and self.is_live():
            return "stopping"
        if self._is_elsewhere():
            return "not_here"
        return self.execution.status

    def _is_elsewhere(self) -> bool:
        """Whether what is on screen was done in another place, so that it is not here."""
        execution = self.execution
        return execution is not None and execution.status == "complete" and bool(self._not_here)

    def sentence(self) -> str:
        """Say in a sentence or two how things stand."""
        execution = self.execution
        if self._drifted and not self.is_live():
            return sentences.drift_sentence(self._drifted)
        if execution is None:
            return self._stored_sentence()
        if self._is_elsewhere():
            return sentences.elsewhere_sentence(self._not_here, self._labels())
        if execution.outcome is not None:
            if not execution.sentence:
                execution.sentence = self.ended_sentence(execution.outcome)
            return execution.sentence
        if execution.stop is not None:
            return sentences.stop_sentence(execution.stop.level, self.waiting_for())
        if execution.status == "starting":
            return "Starting."
        return sentences.running_sentence(execution.cmd, execution.dry_run, self.waiting_for())

    def ended_sentence(self, outcome: dict[str, Any]) -> str:
        """Say how the execution on screen has ended."""
        execution = self.execution
        abandoned = execution is not None and execution.abandoned
        forgotten = execution.forget if execution is not None else []
        present = set(self.order)
        done = (outcome.get("items") or {}).get("done", []) if execution is not None and execution.prunes else []
        return sentences.outcome_sentence(
            outcome,
            self._begun(outcome),
            abandoned=abandoned,
            here=self._here(),
            forgotten=forgotten,
            removed=[id for id in done if id not in present],
            left=[item.id for item in self.items.leftovers() if item.status == "left_over"],
        )

    def _labels(self) -> list[str]:
        """Return the places that have what is not here."""
        labels: list[str] = []
        for id in self._not_here[:_MOST_LOOKED_AT]:
            for other in self.items[id].elsewhere or []:
                if other["label"] not in labels:
                    labels.append(other["label"])
        return labels

    def _begun(self, outcome: dict[str, Any]) -> list[str]:
        """Return which items have begun, where it matters."""
        if not (outcome.get("items") or {}).get("not_done"):
            return []
        begun = self._journal.begun() if self._journal is not None else []
        return begun + [item.id for item in self.items.made() if item.begun]

    def _stored_sentence(self) -> str:
        if self._not_here:
            return sentences.elsewhere_sentence(self._not_here, self._labels())
        stored = set(self._stored.keys()) if self._stored is not None else set()
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

    def _initialize(self, ids: list[str] | None = None) -> None:
        """Have the items that an execution is about be at its beginning: these, or all."""
        self._stage = "initialized"
        self._chosen = set(ids) if ids is not None and len(ids) < len(self.order) else None
        for item in self.items.made():
            if self._concerns(item):
                item.status = "initialized"
            elif item.status == "initialized":
                item.status = item.stored_status()
        self._touch_all()

    def _enter_block(self, block: str) -> None:
        if block == "prune":  # what was applied stays done
            return
        self._stage = "exec_pending"
        for item in self.items.made():
            if self._concerns(item) or item.status == "exec_pending":
                item.enter_block()
        self._touch_all()


_OF_A_PLACE = ("item_intent", "item_result")
"""Events that say of an item that something of it is where the execution runs."""
_STORED_STATUSES = ("not_seen", "seen", "at_goal", "not_at_goal")
_MOST_LOOKED_AT = 20
_LEVELS = ("finish", "cancel", "abandon")


def _done_status(item: Item, execution: Execution, outcome: dict[str, Any]) -> str:
    """Return what it means for an item that the execution is done with it: only looking makes nothing done."""
    cmds = (outcome.get("cmds") or {}).get("done") or execution.cmds
    last = cmds[-1] if cmds else ""
    if item.leftover is not None:
        return "removed"
    if last in ("ensure", "clean") and not execution.dry_run:
        verdict = ((outcome.get("notes") or {}).get(item.id) or {}).get("verdict")
        if verdict in _NOTED:
            return _NOTED[verdict]
    if outcome["kind"] != "complete" or (last == "ensure" and not execution.dry_run):
        return "complete_success"
    if last == "clean" and not execution.dry_run:
        return "cleaned"
    return item.stored_status()


_NOTED = {"repair": "repaired", "replace": "replaced", "leave_alone": "left_alone"}
"""What became of an item that is done, where that is more than that it was applied."""


def _started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.started_at = execution.started_at or event["at"]
    execution.cmds = event.get("cmds") or execution.cmds
    execution.dry_run = bool(event.get("dry_run"))
    execution.inputs = event.get("inputs") or execution.inputs
    execution.asked(event.get("request"))
    page._initialize(event.get("items"))


def _cmd_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.cmd = event["cmd"]


def _block_started(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    execution.block = event["block"]
    page._enter_block(event["block"])


def _leftovers_found(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page._show_leftovers(event["leftovers"])
    for id in event.get("to_clean") or []:
        if id in page.items and not execution.dry_run:
            page.items[id].enter_block()


def _state_forgotten(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    item = page.items.get(event["item"])
    if item is None or item.leftover is None:
        return
    if "state" in execution.cmds:
        page.items.drop_leftover(item.id)
    else:
        item.status = "removed"
        page._touch(item)


def _state_moved(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    item = page.items.get(event["item"])
    if item is not None and item.leftover is not None:
        page.items.drop_leftover(item.id)


def _interrupt_requested(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page._stopping(execution, event["signal"])


def _ended(page: Page, execution: Execution, event: dict[str, Any]) -> None:
    page.take_outcome(event["outcome"])


_EXECUTION_HANDLERS = {
    "execution_started": _started,
    "cmd_started": _cmd_started,
    "block_started": _block_started,
    "leftovers_found": _leftovers_found,
    "state_forgotten": _state_forgotten,
    "state_moved": _state_moved,
    "interrupt_requested": _interrupt_requested,
    "execution_ended": _ended,
}
