"""Folds a journal, event by event, into progress and into an outcome.

The engine folds its own events as it writes them; a store folds what it kept. Both come to the same picture.
"""

from collections.abc import Callable, Iterable
from typing import Any

from irenic.model import events as e
from irenic.model.cmd import Block, Cmd, Direction, StateKind
from irenic.model.interrupt import InterruptLevel, InterruptRecord
from irenic.model.outcome import (
    DoneList,
    ErrorInfo,
    ItemList,
    ItemStatesOutcome,
    Lost,
    Outcome,
    Refusal,
)
from irenic.model.progress import ExecutionProgress, ItemProgress, ProgressLimit, ProgressStatus, StopProgress
from irenic.model.timestamps import timestamp
from irenic.model.trusted import trusted
from irenic.model.verdict import Drift, ItemNote, Leftover

APPLYING_CMDS = (Cmd.ENSURE, Cmd.CLEAN)

NOT_BEGUN = (ProgressStatus.INITIALIZED, ProgressStatus.EXEC_PENDING, ProgressStatus.QUEUED)

RUNNING = tuple(status for status in ProgressStatus if status.is_running)

_DISCOVERED_BY = {
    Block.STATES_DISCOVER: StateKind.GOAL,
    Block.STATES_GOAL_DISCOVER: StateKind.GOAL,
    Block.STATES_CURRENT_DISCOVER: StateKind.CURRENT,
    Block.STATES_ADOPT: StateKind.CURRENT,
}


class ItemFold:
    """What the journal says of one item so far."""

    __slots__ = (
        "current",
        "diff",
        "ended_at",
        "error",
        "goal",
        "intent_open",
        "item",
        "limit",
        "message",
        "position",
        "started_at",
        "status",
        "waiting_for",
    )

    def __init__(self, item: str) -> None:
        self.item = item
        self.current: dict[str, Any] | None = None
        self.goal: dict[str, Any] | None = None
        self.diff: dict[str, Any] | None = None
        self.error: ErrorInfo | None = None
        self.intent_open = False
        self._pend()
        self.status = ProgressStatus.INITIALIZED

    def _pend(self) -> None:
        self.status = ProgressStatus.EXEC_PENDING
        self.position = 0
        self.limit: ProgressLimit | None = None
        self.message = ""
        self.waiting_for: str | None = None
        self.started_at: str | None = None
        self.ended_at: str | None = None

    def progress(self, elapsed: float | None = None, eta: float | None = None) -> ItemProgress:
        """Return a snapshot; ``elapsed`` and ``eta`` are in seconds."""
        return ItemProgress(
            item=self.item,
            status=self.status,
            position=self.position,
            limit=self.limit,
            message=self.message,
            waiting_for=self.waiting_for,
            started_at=self.started_at,
            ended_at=self.ended_at,
            elapsed=elapsed,
            eta=eta,
        )


