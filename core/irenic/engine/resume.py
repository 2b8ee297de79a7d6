"""Says what a request would do to each item, and why, without writing anything."""

from collections.abc import Callable, Iterable
from typing import Any

from irenic.engine.item_run import ItemRun
from irenic.engine.platform import Platform, default_platform
from irenic.engine.preview_context import PreviewItemContext
from irenic.engine.request import CmdExecRequest
from irenic.engine.store import Store
from irenic.flow.generated import states_equal
from irenic.model.cmd import Cmd
from irenic.model.preview import Preview, PreviewAction, PreviewItem, PreviewReason
from irenic.model.states import FlowStates, ItemStates

_WORDS = {
    PreviewReason.AT_GOAL: "it is at its goal",
    PreviewReason.NEVER_RUN: "it was never run",
    PreviewReason.PARAMS_CHANGED: "its params have changed since it was applied",
    PreviewReason.CODE_CHANGED: "its code has changed since it was applied",
    PreviewReason.DRIFT: "it is not as it was stored: somebody else may have changed it",
    PreviewReason.UNKNOWN_RESULT: "nobody knows how its last apply ended",
    PreviewReason.NOT_AT_GOAL: "it is not at its goal",
    PreviewReason.PARAMS_NOT_KNOWN: "its params follow from an item that will run first",
    PreviewReason.PREDECESSOR_RUNS: "an item before it will run",
    PreviewReason.CANNOT_DISCOVER: "its state could not be found out",
}

_ACTIONS = {
    PreviewAction.SKIP: "skip",
    PreviewAction.CHECK_AGAIN: "check again",
    PreviewAction.RUN: "run",
    PreviewAction.UNKNOWN: "unknown",
}

_MOVES = (PreviewAction.RUN, PreviewAction.UNKNOWN)


async def preview(request: CmdExecRequest, store: Store, platform: Platform | None = None) -> Preview:
    """Return what a request would do to each of its items; states are discovered, nothing is written.

    :raises ParamsError: if the inputs are not valid.
    """
    flow = request.flow
    inputs = flow.merge_inputs(await store.inputs(flow.id, request.profile), request.inputs)
    stored = await store.states(flow.id, request.profile)
    look = _Look(request, stored, inputs, lambda: platform or default_platform())
    chosen = request.chosen_items()
    look.remember(flow.items.keys() - set(chosen))
    for item_id in flow.graph.subgraph(chosen).topological():
        await look.at(item_id)
    return Preview(flow=flow.id, profile=request.profile, items=[look.verdict(item_id) for item_id in chosen])


