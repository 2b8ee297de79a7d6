"""Finding out what is and what should be, item by item; an error of one item does not stop the others."""

from typing import Any

from irenic.engine.cmd_run import CmdRun, is_interrupt
from irenic.engine.item_run import ItemRun
from irenic.model.cmd import StateKind
from irenic.model.events import ItemState
from irenic.model.progress import ProgressStatus


def dump(state: Any) -> Any:
    """Return a state as JSON-able data; None stays None."""
    return None if state is None else state.__pydantic_serializer__.to_python(state, mode="json")


class Discovery:
    """Visits items to discover their current state, their goal state, or both in one pass.

    :param store: whether what is found becomes the stored state.
    """

    def __init__(self, cmd_run: CmdRun, *, current: bool, goal: bool, store: bool) -> None:
        self._cmd_run = cmd_run
        self._current = current
        self._goal = goal
        self._store = store

    async def visit(self, run: ItemRun) -> bool:
        """Discover one item; where both states fail, only the error of the current one is kept."""
        cmd_run = self._cmd_run
        cmd_run.recorder.fold.items[run.item_id].status = ProgressStatus.RUNNING
        phase = "state_current"
        try:
            if self._current:
                await self._find_current(run)
                if self._goal and not cmd_run.interrupts.may_go_on():
                    cmd_run.item_left(run, "stopped before its goal was looked for")
                    return True
            if self._goal:
                phase = "state_goal"
                await self._find_goal(run)
            cmd_run.note_swallowed(run)
        except BaseException as error:
            if is_interrupt(run, error):
                cmd_run.item_left(run, "cancelled while it was being discovered")
            else:
                if self._current and self._goal and phase == "state_current":
                    await self._find_goal_after_error(run)
                cmd_run.item_failed(run, error, phase)
        return True

    async def _find_current(self, run: ItemRun) -> None:
        cmd_run = self._cmd_run
        partial = run.resolve(cmd_run.current, inputs=cmd_run.inputs)
        state = await run.call(run.item.try_state_current, run.cx, partial)
        if state is not None:
            cmd_run.current[run.item_id] = run.checked(state, "try_state_current")
        self._tell(run, StateKind.CURRENT, state)

    async def _find_goal(self, run: ItemRun) -> None:
        cmd_run = self._cmd_run
        partial = run.resolve(cmd_run.goal, cmd_run.current, inputs=cmd_run.inputs)
        state = await run.call(run.item.try_state_goal, run.cx, partial)
        if state is not None:
            cmd_run.goal[run.item_id] = run.checked(state, "try_state_goal")
        self._tell(run, StateKind.GOAL, state)

    async def _find_goal_after_error(self, run: ItemRun) -> None:
        try:
            await self._find_goal(run)
        except Exception as error:
            run.cx.log.debug(f"its goal state could not be discovered either: {error}")

    def _tell(self, run: ItemRun, which: StateKind, state: Any) -> None:
        self._cmd_run.recorder.emit(ItemState, item=run.item_id, which=which, state=dump(state), stored=self._store)