class ExecutionFold:
    """The picture of one execution, kept up to date by :meth:`apply`."""

    def __init__(self) -> None:
        self.started: e.ExecutionStarted | None = None
        self.items: dict[str, ItemFold] = {}
        self.next_seq = 0
        self.cmd: Cmd | None = None
        self.block: Block | None = None
        self.cmd_number = -1
        self.cmds_done: list[str] = []
        self.blocks_done: list[str] = []
        self.refusals: dict[str, Refusal] = {}
        self.drift: dict[str, Drift] = {}
        self.notes: dict[str, ItemNote] = {}
        self.leftovers: list[Leftover] = []
        self.interrupt: InterruptRecord | None = None
        self.swallowed: list[str] = []
        self.endpoints_cut: dict[str, str] = {}
        self.ended: Outcome | None = None
        self._pending_upto = -1  # all items are pending, and no event before this one has said anything of any
        self._discovers: StateKind | None = None

    @classmethod
    def of(cls, events: Iterable[e.JournalEvent]) -> "ExecutionFold":
        """Return the picture that a whole journal gives."""
        fold = cls()
        for event in events:
            fold.apply(event)
        return fold

    def apply(self, event: e.JournalEvent) -> None:
        """Take one event into account."""
        self.next_seq = event.seq + 1
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def progress(
        self, timing: Callable[[ItemFold], tuple[float | None, float | None]] = lambda item: (None, None)
    ) -> ExecutionProgress:
        """Return a snapshot of the whole execution.

        :param timing: gives an item's elapsed time and its estimated time to the end, in seconds.
        """
        return ExecutionProgress(
            execution_id=self.started.execution_id if self.started else "",
            cmd=self.cmd,
            block=self.block,
            next_seq=self.next_seq,
            items={item.item: item.progress(*timing(item)) for item in self.items.values()},
            stop=self._stop(),
            done=self.ended is not None,
        )

    def _stop(self) -> StopProgress | None:
        if self.interrupt is None or self.ended is not None or not self._is_in_force(self.interrupt.level):
            return None
        return StopProgress(
            interrupt=self.interrupt,
            waiting_for=[item.item for item in self.items.values() if item.status.is_running or item.intent_open],
        )

    def outcome(self, kind: type[Outcome], *, message: str = "", ended_at: str | None = None) -> Outcome:
        """Return the outcome that the journal so far amounts to, as ``kind``.

        An item whose intent has no result is unknown.

        :raises ValueError: if the journal has no first event.
        """
        started = self.started
        if started is None:
            raise ValueError("a journal without its first event has no outcome")
        at = ended_at or timestamp()
        interrupt = self.interrupt
        told = {
            "execution_id": started.execution_id,
            "flow": started.flow,
            "profile": started.profile,
            "dry_run": started.dry_run,
            "message": message,
            "cmds": DoneList(done=list(self.cmds_done), not_done=self._cmds_left()),
            "blocks": self._blocks(),
            "items": self._items(),
            "states": {
                id: trusted(ItemStatesOutcome, {"current": item.current, "goal": item.goal, "diff": item.diff})
                for id, item in self.items.items()
            },
            "errors": {id: item.error for id, item in self.items.items() if item.error is not None},
            "refusals": dict(self.refusals),
            "drift": dict(self.drift),
            "notes": dict(self.notes),
            "leftovers": list(self.leftovers),
            "interrupt": interrupt.model_copy(update={"settled_at": at}) if interrupt else None,
            "swallowed_cancel": list(self.swallowed),
            "endpoints_cut": dict(self.endpoints_cut),
            "started_at": started.at,
            "ended_at": at,
        }
        return trusted(kind, told)

    def lost(self, at: str | None = None) -> Lost:
        """Return the outcome of an execution whose runner is gone."""
        unknown = [item.item for item in self.items.values() if item.intent_open]
        told = f" Not known: {', '.join(unknown)}; resume discovers them first." if unknown else ""
        outcome = self.outcome(
            Lost, message=f"Whoever ran this execution went away before it ended.{told}", ended_at=at
        )
        assert isinstance(outcome, Lost)
        return outcome

    def _cmds_left(self) -> list[str]:
        return list(self.started.cmds[len(self.cmds_done) :]) if self.started else []

    def _blocks(self) -> DoneList:
        number = len(self.cmds_done)
        if self.started is None or number >= len(self.started.plan):
            return DoneList(done=list(self.blocks_done))
        done = self.blocks_done if self.cmd is not None and self.cmd_number == number else []
        return DoneList(done=list(done), not_done=[b for b in self.started.plan[number] if b not in done])

    def _cmd_concerned_has_begun(self) -> bool:
        number = len(self.cmds_done)
        return self.started is None or number >= len(self.started.cmds) or self.cmd_number == number

    def _items(self) -> ItemList:
        applying = self.cmd not in APPLYING_CMDS or self.block in (Block.APPLY, Block.PRUNE)
        counts = self._cmd_concerned_has_begun() and applying
        done: list[str] = []
        not_done: list[str] = []
        unknown: list[str] = []
        success = ProgressStatus.COMPLETE_SUCCESS
        for id, item in self.items.items():
            if item.intent_open:
                unknown.append(id)
            elif counts and item.status is success:
                done.append(id)
            else:
                not_done.append(id)
        return ItemList(done=done, not_done=not_done, unknown=unknown)

    def _is_in_force(self, level: InterruptLevel) -> bool:
        return self.started is None or self.started.strategy.heeds(level)

    def _interrupt_items(self, statuses: Iterable[ProgressStatus]) -> None:
        for item in self.items.values():
            if item.status in statuses:
                item.status = ProgressStatus.INTERRUPTED

    # Handlers, one for each kind of event that changes the picture.

    def _execution_started(self, event: e.ExecutionStarted) -> None:
        self.started = event
        self.items = {item: ItemFold(item) for item in event.items}

    def _cmd_started(self, event: e.CmdStarted) -> None:
        self.cmd = event.cmd
        self.cmd_number += 1
        self.block = self._discovers = None
        self.blocks_done = []

    def _cmd_ended(self, event: e.CmdEnded) -> None:
        self.cmds_done.append(event.cmd)

    def _block_started(self, event: e.BlockStarted) -> None:
        self.block = event.block
        self._discovers = _DISCOVERED_BY.get(event.block)
        if event.block is Block.PRUNE:  # what was applied stays done
            return
        if event.seq != self._pending_upto:
            for item in self.items.values():
                item._pend()
        self._pending_upto = event.seq + 1

    def _block_ended(self, event: e.BlockEnded) -> None:
        self.blocks_done.append(event.block)
        if event.seq == self._pending_upto:  # a block that touched no item
            self._pending_upto += 1

    def _item_state(self, event: e.ItemState) -> None:
        item, which, state = self.items[event.item], event.which, event.state
        if state is not None:
            if which is StateKind.CURRENT:
                item.current = state
            else:
                item.goal = state
        if self._discovers is which and item.error is None:
            item.status = ProgressStatus.COMPLETE_SUCCESS

    def _item_verdict(self, event: e.ItemVerdict) -> None:
        self.notes[event.item] = ItemNote(verdict=event.verdict, message=event.message)
        if event.drift is not None:
            self.drift[event.item] = event.drift

    def _leftovers_found(self, event: e.LeftoversFound) -> None:
        self.leftovers = event.leftovers
        for item in event.to_clean:
            if item not in self.items:
                self.items[item] = ItemFold(item)
                self.items[item]._pend()

    def _state_forgotten(self, event: e.StateForgotten) -> None:
        self.leftovers = [leftover for leftover in self.leftovers if leftover.item != event.item]

    def _item_kept(self, event: e.ItemKept) -> None:
        self.items[event.item].current = event.state

    def _item_intent(self, event: e.ItemIntent) -> None:
        item, current, target = self.items[event.item], event.current, event.target
        item.intent_open = True
        item.status = ProgressStatus.RUNNING
        item.started_at = event.at
        if current is not None:
            item.current = current
        if target is not None and event.direction is Direction.ENSURE:
            item.goal = target

    def _item_result(self, event: e.ItemResult) -> None:
        item, result, state, goal = self.items[event.item], event.result, event.state, event.goal
        item.intent_open = False
        item.ended_at = event.at
        item.waiting_for = None
        if state is not None:
            item.current = state
        if goal is not None:
            item.goal = goal
        if result == "applied" or result == "unchanged":
            item.status = ProgressStatus.COMPLETE_SUCCESS
            item.error = None
            item.message = "" if result == "applied" else "nothing to do"
            if item.limit is not None and item.limit.total is not None:
                item.position = item.limit.total
        elif result == "failed":
            item.status = ProgressStatus.COMPLETE_FAIL
            item.error = event.error
            item.message = event.error.message if event.error else ""
        else:
            item.status = ProgressStatus.INTERRUPTED
            item.error = event.error
            item.message = "cancelled" if event.error is None else f"cancelled, and failed: {event.error.message}"

    def _item_error(self, event: e.ItemError) -> None:
        item = self.items[event.item]
        item.status = ProgressStatus.COMPLETE_FAIL
        item.error = event.error
        item.message = event.error.message
        item.ended_at = event.at

    def _item_diff(self, event: e.ItemDiff) -> None:
        item = self.items[event.item]
        item.diff = event.diff
        if item.status is ProgressStatus.EXEC_PENDING:
            item.status = ProgressStatus.COMPLETE_SUCCESS

    def _item_status(self, event: e.ItemStatus) -> None:
        item = self.items[event.item]
        asked, item.status = item.status is ProgressStatus.USER_PENDING, event.status
        item.waiting_for = event.waiting_for
        if event.message or asked:  # a question is over with the status that it came with
            item.message = event.message
        if event.limit is not None:
            item.limit = event.limit

    def _item_position(self, event: e.ItemPosition) -> None:
        item = self.items[event.item]
        item.position = event.position
        if event.limit is not None:
            item.limit = event.limit
        item.message = event.message
        if item.status is ProgressStatus.RUNNING_STALLED:
            item.status = ProgressStatus.RUNNING

    def _interrupt_requested(self, event: e.InterruptRequested) -> None:
        signal = event.signal
        level = signal.level or InterruptLevel.FINISH
        if self.interrupt is None:
            self.interrupt = InterruptRecord(
                source=signal.source, reason=signal.reason, level=level, requested_at=signal.at
            )
        else:
            self.interrupt.level = level
            self.interrupt.reason = self.interrupt.reason or signal.reason
        if self.started is None or self.started.strategy.starts_nothing_at(level):
            self._interrupt_items(NOT_BEGUN)

    def _cancel_swallowed(self, event: e.CancelSwallowed) -> None:
        if event.item not in self.swallowed:
            self.swallowed.append(event.item)

    def _endpoint_cut(self, event: e.EndpointCut) -> None:
        self.endpoints_cut[event.endpoint] = event.reason

    def _execution_ended(self, event: e.ExecutionEnded) -> None:
        outcome = self.ended = event.outcome
        for item in self.items.values():
            if item.intent_open:
                item.status = ProgressStatus.UNKNOWN
        self._interrupt_items(RUNNING)
        if outcome.is_interrupted or outcome.kind == "lost":
            self._interrupt_items(NOT_BEGUN)


