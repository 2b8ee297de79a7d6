"""The events of a journal: flat JSON objects, told apart by ``kind``.

The journal of an execution is append-only and the single source of truth: states, progress and outcome are all derived
from it. ``seq`` counts 0, 1, 2, ... without gaps.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, TypeAdapter

from irenic.model.child import ChildProcess
from irenic.model.cmd import Block, Cmd, Direction, StateKind
from irenic.model.interrupt import InterruptSignal, InterruptStrategy
from irenic.model.options import RequestOptions
from irenic.model.outcome import CmdOutcome, ErrorInfo
from irenic.model.place import PlaceInfo
from irenic.model.progress import ProgressLimit, ProgressStatus
from irenic.model.timestamps import Timestamp
from irenic.model.verdict import Drift, Leftover, VerdictKind

State = dict[str, Any]


class Event(BaseModel):
    """What every event has."""

    execution_id: str
    seq: int = Field(ge=0)
    at: Timestamp


class ExecutionStarted(Event):
    """The execution was accepted; ``items`` are in insertion order, ``plan`` lists the blocks of each command."""

    kind: Literal["execution_started"] = "execution_started"
    flow: str
    profile: str
    cmds: list[Cmd]
    plan: list[list[Block]] = []
    dry_run: bool = False
    items: list[str]
    inputs: dict[str, Any] = {}
    holder: str = ""
    strategy: InterruptStrategy = InterruptStrategy.FinishCurrent
    request: RequestOptions | None = None


class CmdStarted(Event):
    """A command of the queue began."""

    kind: Literal["cmd_started"] = "cmd_started"
    cmd: Cmd


class CmdEnded(Event):
    """A command of the queue ran to its end."""

    kind: Literal["cmd_ended"] = "cmd_ended"
    cmd: Cmd


class BlockStarted(Event):
    """A block of a command began."""

    kind: Literal["block_started"] = "block_started"
    cmd: Cmd
    block: Block


class BlockEnded(Event):
    """A block of a command ran to its end."""

    kind: Literal["block_ended"] = "block_ended"
    cmd: Cmd
    block: Block


class ItemAbout(BaseModel):
    """What an item is and what it was configured with, as it is stored beside its states.

    ``type`` is the module and the qualified name of its class, with ``flow`` for the flow's own file. ``params`` are
    without secrets; ``secrets`` names the input that each secret param comes from: none where it is made of a secret.
    ``after`` lists the items that it was built after.
    """

    type: str
    params: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    identity: Any = None
    state_version: int = 1
    after: list[str] = []


class ItemState(Event):
    """A state was discovered; None where the item could not say yet.

    ``stored`` says whether it becomes the stored state: discover and adopt store, while ensure and clean first compare
    what they found with what is stored. ``adopted`` says that the thing counts as made by irenic from here on.
    """

    kind: Literal["item_state"] = "item_state"
    item: str
    which: StateKind
    state: State | None
    stored: bool = False
    adopted: bool = False
    about: ItemAbout | None = None
    place: PlaceInfo | None = None


class ItemVerdict(Event):
    """What is going to happen to an item, where its reader should know more than that it is created or changed."""

    kind: Literal["item_verdict"] = "item_verdict"
    item: str
    verdict: VerdictKind
    message: str
    drift: Drift | None = None


class ItemIntent(Event):
    """Durable before ``apply`` is called: what is about to be done to which item.

    ``key`` is the idempotency key of this intent; a further try of the same intent has the same one. ``place`` is set
    for an item whose state lives in files.
    """

    kind: Literal["item_intent"] = "item_intent"
    item: str
    direction: Direction
    params_hash: str
    code_hash: str
    current: State | None
    target: State | None
    verdict: VerdictKind | None = None
    key: str | None = None
    about: ItemAbout | None = None
    place: PlaceInfo | None = None


class ItemKept(Event):
    """What an apply knows so far, durable before it goes on; it counts where the apply does not end."""

    kind: Literal["item_kept"] = "item_kept"
    item: str
    state: State
    place: PlaceInfo | None = None


class ItemResult(Event):
    """Durable before a successor starts: how an item ended.

    ``unchanged`` has no intent before it: there was nothing to do. ``state`` is the state at the end, ``goal`` the goal
    that an unchanged item was compared with.
    """

    kind: Literal["item_result"] = "item_result"
    item: str
    direction: Direction
    result: Literal["applied", "unchanged", "failed", "cancelled"]
    state: State | None = None
    goal: State | None = None
    params_hash: str | None = None
    code_hash: str | None = None
    error: ErrorInfo | None = None
    about: ItemAbout | None = None
    place: PlaceInfo | None = None


class StateMoved(Event):
    """What is stored of an item is stored under another id from here on; with ``place``, only what is stored there."""

    kind: Literal["state_moved"] = "state_moved"
    item: str
    to: str
    place: str | None = None


class StateForgotten(Event):
    """What is stored of an item is dropped; with ``place``, only what is stored of it there."""

    kind: Literal["state_forgotten"] = "state_forgotten"
    item: str
    place: str | None = None


class LeftoversFound(Event):
    """What is stored and no longer named by the flow; ``to_clean`` lists those that this execution cleans."""

    kind: Literal["leftovers_found"] = "leftovers_found"
    leftovers: list[Leftover]
    to_clean: list[str] = []


class ItemError(Event):
    """An item's function failed outside ``apply``: discovery, diff or check."""

    kind: Literal["item_error"] = "item_error"
    item: str
    error: ErrorInfo


