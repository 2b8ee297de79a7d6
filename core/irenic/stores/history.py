"""How the states of a profile's items came to be, from the journals of any store."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from pydantic import BaseModel

from irenic.engine.store import Store
from irenic.model.cmd import Direction, StateKind
from irenic.model.events import ItemResult, ItemState, JournalEvent
from irenic.model.timestamps import Timestamp

PAGE = 1000


class StateChange(BaseModel):
    """What an execution found an item to be, or made of it; ``state`` is None where that is not known."""

    item: str
    how: Literal["discovered", "applied", "unchanged", "failed", "cancelled"]
    direction: Direction | None = None
    state: dict[str, Any] | None
    at: Timestamp
    execution_id: str
    seq: int


async def state_history(
    store: Store, flow: str, profile: str, *, item: str | None = None, limit: int = 100
) -> list[StateChange]:
    """Return what became of the current states of a profile, newest first.

    :param item: the id of one item; None means all.
    :param limit: how many changes at most.
    """
    found: list[StateChange] = []
    cursor: str | None = None
    while len(found) < limit:
        page = await store.executions(flow=flow, profile=profile, cursor=cursor)
        for record in page.items:
            changes = [_change(event) async for event in _events(store, record.id)]
            found += [c for c in reversed(changes) if c is not None and item in (None, c.item)]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found[:limit]


async def _events(store: Store, execution_id: str) -> AsyncIterator[JournalEvent]:
    after = -1
    while page := await store.events(execution_id, after=after, limit=PAGE):
        for event in page:
            yield event
        after = page[-1].seq


def _change(event: JournalEvent) -> StateChange | None:
    at = {"item": getattr(event, "item", ""), "at": event.at, "execution_id": event.execution_id, "seq": event.seq}
    if isinstance(event, ItemResult):
        return StateChange(**at, how=event.result, direction=event.direction, state=event.state)
    if isinstance(event, ItemState) and event.stored and event.which is StateKind.CURRENT:
        return StateChange(**at, how="discovered", state=event.state)
    return None
