"""Commands that only look leave nothing behind, and a resume is the same request again, whole."""

from pathlib import Path
from typing import Any

import pytest
from tests.changing_world import SharedSlot, SlotParams, SlotState, World, do, look, plan_of, slots_flow

from irenic import CmdExecRequest, Flow, InterruptStrategy, ItemContext, StateDiff
from irenic.engine.resumption import request_again
from irenic.guards import ErrorBudget
from irenic.model.cmd import Cmd, OnDrift
from irenic.model.errors import ParamsError
from irenic.stores import FileStore, MemoryStore

pytestmark = pytest.mark.virtual_clock


FLOW = slots_flow(SharedSlot("a"), SharedSlot("b"))


@pytest.mark.parametrize("cmd", ["status", "goal", "diff"])
async def test_a_command_that_looks_leaves_no_execution_behind(world: World, store: MemoryStore, cmd: str) -> None:
    """Nor does it change what is stored."""
    await do(world, store, FLOW, "ensure")
    before = (await store.states("slots", "default")).model_dump_json()
    world.shared["a"].value = 5
    outcome = await do(world, store, FLOW, cmd)
    assert outcome.kind == "complete"
    assert len((await store.executions()).items) == 1
    assert await store.execution(outcome.execution_id) is None
    assert (await store.states("slots", "default")).model_dump_json() == before


async def test_a_preview_and_a_plan_leave_nothing_behind(world: World, store: MemoryStore) -> None:
    """Not even a record."""
    await look(world, store, FLOW)
    await plan_of(world, store, FLOW)
    assert (await store.executions()).items == []
    assert (await store.states("slots", "default")).items == {}


async def test_looking_writes_no_file(world: World, tmp_path: Path) -> None:
    """Into a store of files either, so that it may be one that cannot be written to."""
    folder = tmp_path / "store"
    store = FileStore(folder)
    await do(world, store, FLOW, "ensure")
    await store.close()
    before = _files(folder)
    store = FileStore(folder)
    for cmd in ("status", "goal", "diff"):
        assert (await do(world, store, FLOW, cmd)).kind == "complete"
    await look(world, store, FLOW)
    await store.close()
    assert _files(folder) == before


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_diff_looks_at_the_world(world: World, store: MemoryStore) -> None:
    """Unless it is to compare what is stored."""
    await do(world, store, FLOW, "ensure")
    world.shared["a"].value = 5
    outcome = await do(world, store, FLOW, "diff")
    assert outcome.states["a"].diff == {"changes": {"value": {"before": 5, "after": 1}}}
    outcome = await do(world, store, FLOW, "diff", source="stored")
    assert outcome.states["a"].diff == {"changes": {}}


class Stuck(SharedSlot):
    """A slot whose apply fails until it is let on."""

    is_stuck = True

    async def apply(
        self, cx: ItemContext, params: SlotParams, current: SlotState, target: SlotState, diff: StateDiff
    ) -> SlotState:
        """Fail, or do it."""
        if self.is_stuck:
            raise RuntimeError("stuck")
        return await super().apply(cx, params, current, target, diff)


async def stopped(world: World, store: MemoryStore, flow: Flow, **options: Any) -> CmdExecRequest:
    """Run an ensure that does not come to its end, and return the request that goes on with it."""
    outcome = await do(world, store, flow, "ensure", **options)
    assert outcome.kind == "item_error"
    record = await store.execution(outcome.execution_id)
    assert record is not None
    return request_again(flow, record, outcome)


async def test_a_resume_is_about_the_same_items_and_no_others(world: World, store: MemoryStore) -> None:
    """What was left out stays left out."""
    stuck = Stuck("a")
    flow = slots_flow(stuck, SharedSlot("b"), SharedSlot("c"))
    flow.edge("a", "b")
    again = await stopped(world, store, flow, items=["a", "b"])
    assert again.items == ["a", "b"]
    stuck.is_stuck = False
    outcome = await do(world, store, flow, "ensure", **_options(again))
    assert (outcome.kind, set(world.shared)) == ("complete", {"a", "b"})


def _options(request: CmdExecRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.model_fields_set - {"flow", "cmds"}}


async def test_a_resume_has_every_option_of_its_request(world: World, store: MemoryStore) -> None:
    """But for a plan: the execution itself has changed what the plan saw; ``ask`` was asked by the resume."""
    flow = slots_flow(Stuck("a"), SharedSlot("b"))
    options: dict[str, Any] = {
        "prune": True,
        "on_drift": "refuse",
        "max_concurrency": 3,
        "strategy": "cancel",
        "deadline": 50.0,
        "escalate_after": 7.0,
        "stall_after": 9.0,
        "with_dependencies": True,
        "profile": "prod",
        "guards": (ErrorBudget(3),),
    }
    again = await stopped(world, store, flow, **options)
    assert (again.profile, again.prune, again.on_drift) == ("prod", True, OnDrift.REFUSE)
    assert (again.max_concurrency, again.strategy) == (3, InterruptStrategy.CancelCurrent)
    assert (again.deadline, again.escalate_after, again.stall_after) == (50.0, 7.0, 9.0)
    assert (again.with_dependencies, again.dry_run, again.cmds) == (True, False, [Cmd.ENSURE])
    _, plan = await plan_of(world, store, flow)
    again = await stopped(world, store, flow, plan=plan)
    assert (again.plan, again.on_drift) == (None, OnDrift.REPAIR)


async def test_a_resume_of_items_that_are_gone_says_so(world: World, store: MemoryStore) -> None:
    """It does not ensure everything instead."""
    flow = slots_flow(Stuck("a"), SharedSlot("b"))
    outcome = await do(world, store, flow, "ensure", items=["a"])
    record = await store.execution(outcome.execution_id)
    assert record is not None
    with pytest.raises(ParamsError, match="no longer has"):
        request_again(slots_flow(SharedSlot("b")), record, outcome)
