"""What was abandoned and still runs in this process keeps its items from being applied beside it."""

import asyncio
import contextlib
import threading
from typing import Any

import pytest
from tests.items import Thing, World, thing_of, things

from irenic import CmdExecRequest, CmdExecutionMap, InterruptLevel, ItemContext
from irenic.items.threads import in_thread
from irenic.stores import MemoryStore


async def test_an_item_is_not_applied_beside_an_apply_of_it_that_was_abandoned() -> None:
    """In the same process; others of the profile are."""

    async def stuck(cx: Any, *args: Any) -> Any:
        begun.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()
        return thing_of(flow, "a").put(1)

    begun, release, world, store = asyncio.Event(), asyncio.Event(), World(), MemoryStore()
    flow = things(world, "a", "b")
    thing_of(flow, "a").replace(apply=stuck)
    async with CmdExecutionMap(store) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, items=["a"]))
        await begun.wait()
        execution.interrupt(level=InterruptLevel.ABANDON)
        assert (await execution).items.unknown == ["a"]

        for cmds in (["ensure"], ["clean"]):
            refused = await executions.submit(CmdExecRequest(flow=flow, cmds=cmds))
            assert (refused.kind, list(refused.refusals)) == ("refused", ["a"])
            assert f"an apply of a that {execution.id} abandoned still runs" in refused.message
        assert (await executions.submit(CmdExecRequest(flow=flow, items=["b"]))).kind == "complete"
        assert (await executions.submit(CmdExecRequest(flow=flow, dry_run=True))).kind == "complete"
        assert (await executions.submit(CmdExecRequest(flow=flow, profile="other", items=["b"]))).kind == "complete"
        release.set()
        await asyncio.wait(execution.abandoned)
        thing_of(flow, "a").replace(apply=Thing("a", world).apply)
        assert (await executions.submit(CmdExecRequest(flow=flow))).kind == "complete"


@pytest.mark.parametrize("writes", [True, False])
async def test_a_thread_that_was_abandoned_counts_as_running(writes: bool) -> None:
    """Its task has ended, the function has not."""
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        release.wait(30)
        ended.set()

    async def blocks(cx: ItemContext, *args: Any) -> Any:
        await cx.run_sync(block)

    world = World()
    flow = things(world, "a")
    thing_of(flow, "a").replace(**{"apply" if writes else "try_state_current": blocks})
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution = executions.submit(CmdExecRequest(flow=flow, cmds=["ensure"], dry_run=not writes))
        await in_thread(begun.wait, 30)
        execution.interrupt(level=InterruptLevel.ABANDON)
        assert (await execution).is_interrupted
        thing_of(flow, "a").replace(
            apply=Thing("a", world).apply, try_state_current=Thing("a", world).try_state_current
        )
        assert (await executions.submit(CmdExecRequest(flow=flow))).kind == ("refused" if writes else "complete")
        release.set()
        await in_thread(ended.wait, 30)
        while (outcome := await executions.submit(CmdExecRequest(flow=flow))).kind == "refused":
            await in_thread(ended.wait)
        assert outcome.kind == "complete"
