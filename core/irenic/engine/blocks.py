"""The blocks that commands are made of: one pass over all items, or one step for the whole flow."""

from collections.abc import Awaitable, Callable
from typing import Any

from irenic.engine.apply import Application
from irenic.engine.cmd_run import CmdRun
from irenic.engine.discover import Discovery, dump
from irenic.engine.item_run import ItemRun
from irenic.flow.generated import states_equal
from irenic.model.cmd import Block, Cmd, Direction, StateKind, SyncMode
from irenic.model.errors import StatesNotDiscoveredError
from irenic.model.events import ItemDiff, ItemState, ItemStatus
from irenic.model.outcome import Refusal
from irenic.model.progress import ProgressStatus
from irenic.model.states import ItemStates

ITEM_WISE = frozenset({Block.STATES_DISCOVER, Block.STATES_CURRENT_DISCOVER, Block.STATES_GOAL_DISCOVER, Block.APPLY})
"""Blocks that walk the graph; all others are one step."""


async def run_block(cmd_run: CmdRun, block: Block) -> None:
    """Run one block; what it found is in ``cmd_run`` afterwards.

    :raises StatesNotDiscoveredError: if a command that only reads finds nothing stored.
    :raises StoreError: if the store could not keep an event.
    """
    await _BLOCKS[block](cmd_run)


async def _current_read(cmd_run: CmdRun) -> None:
    _read(cmd_run, StateKind.CURRENT)


async def _goal_read(cmd_run: CmdRun) -> None:
    _read(cmd_run, StateKind.GOAL)


def _read(cmd_run: CmdRun, which: StateKind) -> None:
    if cmd_run.cmd in (Cmd.ENSURE, Cmd.CLEAN):
        return
    states = cmd_run.current if which is StateKind.CURRENT else cmd_run.goal
    for run in cmd_run.runs.values():
        entry = cmd_run.stored.items.get(run.item_id)
        data = None if entry is None else (entry.current if which is StateKind.CURRENT else entry.goal)
        state = run.load(data)
        if state is None:
            continue
        states[run.item_id] = state
        cmd_run.recorder.emit(ItemState, item=run.item_id, which=which, state=data)
        _say_read(cmd_run, run.item_id, entry)
    if cmd_run.runs and not states:
        raise StatesNotDiscoveredError(
            f"nothing is stored of {cmd_run.request.flow.id}/{cmd_run.request.profile}: run `irenic discover` first."
        )


def _say_read(cmd_run: CmdRun, item_id: str, entry: ItemStates | None) -> None:
    unknown = entry is not None and entry.unknown
    cmd_run.recorder.emit(
        ItemStatus,
        item=item_id,
        status=ProgressStatus.UNKNOWN if unknown else ProgressStatus.COMPLETE_SUCCESS,
        message=(entry.unknown_reason or "") if entry is not None and unknown else "",
    )


async def _discover(cmd_run: CmdRun) -> None:
    await _discover_states(cmd_run, current=True, goal=True)


async def _current_discover(cmd_run: CmdRun) -> None:
    await _discover_states(cmd_run, current=True, goal=False)


async def _goal_discover(cmd_run: CmdRun) -> None:
    await _discover_states(cmd_run, current=False, goal=True)


async def _discover_states(cmd_run: CmdRun, *, current: bool, goal: bool) -> None:
    store = cmd_run.cmd is Cmd.DISCOVER and not cmd_run.request.dry_run
    await cmd_run.each(Discovery(cmd_run, current=current, goal=goal, store=store).visit)


async def _clean_insert(cmd_run: CmdRun) -> None:
    for run in cmd_run.runs.values():
        entry = cmd_run.stored.items.get(run.item_id)
        if entry is not None and entry.goal is not None:
            cmd_run.goal[run.item_id] = run.load(entry.goal)
        try:
            partial = run.resolve(cmd_run.current, cmd_run.goal, inputs=cmd_run.inputs)
            cmd_run.target[run.item_id] = run.item.state_clean(partial)
        except Exception as error:
            cmd_run.item_failed(run, error, "state_clean")


async def _sync_check(cmd_run: CmdRun) -> None:
    mode = cmd_run.request.sync
    for which, states, modes in (
        (StateKind.CURRENT, cmd_run.current, (SyncMode.CURRENT, SyncMode.BOTH)),
        (StateKind.GOAL, cmd_run.goal, (SyncMode.GOAL, SyncMode.BOTH)),
    ):
        if mode in modes and not cmd_run.refusals and not (which is StateKind.GOAL and cmd_run.cmd is Cmd.CLEAN):
            _compare(cmd_run, which, states)


def _compare(cmd_run: CmdRun, which: StateKind, states: dict[str, Any]) -> None:
    entries = cmd_run.stored.items
    for run in cmd_run.runs.values():
        entry = entries.get(run.item_id)
        if entry is None or (entry.unknown and which is StateKind.CURRENT):
            continue
        data = entry.current if which is StateKind.CURRENT else entry.goal
        stored = run.load(data)
        if stored is None:
            continue
        found = states.get(run.item_id)
        if found is None and (which is StateKind.GOAL or _is_clean(cmd_run, run, stored)):
            continue
        if states_equal(stored, found):
            continue
        only_stored = found is None
        what = "is stored but was not found" if only_stored else "is not as it was stored"
        cmd_run.refusals[run.item_id] = Refusal(
            reason="only_stored" if only_stored else "differ",
            which=which.value,
            message=f"the {which} state of {run.item_id} {what}: somebody else may have changed it.",
            stored=data,
            discovered=dump(found),
        )


def _is_clean(cmd_run: CmdRun, run: ItemRun, stored: Any) -> bool:
    """Return whether an item is stored as clean: one whose params are not known cannot be found, and is not missed."""
    partial = run.resolve(cmd_run.current, cmd_run.goal, inputs=cmd_run.inputs)
    return states_equal(stored, run.item.state_clean(partial))


async def _diff(cmd_run: CmdRun) -> None:
    for run in cmd_run.runs.values():
        before, after = cmd_run.current.get(run.item_id), cmd_run.goal.get(run.item_id)
        if before is None or after is None:
            continue
        try:
            diff = run.item.state_diff(before, after)
        except Exception as error:
            cmd_run.item_failed(run, error, "state_diff")
        else:
            cmd_run.recorder.emit(ItemDiff, item=run.item_id, diff=dump(diff))


async def _apply(cmd_run: CmdRun) -> None:
    clean = cmd_run.cmd is Cmd.CLEAN
    application = Application(cmd_run, Direction.CLEAN if clean else Direction.ENSURE)
    await cmd_run.each(application.visit, reverse=clean)


_BLOCKS: dict[Block, Callable[[CmdRun], Awaitable[None]]] = {
    Block.STATES_CURRENT_READ: _current_read,
    Block.STATES_GOAL_READ: _goal_read,
    Block.STATES_DISCOVER: _discover,
    Block.STATES_CURRENT_DISCOVER: _current_discover,
    Block.STATES_GOAL_DISCOVER: _goal_discover,
    Block.STATES_CLEAN_INSERT: _clean_insert,
    Block.SYNC_CHECK: _sync_check,
    Block.DIFF: _diff,
    Block.APPLY: _apply,
}
