"""The outcome of an execution: what was done, what was not, what nobody knows, and why."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from irenic.model.interrupt import InterruptRecord
from irenic.model.timestamps import Timestamp
from irenic.model.verdict import Drift, ItemNote, Leftover


class ErrorFrame(BaseModel):
    """A place in the user's own code that an error passed through; ``source`` is the line as it is written there."""

    file: str
    line: int
    function: str
    source: str = ""


class ErrorInfo(BaseModel):
    """An error for a person: its class, what it says, and in which phase of the item it came.

    ``frames`` are in the user's own code, the innermost last; ``traceback`` is the whole, as Python writes it.
    ``members`` are those of an exception group.
    """

    type: str
    message: str
    phase: str = ""
    causes: list[str] = []
    frames: list[ErrorFrame] = []
    members: list["ErrorInfo"] = []
    traceback: str = ""


class Refusal(BaseModel):
    """Why an item stopped a command before anything was applied.

    ``drift``: it was changed outside irenic; ``stale_plan``: it is not what the plan saw; ``state_shape``: its stored
    state does not fit its class; ``held``: another execution holds the profile; ``dependents``: other items stand on
    it; ``still_running``: an apply of it that was abandoned still runs in this process. The last four are in journals
    of earlier versions only.
    """

    reason: Literal[
        "drift",
        "stale_plan",
        "state_shape",
        "held",
        "dependents",
        "still_running",
        "only_stored",
        "only_discovered",
        "differ",
        "not_discovered",
    ]
    message: str
    stored: Any = None
    discovered: Any = None
    goal: Any = None


class DoneList(BaseModel):
    """What was done and what was not, in order."""

    done: list[str] = []
    not_done: list[str] = []


class ItemList(DoneList):
    """Items done, not done, and unknown: an intent was recorded, its result was not."""

    unknown: list[str] = []


class ItemStatesOutcome(BaseModel):
    """The two states of an item as the execution last knew them; ``diff`` where the command was asked for it."""

    current: dict[str, Any] | None = None
    goal: dict[str, Any] | None = None
    diff: dict[str, Any] | None = None


class Outcome(BaseModel):
    """What every outcome has.

    The first entry of ``blocks.not_done`` is the block concerned. ``message`` is one sentence for a person.
    """

    execution_id: str
    flow: str
    profile: str
    dry_run: bool = False
    message: str = ""
    cmds: DoneList = DoneList()
    blocks: DoneList = DoneList()
    items: ItemList = ItemList()
    states: dict[str, ItemStatesOutcome] = {}
    errors: dict[str, ErrorInfo] = {}
    refusals: dict[str, Refusal] = {}
    drift: dict[str, Drift] = {}
    notes: dict[str, ItemNote] = {}
    leftovers: list[Leftover] = []
    interrupt: InterruptRecord | None = None
    swallowed_cancel: list[str] = []
    endpoints_cut: dict[str, str] = {}
    started_at: Timestamp
    ended_at: Timestamp

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was done."""
        return False

    @property
    def is_interrupted(self) -> bool:
        """Whether the execution was stopped on request."""
        return False

    @property
    def is_err(self) -> bool:
        """Whether an error, of an item or of the whole, ended the execution."""
        return False


class Complete(Outcome):
    """Everything was done."""

    kind: Literal["complete"] = "complete"

    @property
    def is_complete(self) -> bool:
        """Always true."""
        return True


class BlockInterrupted(Outcome):
    """Stopped on request inside a block."""

    kind: Literal["block_interrupted"] = "block_interrupted"

    @property
    def is_interrupted(self) -> bool:
        """Always true."""
        return True


class ExecutionInterrupted(Outcome):
    """Stopped on request between blocks."""

    kind: Literal["execution_interrupted"] = "execution_interrupted"

    @property
    def is_interrupted(self) -> bool:
        """Always true."""
        return True


class ItemErrorOutcome(Outcome):
    """One or more items failed; ``errors`` holds each."""

    kind: Literal["item_error"] = "item_error"

    @property
    def is_err(self) -> bool:
        """Always true."""
        return True


class Refused(Outcome):
    """Nothing was applied; ``refusals`` says per item why."""

    kind: Literal["refused"] = "refused"


class Failed(Outcome):
    """The execution as a whole could not go on; ``message`` says why."""

    kind: Literal["failed"] = "failed"

    @property
    def is_err(self) -> bool:
        """Always true."""
        return True


class Lost(Outcome):
    """Whoever ran the execution is gone without a word; derived from its journal."""

    kind: Literal["lost"] = "lost"


CmdOutcome = Annotated[
    Complete | BlockInterrupted | ExecutionInterrupted | ItemErrorOutcome | Refused | Failed | Lost,
    Field(discriminator="kind"),
]

cmd_outcome: TypeAdapter[CmdOutcome] = TypeAdapter(CmdOutcome)
"""Validates and reads one outcome from JSON or from a dict."""
