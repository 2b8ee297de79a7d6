"""Automation that can be stopped at any moment and picked up again."""

from irenic.engine.execution import CmdExecution
from irenic.engine.execution_map import CmdExecutionMap
from irenic.engine.platform import Platform, set_default_platform
from irenic.engine.request import CmdExecRequest
from irenic.flow.context import ItemContext
from irenic.flow.flow import Flow
from irenic.flow.generated import Generated
from irenic.flow.item import ApplyCheck, Item, ItemInteraction, StateDiff
from irenic.flow.limit import Limit
from irenic.flow.params import PartialParams
from irenic.flow.ref import Ref
from irenic.model.cmd import Cmd
from irenic.model.errors import IrenicError, ItemFailure
from irenic.model.interrupt import InterruptLevel, InterruptReply, InterruptSignal, InterruptStrategy
from irenic.model.outcome import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    Failed,
    ItemErrorOutcome,
    Lost,
    Refused,
)
from irenic.model.progress import ProgressLimit, ProgressStatus

__version__ = "0.1.0"

__all__ = [
    "ApplyCheck",
    "BlockInterrupted",
    "Cmd",
    "CmdExecRequest",
    "CmdExecution",
    "CmdExecutionMap",
    "CmdOutcome",
    "Complete",
    "ExecutionInterrupted",
    "Failed",
    "Flow",
    "Generated",
    "InterruptLevel",
    "InterruptReply",
    "InterruptSignal",
    "InterruptStrategy",
    "IrenicError",
    "Item",
    "ItemContext",
    "ItemErrorOutcome",
    "ItemFailure",
    "ItemInteraction",
    "Limit",
    "Lost",
    "PartialParams",
    "ProgressLimit",
    "ProgressStatus",
    "Ref",
    "Refused",
    "StateDiff",
]


def _default_platform() -> Platform:
    from irenic.items.platform import platform  # loaded when first needed: it brings the platform's own packages

    return platform()


set_default_platform(_default_platform)