_HANDLERS: dict[type[e.Event], Callable[[ExecutionFold, Any], None]] = {
    e.ExecutionStarted: ExecutionFold._execution_started,
    e.CmdStarted: ExecutionFold._cmd_started,
    e.CmdEnded: ExecutionFold._cmd_ended,
    e.BlockStarted: ExecutionFold._block_started,
    e.BlockEnded: ExecutionFold._block_ended,
    e.ItemState: ExecutionFold._item_state,
    e.ItemVerdict: ExecutionFold._item_verdict,
    e.ItemIntent: ExecutionFold._item_intent,
    e.ItemKept: ExecutionFold._item_kept,
    e.LeftoversFound: ExecutionFold._leftovers_found,
    e.StateForgotten: ExecutionFold._state_forgotten,
    e.ItemResult: ExecutionFold._item_result,
    e.ItemError: ExecutionFold._item_error,
    e.ItemDiff: ExecutionFold._item_diff,
    e.ItemStatus: ExecutionFold._item_status,
    e.ItemPosition: ExecutionFold._item_position,
    e.InterruptRequested: ExecutionFold._interrupt_requested,
    e.CancelSwallowed: ExecutionFold._cancel_swallowed,
    e.EndpointCut: ExecutionFold._endpoint_cut,
    e.ExecutionEnded: ExecutionFold._execution_ended,
}
