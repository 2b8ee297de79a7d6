"""Finding out what is and what should be, item by item; an error of one item does not stop the others."""

from typing import Any

from irenic.engine.cmd_run import CmdRun, is_interrupt
from irenic.engine.item_run import ItemRun
from irenic.engine.verdict import ItemLeft, dump
from irenic.model.cmd import Cmd, StateKind
from irenic.model.events import ItemState, ItemStatus
from irenic.model.progress import ProgressStatus
from irenic.model.verdict import VerdictKind

_READING = (Cmd.DISCOVER, Cmd.DIFF)
"""Commands whose reader is told why a state is not known."""


class Discovery:
    """Visits items to discover their current state, their goal state, or both in one pass.

    Where both are looked for, or a clean is prepared, each item gets its verdict.

    :param store: whether what is found becomes the stored state.
    """

    def __init__(self, cmd_run: CmdRun, *, current: bool, goal: bool, store: bool) -> None:
        self._cmd_run = cmd_run
        self._current = current
        self._goal = goal
        self._store = store

    async def visit(self, run: ItemRun) -> bool:
        """Discover one item."""
        cmd_run = self._cmd_run
        cmd_run.recorder.fold.items[run.item_id].status = ProgressStatus.RUNNING
        try:
            if self._goal and not self._current:
                await self._find_goal(run)
            elif self._goal or cmd_run.cleans:
                await self._look(run)
            else:
                await self._find_current(run)
            cmd_run.note_swallowed(run)
        except ItemLeft:
            cmd_run.item_left(run, "stopped before its goal was discovered")
        except BaseException as error:
            if is_interrupt(run, error):
                cmd_run.note_error_of_cancel(run, error, run.phase)
                cmd_run.item_left(run, "cancelled while it was being discovered")
            else:
                cmd_run.item_failed(run, error, run.phase)
        return True

    async def _look(self, run: ItemRun) -> None:
        looker = self._cmd_run.looker
        try:
            item = await looker.look(run)
        except BaseException:
            # What was found out before counts all the same.
            for which, states in ((StateKind.CURRENT, looker.current), (StateKind.GOAL, looker.goal)):
                if run.item_id in states:
                    self._emit(run, which, dump(states[run.item_id]))
            raise
        if self._store:
            await self._record(run, item.found, item.goal)
        if item.found is not None or not self._goal:
            self._emit(run, StateKind.CURRENT, item.found)
        if self._goal:
            self._emit(run, StateKind.GOAL, item.goal)
        if item.verdict is VerdictKind.KNOWN_AFTER_APPLY and self._cmd_run.cmd in _READING:
            text = item.message.partition(": ")[2]
            self._cmd_run.recorder.emit(
                ItemStatus, item=run.item_id, status=ProgressStatus.COMPLETE_SUCCESS, message=text
            )

    async def _find_current(self, run: ItemRun) -> None:
        looker = self._cmd_run.looker
        try:
            state = await looker.find_current(run)
        except Exception:
            if all(other in looker.current for other in self._cmd_run.graph.predecessors(run.item_id)):
                raise
            state = None
        if self._store:
            await self._record(run, state)
        self._emit(run, StateKind.CURRENT, dump(state))

    async def _find_goal(self, run: ItemRun) -> None:
        looker = self._cmd_run.looker
        try:
            state = await looker.find_goal(run)
        except Exception:
            if all(other in looker.goal for other in self._cmd_run.graph.predecessors(run.item_id)):
                raise
            state = None
        if self._store:
            await self._record(run, state)
        self._emit(run, StateKind.GOAL, dump(state))

    async def _record(self, run: ItemRun, *states: Any) -> None:
        """Have a place for what is stored next, and leave what the item stood for before beside it."""
        if all(state is None for state in states):
            return
        if run.is_local:
            await self._cmd_run.mark_place()
        self._cmd_run.keep_former(run)

    def _emit(self, run: ItemRun, which: StateKind, state: Any) -> None:
        extra: dict[str, Any] = {}
        if self._store and state is not None:
            extra = {"about": self._cmd_run.about_now(run), "place": self._cmd_run.place_of(run)}
        self._cmd_run.recorder.emit(ItemState, item=run.item_id, which=which, state=state, stored=self._store, **extra)
