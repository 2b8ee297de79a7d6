"""Says what a request would do to each item, and why, without writing anything."""

import asyncio
from collections.abc import Iterable
from typing import Any

from irenic.engine.item_run import ItemRun
from irenic.engine.leftovers import find_leftovers
from irenic.engine.moves import moved_states
from irenic.engine.other_profiles import OtherProfiles
from irenic.engine.platform import Platform, default_platform
from irenic.engine.preview_context import PreviewItemContext
from irenic.engine.request import CmdExecRequest
from irenic.engine.store import Store
from irenic.engine.verdict import Looker, shape_problems
from irenic.engine.verdict_text import verdict_item
from irenic.engine.walk import Walk
from irenic.flow.params import digest
from irenic.flow.secret_mask import SecretMask
from irenic.model.cmd import Cmd
from irenic.model.place import PlaceInfo
from irenic.model.plan import Plan
from irenic.model.preview import Preview, PreviewReason
from irenic.model.states import FlowStates
from irenic.model.verdict import VerdictKind


async def preview(request: CmdExecRequest, store: Store, platform: Platform | None = None) -> Preview:
    """Return what a request would do to each of its items; states are discovered, nothing is written.

    :raises ParamsError: if the inputs are not valid.
    """
    return (await _looked(request, store, platform))[0]


async def make_plan(request: CmdExecRequest, store: Store, platform: Platform | None = None) -> tuple[Preview, Plan]:
    """Return a preview, and the plan that it amounts to.

    :raises ParamsError: if the inputs are not valid.
    """
    found, inputs = await _looked(request, store, platform)
    plan = Plan.of(
        found,
        cmd=request.cmds[0],
        chosen=request.items,
        prune=request.prune,
        inputs=digest(inputs),
        code=request.flow.code_hash(),
    )
    return found, plan


async def _looked(request: CmdExecRequest, store: Store, platform: Platform | None) -> tuple[Preview, Any]:
    flow = request.flow
    inputs = flow.merge_inputs(await store.inputs(flow.id, request.profile), request.inputs)
    stored = moved_states(flow, await store.states(flow.id, request.profile))
    look = _Preview(request, stored, inputs, platform or default_platform(), store)
    await look.prepare()
    await look.run()
    return look.result(), inputs


class _Preview:
    """Looks at the items of a request along the graph."""

    def __init__(
        self, request: CmdExecRequest, stored: FlowStates, inputs: Any, platform: Platform, store: Store
    ) -> None:
        self._request = request
        self._stored = stored
        self._inputs = inputs
        self._platform = platform
        self._profiles = OtherProfiles(store, request.flow.id, request.profile, lambda: platform.shared_place)
        self._chosen = request.chosen_items()
        self._graph = request.flow.graph.subgraph(self._chosen)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._secrets = SecretMask()
        self._secrets.learn(inputs)
        self._runs = {
            item_id: ItemRun.of(request.flow, item_id, self._tasks, self._secrets) for item_id in self._chosen
        }
        self._place: PlaceInfo | None = None
        self._looker: Looker

    async def prepare(self) -> None:
        """Read what is stored of the items."""
        mark = self._platform.place
        self._place = None if mark is None else await mark.read()
        here = None if self._place is None else self._place.id
        cmd = Cmd.CLEAN if Cmd.CLEAN in self._request.cmds else Cmd.ENSURE
        flow = self._request.flow
        self._looker = Looker(
            cmd, self._graph, self._stored, self._inputs, {}, {}, here, flow=flow, profiles=self._profiles
        )
        for item_id, run in self._runs.items():
            entry = self._stored.items.get(item_id)
            run.stored = None if entry is None else entry.at(here)
            run.cx = PreviewItemContext(run, self._request, self._platform)
        self._remember(self._request.flow.items.keys() - set(self._chosen), here)

    def _remember(self, item_ids: Iterable[str], here: str | None) -> None:
        """Take the stored states of items that are not looked at, for the params of those that are."""
        for item_id in item_ids:
            whole = self._stored.items.get(item_id)
            entry = None if whole is None else whole.at(here)
            if entry is not None:
                run = ItemRun.of(self._request.flow, item_id, {})
                run.stored = entry
                self._looker.current[item_id] = run.load(entry.current)
                self._looker.goal[item_id] = run.load(entry.goal)

    async def run(self) -> None:
        """Look at every item."""
        problems = shape_problems(self._runs)
        for item_id, problem in problems.items():
            self._cannot(item_id, PreviewReason.STATE_SHAPE, problem)

        async def visit(item_id: str) -> bool:
            if item_id not in problems:
                try:
                    await self._looker.look(self._runs[item_id])
                except Exception as error:
                    self._cannot(item_id, PreviewReason.CANNOT_DISCOVER, f"its state cannot be discovered: {error}")
            return True

        walk = Walk(
            self._graph,
            visit,
            may_start=lambda: True,
            max_concurrency=self._request.max_concurrency,
            running=self._tasks,
        )
        await walk.run()

    def result(self) -> Preview:
        """Return what was found out."""
        here = None if self._place is None else self._place.id
        chosen = self._request.items is not None
        leftovers = find_leftovers(
            self._request.flow,
            self._stored,
            here,
            self._runs,
            self._inputs,
            chosen=chosen,
            prunes=Cmd.CLEAN not in self._request.cmds,
            current=self._looker.current,
        )
        found = Preview(
            flow=self._request.flow.id,
            profile=self._request.profile,
            items=[self._looker.verdicts[item_id] for item_id in self._chosen],
            leftovers=leftovers,
        )
        return self._secrets.data(found)

    def _cannot(self, item_id: str, reason: PreviewReason, detail: str) -> None:
        run = self._runs[item_id]
        self._looker.verdicts[item_id] = verdict_item(
            run, VerdictKind.CANNOT_DISCOVER, [reason], None, None, detail=detail
        )
