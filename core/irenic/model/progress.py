"""Progress of an execution and of its items, as a snapshot."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from irenic.model.interrupt import InterruptRecord
from irenic.model.timestamps import Timestamp
from irenic.model.word import Word


class ProgressStatus(Word):
    """Where an item stands in an execution."""

    INITIALIZED = "initialized"
    EXEC_PENDING = "exec_pending"
    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    RUNNING_STALLED = "running_stalled"
    USER_PENDING = "user_pending"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"
    COMPLETE_SUCCESS = "complete_success"
    COMPLETE_FAIL = "complete_fail"

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is expected of the item."""
        return self in (ProgressStatus.COMPLETE_SUCCESS, ProgressStatus.COMPLETE_FAIL)

    @property
    def is_running(self) -> bool:
        """Whether the item is at work now, or waits in the middle of its work."""
        return self in (
            ProgressStatus.RUNNING,
            ProgressStatus.RUNNING_STALLED,
            ProgressStatus.USER_PENDING,
            ProgressStatus.WAITING,
        )


class ProgressLimit(BaseModel):
    """How large an item's work is; ``total`` is None where nobody can know beforehand."""

    model_config = ConfigDict(frozen=True)

    unit: Literal["steps", "bytes", "unknown"] = "unknown"
    total: int | None = Field(None, ge=0)

    @classmethod
    def steps(cls, total: int) -> "ProgressLimit":
        """Return a limit counted in steps."""
        return cls(unit="steps", total=total)

    @classmethod
    def bytes(cls, total: int | None) -> "ProgressLimit":
        """Return a limit counted in bytes; None where the size is not known yet."""
        return cls(unit="bytes", total=total)


class ItemProgress(BaseModel):
    """Progress of one item; ``elapsed`` and ``eta`` are in seconds, ``waiting_for`` names a limit that holds it up."""

    item: str
    status: ProgressStatus = ProgressStatus.INITIALIZED
    position: int = 0
    limit: ProgressLimit | None = None
    message: str = ""
    waiting_for: str | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    elapsed: float | None = None
    eta: float | None = None


class StopProgress(BaseModel):
    """A stop that was asked for and has not settled: at which level, for which items it waits, since when."""

    interrupt: InterruptRecord
    waiting_for: list[str]
    shielded: dict[str, str] = {}


class ExecutionProgress(BaseModel):
    """Progress of one execution: the command and block that are on, and every item in insertion order."""

    execution_id: str
    cmd: str | None = None
    block: str | None = None
    next_seq: int = 0
    items: dict[str, ItemProgress] = {}
    stop: StopProgress | None = None
    done: bool = False
