"""The messages between the page and the core in its worker: JSON objects, told apart by ``type``.

``web/boot/protocol.mjs`` checks them on the page's side by what :func:`declared_fields` exports.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from irenic.model.cmd import Cmd, OnDrift
from irenic.model.events import JournalEvent
from irenic.model.flow_info import FlowInfo
from irenic.model.ids import Identifier
from irenic.model.interrupt import InterruptReply, Level
from irenic.model.outcome import CmdOutcome
from irenic.model.preview import PreviewItem
from irenic.model.progress import ExecutionProgress
from irenic.model.verdict import Leftover


class Message(BaseModel):
    """What every message has."""

    model_config = ConfigDict(extra="forbid")


class LoadFlow(Message):
    """Load a flow from its source; ``wheels`` are the addresses of what its header asks for beyond the core."""

    type: Literal["load_flow"] = "load_flow"
    name: str
    source: str
    wheels: list[str] = []


class Submit(Message):
    """Start an execution of the loaded flow.

    ``plan`` is the content of a plan's file: nothing is applied unless everything is what it saw. It also says which
    items are meant, and whether to prune.

    With ``resumes`` it is the request of that execution again, and of the rest of this message only ``inputs`` and
    ``take_over`` count.
    """

    type: Literal["submit"] = "submit"
    execution_id: str
    cmds: list[Cmd]
    profile: Identifier = "default"
    inputs: dict[str, Any] = {}
    dry_run: bool = False
    on_drift: OnDrift = OnDrift.ASK
    prune: bool = False
    plan: str | None = None
    items: list[str] | None = None
    with_dependencies: bool = False
    with_dependents: bool = False
    forget: list[str] = []
    take_over: bool = False
    resumes: str | None = None


class Interrupt(Message):
    """Ask one execution, or all, to stop; ``number`` is that of the signal sent beside this message."""

    type: Literal["interrupt"] = "interrupt"
    execution_id: str | None = None
    source: str = "user"
    reason: str | None = None
    level: Level | None = None
    number: int = 0


class PreviewRequest(Message):
    """Ask what a command would do; ``number`` comes back with the answer."""

    type: Literal["preview"] = "preview"
    number: int = 0
    profile: Identifier = "default"
    inputs: dict[str, Any] = {}
    cmd: Cmd = Cmd.ENSURE
    prune: bool = False
    items: list[str] | None = None
    resumes: str | None = None


class Answer(Message):
    """Answer what an item has asked."""

    type: Literal["answer"] = "answer"
    ask_id: str
    value: str


class Files(Message):
    """Ask which files the tab holds for the loaded flow and a profile."""

    type: Literal["files"] = "files"
    profile: Identifier = "default"


class FileRead(Message):
    """Ask for a file of the tab."""

    type: Literal["file_read"] = "file_read"
    path: str
    profile: Identifier = "default"


class Abandoned(Message):
    """Tell a fresh core which executions the worker before it was ended with, who asked for that, and why.

    ``source`` is None where nobody did: the worker died.
    """

    type: Literal["abandoned"] = "abandoned"
    execution_ids: list[str]
    source: str | None = "user"
    reason: str | None = None


ToCore = Annotated[
    LoadFlow | Submit | Interrupt | PreviewRequest | Answer | Files | FileRead | Abandoned, Field(discriminator="type")
]

to_core: TypeAdapter[ToCore] = TypeAdapter(ToCore)
"""Validates and reads one message of the page."""


class Boot(Message):
    """Something has happened while the core started; ``at_ms`` counts from when the page asked for the worker."""

    type: Literal["boot"] = "boot"
    mark: str
    at_ms: float
    rung: str = ""
    detail: str | None = None


class Ready(Message):
    """The core takes messages; ``signals`` says how interrupts reach a loop: ``shared``, ``polled`` or ``none``."""

    type: Literal["ready"] = "ready"
    versions: dict[str, str]
    rung: str
    signals: Literal["shared", "polled", "none"]


class FlowLoaded(Message):
    """A flow is loaded."""

    type: Literal["flow_loaded"] = "flow_loaded"
    flow: FlowInfo


class Submitted(Message):
    """A submitted execution has begun, or why it has not; ``running`` names one that was running already."""

    type: Literal["submitted"] = "submitted"
    execution_id: str
    refused: str | None = None
    running: str | None = None


class Events(Message):
    """Events of an execution, in order; positions may have been coalesced, nothing else."""

    type: Literal["events"] = "events"
    execution_id: str
    events: list[JournalEvent]


class Progress(Message):
    """A snapshot of an execution's progress."""

    type: Literal["progress"] = "progress"
    execution_id: str
    progress: ExecutionProgress


