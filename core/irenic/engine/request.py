"""What is asked for: a flow, a profile, commands and options."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from irenic.flow.flow import Flow
from irenic.flow.params import digest
from irenic.model.cmd import Block, Cmd, DiscoverScope, OnDrift, StateSource
from irenic.model.ids import ExecutionId, check_identifier
from irenic.model.interrupt import InterruptStrategy
from irenic.model.options import RequestOptions
from irenic.model.plan import Plan

READ_ONLY_CMDS = frozenset({Cmd.STATUS, Cmd.GOAL, Cmd.DIFF})


class CmdExecRequest(BaseModel):
    """A request to run commands on a flow; the same request again means the same execution, or resumes it.

    :param inputs: values of the flow's inputs; what is left out is taken from the profile's stored inputs, an explicit
        None removes the stored value.
    :param items: ids of the items to work on; None means all. ``with_dependencies`` takes along what they depend on.
    :param with_dependents: whether clean takes along what stands on the chosen items.
    :param on_drift: what ensure does where the world was changed outside irenic: repair it, or refuse. ``ask`` is for
        front ends, which ask a person first; here it repairs.
    :param prune: whether ensure also cleans what the flow no longer names; clean always does.
    :param plan: a saved preview; nothing is applied unless the world and the flow are what it saw.
    :param strategy: what a first interrupt does; also a word such as ``"finish"``, ``"cancel"`` or ``"ignore"``.
    :param deadline: seconds after which the execution is interrupted, with source ``deadline``.
    :param escalate_after: seconds after which a stop that has not settled is raised to the next level.
    :param stall_after: seconds without news after which a running item is shown as stalled.
    :param source: whether status, goal and diff read what is stored or discover; where omitted, diff discovers.
    :param scope: what discover looks for.
    :param diff_profiles: two profiles whose stored current states diff compares.
    :param forget: stored ids that the command *state* drops; ``moves`` are ids that it renames.
    :param take_over: whether to take the profile from an execution that holds it.
    :param id: a ULID made by the caller; made here where omitted.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, extra="forbid")

    flow: Flow
    profile: str = "default"
    cmds: list[Cmd] = Field([Cmd.ENSURE], min_length=1)
    inputs: dict[str, Any] = {}
    dry_run: bool = False
    on_drift: OnDrift = OnDrift.ASK
    prune: bool = False
    plan: Plan | None = None
    items: list[str] | None = None
    with_dependencies: bool = False
    with_dependents: bool = False
    max_concurrency: int = Field(64, ge=1)
    strategy: InterruptStrategy = InterruptStrategy.FinishCurrent
    deadline: float | None = Field(None, gt=0)
    escalate_after: float | None = Field(None, gt=0)
    stall_after: float = Field(30.0, gt=0)
    source: StateSource | None = None
    scope: DiscoverScope = DiscoverScope.BOTH
    diff_profiles: tuple[str, str] | None = None
    forget: list[str] = []
    moves: dict[str, str] = {}
    take_over: bool = False
    guards: tuple[Any, ...] = ()
    id: ExecutionId | None = None

    @field_validator("profile")
    @classmethod
    def _profile_is_identifier(cls, value: str) -> str:
        return check_identifier(value, "profile")

    @field_validator("strategy", mode="before")
    @classmethod
    def _strategy_from_word(cls, value: Any) -> Any:
        return InterruptStrategy.parse(value) if isinstance(value, str) else value

    @property
    def writes(self) -> bool:
        """Whether the execution may change what is stored, and so needs the profile for itself."""
        return not self.dry_run and any(cmd not in READ_ONLY_CMDS for cmd in self.cmds)

    @property
    def is_recorded(self) -> bool:
        """Whether the execution leaves a record; one that only looks leaves none."""
        return any(cmd not in READ_ONLY_CMDS for cmd in self.cmds)

    def chosen_items(self) -> list[str]:
        """Return the ids of the items to work on, in insertion order.

        :raises FlowError: if an id is unknown.
        """
        if self.items is None:
            return list(self.flow.items)
        chosen = self.flow.select(self.items, with_dependencies=self.with_dependencies)
        if self.with_dependents:
            return self.flow.select(self.flow.graph.descendants(chosen))
        return chosen

    def options(self) -> RequestOptions:
        """Return what is asked for besides flow, profile, commands and inputs, as data."""
        given = {name: getattr(self, name) for name in RequestOptions.model_fields if name not in ("guards", "plan")}
        plan = None if self.plan is None else self.plan.sha256
        return RequestOptions(**given, guards=[_described(guard) for guard in self.guards], plan=plan)

    def fingerprint(self) -> str:
        """Return a digest that is equal for requests that ask for the same."""
        asked = self.model_dump(exclude={"flow", "id", "guards", "take_over"})
        asked["flow"] = [self.flow.id, self.flow.code_hash()]
        return digest(asked)

    def blocks(self, cmd: Cmd) -> list[Block]:
        """Return the blocks that a command is made of under this request's options."""
        discover = self.source is StateSource.DISCOVER
        match cmd:
            case Cmd.DISCOVER:
                return [_DISCOVER_BLOCKS[self.scope]]
            case Cmd.STATUS:
                return [Block.STATES_CURRENT_DISCOVER if discover else Block.STATES_CURRENT_READ]
            case Cmd.GOAL:
                return [Block.STATES_GOAL_DISCOVER if discover else Block.STATES_GOAL_READ]
            case Cmd.DIFF if self.diff_profiles is not None:
                return [Block.DIFF]
            case Cmd.DIFF if self.source is StateSource.STORED:
                return [Block.STATES_CURRENT_READ, Block.STATES_GOAL_READ, Block.DIFF]
            case Cmd.DIFF:
                return [Block.STATES_DISCOVER, Block.DIFF]
            case Cmd.ADOPT:
                return [Block.STATES_ADOPT]
            case Cmd.STATE:
                return [Block.STATES_EDIT]
            case Cmd.ENSURE:
                prune = [Block.PRUNE] if self.prune else []
                return [Block.STATES_DISCOVER, Block.VERDICT, Block.APPLY, *prune]
        return [Block.STATES_CURRENT_DISCOVER, Block.STATES_CLEAN_INSERT, Block.APPLY]


def _described(guard: Any) -> dict[str, Any]:
    """Return a guard as data; one that cannot describe itself by its class alone."""
    describe = getattr(guard, "describe", None)
    described: dict[str, Any] = describe() if describe is not None else {"kind": type(guard).__qualname__}
    return described


_DISCOVER_BLOCKS = {
    DiscoverScope.BOTH: Block.STATES_DISCOVER,
    DiscoverScope.CURRENT: Block.STATES_CURRENT_DISCOVER,
    DiscoverScope.GOAL: Block.STATES_GOAL_DISCOVER,
}
