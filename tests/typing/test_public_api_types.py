"""How the public API is typed: mypy checks this file, and a wrong type is an error where an ignore says so.

A function that is only checked has a name that pytest does not collect.
"""

from pathlib import Path
from typing import Any, assert_type

from mypy import api
from pydantic import BaseModel

from irenic import (
    ApplyCheck,
    CmdExecRequest,
    CmdExecution,
    CmdExecutionMap,
    CmdOutcome,
    Complete,
    Flow,
    Generated,
    InterruptLevel,
    InterruptReply,
    Item,
    ItemContext,
    ItemErrorOutcome,
    PartialParams,
    ProgressLimit,
    Ref,
    StateDiff,
)
from irenic.flow.flow import ItemHandle
from irenic.model.events import ItemIntent, JournalEvent
from irenic.stores import MemoryStore


class FileParams(BaseModel):
    """Params of an item."""

    path: str
    size: int = 0


class FileState(BaseModel):
    """State of an item."""

    size: int | None = None
    made_at: Generated[int] = None


class File(Item[FileParams, FileState]):
    """An item as somebody would write it."""

    async def state_current(self, cx: ItemContext, params: FileParams) -> FileState:
        """Look."""
        assert_type(params.path, str)
        assert_type(cx.cancelled, InterruptLevel | None)
        assert_type(await cx.ask("sure?"), str)
        assert_type(await cx.run_sync(len, "four"), int)
        assert_type(await cx.fs.read_bytes(params.path), bytes)
        async with cx.shield("looks"), cx.limits("disk"):
            cx.progress.limit(ProgressLimit.bytes(3))
        return FileState()

    async def state_goal(self, cx: ItemContext, params: FileParams) -> FileState:
        """Wish."""
        return FileState(size=params.size)

    def state_clean(self, params_partial: PartialParams[FileParams]) -> FileState:
        """Say what nothing is."""
        assert_type(params_partial.whole(), FileParams | None)
        assert_type(params_partial.missing, frozenset[str])
        return FileState()

    def apply_check(self, params: FileParams, current: FileState, target: FileState, diff: StateDiff) -> ApplyCheck:
        """Decide."""
        return ApplyCheck(required=not diff.is_empty, limit=ProgressLimit.steps(1))

    async def apply(
        self, cx: ItemContext, params: FileParams, current: FileState, target: FileState, diff: StateDiff
    ) -> FileState:
        """Do."""
        assert_type(current.made_at, int | None)
        return target


class Wrong(File):
    """An item whose functions return something else."""

    async def state_current(self, cx: ItemContext, params: FileParams) -> int:  # type: ignore[override]
        """Return no state."""
        return 3


def check_flow(flow: Flow) -> None:
    """An item's handle knows its state."""
    handle = flow.add(File("file"), path="p")
    assert_type(handle, ItemHandle[FileState])
    assert_type(handle.id, str)
    flow.edge(handle, "other")
    flow.edge(3, handle)  # type: ignore[arg-type]
    ref: Ref[int] = handle.state.size
    assert_type(ref.map(text_of), Ref[str])
    ref.map(length_of)  # type: ignore[arg-type]


def text_of(number: int) -> str:
    """Map a reference."""
    return str(number)


def length_of(text: str) -> int:
    """Map a reference of another type."""
    return len(text)


async def check_executions(flow: Flow) -> None:
    """What is submitted is awaited for an outcome, which tells its kinds apart."""
    async with CmdExecutionMap(MemoryStore()) as executions:
        execution: CmdExecution = executions.submit(CmdExecRequest(flow=flow, cmds=["ensure"], strategy="finish"))
        outcome = await execution
        assert_type(outcome, CmdOutcome)
        if outcome.kind == "complete":
            assert_type(outcome, Complete)
        if isinstance(outcome, ItemErrorOutcome):
            assert_type(outcome.errors["a"].message, str)
        assert_type(executions.interrupt(execution.id, source="user", reason="lunch"), InterruptReply)
        assert_type(executions.interrupt_all(source="sigint", level="cancel"), InterruptReply)
        executions.interrupt(3)  # type: ignore[arg-type]
        async for event in execution.events(after=17):
            assert_type(event, JournalEvent)
            if event.kind == "item_intent":
                assert_type(event, ItemIntent)
        assert_type(execution.outcome, CmdOutcome | None)


def check_stores(any_store: Any) -> None:
    """A store is what has the functions of one."""
    CmdExecutionMap(MemoryStore(), [], holder="ada")
    CmdExecutionMap(any_store)
    CmdExecutionMap("memory")  # type: ignore[arg-type]


def test_the_public_api_is_typed_as_it_says() -> None:
    """Mypy, strict, finds every wrong line above and no other."""
    report, errors, status = api.run([str(Path(__file__)), "--no-error-summary"])
    assert (report, errors, status) == ("", "", 0)
