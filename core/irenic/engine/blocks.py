"""The blocks that commands are made of: one pass over all items, or one step for the whole flow."""

from collections.abc import Awaitable, Callable, Iterable

from irenic.engine.adopt import Adoption
from irenic.engine.apply import Application
from irenic.engine.cmd_run import CmdRun
from irenic.engine.discover import Discovery
from irenic.engine.item_run import ItemRun
from irenic.engine.leftovers import find_leftovers, graph_with, leftover_run
from irenic.engine.moves import is_taken
from irenic.engine.verdict import dump
from irenic.engine.verdict_text import place_text
from irenic.flow.graph import Graph
from irenic.flow.params import digest
from irenic.model.cmd import Block, Cmd, Direction, OnDrift, StateKind
from irenic.model.errors import ParamsError, StatesNotDiscoveredError
from irenic.model.events import (
    ItemDiff,
    ItemState,
    ItemStatus,
    ItemVerdict,
    LeftoversFound,
    StateForgotten,
    StateMoved,
)
from irenic.model.outcome import Refusal
from irenic.model.plan import Plan
from irenic.model.preview import PreviewItem, PreviewReason
from irenic.model.progress import ProgressStatus
from irenic.model.states import ItemStates
from irenic.model.verdict import Leftover, VerdictKind, changed_by

ITEM_WISE = frozenset(
    {
        Block.STATES_DISCOVER,
        Block.STATES_CURRENT_DISCOVER,
        Block.STATES_GOAL_DISCOVER,
        Block.STATES_ADOPT,
        Block.APPLY,
        Block.PRUNE,
    }
)
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
    states = cmd_run.current if which is StateKind.CURRENT else cmd_run.goal
    for run in cmd_run.runs.values():
        entry = run.stored
        data = None if entry is None else (entry.current if which is StateKind.CURRENT else entry.goal)
        state = run.load(data)
        if state is None:
            continue
        states[run.item_id] = state
        cmd_run.recorder.emit(ItemState, item=run.item_id, which=which, state=data)
        _say_read(cmd_run, run.item_id, entry)
    _read_leftovers(cmd_run)
    if cmd_run.runs and not states and not cmd_run.stored.items:
        raise StatesNotDiscoveredError(
            f"nothing is stored of {cmd_run.request.flow.id}/{cmd_run.request.profile}: run `irenic discover` first."
        )


def _read_leftovers(cmd_run: CmdRun) -> None:
    request = cmd_run.request
    chosen = request.items is not None
    leftovers = find_leftovers(request.flow, cmd_run.stored, cmd_run.here, {}, cmd_run.inputs, chosen=chosen)
    if leftovers:
        cmd_run.recorder.emit(LeftoversFound, leftovers=leftovers)
    for run in cmd_run.runs.values():
        entry = cmd_run.stored.items.get(run.item_id)
        if entry is not None and run.stored is None and (others := entry.others(cmd_run.here)):
            message = f"not here yet; made {place_text(others[0])}"
            cmd_run.recorder.emit(ItemVerdict, item=run.item_id, verdict=VerdictKind.MAKE_HERE, message=message)


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
    if current and cmd_run.cmd not in (Cmd.ENSURE, Cmd.CLEAN):
        _read_leftovers(cmd_run)


async def _clean_insert(cmd_run: CmdRun) -> None:
    for item in cmd_run.looker.verdicts.values():
        _note(cmd_run, item)
    _take_leftovers(cmd_run)
    _insert_clean_states(cmd_run, [*cmd_run.runs.values(), *cmd_run.leftovers.values()])
    _refuse_dependents(cmd_run)


def _insert_clean_states(cmd_run: CmdRun, runs: Iterable[ItemRun]) -> None:
    for run in runs:
        try:
            partial = run.resolve(cmd_run.current, cmd_run.goal, inputs=cmd_run.inputs)
            cmd_run.target[run.item_id] = run.item.state_clean(partial)
        except Exception as error:
            cmd_run.item_failed(run, error, "state_clean")


def _refuse_dependents(cmd_run: CmdRun) -> None:
    """Refuse to clean an item that others stand on, where those are not to be cleaned with it."""
    request = cmd_run.request
    if request.items is None or request.dry_run:
        return
    graph = request.flow.graph
    there = [other for other in request.flow.items if other not in cmd_run.runs and _is_there(cmd_run, other)]
    for item_id in cmd_run.runs if there else ():
        descendants = graph.descendants([item_id])
        others = [other for other in there if other in descendants]
        if others:
            names = ", ".join(others)
            cmd_run.refusals[item_id] = Refusal(
                reason="dependents", message=f"{names} {'stands' if len(others) == 1 else 'stand'} on {item_id}."
            )


def _is_there(cmd_run: CmdRun, item_id: str) -> bool:
    whole = cmd_run.stored.items.get(item_id)
    entry = None if whole is None else whole.at(cmd_run.here)
    return entry is not None and entry.is_made


async def _verdict(cmd_run: CmdRun) -> None:
    request = cmd_run.request
    for item in cmd_run.looker.verdicts.values():
        _note(cmd_run, item)
    leftovers = _list_leftovers(cmd_run)
    if request.on_drift is OnDrift.REFUSE:
        _refuse_drift(cmd_run)
    if request.plan is not None:
        _refuse_stale(cmd_run, request.plan, leftovers)


def _list_leftovers(cmd_run: CmdRun) -> list[Leftover]:
    leftovers = _find_leftovers(cmd_run)
    if leftovers:
        cmd_run.recorder.emit(LeftoversFound, leftovers=leftovers)
    return leftovers


