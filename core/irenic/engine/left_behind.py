"""Processes that an earlier run has left behind: they are ended before anything is begun beside them."""

from collections.abc import AsyncIterator

from irenic.engine.store import Store
from irenic.model.child import ChildProcess
from irenic.model.events import ChildStarted, ItemIntent, ItemResult, JournalEvent
from irenic.model.states import FlowStates

PAGE = 50
MOST_EXECUTIONS = 500
"""How many executions are looked through, from the newest on, for the one that began an item whose state is unknown."""

MOST_EVENTS = 10_000

Open = dict[str, list[ChildProcess]]
"""By item, the processes of an apply that has no result."""


async def children_left_behind(store: Store, stored: FlowStates) -> AsyncIterator[tuple[str, str, ChildProcess]]:
    """Yield processes that were started by items whose apply has no result: the item, the execution, the process.

    Such an item is stored as unknown, so that nothing is read where none is.
    """
    unknown = {item_id for item_id, entry in stored.items.items() if entry.unknown}
    cursor: str | None = None
    seen = 0
    while unknown and seen < MOST_EXECUTIONS:
        page = await store.executions(flow=stored.flow, profile=stored.profile, limit=PAGE, cursor=cursor)
        for record in page.items:
            begun = await _begun(store, record.id)
            for item_id in unknown & begun.keys():
                for child in begun[item_id]:
                    yield item_id, record.id, child
            unknown -= begun.keys()
            if not unknown:
                return
        seen += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _begun(store: Store, execution_id: str) -> Open:
    """Return the items that an execution has begun, with the processes of those that have no result."""
    begun: Open = {}
    after = -1
    while events := await store.events(execution_id, after=after, limit=MOST_EVENTS):
        for event in events:
            _take(begun, event)
        after = events[-1].seq
    return begun


def _take(begun: Open, event: JournalEvent) -> None:
    if isinstance(event, ItemIntent | ItemResult):
        begun[event.item] = []
    elif isinstance(event, ChildStarted):
        begun.setdefault(event.item, []).append(event.child)
