"""Records, events and outcomes for tests of stores."""

from typing import Any

from irenic.engine.store import Journal, Store
from irenic.model.cmd import Block, Cmd, Direction, StateKind
from irenic.model.events import (
    ExecutionEnded,
    ExecutionStarted,
    ItemIntent,
    ItemResult,
    ItemState,
    ItemStatus,
    JournalEvent,
)
from irenic.model.ids import new_execution_id
from irenic.model.outcome import Complete, DoneList, ItemList
from irenic.model.progress import ProgressStatus
from irenic.model.record import ExecutionRecord

AT = "2026-01-31T08:15:00.123Z"


class Script:
    """Makes the events of one execution, numbered in the order of the calls."""

    def __init__(self, flow: str = "flow", profile: str = "dev", execution_id: str | None = None) -> None:
        self.id = execution_id or new_execution_id()
        self.flow = flow
        self.profile = profile
        self.events: list[JournalEvent] = []

    def record(self, **fields: Any) -> ExecutionRecord:
        """Return the execution's record."""
        given = {"id": self.id, "flow": self.flow, "profile": self.profile, "cmds": [Cmd.ENSURE], "holder": "a test"}
        return ExecutionRecord.model_validate({**given, **fields})

    def started(self, *items: str) -> JournalEvent:
        """Return the first event."""
        return self._add(
            ExecutionStarted(
                **self._common(),
                flow=self.flow,
                profile=self.profile,
                cmds=[Cmd.ENSURE],
                plan=[[Block.APPLY]],
                items=list(items or ("a", "b")),
            )
        )

    def status(self, item: str, message: str = "") -> JournalEvent:
        """Return an event that changes no stored state."""
        return self._add(ItemStatus(**self._common(), item=item, status=ProgressStatus.RUNNING, message=message))

    def found(
        self, item: str, state: Any, which: StateKind = StateKind.CURRENT, *, stored: bool = True
    ) -> JournalEvent:
        """Return the event of a discovered state."""
        return self._add(ItemState(**self._common(), item=item, which=which, state=state, stored=stored))

    def intent(self, item: str, current: Any, target: Any) -> JournalEvent:
        """Return the event before an apply."""
        return self._add(
            ItemIntent(
                **self._common(),
                item=item,
                direction=Direction.ENSURE,
                params_hash="p",
                code_hash="c",
                current=current,
                target=target,
            )
        )

    def result(self, item: str, state: Any, result: str = "applied") -> JournalEvent:
        """Return the event after an apply."""
        fields = {**self._common(), "item": item, "direction": "ensure", "result": result, "state": state}
        return self._add(ItemResult.model_validate({**fields, "params_hash": "p", "code_hash": "c"}))

    def ended(self) -> JournalEvent:
        """Return the last event."""
        return self._add(ExecutionEnded(**self._common(), outcome=self.outcome()))

    def outcome(self) -> Complete:
        """Return an outcome of success."""
        return Complete(
            execution_id=self.id,
            flow=self.flow,
            profile=self.profile,
            cmds=DoneList(done=["ensure"]),
            items=ItemList(done=["a", "b"]),
            started_at=AT,
            ended_at=AT,
        )

    async def run(self, store: Store, *, finish: bool = True) -> None:
        """Write the whole execution to a store: item ``a`` is applied, then all ends well."""
        lease = await store.lease(self.flow, self.profile, execution_id=self.id, holder="a test")
        journal = await store.create(self.record(fencing=lease.info.fencing), lease)
        self.write(journal, self.started(), self.intent("a", None, {"v": 1}), self.result("a", {"v": 1}))
        if finish:
            self.write(journal, self.ended())
            await journal.finish(self.outcome())
        else:
            await journal.durable()
        await lease.release()

    def write(self, journal: Journal, *events: JournalEvent) -> None:
        """Append events."""
        for event in events:
            journal.append(event)

    def _add(self, event: JournalEvent) -> JournalEvent:
        self.events.append(event)
        return event

    def _common(self) -> dict[str, Any]:
        return {"execution_id": self.id, "seq": len(self.events), "at": AT}
