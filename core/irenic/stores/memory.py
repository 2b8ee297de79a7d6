"""A store in memory, for tests and for runs that nobody will resume from another process."""

from collections.abc import Mapping
from typing import Any

from irenic.engine.store import Lease, LeaseLost, RemoteInterrupt
from irenic.model.errors import FencedError, HeldError, StoreError
from irenic.model.events import ExecutionEnded, JournalEvent, encoded, journal_event
from irenic.model.fold import ExecutionFold
from irenic.model.interrupt import InterruptReply, InterruptSignal
from irenic.model.outcome import CmdOutcome
from irenic.model.record import RUNNING, ExecutionPage, ExecutionRecord, LeaseInfo
from irenic.model.states import FlowStates
from irenic.model.timestamps import timestamp


class MemoryStore:
    """Keeps everything in memory; what is appended is durable at once.

    Events are kept as JSON: less memory, and nothing that the garbage collector would look through again and again.
    """

    def __init__(self) -> None:
        self._records: dict[str, ExecutionRecord] = {}
        self._journals: dict[str, list[bytes]] = {}
        self._outcomes: dict[str, CmdOutcome] = {}
        self._states: dict[tuple[str, str], FlowStates] = {}
        self._folded: dict[str, int] = {}
        self._inputs: dict[tuple[str, str], dict[str, Any]] = {}
        self._leases: dict[tuple[str, str], MemoryLease] = {}
        self._fencing = 0

    async def lease(
        self,
        flow: str,
        profile: str,
        *,
        execution_id: str,
        holder: str,
        take_over: bool = False,
        on_lost: LeaseLost | None = None,
        on_interrupt: RemoteInterrupt | None = None,
    ) -> "MemoryLease":
        """See :meth:`irenic.engine.store.Store.lease`."""
        key = (flow, profile)
        held = self._leases.get(key)
        if held is not None and not take_over:
            raise HeldError(
                f"{flow}/{profile} is held by {held.info.holder}: wait for it, interrupt it, or take over.",
                holder=held.info.holder,
                execution_id=held.info.execution_id,
            )
        if held is not None:
            held.lose(f"{holder} took over {flow}/{profile}")
        self._settle_lost(flow, profile)
        self._fencing += 1
        info = LeaseInfo(holder=holder, execution_id=execution_id, fencing=self._fencing)
        lease = self._leases[key] = MemoryLease(self, key, info, on_lost, on_interrupt)
        return lease

    async def create(self, record: ExecutionRecord, lease: Lease | None) -> "MemoryJournal":
        """See :meth:`irenic.engine.store.Store.create`."""
        if record.id in self._records:
            raise StoreError(f"there is an execution {record.id} already: make a new id.")
        self._records[record.id] = record.model_copy(update={"created_at": timestamp()})
        self._journals[record.id] = []
        return MemoryJournal(self, record.id, lease)

    async def states(self, flow: str, profile: str) -> FlowStates:
        """See :meth:`irenic.engine.store.Store.states`."""
        states = self._fold_states(flow, profile)
        items = {id: entry.model_copy() for id, entry in states.items.items()}  # states themselves are never changed
        return states.model_copy(update={"items": items})

    async def profiles(self, flow: str) -> list[str]:
        """See :meth:`irenic.engine.store.Store.profiles`."""
        seen = {record.profile for record in self._records.values() if record.flow == flow}
        stored = {profile for profile in seen if self._fold_states(flow, profile).items}
        return sorted(stored | {profile for name, profile in self._inputs if name == flow})

    async def inputs(self, flow: str, profile: str) -> dict[str, Any]:
        """See :meth:`irenic.engine.store.Store.inputs`."""
        return dict(self._inputs.get((flow, profile), {}))

    async def save_inputs(self, flow: str, profile: str, inputs: Mapping[str, Any]) -> None:
        """See :meth:`irenic.engine.store.Store.save_inputs`."""
        self._inputs[(flow, profile)] = dict(inputs)

    async def execution(self, execution_id: str) -> ExecutionRecord | None:
        """See :meth:`irenic.engine.store.Store.execution`."""
        if execution_id not in self._records:
            return None
        return self._drawn(execution_id).model_copy(update={"next_seq": len(self._journals[execution_id])})

    async def executions(
        self,
        *,
        flow: str | None = None,
        profile: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ExecutionPage:
        """See :meth:`irenic.engine.store.Store.executions`."""
        found = [
            id
            for id, record in sorted(self._records.items(), reverse=True)
            if (flow is None or record.flow == flow)
            and (profile is None or record.profile == profile)
            and (status is None or record.status == status)
            and (cursor is None or id < cursor)
        ]
        page = found[:limit]
        items = [self._drawn(id) for id in page]
        return ExecutionPage(items=items, next_cursor=page[-1] if len(found) > limit else None)

    async def events(self, execution_id: str, *, after: int = -1, limit: int = 1000) -> list[JournalEvent]:
        """See :meth:`irenic.engine.store.Store.events`."""
        return self._read(execution_id, after + 1, after + 1 + limit)

    async def outcome(self, execution_id: str) -> CmdOutcome | None:
        """See :meth:`irenic.engine.store.Store.outcome`."""
        return self._outcomes.get(execution_id)

    async def interrupt(self, execution_id: str, signal: InterruptSignal) -> InterruptReply:
        """See :meth:`irenic.engine.store.Store.interrupt`."""
        for lease in self._leases.values():
            if lease.info.execution_id == execution_id and lease.on_interrupt is not None:
                lease.on_interrupt(signal)
                return InterruptReply.REQUESTED
        return InterruptReply.NOTHING_TO_INTERRUPT

    async def close(self) -> None:
        """See :meth:`irenic.engine.store.Store.close`."""
        for lease in list(self._leases.values()):
            await lease.release()

    def crashed(self) -> "MemoryStore":
        """Return the store as the next process would find it after a crash: no lease is held, all else is as it was."""
        after = MemoryStore()
        after._records = {id: record.model_copy() for id, record in self._records.items()}
        after._journals = {id: list(events) for id, events in self._journals.items()}
        after._outcomes = dict(self._outcomes)
        after._inputs = {key: dict(values) for key, values in self._inputs.items()}
        after._fencing = self._fencing
        return after

    def _drawn(self, execution_id: str) -> ExecutionRecord:
        """Return a record with the picture of its flow, which is made when it is first looked at."""
        record = self._records[execution_id] = self._records[execution_id].drawn()
        return record

    def _read(self, execution_id: str, start: int = 0, end: int | None = None) -> list[JournalEvent]:
        return [journal_event.validate_json(line) for line in self._journals.get(execution_id, [])[start:end]]

    def _end(self, execution_id: str, outcome: CmdOutcome) -> None:
        self._outcomes[execution_id] = outcome
        self._records[execution_id] = self._records[execution_id].model_copy(
            update={"status": outcome.kind, "ended_at": outcome.ended_at}
        )

    def _settle_lost(self, flow: str, profile: str) -> None:
        for record in list(self._records.values()):
            if (record.flow, record.profile) != (flow, profile) or record.status != RUNNING:
                continue
            events = self._read(record.id)
            if events:
                outcome = ExecutionFold.of(events).lost()
                ended = ExecutionEnded(execution_id=record.id, seq=len(events), at=outcome.ended_at, outcome=outcome)
                self._journals[record.id].append(ended.model_dump_json().encode())
                self._end(record.id, outcome)

    def _fold_states(self, flow: str, profile: str) -> FlowStates:
        states = self._states.setdefault((flow, profile), FlowStates(flow=flow, profile=profile))
        for id, record in self._records.items():
            if (record.flow, record.profile) == (flow, profile):
                for event in self._read(id, self._folded.get(id, 0)):
                    states.apply(event)
                self._folded[id] = len(self._journals[id])
        return states


class MemoryLease:
    """A lease of a :class:`MemoryStore`."""

    def __init__(
        self,
        store: MemoryStore,
        key: tuple[str, str],
        info: LeaseInfo,
        on_lost: LeaseLost | None,
        on_interrupt: RemoteInterrupt | None,
    ) -> None:
        self._store = store
        self._key = key
        self._on_lost = on_lost
        self.on_interrupt = on_interrupt
        self.info = info
        self.is_lost = False

    def lose(self, why: str) -> None:
        """Mark the lease as taken over; its journal takes nothing more."""
        self.is_lost = True
        if self._on_lost is not None:
            self._on_lost(why)

    def check(self) -> None:
        """See :meth:`irenic.engine.store.Lease.check`."""
        if self.is_lost:
            raise FencedError("another execution has taken over this profile: nothing more was applied.")

    async def hold(self) -> None:
        """See :meth:`irenic.engine.store.Lease.hold`."""
        self.check()

    async def release(self) -> None:
        """See :meth:`irenic.engine.store.Lease.release`."""
        if self._store._leases.get(self._key) is self:
            del self._store._leases[self._key]


class MemoryJournal:
    """A journal of a :class:`MemoryStore`."""

    def __init__(self, store: MemoryStore, execution_id: str, lease: Lease | None) -> None:
        self._store = store
        self._id = execution_id
        self._lease = lease if isinstance(lease, MemoryLease) else None
        self._events = store._journals[execution_id]

    def append(self, event: JournalEvent) -> None:
        """See :meth:`irenic.engine.store.Journal.append`."""
        if self._lease is None or not self._lease.is_lost:
            self._events.append(encoded(event))

    @property
    def is_durable(self) -> bool:
        """See :meth:`irenic.engine.store.Journal.is_durable`."""
        return self._lease is None or not self._lease.is_lost

    async def durable(self) -> None:
        """See :meth:`irenic.engine.store.Journal.durable`."""
        if self._lease is not None:
            self._lease.check()

    async def finish(self, outcome: CmdOutcome) -> None:
        """See :meth:`irenic.engine.store.Journal.finish`."""
        await self.durable()
        self._store._end(self._id, outcome)