def _find_leftovers(cmd_run: CmdRun) -> list[Leftover]:
    request = cmd_run.request
    return find_leftovers(
        request.flow,
        cmd_run.stored,
        cmd_run.here,
        cmd_run.runs,
        cmd_run.inputs,
        chosen=request.items is not None,
        prunes=not cmd_run.cleans,
        current=cmd_run.current,
    )


_NOTED = (VerdictKind.REPAIR, VerdictKind.REPLACE, VerdictKind.MAKE_HERE, VerdictKind.LEAVE_ALONE)


def _note(cmd_run: CmdRun, item: PreviewItem) -> None:
    is_later = cmd_run.request.dry_run and item.verdict is VerdictKind.KNOWN_AFTER_APPLY
    if item.verdict in _NOTED or item.drift is not None or PreviewReason.OTHER_PROFILE in item.reasons or is_later:
        message = item.message.partition(": ")[2]
        cmd_run.recorder.emit(ItemVerdict, item=item.item, verdict=item.verdict, message=message, drift=item.drift)


def _refuse_drift(cmd_run: CmdRun) -> None:
    for item in cmd_run.looker.verdicts.values():
        if item.drift is not None:
            cmd_run.refusals[item.item] = Refusal(
                reason="drift",
                message=f"{item.item} was {changed_by(item.drift)}.",
                stored=item.drift.stored,
                discovered=item.drift.found,
                goal=item.drift.goal,
            )


def _refuse_stale(cmd_run: CmdRun, plan: Plan, leftovers: list[Leftover]) -> None:
    request = cmd_run.request
    items = [run.secrets.data(cmd_run.looker.verdicts[item_id]) for item_id, run in cmd_run.runs.items()]
    stale = plan.stale(items, leftovers, inputs=digest(cmd_run.inputs), code=request.flow.code_hash())
    whole = stale.pop("", None)
    if whole is not None:  # it is about no item in particular
        first = next(iter(cmd_run.runs), "")
        stale = {**stale, first: "; ".join(filter(None, (whole, stale.get(first))))}
    for item_id, message in stale.items():
        cmd_run.refusals[item_id] = Refusal(reason="stale_plan", message=message)


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
    if not cmd_run.cleans:
        await cmd_run.each(Application(cmd_run, Direction.ENSURE).visit)
        if cmd_run.leaves_late:
            _list_leftovers(cmd_run)
        return
    graph = graph_with(cmd_run.graph, cmd_run.leftovers, cmd_run.stored)
    await cmd_run.each(Application(cmd_run, Direction.CLEAN).visit, reverse=True, graph=graph)


async def _prune(cmd_run: CmdRun) -> None:
    """Clean what the flow no longer names."""
    _take_leftovers(cmd_run)
    _insert_clean_states(cmd_run, cmd_run.leftovers.values())
    if cmd_run.leftovers and not cmd_run.failed:
        graph = graph_with(Graph(), cmd_run.leftovers, cmd_run.stored)
        await cmd_run.each(Application(cmd_run, Direction.CLEAN).visit, reverse=True, graph=graph)


def _take_leftovers(cmd_run: CmdRun) -> None:
    """Make runs of what the flow no longer names, for those that can be cleaned here."""
    request, stored = cmd_run.request, cmd_run.stored
    leftovers = _find_leftovers(cmd_run)
    if not request.dry_run:
        for run in cmd_run.runs.values():
            cmd_run.record_moves(run)
    if not leftovers:
        return
    if request.dry_run:
        cmd_run.recorder.emit(LeftoversFound, leftovers=leftovers)
        return
    to_clean = [leftover.item for leftover in leftovers if leftover.problem is None]
    for stored_id in to_clean:
        entry = stored.items[stored_id].at(cmd_run.here)
        assert entry is not None
        cmd_run.take_leftover(leftover_run(request.flow, stored_id, entry, cmd_run.inputs, cmd_run.tasks))
    cmd_run.recorder.emit(LeftoversFound, leftovers=leftovers, to_clean=to_clean)
    for stored_id in to_clean:
        cmd_run.recorder.emit(ItemVerdict, item=stored_id, verdict=VerdictKind.REMOVE, message="it was left over")


async def _adopt(cmd_run: CmdRun) -> None:
    await cmd_run.each(Adoption(cmd_run).visit)


async def _edit(cmd_run: CmdRun) -> None:
    request, stored, recorder = cmd_run.request, cmd_run.stored, cmd_run.recorder
    unknown = [item for item in (*request.forget, *request.moves) if item not in stored.items]
    if unknown:
        known = ", ".join(stored.items) or "nothing"
        raise StatesNotDiscoveredError(
            f"nothing is stored of {', '.join(unknown)} in {stored.flow}/{stored.profile}; stored: {known}."
        )
    for item in request.forget:
        recorder.emit(StateForgotten, item=item)
    for item, to in request.moves.items():
        if is_taken(stored, to):
            raise ParamsError(f"something is stored of {to} already: forget or clean it before {item} takes its place.")
        recorder.emit(StateMoved, item=item, to=to)
    for item_id in cmd_run.runs:
        recorder.emit(ItemStatus, item=item_id, status=ProgressStatus.COMPLETE_SUCCESS)


_BLOCKS: dict[Block, Callable[[CmdRun], Awaitable[None]]] = {
    Block.STATES_CURRENT_READ: _current_read,
    Block.STATES_GOAL_READ: _goal_read,
    Block.STATES_DISCOVER: _discover,
    Block.STATES_CURRENT_DISCOVER: _current_discover,
    Block.STATES_GOAL_DISCOVER: _goal_discover,
    Block.STATES_CLEAN_INSERT: _clean_insert,
    Block.STATES_ADOPT: _adopt,
    Block.STATES_EDIT: _edit,
    Block.VERDICT: _verdict,
    Block.DIFF: _diff,
    Block.APPLY: _apply,
    Block.PRUNE: _prune,
}
