"""What a store knows of an execution besides its journal, and who holds a profile."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from irenic.model.cmd import Cmd
from irenic.model.flow_info import FlowInfo
from irenic.model.interrupt import InterruptSignal
from irenic.model.options import RequestOptions
from irenic.model.timestamps import Timestamp

RUNNING = "running"


class ExecutionRecord(BaseModel):
    """One execution in a store; ``status`` is ``running`` or the kind of its outcome."""

    id: str
    flow: str
    profile: str
    cmds: list[Cmd]
    dry_run: bool = False
    status: str = RUNNING
    holder: str = ""
    fencing: int | None = None
    created_at: Timestamp | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    next_seq: int = 0
    inputs: dict[str, Any] = {}
    interrupt: InterruptSignal | None = None
    request: RequestOptions | None = None
    flow_info: FlowInfo | None = None
    _draw: Callable[[], FlowInfo] | None = None

    def to_draw(self, draw: Callable[[], FlowInfo]) -> "ExecutionRecord":
        """Return this record with a picture of its flow that is made when :meth:`drawn` asks for it."""
        record = self.model_copy()
        record._draw = draw
        return record

    def drawn(self) -> "ExecutionRecord":
        """Return this record with the picture of its flow made; itself where there is none to be made."""
        if self._draw is None:
            return self
        record = self.model_copy(update={"flow_info": self._draw()})
        record._draw = None
        return record


class ExecutionPage(BaseModel):
    """A page of executions, newest first; ``next_cursor`` is None on the last one."""

    items: list[ExecutionRecord]
    next_cursor: str | None = None


class LeaseInfo(BaseModel):
    """Who holds a flow's profile, and until when; ``fencing`` grows with every new holder."""

    holder: str
    execution_id: str | None = None
    fencing: int
    expires_at: Timestamp | None = None
    interrupt: InterruptSignal | None = None
