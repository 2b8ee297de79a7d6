"""How tests run commands."""

from collections.abc import Callable, Coroutine
from typing import Any

from irenic import CmdExecRequest, CmdExecution, CmdExecutionMap, CmdOutcome, Flow
from irenic.engine.endpoint import Endpoint
from irenic.engine.store import Store
from irenic.model.events import JournalEvent


async def run(store: Store, flow: Flow, *cmds: str, endpoints: tuple[Endpoint, ...] = (), **options: Any) -> CmdOutcome:
    """Run commands on a flow to their end, and return the outcome."""
    async with CmdExecutionMap(store, endpoints) as executions:
        return await executions.submit(CmdExecRequest(flow=flow, cmds=list(cmds), **options))


async def current_of(store: Store, flow: Flow, profile: str = "default") -> dict[str, Any]:
    """Return the stored current states by item id."""
    return {id: entry.current for id, entry in (await store.states(flow.id, profile)).items.items()}


async def goals_of(store: Store, flow: Flow, profile: str = "default") -> dict[str, Any]:
    """Return the stored goal states by item id."""
    return {id: entry.goal for id, entry in (await store.states(flow.id, profile)).items.items()}


async def journal_of(execution: CmdExecution) -> list[JournalEvent]:
    """Return all events of an execution, once it has ended."""
    return [event async for event in execution.events()]


def fails(message: str, error: type[Exception] = RuntimeError) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a function for an item that raises."""

    async def fail(*args: Any) -> Any:
        raise error(message)

    return fail


def fails_at_once(message: str, error: type[Exception] = RuntimeError) -> Callable[..., Any]:
    """Return a function for an item that raises, for those that are not async."""

    def fail(*args: Any) -> Any:
        raise error(message)

    return fail
