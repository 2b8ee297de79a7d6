"""A store that loses what was not acknowledged, for tests that end the process anywhere."""

import asyncio

from irenic.engine.store import Lease
from irenic.model.errors import FencedError, StoreError
from irenic.model.events import JournalEvent
from irenic.model.outcome import CmdOutcome
from irenic.model.record import ExecutionRecord
from irenic.stores import MemoryStore


class CrashableStore(MemoryStore):
    """A :class:`MemoryStore` whose journals keep only what ``durable`` has returned for.

    ``crashed()`` gives the store as the next process finds it.

    :param latency: seconds that it takes to make events durable; each takes at least one step of the loop.
    """

    def __init__(self, latency: float = 0.0) -> None:
        super().__init__()
        self.latency = latency
        self.broken = False

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> "CrashableJournal":  # type: ignore[override]
        """See :meth:`irenic.engine.store.Store.create`."""
        await super().create(record, lease)
        return CrashableJournal(self, record.id, lease)


class CrashableJournal:
    """A journal of a :class:`CrashableStore`."""

    def __init__(self, store: CrashableStore, execution_id: str, lease: Lease | None) -> None:
        self._store = store
        self._id = execution_id
        self._lease = lease
        self._pending: list[bytes] = []

    def append(self, event: JournalEvent) -> None:
        """See :meth:`irenic.engine.store.Journal.append`."""
        self._pending.append(event.model_dump_json().encode())

    @property
    def is_durable(self) -> bool:
        """See :meth:`irenic.engine.store.Journal.is_durable`."""
        return False

    async def durable(self) -> None:
        """See :meth:`irenic.engine.store.Journal.durable`."""
        kept = self._store._journals[self._id]
        upto = len(kept) + len(self._pending)
        await asyncio.sleep(self._store.latency)
        if self._store.broken:
            raise StoreError("the disk is full: nothing more can be kept.")
        if self._lease is not None and getattr(self._lease, "is_lost", False):
            raise FencedError("another execution has taken over this profile: nothing more was applied.")
        count = max(0, upto - len(kept))
        kept.extend(self._pending[:count])
        del self._pending[:count]

    async def finish(self, outcome: CmdOutcome) -> None:
        """See :meth:`irenic.engine.store.Journal.finish`."""
        await self.durable()
        self._store._end(self._id, outcome)