class ItemDiff(Event):
    """What differs between an item's two states."""

    kind: Literal["item_diff"] = "item_diff"
    item: str
    diff: dict[str, Any]


class ItemStatus(Event):
    """An item's progress status changed; never coalesced."""

    kind: Literal["item_status"] = "item_status"
    item: str
    status: ProgressStatus
    message: str = ""
    limit: ProgressLimit | None = None
    waiting_for: str | None = None


class ItemPosition(Event):
    """How far an item has come; a later position may stand for all before it."""

    kind: Literal["item_position"] = "item_position"
    item: str
    position: int
    limit: ProgressLimit | None = None
    message: str = ""


class InterruptRequested(Event):
    """A stop was asked for, or its level was raised; the signal's level is the one now in force."""

    kind: Literal["interrupt_requested"] = "interrupt_requested"
    signal: InterruptSignal


class CancelSwallowed(Event):
    """An item was cancelled and went on to a normal end all the same."""

    kind: Literal["cancel_swallowed"] = "cancel_swallowed"
    item: str


class Log(Event):
    """A line of log; ``item`` is None where it is the execution's own."""

    kind: Literal["log"] = "log"
    item: str | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    text: str


class ChildStarted(Event):
    """An item has started a process, which has not begun to work yet."""

    kind: Literal["child_started"] = "child_started"
    item: str
    child: ChildProcess


class Ask(Event):
    """An item waits for an answer of the user."""

    kind: Literal["ask"] = "ask"
    item: str
    ask_id: str
    prompt: str


class Answered(Event):
    """The user answered, or nothing waits for the answer any more; the answer itself is not kept."""

    kind: Literal["answered"] = "answered"
    item: str
    ask_id: str


class EndpointCut(Event):
    """An endpoint was slow or raised, and gets nothing more."""

    kind: Literal["endpoint_cut"] = "endpoint_cut"
    endpoint: str
    reason: str


class ExecutionEnded(Event):
    """The last event of a journal."""

    kind: Literal["execution_ended"] = "execution_ended"
    outcome: CmdOutcome


JournalEvent = Annotated[
    ExecutionStarted
    | CmdStarted
    | CmdEnded
    | BlockStarted
    | BlockEnded
    | ItemState
    | ItemVerdict
    | ItemIntent
    | ItemKept
    | ItemResult
    | StateMoved
    | StateForgotten
    | LeftoversFound
    | ItemError
    | ItemDiff
    | ItemStatus
    | ItemPosition
    | InterruptRequested
    | CancelSwallowed
    | Log
    | ChildStarted
    | Ask
    | Answered
    | EndpointCut
    | ExecutionEnded,
    Field(discriminator="kind"),
]

_encoders: dict[type[Event], Callable[[JournalEvent], bytes]] = {
    kind: kind.__pydantic_serializer__.to_json for kind in get_args(get_args(JournalEvent)[0])
}


def encoded(event: JournalEvent) -> bytes:
    """Return an event as JSON; to ask pydantic for its way of doing so takes as long as doing it."""
    return _encoders[type(event)](event)


journal_event: TypeAdapter[JournalEvent] = TypeAdapter(JournalEvent)
"""Validates and reads one event from JSON or from a dict."""
