"""Asks a store to pass an interrupt on to whoever runs an execution."""

from typing import Protocol, runtime_checkable

from irenic.engine.store import Store
from irenic.model.errors import StoreError
from irenic.model.interrupt import InterruptReply
from irenic.model.record import RUNNING, ExecutionRecord


@runtime_checkable
class InterruptingStore(Protocol):
    """A store through which an execution elsewhere can be reached."""

    async def interrupt(
        self, execution_id: str, *, source: str = "user", reason: str | None = None, level: str | None = None
    ) -> InterruptReply:
        """Ask an execution to stop."""


async def interrupt_in_store(
    store: Store, record: ExecutionRecord, *, level: str | None, reason: str | None
) -> InterruptReply:
    """Ask an execution to stop.

    :raises StoreError: if it runs and cannot be reached through this store.
    """
    if record.status != RUNNING:
        return InterruptReply.NOTHING_TO_INTERRUPT
    if not isinstance(store, InterruptingStore):
        raise StoreError(
            f"{record.id} cannot be reached through this store: press Ctrl-C where it runs ({record.holder})."
        )
    return await store.interrupt(record.id, source="user", reason=reason, level=level)
