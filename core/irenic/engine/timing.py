"""How long an item has been at work, and how long it will be."""

from irenic.model.fold import ItemFold
from irenic.model.states import FlowStates
from irenic.model.timestamps import seconds_between, timestamp


def item_timing(item: ItemFold, stored: FlowStates) -> tuple[float | None, float | None]:
    """Return an item's elapsed time and its estimated time to the end, in seconds; None where nobody can tell.

    The estimate is taken from how far the item has come, else from how long its last apply took.
    """
    if item.started_at is None:
        return None, None
    elapsed = seconds_between(item.started_at, item.ended_at or timestamp())
    if item.ended_at is not None:
        return elapsed, None
    total = item.limit.total if item.limit is not None else None
    if total and item.position:
        return elapsed, elapsed * max(0, total - item.position) / item.position
    entry = stored.items.get(item.item)
    if entry is not None and entry.duration is not None:
        return elapsed, max(0.0, entry.duration - elapsed)
    return elapsed, None
