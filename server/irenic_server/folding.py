"""Pictures of an execution, folded from its stored journal."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from pydantic import ValidationError
from sqlalchemy import Connection, select

from irenic.model.events import JournalEvent, journal_event
from irenic.model.fold import ExecutionFold, ItemFold
from irenic.model.progress import ExecutionProgress
from irenic_server.tables import events

CACHED_FOLDS = 256

EVENTS_AT_ONCE = 500
"""Events that are folded in one step; others are answered between two."""


def fold_into(fold: ExecutionFold, bodies: Iterable[str]) -> None:
    """Take stored events into account, in order.

    Events of kinds that this version does not know are kept and given back, and change no picture.
    """
    for body in bodies:
        try:
            event = journal_event.validate_json(body)
        except ValidationError:
            fold.next_seq += 1
            continue
        _know_item(fold, event)
        fold.apply(event)


def _know_item(fold: ExecutionFold, event: JournalEvent) -> None:
    item = getattr(event, "item", None)
    if isinstance(item, str) and item not in fold.items:
        fold.items[item] = ItemFold(item)


def read_fold(connection: Connection, execution_key: int, begun: ExecutionFold | None = None) -> ExecutionFold:
    """Return the picture that the whole stored journal gives.

    :param begun: the picture of its beginning, which is completed.
    """
    fold = begun if begun is not None else ExecutionFold()
    while fold_step(connection, execution_key, fold):
        pass
    return fold


def fold_step(connection: Connection, execution_key: int, fold: ExecutionFold) -> bool:
    """Take the next events of a journal into account, and say whether there may be more."""
    query = (
        select(events.c.body)
        .where(events.c.execution_key == execution_key, events.c.seq >= fold.next_seq)
        .order_by(events.c.seq)
        .limit(EVENTS_AT_ONCE)
    )
    bodies = connection.execute(query).scalars().all()
    fold_into(fold, bodies)
    return len(bodies) == EVENTS_AT_ONCE


class _Folding:
    """A picture that is being folded, by one thread at a time."""

    def __init__(self) -> None:
        self.fold = ExecutionFold()
        self.lock = threading.Lock()


class FoldCache:
    """Pictures of the executions asked for last, brought up to date by what was appended since."""

    def __init__(self) -> None:
        self._foldings: OrderedDict[int, _Folding] = OrderedDict()
        self._lock = threading.Lock()

    def advance(self, connection: Connection, execution_key: int) -> ExecutionProgress | None:
        """Fold a part of a journal; called in the threads that read.

        :return: the progress as of now, or None where there may be more to fold.
        """
        with self._lock:
            folding = self._foldings.setdefault(execution_key, _Folding())
            self._foldings.move_to_end(execution_key)
            if len(self._foldings) > CACHED_FOLDS:
                self._foldings.popitem(last=False)
        with folding.lock:
            more = fold_step(connection, execution_key, folding.fold)
            return None if more else folding.fold.progress()