class OutcomeReached(Message):
    """An execution has ended."""

    type: Literal["outcome"] = "outcome"
    execution_id: str
    outcome: CmdOutcome


class InterruptReplied(Message):
    """An interrupt has arrived."""

    type: Literal["interrupt_reply"] = "interrupt_reply"
    execution_id: str | None = None
    reply: InterruptReply
    level: Level | None = None
    number: int = 0


class Previewed(Message):
    """What a command would do, item by item, what is left over, and the plan that holds a command to this, as a file.

    ``noteworthy`` says whether a person should see it before it happens; ``number`` is that of the question.
    """

    type: Literal["preview"] = "preview"
    number: int = 0
    noteworthy: bool = False
    items: list[PreviewItem]
    leftovers: list[Leftover] = []
    plan: str


class Asked(Message):
    """An item waits for an answer."""

    type: Literal["ask"] = "ask"
    execution_id: str
    ask_id: str
    item: str
    prompt: str


class FileListed(BaseModel):
    """A file of the tab; ``size`` in bytes."""

    path: str
    size: int


class FilesListed(Message):
    """The files that the tab holds."""

    type: Literal["files"] = "files"
    files: list[FileListed]


class FileContent(Message):
    """A file's content, as a Blob of the browser; made by the worker's script."""

    type: Literal["file"] = "file"
    path: str
    blob: Any


class LeaseChanged(Message):
    """A lease on the server was taken, or is not ``held`` any more.

    While it is held, the page sends ``PUT address`` with ``holder``, ``fencing`` and ``ttl`` as JSON, three times in
    ``ttl`` seconds: an item that computes for long keeps the core's worker from renewing it. A 409 says that the lease
    was taken by another.
    """

    type: Literal["lease"] = "lease"
    address: str
    holder: str
    fencing: int
    ttl: float
    held: bool


class Failed(Message):
    """A message could not be acted on; ``during`` is its type."""

    type: Literal["failed"] = "failed"
    message: str
    during: str = ""


class Logged(Message):
    """A line that was printed, or that the core has to say outside an execution."""

    type: Literal["log"] = "log"
    level: Literal["debug", "info", "warning", "error"] = "info"
    text: str


FromCore = Annotated[
    Boot
    | Ready
    | FlowLoaded
    | Submitted
    | Events
    | Progress
    | OutcomeReached
    | InterruptReplied
    | Previewed
    | Asked
    | FilesListed
    | FileContent
    | LeaseChanged
    | Failed
    | Logged,
    Field(discriminator="type"),
]


def declared_fields() -> dict[str, dict[str, dict[str, str]]]:
    """Return the fields of every message by direction and type, in the few words that the page's check needs.

    :return: JSON types joined by ``|`` by field name; a field that may be absent ends in ``?``.
    """
    directions = {"to_core": ToCore, "from_core": FromCore}
    return {
        direction: {_type_of(model): _fields_of(model) for model in get_args(get_args(union)[0])}
        for direction, union in directions.items()
    }


def _type_of(model: type[Message]) -> str:
    return str(model.model_fields["type"].default)


def _fields_of(model: type[Message]) -> dict[str, str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    return {
        name: "|".join(sorted(_json_types(field, definitions))) + ("" if name in schema.get("required", []) else "?")
        for name, field in schema["properties"].items()
        if name != "type"
    }


def _json_types(field: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    if "$ref" in field:
        return _json_types(definitions[field["$ref"].rpartition("/")[2]], definitions)
    variants = field.get("anyOf") or field.get("oneOf")
    if variants:
        return {json_type for variant in variants for json_type in _json_types(variant, definitions)}
    return {field.get("type", "any")}