class _Look:
    """Looks at the items of a request, predecessors first."""

    def __init__(
        self, request: CmdExecRequest, stored: FlowStates, inputs: Any, platform: Callable[[], Platform]
    ) -> None:
        self._request = request
        self._stored = stored
        self._inputs = inputs
        self._platform = platform
        self._current: dict[str, Any] = {}
        self._goal: dict[str, Any] = {}
        self._found: dict[str, PreviewItem] = {}

    def remember(self, item_ids: Iterable[str]) -> None:
        """Take the stored states of items that are not looked at, for the params of those that are."""
        for item_id in item_ids:
            entry = self._stored.items.get(item_id)
            if entry is not None:
                run = ItemRun(self._request.flow, item_id, {})
                self._current[item_id] = run.load(entry.current)
                self._goal[item_id] = run.load(entry.goal)

    async def at(self, item_id: str) -> None:
        """Find out what would happen to one item by itself."""
        run = ItemRun(self._request.flow, item_id, {})
        entry = self._stored.items.get(item_id)
        run.cx = PreviewItemContext(run, self._request, entry, self._platform)
        try:
            action, reasons = await self._decide(run, entry)
        except Exception as error:
            said = f"{_WORDS[PreviewReason.CANNOT_DISCOVER]}: {error}"
            self._found[item_id] = PreviewItem(
                item=item_id, action=PreviewAction.UNKNOWN, reasons=[PreviewReason.CANNOT_DISCOVER], message=said
            )
        else:
            self._found[item_id] = _said(item_id, action, reasons)

    def verdict(self, item_id: str) -> PreviewItem:
        """Return what would happen to one item, once all have been looked at."""
        found = self._found[item_id]
        graph = self._request.flow.graph
        before = graph.successors(item_id) if self._cleans else graph.predecessors(item_id)
        moves = any(other in self._found and self._found[other].action in _MOVES for other in before)
        if moves and found.action not in _MOVES:
            kept = [reason for reason in found.reasons if reason is not PreviewReason.AT_GOAL]
            return _said(item_id, PreviewAction.CHECK_AGAIN, [*kept, PreviewReason.PREDECESSOR_RUNS])
        return found

    @property
    def _cleans(self) -> bool:
        return Cmd.CLEAN in self._request.cmds

    async def _decide(self, run: ItemRun, entry: ItemStates | None) -> tuple[PreviewAction, list[PreviewReason]]:
        if self._cleans:
            return await self._decide_clean(run, entry)
        now = run.resolve(self._current, self._goal, inputs=self._inputs)
        then = run.resolve(self._goal, self._current, inputs=self._inputs)
        params = then.whole()
        current = self._current[run.item_id] = await run.item.try_state_current(run.cx, now)
        goal = self._goal[run.item_id] = await run.item.try_state_goal(run.cx, then)
        reasons = self._changes(run, entry, params, current)
        if params is None or current is None or goal is None:
            return self._unless_unknown(entry, PreviewAction.RUN), [*reasons, PreviewReason.PARAMS_NOT_KNOWN]
        if run.item.apply_check(params, current, goal, run.item.state_diff(current, goal)).required:
            return self._unless_unknown(entry, PreviewAction.RUN), [*reasons, PreviewReason.NOT_AT_GOAL]
        if reasons:
            return PreviewAction.CHECK_AGAIN, reasons
        return PreviewAction.SKIP, [PreviewReason.AT_GOAL]

    async def _decide_clean(self, run: ItemRun, entry: ItemStates | None) -> tuple[PreviewAction, list[PreviewReason]]:
        self._goal[run.item_id] = None if entry is None else run.load(entry.goal)
        partial = run.resolve(self._current, self._goal, inputs=self._inputs)
        params = partial.whole()
        current = self._current[run.item_id] = await run.item.try_state_current(run.cx, partial)
        clean = run.item.state_clean(partial)
        reasons = [] if entry is None else self._doubts(run, entry, current)
        if params is None or current is None:
            return self._unless_unknown(entry, PreviewAction.SKIP), reasons or [PreviewReason.AT_GOAL]
        if run.item.apply_check(params, current, clean, run.item.state_diff(current, clean)).required:
            return self._unless_unknown(entry, PreviewAction.RUN), [*reasons, PreviewReason.NOT_AT_GOAL]
        return (PreviewAction.CHECK_AGAIN, reasons) if reasons else (PreviewAction.SKIP, [PreviewReason.AT_GOAL])

    def _changes(self, run: ItemRun, entry: ItemStates | None, params: Any, current: Any) -> list[PreviewReason]:
        """Return what has changed of an item since it was run."""
        if entry is None or (entry.applied_at is None and not entry.unknown and entry.params_hash is None):
            return [PreviewReason.NEVER_RUN]
        reasons = self._doubts(run, entry, current)
        if entry.params_hash is not None and params is not None and entry.params_hash != run.params_hash(params):
            reasons.append(PreviewReason.PARAMS_CHANGED)
        if entry.code_hash is not None and entry.code_hash != run.code_hash:
            reasons.append(PreviewReason.CODE_CHANGED)
        return reasons

    @staticmethod
    def _doubts(run: ItemRun, entry: ItemStates, current: Any) -> list[PreviewReason]:
        """Return why what is stored of an item may not be what is there."""
        if entry.unknown:
            return [PreviewReason.UNKNOWN_RESULT]
        stored = run.load(entry.current)
        drifted = stored is not None and current is not None and not states_equal(stored, current)
        return [PreviewReason.DRIFT] if drifted else []

    @staticmethod
    def _unless_unknown(entry: ItemStates | None, action: PreviewAction) -> PreviewAction:
        return PreviewAction.UNKNOWN if entry is not None and entry.unknown else action


def _said(item_id: str, action: PreviewAction, reasons: list[PreviewReason]) -> PreviewItem:
    message = f"{_ACTIONS[action]}: {'; '.join(_WORDS[reason] for reason in reasons)}"
    return PreviewItem(item=item_id, action=action, reasons=reasons, message=message)
