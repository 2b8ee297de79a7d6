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


def read_fold(connection: Connection, execution_key: int) -> ExecutionFold:
    """Return the picture that the whole stored journal gives."""
    fold = ExecutionFold()
    fold_into(fold, _bodies(connection, execution_key, 0))
    return fold


def _bodies(connection: Connection, execution_key: int, first_seq: int) -> Iterable[str]:
    query = (
        select(events.c.body)
        .where(events.c.execution_key == execution_key, events.c.seq >= first_seq)
        .order_by(events.c.seq)
    )
    return connection.execute(query).scalars()


class FoldCache:
    """Pictures of the executions asked for last, brought up to date by what was appended since."""

    def __init__(self) -> None:
        self._folds: OrderedDict[int, ExecutionFold] = OrderedDict()
        self._lock = threading.Lock()

    def progress(self, connection: Connection, execution_key: int) -> ExecutionProgress:
        """Return the progress as of now; called in the threads that read."""
        with self._lock:
            fold = self._folds.setdefault(execution_key, ExecutionFold())
            self._folds.move_to_end(execution_key)
            if len(self._folds) > CACHED_FOLDS:
                self._folds.popitem(last=False)
            fold_into(fold, _bodies(connection, execution_key, fold.next_seq))
            return fold.progress()
