"""What clients send and get, beyond what ``irenic.model`` defines already."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from irenic.model.cmd import Cmd, OnDrift
from irenic.model.flow_info import FlowInfo
from irenic.model.ids import ExecutionId, Identifier
from irenic.model.interrupt import InterruptReply, Level
from irenic.model.options import RequestOptions
from irenic.model.progress import ExecutionProgress
from irenic.model.states import ItemStates
from irenic_server.times import RealTimestamp

Holder = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]

MOST_TTL = 300
"""Seconds that a lease may live without being renewed."""


def _drawable(value: dict[str, Any]) -> dict[str, Any]:
    """Return a picture of a flow as it is; whoever reads it has to understand it."""
    FlowInfo.model_validate(value)
    return value


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    return text


class ExecutionCreate(BaseModel):
    """A new execution, whose id its maker chose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"flow": "download", "profile": "dev", "cmds": ["ensure"], "holder": "tab of Ada"}]
        }
    )

    flow: Identifier
    profile: Identifier = "default"
    cmds: list[Cmd] = Field(min_length=1, max_length=16)
    dry_run: bool = False
    holder: Holder = ""
    fencing: int | None = Field(None, ge=0, lt=2**53)
    flow_info: Annotated[dict[str, Any], AfterValidator(_drawable)] | None = None
    started_at: RealTimestamp | None = None
    inputs: dict[str, Any] = {}
    request: RequestOptions | None = None


class RunRequest(BaseModel):
    """What this server is asked to run; ``strategy`` is finish, cancel or ignore, ``deadline`` is in seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"flow": "download", "cmds": ["ensure"]}]})

    flow: Identifier
    profile: Identifier = "default"
    cmds: list[Cmd] = Field([Cmd.ENSURE], min_length=1, max_length=16)
    inputs: dict[str, Any] = {}
    dry_run: bool = False
    on_drift: OnDrift = OnDrift.ASK
    prune: bool = False
    items: list[Identifier] | None = None
    with_dependencies: bool = False
    with_dependents: bool = False
    max_concurrency: int = Field(64, ge=1, le=1024)
    strategy: Literal["finish", "cancel", "ignore"] = "finish"
    deadline: float | None = Field(None, gt=0, le=1e9)
    take_over: bool = False


class Accepted(BaseModel):
    """The id of an execution that was begun, or that runs already and does the same."""

    id: ExecutionId


class EventBatch(BaseModel):
    """Events to append; what they hold besides their envelope is kept as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "execution_id": "01JDF3Q4RZ8Y3X5W6V7T8S9R0Q",
                            "seq": 0,
                            "at": "2026-11-24T10:15:00.000Z",
                            "kind": "cmd_started",
                            "cmd": "ensure",
                        }
                    ]
                }
            ]
        }
    )

    events: list[dict[str, Any]] = Field(min_length=1)


class Appended(BaseModel):
    """The number that the next event has to have."""

    next_seq: int


class EventPage(BaseModel):
    """Events in order; ``next_after`` is None where there are no more for now."""

    events: list[dict[str, Any]]
    next_after: int | None


class Progress(BaseModel):
    """How far an execution is; nothing more is said once it is done."""

    done: bool
    progress: ExecutionProgress | None = None


class InterruptRequest(BaseModel):
    """A request to stop; all of it may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "user", "reason": "lunch"}]})

    source: str = Field("user", min_length=1, max_length=64)
    reason: str | None = Field(None, max_length=2000)
    level: Level | None = None


class Interrupted(BaseModel):
    """What the sender of an interrupt is told."""

    reply: InterruptReply


class PauseRequest(BaseModel):
    """Turn the switch that stops everything on or off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"paused": True, "reason": "the database is moved"}]})

    paused: bool
    reason: Annotated[str, AfterValidator(_without_nul)] | None = Field(None, max_length=2000)


class Pause(BaseModel):
    """How the switch stands; ``reason`` and ``since`` only where it is on."""

    paused: bool
    reason: str | None = None
    since: str | None = None


class StatesReplace(BaseModel):
    """All stored states of a profile."""

    items: dict[Identifier, ItemStates]


class Profiles(BaseModel):
    """The profiles of a flow that executions, states or inputs are stored of, sorted."""

    profiles: list[str]


class FlowInputs(BaseModel):
    """The stored inputs of a flow in one profile."""

    inputs: dict[str, Any]


class LeaseTake(BaseModel):
    """Ask for the lease of a flow's profile; ``ttl`` is in seconds."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"holder": "tab of Ada", "execution_id": "01JDF3Q4RZ8Y3X5W6V7T8S9R0Q"}]}
    )

    holder: Annotated[Holder, StringConstraints(min_length=1)]
    execution_id: ExecutionId | None = None
    ttl: float | None = Field(None, ge=1, le=MOST_TTL)
    take_over: bool = False


class LeaseRenew(BaseModel):
    """Keep a lease that is held."""

    holder: Annotated[Holder, StringConstraints(min_length=1)]
    fencing: int = Field(ge=0, lt=2**53)
    ttl: float | None = Field(None, ge=1, le=MOST_TTL)


class LeaseGiveBack(BaseModel):
    """Give a lease back."""

    fencing: int = Field(ge=0, lt=2**53)
